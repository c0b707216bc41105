"""What another calendar does to limits that run: the due time anew, and the days that account for it (B2)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from reviewbot.rules.calendar import WEEKDAYS, Calendar, Day
from reviewbot.rules.deadlines import DueTime, Limit, due_time


@dataclass(frozen=True)
class Running:
    """A limit as it was reckoned. ``follows``: the stage whose due time it starts from, as an extension does."""

    stage: str
    limit: Limit
    started_at: datetime
    follows: str | None = None


def reckon_anew(limits: Sequence[Running], calendar: Calendar) -> dict[str, DueTime]:
    """By stage, in the order given: the same limits from the same starts on another calendar. Where a limit starts
    from another's due time, it starts from the new one."""
    found: dict[str, DueTime] = {}
    for one in limits:
        starts = found[one.follows].due_at if one.follows in found else one.started_at
        found[one.stage] = replace(due_time(one.limit, calendar, starts), stage=one.stage)
    return found


def changed_days(old: Calendar, new: Calendar, first: date, last: date) -> Iterator[str]:
    """The days that count in one calendar and not in the other, and the hours, in a clerk's words."""
    if old.office_hours != new.office_hours:
        yield f"办公时间 {_hours(old)} 改为 {_hours(new)}"
    day = first
    while day <= last:
        before, after = old.day(day), new.day(day)
        if before.is_working != after.is_working:
            yield f"{day:%m-%d} {WEEKDAYS[day.weekday()]} {_name(before)}改为{_name(after)}"
        day += timedelta(days=1)


def _name(day: Day) -> str:
    return day.reason if day.is_working else f"{day.reason}休"


def _hours(calendar: Calendar) -> str:
    return "、".join(f"{opens:%H:%M}–{closes:%H:%M}" for opens, closes in calendar.office_hours)
