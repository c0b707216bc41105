"""Rates and the delays of helpers: the same formula for the API, the pages, the command line and the chat."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.orm import Session

from reviewbot.clock import CHINA, check_days, span
from reviewbot.errors import InvalidInput
from reviewbot.queries.cohorts import Cohort, cohort
from reviewbot.queries.counts import count_cohort
from reviewbot.queries.directory import DESK, UnitName, unit_names
from reviewbot.queries.procedure import Assisted, assisted_by_unit
from reviewbot.queries.scope import Viewer
from reviewbot.rules.kinds import Family
from reviewbot.rules.rates import Figure, Metric, metrics_of


@dataclass(frozen=True)
class RateRow:
    """One figure of one metric, for one unit or (None) for all the viewer may see."""

    unit: UnitName | None
    figure: Figure
    metric: Metric
    """Its definition in the words of these cases."""


def report_rates(
    session: Session,
    viewer: Viewer,
    *,
    first: date,
    last: date,
    now: datetime,
    metrics: list[str] | None = None,
    by_department: bool = False,
    department_id: int | None = None,
    family: Family = Family.RATING,
) -> list[RateRow]:
    """The figures for ``first``..``last`` (both included, China time), as of ``now``."""
    known = metrics_of(family)
    unknown = [key for key in metrics or [] if key not in known]
    if unknown:
        raise InvalidInput(f"{family.label}没有指标“{unknown[0]}”；可用：{'、'.join(known)}。")
    start, end = _checked_span(first, last)
    cohorts = {key: cohort(key, start, end, now, family.kinds) for key in metrics or known}
    counted = {
        key: count_cohort(session, found, viewer, by_department=by_department, department_id=department_id)
        for key, found in cohorts.items()
    }
    units: list[UnitName | None] = [None]
    if by_department:
        with_cases = {ident for groups in counted.values() for ident in groups}
        units = [*_units(session, viewer, department_id, with_cases)]
    return [
        RateRow(
            unit,
            _figure(key, cohorts[key], counted[key].get(unit.id if unit else None)),
            known[key],
        )
        for key in cohorts
        for unit in units
    ]


def _units(
    session: Session, viewer: Viewer, department_id: int | None, with_cases: Collection[int | None]
) -> list[UnitName]:
    """The handling units this viewer may ask about, in directory order. One with nothing due is listed with "—",
    neither left out nor given 100 % (F20); the bureau and the desk only with cases of their own, so that the rows add
    up to all."""
    return [
        unit
        for unit in (*unit_names(session).values(), DESK)
        if (unit.handles or unit.id in with_cases)
        and (viewer.sees_all or unit.id == viewer.department_id)
        and department_id in (None, unit.id)
    ]


def _figure(key: str, found: Cohort, counted: tuple[int, dict[str, int]] | None) -> Figure:
    count, groups = counted or (0, dict.fromkeys(found.shown, 0))
    numerator = sum(groups[part] for part in found.parts)
    inside = {name: number for name, number in groups.items() if name not in found.apart}
    return Figure(key, numerator, count, inside, {name: groups[name] for name in found.apart})


def report_assistance(
    session: Session, viewer: Viewer, *, first: date, last: date, now: datetime
) -> list[Assisted]:
    """What each unit was asked to help with, limits within ``first``..``last``, and its delays as of ``now`` (F15)."""
    return assisted_by_unit(session, viewer, *_checked_span(first, last), now)


def _checked_span(first: date, last: date) -> tuple[datetime, datetime]:
    check_days(first, last)
    return span(first, last)


def this_month(now: datetime) -> tuple[date, date]:
    """The first day of the month and today, in China."""
    today = now.astimezone(CHINA).date()
    return today.replace(day=1), today
