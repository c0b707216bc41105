"""Who is away, and who acts for them."""

from collections.abc import Collection
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from reviewbot.clock import CHINA
from reviewbot.models.people import Delegation, Staff
from reviewbot.rules.delegation import acting, closes_a_circle, represented
from reviewbot.rules.lifecycle import Role


def stands_in(session: Session, today: date) -> dict[int, int]:
    """{absent: delegate} on this day; the latest word counts."""
    rows = session.execute(
        select(Delegation.staff_id, Delegation.delegate_id)
        .where(Delegation.date_from <= today, Delegation.date_to >= today)
        .order_by(Delegation.id)
    )
    return {absent: delegate for absent, delegate in rows}


def first_circle(session: Session, absent: int, delegate: int, first: date, last: date) -> date | None:
    """The first day of this stretch on which ``absent``'s work would come back to him by way of ``delegate`` (R17)."""
    for day in _days_of_change(session, first, last):
        if closes_a_circle(absent, delegate, stands_in(session, day)):
            return day
    return None


def _days_of_change(session: Session, first: date, last: date) -> list[date]:
    """The days on which who-acts-for-whom can differ: one begins, or ends and an earlier word counts again."""
    starts = session.scalars(
        select(Delegation.date_from).where(Delegation.date_from > first, Delegation.date_from <= last)
    )
    ends = session.scalars(
        select(Delegation.date_to).where(Delegation.date_to >= first, Delegation.date_to < last)
    )
    return sorted({first, *starts, *(end + timedelta(days=1) for end in ends)})


def acts_for(session: Session, staff_id: int | None, today: date) -> list[int]:
    """The ids whose work this person does today; nothing for a program."""
    if staff_id is None:
        return []
    return sorted({staff_id, *represented(staff_id, stands_in(session, today))})


def acting_member(session: Session, staff_id: int, today: date) -> Staff | None:
    """The active person who does this person's work today, or None."""
    found = session.get(Staff, acting(staff_id, stands_in(session, today)))
    return found if found is not None and found.active else None


def acting_heads(session: Session, department_id: int | None, at: datetime) -> list[str]:
    """The userids of who heads a unit today: its heads, and for one who is away whoever acts for him (R17)."""
    heads = session.scalars(
        select(Staff.id)
        .where(Staff.department_id == department_id, Staff.roles.contains([Role.HEAD.value]), Staff.active)
        .order_by(Staff.id)
    )
    away = stands_in(session, at.astimezone(CHINA).date())
    acting_ones = [session.get_one(Staff, acting(head, away)) for head in heads]
    return list(dict.fromkeys(person.userid for person in acting_ones if person.active))


DELEGABLE = frozenset({Role.HEAD, Role.DESK, Role.SUPERVISOR})
"""Roles that pass to a delegate for the days of his absence. A leader's word is his own (批示), an auditor is nobody's
hand, and an administrator's rights are given by name; those wait, or somebody else who has them acts."""


def acting_roles(session: Session, staff: Staff, at: datetime) -> frozenset[tuple[Role, str]]:
    """The roles this person has today only in the place of somebody who is away, each with that one's userid (R17).
    What he has himself he needs from nobody."""
    away = stands_in(session, at.astimezone(CHINA).date())
    absent = represented(staff.id, away) - {staff.id}
    if not absent:
        return frozenset()
    posts = session.scalars(
        select(Staff).where(Staff.id.in_(absent), Staff.active, Staff.department_id == staff.department_id)
    )
    own = {Role(role) for role in staff.roles}
    return frozenset(
        (role, one.userid) for one in posts for role in DELEGABLE & {Role(word) for word in one.roles} - own
    )


def who_answers(session: Session, userids: Collection[str], at: datetime) -> dict[str, str]:
    """Of those who are away and whose post passes to a delegate, who has it today: {absent: delegate}."""
    away = stands_in(session, at.astimezone(CHINA).date())
    if not away or not userids:
        return {}
    found = {}
    for absent in session.scalars(select(Staff).where(Staff.userid.in_(userids), Staff.id.in_(away))):
        heir = session.get_one(Staff, acting(absent.id, away))
        passes = heir.active and heir.department_id == absent.department_id
        if passes and DELEGABLE & {Role(role) for role in absent.roles}:
            found[absent.userid] = heir.userid
    return found
