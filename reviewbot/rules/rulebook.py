"""The policy and the calendar a process decides by, as one value handed to the actions."""

from dataclasses import dataclass
from datetime import datetime

from reviewbot.rules.calendar import Calendar
from reviewbot.rules.deadlines import DueTime, Limit, Unit, due_time
from reviewbot.rules.ladder import Rung, next_opening, rungs
from reviewbot.rules.policy import Policy


@dataclass(frozen=True)
class Rulebook:
    policy: Policy
    calendar: Calendar

    def due(self, stage: str, started_at: datetime) -> DueTime:
        """The due time of a stage that starts now, with its working."""
        return due_time(self.policy.limits[stage], self.calendar, started_at)

    def extended(self, due_at: datetime, days: int) -> DueTime:
        """A due time moved by so many working days, with its working."""
        limit = Limit("extension", days, Unit.WORKING_DAY, "due", "按批准的延期")
        return due_time(limit, self.calendar, due_at)

    def rungs(
        self, stage: str, started_at: datetime, due_at: datetime, held_since: datetime | None
    ) -> tuple[Rung, ...]:
        """What a due time owes, in time order; cards and letters follow the handling limits alone.

        ``held_since``: since when the unit that has the case can act; None while none can. Where that is later than
        the limit began, ``limits.received_late`` is its time before it is pressed.
        """
        late = held_since is not None and held_since > started_at
        return rungs(
            started_at,
            due_at,
            self.calendar,
            half=self.policy.half,
            before_hours=self.policy.before_hours,
            steps=[step for step in self.policy.ladder if stage.startswith(step.limit)],
            held=held_since is not None,
            pressed_from=self.due("received_late", held_since).due_at if late and held_since else None,
        )

    def may_speak_at(self, rung: Rung, now: datetime) -> datetime:
        """When a reminder born now may be sent: at once, or when the office opens."""
        messages = self.policy.messages
        waits = messages.quiet and rung.key not in messages.urgent
        return next_opening(self.calendar, now) if waits else now

    def office_opens(self, now: datetime) -> datetime:
        """When what is not urgent may be said: at once in office hours, else at the next opening."""
        return next_opening(self.calendar, now) if self.policy.messages.quiet else now
