"""An application from filing to its last decision: extension, ledger and appeal go this way."""

from typing import Any

from reviewbot.actions.notify import facts_of
from reviewbot.actions.start_clock import meet, next_rung, start_clock
from reviewbot.actions.step import Step, owe_notice
from reviewbot.errors import Conflict, NotAllowed
from reviewbot.models.procedure import Application, ApplicationKind, ApplicationState, Decision
from reviewbot.queries.deciders import lies_with, voices
from reviewbot.queries.procedure import pending_application
from reviewbot.rules import notices
from reviewbot.rules.stages import DECISION


def file_application(
    step: Step, kind: ApplicationKind, *, ground: str = "", deciders: int = 1, **asked: Any
) -> Application:
    """Store what the unit asks for; a second one of the kind while one waits is refused."""
    case = step.case
    if pending_application(step.session, case.id, kind):
        raise Conflict(f"工单 {case.number} 已有{kind.label}待决定。")
    if case.department_id is None:
        raise Conflict(f"工单 {case.number} 现在不由任何单位办理。")
    application = Application(
        case_id=case.id, round=case.round, kind=kind, subject=0, ground=ground, reason=step.asked.remark,
        data=asked, asked_by=step.viewer.actor, asked_name=step.viewer.name, department_id=case.department_id,
        asked_at=step.at, deciders=deciders, state=ApplicationState.PENDING, decisions=[],
    )  # fmt: skip
    step.session.add(application)
    step.session.flush()
    if kind is not ApplicationKind.APPEAL:  # which has a limit of its own
        start_clock(step.session, case, _limit(application), step.at, step.rulebook, limit="decision")
        case.next_action_at = next_rung(step.session, case, step.rulebook)
    step.data |= {"application": application.id, **asked}
    return application


def _limit(application: Application) -> str:
    """The stage of the limit by which it has to be decided (B8)."""
    return f"{DECISION}{application.id}"


def tell_deciders(step: Step, kind: ApplicationKind, what: str) -> None:
    """Ask whoever it lies with now."""
    body = notices.to_decide(facts_of(step.session, step.case), kind.label, what)
    owe_notice(step, f"to_decide_{kind.value}", body, lies_with(step.session, awaited(step, kind).id))


def awaited(step: Step, kind: ApplicationKind) -> Application:
    """The pending application of this kind, or Conflict."""
    found = pending_application(step.session, step.case.id, kind)
    if found is None:
        raise Conflict(f"工单 {step.case.number} 没有待决定的{kind.label}。")
    return found


def decide(step: Step, application: Application, *, agreed: bool) -> None:
    """One person's word; nobody decides twice, a delegate and the absent one neither, and nobody of the asking unit
    (F13)."""
    own = voices(application, step.viewer)
    if step.viewer.department_id == application.department_id or application.asked_by in own:
        raise NotAllowed(f"{application.kind.label}须由申请单位以外的人决定。")
    if spoken := own & {known.actor for known in application.decisions}:
        who = "您" if step.viewer.actor in spoken else "您代理的人"
        raise Conflict(
            f"{who}已对工单 {step.case.number} 的{application.kind.label}表示过意见，须由另一人再作决定。"
        )
    application.decisions.append(
        Decision(
            actor=step.viewer.actor, actor_name=step.viewer.name, at=step.at, agreed=agreed,
            remark=step.asked.remark,
        )
    )  # fmt: skip
    step.data |= {"application": application.id, "agreed": agreed}


def settle(step: Step, application: Application, state: ApplicationState) -> None:
    application.state, application.settled_at = state, step.at
    meet(step.session, step.case, _limit(application), step.at)
    body = notices.decided(
        facts_of(step.session, step.case), application.kind.label, state.label, step.asked.remark
    )
    owe_notice(step, f"decided_{application.kind.value}", body)


def lapse(step: Step, *kinds: ApplicationKind) -> None:
    """What was asked for no longer matters: the case has gone on. The event of the move says so."""
    for kind in kinds:
        if application := pending_application(step.session, step.case.id, kind):
            application.state, application.settled_at = ApplicationState.LAPSED, step.at
            meet(step.session, step.case, _limit(application), step.at)
            step.data["lapsed"] = [*step.data.get("lapsed", []), application.id]
