"""Bring the directory to what the pushed events say: played all together, so that no order of arrival matters."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from reviewbot.actions.keep_member import freed, rename
from reviewbot.actions.let_go import let_go
from reviewbot.actions.record_change import offer_changes, record_change
from reviewbot.models.contacts import ContactEvent, WeComDepartment
from reviewbot.models.people import Staff
from reviewbot.queries.contacts import (
    bases,
    contact_of,
    counting_events,
    known_directory,
    latest_event,
    unsettled_events,
)
from reviewbot.rules.contacts import Event, Left, Standing, Standings, one_unit, parties, standings
from reviewbot.rules.directory_plan import Change, ChangeKind, Member, Ours, came, moving, party_change

K = ChangeKind
LOCK = 0x7265_7669
"""Of the directory: one settling, reading or decision at a time."""
BY_EVENT = frozenset({Left.DELETED.value, Left.UNSUBSCRIBED.value})


def lock_directory(session: Session) -> None:
    session.execute(select(func.pg_advisory_xact_lock(LOCK)))


def settle_contacts(session: Session, *, at: datetime) -> bool:
    """Apply what is new; whether there was anything.

    Names, userids and leaving happen at once; who comes, comes back or changes units waits for an administrator.
    Somebody taken for gone only because an earlier event came later is back in service; his cases stay where they are.
    """
    lock_directory(session)
    if not unsettled_events(session):
        return False
    events = counting_events(session)
    told = standings(bases(session), events, strangers_after=latest_event(session, absorbed=True))
    _keep_parties(session, events)
    people = {one.id: one for one in session.scalars(select(Staff).order_by(Staff.id))}
    _remember_bases(session, people, told)
    _rename(session, people, told, at)
    for ident, standing in told.members.items():
        _keep(session, people[ident], standing, at)
    session.flush()
    offer_changes(session, _offers(session, people, told, events), source="event", ends=("event",), at=at)
    session.execute(update(ContactEvent).where(~ContactEvent.settled).values(settled=True))
    return True


def _remember_bases(session: Session, people: dict[int, Staff], told: Standings) -> None:
    """Before anything changes: the base of everybody whom these events touch."""
    for ident, standing in told.members.items():
        one = people[ident]
        if (standing.userid, standing.name, standing.left) != (one.userid, one.name, None):
            contact_of(session, one)


def _rename(session: Session, people: dict[int, Staff], told: Standings, at: datetime) -> None:
    """Everybody's userid; where two claim one, it is his who is here."""
    claims: dict[str, int] = {}
    for ident, standing in sorted(told.members.items(), key=lambda one: (one[1].left is not None, one[0])):
        claims.setdefault(standing.userid.lower(), ident)
    wanted = {
        ident: one.userid if claims[one.userid.lower()] == ident else freed(one.userid, ident)
        for ident, one in told.members.items()
    }
    before = {ident: one.userid for ident, one in people.items()}
    rename(session, wanted)
    for ident, one in people.items():
        if one.userid != before[ident] and told.members[ident].left is None:
            facts = {"name": one.name, "before": before[ident], "after": one.userid}
            _record(session, K.RENAMED, before[ident], ident, facts, at)


def _keep(session: Session, one: Staff, standing: Standing, at: datetime) -> None:
    """His name, and whether he is here."""
    if standing.name and standing.name != one.name:
        _record(session, K.NAMED, one.userid, one.id, {"before": one.name, "after": standing.name}, at)
        one.name = standing.name
    contact = contact_of(session, one) if standing.left or not one.active else None
    facts = {"name": one.name, "userid": one.userid}
    if standing.left and one.active:
        let_go(session, one, standing.left, at=at)
        _record(session, K.LEFT, one.userid, one.id, facts, at)
    elif standing.left is None and contact is not None and contact.left_how in BY_EVENT:
        one.active, contact.left_how, contact.left_at = True, None, None
        _record(session, K.RETURNED, one.userid, one.id, facts, at)


def _record(
    session: Session, kind: ChangeKind, userid: str, ident: int, facts: dict[str, str], at: datetime
) -> None:
    change = Change(kind, userid.lower(), ident, facts)
    record_change(session, change, source="event", at=at, actor="system")


def _keep_parties(session: Session, events: Iterable[Event]) -> None:
    for ident, party in parties(events).items():
        row = session.get(WeComDepartment, ident)
        if row is None:
            row = WeComDepartment(id=ident)
            session.add(row)
        row.name, row.parent = party.name or row.name, party.parent or row.parent
        row.present = party.present
    session.flush()


def _offers(
    session: Session, people: dict[int, Staff], told: Standings, events: Iterable[Event]
) -> list[Change]:
    """What these events ask an administrator. A stranger only where he is in the application's range or in a
    department that stands for a unit: the address book of a city has sixty thousand people who are none of ours."""
    known = known_directory(session)
    units = known.units
    found: list[Change] = []
    for ident, one in told.members.items():
        mine, member = people[ident], Member(one.userid, one.name, one.departments)
        back = one.is_back if one.left else one.heard and not mine.active
        if back:
            found.append(came(K.REJOINED, member, units, staff_id=ident, name=mine.name))
        elif mine.active:
            ours = Ours(ident, mine.userid, mine.name, mine.department_id, True)
            found += [moved] if (moved := moving(ours, one.departments, units)) else []
    for one in told.strangers.values():
        if one.visible or one_unit(one.departments, units):
            found.append(came(K.JOINED, Member(one.userid, one.name, one.departments), units))
    for ident, party in sorted(parties(events).items()):
        row = session.get_one(WeComDepartment, ident)
        if party.present and row.department_id is None and row.name and row.name in known.names:
            found.append(party_change(K.UNIT_NEW, ident, None, row.name, known.names[row.name]))
        elif not party.present and row.department_id is not None:
            found.append(party_change(K.UNIT_GONE, ident, row.name, None, row.department_id))
    return found
