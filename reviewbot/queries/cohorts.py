"""Which cases stand behind each rate: denominators, numerators and what stands beside or apart, as conditions."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import ColumnElement, and_, case, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute

from reviewbot.models.case import Call, Case, CaseEvent, DueTime
from reviewbot.models.oversight import Recall
from reviewbot.models.procedure import Application, ApplicationKind, ApplicationState
from reviewbot.models.rater import RaterAnswer
from reviewbot.queries.calls import CALLED_UNSEEN
from reviewbot.queries.cases import APPEAL_UPHELD
from reviewbot.queries.scope import Viewer, visible_cases
from reviewbot.rules.kinds import Kind
from reviewbot.rules.lifecycle import CaseStatus, ClosingKind, Move
from reviewbot.rules.raters import Answer
from reviewbot.rules.rates import DENIED_BEFORE, EXCLUDED, METRICS, UNSEEN_CALLS
from reviewbot.rules.recall import Finding


@dataclass(frozen=True)
class Cohort:
    """Which cases a metric counts (denominator) and what makes one count above the line, part by part.

    ``beside``: groups of the denominator shown next to the parts, never added to the numerator. ``apart``: groups
    told on their own line: of cases outside the denominator, or of some among it that a supervisor should look at.
    """

    members: ColumnElement[bool]
    parts: dict[str, ColumnElement[bool]]
    beside: dict[str, ColumnElement[bool]] = field(default_factory=dict)
    apart: dict[str, ColumnElement[bool]] = field(default_factory=dict)
    returned_by: ColumnElement[int | None] | None = None
    """For what a unit did with cases that may lie elsewhere now: the unit that answers for it, where there is one."""

    @property
    def shown(self) -> dict[str, ColumnElement[bool]]:
        """Every group by name, each as a condition of its own."""
        inside = {name: and_(self.members, part) for name, part in (self.parts | self.beside).items()}
        return inside | self.apart

    @property
    def unit(self) -> ColumnElement[int | None]:
        """The unit in whose row a case counts: whoever has it, unless another answers for it."""
        if self.returned_by is None:
            return Case.department_id.expression
        return func.coalesce(self.returned_by, Case.department_id)

    def seen_by(self, viewer: Viewer) -> ColumnElement[bool]:
        """Whose cases count for this viewer; a unit's own row counts what the city's counts of it."""
        seen = visible_cases(viewer)
        if self.returned_by is None or viewer.department_id is None:
            return seen
        return or_(seen, self.returned_by == viewer.department_id)


def cohort(
    metric: str, start: datetime, end: datetime, now: datetime, kinds: Collection[Kind] = (Kind.RATING,)
) -> Cohort:
    """The cohort of a metric for ``start <= its date < end``, as of ``now`` (domain §3)."""
    make, span = _COHORTS[metric], _Span(start, end, now, kinds)
    found = make(span)
    if EXCLUDED not in METRICS[metric].apart:
        return found
    return replace(found, apart=found.apart | {EXCLUDED: make(replace(span, upheld=True)).members})


_CLOSED = Case.status == CaseStatus.CLOSED


@dataclass(frozen=True)
class _Span:
    """The stretch of time a rate is about, as conditions on cases."""

    start: datetime
    end: datetime
    now: datetime
    kinds: Collection[Kind]
    upheld: bool = False
    """The cases that an upheld appeal keeps out of a rate, instead of those that are in it."""

    def has(self, moment: InstrumentedAttribute[datetime | None]) -> ColumnElement[bool]:
        return and_(moment >= self.start, moment < self.end)

    def owed(self, due: InstrumentedAttribute[datetime | None]) -> ColumnElement[bool]:
        """What was due within it, and is by now."""
        return and_(self.counted, self.has(due), due <= self.now)

    @property
    def counted(self) -> ColumnElement[bool]:
        in_or_out = APPEAL_UPHELD if self.upheld else ~APPEAL_UPHELD
        return and_(in_or_out, Case.dispatched_at.is_not(None), Case.kind.in_(self.kinds))

    @property
    def dispatched(self) -> ColumnElement[bool]:
        return and_(self.has(Case.dispatched_at), Case.kind.in_(self.kinds))

    @property
    def ended(self) -> ColumnElement[bool]:
        return and_(self.counted, _CLOSED, self.has(Case.closed_at))


def _rectified(span: _Span) -> Cohort:
    return Cohort(
        span.owed(Case.due_at),
        {
            "rectified": and_(_CLOSED, Case.closing_kind == ClosingKind.RECTIFIED),
            "explained": and_(_CLOSED, Case.closing_kind == ClosingKind.EXPLAINED),
        },
    )


def _on_time(due: InstrumentedAttribute[datetime | None]) -> Callable[[_Span], Cohort]:
    return lambda span: Cohort(span.owed(due), {"on_time": and_(_CLOSED, Case.closed_at <= due)})


def _extended(span: _Span) -> Cohort:
    """More time that others granted, and beside it more time that the unit gave itself as a complex matter (L4)."""
    granted = (
        select(Application.id)
        .where(
            Application.case_id == Case.id,
            Application.kind == ApplicationKind.EXTENSION,
            Application.state == ApplicationState.GRANTED,
        )
        .exists()
    )
    longer = (
        select(DueTime.id).where(DueTime.case_id == Case.id, DueTime.stage == "handling_complex").exists()
    )
    return Cohort(span.owed(Case.original_due_at), {"extended": granted}, {"complex": and_(~granted, longer)})


def _returned(span: _Span) -> Cohort:
    """Cases that bounced. They count for the unit that returned them first, whoever has them now (F14)."""
    first = (
        select(CaseEvent.data["from_department"].as_integer())
        .where(CaseEvent.case_id == Case.id, CaseEvent.move.in_([Move.RETURN, Move.RETURN_AGAIN]))
        .order_by(CaseEvent.seq)
        .limit(1)
        .scalar_subquery()
    )
    return Cohort(
        span.dispatched,
        {"once": Case.return_count == 1, "again": Case.return_count > 1},
        returned_by=case((Case.return_count > 0, first)),
    )


def _called_back(span: _Span) -> Cohort:
    """Real-name cases in four groups that add up to all of them; anonymous ones on their own line (F9), and those of
    the done ones whose number nobody had looked at (B15)."""

    def with_call(which: InstrumentedAttribute[bool]) -> ColumnElement[bool]:
        return select(Call.id).where(Call.case_id == Case.id, which).exists()

    due = span.owed(Case.due_at)
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
            UNSEEN_CALLS: and_(due, CALLED_UNSEEN),
        },
    )


def _responded(span: _Span) -> Cohort:
    within = Case.contacted_at <= Case.contact_due_at
    owed = and_(span.counted, span.has(Case.contact_due_at), (Case.contact_due_at <= span.now) | within)
    return Cohort(
        and_(owed, Case.real_name),
        {"in_time": within},
        apart={"anonymous": and_(owed, ~Case.real_name)},
    )


def _completed(span: _Span) -> Cohort:
    return Cohort(span.dispatched, {"closed": _CLOSED})


def _satisfied(span: _Span) -> Cohort:
    return Cohort(span.ended, {"satisfied": func.coalesce(Case.satisfaction, "") == "satisfied"})


def _said_at_all(span: _Span) -> Cohort:
    return Cohort(
        and_(span.ended, Case.satisfaction.is_not(None)),
        {name: Case.satisfaction == name for name in (Answer.SATISFIED, Answer.BASICALLY)},
        {Answer.DISSATISFIED: Case.satisfaction == Answer.DISSATISFIED},
        {DENIED_BEFORE: _denied_before(span)},
    )


def _denied_before(span: _Span) -> ColumnElement[bool]:
    """Cases reopened since their rater said 不满意 within the span, closed again or not."""
    said = (
        select(RaterAnswer.id)
        .where(
            RaterAnswer.case_id == Case.id,
            RaterAnswer.round < Case.round,
            RaterAnswer.answer == Answer.DISSATISFIED,
            RaterAnswer.at >= span.start,
            RaterAnswer.at < span.end,
        )
        .exists()
    )
    return and_(span.counted, said)


def _recalled(span: _Span) -> Cohort:
    """What re-calls concluded in the period found (peers B5); a case called twice in it counts by its latest."""
    within = and_(Recall.case_id == Case.id, span.has(Recall.concluded_at))
    latest = (
        select(Recall.finding)
        .where(within, Recall.finding.in_([finding for finding in Finding if finding.is_answer]))
        .order_by(Recall.concluded_at.desc())
        .limit(1)
        .scalar_subquery()
    )
    called = Case.id.in_(
        select(Recall.case_id).where(span.has(Recall.concluded_at))
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


def _confirmed(span: _Span) -> Cohort:
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
        span.ended,
        {"confirmed": said.in_([Answer.SATISFIED, Answer.BASICALLY])},
        {
            "denied": said == Answer.DISSATISFIED,
            "nobody_called": and_(said == "", nobody),
            "silent": and_(said == "", ~nobody),
        },
        {DENIED_BEFORE: _denied_before(span)},
    )


_COHORTS: dict[str, Callable[[_Span], Cohort]] = {
    "rectification_rate": _rectified,
    "on_time_rectification_rate": _on_time(Case.due_at),
    "on_time_rectification_rate_original_due": _on_time(Case.original_due_at),
    "extension_rate": _extended,
    "return_rate": _returned,
    "call_back_rate": _called_back,
    "response_rate": _responded,
    "completion_rate": _completed,
    "satisfaction_rate": _satisfied,
    "confirmed_rectification_rate": _confirmed,
    "call_back_satisfaction_rate": _said_at_all,
    "recall_confirmed_rate": _recalled,
}
