"""How often a message is tried, how long it waits in between, and when its repeat is no longer safe (W9)."""

from datetime import datetime, timedelta

TRIES = 3
"""Tries in one go. What fails three times while others get through is told to somebody else instead (W11)."""
MOST_TRIES = 72
"""Tries in all, where the channel as a whole was away at the end of every go: three days of a gateway."""
PAUSES = (3.0, 20.0, 60.0, 300.0, 300.0, 900.0, 900.0, 3600.0)
"""Seconds after the first, second, … failure; local choice, WeCom names no numbers."""
REPEAT_WITHIN = timedelta(seconds=14_400) - timedelta(minutes=10)
"""WeCom recognises a repeat for four hours; later it could be a second message (wecom §2.2)."""


def next_pause(attempts: int, *, asked: float | None, away: bool) -> float | None:
    """Seconds until the next try after ``attempts`` failures, or None when there is to be none.

    ``asked``: what the channel asked for. ``away``: the channel as a whole is closed, so that this message has
    not been refused for itself: it gets another go when the channel is back.
    """
    if attempts >= MOST_TRIES or (attempts % TRIES == 0 and not away):
        return None
    if away and asked is not None:
        return asked
    return max(asked or 0.0, PAUSES[min(attempts, len(PAUSES)) - 1])


def may_repeat(unsure_since: datetime | None, now: datetime) -> bool:
    """Whether a message that may have arrived can be sent again without arriving twice."""
    return unsure_since is None or now - unsure_since < REPEAT_WITHIN
