"""How the time of one case divides among those who had it, from its events and sub-tasks (B3, B20)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from reviewbot.models.case import Case, CaseEvent
from reviewbot.queries.cases import due_times_of, events_of
from reviewbot.queries.directory import unit_names
from reviewbot.queries.procedure import assistances_of
from reviewbot.rules.calendar import Calendar
from reviewbot.rules.lifecycle import CaseStatus, Move
from reviewbot.rules.time_shares import DECIDERS, DESK, Change, beyond, shares, stretches

MINUTE = timedelta(minutes=1)
_NAMES = {DESK: "派单台", DECIDERS: "裁定、复核"}


@dataclass(frozen=True)
class TimeShare:
    """One holder's part. ``helps``: a helper's sub-tasks, whose time lies within the lead's and is not added to it."""

    name: str
    code: str | None
    """Of the unit; None for the desk and the deciders."""
    time: timedelta
    late: timedelta
    helps: bool


def time_shares(session: Session, case: Case, calendar: Calendar, now: datetime) -> list[TimeShare]:
    """Office time of each holder, first come first; then of each helper. Empty where the case never was in hands."""
    units = {unit.code: unit.label for unit in unit_names(session).values()}
    dues = due_times_of(session, case.id)
    held = stretches(
        (
            Change(at, CaseStatus(event.after), event.data.get("department") if _is_given(event) else None)
            for at, event in _until_closed_at_its_source(events_of(session, case.id))
        ),
        now,
        {due.round: due.due_at for due in dues if due.stage.startswith("handling") and not due.replaced_by},
    )
    rows = [
        TimeShare(
            _NAMES.get(one.holder) or units.get(one.holder, one.holder),
            None if one.holder in _NAMES else one.holder, one.time, one.late, helps=False,
        )
        for one in shares(held, calendar)
    ]  # fmt: skip
    return rows + _helpers(session, case, calendar, now)


def _until_closed_at_its_source(events: Sequence[CaseEvent]) -> Iterator[tuple[datetime, CaseEvent]]:
    """Each event with the moment that counts: nobody had a work order any more once its source had closed it, whenever
    we heard of that."""
    ended: datetime | None = None
    found = []
    for event in reversed(events):
        if event.move == Move.CLOSE_BY_SOURCE:
            ended = datetime.fromisoformat(event.data["closed_at"])
        elif event.move == Move.REOPEN:
            ended = None
        found.append((min(event.at, ended or event.at), event))
    return reversed(found)


def _is_given(event: CaseEvent) -> bool:
    """Only a dispatch leads to 待签收; the events of sub-tasks name a unit too."""
    return event.after == CaseStatus.AWAITING_SIGN != event.before


def _helpers(session: Session, case: Case, calendar: Calendar, now: datetime) -> list[TimeShare]:
    """Each unit that was asked for help: from being asked to the answer, late beyond the limit of its sub-task."""
    names, found = unit_names(session), dict[int, TimeShare]()
    for task in assistances_of(session, case.id):
        ended, unit = task.answered_at or now, names[task.department_id]
        before = found.get(unit.id)
        time, late = (before.time, before.late) if before else (timedelta(), timedelta())
        found[unit.id] = TimeShare(
            unit.label, unit.code, time + calendar.working_hours_between(task.asked_at, ended),
            late + beyond(task.asked_at, ended, task.due_at, calendar), helps=True,
        )  # fmt: skip
    return list(found.values())
