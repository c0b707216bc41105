"""What really happened to the cases of a period: their limits, events, cards and letters."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from reviewbot.models.case import Case, CaseEvent, DueTime
from reviewbot.models.oversight import Card, Letter
from reviewbot.models.people import Staff
from reviewbot.queries.directory import unit_names
from reviewbot.queries.scope import SYSTEM

PAGE = 500


@dataclass(frozen=True)
class History:
    """One case with all that is recorded of it, each oldest first."""

    case: Case
    limits: list[DueTime]
    events: list[CaseEvent]
    cards: list[Card]
    letters: list[Letter]
    """Those that the ladder drafted."""


def histories(session: Session, first: datetime, after: int = 0) -> list[History]:
    """The next cases opened since ``first`` that had a limit at all; ``after``: the id of the last one before."""
    cases = session.scalars(
        select(Case)
        .where(
            Case.opened_at >= first,
            Case.id > after,
            select(DueTime.id).where(DueTime.case_id == Case.id).exists(),
        )
        .options(joinedload(Case.review))
        .order_by(Case.id)
        .limit(PAGE)
    ).all()
    found = {case.id: History(case, [], [], [], []) for case in cases}
    for limit in session.scalars(select(DueTime).where(DueTime.case_id.in_(found)).order_by(DueTime.id)):
        found[limit.case_id].limits.append(limit)
    for event in session.scalars(
        select(CaseEvent).where(CaseEvent.case_id.in_(found)).order_by(CaseEvent.id)
    ):
        found[event.case_id].events.append(event)
    for card in session.scalars(select(Card).where(Card.case_id.in_(found)).order_by(Card.id)):
        found[card.case_id].cards.append(card)
    drafted = select(Letter).where(Letter.case_id.in_(found), Letter.drafted_by == SYSTEM.actor)
    for letter in session.scalars(drafted.order_by(Letter.id)):
        found[letter.case_id or 0].letters.append(letter)
    return list(found.values())


def units(session: Session) -> tuple[dict[str, int], dict[int, str]]:
    """Departments: code to id, id to what it is called."""
    names = unit_names(session)
    return {one.code: ident for ident, one in names.items()}, {
        ident: one.label for ident, one in names.items()
    }


def staff_ids(session: Session) -> dict[str, int]:
    return {userid: ident for userid, ident in session.execute(select(Staff.userid, Staff.id))}
