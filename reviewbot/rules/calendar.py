"""Working-time arithmetic on a given calendar: which time counts, which does not, and why."""

import math
import tomllib
from calendar import monthrange
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Self
from zoneinfo import ZoneInfo

from reviewbot.errors import SettingError

SHANGHAI = ZoneInfo("Asia/Shanghai")
OFFICE_HOURS = ((time(8, 30), time(12)), (time(14, 30), time(17, 30)))
WEEKDAYS = ("周一", "周二", "周三", "周四", "周五", "周六", "周日")

_ONE_DAY = timedelta(days=1)
_NOTHING = timedelta()
_SATURDAY = 5


class DayKind(StrEnum):
    WORKDAY = "workday"
    MAKE_UP = "make_up"
    """A weekend or holiday on which the office is open: 调休上班, or a local opening."""
    WEEKEND = "weekend"
    HOLIDAY = "holiday"
    LOCAL_OFF = "local_off"


@dataclass(frozen=True)
class Day:
    kind: DayKind
    label: str
    provisional: bool
    """The national arrangement for this year is not published: the day may still change."""

    @property
    def is_working(self) -> bool:
        return self.kind in (DayKind.WORKDAY, DayKind.MAKE_UP)

    @property
    def reason(self) -> str:
        return f"{self.label}（暂定）" if self.provisional else self.label


@dataclass(frozen=True)
class Interval:
    start: datetime
    end: datetime
    counted: bool
    reason: str
    provisional: bool = False


@dataclass(frozen=True)
class Reckoning:
    """A due time with its working: the intervals cover everything from the start to ``due``, without gaps."""

    due: datetime
    intervals: tuple[Interval, ...]
    provisional: bool


@dataclass(frozen=True)
class Calendar:
    """The days and hours on which time counts; local days go before make-up days, these before holidays."""

    version: str
    holidays: Mapping[date, str] = field(hash=False)
    make_up_days: Mapping[date, str] = field(hash=False)
    years: frozenset[int]
    tz: ZoneInfo = SHANGHAI
    office_hours: tuple[tuple[time, time], ...] = OFFICE_HOURS
    local_off: Mapping[date, str] = field(default_factory=dict, hash=False)
    local_on: Mapping[date, str] = field(default_factory=dict, hash=False)

    @classmethod
    def from_tables(cls, national: Mapping[str, object], local: Mapping[str, object]) -> Self:
        """Builds the calendar from the parsed ``national.toml`` and ``local.toml``."""
        years = _years(national)
        holidays = _dates(national, "holidays")
        make_up = _dates(national, "make_up")
        local_off, local_on = _dates(local, "local_off"), _dates(local, "local_on")
        _refuse_both(holidays, make_up, "holidays", "make_up")
        _refuse_both(local_off, local_on, "local_off", "local_on")
        for day in (*holidays, *make_up):
            if day.year not in years:
                raise SettingError(f"日历中的 {day} 所在年份未列入 years。")
        return cls(
            version=f"{_text(national, 'version')}+{_text(local, 'version')}",
            holidays=holidays,
            make_up_days=make_up,
            years=years,
            office_hours=_office_hours(local),
            local_off=local_off,
            local_on=local_on,
        )

    @classmethod
    def from_texts(cls, national: str, local: str) -> Self:
        """The same from the text of the two files. Raises SettingError with the first mistake."""
        return cls.from_tables(_parse(national, "national.toml"), _parse(local, "local.toml"))

    def day(self, d: date) -> Day:
        if (label := self.local_off.get(d)) is not None:
            return Day(DayKind.LOCAL_OFF, label, provisional=False)
        if (label := self.local_on.get(d)) is not None:
            return Day(DayKind.MAKE_UP, label, provisional=False)
        provisional = d.year not in self.years
        if d in self.make_up_days:
            return Day(DayKind.MAKE_UP, "调休上班", provisional)
        if (label := self.holidays.get(d)) is not None:
            return Day(DayKind.HOLIDAY, label, provisional)
        if d.weekday() >= _SATURDAY:
            return Day(DayKind.WEEKEND, WEEKDAYS[d.weekday()], provisional)
        return Day(DayKind.WORKDAY, "工作日", provisional)

    def is_working_day(self, d: date) -> bool:
        return self.day(d).is_working

    def is_working_time(self, t: datetime) -> bool:
        """Opening moments count as working time, closing moments do not."""
        here = self.here(t)
        clock = here.time()
        return self.is_working_day(here.date()) and any(a <= clock < b for a, b in self.office_hours)

    def here(self, t: datetime) -> datetime:
        """The same instant on this calendar's clock; a naive datetime names no instant and is refused."""
        if t.utcoffset() is None:
            raise ValueError("a datetime without a time zone cannot be reckoned with")
        return t.astimezone(self.tz)

    def midnight(self, d: date) -> datetime:
        return datetime.combine(d, time(), self.tz)

    def windows(self, d: date) -> Iterator[tuple[datetime, datetime]]:
        """The day's office hours, whether or not it is a working day."""
        for opens, closes in self.office_hours:
            yield datetime.combine(d, opens, self.tz), datetime.combine(d, closes, self.tz)

    def closing(self, d: date) -> datetime:
        return datetime.combine(d, self.office_hours[-1][1], self.tz)

    def working_hours_between(self, a: datetime, b: datetime) -> timedelta:
        """Office time from ``a`` to ``b``; negative if ``b`` is earlier."""
        a, b = self.here(a), self.here(b)
        if b < a:
            return -self.working_hours_between(b, a)
        total, d = _NOTHING, a.date()
        while d <= b.date():
            if self.is_working_day(d):
                for opens, closes in self.windows(d):
                    total += max(min(closes, b) - max(opens, a), _NOTHING)
            d += _ONE_DAY
        return total


