"""What waits in the morning, for everybody at once: a handful of queries, however many people are told."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from reviewbot.models.case import Case
from reviewbot.models.people import Department, Staff
from reviewbot.models.procedure import Assistance
from reviewbot.models.review import KeptRecord
from reviewbot.queries.cases import is_overdue
from reviewbot.rules.lifecycle import CaseStatus
from reviewbot.rules.morning import Desk, Mine, Unit


@dataclass
class _Piles:
    """Numbers in piles by owner and kind."""

    piles: dict[tuple[int, str], list[str]] = field(default_factory=lambda: defaultdict(list))

    def of(self, owner: int, kind: str) -> Sequence[str]:
        return self.piles.get((owner, kind), ())


def in_hand(session: Session, now: datetime, day_ends: datetime) -> Mapping[int, Mine]:
    """By handler: the open cases that wait for him and the sub-tasks he handles; due today and overdue apart."""
    piles = _Piles()
    cases = session.execute(
        select(Case.handler_id, Case.number, Case.due_at)
        .where(
            Case.handler_id.is_not(None), Case.status.in_([one for one in CaseStatus if one.awaits_handler])
        )
        .order_by(Case.due_at, Case.id)
    )
    tasks = session.execute(
        select(Assistance.handler_id, Case.number, Assistance.due_at)
        .join(Case, Case.id == Assistance.case_id)
        .where(Assistance.state == "open", Assistance.handler_id.is_not(None))
        .order_by(Assistance.due_at, Case.id)
    )
    rows = [
        (handler, number, due_at) for handler, number, due_at in chain(cases, tasks) if handler is not None
    ]
    for handler, number, due_at in rows:
        piles.piles[handler, _kind(due_at, now, day_ends)].append(number)
    return {
        handler: Mine(piles.of(handler, "today"), piles.of(handler, "overdue"), piles.of(handler, "later"))
        for handler in {row[0] for row in rows}
    }


def _kind(due_at: datetime | None, now: datetime, day_ends: datetime) -> str:
    if due_at is None or due_at >= day_ends:
        return "later"
    return "overdue" if due_at < now else "today"


def by_unit(session: Session, now: datetime, soon: datetime) -> Mapping[int, Unit]:
    """By unit: what its head approves, what is overdue, what falls due before ``soon``."""
    piles, names = _Piles(), {}
    rows = session.execute(
        select(Department.id, Department.short_name, Case.number, Case.status, Case.due_at, is_overdue(now))
        .join(Case, Case.department_id == Department.id)
        .where(
            Case.status != CaseStatus.CLOSED,
            (Case.status == CaseStatus.AWAITING_APPROVAL) | (Case.due_at < soon),
        )
        .order_by(Case.due_at, Case.id)
    )
    for ident, name, number, status, due_at, late in rows:
        names[ident] = name
        if status is CaseStatus.AWAITING_APPROVAL:
            piles.piles[ident, "approvals"].append(number)
        if late:
            piles.piles[ident, "overdue"].append(number)
        elif due_at is not None and due_at < soon:
            piles.piles[ident, "soon"].append(number)
    return {
        ident: Unit(name, piles.of(ident, "approvals"), piles.of(ident, "overdue"), piles.of(ident, "soon"))
        for ident, name in names.items()
    }


def at_the_desk(session: Session) -> Desk:
    rows = session.execute(
        select(Case.number, Case.returned_from_id)
        .where(Case.status == CaseStatus.AWAITING_DISPATCH)
        .order_by(Case.id)
    ).all()
    set_aside = select(func.count()).where(KeptRecord.result == "set_aside", KeptRecord.settled_at.is_(None))
    return Desk(
        [number for number, _ in rows],
        [number for number, returned in rows if returned is not None],
        session.scalar(set_aside) or 0,
    )


def to_be_ruled(session: Session) -> list[str]:
    """Cases that wait for a ruling, oldest first."""
    return list(
        session.scalars(select(Case.number).where(Case.status == CaseStatus.IN_ARBITRATION).order_by(Case.id))
    )


def active_staff(session: Session) -> list[Staff]:
    return list(session.scalars(select(Staff).where(Staff.active).order_by(Staff.id)))
