"""More time (F16) and the ledger (F11): asked for before the due time, decided outside the unit, told the rater."""

from datetime import date, datetime, time, timedelta

from reviewbot.actions.effects.applications import (
    awaited,
    decide,
    file_application,
    lapse,
    settle,
    tell_deciders,
)
from reviewbot.actions.notify import tell_rater
from reviewbot.actions.start_clock import next_rung, replace_clock
from reviewbot.actions.step import Effect, Step, need
from reviewbot.actions.take_back_presses import take_back_presses
from reviewbot.clock import CHINA
from reviewbot.errors import Conflict, InvalidInput
from reviewbot.models.procedure import ApplicationKind, ApplicationState
from reviewbot.queries.calendars import handling_limits
from reviewbot.queries.procedure import granted_applications
from reviewbot.queries.raters import staff_names
from reviewbot.rules import notices
from reviewbot.rules.deadlines import Limit, Unit, due_time
from reviewbot.rules.lifecycle import Move
from reviewbot.rules.raters import plain_words

EXTENSION, LEDGER = ApplicationKind.EXTENSION, ApplicationKind.LEDGER


def _request_extension(step: Step) -> None:
    case, rules = step.case, step.rulebook.policy.extensions
    hint = f"延期 {case.number} 5 原因"
    if not step.asked.days:
        raise InvalidInput("请写明延几个工作日。", typed=hint)
    if not 1 <= step.asked.days <= rules.most_days:
        raise InvalidInput(f"一次最多延期 {rules.most_days} 个工作日。", typed=hint)
    need(step.asked.remark, "延期须写明原因。", hint)
    if case.due_at is None or step.at > case.due_at:
        raise Conflict(f"工单 {case.number} 已到期，延期须在到期之前申请。")
    # Of the case, not of the round: reopening it gives the rater another answer, not the unit more time (L4).
    if len(granted := granted_applications(step.session, case.id, EXTENSION)) >= rules.most:
        raise Conflict(f"工单 {case.number} 已延期 {len(granted)} 次，每件最多 {rules.most} 次，不能再延期。")
    file_application(step, EXTENSION, days=step.asked.days)
    step.said = f"申请延期 {step.asked.days} 个工作日，待督办决定；期限在批准之前不变"


def _after_request_extension(step: Step) -> None:
    tell_deciders(step, EXTENSION, f"{step.asked.days} 个工作日：{step.asked.remark}")


def _grant_extension(step: Step) -> None:
    """The due time moves from where it stood; the original stays on record (F16)."""
    case = step.case
    application = awaited(step, EXTENSION)
    if case.due_at is None:
        raise Conflict(f"工单 {case.number} 没有正在计时的办理时限。")
    due = step.rulebook.extended(case.due_at, int(application.data["days"]))
    # No rater is promised a day that has passed, and no unit pressed twice for one delay.
    if due.due_at <= step.at:
        raise Conflict(
            f"延期后的期限 {due.due_at.astimezone(CHINA):%m-%d %H:%M} 已过，不能再同意延期，只能不同意。",
            typed=f"不同意 {case.number} 原因",
        )
    decide(step, application, agreed=True)
    nth = len(granted_applications(step.session, case.id, EXTENSION, round_=case.round)) + 1
    before = case.due_at
    replace_clock(step.session, case, "handling", f"handling_extended_{nth}", due, step.rulebook, at=step.at)
    case.due_at = due.due_at
    case.next_action_at = next_rung(step.session, case, step.rulebook)
    step.data |= {"due_before": before.isoformat(), "due_after": due.due_at.isoformat()}
    step.said = f"期限改为 {due.due_at.astimezone(CHINA):%m-%d %H:%M}"
    step.session.flush()


def _after_grant_extension(step: Step) -> None:
    application = awaited(step, EXTENSION)
    settle(step, application, ApplicationState.GRANTED)
    # What pressed for the limit that gave way came while a word spoken in time waited: the delay was the decider's.
    asked = f"{application.asked_at.astimezone(CHINA):%m-%d %H:%M}"
    replaced = [one for one in handling_limits(step.session, step.case) if one.replaced_by]
    take_back_presses(step, replaced, f"到期前（{asked}）申请的延期已获同意，原期限不再作数")
    if step.case.due_at is not None:
        body = notices.rater_extended(
            step.case.number, step.case.due_at.astimezone(CHINA), _for_the_rater(step, application.reason)
        )
        tell_rater(step.session, step.case, "extended", body, at=step.at)


def _for_the_rater(step: Step, reason: str) -> str:
    """A reason typed for supervisors, as his page shows it (F19)."""
    return plain_words(reason, staff_names(step.session, step.case))


def _refuse_extension(step: Step) -> None:
    _refuse(step, EXTENSION)


