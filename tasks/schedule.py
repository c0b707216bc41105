"""The whole beat table: sweeps that find every row whose time has come, whatever the queue has lost."""

from typing import Any

from reviewbot.queue import TaskName

PROBLEMS_SECONDS = 300.0
ERASE_SECONDS = 600.0


def beat_schedule(sweep_seconds: float) -> dict[str, dict[str, Any]]:
    """``sweep_seconds``: pause between two sweeps; a sweep that was not started by then is dropped."""
    every = {"schedule": sweep_seconds, "options": {"expires": max(sweep_seconds, 1.0)}}
    return {
        "unrouted reviews, unanswered callbacks": {"task": TaskName.SWEEP.value, **every},
        "unsent messages": {"task": TaskName.DELIVER.value, **every},
        "like bad reviews": {
            "task": TaskName.PROBLEMS.value,
            "schedule": PROBLEMS_SECONDS,
            "options": {"expires": PROBLEMS_SECONDS},
        },
        "personal data whose time is over": {
            "task": TaskName.ERASE.value,
            "schedule": ERASE_SECONDS,
            "options": {"expires": ERASE_SECONDS},
        },
        "re-call samples": {"task": TaskName.RECALLS.value, **every},
        "address book, once a night": {"task": TaskName.DIRECTORY.value, **every},
        "photographs and voices": {"task": TaskName.MEDIA.value, **every},
        "dead cards": {"task": TaskName.CARDS.value, **every},
        "what waits in the morning": {"task": TaskName.MORNING.value, **every},
        "due times": {"task": TaskName.DEADLINES.value, **every},
    }
