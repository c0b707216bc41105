"""What a later record of a work order says of its ending, held against what is known (F3: the first record stands)."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Outcome(StrEnum):
    """What a case made of such a record."""

    WAITING = "waiting"
    """Not looked at yet."""
    CLOSED = "closed"
    SATISFACTION = "satisfaction"
    KNOWN = "known"
    """It said nothing new."""
    CONTRADICTS = "contradicts"
    """Noted and not taken: people look into it."""


@dataclass(frozen=True)
class Ending:
    """How a source says that a work order ended: when, and what the citizen answered; nothing while it is open."""

    closed_at: datetime | None = None
    satisfaction: str | None = None

    @classmethod
    def told(cls, closed_at: datetime | None, satisfaction: str | None) -> "Ending":
        """Of a record; an answer about what is not closed yet means nothing."""
        return cls(closed_at, satisfaction if closed_at else None)

    def goes_on_to(self, later: "Ending") -> bool:
        """Whether a later record only adds to this one. Not closed any more, closed at another time and another answer
        take something back; an answer that is merely missing does not."""
        same_closing = self.closed_at in (None, later.closed_at)
        return same_closing and (not self.satisfaction or later.satisfaction in (None, self.satisfaction))

    def with_later(self, later: "Ending") -> "Ending":
        """What is known after a record that goes on from here."""
        return Ending(later.closed_at, later.satisfaction or self.satisfaction)


def outcome(case: Ending, told: Ending, *, by_source: bool, reopened_at: datetime | None) -> Outcome:
    """What becomes of a record. ``case``: the ending it has here, nothing while it is open; ``by_source``: whether that
    is its source's word. ``reopened_at``: when people last opened it again; what its source had closed before answers
    nothing of that."""
    if told.closed_at is None:
        return Outcome.CONTRADICTS if by_source else Outcome.KNOWN
    if reopened_at is not None and told.closed_at <= reopened_at:
        return Outcome.CONTRADICTS
    if case.closed_at is None:
        return Outcome.CLOSED
    if by_source and told.closed_at != case.closed_at:
        return Outcome.CONTRADICTS
    if told.satisfaction in (None, case.satisfaction):
        return Outcome.KNOWN
    return Outcome.SATISFACTION if case.satisfaction is None else Outcome.CONTRADICTS
