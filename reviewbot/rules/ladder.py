"""What is owed now: every rung of a limit once, in order, and only the highest one reached speaks (F18, R5).

Reminders stand before a due time; cards, letters and reports after it, or so long after the limit began, as the
policy's ``[[ladder]]`` says.

Cards and letters press a unit. While none can act (the desk has the case, a ruling or an appeal is to be decided) they
wait, and whoever has it is told at the same moments that it lies there. A unit that gets it late is pressed from then.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from reviewbot.rules.calendar import (
    Calendar,
    add_calendar_days,
    add_months,
    add_working_days,
    half_of,
    subtract_working_hours,
)


class Act(StrEnum):
    """What a rung does besides speaking."""

    REMIND = "remind"
    MARK_OVERDUE = "mark_overdue"
    YELLOW_CARD = "yellow_card"
    RED_CARD = "red_card"
    LETTER = "letter"
    REPORT = "report"


DUE, STARTED = "due", "started"
"""What a step is counted from: the due time of its limit, or where the limit began."""


@dataclass(frozen=True)
class Step:
    """One ``[[ladder]]`` entry: so long after a limit began or ran out, this act, to these places."""

    key: str
    label: str
    limit: str
    """handling or instruction: the limits it belongs to."""
    after: int
    unit: str
    """working_day, calendar_day or month; 0 is the due time itself."""
    act: Act
    to: tuple[str, ...]
    """handler, head, supervisor, leader."""
    counts_from: str = DUE
    """``DUE``, or ``STARTED``: three months from a leader's word are not two from the day a month after it (S4)."""


@dataclass(frozen=True)
class Rung:
    key: str
    at: datetime
    label: str
    act: Act = Act.REMIND
    to: tuple[str, ...] = ()
    """Who hears it; empty: whoever owes the next step."""

    @property
    def gravity(self) -> tuple[int, datetime]:
        """Of two rungs that speak at once, of different limits, the graver is told."""
        return list(Act).index(self.act), self.at


@dataclass(frozen=True)
class Owed:
    """``missed`` is to be marked as done; of it only ``speaks`` sends a message."""

    missed: tuple[Rung, ...]
    speaks: Rung | None


def rungs(
    started_at: datetime,
    due_at: datetime,
    cal: Calendar,
    *,
    half: bool = True,
    before_hours: float = 24,
    steps: Sequence[Step] = (),
    held: bool = True,
    pressed_from: datetime | None = None,
) -> tuple[Rung, ...]:
    """The rungs of one due time in time order; one that would stand at or before the start is left out.

    ``held``: whether a unit has the case and can act. ``pressed_from``: where that is later than the due time, cards
    and letters to it stand so long after this moment instead: no unit is carded for what it had no chance to do.
    """
    found: list[Rung] = []
    if half:
        found.append(Rung("half", half_of(cal, started_at, due_at), "时限过半"))
    if before_hours:
        before = subtract_working_hours(cal, due_at, before_hours)
        found.append(Rung("before", before, f"距到期{before_hours:g}工作小时"))
    found.append(Rung("overdue", cal.here(due_at), "已逾期", Act.MARK_OVERDUE))
    for step in steps:
        began = cal.here(started_at if step.counts_from == STARTED else due_at)
        if step.act not in OF_A_UNIT:
            found.append(Rung(step.key, stands_at(cal, began, step), step.label, step.act, step.to))
        elif held:
            late = pressed_from is not None and pressed_from > due_at
            moment = stands_at(cal, pressed_from if late and pressed_from else began, step)
            found.append(Rung(step.key, moment, step.label, step.act, step.to))
        elif step.after:  # at the due time itself the mark of overdue says it
            found.append(_while_not_held(step, stands_at(cal, began, step)))
    # The sort is stable: at the same instant the more serious rung stays the later one.
    return tuple(sorted((rung for rung in found if rung.at > started_at), key=lambda rung: rung.at))


def stands_at(cal: Calendar, began: datetime, step: Step) -> datetime:
    """When a step counted from this moment comes: inside office hours, never at midnight (R4)."""
    if step.after == 0:
        return cal.here(began)
    if step.unit == "working_day":
        return add_working_days(cal, began, step.after).due
    if step.unit == "calendar_day":
        return add_calendar_days(cal, began, step.after).due
    return add_months(cal, began, step.after).due


OF_A_UNIT = (Act.YELLOW_CARD, Act.RED_CARD, Act.LETTER)
"""What is addressed to a unit; a report goes above all of them, wherever the case lies."""
NOT_HELD = "@none"
"""Ends the key of a rung that comes while no unit can act: the unit's own, without it, is still to come."""


def _while_not_held(step: Step, at: datetime) -> Rung:
    """Whoever has the case instead of a unit hears, when a card or a letter would come, that it still lies there."""
    above = tuple(place for place in step.to if place not in ("handler", "head"))
    return Rung(f"{step.key}{NOT_HELD}", at, "仍未办理", Act.MARK_OVERDUE, above)


def owed(rungs: tuple[Rung, ...], done: frozenset[str], now: datetime) -> Owed:
    """What has come due and is not done; nothing speaks once a higher rung has spoken."""
    missed = tuple(rung for rung in rungs if rung.at <= now and rung.key not in done)
    if not missed:
        return Owed((), None)
    higher = rungs[rungs.index(missed[-1]) + 1 :]
    return Owed(missed, None if any(rung.key in done for rung in higher) else missed[-1])


def next_at(rungs: tuple[Rung, ...], done: frozenset[str]) -> datetime | None:
    """When the ladder has to be looked at again."""
    return min((rung.at for rung in rungs if rung.key not in done), default=None)


def next_opening(cal: Calendar, now: datetime) -> datetime:
    """``now`` in office hours, else the moment the office opens next: when a reminder may be sent."""
    if cal.is_working_time(now):
        return now
    day = cal.here(now).date()
    while True:
        if cal.is_working_day(day):
            for opens, _ in cal.windows(day):
                if opens >= now:
                    return opens
        day += timedelta(days=1)
