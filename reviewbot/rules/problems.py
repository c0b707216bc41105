"""举一反三 reckoned: which like reviews count before and after the measures, and how long a plan may wait (B16)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from reviewbot.rules.calendar import SHANGHAI, Calendar, add_working_days

Span = tuple[datetime, datetime]
"""``start <= moment < end``."""


class Part(StrEnum):
    """Where a like review falls, as staff read it; of these only BEFORE, BETWEEN and AFTER make the figure."""

    EARLIER = "早于措施前的统计期（不计入）"
    BEFORE = "立项前"
    BETWEEN = "立项后、措施开始前"
    AFTER = "措施开始后"
    LATER = "晚于措施后的统计期（不计入）"


@dataclass(frozen=True)
class Course:
    """How a problem stands: when it was opened, what was promised, and what its measures are judged by."""

    opened_at: datetime
    window_days: int
    plan_days: int
    begin_within: int
    measures_from: date | None
    gave_way_at: datetime | None
    """When the measures before these ended; None where these are the first."""

    @property
    def begins_at(self) -> datetime | None:
        """From when the measures are judged: their first day, but nothing that opened the problem or was counted
        against earlier measures."""
        if self.measures_from is None:
            return None
        return max(_midnight(self.measures_from), self.opened_at, self.gave_way_at or self.opened_at)

    def before(self, now: datetime, length: timedelta | None = None) -> Span:
        """The time before the measures, or up to now where they have not begun; ``length``: the window's."""
        end = min(self.begins_at or now, now)
        return end - (self._window if length is None else length), end

    def after(self) -> Span | None:
        """Just as long a time from their beginning on; None while there are none."""
        return None if self.begins_at is None else (self.begins_at, self.begins_at + self._window)

    def part(self, rated_at: datetime, now: datetime) -> Part:
        begins, first = self.begins_at, Part.BEFORE if rated_at < self.opened_at else Part.BETWEEN
        if begins is None or begins > now:
            return first
        if rated_at < begins - self._window:
            return Part.EARLIER
        if rated_at < begins:
            return first
        return Part.AFTER if rated_at < begins + self._window else Part.LATER

    def plan_due_at(self, calendar: Calendar) -> datetime:
        """Until when the root cause and the measures are to be written down."""
        return add_working_days(calendar, self.opened_at, self.plan_days).due

    @property
    def begin_by(self) -> date:
        """The last day on which measures begin in time."""
        return _day(self.gave_way_at or self.opened_at) + timedelta(days=self.begin_within)

    def last_first_day(self, now: datetime) -> date:
        """The last day a plan written now may name: who is late begins today."""
        return max(self.begin_by, _day(now))

    def has_begun(self, now: datetime) -> bool:
        return self.measures_from is not None and self.measures_from <= _day(now)

    def is_overdue(self, now: datetime, calendar: Calendar) -> bool:
        """Nothing written down in time, or nothing begun in time."""
        if self.has_begun(now):
            return False
        return _day(now) > self.begin_by or (self.measures_from is None and now >= self.plan_due_at(calendar))

    @property
    def _window(self) -> timedelta:
        return timedelta(days=self.window_days)


def by_part(course: Course, rated: Mapping[str, datetime], now: datetime) -> dict[Part, list[str]]:
    """The numbers of the cases of each part that has any, first part first."""
    found: dict[Part, list[str]] = {part: [] for part in Part}
    for number, at in rated.items():
        found[course.part(at, now)].append(number)
    return {part: numbers for part, numbers in found.items() if numbers}


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=SHANGHAI)


def _day(at: datetime) -> date:
    return at.astimezone(SHANGHAI).date()
