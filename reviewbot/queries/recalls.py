"""The re-call samples: the population of a month, who may call, the sample as far as a viewer may see it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, and_, false, func, or_, select, true
from sqlalchemy.orm import Session, joinedload

from reviewbot.clock import CHINA
from reviewbot.models.case import Call, Case, CaseEvent
from reviewbot.models.oversight import Recall, RecallAttempt, RecallDraw
from reviewbot.models.people import Department, Staff
from reviewbot.models.procedure import Assistance
from reviewbot.queries.contacts import renamed_since
from reviewbot.queries.delegates import acts_for, stands_in
from reviewbot.queries.scope import Viewer
from reviewbot.rules.kinds import Kind
from reviewbot.rules.lifecycle import EXCLUDED, CaseStatus, Move, Role
from reviewbot.rules.recall import HANDS_ON, Caller, Member

OVERSEERS = frozenset({Role.SUPERVISOR, Role.LEADER, Role.AUDITOR, Role.ADMIN})
"""Who sees a sample as soon as it is drawn. A unit that knew which of its raters will be called could call first."""


@dataclass(frozen=True)
class ClosedCase:
    """A case of the population with what its re-call has to keep."""

    member: Member
    case_id: int
    round: int
    department_id: int


def closed_cases(session: Session, start: datetime, end: datetime) -> list[ClosedCase]:
    """The population of ``start <= closed < end``: bad ratings by somebody who can be called, closed and not reopened
    since. None is concluded without a call-back, so every record claims one: reached, or tried in vain (an invented
    联系不上 is a paper call too).

    Left out: upheld appeals, anonymous ratings, work orders of other sources.
    """
    closing = (
        select(CaseEvent.hash)
        .where(CaseEvent.case_id == Case.id, CaseEvent.move == Move.RECORD_FEEDBACK.value)
        .order_by(CaseEvent.seq.desc())
        .limit(1)
        .scalar_subquery()
    )
    rows = session.execute(
        select(Case.id, Case.number, Case.round, Department.id, Department.code, closing)
        .join(Department, Department.id == Case.department_id)
        .where(
            Case.status == CaseStatus.CLOSED,
            Case.closed_at >= start,
            Case.closed_at < end,
            Case.kind == Kind.RATING,
            Case.real_name,
            func.coalesce(Case.closing_kind, "").not_in([kind.value for kind in EXCLUDED]),
            closing.is_not(None),
        )
    )
    return [
        ClosedCase(Member(number, code, hash_), case_id, round_, unit_id)
        for case_id, number, round_, unit_id, code, hash_ in rows
    ]


def find_draw(session: Session, period: str) -> RecallDraw | None:
    return session.get(RecallDraw, period)


def lock_draw(session: Session, period: str) -> RecallDraw | None:
    """The draw of a month; nobody else draws it until this transaction ends."""
    return session.scalar(
        select(RecallDraw)
        .where(RecallDraw.period == period)
        .with_for_update()
        .execution_options(populate_existing=True)
    )


def undrawn_periods(session: Session) -> list[str]:
    """The months that were committed to and not drawn yet, oldest first."""
    return list(
        session.scalars(
            select(RecallDraw.period).where(RecallDraw.drawn_at.is_(None)).order_by(RecallDraw.period)
        )
    )


def committed_periods(session: Session) -> list[str]:
    """Every month there is a commitment for, the latest first."""
    return list(session.scalars(select(RecallDraw.period).order_by(RecallDraw.period.desc())))


def caller_pool(session: Session, roles: Collection[str], today: date) -> list[Caller]:
    """The active people of these roles who are not away today, with their open re-calls."""
    load = (
        select(func.count())
        .where(Recall.caller_id == Staff.id, Recall.concluded_at.is_(None))
        .scalar_subquery()
    )
    wanted = or_(false(), *(Staff.roles.contains([role]) for role in roles))
    away = stands_in(session, today)
    rows = session.execute(
        select(Staff.id, Staff.userid, Staff.name, Staff.department_id, load).where(Staff.active, wanted)
    )
    return [Caller(*row) for row in rows if row[0] not in away]


def involved_units(session: Session, recall: Recall) -> set[int]:
    """The unit that handled the case, those that helped, and those whose people called."""
    helpers = select(Assistance.department_id).where(
        Assistance.case_id == recall.case_id, Assistance.state != "withdrawn"
    )
    called = (
        select(Staff.department_id)
        .join(Call, Call.staff_id == Staff.id)
        .where(Call.case_id == recall.case_id)
    )
    return {recall.department_id, *session.scalars(helpers), *session.scalars(called)}


def hands_on(session: Session, case_id: int) -> set[str]:
    """The userids of those who answer for the record, and what they have been renamed to since."""
    found = set(
        session.scalars(
            select(CaseEvent.actor)
            .where(CaseEvent.case_id == case_id, CaseEvent.move.in_([move.value for move in HANDS_ON]))
            .distinct()
        )
    )
    return found | renamed_since(session, found)


def without_caller(session: Session) -> list[Recall]:
    """Open re-calls nobody active has, in the order they were drawn."""
    held = select(Staff.id).where(Staff.id == Recall.caller_id, Staff.active).exists()
    return list(
        session.scalars(
            select(Recall)
            .where(Recall.concluded_at.is_(None), ~held)
            .order_by(Recall.period, Recall.place)
            .with_for_update()
        )
    )


def open_recalls_of(session: Session, case_id: int) -> list[Recall]:
    """What is still to be asked about a case."""
    wanted = select(Recall).where(Recall.case_id == case_id, Recall.concluded_at.is_(None))
    return list(session.scalars(wanted.order_by(Recall.period).with_for_update()))


def _mine(session: Session, viewer: Viewer, at: datetime) -> ColumnElement[bool]:
    return Recall.caller_id.in_(acts_for(session, viewer.staff_id, at.astimezone(CHINA).date()))


def visible_recalls(session: Session, viewer: Viewer, at: datetime) -> ColumnElement[bool]:
    """Overseers see all; anybody what he has to call (or who he stands in for); what is concluded, whoever may see
    the unit's cases."""
    if viewer.roles & OVERSEERS:
        return true()
    own = true() if viewer.sees_all else Recall.department_id == viewer.department_id
    return or_(_mine(session, viewer, at), and_(Recall.concluded_at.is_not(None), own))


