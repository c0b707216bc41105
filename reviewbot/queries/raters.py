"""What belongs to the rater's side of a case: answers, looks at his number, what supervisors have to look into."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from reviewbot.models.case import Case, CaseEvent, DueTime
from reviewbot.models.message import Message
from reviewbot.models.oversight import SupervisionEvent
from reviewbot.models.people import Staff
from reviewbot.models.rater import PhoneReveal, RaterAnswer, RaterOpenid
from reviewbot.rules.lifecycle import Move
from reviewbot.rules.raters import Concern
from reviewbot.rules.stages import CONCERN

ACTOR = "rater"
"""The actor of what a rater did on his page; no userid of staff is looked up by it."""


def case_behind_link(session: Session, case_id: int) -> Case | None:
    """The case of a rater's link; the link itself is the right to see it."""
    return session.scalar(
        select(Case)
        .where(Case.id == case_id)
        .options(joinedload(Case.review), joinedload(Case.department), joinedload(Case.handler))
    )


def call_due_at(session: Session, case: Case) -> datetime | None:
    """By when the rater was to be called in the round that runs."""
    return session.scalar(
        select(DueTime.due_at).where(
            DueTime.case_id == case.id, DueTime.round == case.round, DueTime.stage == "contact"
        )
    )


def number_behind_link(session: Session, case_id: int) -> str | None:
    """The number by which the case of a rater's link is locked."""
    return session.scalar(select(Case.number).where(Case.id == case_id))


def answer_of(session: Session, case_id: int, round_: int) -> RaterAnswer | None:
    """What the rater said about a round."""
    return session.scalar(
        select(RaterAnswer).where(RaterAnswer.case_id == case_id, RaterAnswer.round == round_)
    )


def answers_of(session: Session, case_id: int) -> list[RaterAnswer]:
    return list(
        session.scalars(select(RaterAnswer).where(RaterAnswer.case_id == case_id).order_by(RaterAnswer.round))
    )


def reopened_by_rater(session: Session, case_id: int) -> int:
    """How often a rater's 不满意 has reopened the case."""
    wanted = select(func.count()).where(
        CaseEvent.case_id == case_id, CaseEvent.move == Move.REOPEN.value, CaseEvent.actor == ACTOR
    )
    return session.scalar(wanted) or 0


def reveals_of(session: Session, case_id: int) -> list[PhoneReveal]:
    """Who looked at the rater's number, oldest first."""
    return list(
        session.scalars(select(PhoneReveal).where(PhoneReveal.case_id == case_id).order_by(PhoneReveal.id))
    )


def staff_names(session: Session, case: Case) -> list[str]:
    """Names a text to the rater must not carry: of the unit that holds the case, and of the one he rated."""
    names = set(session.scalars(select(Staff.name).where(Staff.department_id == case.department_id)))
    if case.review.handled_by:
        names.add(case.review.handled_by)
    return sorted((name for name in names if len(name) > 1), key=len, reverse=True)


def openid_of_case(session: Session, case_id: int) -> str | None:
    """The openid of a rater who chose to be told by the 公众号, until he takes it back."""
    return session.scalar(select(RaterOpenid.openid).where(RaterOpenid.case_id == case_id))


def told_to_rater(session: Session, case_id: int) -> list[Message]:
    """What the rater of a case was to be told, oldest first, and what became of it."""
    wanted = select(Message).where(Message.case_id == case_id, Message.channel == "rater")
    return list(session.scalars(wanted.order_by(Message.id)))


def concern_limits(session: Session, event: SupervisionEvent) -> Sequence[DueTime]:
    """By when it had to be looked into, each time it was raised, oldest first."""
    stem = f"{CONCERN}{event.id}_"
    return session.scalars(
        select(DueTime)
        .where(DueTime.case_id == event.case_id, DueTime.stage.startswith(stem, autoescape=True))
        .order_by(DueTime.id)
    ).all()


def concern_of(session: Session, case_id: int, round_: int, kind: Concern) -> SupervisionEvent | None:
    return session.scalar(
        select(SupervisionEvent).where(
            SupervisionEvent.case_id == case_id,
            SupervisionEvent.round == round_,
            SupervisionEvent.kind == kind.value,
        )
    )


def concerns(
    session: Session,
    *,
    settled: bool,
    department_id: int | None = None,
    after: int | None = None,
    limit: int = 50,
) -> list[tuple[SupervisionEvent, Case]]:
    """What is to be looked into, longest waiting first; or what was, newest first."""
    wanted = (
        select(SupervisionEvent, Case)
        .join(Case, Case.id == SupervisionEvent.case_id)
        .options(joinedload(Case.review), joinedload(Case.department))
        .limit(limit)
    )
    if department_id is not None:
        wanted = wanted.where(Case.department_id == department_id)
    if settled:
        wanted = wanted.where(SupervisionEvent.settled_at.is_not(None)).order_by(SupervisionEvent.id.desc())
        wanted = wanted.where(SupervisionEvent.id < after) if after else wanted
    else:
        wanted = wanted.where(SupervisionEvent.settled_at.is_(None)).order_by(SupervisionEvent.id)
        wanted = wanted.where(SupervisionEvent.id > after) if after else wanted
    return [(event, case) for event, case in session.execute(wanted)]


def count_concerns(session: Session) -> list[tuple[int | None, int]]:
    """(unit's id or None, what is still to be looked into), most first."""
    count = func.count()
    rows = session.execute(
        select(Case.department_id, count)
        .join(SupervisionEvent, SupervisionEvent.case_id == Case.id)
        .where(SupervisionEvent.settled_at.is_(None))
        .group_by(Case.department_id)
        .order_by(count.desc(), Case.department_id)
    )
    return [(unit, number) for unit, number in rows]


def case_number_of_concern(session: Session, ident: int) -> str | None:
    """The case to lock before its supervision event is touched."""
    return session.scalar(
        select(Case.number)
        .join(SupervisionEvent, SupervisionEvent.case_id == Case.id)
        .where(SupervisionEvent.id == ident)
    )
