"""An appeal against a rating: in its window, decided by two outside the unit, counted until upheld (F13)."""

from reviewbot.actions.effects.applications import (
    awaited,
    decide,
    file_application,
    lapse,
    settle,
    tell_deciders,
)
from reviewbot.actions.effects.call_back import call_back_of, check_called_back, end_of_calling
from reviewbot.actions.effects.core import require_evidence_or_say_so, tell_new_day
from reviewbot.actions.effects.joint import leave_nothing_waiting
from reviewbot.actions.notify import facts_of, handler_of
from reviewbot.actions.start_clock import next_rung, passed_before, resume_clock, start_clock, stop_clock
from reviewbot.actions.step import Effect, Step, need, owe_notice
from reviewbot.actions.take_back_presses import take_back_presses
from reviewbot.clock import CHINA
from reviewbot.errors import Conflict
from reviewbot.models.procedure import Application, ApplicationKind, ApplicationState
from reviewbot.queries.calendars import handling_limits
from reviewbot.queries.calls import called_unseen
from reviewbot.queries.cases import count_evidence
from reviewbot.queries.delegates import acting_heads
from reviewbot.queries.procedure import decided_appeal
from reviewbot.rules import notices
from reviewbot.rules.call_back import UNSEEN
from reviewbot.rules.lifecycle import Conclusion, Move
from reviewbot.rules.stages import RESUMED

APPEAL = ApplicationKind.APPEAL


def _appeal(step: Step) -> None:
    case, ground = step.case, step.asked.conclusion
    check_called_back(step)
    if case.assigned_at is not None:
        until = step.rulebook.due("appeal", case.assigned_at).due_at
        if step.at > until:
            raise Conflict(
                f"工单 {case.number} 的申诉期限已过（{until.astimezone(CHINA):%m-%d %H:%M}），请整改或解释说明。"
            )
    _check_not_decided(step)
    if not _has_ground(step):
        need(
            step.asked.remark,
            "申诉须写明理由。",
            f"申诉 {case.number} {ground.label if ground else '误评'} 理由",
        )
    case.conclusion = ground
    step.data |= {"conclusion": ground.value if ground else None}
    step.said = f"{ground.label}，待复核" if ground else "待复核"
    end_of_calling(step)
    leave_nothing_waiting(step)
    rules = step.rulebook.policy.appeals
    file_application(step, APPEAL, ground=ground.value if ground else "", deciders=rules.deciders)
    if rules.stop_clock:
        _stop_clock(step)


def _stop_clock(step: Step) -> None:
    """Meanwhile the case has no due time: nothing is due, nobody is pressed, no figure calls it late (L4). A limit
    that has passed already is not made whole by appealing."""
    if stop_clock(step.session, step.case, "handling", _resumed(step.data["application"]), at=step.at):
        step.data["clock"] = "stopped"
        step.case.due_at = None
        step.said += "；复核期间办理时限停计"


def end_unheard(step: Step) -> None:
    """The case is closed while an appeal waits: nobody has upheld it, and a clock that stood still has a day again."""
    application = awaited(step, APPEAL)
    lapse(step, APPEAL)
    step.case.conclusion = None
    _resume_clock(step, application)


def _resume_clock(step: Step, application: Application) -> None:
    stage = _resumed(application.id)
    moved = resume_clock(step.session, step.case, stage, step.rulebook, at=step.at)
    if moved is not None:
        before, step.case.due_at = moved
        step.data |= {"due_before": before.isoformat(), "due_after": step.case.due_at.isoformat()}
        step.said += (
            f"{'；' if step.said else ''}办理时限续计至 {step.case.due_at.astimezone(CHINA):%m-%d %H:%M}"
        )


def _resumed(application_id: int) -> str:
    """The stage in which what is left of a limit runs on after this appeal."""
    return f"{RESUMED}{application_id}"


