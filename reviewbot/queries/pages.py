"""What the web pages ask that nobody else asks: today's balance, daily lines, altered copies, one file."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session, joinedload

from reviewbot.models.case import Case, Evidence
from reviewbot.models.people import Department, Staff
from reviewbot.models.review import IntakeBatch, Review, ReviewCopy
from reviewbot.queries.cohorts import Cohort
from reviewbot.queries.counts import RESULTS
from reviewbot.queries.scope import Viewer, lies_with, visible_cases
from reviewbot.rules.kinds import Kind


@dataclass(frozen=True)
class IntakeCounts:
    """What came in over a stretch of time and what became of it: every record, and of those taken the ratings (bad
    ones among them) and the work orders."""

    received: int
    results: dict[str, int]
    ratings: int
    bad: int
    orders: int
    cases: int


def intake_between(session: Session, start: datetime, end: datetime) -> IntakeCounts:
    """The balance of the deliveries of ``start <= received < end``."""
    sums = session.execute(
        select(
            func.coalesce(func.sum(IntakeBatch.received), 0),
            *(func.coalesce(func.sum(getattr(IntakeBatch, name)), 0) for name in RESULTS),
        ).where(IntakeBatch.received_at >= start, IntakeBatch.received_at < end)
    ).one()
    rated = Review.kind == Kind.RATING
    taken = select(
        func.count().filter(rated), func.count().filter(Review.is_bad), func.count().filter(~rated)
    ).where(Review.received_at >= start, Review.received_at < end)
    ratings, bad, orders = session.execute(taken).one()
    cases = select(func.count()).select_from(Case).where(Case.opened_at >= start, Case.opened_at < end)
    return IntakeCounts(
        received=sums[0],
        results=dict(zip(RESULTS, sums[1:], strict=True)),
        ratings=ratings,
        bad=bad,
        orders=orders,
        cases=session.scalar(cases) or 0,
    )


@dataclass(frozen=True)
class Taken:
    """Of one day: ratings, bad ones among them, and work orders."""

    ratings: int = 0
    bad: int = 0
    orders: int = 0


def taken_by_day(session: Session, start: datetime, end: datetime) -> dict[date, Taken]:
    """What was accepted per day in China; days without any are absent."""
    day = func.date(func.timezone("Asia/Shanghai", Review.received_at))
    rated = Review.kind == Kind.RATING
    rows = session.execute(
        select(
            day, func.count().filter(rated), func.count().filter(Review.is_bad), func.count().filter(~rated)
        )
        .where(Review.received_at >= start, Review.received_at < end)
        .group_by(day)
    )
    return {when: Taken(*counts) for when, *counts in rows}


def cohort_cases(
    session: Session,
    found: Cohort,
    viewer: Viewer,
    *,
    part: str | None = None,
    department_id: int | None = None,
    after: int | None = None,
    limit: int = 50,
) -> list[Case]:
    """The cases behind a figure's denominator, newest first (law 8); ``part``: only those of one of its groups,
    be it apart from the denominator, or behind the ``numerator``."""
    wanted = (
        select(Case)
        .options(joinedload(Case.review), joinedload(Case.department), joinedload(Case.handler))
        .where(found.seen_by(viewer))
        .order_by(Case.id.desc())
        .limit(limit)
    )
    if part == "numerator":
        wanted = wanted.where(found.members, or_(*found.parts.values()))
    else:
        wanted = wanted.where(found.members if part is None else found.shown[part])
    if department_id is not None:
        wanted = wanted.where(lies_with(department_id, found.unit))
    if after is not None:
        wanted = wanted.where(Case.id < after)
    return list(session.scalars(wanted))


def counted_above(session: Session, found: Cohort, case_ids: Iterable[int]) -> dict[str, set[int]]:
    """Which of these cases count in the numerator, part by part."""
    ids = list(case_ids)
    return {
        name: set(session.scalars(select(Case.id).where(Case.id.in_(ids), found.members, part)))
        for name, part in found.parts.items()
    }


def department_by_code(session: Session, code: str) -> Department | None:
    return session.scalar(select(Department).where(Department.code == code))


def names_of(session: Session, staff_ids: Iterable[int]) -> dict[int, str]:
    rows = session.execute(select(Staff.id, Staff.name).where(Staff.id.in_(set(staff_ids))))
    return {ident: name for ident, name in rows}


def find_evidence(session: Session, evidence_id: int, viewer: Viewer) -> Evidence | None:
    """One file: of a case this viewer may see, or still waiting for a case and sent by himself."""
    found = session.get(Evidence, evidence_id)
    if found is None:
        return None
    if found.case_id is None:
        return found if found.staff_id == viewer.staff_id else None
    seen = session.scalar(select(Case.id).where(Case.id == found.case_id, visible_cases(viewer)))
    return found if seen else None


def altered_copies(
    session: Session, *, after: int | None = None, limit: int = 50
) -> list[tuple[ReviewCopy, Review]]:
    """Later copies with other content, each with the review that stands, newest first."""
    wanted = select(ReviewCopy, Review).join(Review, Review.id == ReviewCopy.review_id)
    wanted = wanted.where(ReviewCopy.result == "altered").order_by(ReviewCopy.id.desc()).limit(limit)
    if after is not None:
        wanted = wanted.where(ReviewCopy.id < after)
    return [(copy, review) for copy, review in session.execute(wanted)]
