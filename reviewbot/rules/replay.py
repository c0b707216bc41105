"""A case's limits run once more: what they would have owed, by whatever rules, had time passed without a break.

The same ``owed`` decides as when time really passes; nothing here knows what a rung leaves behind.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from reviewbot.rules.ladder import Rung, owed


@dataclass(frozen=True)
class Ran:
    """A limit between the moment it came to be and the moment it was met or replaced (None: it still runs)."""

    stage: str
    ladder: Callable[[datetime | None], tuple[Rung, ...]]
    """By since when the unit that has the case can act (``Rulebook.rungs``)."""
    born_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True)
class Hands:
    """From a moment on: since when the unit that has the case can act, None while none can."""

    at: datetime
    held_since: datetime | None


@dataclass(frozen=True)
class Strike:
    """What one moment owed a case: the rungs that came, and the gravest of them, which speaks for all."""

    at: datetime
    rungs: tuple[tuple[Ran, Rung], ...]
    speaks: tuple[Ran, Rung] | None
    told: tuple[tuple[Ran, Rung], ...]
    """Whose receivers hear of it."""


def replay(limits: Sequence[Ran], until: datetime, hands: Sequence[Hands]) -> list[Strike]:
    """Every moment at which something was owed, in order; rungs older than their limit come when it is born.
    ``hands``: oldest first; before the first nobody has the case."""
    sinces = {None, *(one.held_since for one in hands)}
    ladders = [{since: one.ladder(since) for since in sinces} for one in limits]
    moments = {one.at for one in hands} | {
        max(rung.at, one.born_at)
        for one, known in zip(limits, ladders, strict=True)
        for ladder in known.values()
        for rung in ladder
    }
    done: list[set[str]] = [set() for _ in limits]
    strikes = []
    for at in sorted(moment for moment in moments if moment <= until):
        rungs: list[tuple[Ran, Rung]] = []
        told: list[tuple[Ran, Rung]] = []
        speaking: list[tuple[Ran, Rung]] = []
        since = next((one.held_since for one in reversed(hands) if one.at <= at), None)
        for one, ladder, known in zip(limits, ladders, done, strict=True):
            if at < one.born_at or (one.ended_at is not None and at >= one.ended_at):
                continue
            owes = owed(ladder[since], frozenset(known), at)
            known |= {rung.key for rung in owes.missed}
            rungs += [(one, rung) for rung in owes.missed]
            if owes.speaks:
                told += [(one, rung) for rung in owes.missed]
                speaking.append((one, owes.speaks))
        if rungs:
            gravest = max(speaking, key=lambda each: each[1].gravity) if speaking else None
            strikes.append(Strike(at, tuple(rungs), gravest, tuple(told)))
    return strikes
