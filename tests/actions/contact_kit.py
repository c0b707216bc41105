"""Pushed changes of the address book, through the door the system itself uses, and what the directory then says."""

import itertools

from sqlalchemy import select

from reviewbot.actions.settle_contacts import settle_contacts
from reviewbot.actions.take_contact_event import take_contact_event
from reviewbot.models.contacts import DirectoryChange
from reviewbot.models.people import Department, Staff
from reviewbot.queries.directory import staff_by_userid
from reviewbot.rules.contacts import Event, Told

_serial = itertools.count(1)


def event(kind, userid="", at=100, **more):
    return Event(Told(kind), at, more.pop("key", f"k{next(_serial)}"), userid, **more)


def pushed(house, *events, settle=True):
    """Take each and settle it before the next comes, as the workers do."""
    with house.database.begin() as session:
        for one in events:
            take_contact_event(session, one, received_at=house.clock.now())
            if settle:
                settle_contacts(session, at=house.clock.now())


def person(house, userid):
    with house.database.begin() as session:
        return staff_by_userid(session, userid)


def anybody(house, ident):
    with house.database.begin() as session:
        return session.get_one(Staff, ident)


def unit_people(house, short_name, role="handler"):
    """Userids of a unit's active people with a role."""
    with house.database.begin() as session:
        return list(
            session.scalars(
                select(Staff.userid)
                .join(Department, Department.id == Staff.department_id)
                .where(Department.short_name == short_name, Staff.active, Staff.roles.contains([role]))
                .order_by(Staff.id)
            )
        )


def changes(house, **wanted):
    with house.database.begin() as session:
        return list(session.scalars(select(DirectoryChange).filter_by(**wanted).order_by(DirectoryChange.id)))
