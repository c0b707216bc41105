"""The numerators and denominators of every metric, and the balance of intake and messages."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    ColumnExpressionArgument,
    ScalarSelect,
    Select,
    cast,
    func,
    null,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import InstrumentedAttribute, Session

from reviewbot.models.case import Case, MediaFetch
from reviewbot.models.message import InboxItem, Message
from reviewbot.models.review import IntakeBatch, KeptRecord, Review, ReviewCopy
from reviewbot.queries.cohorts import Cohort
from reviewbot.queries.scope import DESK_ID, Viewer, lies_with


def count_cohort(
    session: Session, found: Cohort, viewer: Viewer, *, by_department: bool, department_id: int | None = None
) -> dict[int | None, tuple[int, dict[str, int]]]:
    """Denominator, parts and what stands beside or apart, by department's id; under None for all."""
    shown = found.shown
    all_of_it = func.count().filter(found.members)
    columns = [func.count().filter(part) for part in shown.values()]
    wanted: Select[*tuple[Any, ...]]
    if by_department:
        unit = func.coalesce(found.unit, DESK_ID)
        wanted = select(unit, all_of_it, *columns).group_by(unit)
    else:
        wanted = select(null(), all_of_it, *columns).select_from(Case)
    wanted = wanted.where(or_(found.members, *found.apart.values()), found.seen_by(viewer))
    if department_id is not None:
        wanted = wanted.where(lies_with(department_id, found.unit))
    rows: Iterable[Any] = session.execute(wanted)
    return {ident: (count, dict(zip(shown, groups, strict=True))) for ident, count, *groups in rows}


RESULTS = ("accepted", "duplicate", "altered", "refused", "set_aside")


@dataclass(frozen=True)
class Balance:
    """Received = accepted + duplicate + altered + refused + set aside; and the rows that prove it."""

    received: int
    results: dict[str, int]
    reviews: int
    bad_reviews: int
    work_orders: int
    cases: int
    unrouted: int
    kept: dict[str, int]
    settled: dict[str, int]
    """Of the records set aside: how many the desk took in (counted once more as its delivery) or dismissed."""
    by_desk: int
    """Records delivered by the desk, which are those taken in."""
    altered_copies: int
    continued: int
    """Copies, among the duplicates, that said how a work order that was known has ended; each once."""
    due_waiting: int
    """Cases whose next rung has come and has not been looked at yet."""
    callbacks_waiting: int
    messages: dict[str, int]

    @property
    def adds_up(self) -> bool:
        """Counters against rows, not counters against themselves."""
        return (
            self.received == sum(self.results.values())
            and self.reviews == self.results["accepted"]
            and self.bad_reviews + self.work_orders == self.cases + self.unrouted
            and all(self.kept.get(name, 0) == self.results[name] for name in ("refused", "set_aside"))
            and self.settled.get("taken_in", 0) == self.by_desk
        )

    @property
    def set_aside_open(self) -> int:
        """Records set aside that still wait for the desk."""
        return self.kept.get("set_aside", 0) - sum(self.settled.values())


def intake_balance(session: Session, now: datetime) -> Balance:
    """Everything in one statement, which sees one moment: a delivery committed meanwhile cannot split the sums."""
    batches = select(
        _sum(IntakeBatch.received).label("received"),
        *(_sum(getattr(IntakeBatch, name)).label(name) for name in RESULTS),
        _sum(IntakeBatch.received, IntakeBatch.via == "desk").label("by_desk"),
    ).subquery()
    settled = (KeptRecord.result == "set_aside", KeptRecord.settled_at.is_not(None))
    counts: dict[str, ColumnElement[Any]] = {
        "reviews": _count(Review.id),
        "bad_reviews": _count(Review.id, Review.is_bad),
        "work_orders": _count(Review.id, Review.wants_case, ~Review.is_bad),
        "cases": _count(Case.id),
        "unrouted": _count(Review.id, Review.wants_case, Review.routed_at.is_(None)),
        "kept": _counts(KeptRecord.result),
        "settled": _counts(KeptRecord.settlement, *settled),
        "altered_copies": _count(ReviewCopy.id, ReviewCopy.result == "altered"),
        "continued": _count(ReviewCopy.id, ReviewCopy.result == "duplicate"),
        "due_waiting": _count(Case.id, Case.next_action_at <= now),
        "callbacks_waiting": _count(InboxItem.id, InboxItem.state == "new")
        + _count(MediaFetch.id, MediaFetch.state == "wanted"),
        "messages": _counts(Message.state),
    }
    asked = select(batches, *(each.label(name) for name, each in counts.items()))
    told = dict(session.execute(asked).mappings().one())
    return Balance(results={name: told.pop(name) for name in RESULTS}, **told)


def _sum(column: InstrumentedAttribute[int], *which: ColumnElement[bool]) -> ColumnElement[int]:
    total = func.sum(column)
    return func.coalesce(total.filter(*which) if which else total, 0)


def _count(ident: InstrumentedAttribute[int], *which: ColumnExpressionArgument[bool]) -> ScalarSelect[int]:
    return select(func.count(ident)).where(*which).scalar_subquery()


def _counts(column: InstrumentedAttribute[Any], *which: ColumnElement[bool]) -> ColumnElement[dict[str, int]]:
    """``{value: rows}`` as one value; '' stands for none."""
    name = func.coalesce(column, "").label("name")
    groups = select(name, func.count().label("rows")).where(*which).group_by(name).subquery()
    every = func.coalesce(func.jsonb_object_agg(groups.c.name, groups.c.rows, type_=JSONB), cast({}, JSONB))
    return select(every).scalar_subquery()


def suppressed_reasons(session: Session) -> dict[str, int]:
    """Why messages were suppressed, each reason with its count, the most frequent first."""
    rows = session.execute(
        select(Message.reason, func.count())
        .where(Message.state == "suppressed")
        .group_by(Message.reason)
        .order_by(func.count().desc())
    )
    return {reason or "": count for reason, count in rows}
