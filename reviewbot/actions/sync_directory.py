"""A reading of the address book is laid beside our table: shown first, then done as far as it may be."""

from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from reviewbot.actions.keep_member import confirm, rename
from reviewbot.actions.let_go import let_go
from reviewbot.actions.record_change import offer_changes, record_change
from reviewbot.actions.settle_contacts import BY_EVENT, lock_directory
from reviewbot.models.contacts import Contact, ContactEvent, DirectorySync, WeComDepartment
from reviewbot.models.people import Staff
from reviewbot.queries.contacts import known_directory
from reviewbot.rules.contacts import Left
from reviewbot.rules.directory_plan import Change, ChangeKind, Plan, Seen, compare

K = ChangeKind


def events_until(session: Session) -> int:
    """Asked before a reading begins: the events it can be relied upon to contain."""
    return session.scalar(select(func.max(ContactEvent.id))) or 0


def plan_sync(session: Session, seen: Seen, *, leave_share: float) -> Plan:
    """What this reading would change; nothing is changed."""
    return compare(known_directory(session), seen, leave_share=leave_share)


def sync_directory(
    session: Session, seen: Seen, *, leave_share: float, until: int, at: datetime, actor: str = "system"
) -> DirectorySync:
    """Do what is safe, let the rest wait, write both down. ``until``: of ``events_until`` before the reading."""
    lock_directory(session)
    plan = plan_sync(session, seen, leave_share=leave_share)
    for change in plan.safe:
        _do(session, change, at=at)
        record_change(session, change, source="sync", at=at, actor=actor)
    _keep_parties(session, seen)
    if seen.complete:
        _absorb(session, until)
    told = DirectorySync(
        at=at, actor=actor, way=seen.way, complete=seen.complete, members=len(seen.members),
        done=len(plan.safe), waiting=0, notes=list(seen.notes),
    )  # fmt: skip
    session.add(told)
    # A reading that broke off knows of nothing that has ceased to be so.
    ends = ("sync", "event") if seen.complete else ()
    told.waiting = offer_changes(session, plan.waiting, source="sync", ends=ends, at=at)
    session.flush()
    return told


def _do(session: Session, change: Change, *, at: datetime) -> None:
    one = session.get_one(Staff, change.staff_id)
    match change.kind:
        case K.LEFT:
            let_go(session, one, Left.MISSING, at=at)
        case K.RENAMED:
            rename(session, {one.id: str(change.facts["after"])})
            confirm(session, one)
        case K.NAMED:
            one.name = str(change.facts["after"])
            confirm(session, one)
        case other:
            raise AssertionError(f"{other} waits for an administrator")


def _keep_parties(session: Session, seen: Seen) -> None:
    """Their numbers, parents and, where told, names; which unit each stands for is an administrator's word."""
    for ident, party in seen.parties.items():
        row = session.get(WeComDepartment, ident)
        if row is None:
            row = WeComDepartment(id=ident, present=True)
            session.add(row)
        row.name, row.parent, row.present = party.name or row.name, party.parent, True
    session.flush()


def _absorb(session: Session, until: int) -> None:
    """The reading is newer than the events before it: everybody's base moves, and they are played no more."""
    after = session.scalar(select(func.max(ContactEvent.at)).where(ContactEvent.id <= until))
    if after is None:
        return
    session.execute(update(ContactEvent).where(ContactEvent.id <= until).values(absorbed=True, settled=True))
    for contact, one in session.execute(select(Contact, Staff).join(Staff, Staff.id == Contact.staff_id)):
        contact.base_userid, contact.base_name = one.userid, one.name
        contact.base_after = max(contact.base_after, after)
        if contact.left_how in BY_EVENT:
            contact.left_how = Left.MISSING.value
    session.flush()
