"""The whole beat table: sweeps that find every row whose time has come, whatever the queue has lost."""

from typing import Any

from reviewbot.queue import TaskName

PROBLEMS_SECONDS = 300.0
PAST_SECONDS = 600.0
"""For what nobody waits for: personal data and files whose time is over."""


def beat_schedule(sweep_seconds: float) -> dict[str, dict[str, Any]]:
    """``sweep_seconds``: pause between two sweeps; a sweep that was not started by the next one is dropped."""
    table = (
        ("unrouted reviews, unanswered callbacks", TaskName.SWEEP, sweep_seconds),
        ("unsent messages", TaskName.DELIVER, sweep_seconds),
        ("due times", TaskName.DEADLINES, sweep_seconds),
        ("dead cards", TaskName.CARDS, sweep_seconds),
        ("photographs and voices", TaskName.MEDIA, sweep_seconds),
        ("what waits in the morning", TaskName.MORNING, sweep_seconds),
        ("address book, once a night", TaskName.DIRECTORY, sweep_seconds),
        ("re-call samples", TaskName.RECALLS, sweep_seconds),
        ("like bad reviews", TaskName.PROBLEMS, PROBLEMS_SECONDS),
        ("personal data whose time is over", TaskName.ERASE, PAST_SECONDS),
        ("files that nothing refers to", TaskName.FILES, PAST_SECONDS),
    )
    return {
        what: {"task": name.value, "schedule": seconds, "options": {"expires": max(seconds, 1.0)}}
        for what, name, seconds in table
    }
