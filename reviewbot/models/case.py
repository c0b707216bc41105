"""The case, its events, its due times, its calls and its evidence."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    ForeignKey,
    Index,
    Sequence,
    UniqueConstraint,
    false,
    or_,
    text,
)
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column, relationship

from reviewbot.database.base import Base
from reviewbot.models.people import Department, Staff
from reviewbot.models.review import Review
from reviewbot.rules.deadlines import Limit, Unit
from reviewbot.rules.kinds import Kind
from reviewbot.rules.lifecycle import CaseStatus, ClosingKind, Conclusion
from reviewbot.rules.stages import STANDING, stands

CASE_SERIAL = Sequence("case_serial", start=1, metadata=Base.metadata)


def case_number(serial: int) -> str:
    """The short number people type: A1000 … A9999, B1000 … Z9999, then five digits and more."""
    index, digits = serial - 1, 4
    while index >= 26 * (block := 9 * 10 ** (digits - 1)):
        index -= 26 * block
        digits += 1
    letter, rest = divmod(index, block)
    return f"{chr(ord('A') + letter)}{10 ** (digits - 1) + rest}"


class Case(Base):
    """One bad review on its way to a closed case. Written only by actions, through one move at a time."""

    __tablename__ = "cases"
    __table_args__ = (
        Index("ix_cases_due", "next_action_at", postgresql_where=text("next_action_at IS NOT NULL")),
        Index("ix_cases_holder", "department_id", "status"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(unique=True)
    review_id: Mapped[int] = mapped_column(ForeignKey("reviews.id"), unique=True)
    round: Mapped[int] = mapped_column(default=1)
    status: Mapped[CaseStatus]
    department_id: Mapped[int | None] = mapped_column(ForeignKey("departments.id"))
    handler_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"), index=True)
    route_rule: Mapped[str]
    route_reason: Mapped[str]
    kind: Mapped[Kind] = mapped_column(server_default="rating")
    real_name: Mapped[bool]
    complex: Mapped[bool] = mapped_column(default=False)
    conclusion: Mapped[Conclusion | None]
    closing_kind: Mapped[ClosingKind | None]
    without_attachment: Mapped[bool] = mapped_column(default=False)
    call_count: Mapped[int] = mapped_column(default=0)
    return_count: Mapped[int] = mapped_column(default=0)
    reopen_count: Mapped[int] = mapped_column(default=0)
    event_count: Mapped[int] = mapped_column(default=0)
    last_hash: Mapped[str] = mapped_column(default="")
    policy_version: Mapped[str]
    calendar_version: Mapped[str]
    opened_at: Mapped[datetime] = mapped_column(index=True)
    dispatched_at: Mapped[datetime | None] = mapped_column(index=True)
    """The first dispatch: the handling clock starts here and no later one moves it."""
    assigned_at: Mapped[datetime | None]
    """The latest dispatch: windows to return and to appeal start here."""
    held_since: Mapped[datetime | None]
    """Since when the unit that has it could act: dispatched to it, or its appeal decided. For one routed when it came,
    the moment its source had dispatched it."""
    signed_at: Mapped[datetime | None]
    contacted_at: Mapped[datetime | None]
    """The first reached call-back."""
    first_closed_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None] = mapped_column(index=True)
    contact_due_at: Mapped[datetime | None] = mapped_column(index=True)
    """Of the first round, as 及时响应率 asks; that of a later one is a row of ``due_times`` alone."""
    due_at: Mapped[datetime | None] = mapped_column(index=True)
    original_due_at: Mapped[datetime | None]
    next_action_at: Mapped[datetime | None]
    returned_from_id: Mapped[int | None] = mapped_column(ForeignKey("departments.id"))
    """The unit that says it is not its own, until the desk has decided."""
    ruled: Mapped[bool] = mapped_column(default=False)
    """A ruling after arbitration is final: no more returns."""
    ledger_until: Mapped[datetime | None]
    instructed_at: Mapped[datetime | None]
    """A leader has written on it: one month to a letter, three to a report (S4). A work order 领导批示 has it from
    the day its source dispatched it."""
    satisfaction: Mapped[str | None]
    """What the rater, or the hotline's survey, answered: satisfied, basically, dissatisfied."""

    review: Mapped[Review] = relationship(lazy="raise")
    department: Mapped[Department | None] = relationship(lazy="raise", foreign_keys=[department_id])
    handler: Mapped[Staff | None] = relationship(lazy="raise", foreign_keys=[handler_id])


class CaseEvent(Base):
    """One thing that happened: who, what, why, when, before, after. Append-only; chained by hash per case."""

    __tablename__ = "case_events"
    __table_args__ = (UniqueConstraint("case_id", "seq"),)

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    seq: Mapped[int]
    at: Mapped[datetime] = mapped_column(index=True)
    actor: Mapped[str]
    """A userid, ``token:NAME`` or ``system``."""
    actor_name: Mapped[str]
    move: Mapped[str]
    before: Mapped[str | None]
    after: Mapped[str]
    remark: Mapped[str]
    data: Mapped[dict[str, Any]]
    previous_hash: Mapped[str]
    hash: Mapped[str]