@dataclass(frozen=True)
class RecallRow:
    """A re-call with what people call its case and its unit."""

    recall: Recall
    number: str
    unit: str
    caller: Staff | None


def recalls_seen_by(
    session: Session,
    viewer: Viewer,
    at: datetime,
    *,
    period: str | None = None,
    case_id: int | None = None,
    owed: bool = False,
) -> list[RecallRow]:
    """In the order of drawing. ``owed``: those this viewer has to call now."""
    wanted = (
        select(Recall, Case.number, Department.short_name, Staff)
        .join(Case, Case.id == Recall.case_id)
        .join(Department, Department.id == Recall.department_id)
        .outerjoin(Staff, Staff.id == Recall.caller_id)
        .where(visible_recalls(session, viewer, at))
        .order_by(Recall.period, Recall.place)
    )
    if period is not None:
        wanted = wanted.where(Recall.period == period)
    if case_id is not None:
        wanted = wanted.where(Recall.case_id == case_id)
    if owed:
        wanted = wanted.where(Recall.concluded_at.is_(None), _mine(session, viewer, at))
    return [RecallRow(*row) for row in session.execute(wanted)]


def recall_of_caller(session: Session, ident: int, viewer: Viewer, at: datetime) -> tuple[Recall, str] | None:
    """A re-call this person has or had to make, and the number of its case."""
    row = session.execute(
        select(Recall, Case.number)
        .join(Case, Case.id == Recall.case_id)
        .where(Recall.id == ident, _mine(session, viewer, at))
    ).first()
    return (row[0], row[1]) if row else None


def all_recalls(session: Session, period: str) -> list[tuple[Recall, str]]:
    """The whole sample of a month with the case numbers, in the order of drawing."""
    rows = session.execute(
        select(Recall, Case.number)
        .join(Case, Case.id == Recall.case_id)
        .where(Recall.period == period)
        .order_by(Recall.place)
    )
    return [(recall, number) for recall, number in rows]


def case_of_recall(session: Session, recall: Recall) -> Case:
    """The case with its review and unit."""
    return session.scalars(
        select(Case)
        .where(Case.id == recall.case_id)
        .options(joinedload(Case.review), joinedload(Case.department), joinedload(Case.handler))
    ).one()


def attempts_of(session: Session, recall_id: int) -> list[RecallAttempt]:
    return list(
        session.scalars(
            select(RecallAttempt).where(RecallAttempt.recall_id == recall_id).order_by(RecallAttempt.id)
        )
    )


def closing_hashes(session: Session, numbers: Collection[str]) -> dict[str, set[str]]:
    """The hashes of every closing event of these cases, as they stand now."""
    found: dict[str, set[str]] = {}
    for number, hash_ in session.execute(
        select(Case.number, CaseEvent.hash)
        .join(CaseEvent, CaseEvent.case_id == Case.id)
        .where(Case.number.in_(numbers), CaseEvent.move == Move.RECORD_FEEDBACK.value)
    ):
        found.setdefault(number, set()).add(hash_)
    return found


def recall_events(session: Session, period: str) -> list[tuple[str, CaseEvent]]:
    """What the chains of the cases say of the re-calls of a month."""
    rows = session.execute(
        select(Case.number, CaseEvent)
        .join(CaseEvent, CaseEvent.case_id == Case.id)
        .where(CaseEvent.move == Move.RECALL.value, CaseEvent.data["recall"].astext == period)
        .order_by(CaseEvent.id)
    )
    return [(number, event) for number, event in rows]
