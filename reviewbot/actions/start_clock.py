"""Start a limit with its working stored, and find the next moment a case has to be looked at."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from reviewbot.models.case import Case, DueTime
from reviewbot.rules.deadlines import working_as_data
from reviewbot.rules.ladder import next_at
from reviewbot.rules.rulebook import Rulebook


def start_clock(
    session: Session, case: Case, stage: str, at: datetime, rulebook: Rulebook, *, limit: str | None = None
) -> datetime:
    """Store the due time of a stage with every interval counted or not (B1); ``limit`` if it differs by name."""
    due = rulebook.due(limit or stage, at)
    session.add(
        DueTime(
            case_id=case.id,
            round=case.round,
            stage=stage,
            started_at=at,
            due_at=due.due_at,
            limit_text=f"{due.limit.value:g} {due.limit.unit.label}",
            working=working_as_data(due.reckoning),
            provisional=due.provisional,
            policy_version=rulebook.policy.version,
            calendar_version=rulebook.calendar.version,
            rungs_done=[],
        )
    )
    session.flush()
    return due.due_at


def running(session: Session, case: Case) -> list[DueTime]:
    """The limits of this round that nobody has met yet."""
    return list(
        session.scalars(
            select(DueTime).where(
                DueTime.case_id == case.id, DueTime.round == case.round, DueTime.met_at.is_(None)
            )
        )
    )


def next_rung(
    session: Session, case: Case, rulebook: Rulebook, *, met: str | None = None, at: datetime | None = None
) -> datetime | None:
    """The next reminder of all running limits, after marking those whose stage begins with ``met`` as met."""
    moments = []
    for due in running(session, case):
        if met and due.stage.startswith(met):
            due.met_at = at
            continue
        moments.append(next_at(rulebook.rungs(due.started_at, due.due_at), frozenset(due.rungs_done)))
    session.flush()
    return min((moment for moment in moments if moment), default=None)
