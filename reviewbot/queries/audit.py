"""What an audit of the records reads: each case with all that belongs to it, many at a time."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import InstrumentedAttribute, Session, defer

from reviewbot.models.case import Call, Case, CaseEvent, DueTime, Evidence
from reviewbot.models.review import Review

Row = TypeVar("Row")
BATCH = 500
"""Cases read at once: four statements for all of them, and never the whole city in memory."""


@dataclass(frozen=True)
class CaseRecord:
    """One case and its own rows, each in the order in which they were made."""

    case: Case
    events: Sequence[CaseEvent]
    calls: Sequence[Call]
    limits: Sequence[DueTime]
    evidence: Sequence[Evidence]


def case_records(session: Session) -> Iterator[CaseRecord]:
    """Every case in order of opening; what was read before is let go of."""
    last = 0
    while cases := session.scalars(select(Case).where(Case.id > last).order_by(Case.id).limit(BATCH)).all():
        idents = [case.id for case in cases]
        events = _by_case(session, idents, CaseEvent, CaseEvent.case_id, CaseEvent.seq)
        calls = _by_case(session, idents, Call, Call.case_id, Call.id)
        limits = _by_case(session, idents, DueTime, DueTime.case_id, DueTime.id)
        evidence = _by_case(session, idents, Evidence, Evidence.case_id, Evidence.id)
        for case in cases:
            yield CaseRecord(case, events[case.id], calls[case.id], limits[case.id], evidence[case.id])
        last = idents[-1]
        session.expunge_all()


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
