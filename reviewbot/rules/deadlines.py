"""From a stage's limit to its due time, with the working a clerk can read and an auditor can recompute."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import groupby
from typing import assert_never
from zoneinfo import ZoneInfo

from reviewbot.rules.calendar import (
    SHANGHAI,
    WEEKDAYS,
    Calendar,
    Interval,
    Reckoning,
    add_calendar_days,
    add_months,
    add_working_days,
    add_working_hours,
)

_ONE_HOUR = timedelta(hours=1)
_ONE_MINUTE = timedelta(minutes=1)
_LEFT = "复核期间停计，按余下的时限续计"
_WEEKEND = frozenset(WEEKDAYS[5:])


RECEIVED, DISPATCHED = "received", "dispatched"
"""The case was opened for a review that came; the case was dispatched for the first time."""


class Unit(StrEnum):
    WORKING_HOUR = "working_hour"
    WORKING_DAY = "working_day"
    CALENDAR_DAY = "calendar_day"
    MONTH = "month"

    @property
    def label(self) -> str:
        match self:
            case Unit.WORKING_HOUR:
                return "工作小时"
            case Unit.WORKING_DAY:
                return "工作日"
            case Unit.CALENDAR_DAY:
                return "自然日"
            case Unit.MONTH:
                return "个月"
        assert_never(self)


@dataclass(frozen=True)
class Limit:
    stage: str
    value: float
    unit: Unit
    starts: str
    """The event the clock starts from (F7): ``RECEIVED``, ``DISPATCHED``, or the stage's own."""
    basis: str


@dataclass(frozen=True)
class DueTime:
    stage: str
    started_at: datetime
    due_at: datetime
    reckoning: Reckoning
    limit: Limit
    provisional: bool


def due_time(limit: Limit, cal: Calendar, started_at: datetime) -> DueTime:
    match limit.unit:
        case Unit.WORKING_HOUR:
            reckoning = add_working_hours(cal, started_at, limit.value)
        case Unit.WORKING_DAY:
            reckoning = add_working_days(cal, started_at, _whole(limit.value))
        case Unit.CALENDAR_DAY:
            reckoning = add_calendar_days(cal, started_at, _whole(limit.value))
        case Unit.MONTH:
            reckoning = add_months(cal, started_at, _whole(limit.value))
        case _:
            assert_never(limit.unit)
    return DueTime(
        stage=limit.stage,
        started_at=cal.here(started_at),
        due_at=reckoning.due,
        reckoning=reckoning,
        limit=limit,
        provisional=reckoning.provisional,
    )


def remainder(limit: Limit, cal: Calendar, at: datetime, due_at: datetime) -> Limit:
    """What is left of a limit at a moment before its due time, in its own unit (of months in days), as a limit that
    starts anew. Of days at least one: a part of a day counts as a day, for the day of the start is not counted."""
    at, due_at = cal.here(at), cal.here(due_at)
    days = range(1, (due_at.date() - at.date()).days + 1)
    match limit.unit:
        case Unit.WORKING_HOUR:
            left = max(cal.working_hours_between(at, due_at), _ONE_MINUTE) / _ONE_HOUR
        case Unit.WORKING_DAY:
            left = max(sum(cal.is_working_day(at.date() + timedelta(days=day)) for day in days), 1)
        case Unit.CALENDAR_DAY | Unit.MONTH:
            return Limit("remainder", max(len(days), 1), Unit.CALENDAR_DAY, "decided", _LEFT)
        case _:
            assert_never(limit.unit)
    return Limit("remainder", left, limit.unit, "decided", _LEFT)


def working_as_data(reckoning: Reckoning) -> list[dict[str, object]]:
    """The working as JSON-ready rows; the last row ends at the due time."""
    return [
        {
            "start": interval.start.isoformat(),
            "end": interval.end.isoformat(),
            "counted": interval.counted,
            "reason": interval.reason,
            "provisional": interval.provisional,
        }
        for interval in reckoning.intervals
    ]


