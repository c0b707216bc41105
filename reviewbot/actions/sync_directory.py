"""A reading of the address book is laid beside our table: shown first, then done as far as it may be."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from reviewbot.actions.keep_member import confirm, rename
from reviewbot.actions.let_go import let_go
from reviewbot.actions.record_change import offer_changes, record_change
from reviewbot.actions.settle_contacts import BY_EVENT, lock_directory
from reviewbot.clock import CHINA
from reviewbot.models.contacts import Contact, ContactEvent, DirectorySync, WeComDepartment
from reviewbot.models.people import Staff
from reviewbot.queries.contacts import known_directory, last_sync
from reviewbot.rules.contacts import Left
from reviewbot.rules.directory_plan import Change, ChangeKind, Plan, Seen, compare

K = ChangeKind
AGAIN = timedelta(hours=1)


def plan_sync(session: Session, seen: Seen, *, leave_share: float) -> Plan:
    """What this reading would change; nothing is changed."""
    return compare(known_directory(session), seen, leave_share=leave_share)


@dataclass(frozen=True)
class Begun:
    """A reading under way. ``until``: the events pushed before it began are contained in what it will find."""

    ident: int
    until: int


def begin_tonight(session: Session, *, at: datetime, hour: int) -> Begun | None:
    """The night's reading, once; where it failed, again after an hour. None when there is nothing to do."""
    lock_directory(session)
    local = at.astimezone(CHINA)
    tonight = datetime.combine(local.date(), time(hour), CHINA)
    last = last_sync(session)
    if local < tonight or (
        last and last.at >= tonight and (last.way not in ("", "none") or at - last.at < AGAIN)
    ):
        return None
    return begin_sync(session, at=at, actor="system")


def begin_sync(session: Session, *, at: datetime, actor: str) -> Begun:
    """Write down that a reading begins; nobody else begins one meanwhile."""
    told = DirectorySync(at=at, actor=actor, way="", complete=False, members=0, done=0, waiting=0, notes=[])
    session.add(told)
    session.flush()
    return Begun(told.id, session.scalar(select(func.max(ContactEvent.id))) or 0)


def sync_directory(
    session: Session, begun: Begun, seen: Seen, *, leave_share: float, at: datetime
) -> DirectorySync:
    """Do what is safe, let the rest wait, write both down."""
    lock_directory(session)
    told = session.get_one(DirectorySync, begun.ident)
    plan = plan_sync(session, seen, leave_share=leave_share)
    for change in plan.safe:
        _do(session, change, at=at)
        record_change(session, change, source="sync", at=at, actor=told.actor)
    _keep_parties(session, seen)
    if seen.complete:
        _absorb(session, begun.until)
    # A reading that broke off knows of nothing that has ceased to be so.
    ends = ("sync", "event") if seen.complete else ()
    told.waiting = offer_changes(session, plan.waiting, source="sync", ends=ends, at=at)
    told.way, told.complete, told.members = seen.way, seen.complete, len(seen.members)
    told.done, told.notes = len(plan.safe), list(seen.notes)
    session.flush()
    return told


def abandon_sync(session: Session, begun: Begun, seen: Seen) -> None:
    """It was read and shown, and nobody wanted it done."""
    told = session.get_one(DirectorySync, begun.ident)
    told.way, told.members, told.notes = seen.way, len(seen.members), [*seen.notes, "未确认，没有更改"]


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
