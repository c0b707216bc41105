"""Whose hands a case was in, and for how much office time: the clock never stops, somebody has it (B3, B20)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from reviewbot.rules.calendar import Calendar
from reviewbot.rules.lifecycle import CaseStatus

DESK, DECIDERS = "@desk", "@deciders"
"""Holders that are no unit: the dispatch desk; whoever rules on a dispute or decides an appeal."""
_OUTSIDE = {
    CaseStatus.AWAITING_DISPATCH: DESK,
    CaseStatus.IN_ARBITRATION: DECIDERS,
    CaseStatus.APPEALED: DECIDERS,
}


@dataclass(frozen=True)
class Change:
    """An event, as far as it says who has the case after it."""

    at: datetime
    after: CaseStatus
    given_to: str | None
    """Code of the unit it was dispatched to by this event; None for any other event."""


@dataclass(frozen=True)
class Stretch:
    """The case in one pair of hands without a break; ``due_at`` is the due time of that round, None without one."""

    holder: str
    start: datetime
    end: datetime
    due_at: datetime | None


@dataclass(frozen=True)
class Share:
    """What one holder had of a case: office time in all, and of it what lay beyond the due time."""

    holder: str
    time: timedelta
    late: timedelta


def stretches(
    changes: Iterable[Change], until: datetime, due_by_round: Mapping[int, datetime]
) -> list[Stretch]:
    """Who had the case from its first event on; nobody has a closed one, and a reopening begins the next round.

    ``changes``: in the order they happened. ``until``: where the telling ends for a case that is still open.
    ``due_by_round``: the due time that held at last in each round, from 1 on.
    """
    found: list[Stretch] = []
    holder, since, unit, round_ = None, until, None, 1
    for change in changes:
        unit = change.given_to or unit
        after = None if change.after is CaseStatus.CLOSED else _OUTSIDE.get(change.after, unit)
        if after == holder:
            continue
        if holder is not None and since < change.at:  # routing passes through the desk in no time
            found.append(Stretch(holder, since, change.at, due_by_round.get(round_)))
        round_ += change.after is CaseStatus.CLOSED
        holder, since = after, change.at
    if holder is not None and since < until:
        found.append(Stretch(holder, since, until, due_by_round.get(round_)))
    return found


def shares(held: Iterable[Stretch], calendar: Calendar) -> list[Share]:
    """Each holder once, in the order in which the case first came to them; the times add up to the whole."""
    found: dict[str, Share] = {}
    for one in held:
        before = found.get(one.holder, Share(one.holder, timedelta(), timedelta()))
        found[one.holder] = Share(
            one.holder,
            before.time + calendar.working_hours_between(one.start, one.end),
            before.late + beyond(one.start, one.end, one.due_at, calendar),
        )
    return list(found.values())


def beyond(start: datetime, end: datetime, due_at: datetime | None, calendar: Calendar) -> timedelta:
    """Office time of a stretch that lay after a due time."""
    if due_at is None or end <= due_at:
        return timedelta()
    return calendar.working_hours_between(max(start, due_at), end)