def working_from_data(rows: Sequence[Mapping[str, object]], tz: ZoneInfo = SHANGHAI) -> Reckoning:
    """The inverse of ``working_as_data``."""
    if not rows:
        raise ValueError("a working without intervals has no due time")
    intervals = tuple(
        Interval(
            start=datetime.fromisoformat(str(row["start"])).astimezone(tz),
            end=datetime.fromisoformat(str(row["end"])).astimezone(tz),
            counted=bool(row["counted"]),
            reason=str(row["reason"]),
            provisional=bool(row["provisional"]),
        )
        for row in rows
    )
    return Reckoning(intervals[-1].end, intervals, any(interval.provisional for interval in intervals))


def describe(due: DueTime) -> list[str]:
    """The working in lines a clerk reads, the due time last."""
    limit = due.limit
    lines = [f"{_moment(due.started_at)} 起算，时限{limit.value:g}个{limit.unit.label}（{limit.basis}）"]
    if limit.unit is Unit.WORKING_HOUR:
        lines += _hour_lines(due.reckoning.intervals)
    else:
        lines += _day_lines(due.reckoning.intervals, limit.unit)
    lines.append(f"{_moment(due.due_at)} 到期")
    if due.provisional:
        lines.append("含暂定日期：有关年份的放假安排尚未公布，公布后到期时间可能变动")
    return lines


def _day_lines(intervals: Iterable[Interval], unit: Unit) -> list[str]:
    lines: list[str] = []
    nth = 0
    for _, group in groupby(intervals, key=lambda i: (i.counted, _plain(i) in _WEEKEND, i.provisional)):
        run = list(group)
        if run[0].counted:
            for interval in run:
                nth += 1
                note = "" if interval.reason in ("工作日", "自然日") else f"（{_note(interval)}）"
                lines.append(f"{_days([interval])} 第{nth}个{unit.label}{note}")
        elif _plain(run[0]) in _WEEKEND and len(run) > 1:
            lines.append(f"{_days(run)} 周末{'（暂定）' if run[0].provisional else ''} 不计")
        else:
            lines += [_uncounted_line(interval) for interval in run]
    return lines


def _uncounted_line(interval: Interval) -> str:
    if interval.reason == "起始日不计入":
        return f"{_days([interval])} 起始日不计入"
    if _plain(interval) == "顺延":
        return f"{_days([interval])} 末日遇休，{interval.reason}"
    # One weekend day already carries its name through the date.
    reason = "周末（暂定）" if interval.provisional else "周末"
    return f"{_days([interval])} {reason if _plain(interval) in _WEEKEND else interval.reason} 不计"


def _hour_lines(intervals: Iterable[Interval]) -> list[str]:
    lines: list[str] = []
    for counted, group in groupby(intervals, key=lambda i: i.counted):
        run = list(group)
        if counted:
            lines += [_counted_hours_line(interval) for interval in run]
        else:
            names = dict.fromkeys(interval.reason for interval in run)
            reasons = "、".join(names).replace("周六、周日", "周末")
            lines.append(f"{_short(run[0].start)} 至 {_short(run[-1].end)} {reasons} 不计")
    return lines


def _counted_hours_line(interval: Interval) -> str:
    hours = (interval.end - interval.start) / _ONE_HOUR
    note = "" if interval.reason == "工作日" else f"（{_note(interval)}）"
    return f"{_short(interval.start)} 至 {interval.end:%H:%M} 计{round(hours, 2):g}小时{note}"


def _plain(interval: Interval) -> str:
    return interval.reason.removesuffix("（暂定）")


def _note(interval: Interval) -> str:
    """The reason where it stands in brackets: 暂定 alone if nothing else is special about the day."""
    plain = _plain(interval)
    if not interval.provisional:
        return plain
    return "暂定" if plain in ("工作日", "自然日") else f"{plain}，暂定"


def _days(run: Sequence[Interval]) -> str:
    first = run[0].start.date()
    last = (run[-1].end - timedelta(microseconds=1)).date()
    if first == last:
        return f"{first:%m-%d} {WEEKDAYS[first.weekday()]}"
    return f"{first:%m-%d} 至 {last:%m-%d}"


def _short(at: datetime) -> str:
    return f"{at:%m-%d} {WEEKDAYS[at.weekday()]} {at:%H:%M}"


def _moment(at: datetime) -> str:
    return f"{at.year}-{_short(at)}"


def _whole(value: float) -> int:
    if value != int(value):
        raise ValueError(f"a limit in days is a whole number, not {value}")
    return int(value)