class DueTime(Base):
    """A limit that runs for a case, with its working: every interval counted or not, and why (B1)."""

    __tablename__ = "due_times"
    __table_args__ = (
        UniqueConstraint("case_id", "round", "stage"),
        Index(
            "ix_due_times_running", "calendar_version",
            postgresql_where=text("met_at IS NULL AND replaced_by IS NULL"),
        ),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    round: Mapped[int]
    stage: Mapped[str]
    started_at: Mapped[datetime]
    due_at: Mapped[datetime]
    limit_name: Mapped[str]
    """Of the policy's limits, or ``extension``."""
    limit_value: Mapped[float]
    limit_unit: Mapped[str]
    """Of ``rules.deadlines.Unit``."""
    working: Mapped[list[dict[str, Any]]]
    provisional: Mapped[bool]
    policy_version: Mapped[str]
    calendar_version: Mapped[str]
    rungs_done: Mapped[list[str]]
    met_at: Mapped[datetime | None]
    replaced_by: Mapped[str | None]
    """The stage that took its place: a complex matter's limit, an extension; or of ``ENDED_UNMET`` why nothing did."""
    replaced_at: Mapped[datetime | None]

    @hybrid_property
    def stands(self) -> bool:
        """Owed by people outside the unit: it runs on when the case is closed or opened again."""
        return stands(self.stage)

    @stands.inplace.expression
    @classmethod
    def _stands(cls) -> ColumnElement[bool]:
        return or_(*(cls.stage.startswith(start, autoescape=True) for start in STANDING))

    @property
    def limit(self) -> Limit:
        return Limit(self.limit_name, self.limit_value, Unit(self.limit_unit), "", "")

    @property
    def limit_text(self) -> str:
        return f"{self.limit_value:g} {self.limit.unit.label}"


class Call(Base):
    """One call-back attempt: by whom, when, reached or not, what was said (F9)."""

    __tablename__ = "calls"

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), index=True)
    round: Mapped[int]
    attempt: Mapped[int]
    at: Mapped[datetime]
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    reached: Mapped[bool]
    outcome: Mapped[str]
    """Of ``rules.call_back.Outcome``."""
    completes: Mapped[bool] = mapped_column(server_default=false())
    """Whether with this attempt the call-back of the round was done: reached, or exhausted by the case's policy."""
    number_unseen: Mapped[bool] = mapped_column(server_default=false())
    """Put on record before anybody had looked at the rater's number in this round, though there is one (B15)."""
    note: Mapped[str]
    recording: Mapped[str | None]
    """Where the recording lies, as the telephone system names it."""
    recording_sha256: Mapped[str | None]


class Safety(StrEnum):
    """What the virus scanner said of a file."""

    UNSCANNED = "unscanned"
    CLEAN = "clean"
    INFECTED = "infected"


class Evidence(Base):
    """A photograph or file. Without a case it waits: for its sender to name one, or, chosen on a page of
    ``chosen_for_id``, for the form to be handed in."""

    __tablename__ = "evidence"
    __table_args__ = (Index("ix_evidence_unscanned", "id", postgresql_where=text("safety = 'unscanned'")),)

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int | None] = mapped_column(ForeignKey("cases.id"), index=True)
    chosen_for_id: Mapped[int | None] = mapped_column(ForeignKey("cases.id"), index=True)
    round: Mapped[int | None]
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), index=True)
    at: Mapped[datetime]
    sha256: Mapped[str]
    filename: Mapped[str]
    media_type: Mapped[str]
    size: Mapped[int]
    safety: Mapped[Safety] = mapped_column(default=Safety.UNSCANNED, server_default="unscanned")
    finding: Mapped[str | None]
    """What the scanner found."""
    set_id: Mapped[int | None]
    """Photographs of one person within a minute are one set; the number of its first callback."""


class MediaFetch(Base):
    """A photograph or voice message that WeCom keeps for three days, to be fetched by a worker (P4)."""

    __tablename__ = "media_fetches"
    __table_args__ = (
        Index("ix_media_fetches_wanted", "next_try_at", postgresql_where=text("state = 'wanted'")),
        Index("ix_media_fetches_staff", "staff_id", "received_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    inbox_id: Mapped[int] = mapped_column(ForeignKey("inbox.id"), unique=True)
    set_id: Mapped[int]
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    kind: Mapped[str]
    """image or voice."""
    media_id: Mapped[str]
    case_id: Mapped[int | None] = mapped_column(ForeignKey("cases.id"))
    """None until its sender has said which case it belongs to."""
    received_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(default="wanted")
    """wanted, kept or given_up."""
    reason: Mapped[str | None]
    tries: Mapped[int] = mapped_column(default=0)
    next_try_at: Mapped[datetime]
    """Real time: the channel takes no part in rehearsals."""
    expires_at: Mapped[datetime]
    """Real time, when WeCom deletes it."""
    evidence_id: Mapped[int | None] = mapped_column(ForeignKey("evidence.id"))
