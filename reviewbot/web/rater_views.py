"""A case in the words of the person who rated: where it is, by when and why, what came of it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from reviewbot.clock import CHINA
from reviewbot.models.case import Case, CaseEvent, DueTime
from reviewbot.models.oversight import SupervisionEvent
from reviewbot.models.procedure import Application
from reviewbot.models.rater import PhoneReveal, RaterAnswer
from reviewbot.rules.calendar import Interval
from reviewbot.rules.deadlines import working_from_data
from reviewbot.rules.kinds import Kind
from reviewbot.rules.lifecycle import CaseStatus, ClosingKind, Move
from reviewbot.rules.raters import Answer, Purpose, plain_words
from reviewbot.rules.stages import RESUMED

S = CaseStatus


@dataclass(frozen=True)
class Place:
    """Where a status stands on the rater's page: the headline, and the step under way, of which it speaks."""

    step: int
    """Index of the five steps; the procedure's inner turns are not the rater's business."""
    now: str
    doing: str
    """What the step is called while it is under way; the headline says the same at length."""


PLACES = {
    S.AWAITING_DISPATCH: Place(1, "正在确定由哪个单位办理。", "正在确定办理单位"),
    S.IN_ARBITRATION: Place(1, "几个单位正在商定由谁办理，不影响办理期限。", "正在商定办理单位"),
    S.AWAITING_SIGN: Place(1, "已转给办理单位，正在等待接收。", "正在等待{unit}接收"),
    S.VERIFYING: Place(2, "办理单位正在核实情况。", "正在核实"),
    S.APPEALED: Place(2, "办理单位对情况有不同看法，单位以外的人员正在复核。", "正在复核"),
    S.RECTIFYING: Place(3, "情况属实，办理单位正在整改。", "正在整改"),
    S.EXPLAINING: Place(3, "办理单位正在准备向您解释说明。", "正在准备解释说明"),
    S.ON_LEDGER: Place(3, "一时难以解决，已列入整改台账，正在按计划办理。", "正在按计划办理"),
    S.AWAITING_APPROVAL: Place(3, "办理结果正在审核。", "正在审核结果"),
    S.AWAITING_FEEDBACK: Place(4, "办理结果已审核，正在向您反馈。", "正在向您反馈"),
    S.CLOSED: Place(4, "已经办结。", "已办结"),
}
_ENDED = {
    ClosingKind.RECTIFIED: "您反映的情况属实，已经整改。",
    ClosingKind.EXPLAINED: "经核实，您反映的事项按现行规定办理，说明如下。",
    ClosingKind.ANSWERED: "您反映的事项已经答复。",
}
_CALL = "工作人员会与您联系。"
"""Of whoever left a number for it."""
_NOT_COUNTED = "经单位以外的人员复核，本次评价不计入对办理单位的评价。如有不同意见，请回答“不满意”。"
_WEEKDAYS = "一二三四五六日"


@dataclass(frozen=True)
class Story:
    """What the page is made from."""

    case: Case
    events: Sequence[CaseEvent]
    due_times: Sequence[DueTime]
    extensions: Sequence[Application]
    """Granted in this round."""
    answers: Sequence[RaterAnswer]
    reveals: Sequence[PhoneReveal]
    concern: SupervisionEvent | None
    """``nobody_called`` of this round."""
    names: Sequence[str]
    """Of staff, not to be told."""
    unseen: bool = False
    """The call-back of this round stands on a record made before anybody had looked at his number."""


def day(at: datetime) -> str:
    here = at.astimezone(CHINA)
    return f"{here.year}年{here.month}月{here.day}日（周{_WEEKDAYS[here.weekday()]}）"


def minute(at: datetime) -> str:
    here = at.astimezone(CHINA)
    return f"{here.month}月{here.day}日 {here:%H:%M}"