class _Tape:
    """Collects intervals; neighbours that do not count for the same reason become one."""

    def __init__(self) -> None:
        self.intervals: list[Interval] = []

    def add(self, start: datetime, end: datetime, counted: bool, reason: str, provisional: bool) -> None:
        if start >= end:
            return
        last = self.intervals[-1] if self.intervals else None
        if last and not counted and (last.counted, last.reason) == (False, reason):
            provisional = provisional or last.provisional
            self.intervals[-1] = Interval(last.start, end, False, reason, provisional)
        else:
            self.intervals.append(Interval(start, end, counted, reason, provisional))

    def reckoning(self, due: datetime) -> Reckoning:
        return Reckoning(due, tuple(self.intervals), any(i.provisional for i in self.intervals))


def add_working_hours(cal: Calendar, start: datetime, hours: float) -> Reckoning:
    """The earliest instant by which ``hours`` of office time have passed since ``start``."""
    return _add_working_time(cal, cal.here(start), _duration(hours))


def add_working_days(cal: Calendar, start: datetime, n: int) -> Reckoning:
    """The close of the n-th working day after the start day, which itself does not count (民法典 201)."""
    tape, d = _begin_with_the_start_day(cal, start, n)
    counted = 0
    while True:
        d += _ONE_DAY
        day = cal.day(d)
        counted += day.is_working
        end = cal.closing(d) if counted == n else cal.midnight(d + _ONE_DAY)
        tape.add(cal.midnight(d), end, day.is_working, day.reason, day.provisional)
        if counted == n:
            return tape.reckoning(end)


def add_calendar_days(cal: Calendar, start: datetime, n: int) -> Reckoning:
    """The close of the n-th day after the start day; from a day off it rolls on (民法典 201, 203)."""
    tape, d = _begin_with_the_start_day(cal, start, n)
    for _ in range(n - 1):
        d += _ONE_DAY
        tape.add(cal.midnight(d), cal.midnight(d + _ONE_DAY), True, "自然日", False)
    d += _ONE_DAY
    day = cal.day(d)
    if day.is_working:
        reason = "自然日（暂定）" if day.provisional else "自然日"
        tape.add(cal.midnight(d), cal.closing(d), True, reason, day.provisional)
        return tape.reckoning(cal.closing(d))
    tape.add(cal.midnight(d), cal.midnight(d + _ONE_DAY), True, f"末日为{day.reason}", day.provisional)
    while not day.is_working:
        d += _ONE_DAY
        day = cal.day(d)
        end = cal.closing(d) if day.is_working else cal.midnight(d + _ONE_DAY)
        tape.add(cal.midnight(d), end, False, "顺延（暂定）" if day.provisional else "顺延", day.provisional)
    return tape.reckoning(cal.closing(d))


def add_months(cal: Calendar, start: datetime, n: int) -> Reckoning:
    """The close of the same day ``n`` months on, of the month's last where it has none; from a day off it rolls on
    (民法典 202, 203)."""
    day = cal.here(start).date()
    year, month = divmod(day.year * 12 + day.month - 1 + n, 12)
    end = day.replace(year=year, month=month + 1, day=min(day.day, monthrange(year, month + 1)[1]))
    return add_calendar_days(cal, start, (end - day).days)


