"""Reviews as they came in, and the balance of every delivery."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from reviewbot.database.base import Base
from reviewbot.rules.grading import grade_name
from reviewbot.rules.kinds import Kind


class IntakeBatch(Base):
    """One delivery: how many records came, and what became of each (received = the sum of the rest)."""

    __tablename__ = "intake_batches"

    id: Mapped[int] = mapped_column(primary_key=True)
    source: Mapped[str]
    via: Mapped[str]
    received_at: Mapped[datetime] = mapped_column(index=True)
    received: Mapped[int]
    accepted: Mapped[int]
    duplicate: Mapped[int]
    altered: Mapped[int]
    refused: Mapped[int]
    set_aside: Mapped[int]


class Review(Base):
    """One rating by one person of one service. Never changed after it was accepted (F3)."""

    __tablename__ = "reviews"
    __table_args__ = (
        UniqueConstraint("source", "external_id", "round"),
        Index("ix_reviews_unrouted", "id", postgresql_where=text("wants_case AND routed_at IS NULL")),
        Index("ix_reviews_received_at", "received_at", postgresql_using="brin"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    batch_id: Mapped[int] = mapped_column(ForeignKey("intake_batches.id"))
    received_at: Mapped[datetime]
    source: Mapped[str]
    external_id: Mapped[str]
    round: Mapped[int]
    kind: Mapped[Kind] = mapped_column(server_default="rating")
    rating: Mapped[int | None]
    """None for a work order, which carries no rating."""
    is_bad: Mapped[bool]
    wants_case: Mapped[bool]
    """A bad rating, or any work order."""
    is_default: Mapped[bool]
    reviewed_at: Mapped[datetime]
    channel: Mapped[str | None]
    department: Mapped[str | None]
    department_name: Mapped[str | None]
    item: Mapped[str | None]
    item_code: Mapped[str | None]
    window: Mapped[str | None]
    handled_by: Mapped[str | None]
    reason_codes: Mapped[list[str]]
    comment: Mapped[str]
    rater_kind: Mapped[str | None]
    rater_name: Mapped[str | None]
    rater_phone: Mapped[str | None]
    rater_anonymous: Mapped[bool]
    closed_at: Mapped[datetime | None]
    """When the source itself closed a work order: history, counted and never worked."""
    satisfaction: Mapped[str | None]
    flags: Mapped[list[str]]
    fingerprint: Mapped[str]
    raw: Mapped[bytes]
    routed_at: Mapped[datetime | None]
    """When the routing task took it: the doorbell's own mark, not part of the review."""
    erased_at: Mapped[datetime | None]
    """When what it tells of the rater was erased; the rating itself stays (R20)."""

    @property
    def grade(self) -> str:
        """The grade as a clerk says it, or what kind of work order it is."""
        return self.kind.label if self.rating is None else grade_name(self.rating)

    @property
    def real_name(self) -> bool:
        """Somebody who can be called: not anonymous and with a number (F9)."""
        return not self.rater_anonymous and bool(self.rater_phone)


class ReviewCopy(Base):
    """A later copy of a known review with other content: evidence, never an update (F3).

    Where a work order's copy differs in its ending alone, the case takes it up (``actions/follow_source.py``)."""

    __tablename__ = "review_copies"
    __table_args__ = (
        UniqueConstraint("review_id", "fingerprint"),
        Index("ix_review_copies_waiting", "review_id", postgresql_where=text("outcome = 'waiting'")),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    review_id: Mapped[int] = mapped_column(ForeignKey("reviews.id"))
    batch_id: Mapped[int] = mapped_column(ForeignKey("intake_batches.id"))
    received_at: Mapped[datetime]
    fingerprint: Mapped[str]
    raw: Mapped[bytes]
    result: Mapped[str]
    """As which the sender was answered: altered, or duplicate where it only went on from what was known."""
    closed_at: Mapped[datetime | None]
    satisfaction: Mapped[str | None]
    """What it says of the ending of a work order, as in ``Review``; of a rating nothing."""
    outcome: Mapped[str | None]
    """What the case made of that, of ``rules.endings.Outcome``; None where other content differs, which is evidence."""


class KeptRecord(Base):
    """A record that is not a review: refused (the sender must mend it) or set aside (for the desk)."""

    __tablename__ = "kept_records"
    __table_args__ = (
        Index(
            "ix_kept_records_open", "id", postgresql_where=text("result = 'set_aside' AND settled_at IS NULL")
        ),
        Index("ix_kept_records_key", "source", "external_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    batch_id: Mapped[int] = mapped_column(ForeignKey("intake_batches.id"))
    received_at: Mapped[datetime] = mapped_column(index=True)
    source: Mapped[str]
    result: Mapped[str]
    reason: Mapped[str]
    external_id: Mapped[str | None]
    round: Mapped[int | None]
    raw: Mapped[bytes]
    settled_at: Mapped[datetime | None]
    settled_by: Mapped[str | None]
    settled_name: Mapped[str | None]
    settlement: Mapped[str | None]
    """taken_in (with a correction) or dismissed; only what was set aside is settled."""
    settlement_reason: Mapped[str | None]
    correction: Mapped[dict[str, Any] | None]
    """Our fields a person put right, with the value he gave; absent where the record could stand as it was."""
    review_id: Mapped[int | None] = mapped_column(ForeignKey("reviews.id"), unique=True)
