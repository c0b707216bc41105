"""Cases as lists, one by one, and those whose time has come."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import Session, joinedload

from reviewbot.clock import CHINA
from reviewbot.models.case import Call, Case, CaseEvent, DueTime, Evidence, Safety
from reviewbot.models.people import Staff
from reviewbot.models.procedure import Assistance
from reviewbot.models.review import Review
from reviewbot.queries.deciders import waiting_for
from reviewbot.queries.delegates import acts_for
from reviewbot.queries.handovers import HANDED_IN_BY, HAS_HANDLER
from reviewbot.queries.scope import Viewer, lies_with, visible_cases
from reviewbot.rules.kinds import Family
from reviewbot.rules.lifecycle import CaseStatus, Conclusion, Move, Role


def _shown() -> Select[Case]:
    return select(Case).options(
        joinedload(Case.review), joinedload(Case.department), joinedload(Case.handler)
    )


def find_case(session: Session, number: str, viewer: Viewer) -> Case | None:
    """One case, if this viewer may see it."""
    return session.scalar(_shown().where(Case.number == number.upper(), visible_cases(viewer)))


def may_see(session: Session, case_id: int, viewer: Viewer) -> bool:
    return session.scalar(select(Case.id).where(Case.id == case_id, visible_cases(viewer))) is not None


def case_by_id(session: Session, case_id: int) -> Case | None:
    """One case for the house itself, whoever may see it."""
    return session.scalar(_shown().where(Case.id == case_id))


def last_step(session: Session, case_id: int) -> CaseEvent | None:
    """The last event that brought the case to another status, or into other hands."""
    return session.scalar(
        select(CaseEvent)
        .where(
            CaseEvent.case_id == case_id,
            or_(CaseEvent.before != CaseEvent.after, CaseEvent.move == Move.HAND_OVER.value),
        )
        .order_by(CaseEvent.seq.desc())
        .limit(1)
    )


def lock_case(session: Session, number: str) -> Case | None:
    """One case for a move; nobody else can move it until this transaction ends."""
    return session.scalar(
        select(Case)
        .where(Case.number == number.upper())
        .options(joinedload(Case.review))
        .with_for_update(of=Case)
    )


def lock_case_by_id(session: Session, case_id: int) -> Case:
    """The same by its row."""
    return session.scalars(
        select(Case).where(Case.id == case_id).options(joinedload(Case.review)).with_for_update(of=Case)
    ).one()


def list_cases(
    session: Session,
    viewer: Viewer,
    *,
    status: CaseStatus | None = None,
    department_id: int | None = None,
    overdue_at: datetime | None = None,
    open_only: bool = False,
    family: Family | None = None,
    ids: Sequence[int] | None = None,
    after: int | None = None,
    limit: int = 50,
) -> list[Case]:
    """Newest first; ``after`` is the id of the last case of the page before (keyset)."""
    wanted = _shown().where(visible_cases(viewer)).order_by(Case.id.desc()).limit(limit)
    if status:
        wanted = wanted.where(Case.status == status)
    if open_only:
        wanted = wanted.where(Case.status != CaseStatus.CLOSED)
    if family is not None:
        wanted = wanted.where(Case.kind.in_(family.kinds))
    if department_id is not None:
        wanted = wanted.where(lies_with(department_id))
    if overdue_at is not None:
        wanted = wanted.where(is_overdue(overdue_at))
    if ids is not None:
        wanted = wanted.where(Case.id.in_(ids))
    if after is not None:
        wanted = wanted.where(Case.id < after)
    return list(session.scalars(wanted))


_HELPED = select(Staff.id).where(Staff.id == Assistance.handler_id, Staff.active).exists()


def _has_sub_task(*of_whom: ColumnElement[bool]) -> ColumnElement[bool]:
    return Case.id.in_(select(Assistance.case_id).where(Assistance.state == "open", *of_whom))


def _approved_by(viewer: Viewer) -> ColumnElement[bool]:
    """Waits for an approval that may be his: he neither handled it nor handed it in (F17)."""
    return and_(
        Case.status == CaseStatus.AWAITING_APPROVAL,
        Case.handler_id.is_distinct_from(viewer.staff_id),
        HANDED_IN_BY.is_distinct_from(viewer.actor),
    )


def owed_by(
    session: Session, viewer: Viewer, at: datetime, *, skip: int = 0, limit: int | None = 200
) -> list[Case]:
    """What this person owes now, the soonest due first. ``skip``: past so many; the order is of two columns that
    change, and a page of it is read within minutes."""
    wanted = _shown().where(_is_owed(session, viewer, at)).order_by(Case.due_at, Case.id)
    return list(session.scalars(wanted.offset(skip).limit(limit)))


def count_owed(session: Session, viewer: Viewer, at: datetime) -> int:
    """How many cases this person owes something for now."""
    wanted = select(func.count()).select_from(Case).where(_is_owed(session, viewer, at))
    return session.scalar(wanted) or 0


def _is_owed(session: Session, viewer: Viewer, at: datetime) -> ColumnElement[bool]:
    """Cases in hand and sub-tasks (his own and of those he stands in for; as head also those nobody has), approvals as
    head or supervisor, rulings as supervisor or leader, what he may still decide, and dispatching as desk."""
    represented = acts_for(session, viewer.staff_id, at.astimezone(CHINA).date())
    mine: list[ColumnElement[bool]] = [
        Case.handler_id.in_(represented)
        & Case.status.in_([status for status in CaseStatus if status.awaits_handler]),
        _has_sub_task(Assistance.handler_id.in_(represented)),
    ]
    if Role.HEAD in viewer.roles:
        unit = Case.department_id == viewer.department_id
        mine.append(unit & _approved_by(viewer))
        mine.append(
            unit & ~HAS_HANDLER & Case.status.in_([status for status in CaseStatus if status.awaits_handler])
        )
        mine.append(_has_sub_task(Assistance.department_id == viewer.department_id, ~_HELPED))
    if Role.SUPERVISOR in viewer.roles:
        mine.append(_approved_by(viewer) | (Case.status == CaseStatus.IN_ARBITRATION))
    if Role.LEADER in viewer.roles:
        mine.append(Case.status == CaseStatus.IN_ARBITRATION)
    if undecided := waiting_for(session, viewer):
        mine.append(Case.id.in_(undecided))
    if Role.DESK in viewer.roles:
        mine.append(Case.status == CaseStatus.AWAITING_DISPATCH)
    return or_(*mine)


def in_hand(session: Session, viewer: Viewer, at: datetime) -> list[Case]:
    """The open cases this person works on himself, his approvals included; nothing for who only oversees."""
    if not viewer.roles & {Role.HANDLER, Role.HEAD}:
        return []
    mine = Case.handler_id.in_(acts_for(session, viewer.staff_id, at.astimezone(CHINA).date()))
    open_ones = session.scalars(
        _shown().where(mine, Case.status != CaseStatus.CLOSED).order_by(Case.due_at, Case.id)
    )
    owed = owed_by(session, viewer, at, limit=None)
    return list({case.id: case for case in (*owed, *open_ones)}.values())


def due_case_ids(session: Session, now: datetime, limit: int) -> list[int]:
    """Cases whose next rung has come, oldest due first (R6)."""
    return list(
        session.scalars(
            select(Case.id).where(Case.next_action_at <= now).order_by(Case.next_action_at).limit(limit)
        )
    )


def cases_behind(session: Session, calendar: str, limit: int | None = None) -> list[int]:
    """Cases with a running limit that was reckoned by another calendar than this, oldest first."""
    return list(
        session.scalars(
            select(DueTime.case_id)
            .where(
                DueTime.met_at.is_(None), DueTime.replaced_by.is_(None), DueTime.calendar_version != calendar
            )
            .distinct()
            .order_by(DueTime.case_id)
            .limit(limit)
        )
    )  # fmt: skip


def unrouted_review_ids(session: Session, limit: int) -> list[int]:
    """Bad reviews that have no case yet, oldest first."""
    return list(
        session.scalars(
            select(Review.id)
            .where(Review.wants_case, Review.routed_at.is_(None))
            .order_by(Review.id)
            .limit(limit)
        )
    )


def events_of(session: Session, case_id: int) -> list[CaseEvent]:
    return list(
        session.scalars(select(CaseEvent).where(CaseEvent.case_id == case_id).order_by(CaseEvent.seq))
    )


def due_times_of(session: Session, case_id: int) -> list[DueTime]:
    return list(session.scalars(select(DueTime).where(DueTime.case_id == case_id).order_by(DueTime.id)))


_DESK_LIMIT = and_(
    DueTime.case_id == Case.id,
    Case.status.in_([status for status in CaseStatus if status.awaits_bureau]),
    or_(DueTime.stage.startswith("dispatch"), DueTime.stage.startswith("arbitration")),
    DueTime.round == Case.round,
    DueTime.met_at.is_(None),
    DueTime.replaced_by.is_(None),
)
"""The limit that runs while a case waits for a unit: the desk's, or the ruling's."""


def desk_limits(session: Session, case_ids: Collection[int]) -> dict[int, datetime]:
    """By when those of these cases that wait for a unit have to have one."""
    rows = session.execute(
        select(Case.id, DueTime.due_at).join(DueTime, _DESK_LIMIT).where(Case.id.in_(case_ids))
    )
    return {case_id: due_at for case_id, due_at in rows}


def provisional_cases(session: Session, case_ids: Collection[int]) -> set[int]:
    """Those whose running limit reaches into a year without a published calendar: it may still move (B2)."""
    runs = (DueTime.round == Case.round, DueTime.met_at.is_(None), DueTime.replaced_by.is_(None))
    return set(
        session.scalars(
            select(Case.id)
            .join(DueTime, DueTime.case_id == Case.id)
            .where(Case.id.in_(case_ids), DueTime.provisional, *runs)
        )
    )


def is_overdue(now: datetime) -> ColumnElement[bool]:
    """Open, and past its own due time or past the desk's limit."""
    at_desk = select(DueTime.id).where(_DESK_LIMIT, DueTime.due_at < now).exists()
    return and_(Case.status != CaseStatus.CLOSED, or_(Case.due_at < now, at_desk))


