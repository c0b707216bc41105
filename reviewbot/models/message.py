"""Messages owed to people and callbacks already taken."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from reviewbot.database.base import Base


class Message(Base):
    """One message owed to one person: owed or held, sending, then sent, or suppressed with a reason."""

    __tablename__ = "messages"
    __table_args__ = (
        Index("ix_messages_together", "together", postgresql_where=text("together IS NOT NULL")),
        Index(
            "ix_messages_owed", "next_try_at", postgresql_where=text("state IN ('owed', 'sending', 'held')")
        ),
        Index(
            "ix_messages_living", "code_expires_at",
            postgresql_where=text("response_code IS NOT NULL AND code_used_at IS NULL"),
        ),
        Index(
            "ix_messages_failed", "id",
            postgresql_where=text(
                "kind IN ('card_update', 'card_recall') AND state = 'suppressed' AND settled_at IS NULL"
            ),
        ),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    """(case, round, recipient, kind, serial): the same thing is never owed twice (W10)."""
    kind: Mapped[str]
    case_id: Mapped[int | None] = mapped_column(ForeignKey("cases.id"), index=True)
    userid: Mapped[str]
    channel: Mapped[str] = mapped_column(default="wecom")
    """wecom, or rater: the address is looked up only when it is sent, and never stands in a message."""
    carrier: Mapped[str | None]
    """Which way of a channel with several carried it, or was tried last: official (公众号) or sms."""
    passed: Mapped[list[str]] = mapped_column(server_default="{}")
    """The ways before it that could not, each with the reason ("official：…")."""
    body: Mapped[dict[str, Any]]
    """Of a card: what it shows now, its updates included."""
    state: Mapped[str] = mapped_column(default="owed")
    reason: Mapped[str | None]
    attempts: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    next_try_at: Mapped[datetime]
    """Real time, not rehearsal time: the channel does not hurry with us."""
    unsure_since: Mapped[datetime | None]
    """Real time of the first try that was not answered: it may have arrived, so a repeat must be recognised."""
    together: Mapped[int | None]
    """The first of the messages that go out in one call with this one, itself included."""
    held_until: Mapped[datetime | None]
    """On the house's clock: not sent before. State ``held`` until somebody releases it."""
    sent_at: Mapped[datetime | None]
    msgid: Mapped[str | None]
    """What a card is taken back by, within 24 hours of ``sent_at``."""
    response_code: Mapped[str | None]
    """The right to change this one copy of the card, once."""
    code_expires_at: Mapped[datetime | None]
    code_used_at: Mapped[datetime | None]
    """Set before the call that uses the code (W22), or when it ran out and was replaced."""
    withdrawn_at: Mapped[datetime | None]
    """Taken back, or its receiver told why not: he no longer holds the case, or a fresh card took its place."""
    settled_at: Mapped[datetime | None]
    """Of an update or a recall that failed: what came in its place is owed."""


class InboxItem(Base):
    """A callback taken once (unique key), worked by a task."""

    __tablename__ = "inbox"
    __table_args__ = (
        Index("ix_inbox_new", "id", postgresql_where=text("state = 'new'")),
        Index("ix_inbox_waiting", "userid", postgresql_where=text("state = 'waiting'")),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    userid: Mapped[str]
    body: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(default="new")
    """new, done, kept (out of its time), failed; waiting = its sender has still to say which case it is about."""
    outcome: Mapped[str | None]
    received_at: Mapped[datetime]
    worked_at: Mapped[datetime | None]
    tries: Mapped[int] = mapped_column(default=0)
