"""Time passes: the reminders and overdue marks of one case whose moment has come."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from reviewbot.actions.notify import facts_of, handler_of, tell
from reviewbot.actions.start_clock import next_rung, running
from reviewbot.models.case import Case
from reviewbot.models.chain import append_event
from reviewbot.queries.directory import userids_with_role
from reviewbot.rules.ladder import owed
from reviewbot.rules.lifecycle import CaseStatus, Move, Role
from reviewbot.rules.notices import reminder
from reviewbot.rules.rulebook import Rulebook

STAGES = {"contact": "回访", "handling": "办理", "handling_complex": "办理（复杂）"}


def advance_due(session: Session, case_id: int, *, now: datetime, rulebook: Rulebook) -> bool:
    """Record every rung that has come, let only the highest of each limit speak (R5); False if nothing was due.

    A case locked by a move is left to the next sweep; two schedulers at once are harmless (R7).
    """
    case = session.scalar(
        select(Case)
        .where(Case.id == case_id, Case.next_action_at <= now, Case.status != CaseStatus.CLOSED)
        .options(joinedload(Case.review))
        .with_for_update(of=Case, skip_locked=True)
    )
    if case is None:
        return False
    for due in running(session, case):
        owes = owed(rulebook.rungs(due.started_at, due.due_at), frozenset(due.rungs_done), now)
        for rung in owes.missed:
            overdue = rung.key == "overdue"
            stage = STAGES.get(due.stage, "派单")
            append_event(
                session, case, at=now, actor="system", actor_name="系统",
                move=(Move.MARK_OVERDUE if overdue else Move.REMIND).value, before=case.status.value,
                remark=f"{stage}{rung.label}", data={"stage": due.stage, "rung": rung.key},
            )  # fmt: skip
            if rung is owes.speaks:
                body = reminder(facts_of(session, case), f"{stage}{rung.label}", overdue=overdue)
                tell(
                    session,
                    case,
                    f"reminder_{due.stage}_{rung.key}",
                    body,
                    _receivers(session, case, overdue, now),
                    at=now,
                )
        due.rungs_done = [*due.rungs_done, *(rung.key for rung in owes.missed)]
    case.next_action_at = next_rung(session, case, rulebook)
    return True


def _receivers(session: Session, case: Case, overdue: bool, now: datetime) -> list[str]:
    """Whoever owes the next step; an overdue case also reaches the unit's head."""
    match case.status:
        case CaseStatus.AWAITING_DISPATCH:
            return userids_with_role(session, Role.DESK)
        case CaseStatus.AWAITING_APPROVAL:
            return userids_with_role(session, Role.HEAD, case.department_id)
        case _:
            heads = userids_with_role(session, Role.HEAD, case.department_id) if overdue else []
            return handler_of(session, case, now) + heads