def _request_ledger(step: Step) -> None:
    hint = f"台账 {step.case.number} 2027-03-31 原因和分步措施"
    if step.asked.until is None:
        raise InvalidInput("请写明计划完成的日期。", typed=hint)
    _check_planned(step, step.asked.until, hint)
    need(step.asked.remark, "列入台账须写明原因。", hint)
    file_application(step, LEDGER, until=step.asked.until.isoformat())
    step.said = f"申请列入台账至 {step.asked.until}，待督办决定"


def _check_planned(step: Step, day: date, hint: str) -> None:
    """The ledger is for what cannot be done within the limit (F11): a plan that ends before it lengthens nothing, and
    nobody finishes on a day off."""
    most = step.rulebook.policy.extensions.ledger_days
    today = step.at.astimezone(CHINA).date()
    first = max(filter(None, (today, _due_day(step)))) + timedelta(days=1)
    last = today + timedelta(days=most)
    if first > last:
        raise Conflict(f"办理期限之后已超出台账最多 {most} 天的范围（{last}），不能列入台账，可以申请延期。")
    if not (first <= day <= last and step.rulebook.calendar.is_working_day(day)):
        raise InvalidInput(
            f"计划完成的日期应是 {first} 至 {last} 之间（办理期限之后、今后 {most} 天之内）的工作日。",
            typed=hint,
        )


def _due_day(step: Step) -> date | None:
    return step.case.due_at.astimezone(CHINA).date() if step.case.due_at else None


def _after_request_ledger(step: Step) -> None:
    tell_deciders(step, LEDGER, f"至 {step.asked.until}：{step.asked.remark}")


def _grant_ledger(step: Step) -> None:
    """On the ledger with its own review date; the due time, and with it every rate, stays as it was (L6)."""
    application = awaited(step, LEDGER)
    day = date.fromisoformat(application.data["until"])
    if day < step.at.astimezone(CHINA).date():
        raise Conflict(
            f"计划完成的日期 {day} 已过，不能再列入台账，只能不同意。",
            typed=f"不同意 {step.case.number} 原因",
        )
    if (due := _due_day(step)) and day <= due:  # an extension was granted while it waited
        raise Conflict(
            f"计划完成的日期 {day} 不晚于办理期限（{due}），不必列入台账，只能不同意。",
            typed=f"不同意 {step.case.number} 原因",
        )
    decide(step, application, agreed=True)
    lapse(step, EXTENSION)  # no due time is moved from the ledger
    step.case.ledger_until = datetime.combine(day, time(23, 59, 59), CHINA)
    _watch_the_day(step, day)
    step.said = f"至 {day}；原办理时限和统计口径不变"


def _watch_the_day(step: Step, day: date) -> None:
    """A date nobody looks at is a case put away: the planned day has reminders like any limit (S4)."""
    days = max((day - step.at.astimezone(CHINA).date()).days, 1)
    planned = Limit("ledger", days, Unit.CALENDAR_DAY, "granted", "台账计划完成日期")
    nth = len(granted_applications(step.session, step.case.id, LEDGER, round_=step.case.round)) + 1
    due = due_time(planned, step.rulebook.calendar, step.at)
    replace_clock(step.session, step.case, "ledger", f"ledger_{nth}", due, step.rulebook, at=step.at)
    step.case.next_action_at = next_rung(step.session, step.case, step.rulebook)


def _after_grant_ledger(step: Step) -> None:
    application = awaited(step, LEDGER)
    settle(step, application, ApplicationState.GRANTED)
    if step.case.ledger_until is not None:
        body = notices.rater_ledger(
            step.case.number,
            step.case.ledger_until.astimezone(CHINA),
            _for_the_rater(step, application.reason),
        )
        tell_rater(step.session, step.case, "ledger", body, at=step.at)


def _refuse_ledger(step: Step) -> None:
    _refuse(step, LEDGER)


def _refuse(step: Step, kind: ApplicationKind) -> None:
    application = awaited(step, kind)
    need(step.asked.remark, "不同意须写明原因。", f"不同意 {step.case.number} 原因")
    decide(step, application, agreed=False)
    settle(step, application, ApplicationState.REFUSED)


EXTENSIONS: dict[Move, Effect] = {
    Move.REQUEST_EXTENSION: Effect(_request_extension, _after_request_extension),
    Move.GRANT_EXTENSION: Effect(_grant_extension, _after_grant_extension),
    Move.REFUSE_EXTENSION: Effect(_refuse_extension),
    Move.REQUEST_LEDGER: Effect(_request_ledger, _after_request_ledger),
    Move.GRANT_LEDGER: Effect(_grant_ledger, _after_grant_ledger),
    Move.REFUSE_LEDGER: Effect(_refuse_ledger),
}
