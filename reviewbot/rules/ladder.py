"""Which reminder is owed now: every rung speaks at most once, and only the highest one reached speaks."""

from dataclasses import dataclass
from datetime import datetime

from reviewbot.rules.calendar import Calendar, half_of, subtract_working_hours


@dataclass(frozen=True)
class Rung:
    key: str
    at: datetime
    label: str


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
) -> tuple[Rung, ...]:
    """The rungs of one due time in time order; one that would stand at or before the start is left out."""
    found: list[Rung] = []
    if half:
        found.append(Rung("half", half_of(cal, started_at, due_at), "时限过半"))
    if before_hours:
        before = subtract_working_hours(cal, due_at, before_hours)
        found.append(Rung("before", before, f"距到期{before_hours:g}工作小时"))
    found.append(Rung("overdue", cal.here(due_at), "已逾期"))
    # The sort is stable: at the same instant the more serious rung stays the later one.
    return tuple(sorted((rung for rung in found if rung.at > started_at), key=lambda rung: rung.at))


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
