"""晨报: once a working day, when the office opens, each person is told what waits for him; who has nothing is not.

Whoever is away gets none: his work stands in the digest of whoever acts for him (B22).
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from reviewbot.actions.report_rates import report_rates, this_month
from reviewbot.actions.waiting_work import WaitingWork
from reviewbot.clock import span
from reviewbot.models.oversight import Morning
from reviewbot.models.people import Staff
from reviewbot.outbox import owe
from reviewbot.queries.deciders import undecided
from reviewbot.queries.delegates import DELEGABLE, stands_in
from reviewbot.queries.directory import unit_labels
from reviewbot.queries.listings import Wanted, count_by_family, count_by_unit, count_listed
from reviewbot.queries.morning import active_staff, at_the_desk, by_unit, in_hand, to_be_ruled
from reviewbot.queries.pages import intake_between
from reviewbot.queries.raters import count_concerns
from reviewbot.queries.scope import SYSTEM, viewer_of_staff
from reviewbot.rules.calendar import Calendar
from reviewbot.rules.delegation import acting
from reviewbot.rules.kinds import Family
from reviewbot.rules.lifecycle import Role
from reviewbot.rules.morning import (
    City,
    city_lines,
    decision_lines,
    desk_lines,
    mine_lines,
    morning_text,
    unit_lines,
)
from reviewbot.rules.notices import text
from reviewbot.rules.rates import METRICS, share
from reviewbot.rules.rulebook import Rulebook
from reviewbot.rules.waiting import waiting_lines

RATE = "rectification_rate"


def tell_morning(session: Session, *, now: datetime, rulebook: Rulebook, address: str = "") -> int:
    """The number of people told; 0 before the office opens, after it closes, and when this day has been told.

    ``address``: of the site, where links lead."""
    calendar, rules = rulebook.calendar, rulebook.policy.morning
    today = calendar.here(now).date()
    opens = (
        calendar.midnight(today) if not calendar.is_working_day(today) else next(calendar.windows(today))[0]
    )
    if not calendar.is_working_day(today) or not rules.roles:
        return 0
    if not opens + timedelta(minutes=rules.after_minutes) <= now < calendar.closing(today):
        return 0
    begun = session.scalar(
        insert(Morning).values(day=today, told_at=now).on_conflict_do_nothing().returning(Morning.day)
    )
    if begun is None:  # told already, or by another worker just now
        return 0
    told = 0
    digest = _Digest(session, now, today, rulebook, address)
    for receiver, represented in _receivers(session, today).items():
        lines = [*digest.lines(represented), *digest.beside(receiver, represented)]
        if lines:
            absent = [person.name for person in represented if person is not receiver]
            owe(
                session, key=f"morning-{today}-{receiver.userid.lower()}", kind="morning",
                userid=receiver.userid, body=text(morning_text(today, lines, absent)), at=now,
            )  # fmt: skip
            told += 1
    return told


def _receivers(session: Session, today: date) -> dict[Staff, list[Staff]]:
    """Who is there today, with everybody whose work he does; who has nobody to stand in is told himself."""
    staff = {person.id: person for person in active_staff(session)}
    away = stands_in(session, today)
    found: dict[Staff, list[Staff]] = defaultdict(list)
    for person in staff.values():
        found[staff.get(acting(person.id, away), person)].append(person)
    return found


class _Digest:
    """Everything that waits, fetched once for all."""

    def __init__(
        self, session: Session, now: datetime, today: date, rulebook: Rulebook, address: str
    ) -> None:
        self._roles = rulebook.policy.morning.roles
        calendar = rulebook.calendar
        soon = calendar.midnight(_next_working_day(calendar, today) + timedelta(days=1))
        self._mine = in_hand(session, now, calendar.midnight(today + timedelta(days=1)))
        self._units = by_unit(session, now, soon)
        self._desk = at_the_desk(session)
        self._to_be_ruled, self._undecided = to_be_ruled(session), undecided(session)
        self._city = _city(session, now, today, rulebook)
        self._work, self._address = WaitingWork(session, now), address

    def lines(self, people: Iterable[Staff]) -> list[str]:
        """The sections of these people's roles, each once."""
        told: list[str] = []
        for person in people:
            roles = self._roles & set(person.roles)
            if Role.HANDLER in roles and person.id in self._mine:
                told += mine_lines(self._mine[person.id])
            if Role.HEAD in roles and person.department_id in self._units:
                told += unit_lines(self._units[person.department_id])
            if Role.DESK in roles:
                told += desk_lines(self._desk)
            if roles & {Role.SUPERVISOR, Role.LEADER}:
                told += city_lines(self._city, [*self._to_be_ruled, *self._left_to(person)])
            elif Role.DESK in roles:
                told += decision_lines(self._left_to(person))
        return list(dict.fromkeys(told))

    def beside(self, receiver: Staff, people: Iterable[Staff]) -> list[str]:
        """Letters and problems that wait for him, in his own name or in a post of somebody for whom he acts."""
        lent = frozenset(
            (role, one.userid)
            for one in people
            if one is not receiver and one.department_id == receiver.department_id
            for role in DELEGABLE
            & {Role(word) for word in one.roles} - {Role(word) for word in receiver.roles}
        )
        own = viewer_of_staff(receiver, lent)
        told = replace(own, roles=own.roles & self._roles)
        return waiting_lines(self._work.of(told), self._address)

    def _left_to(self, person: Staff) -> list[str]:
        """What he may still decide, oldest first."""
        return [one.number for one in self._undecided if person.userid in one.listed]


def _next_working_day(calendar: Calendar, day: date) -> date:
    while not calendar.is_working_day(day := day + timedelta(days=1)):
        pass
    return day


def _last_working_day(calendar: Calendar, day: date) -> date:
    while not calendar.is_working_day(day := day - timedelta(days=1)):
        pass
    return day


def _city(session: Session, now: datetime, today: date, rulebook: Rulebook) -> City:
    """Since the last working day, so that no weekend is left out; the rate of the month so far."""
    since, until = _last_working_day(rulebook.calendar, today), today - timedelta(days=1)
    intake = intake_between(session, *span(since, until))
    (first, last), names, policy = this_month(now), unit_labels(session), rulebook.policy
    (row,) = report_rates(session, SYSTEM, first=first, last=last, now=now, metrics=[RATE])
    parts = " / ".join(f"{name} {row.figure.parts[part]}" for part, name in METRICS[RATE].parts.items())
    opened = count_by_family(session, Wanted("open"), SYSTEM, now)
    return City(
        since, until, intake.ratings, intake.bad, intake.orders,
        open=sum(opened.values()), open_orders=opened[Family.ORDERS],
        overdue=[
            (names[unit] if unit else "派单台", count)
            for unit, count in count_by_unit(session, Wanted("overdue"), SYSTEM, now)
        ],
        yellow=count_listed(session, Wanted("yellow", None, (since, until)), SYSTEM, now),
        red=count_listed(session, Wanted("red", None, (since, until)), SYSTEM, now),
        concerns=sum(count for _, count in count_concerns(session)),
        rate=share(row.figure, policy.rounding, policy.small_below), parts=parts,
    )  # fmt: skip
