"""Before held reminders go, who is told of each is asked anew, and it says how the case stands by then (R9).

A case may change hands, be handed in or go back to the desk while its reminder waits for the office to open.
"""

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from reviewbot.actions.notify import tell
from reviewbot.actions.receivers import reminder_of, told_of_rung
from reviewbot.actions.reminded import REMINDER, About, reminds_of
from reviewbot.actions.start_clock import running
from reviewbot.models.case import Case, CaseEvent, DueTime
from reviewbot.models.message import Message
from reviewbot.models.oversight import Card
from reviewbot.queries.delegates import acting_heads
from reviewbot.queries.rulebooks import Rulebooks
from reviewbot.rules.ladder import Act, Rung
from reviewbot.rules.rulebook import Rulebook

NO_LONGER_HIS = "已不由其办理，改告现在应办的人"


def address_reminders(session: Session, *, at: datetime, rulebooks: Rulebooks) -> None:
    """Whoever owes nothing of a held reminder any more is not sent it; whoever does now is owed it with the others.

    A limit that has been met meanwhile is left to who releases them.
    """
    held = session.scalars(
        select(Message)
        .where(Message.state == "held", Message.held_until <= at, Message.kind.startswith(REMINDER))
        .order_by(Message.case_id, Message.kind, Message.id)
        .with_for_update(skip_locked=True)
    )
    for _, rows in groupby(held.all(), key=lambda row: (row.case_id, row.kind)):
        _address(session, list(rows), at, rulebooks)
    session.flush()


def _address(session: Session, rows: Sequence[Message], at: datetime, rulebooks: Rulebooks) -> None:
    about = reminds_of(rows[0])
    if about is None:
        return
    case = session.scalars(
        select(Case).where(Case.id == about.case_id).options(joinedload(Case.review))
    ).one()
    rulebook = rulebooks.of(session, case)
    limits = {due.stage: due for due in running(session, case)}
    told = [
        (limits[stage], rung)
        for stage, key in _recorded(session, about, rows)
        if stage in limits and (rung := _rung(case, limits[stage], rulebook, key))
    ]
    own = next((rung for due, rung in told if (due.stage, rung.key) == (about.stage, about.rung)), None)
    if own is None:
        return  # met by now; or no rung of a ladder but word of a changed calendar
    receivers = {person for due, rung in told for person in _told(session, case, due, rung, at)}
    body = reminder_of(session, case, about.stage, own)
    for row in rows:
        if row.userid in receivers:
            row.body = body
        else:
            row.state, row.reason = "suppressed", NO_LONGER_HIS
    if missing := receivers - _reached(session, about, limits[about.stage]):
        tell(session, case, rows[0].kind, body, missing, at=at, held_until=at)


def _recorded(session: Session, about: About, rows: Sequence[Message]) -> set[tuple[str, str]]:
    """Stage and rung of all that was told in these messages: one speaks for whatever was missed with it (R5)."""
    events = session.scalars(
        select(CaseEvent).where(
            CaseEvent.case_id == about.case_id,
            CaseEvent.at.in_({row.created_at for row in rows}),
            CaseEvent.data.has_key("rung"),
        )
    )
    return {(about.stage, about.rung)} | {(event.data["stage"], event.data["rung"]) for event in events}


def _rung(case: Case, due: DueTime, rulebook: Rulebook, key: str) -> Rung | None:
    """Also of the hands it was in before: a card stays a card when the case has gone back to the desk."""
    ladders = (
        rulebook.rungs(due.stage, due.started_at, due.due_at, since)
        for since in (case.held_since or due.started_at, None)
    )
    return next((rung for ladder in ladders for rung in ladder if rung.key == key), None)


def _told(session: Session, case: Case, due: DueTime, rung: Rung, at: datetime) -> list[str]:
    """Whom the rung names now; of a card also the heads of the unit that got it, wherever the case is."""
    found = told_of_rung(session, case, due.stage, rung, at)
    if rung.act in (Act.YELLOW_CARD, Act.RED_CARD):
        for unit in session.scalars(
            select(Card.department_id).where(Card.due_time_id == due.id, Card.withdrawn_at.is_(None))
        ):
            found += acting_heads(session, unit, at)
    return found


def _reached(session: Session, about: About, due: DueTime) -> set[str]:
    """Who has this reminder, or gets it in a moment."""
    rows = session.scalars(
        select(Message.userid).where(
            Message.case_id == about.case_id,
            Message.kind == about.kind,
            Message.state != "suppressed",
            Message.created_at >= due.started_at,
        )
    )
    return set(rows)