def story_view(story: Story, now: datetime) -> dict[str, Any]:
    """Everything the template shows; every text of staff without names and personal numbers."""
    case = story.case
    return {
        "number": case.number,
        "item": _told(story, case.review.item or "您办理的事项"),
        "grade": case.review.grade,
        "rated": case.kind is Kind.RATING,
        "reviewed": day(case.review.reviewed_at),
        "round": case.round,
        "closed": not case.status.is_open,
        "now": PLACES[case.status].now + (_CALL if case.status is S.VERIFYING and case.real_name else ""),
        "steps": _steps(story),
        "expected": _expected(story, now) if case.status.is_open else None,
        "result": _result(story) if case.status is S.CLOSED else None,
        "answers": [_answer(each, story) for each in story.answers],
        "concern": _concern(story),
        "claimed": _claimed(story),
        "reveals": [(minute(each.at), Purpose(each.purpose).label) for each in story.reveals],
    }


def _told(story: Story, text: str) -> str:
    return plain_words(text, story.names)


def _this_round(story: Story) -> list[CaseEvent]:
    """The events since the last reopening."""
    since = max((each.seq for each in story.events if each.move == Move.REOPEN), default=0)
    return [each for each in story.events if each.seq >= since]


def _steps(story: Story) -> list[dict[str, Any]]:
    """Five steps, each by the name of what is done, under way or still to come."""
    case = story.case
    place = PLACES[case.status]
    unit = case.department.name if case.department else "办理单位"
    verified = "已登记核实结果" if story.unseen else "已核实"
    what = "您的评价" if case.kind is Kind.RATING else "您反映的事项"
    done = (f"已收到{what}", f"已转给{unit}", verified, _mended(case), "已办结")
    ahead = ("", "转给办理单位", "核实情况", "整改或解释说明", "办结")
    steps = []
    for index, at in enumerate(_moments(story)):
        over = index < place.step or not case.status.is_open
        state = "done" if over else "now" if index == place.step else "next"
        label = {"done": done[index], "now": place.doing.format(unit=unit), "next": ahead[index]}[state]
        steps.append({"label": label, "at": minute(at) if at and state == "done" else "", "state": state})
    return steps


def _claimed(story: Story) -> str:
    """What the record says of calls to him that nobody had looked up his number for: he knows whether it is so."""
    if not story.unseen:
        return ""
    calls = [each for each in _this_round(story) if each.move == Move.RECORD_CALL]
    reached = [each for each in calls if each.data.get("reached")]
    if not reached:
        return f"办理单位登记给您打过 {len(calls)} 次电话，没有打通"
    told = reached[0].data.get("called_at")
    return f"办理单位登记 {minute(datetime.fromisoformat(told) if told else reached[0].at)} 与您通过电话"


def _mended(case: Case) -> str:
    """What the third step came to; a matter without a conclusion was answered."""
    if case.conclusion is None:
        return "已答复"
    if case.conclusion.is_appeal:
        return "已复核"
    return "已解释说明" if case.conclusion.move is Move.CONCLUDE_UNJUSTIFIED else "已整改"


def _moments(story: Story) -> tuple[datetime | None, ...]:
    """When each step was completed in this round, as far as it is known; what is under way has no moment yet."""
    case = story.case
    turns = [(_step_of(each.before), _step_of(each.after), each.at) for each in _this_round(story)]

    def passed(step: int) -> datetime | None:
        """When the last event led beyond it: a case can come back to a step, and completes it anew."""
        return max((at for before, after, at in turns if before <= step < after), default=None)

    handed = None if case.status.awaits_bureau else case.assigned_at
    return case.review.received_at, handed, passed(2), passed(3), case.closed_at


def _step_of(status: str | None) -> int:
    return PLACES[CaseStatus(status)].step if status else 0