def _check_not_decided(step: Step) -> None:
    """What people have decided once is not asked again in another round, until somebody agrees."""
    ground = step.asked.conclusion
    known = decided_appeal(step.session, step.case.id, ground.value) if ground else None
    if known is not None and known.settled_at is not None:
        what, on = Conclusion(known.ground).label, f"{known.settled_at.astimezone(CHINA):%m-%d}"
        raise Conflict(
            f"工单 {step.case.number} 以「{what}」的申诉已于 {on} 决定（{known.state.label}），同一理由不能再次申诉。"
        )


def _has_ground(step: Step) -> bool:
    """Whether the deciders find something to go by without more words: what the rater said in the call, or a file."""
    called = call_back_of(step.session, step.case, step.rulebook).reached
    return called or count_evidence(step.session, step.case) > 0


def _after_appeal(step: Step) -> None:
    stage = f"appeal_decision_{step.data['application']}"
    start_clock(step.session, step.case, stage, step.at, step.rulebook, limit="appeal_decision")
    step.case.next_action_at = next_rung(step.session, step.case, step.rulebook)
    unseen = f"；回访{UNSEEN}" if called_unseen(step.session, [step.case.id]) else ""
    tell_deciders(step, APPEAL, f"单位以「{_ground(step)}」申诉{unseen}")


def _ground(step: Step) -> str:
    return step.case.conclusion.label if step.case.conclusion else ""


def _support(step: Step) -> None:
    application = awaited(step, APPEAL)
    require_evidence_or_say_so(step, "同意")
    decide(step, application, agreed=True)
    step.said = "还须另一人复核" if len(application.decisions) < application.deciders else ""


def _after_support(step: Step) -> None:
    tell_deciders(step, APPEAL, f"{step.viewer.name}已同意，请作第二人复核")


def _uphold(step: Step) -> None:
    application = awaited(step, APPEAL)
    require_evidence_or_say_so(step, "同意")
    decide(step, application, agreed=True)
    settle(step, application, ApplicationState.GRANTED)
    step.case.held_since = step.at
    step.said = _ground(step)
    _resume_clock(step, application)


def _after_uphold(step: Step) -> None:
    """A review that counts in no figure leaves nobody a card: what came before it was upheld goes with it (F13)."""
    _met(step)
    why = f"申诉成立（{_ground(step)}），该差评不再计入"
    take_back_presses(step, handling_limits(step.session, step.case), why)
    late = passed_before(step.session, step.case)
    owe_notice(
        step, "approved", notices.approved(facts_of(step.session, step.case), late), _back_to(step, late)
    )


def _refuse(step: Step) -> None:
    application = awaited(step, APPEAL)
    need(step.asked.remark, "不同意申诉须写明原因。", f"不同意 {step.case.number} 原因")
    decide(step, application, agreed=False)
    settle(step, application, ApplicationState.REFUSED)
    step.case.conclusion = Conclusion.JUSTIFIED  # a refused appeal is to be rectified (F13)
    step.case.held_since = step.at
    _resume_clock(step, application)


def _after_refuse(step: Step) -> None:
    _met(step)
    late = passed_before(step.session, step.case)
    reason = f"{step.asked.remark}。{late}" if late else step.asked.remark
    body = notices.sent_back(facts_of(step.session, step.case), reason)
    owe_notice(step, "sent_back", body, _back_to(step, late))
    tell_new_day(step, "有关情况经过复核")


def _back_to(step: Step, late: str) -> list[str]:
    """The unit has the case again: who handles it, and where a limit ran out meanwhile its head too."""
    heads = acting_heads(step.session, step.case.department_id, step.at) if late else []
    return handler_of(step.session, step.case, step.at) + heads


def _met(step: Step) -> None:
    step.case.next_action_at = next_rung(
        step.session, step.case, step.rulebook, met=("appeal_decision",), at=step.at
    )


APPEALS: dict[Move, Effect] = {
    Move.APPEAL: Effect(_appeal, _after_appeal),
    Move.SUPPORT_APPEAL: Effect(_support, _after_support),
    Move.UPHOLD_APPEAL: Effect(_uphold, _after_uphold),
    Move.REFUSE_APPEAL: Effect(_refuse, _after_refuse),
}
