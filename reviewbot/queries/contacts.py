"""Look-ups in what WeCom tells: how members stand, events that count, changes that wait, invitations, tries."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime, time

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from reviewbot.clock import CHINA
from reviewbot.models.contacts import (
    BindingTry,
    Contact,
    ContactEvent,
    DirectoryChange,
    DirectorySync,
    Invitation,
    WeComDepartment,
)
from reviewbot.models.people import Department, Staff
from reviewbot.rules.contacts import Base, Event, Party, Told
from reviewbot.rules.directory_plan import ChangeKind, Known, Ours


def contact_of(session: Session, staff: Staff) -> Contact:
    """How he stands in WeCom; the row begins with what the directory says. Two may ask for it first at once."""
    found = session.get(Contact, staff.id)
    if found is not None:
        return found
    after = latest_event(session, absorbed=True)
    first = {"staff_id": staff.id, "base_userid": staff.userid, "base_name": staff.name, "base_after": after}
    session.execute(insert(Contact).values(first).on_conflict_do_nothing())
    return session.get_one(Contact, staff.id)


def is_taken(session: Session, key: str) -> bool:
    """Whether this change has been pushed before."""
    return session.scalar(select(ContactEvent.id).where(ContactEvent.key == key)) is not None


def bases(session: Session) -> list[Base]:
    """Everybody of the directory as last confirmed."""
    rows = session.execute(select(Staff, Contact).outerjoin(Contact, Contact.staff_id == Staff.id))
    after = latest_event(session, absorbed=True)
    return [
        Base(one.id, contact.base_userid, contact.base_name, contact.base_after)
        if contact
        else Base(one.id, one.userid, one.name, after)
        for one, contact in rows
    ]


def counting_events(session: Session) -> list[Event]:
    """The events that no complete reading has made old."""
    rows = session.scalars(select(ContactEvent).where(~ContactEvent.absorbed))
    return [
        Event(
            Told(row.kind), row.at, row.key, row.userid or "", row.new_userid, row.name,
            tuple(row.departments) if row.departments is not None else None, row.party, row.parent,
        )
        for row in rows
    ]  # fmt: skip


def latest_event(session: Session, *, absorbed: bool = False) -> int:
    """The platform's time of the last event; of the last one a complete reading has made old."""
    wanted = select(func.max(ContactEvent.at))
    return session.scalar(wanted.where(ContactEvent.absorbed) if absorbed else wanted) or 0


def unsettled_events(session: Session) -> bool:
    return session.scalar(select(ContactEvent.id).where(~ContactEvent.settled).limit(1)) is not None


def known_directory(session: Session) -> Known:
    """What a reading of the address book is compared with."""
    staff = [
        Ours(one.id, one.userid, one.name, one.department_id, one.active)
        for one in session.scalars(select(Staff).order_by(Staff.id))
    ]
    rows = session.scalars(select(WeComDepartment)).all()
    known = {row.id: Party(row.name, row.parent, row.present) for row in rows}
    units = {row.id: row.department_id for row in rows if row.department_id and row.present}
    named = defaultdict(set)
    for unit in session.scalars(select(Department)):
        named[unit.name].add(unit.id)
        named[unit.short_name].add(unit.id)
    # A name of two units says neither.
    names = {name: next(iter(idents)) for name, idents in named.items() if len(idents) == 1}
    return Known(staff, known, units, names)


def waiting_changes(session: Session) -> list[DirectoryChange]:
    return list(
        session.scalars(
            select(DirectoryChange).where(DirectoryChange.state == "waiting").order_by(DirectoryChange.id)
        )
    )


def past_changes(session: Session, *, after: int | None = None, limit: int = 50) -> list[DirectoryChange]:
    """What was done or decided, newest first; ``after``: the last id of the page before."""
    wanted = (
        select(DirectoryChange)
        .where(DirectoryChange.state != "waiting")
        .order_by(DirectoryChange.id.desc())
        .limit(limit)
    )
    if after is not None:
        wanted = wanted.where(DirectoryChange.id < after)
    return list(session.scalars(wanted))


def renamed_since(session: Session, userids: Collection[str]) -> set[str]:
    """The userids these have become: records keep the name under which somebody acted."""
    rows = session.execute(
        select(DirectoryChange.facts["before"].astext, DirectoryChange.facts["after"].astext)
        .where(DirectoryChange.kind == ChangeKind.RENAMED.value, DirectoryChange.state == "done")
        .order_by(DirectoryChange.id)
    )
    known = {userid.lower() for userid in userids}
    found: set[str] = set()
    for before, after in rows:
        if before.lower() in known:
            known.add(after.lower())
            found.add(after)
    return found


def dismissed_facts(session: Session, kind: str, subject: str) -> list[dict[str, object]]:
    """What an administrator has already said no to: the same is not asked every night."""
    return list(
        session.scalars(
            select(DirectoryChange.facts).where(
                DirectoryChange.kind == kind,
                DirectoryChange.subject == subject,
                DirectoryChange.state == "dismissed",
            )
        )
    )


def last_sync(session: Session) -> DirectorySync | None:
    return session.scalar(select(DirectorySync).order_by(DirectorySync.id.desc()).limit(1))


def open_invitations(session: Session) -> list[tuple[Invitation, Department]]:
    rows = session.execute(
        select(Invitation, Department)
        .join(Department, Department.id == Invitation.department_id)
        .where(Invitation.bound_at.is_(None), Invitation.withdrawn_at.is_(None))
        .order_by(Invitation.id)
    )
    return [(one, unit) for one, unit in rows]


def invitation_by_code(session: Session, digest: str, now: datetime) -> Invitation | None:
    """The open invitation whose unexpired code has this digest, locked."""
    return session.scalar(
        select(Invitation)
        .where(
            Invitation.code_digest == digest,
            Invitation.code_until >= now,
            Invitation.bound_at.is_(None),
            Invitation.withdrawn_at.is_(None),
        )
        .with_for_update()
    )


def wrong_tries(session: Session, how: str, since: datetime, *, actor: str | None = None) -> int:
    """Wrong numbers or codes since then; of everybody, or of one."""
    wanted = select(func.count()).where(BindingTry.how == how, BindingTry.wrong, BindingTry.at >= since)
    return session.scalar(wanted.where(BindingTry.actor == actor) if actor else wanted) or 0


def today_of(at: datetime) -> datetime:
    """When the day of a moment began in China: rations are by the day."""
    return datetime.combine(at.astimezone(CHINA).date(), time(), CHINA)


def wrong_numbers_today(session: Session, at: datetime) -> int:
    return wrong_tries(session, "mobile", today_of(at))


def head_count(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(Staff).where(Staff.active)) or 0


def party_units(session: Session) -> Sequence[tuple[WeComDepartment, str | None]]:
    """Every WeCom department there is, with the short name of the unit it stands for."""
    rows = session.execute(
        select(WeComDepartment, Department.short_name)
        .outerjoin(Department, Department.id == WeComDepartment.department_id)
        .where(WeComDepartment.present)
        .order_by(WeComDepartment.id)
    )
    return [(row, name) for row, name in rows]
