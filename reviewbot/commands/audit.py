"""Do the records still say what they said: reviews against their fingerprint, cases against their events (F3).

The events are the measure: the database refuses to change them and their hashes tell where somebody made it. What a
case, its calls, limits and files say besides has to follow from them.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from reviewbot.actions.add_evidence import evidence_path
from reviewbot.actions.erase_rater import ERASED
from reviewbot.clock import CHINA
from reviewbot.models.case import Call, Case, CaseEvent, DueTime, Evidence
from reviewbot.models.chain import first_break
from reviewbot.models.review import Review
from reviewbot.queries.audit import CaseRecord
from reviewbot.rules.grading import is_bad
from reviewbot.rules.kinds import SATISFACTION
from reviewbot.rules.lifecycle import CaseStatus, ClosingKind, Conclusion, Move, closing_kind
from reviewbot.rules.stages import stage_label
from reviewbot.sources.record import ReviewIn

_RETURNS = (Move.RETURN, Move.RETURN_AGAIN)
_CONCLUDES = (Move.CONCLUDE_JUSTIFIED, Move.CONCLUDE_UNJUSTIFIED, Move.APPEAL)
_ENDS = (Move.RECORD_FEEDBACK, Move.REOPEN, Move.TAKE_HISTORY, Move.CLOSE_BY_SOURCE)
_FACTS = frozenset(ReviewIn.__struct_fields__) - {"reason_codes", "flags", "kind", "closed_at"}


def altered_facts(review: Review, zone: ZoneInfo | None) -> str | None:
    """What is wrong with a review that has not been erased; ``zone``: of its source, in which it told its times."""
    facts = {name: getattr(review, name) for name in _FACTS}
    told = ReviewIn(
        **facts, kind=review.kind.value, reason_codes=tuple(review.reason_codes),
        closed_at=review.closed_at and review.closed_at.astimezone(zone or CHINA),
    )  # fmt: skip
    if told.fingerprint() != review.fingerprint:
        return "评价内容与接收时的指纹不符"
    bad = review.rating is not None and is_bad(review.rating)
    if (review.is_bad, review.wants_case) != (bad, bad or review.rating is None):
        return "是否差评与评级不符"
    return None


def altered_case(record: CaseRecord, folder: Path) -> Iterator[str]:
    """Each thing of a case that does not follow from its events, in words."""
    case, events = record.case, record.events
    place = first_break(events)
    if place is None and not (
        events and len(events) == case.event_count and events[-1].hash == case.last_hash
    ):
        place = len(events) + 1
    if place is not None:
        yield f"第 {place} 条记录起不连续"
    if events:
        for label, stands, follows in _replayed(case, events):
            if stands != follows:
                yield f"{label}与办理记录不符（现为 {_shown(stands)}，应为 {_shown(follows)}）"
        yield from _altered_holder(record)
        yield from _altered_erasure(record)
    yield from _altered_calls(record.calls, events)
    yield from _altered_limits(case, record.limits)
    yield from _altered_files(record.evidence, events, folder)


def _replayed(case: Case, events: Sequence[CaseEvent]) -> Iterator[tuple[str, Any, Any]]:
    """``(label, as it stands, as it follows from the events)``."""
    moves = Counter(event.move for event in events)
    reopened = moves[Move.REOPEN]
    yield "状态", case.status.value, events[-1].after
    yield "轮次", case.round, reopened + 1
    yield "重开次数", case.reopen_count, reopened
    yield "回访次数", case.call_count, moves[Move.RECORD_CALL]
    yield "退回次数", case.return_count, sum(moves[move] for move in _RETURNS)
    conclusion = _concluded(events)
    yield "认定", case.conclusion and case.conclusion.value, conclusion
    yield "满意度", case.satisfaction, _satisfied(case, events)
    ended = next((event for event in reversed(events) if event.move in _ENDS), None)
    if ended is None or ended.move == Move.REOPEN:
        yield "办结时间", case.closed_at, None
        yield "办结方式", case.closing_kind, None
    elif ended.move == Move.RECORD_FEEDBACK:
        yield "办结时间", case.closed_at, ended.at
        yield "办结方式", case.closing_kind, closing_kind(Conclusion(conclusion) if conclusion else None)
    else:
        yield "办结时间", case.closed_at, _moment(ended.data.get("closed_at"), case.closed_at)
        yield "办结方式", case.closing_kind, ended.data.get("closing_kind", ClosingKind.ANSWERED)


def _altered_holder(record: CaseRecord) -> Iterator[str]:
    """The unit and the person of the last event that gave it to somebody. A userid that was changed since is not
    compared: the event keeps the one of its day."""
    unit, handler = _held_by(record)
    if unit is not _UNTOLD and record.unit != unit:
        yield f"承办单位与办理记录不符（现为 {_shown(record.unit)}，应为 {_shown(unit)}）"
    told = str(handler or "").lower()
    stands = (record.handler or "").partition("~")[0].lower()  # what follows is of one who gave his userid up
    if handler is not _UNTOLD and told not in record.people.renamed and stands != told:
        yield f"经办人与办理记录不符（现为 {_shown(record.handler)}，应为 {_shown(handler)}）"


_UNTOLD: Any = object()
"""Events of the first releases did not say everything."""


def _held_by(record: CaseRecord) -> tuple[str | None, str | None]:
    known = {userid.lower() for userid in record.people.userids.values()}
    unit: str | None = None
    handler: str | None = None
    for event in record.events:
        match event.move:
            case Move.DISPATCH | Move.REFUSE_RETURN | Move.RULE:
                unit, handler = event.data.get("department", _UNTOLD), event.data.get("handler", _UNTOLD)
            case Move.RETURN | Move.RETURN_AGAIN:
                unit = handler = None
            case Move.TAKE_HISTORY:
                unit = handler = _UNTOLD
            case Move.SIGN if event.actor.lower() in known or event.actor.lower() in record.people.renamed:
                handler = event.actor
            case Move.HAND_OVER | Move.REOPEN if "to" in event.data:
                handler = event.data["to"]
    return unit, handler


def _altered_erasure(record: CaseRecord) -> Iterator[str]:
    """What an erasure takes away is gone, nothing is gone without one, and what stays is what the case began with."""
    review = record.review
    told = any(event.move == Move.ERASE_RATER for event in record.events)
    if told != (review.erased_at is not None):
        yield f"评价人信息{'未' if told else '已'}删除，与办理记录不符"
    left = [review.rater_name, review.rater_phone, review.comment if review.comment != ERASED else None]
    if told and (record.keeps_raw or any(left)):
        yield "办理记录称已删除的评价人信息仍在"
    if record.events[0].data.get("review", review.external_id) != review.external_id:
        yield "评价编号与立案记录不符"
    if review.erased_at is not None and review.rating is not None and review.is_bad != is_bad(review.rating):
        yield "是否差评与评级不符"


def _concluded(events: Sequence[CaseEvent]) -> str | None:
    said: str | None = None
    for event in events:
        if event.move in _CONCLUDES:
            said = event.data.get("conclusion")
        elif event.move == Move.REFUSE_APPEAL:
            said = Conclusion.JUSTIFIED.value
        elif event.move == Move.REOPEN or (
            event.move == Move.CLOSE_BY_SOURCE and event.before == CaseStatus.APPEALED
        ):  # nobody upheld that appeal
            said = None
    return said


def _satisfied(case: Case, events: Sequence[CaseEvent]) -> str | None:
    said: str | None = None
    for event in events:
        match event.move:
            case Move.TAKE_HISTORY:  # an event of the first releases told no answer
                said = event.data.get("satisfaction", case.satisfaction)
            case Move.CLOSE_BY_SOURCE | Move.TAKE_SATISFACTION:
                said = event.data["satisfaction"]
            case Move.RECORD_FEEDBACK:
                said = None
            case Move.RATER_ANSWERED if event.data["answer"] in SATISFACTION:
                said = event.data["answer"]
    return said


def _altered_calls(calls: Sequence[Call], events: Sequence[CaseEvent]) -> Iterator[str]:
    told = [event for event in events if event.move == Move.RECORD_CALL]
    if len(told) != len(calls):
        yield f"回访登记 {len(calls)} 次，办理记录 {len(told)} 次"
        return
    for call, event in zip(calls, told, strict=True):
        told_at = _moment(event.data.get("called_at"), event.at)
        stands = {
            "次序": call.attempt, "接通": call.reached, "结果": call.outcome, "说明": call.note, "时间": call.at,
            "录音": call.recording_sha256, "号码查看情况": not call.number_unseen,
        }  # fmt: skip
        follows = {  # an event of the first release told no outcome
            "次序": event.data.get("attempt", call.attempt), "接通": event.data.get("reached", call.reached),
            "结果": event.data.get("outcome", call.outcome), "说明": event.remark, "时间": told_at,
            "录音": event.data.get("recording_sha256"),
            "号码查看情况": not event.data.get("number_unseen"),
        }  # fmt: skip
        for label, value in stands.items():
            if value != follows[label]:
                yield f"第 {call.attempt} 次回访的{label}与办理记录不符"


def _altered_limits(case: Case, limits: Sequence[DueTime]) -> Iterator[str]:
    """Every limit ends where its working ends (B1), and the case is due when its handling limit is."""
    for limit in limits:
        if limit.working and _moment(limit.working[-1]["end"], None) != limit.due_at:
            yield f"{stage_label(limit.stage)}的到期时间与其计算过程不符"
    handling = [one for one in limits if one.round == case.round and one.stage.startswith("handling")]
    if not handling:  # at the desk still, or taken over when its source had closed it
        return
    due = next((one.due_at for one in reversed(handling) if one.replaced_by is None), None)
    if case.due_at != due:
        yield f"到期时间与办理时限不符（现为 {_shown(case.due_at)}，应为 {_shown(due)}）"


def _altered_files(files: Sequence[Evidence], events: Sequence[CaseEvent], folder: Path) -> Iterator[str]:
    added = Counter(event.data.get("sha256") for event in events if event.move == Move.ADD_EVIDENCE)
    for file in files:
        added[file.sha256] -= 1
        if added[file.sha256] < 0:
            yield f"附件“{file.filename}”的 SHA-256 与办理记录不符"
            continue
        path = evidence_path(folder, file.sha256)
        if path.exists() and _digest(path) != file.sha256:
            yield f"附件“{file.filename}”的内容已被改动"


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _moment(told: str | None, otherwise: datetime | None) -> datetime | None:
    return datetime.fromisoformat(told) if told else otherwise


def _shown(value: Any) -> str:
    if isinstance(value, datetime):
        return f"{value.astimezone(CHINA):%Y-%m-%d %H:%M:%S}"
    return "空" if value is None else str(value)
