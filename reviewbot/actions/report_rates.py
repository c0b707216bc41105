"""Rates and the delays of helpers: the same formula for the API, the pages, the command line and the chat."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.orm import Session

from reviewbot.clock import CHINA, span
from reviewbot.errors import InvalidInput
from reviewbot.queries.counts import cohort, count_cohort
from reviewbot.queries.directory import units_seen_by
from reviewbot.queries.procedure import Assisted, assisted_by_unit
from reviewbot.queries.scope import Viewer
from reviewbot.rules.kinds import Kind
from reviewbot.rules.rates import METRICS, Figure


@dataclass(frozen=True)
class RateRow:
    """One figure of one metric, for one department or (None) for all the viewer may see."""

    department: str | None
    figure: Figure


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
    kinds: Collection[Kind] = (Kind.RATING,),
) -> list[RateRow]:
    """The figures for ``first``..``last`` (both included, China time), as of ``now``."""
    unknown = [key for key in metrics or [] if key not in METRICS]
    if unknown:
        raise InvalidInput(f"没有指标“{unknown[0]}”；可用：{'、'.join(METRICS)}。")
    start, end = _checked_span(first, last)
    # A unit with nothing due is listed with "—", neither left out nor given 100 % (F20).
    units: list[str | None] = [*units_seen_by(session, viewer, department_id)] if by_department else []
    rows = []
    for key in metrics or list(METRICS):
        found = cohort(key, start, end, now, kinds)
        counted = {
            name: (count, parts)
            for name, count, parts in count_cohort(
                session, found, viewer, by_department=by_department, department_id=department_id
            )
        }
        nothing = (0, dict.fromkeys(found.shown, 0))
        for name in units or list(counted):
            count, parts = counted.get(name, nothing)
            numerator = sum(parts[part] for part in found.parts)
            apart = {group: parts[group] for group in found.apart}
            inside = {group: number for group, number in parts.items() if group not in apart}
            rows.append(RateRow(name, Figure(key, numerator, count, inside, apart)))
    return rows


def report_assistance(
    session: Session, viewer: Viewer, *, first: date, last: date, now: datetime
) -> list[Assisted]:
    """What each unit was asked to help with, limits within ``first``..``last``, and its delays as of ``now`` (F15)."""
    return assisted_by_unit(session, viewer, *_checked_span(first, last), now)


def _checked_span(first: date, last: date) -> tuple[datetime, datetime]:
    if not (date(2000, 1, 1) <= first and last < date(2100, 1, 1)):
        raise InvalidInput("起止日期须在 2000 年至 2099 年之间。")
    if first > last:
        raise InvalidInput(f"起始日期 {first} 晚于截止日期 {last}。")
    return span(first, last)


def this_month(now: datetime) -> tuple[date, date]:
    """The first day of the month and today, in China."""
    today = now.astimezone(CHINA).date()
    return today.replace(day=1), today