def _expected(story: Story, now: datetime) -> dict[str, Any] | None:
    """The date, and in a few plain lines why it is that date (B1)."""
    case = story.case
    if case.due_at is None:
        return None
    limits = [due for due in story.due_times if due.round == case.round and due.stage.startswith("handling")]
    why = [line for due in limits for line in _why(story, due, limits[0])]
    if case.ledger_until:
        why.append(f"已列入整改台账，计划 {day(case.ledger_until)}前完成。")
    late = now > case.due_at
    if late:
        why.append("现在已经超过期限，督办人员看得到。")
    moved = limits and limits[0].due_at != case.due_at
    return {
        "day": day(case.due_at),
        "late": late,
        "original": day(limits[0].due_at) if moved else None,
        "why": why,
        "provisional": any(due.provisional for due in limits if due.replaced_by is None),
    }


def _why(story: Story, due: DueTime, first: DueTime) -> list[str]:
    if due.stage.startswith("handling_extended"):
        nth = int(due.stage.rpartition("_")[2])
        granted = story.extensions[nth - 1] if nth <= len(story.extensions) else None
        reason = f"，原因：{_told(story, granted.reason)}" if granted else ""
        return [f"经批准延长 {_counted(due)}{reason}。"]
    if due.stage.startswith(RESUMED):
        return [f"有关情况复核期间不计时，{day(due.started_at)}复核完毕，余下 {_counted(due)}从第二天算起。"]
    off = _days_off(due)
    named = "、".join(f"{reason} {days} 天" for reason, days in off.items())
    pause = f"，其间 {off.total()} 天不计算在内（{named}）" if off else ""
    what = "情况复杂，办理期限为" if due is not first else "办理期限为"
    return [f"{what} {_counted(due)}，从 {day(due.started_at)}的第二天算起{pause}。"]


def _counted(due: DueTime) -> str:
    """The limit as people say it: 5 个工作日."""
    return due.limit_text.replace(" ", " 个")


def _days_off(due: DueTime) -> Counter[str]:
    """Days between start and due time that do not count, by their reason; the day of the start never does."""
    rows = working_from_data(due.working).intervals if due.working else ()
    counted = {row.start.date() for row in rows if row.counted}
    off: Counter[str] = Counter()
    for row in rows:
        if not row.counted and row.reason != "起始日不计入":
            reason = (
                "周末" if row.reason.startswith(("周六", "周日")) else row.reason.removesuffix("（暂定）")
            )
            off[reason] += len(set(_days(row)) - counted)
    return +off


def _days(row: Interval) -> Iterator[date]:
    """Every day an interval touches; neighbours of one reason are one interval."""
    first, last = row.start.date(), (row.end - timedelta(microseconds=1)).date()
    return (first + timedelta(days=ahead) for ahead in range((last - first).days + 1))


def _result(story: Story) -> dict[str, Any]:
    """What was done or how it is explained, with its basis, as it was approved."""
    kind = story.case.closing_kind
    if kind is None or kind.is_excluded:
        return {"intro": _NOT_COUNTED, "text": "", "basis": ""}
    wanted = {
        ClosingKind.RECTIFIED: Move.SUBMIT_MEASURES, ClosingKind.EXPLAINED: Move.SUBMIT_EXPLANATION,
    }.get(kind)  # fmt: skip
    said = [each for each in _this_round(story) if each.move == wanted]
    return {
        "intro": _ENDED[kind],
        "text": _told(story, said[-1].remark) if said else "",
        "basis": _told(story, str(said[-1].data.get("basis", ""))) if said else "",
    }


def _answer(answer: RaterAnswer, story: Story) -> dict[str, Any]:
    return {
        "round": answer.round,
        "label": Answer(answer.answer).label,
        "at": minute(answer.at),
        "reopened": answer.answer == Answer.DISSATISFIED and answer.round < story.case.round,
    }


def _concern(story: Story) -> str:
    if story.concern is None:
        return ""
    if story.concern.settled_at is not None:
        return "您反映没有人联系您，督办人员已经核查。"
    return "您反映没有人联系您，督办人员正在核查。"
