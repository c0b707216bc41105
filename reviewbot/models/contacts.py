"""What WeCom tells of members and departments, what was done about it, and how well people can be reached."""

from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, BigInteger, ForeignKey, Index, Integer, text
from sqlalchemy.orm import Mapped, mapped_column

from reviewbot.database.base import Base


class ContactEvent(Base):
    """One pushed change of the address book, kept as it came: the directory is reckoned from all of them (W20, W25)."""

    __tablename__ = "contact_events"
    __table_args__ = (
        Index("ix_contact_events_new", "id", postgresql_where=text("NOT settled")),
        Index("ix_contact_events_counting", "at", postgresql_where=text("NOT absorbed")),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    """Of the whole text (W17): a repeated push is the same event."""
    kind: Mapped[str]
    """Of ``rules.contacts.Told``."""
    at: Mapped[int] = mapped_column(BigInteger)
    """CreateTime, in the platform's seconds: the only order there is."""
    userid: Mapped[str | None]
    new_userid: Mapped[str | None]
    name: Mapped[str | None]
    departments: Mapped[list[int] | None] = mapped_column(ARRAY(Integer()))
    party: Mapped[int | None]
    parent: Mapped[int | None]
    received_at: Mapped[datetime]
    settled: Mapped[bool] = mapped_column(default=False)
    absorbed: Mapped[bool] = mapped_column(default=False)
    """A complete reading of the address book came after it and is the newer truth."""


class Contact(Base):
    """How one member of staff stands in WeCom; from the base and the events after it his row in ``staff`` follows."""

    __tablename__ = "contacts"

    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), primary_key=True)
    base_userid: Mapped[str]
    base_name: Mapped[str]
    base_after: Mapped[int] = mapped_column(BigInteger, default=0)
    """Events up to this CreateTime are already in the base."""
    left_how: Mapped[str | None]
    """Of ``rules.contacts.Left``; None for who is here."""
    left_at: Mapped[datetime | None]
    seen_at: Mapped[datetime | None]
    """He last opened the application or signed in."""
    refused_since: Mapped[datetime | None]
    """WeCom has said since then that he cannot be reached; None once a message was taken for him."""
    refused_code: Mapped[int | None]
    refused_why: Mapped[str | None]


class WeComDepartment(Base):
    """A department as WeCom numbers it, and the unit of ours it stands for, if any."""

    __tablename__ = "wecom_departments"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str | None]
    parent: Mapped[int | None]
    present: Mapped[bool] = mapped_column(default=True)
    department_id: Mapped[int | None] = mapped_column(ForeignKey("departments.id"), index=True)


class DirectoryChange(Base):
    """One change of the directory: done at once, or waiting for an administrator; who, when, what."""

    __tablename__ = "directory_changes"
    __table_args__ = (
        Index(
            "uq_directory_changes_waiting", "kind", "subject", unique=True,
            postgresql_where=text("state = 'waiting'"),
        ),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    """Of ``rules.directory_plan.ChangeKind``."""
    subject: Mapped[str]
    """A lower-case userid, or ``party:ID``."""
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"), index=True)
    facts: Mapped[dict[str, Any]]
    """Before and after, as told."""
    source: Mapped[str]
    """sync, event or admin."""
    state: Mapped[str]
    """done, waiting, dismissed, or past (no longer what WeCom says)."""
    at: Mapped[datetime]
    actor: Mapped[str]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[str | None]


class DirectorySync(Base):
    """One reading of the address book: how far it went and what came of it."""

    __tablename__ = "directory_syncs"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    actor: Mapped[str]
    way: Mapped[str]
    """list_id (contacts secret), simplelist (visible range), or none."""
    complete: Mapped[bool]
    """Only then does being absent mean having left."""
    members: Mapped[int]
    done: Mapped[int]
    waiting: Mapped[int]
    notes: Mapped[list[str]]


class Invitation(Base):
    """Somebody the directory knows by name or number and not yet by userid: bound once, then a member of staff."""

    __tablename__ = "invitations"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    number: Mapped[str | None]
    """工号, to tell namesakes apart."""
    department_id: Mapped[int] = mapped_column(ForeignKey("departments.id"), index=True)
    roles: Mapped[list[str]]
    made_by: Mapped[str]
    made_at: Mapped[datetime]
    code_digest: Mapped[str | None] = mapped_column(index=True)
    """Of the one-time code; the code itself is shown once and kept nowhere."""
    code_until: Mapped[datetime | None]
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    bound_at: Mapped[datetime | None]
    bound_how: Mapped[str | None]
    """mobile or code."""
    withdrawn_at: Mapped[datetime | None]


class BindingTry(Base):
    """One look-up by number or one code typed: wrong ones are rationed (wecom §2.5, Q20). The number is not kept."""

    __tablename__ = "binding_tries"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    how: Mapped[str]
    """mobile or code."""
    actor: Mapped[str]
    wrong: Mapped[bool] = mapped_column(default=True)
    """Until the answer is there it counts as wrong: a process that dies in between must not buy another try."""


class Alert(Base):
    """Something an operator must act on at once (W26): open until it works again."""

    __tablename__ = "alerts"
    __table_args__ = (
        Index("uq_alerts_open", "code", unique=True, postgresql_where=text("closed_at IS NULL")),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str]
    """WeCom's errcode, or the name of the event."""
    said: Mapped[str]
    opened_at: Mapped[datetime]
    last_at: Mapped[datetime]
    times: Mapped[int] = mapped_column(default=1)
    closed_at: Mapped[datetime | None]
