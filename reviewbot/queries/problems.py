"""Clusters of like bad reviews and the problems they opened (domain §10, peers B16)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, Select, String, Subquery, and_, case, func, or_, select
from sqlalchemy.dialects.postgresql import array as sql_array
from sqlalchemy.orm import Session, aliased

from reviewbot.models.case import Case
from reviewbot.models.oversight import Problem, ProblemAttempt, ProblemHandover, ProblemReview
from reviewbot.models.people import Item, Staff
from reviewbot.models.review import Review
from reviewbot.queries.cases import APPEAL_UPHELD
from reviewbot.queries.handovers import KEEPS
from reviewbot.queries.scope import Viewer
from reviewbot.rules.problems import Course, Span


@dataclass(frozen=True)
class Cluster:
    """Bad reviews of one unit that agree in item, reason and window."""

    department_id: int
    item: str
    reason_code: str
    object: str
    review_ids: tuple[int, ...]


def _like(start: datetime | ScalarSelect[datetime], end: datetime) -> Select[*tuple[Any, ...]]:
    """One row for each service rated bad and each reason of it; upheld appeals do not count.

    A rater's second bad rating of the same service is no second event. An item told by its code alone is known by
    the name our directory has for it.
    """
    earlier = aliased(Review)
    named = (
        select(Item.name).where(Item.code == Review.item_code).order_by(Item.id).limit(1).scalar_subquery()
    )
    rated_before = (
        select(earlier.id)
        .where(
            earlier.source == Review.source,
            earlier.external_id == Review.external_id,
            earlier.round < Review.round,
            earlier.is_bad,
        )
        .exists()
    )
    item = func.coalesce(func.nullif(Review.item, ""), named, func.nullif(Review.item_code, ""))
    reasons = case(
        (func.cardinality(Review.reason_codes) == 0, sql_array([""])),
        else_=Review.reason_codes,
    )
    return (
        select(
            Case.department_id,
            item.label("item"),
            func.unnest(reasons, type_=String).label("reason"),
            func.coalesce(Review.window, "").label("object"),
            Review.id.label("review_id"),
            Review.reviewed_at,
        )
        .join(Case, Case.review_id == Review.id)
        .where(
            Review.is_bad,
            ~rated_before,
            item.is_not(None),
            Case.department_id.is_not(None),
            ~APPEAL_UPHELD,
            Review.reviewed_at >= start,
            Review.reviewed_at < end,
        )
    )


def clusters(session: Session, start: datetime, end: datetime, *, least: int) -> list[Cluster]:
    """Every cluster of at least so many reviews rated in ``start <= time < end``."""
    like = _like(start, end).subquery()
    key = (like.c.department_id, like.c.item, like.c.reason, like.c.object)
    rows = session.execute(
        select(*key, func.array_agg(like.c.review_id))
        .group_by(*key)
        .having(func.count() >= least)
        .order_by(*key)
    )
    return [Cluster(unit, item, reason, place, tuple(sorted(ids))) for unit, item, reason, place, ids in rows]


def count_like(session: Session, problem: Problem, during: Span) -> int:
    """How many reviews like a problem's were rated in that time."""
    like = _like(*during).subquery()
    return session.scalar(select(func.count()).select_from(like).where(_is_of(like, problem))) or 0


_SINCE = Problem.opened_at - func.make_interval(0, 0, 0, Problem.window_days)


def like_open_problems(now: datetime, ident: int | None = None) -> Select[int, int]:
    """(problem, review) of all open problems, or of one: every like review from the window that opened it until now."""
    which = [Problem.closed_at.is_(None)] + ([Problem.id == ident] if ident is not None else [])
    like = _like(select(func.min(_SINCE)).where(*which).scalar_subquery(), now).subquery()
    wanted = select(Problem.id, like.c.review_id).join(like, _is_of(like, Problem))
    return wanted.where(*which, like.c.reviewed_at >= _SINCE)


def _is_of(like: Subquery, problem: Problem | type[Problem]) -> ColumnElement[bool]:
    return and_(
        like.c.department_id == problem.department_id,
        like.c.item == problem.item,
        like.c.reason == problem.reason_code,
        like.c.object == problem.object,
    )


def open_problem_like(session: Session, cluster: Cluster) -> Problem | None:
    return session.scalar(
        select(Problem).where(
            Problem.department_id == cluster.department_id,
            Problem.item == cluster.item,
            Problem.reason_code == cluster.reason_code,
            Problem.object == cluster.object,
            Problem.closed_at.is_(None),
        )
    )


