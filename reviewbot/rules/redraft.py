"""What really ran, laid out once more by other rules: the same moments, other limits, another calendar (B13)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from reviewbot.rules.deadlines import Limit, due_time, remainder
from reviewbot.rules.replay import Ran
from reviewbot.rules.rulebook import Rulebook
from reviewbot.rules.stages import RESUMED


@dataclass(frozen=True)
class Past:
    """A limit of one round as it ran. ``limit``: what it is worth by the rules it is laid out by."""

    stage: str
    limit: Limit
    is_extension: bool
    """It starts from the due time of the limit that gave way to it."""
    started_at: datetime
    born_at: datetime
    ended_at: datetime | None
    replaced_by: str | None


@dataclass(frozen=True)
class Appealed:
    """An appeal from its filing to its decision (None: undecided)."""

    asked_at: datetime
    decided_at: datetime | None


def laid_out(limits: Sequence[Past], appeals: Sequence[Appealed], rules: Rulebook) -> Iterator[Ran]:
    """``limits``: of one round, oldest first. A clock that stood still runs on, unless these rules stop it too."""
    whole = list(_unbroken(limits))
    before = {one.replaced_by: one.stage for one in whole if one.replaced_by}
    dues: dict[str, datetime] = {}
    for one in whole:
        follows = before.get(one.stage, "") if one.is_extension else ""
        due = due_time(one.limit, rules.calendar, dues.get(follows, one.started_at))
        dues[one.stage] = due.due_at
        stop = _stop(one, appeals, due.due_at) if rules.policy.appeals.stop_clock else None
        ladder = partial(rules.rungs, one.stage, due.started_at, due.due_at)
        yield Ran(one.stage, ladder, one.born_at, stop.asked_at if stop else one.ended_at)
        if stop and stop.decided_at:
            left = remainder(one.limit, rules.calendar, stop.asked_at, due.due_at)
            rest = due_time(left, rules.calendar, stop.decided_at)
            dues[one.stage] = rest.due_at
            ladder = partial(rules.rungs, RESUMED, rest.started_at, rest.due_at)
            yield Ran(RESUMED, ladder, stop.decided_at, one.ended_at)


def _unbroken(limits: Sequence[Past]) -> Iterator[Past]:
    """A limit that stood still and what was left of it are one limit."""
    rests = {one.stage: one for one in limits if one.stage.startswith(RESUMED)}
    for one in limits:
        if one.stage in rests:
            continue
        rest = rests.get(one.replaced_by or "")
        if rest is not None:
            yield replace(one, ended_at=rest.ended_at, replaced_by=rest.replaced_by)
        elif one.replaced_by and one.replaced_by.startswith(RESUMED):
            yield replace(one, ended_at=None, replaced_by=None)
        else:
            yield one


def _stop(one: Past, appeals: Sequence[Appealed], due_at: datetime) -> Appealed | None:
    """The appeal that finds this limit running, as it stops a handling limit that has not passed."""
    for appeal in appeals:
        runs = one.born_at <= appeal.asked_at and (one.ended_at is None or appeal.asked_at < one.ended_at)
        if one.stage.startswith("handling") and runs and appeal.asked_at <= due_at:
            return appeal
    return None
