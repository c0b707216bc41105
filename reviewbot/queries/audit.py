"""What an audit of the records reads: each case with all that belongs to it, many at a time."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import func, select
from sqlalchemy.orm import InstrumentedAttribute, Session, defer

from reviewbot.models.case import Call, Case, CaseEvent, DueTime, Evidence
from reviewbot.models.contacts import DirectoryChange
from reviewbot.models.people import Department, Staff
from reviewbot.models.review import Review
from reviewbot.rules.directory_plan import ChangeKind

Row = TypeVar("Row")
BATCH = 500
"""Cases read at once: four statements for all of them, and never the whole city in memory."""


@dataclass(frozen=True)
class People:
    """Everybody by id, and whose userid was another once: events keep the one of their day."""

    userids: Mapping[int, str]
    renamed: frozenset[str]


@dataclass(frozen=True)
class CaseRecord:
    """One case and its own rows, each in the order in which they were made. ``unit``: the code of the unit that has it;
    ``handler``: the userid of who does."""

    case: Case
    review: Review
    keeps_raw: bool
    """Whether the record as it came is still there."""
    unit: str | None
    handler: str | None
    people: "People"
    events: Sequence[CaseEvent]
    calls: Sequence[Call]
    limits: Sequence[DueTime]
    evidence: Sequence[Evidence]


def case_records(session: Session) -> Iterator[CaseRecord]:
    """Every case in order of opening; what was read before is let go of."""
    units = {ident: code for ident, code in session.execute(select(Department.id, Department.code))}
    people = _people(session)
    last = 0
    while cases := session.scalars(select(Case).where(Case.id > last).order_by(Case.id).limit(BATCH)).all():
        idents = [case.id for case in cases]
        events = _by_case(session, idents, CaseEvent, CaseEvent.case_id, CaseEvent.seq)
        calls = _by_case(session, idents, Call, Call.case_id, Call.id)
        limits = _by_case(session, idents, DueTime, DueTime.case_id, DueTime.id)
        evidence = _by_case(session, idents, Evidence, Evidence.case_id, Evidence.id)
        reviews = _reviews(session, [case.review_id for case in cases])
        for case in cases:
            yield CaseRecord(
                case, *reviews[case.review_id], units.get(case.department_id or 0),
                people.userids.get(case.handler_id or 0), people,
                events[case.id], calls[case.id], limits[case.id], evidence[case.id],
            )  # fmt: skip
        last = idents[-1]
        session.expunge_all()


def _people(session: Session) -> People:
    userids = {ident: userid for ident, userid in session.execute(select(Staff.id, Staff.userid))}
    facts = session.scalars(
        select(DirectoryChange.facts).where(DirectoryChange.kind == ChangeKind.RENAMED.value)
    )
    renamed = {str(one.get(side)).lower() for one in facts for side in ("before", "after")}
    return People(userids, frozenset(renamed))


def _reviews(session: Session, idents: Sequence[int]) -> dict[int, tuple[Review, bool]]:
    rows = session.execute(
        select(Review, func.length(Review.raw) > 0).where(Review.id.in_(idents)).options(defer(Review.raw))
    )
    return {review.id: (review, kept) for review, kept in rows}


def _by_case(
    session: Session,
    idents: Sequence[int],
    kind: type[Row],
    key: InstrumentedAttribute[Any],
    order: InstrumentedAttribute[int],
) -> dict[int, list[Row]]:
    found: dict[int, list[Row]] = defaultdict(list)
    for ident, row in session.execute(select(key, kind).where(key.in_(idents)).order_by(order)):
        found[ident].append(row)
    return found


def standing_reviews(session: Session) -> Iterator[tuple[Review, str | None]]:
    """Every review whose facts are all there still, with the number of its case; the raw record is not read."""
    wanted = (
        select(Review, Case.number)
        .outerjoin(Case, Case.review_id == Review.id)
        .where(Review.erased_at.is_(None))
        .options(defer(Review.raw))
        .order_by(Review.id)
        .execution_options(yield_per=BATCH)
    )
    for review, number in session.execute(wanted):  # noqa: UP028 - rows become what the name says
        yield review, number