def calls_of(session: Session, case_id: int) -> list[Call]:
    return list(session.scalars(select(Call).where(Call.case_id == case_id).order_by(Call.id)))


APPEAL_UPHELD = and_(
    Case.conclusion.is_not(None),
    Case.conclusion.in_([ground for ground in Conclusion if ground.is_appeal]),
    Case.status.in_([CaseStatus.AWAITING_FEEDBACK, CaseStatus.CLOSED]),
)
"""Two people outside the unit upheld its appeal, and nobody reopened the case since: no figure of bad reviews counts
it, from that moment on (F13). A refused one goes back with another conclusion."""

IS_SOUND = Evidence.safety != Safety.INFECTED
"""What the scanner put away proves nothing."""


def evidence_of(session: Session, case_id: int) -> list[Evidence]:
    return list(session.scalars(select(Evidence).where(Evidence.case_id == case_id).order_by(Evidence.id)))


def count_evidence(session: Session, case: Case) -> int:
    """Photographs and files of the present round; what the scanner put away is none."""
    sound = (Evidence.case_id == case.id, Evidence.round == case.round, IS_SOUND)
    return session.scalar(select(func.count()).where(*sound)) or 0


def later_ratings(session: Session, review: Review) -> list[Review]:
    """The same rater's other rounds of the same service (追评); they never touch the first one."""
    return list(
        session.scalars(
            select(Review)
            .where(
                Review.source == review.source,
                Review.external_id == review.external_id,
                Review.id != review.id,
            )
            .order_by(Review.round)
        )
    )


def status_counts(session: Session, viewer: Viewer) -> dict[CaseStatus, int]:
    rows = session.execute(
        select(Case.status, func.count()).where(visible_cases(viewer)).group_by(Case.status)
    )
    return {status: count for status, count in rows}
