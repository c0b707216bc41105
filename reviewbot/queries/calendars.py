"""What a change of calendar has to look at: limits that run, cards, reminders that wait, days raters were told."""

from collections.abc import Collection, Sequence
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from reviewbot.models.case import Case, DueTime
from reviewbot.models.message import Message
from reviewbot.models.oversight import Card
from reviewbot.rules.lifecycle import CaseStatus
from reviewbot.rules.stages import ENDED_UNMET


def unmet_limits(session: Session, case: Case) -> Sequence[DueTime]:
    """The limits of this round that nobody met but still may, the replaced ones too, oldest first; of a closed case
    those that outlive it."""
    whose = (
        DueTime.stands if case.status is CaseStatus.CLOSED else (DueTime.round == case.round) | DueTime.stands
    )
    ended = DueTime.replaced_by.is_not(None) & DueTime.replaced_by.in_(ENDED_UNMET)
    return session.scalars(
        select(DueTime)
        .where(DueTime.case_id == case.id, whose, DueTime.met_at.is_(None), ~ended)
        .order_by(DueTime.id)
    ).all()


def handling_limits(session: Session, case: Case) -> Sequence[DueTime]:
    """The handling limits of this round, those that gave way to others too, oldest first."""
    return [one for one in unmet_limits(session, case) if one.stage.startswith("handling")]


def cards_of(session: Session, due_time_id: int) -> Sequence[Card]:
    """The cards of one limit, withdrawn ones too."""
    return session.scalars(select(Card).where(Card.due_time_id == due_time_id).order_by(Card.id)).all()


def waiting_messages(session: Session, case_id: int, kinds: Collection[str]) -> Sequence[Message]:
    """Messages of these kinds that have not been sent."""
    return session.scalars(
        select(Message)
        .where(Message.case_id == case_id, Message.kind.in_(kinds), Message.state.in_(("owed", "held")))
        .with_for_update()
    ).all()


def was_told_day(session: Session, case: Case, day: date) -> bool:
    """Whether the rater was told, in this round, that the case would be done by this day."""
    return (
        session.scalar(
            select(Message.id)
            .where(
                Message.case_id == case.id,
                Message.body["type"].as_string() == "rater",
                Message.state != "suppressed",
                Message.body["round"].as_integer() == case.round,
                Message.body["content"].as_string().contains(f"预计 {day}"),
            )
            .limit(1)
        )
        is not None
    )