def subtract_working_hours(cal: Calendar, end: datetime, hours: float) -> datetime:
    """The latest instant from which ``hours`` of office time remain until ``end``."""
    end, left = cal.here(end), _duration(hours)
    if not left:
        return end
    d = end.date()
    while True:
        for opens, closes in reversed(list(cal.windows(d))) if cal.is_working_day(d) else ():
            span = max(min(closes, end) - opens, _NOTHING)
            if span >= left:
                return opens + span - left
            left -= span
        d -= _ONE_DAY


def half_of(cal: Calendar, start: datetime, due: datetime) -> datetime:
    """The instant by which half of the office time has passed; if there is none, half of the plain time."""
    start, due = cal.here(start), cal.here(due)
    if due <= start:
        return due
    total = cal.working_hours_between(start, due)
    if not total:
        return start + (due - start) / 2
    return _add_working_time(cal, start, total / 2).due


def _add_working_time(cal: Calendar, start: datetime, left: timedelta) -> Reckoning:
    tape, at, d = _Tape(), start, start.date()
    while left:
        day = cal.day(d)
        for opens, closes in cal.windows(d) if day.is_working else ():
            begins = max(opens, at)
            if begins >= closes:
                continue
            ends = min(closes, begins + left)
            tape.add(at, begins, False, "非办公时间", day.provisional)
            tape.add(begins, ends, True, day.reason, day.provisional)
            at, left = ends, left - (ends - begins)
            if not left:
                return tape.reckoning(at)
        d += _ONE_DAY
        tape.add(at, cal.midnight(d), False, "非办公时间" if day.is_working else day.reason, day.provisional)
        at = cal.midnight(d)
    return tape.reckoning(at)


def _begin_with_the_start_day(cal: Calendar, start: datetime, n: int) -> tuple[_Tape, date]:
    if n < 1:
        raise ValueError(f"a limit in days is at least one day, not {n}")
    start, tape = cal.here(start), _Tape()
    tape.add(start, cal.midnight(start.date() + _ONE_DAY), False, "起始日不计入", False)
    return tape, start.date()


def _duration(hours: float) -> timedelta:
    if not math.isfinite(hours) or hours < 0:
        raise ValueError(f"a number of hours is finite and not negative, not {hours}")
    return timedelta(hours=hours)


def _parse(text: str, name: str) -> dict[str, object]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as wrong:
        raise SettingError(f"日历文件 {name} 写法有误：{wrong}。") from None


def _text(table: Mapping[str, object], key: str) -> str:
    value = table.get(key)
    if not isinstance(value, str) or not value.strip():
        raise SettingError(f"日历设置 {key} 缺失或不是文字。")
    return value


def _years(table: Mapping[str, object]) -> frozenset[int]:
    value = table.get("years")
    if not isinstance(value, list) or not all(type(year) is int for year in value):
        raise SettingError("日历设置 years 缺失或不是年份列表。")
    return frozenset(value)


def _dates(table: Mapping[str, object], key: str) -> dict[date, str]:
    value = table.get(key, {})
    if not isinstance(value, Mapping):
        raise SettingError(f"日历设置 {key} 应为“日期 = 名称”的表。")
    found: dict[date, str] = {}
    for written, name in value.items():
        try:
            day = date.fromisoformat(written)
        except (TypeError, ValueError):
            raise SettingError(f"日历设置 {key} 中的“{written}”不是日期，应形如 2026-10-01。") from None
        if not isinstance(name, str) or not name.strip() or day in found:
            raise SettingError(f"日历设置 {key} 中的“{written}”没有名称或重复。")
        found[day] = name
    return found


def _refuse_both(one: Mapping[date, str], other: Mapping[date, str], first: str, second: str) -> None:
    if both := sorted(one.keys() & other.keys()):
        raise SettingError(f"日历中的 {both[0]} 同时列在 {first} 和 {second}，只能有一处。")


def _office_hours(table: Mapping[str, object]) -> tuple[tuple[time, time], ...]:
    value = table.get("office_hours")
    problem = SettingError('日历设置 office_hours 应按先后写成 [["08:30", "12:00"], ...]，不得为空或重叠。')
    if not isinstance(value, list) or not value:
        raise problem
    try:
        spans = tuple((time.fromisoformat(opens), time.fromisoformat(closes)) for opens, closes in value)
    except (TypeError, ValueError):
        raise problem from None
    edges = [edge for span in spans for edge in span]
    if any(edge.tzinfo for edge in edges) or any(a >= b for a, b in pairwise(edges)):
        # Adjacent spans are refused too: they are one span.
        raise problem
    return spans
