"""Who can hold a case, the cases nobody holds, and those that lose their holder when somebody goes or changes."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, case, func, or_, select, true
from sqlalchemy.orm import Session, aliased, joinedload

from reviewbot.models.case import Case, CaseEvent
from reviewbot.models.people import Staff
from reviewbot.models.procedure import Application, ApplicationKind, Assistance, Decision
from reviewbot.models.review import Review
from reviewbot.queries.deciders import IN_TURN, MAY_STILL_DECIDE
from reviewbot.rules.lifecycle import HANDING_IN, CaseStatus, Role

WORKING = frozenset({Role.HANDLER, Role.HEAD})
"""Who may work on what his unit holds."""
KEEPING = frozenset({Role.DESK, Role.SUPERVISOR, Role.ADMIN})
"""Who of the bureau keeps what a unit has nobody for."""
_WORKS = Staff.roles.overlap(sorted(role.value for role in WORKING))
KEEPS = Staff.roles.overlap(sorted(role.value for role in KEEPING))
_BUREAU = tuple(status for status in CaseStatus if status.awaits_bureau)


_RATED = func.coalesce(
    select(func.trim(Review.handled_by)).where(Review.id == Case.review_id).correlate(Case).scalar_subquery(),
    "",
)
_NOT_RATED = and_(Staff.name != _RATED, Staff.userid != _RATED)
_HEADS = and_(Staff.department_id == Case.department_id, Staff.roles.contains([Role.HEAD.value]))
HANDED_IN_BY = (
    select(CaseEvent.actor)
    .where(CaseEvent.case_id == Case.id, CaseEvent.move.in_([move.value for move in HANDING_IN]))
    .order_by(CaseEvent.seq.desc())
    .limit(1)
    .correlate(Case)
    .scalar_subquery()
)
"""Who handed in, last of all, what waits for approval."""


def _somebody(*who: ColumnElement[bool]) -> ColumnElement[bool]:
    return select(Staff.id).where(Staff.active, *who).correlate(Case).exists()


HAS_HANDLER = _somebody(
    Staff.id == Case.handler_id, or_(and_(Staff.department_id == Case.department_id, _WORKS), KEEPS)
)
"""Its handler is here and may work on it, or keeps it for a unit that has nobody."""
_HAS_HEAD = _somebody(_HEADS, _NOT_RATED)
_HAS_APPROVER = _somebody(
    or_(_HEADS, Staff.roles.contains([Role.SUPERVISOR.value])),
    Staff.id != func.coalesce(Case.handler_id, 0), Staff.userid != func.coalesce(HANDED_IN_BY, ""), _NOT_RATED,
)  # fmt: skip


def _some(role: Role, *others: Role) -> ColumnElement[bool]:
    return _somebody(Staff.roles.overlap([one.value for one in (role, *others)]))


def _with_enough_deciders() -> ColumnElement[bool]:
    """A pending appeal that as many people may still decide as have to agree."""
    spoken = (
        select(func.count(Decision.id))
        .where(Decision.application_id == Application.id)
        .correlate(Application)
    )
    able = (
        select(func.count(Staff.id))
        .where(Staff.roles.overlap([role.value for role in IN_TURN]), MAY_STILL_DECIDE)
        .correlate(Application, Review)
    )
    return Case.id.in_(
        select(Application.case_id)
        .join(held := aliased(Case), held.id == Application.case_id)
        .join(Review, Review.id == held.review_id)
        .where(
            Application.kind == ApplicationKind.APPEAL,
            able.scalar_subquery() >= Application.deciders - spoken.scalar_subquery(),
        )
    )


def cases_without_holder(session: Session) -> list[str]:
    """Numbers of open cases that nobody who is here can bring on: the proof that this list is empty is B22.

    At the desk somebody must dispatch, in arbitration somebody rule, under appeal enough people be left to decide.
    Any other needs a handler who may work on it or keeps it for its unit, or else a head; and what is handed in
    somebody to approve it who neither handled it nor handed it in.
    """
    held_by_unit = HAS_HANDLER | _HAS_HEAD
    held = case(
        (Case.status == CaseStatus.AWAITING_DISPATCH, _some(Role.DESK)),
        (Case.status == CaseStatus.IN_ARBITRATION, _some(Role.SUPERVISOR, Role.LEADER)),
        (Case.status == CaseStatus.APPEALED, _with_enough_deciders()),
        (Case.status == CaseStatus.AWAITING_APPROVAL, held_by_unit & _HAS_APPROVER),
        else_=held_by_unit,
    )
    return list(
        session.scalars(select(Case.number).where(Case.status != CaseStatus.CLOSED, ~held).order_by(Case.id))
    )


def works_in(staff: Staff, department_id: int | None) -> bool:
    """Whether this person is of the unit and may work on what it holds."""
    return staff.active and staff.department_id == department_id and bool(WORKING & set(staff.roles))


@dataclass(frozen=True)
class Before:
    """Somebody as he stood before he left, moved to another unit or lost a role."""

    staff: Staff
    unit_id: int
    worked: bool
    """Whether he might work on what his unit holds."""
    headed: bool
    delegate: Staff | None
    """Who did his work today."""

    @property
    def moved(self) -> bool:
        return self.staff.active and self.staff.department_id != self.unit_id

    @property
    def stands_in_no_more(self) -> bool:
        """Whether he can do nobody's work of that unit any more."""
        return not self.staff.active or self.moved or (self.worked and not works_in(self.staff, self.unit_id))

    @property
    def heads_on(self) -> bool:
        return works_in(self.staff, self.unit_id) and Role.HEAD in self.staff.roles


def cases_losing_holder(session: Session, before: Before) -> list[Case]:
    """Open cases that he handled and cannot hold as he stands now; and, where he was the last head of his unit, those
    of it that nobody can hold. Locked, oldest first."""
    left = before.staff
    lost = Case.handler_id == left.id
    if works_in(left, left.department_id):
        lost &= Case.department_id != left.department_id
    if left.active and KEEPING & set(left.roles):
        lost &= Case.department_id == before.unit_id
    if before.headed and not before.heads_on:
        lost |= (Case.department_id == before.unit_id) & ~HAS_HANDLER & ~_HAS_HEAD
    return list(
        session.scalars(
            select(Case)
            .where(lost, Case.status != CaseStatus.CLOSED, Case.status.not_in(_BUREAU))
            .options(joinedload(Case.review))
            .order_by(Case.id)
            .with_for_update(of=Case)
            .execution_options(populate_existing=True)
        )
    )


def tasks_losing_holder(session: Session, before: Before) -> list[Assistance]:
    """Open sub-tasks that he had and cannot do as he stands now, oldest first."""
    left = before.staff
    elsewhere = Assistance.department_id != left.department_id
    return list(
        session.scalars(
            select(Assistance)
            .where(
                Assistance.handler_id == left.id,
                Assistance.state == "open",
                elsewhere if works_in(left, left.department_id) else true(),
            )
            .order_by(Assistance.id)
        )
    )
