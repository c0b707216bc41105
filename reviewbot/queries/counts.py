"""The numerators and denominators of every metric, and the balance of intake and messages."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    ColumnExpressionArgument,
    ScalarSelect,
    Select,
    and_,
    cast,
    func,
    null,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import InstrumentedAttribute, Session

from reviewbot.models.case import Call, Case, MediaFetch
from reviewbot.models.message import InboxItem, Message
from reviewbot.models.oversight import Recall
from reviewbot.models.rater import RaterAnswer
from reviewbot.models.review import IntakeBatch, KeptRecord, Review, ReviewCopy
from reviewbot.queries.cases import APPEAL_UPHELD
from reviewbot.queries.scope import DESK_ID, Viewer, lies_with, visible_cases
from reviewbot.rules.kinds import Kind
from reviewbot.rules.lifecycle import CaseStatus, ClosingKind
from reviewbot.rules.raters import Answer
from reviewbot.rules.recall import Finding


@dataclass(frozen=True)
class Cohort:
    """Which cases a metric counts (denominator) and what makes one count above the line, part by part.

    ``beside``: groups of the denominator shown next to the parts, never added to the numerator. ``apart``: groups
    of cases outside the denominator, told on their own line.
    """

    members: ColumnElement[bool]
    parts: dict[str, ColumnElement[bool]]
    beside: dict[str, ColumnElement[bool]] = field(default_factory=dict)
    apart: dict[str, ColumnElement[bool]] = field(default_factory=dict)

    @property
    def shown(self) -> dict[str, ColumnElement[bool]]:
        """Every group by name, each as a condition of its own."""
        inside = {name: and_(self.members, part) for name, part in (self.parts | self.beside).items()}
        return inside | self.apart


def cohort(
    metric: str, start: datetime, end: datetime, now: datetime, kinds: Collection[Kind] = (Kind.RATING,)
) -> Cohort:
    """The cohort of a metric for ``start <= its date < end``, as of ``now`` (domain §3)."""
    closed = Case.status == CaseStatus.CLOSED
    counted = and_(
        ~APPEAL_UPHELD,
        Case.dispatched_at.is_not(None),
        Case.kind.in_(kinds),
    )
    due = and_(counted, Case.due_at >= start, Case.due_at < end, Case.due_at <= now)
    match metric:
        case "rectification_rate":
            return Cohort(
                due,
                {
                    "rectified": and_(closed, Case.closing_kind == ClosingKind.RECTIFIED),
                    "explained": and_(closed, Case.closing_kind == ClosingKind.EXPLAINED),
                },
            )
        case "on_time_rectification_rate":
            return Cohort(due, {"on_time": and_(closed, Case.closed_at <= Case.due_at)})
        case "call_back_rate":
            return _called_back(due)
        case "response_rate":
            within = Case.contacted_at <= Case.contact_due_at
            owed = and_(
                counted,
                Case.contact_due_at >= start,
                Case.contact_due_at < end,
                (Case.contact_due_at <= now) | within,
            )
            return Cohort(
                and_(owed, Case.real_name),
                {"in_time": within},
                apart={"anonymous": and_(owed, ~Case.real_name)},
            )
        case "completion_rate":
            sent = and_(Case.dispatched_at >= start, Case.dispatched_at < end, Case.kind.in_(kinds))
            return Cohort(sent, {"closed": closed})
        case "satisfaction_rate":
            ended = and_(counted, closed, Case.closed_at >= start, Case.closed_at < end)
            return Cohort(ended, {"satisfied": func.coalesce(Case.satisfaction, "") == "satisfied"})
        case "confirmed_rectification_rate":
            ended = and_(counted, closed, Case.closed_at >= start, Case.closed_at < end)
            return _confirmed(ended)
        case "call_back_satisfaction_rate":
            ended = and_(counted, closed, Case.closed_at >= start, Case.closed_at < end)
            return Cohort(
                and_(ended, Case.satisfaction.is_not(None)),
                {name: Case.satisfaction == name for name in (Answer.SATISFIED, Answer.BASICALLY)},
                {Answer.DISSATISFIED: Case.satisfaction == Answer.DISSATISFIED},
            )
        case "recall_confirmed_rate":
            return _recalled(start, end)
    raise KeyError(metric)


def _called_back(due: ColumnElement[bool]) -> Cohort:
    """Real-name cases in four groups that add up to all of them; anonymous ones on their own line (F9)."""

    def with_call(which: InstrumentedAttribute[bool]) -> ColumnElement[bool]:
        return select(Call.id).where(Call.case_id == Case.id, which).exists()

    reached, completed = with_call(Call.reached), with_call(Call.completes)
    anonymous = and_(due, ~Case.real_name)
    return Cohort(
        and_(due, Case.real_name),
        {"reached": reached, "exhausted": and_(completed, ~reached)},
        {
            "attempted": and_(Case.call_count > 0, ~completed, ~reached),
            "untried": Case.call_count == 0,
        },
        {
            "anonymous_attempted": and_(anonymous, Case.call_count > 0),
            "anonymous_reached": and_(anonymous, reached),
            "anonymous_not_reached": and_(anonymous, ~reached),
        },
    )


def _recalled(start: datetime, end: datetime) -> Cohort:
    """What re-calls concluded in the period found (peers B5); a case called twice in it counts by its latest."""
    within = and_(Recall.case_id == Case.id, Recall.concluded_at >= start, Recall.concluded_at < end)
    latest = (
        select(Recall.finding)
        .where(within, Recall.finding.in_([finding for finding in Finding if finding.is_answer]))
        .order_by(Recall.concluded_at.desc())
        .limit(1)
        .scalar_subquery()
    )
    called = Case.id.in_(
        select(Recall.case_id).where(Recall.concluded_at >= start, Recall.concluded_at < end)
    )  # says nothing new, but spares every other case the look for its latest
    return Cohort(
        and_(called, latest.is_not(None)),
        {Finding.CONFIRMED: latest == Finding.CONFIRMED},
        {
            finding: latest == finding
            for finding in Finding
            if finding.is_answer and finding is not Finding.CONFIRMED
        },
    )


def _confirmed(ended: ColumnElement[bool]) -> Cohort:
    """What raters said of the closing: every closed case is in exactly one of the four groups (peers B4)."""
    said = func.coalesce(Case.satisfaction, "")
    nobody = (
        select(RaterAnswer.id)
        .where(
            RaterAnswer.case_id == Case.id,
            RaterAnswer.round == Case.round,
            RaterAnswer.answer == Answer.NOBODY_CALLED,
        )
        .exists()
    )
    return Cohort(
        ended,
        {"confirmed": said.in_([Answer.SATISFIED, Answer.BASICALLY])},
        {
            "denied": said == Answer.DISSATISFIED,
            "nobody_called": and_(said == "", nobody),
            "silent": and_(said == "", ~nobody),
        },
    )


def count_cohort(
    session: Session, found: Cohort, viewer: Viewer, *, by_department: bool, department_id: int | None = None
) -> dict[int | None, tuple[int, dict[str, int]]]:
    """Denominator, parts and what stands beside or apart, by department's id; under None for all."""
    shown = found.shown
    all_of_it = func.count().filter(found.members)
    columns = [func.count().filter(part) for part in shown.values()]
    wanted: Select[*tuple[Any, ...]]
    if by_department:
        unit = func.coalesce(Case.department_id, DESK_ID)
        wanted = select(unit, all_of_it, *columns).group_by(unit)
    else:
        wanted = select(null(), all_of_it, *columns).select_from(Case)
    wanted = wanted.where(or_(found.members, *found.apart.values()), visible_cases(viewer))
    if department_id is not None:
        wanted = wanted.where(lies_with(department_id))
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
        "altered_copies": _count(ReviewCopy.id),
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