def problems_seen_by(
    session: Session, viewer: Viewer, *, closed: bool = False, after: int | None = None, limit: int = 50
) -> list[Problem]:
    """The open or the closed ones, newest first; a unit sees its own. ``after``: the last id of the page before."""
    which = Problem.closed_at.is_not(None) if closed else Problem.closed_at.is_(None)
    wanted = select(Problem).where(which).order_by(Problem.id.desc()).limit(limit)
    if after is not None:
        wanted = wanted.where(Problem.id < after)
    if not viewer.sees_all:
        wanted = wanted.where(Problem.department_id == viewer.department_id)
    return list(session.scalars(wanted))


def problems_without_cause(session: Session, viewer: Viewer) -> list[Problem]:
    """Open ones for which no measures have been written down, oldest first."""
    wanted = select(Problem).where(Problem.closed_at.is_(None), Problem.measures_from.is_(None))
    if not viewer.sees_all:
        wanted = wanted.where(Problem.department_id == viewer.department_id)
    return list(session.scalars(wanted.order_by(Problem.id)))


def open_problems(session: Session) -> list[Problem]:
    """Oldest first."""
    return list(session.scalars(select(Problem).where(Problem.closed_at.is_(None)).order_by(Problem.id)))


def course_of(session: Session, problem: Problem) -> Course:
    gave_way = select(func.max(ProblemAttempt.ended_at)).where(ProblemAttempt.problem_id == problem.id)
    return Course(
        problem.opened_at, problem.window_days, problem.plan_days, problem.begin_within, problem.measures_from,
        session.scalar(gave_way),
    )  # fmt: skip


def attempts_at(session: Session, problem_id: int) -> list[ProblemAttempt]:
    """The measures that gave way, first to last."""
    wanted = select(ProblemAttempt).where(ProblemAttempt.problem_id == problem_id)
    return list(session.scalars(wanted.order_by(ProblemAttempt.id)))


_ANSWERS = (
    select(Staff.id)
    .where(
        Staff.id == Problem.owner_id, Staff.active, or_(Staff.department_id == Problem.department_id, KEEPS)
    )
    .correlate(Problem)
    .exists()
)
"""Its owner is here and of its unit, or keeps it for a unit that has nobody."""


def problems_losing_owner(session: Session, staff: Staff) -> list[Problem]:
    """Open problems of his that he cannot answer for as he stands now, locked, oldest first."""
    wanted = select(Problem).where(Problem.owner_id == staff.id, Problem.closed_at.is_(None), ~_ANSWERS)
    return list(session.scalars(wanted.order_by(Problem.id).with_for_update(of=Problem)))


def problems_without_owner(session: Session) -> list[int]:
    """Open problems that were somebody's and whom nobody who is here answers for: empty, as with cases (B22)."""
    handed_on = select(ProblemHandover.id).where(ProblemHandover.problem_id == Problem.id).exists()
    had_one = or_(Problem.owner_id.is_not(None), handed_on)
    return list(
        session.scalars(
            select(Problem.id).where(Problem.closed_at.is_(None), had_one, ~_ANSWERS).order_by(Problem.id)
        )
    )


def handovers_of_problem(session: Session, problem_id: int) -> list[ProblemHandover]:
    wanted = select(ProblemHandover).where(ProblemHandover.problem_id == problem_id)
    return list(session.scalars(wanted.order_by(ProblemHandover.id)))


def cases_of_problem(session: Session, problem: Problem, now: datetime) -> list[tuple[Case, datetime, bool]]:
    """Every case that is or was like it, oldest first: when it was rated, and whether it still counts (its appeal
    was not upheld, no other unit has it). A review that came a moment ago is there before the sweep has seen it."""
    belongs = select(ProblemReview.review_id).where(ProblemReview.problem_id == problem.id)
    like = {review for _, review in session.execute(like_open_problems(now, problem.id))}
    rows = session.execute(
        select(Case, Review.reviewed_at)
        .join(Review, Review.id == Case.review_id)
        .where(or_(Review.id.in_(belongs), Review.id.in_(like)))
        .order_by(Review.reviewed_at, Case.id)
    )
    return [(case, at, bool(problem.closed_at) or case.review_id in like) for case, at in rows]
