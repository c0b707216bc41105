"""What supervision leaves behind: cards, letters, events to look into, re-calls, problems."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from reviewbot.database.base import Base


class Card(Base):
    """A yellow or red card to a unit for one limit of one case; it may be appealed and withdrawn, never deleted."""

    __tablename__ = "cards"
    __table_args__ = (
        Index(
            "uq_cards_standing", "due_time_id", "colour", unique=True,
            postgresql_where=text("withdrawn_at IS NULL"),
        ),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), index=True)
    due_time_id: Mapped[int] = mapped_column(ForeignKey("due_times.id"))
    department_id: Mapped[int] = mapped_column(ForeignKey("departments.id"), index=True)
    handler_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    colour: Mapped[str]
    """yellow or red."""
    reason: Mapped[str]
    issued_at: Mapped[datetime] = mapped_column(index=True)
    withdrawn_at: Mapped[datetime | None]
    withdrawn_reason: Mapped[str | None]

    @property
    def label(self) -> str:
        return {"yellow": "黄牌", "red": "红牌"}[self.colour]


class LetterKind(StrEnum):
    SUPERVISION = "supervision"
    SPECIAL_REPORT = "special_report"
    RECTIFICATION_NOTICE = "rectification_notice"
    EXPLANATION_NOTICE = "explanation_notice"
    LEDGER = "ledger"

    @property
    def label(self) -> str:
        return {
            "supervision": "督办函", "special_report": "专报", "rectification_notice": "整改通知",
            "explanation_notice": "解释说明告知书", "ledger": "整改台账",
        }[self.value]  # fmt: skip

    @property
    def tells_of_delay(self) -> bool:
        """Whether it says that a time limit has passed."""
        return self in (self.SUPERVISION, self.SPECIAL_REPORT)

    @property
    def presses(self) -> bool:
        """Whether it presses an open case; a closed one needs no pressing."""
        return self in (self.SUPERVISION, self.SPECIAL_REPORT, self.RECTIFICATION_NOTICE)


class LetterState(StrEnum):
    DRAFT = "draft"
    REVIEWED = "reviewed"
    ISSUED = "issued"
    RECEIVED = "received"
    WITHDRAWN = "withdrawn"

    @property
    def label(self) -> str:
        return {
            "draft": "草稿", "reviewed": "已审核", "issued": "已签发", "received": "已签收", "withdrawn": "已撤回",
        }[self.value]  # fmt: skip


class Letter(Base):
    """An official document from draft to receipt. The system drafts; only people review and issue (F18)."""

    __tablename__ = "letters"
    __table_args__ = (
        UniqueConstraint("kind", "year", "serial"),
        UniqueConstraint("origin"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[LetterKind]
    origin: Mapped[str]
    """What made it owed, once: "A1027-handling-letter", "ledger-2026-11"."""
    case_id: Mapped[int | None] = mapped_column(ForeignKey("cases.id"), index=True)
    department_id: Mapped[int | None] = mapped_column(ForeignKey("departments.id"), index=True)
    """The receiving unit; None for reports to leaders."""
    title: Mapped[str]
    facts: Mapped[dict[str, Any]]
    """What the template is filled with, frozen when drafted."""
    state: Mapped[LetterState] = mapped_column(default=LetterState.DRAFT)
    year: Mapped[int | None]
    serial: Mapped[int | None]
    """文号: given when issued, without gaps per kind and year."""
    sha256: Mapped[str | None]
    """The issued document's content."""
    drafted_at: Mapped[datetime]
    drafted_by: Mapped[str]
    asked_at: Mapped[datetime | None]
    """When those who may review it as a draft, or issue it once reviewed, were told; None: not yet."""
    reviewed_at: Mapped[datetime | None]
    reviewed_by: Mapped[str | None]
    issued_at: Mapped[datetime | None]
    issued_by: Mapped[str | None]
    received_at: Mapped[datetime | None]
    received_by: Mapped[str | None]
    withdrawn_at: Mapped[datetime | None]
    withdrawn_by: Mapped[str | None]
    withdrawn_reason: Mapped[str | None]

    @property
    def lists_cases(self) -> bool:
        """About all the cases of a unit, or of the city, that had passed their rung when they came: one letter lists
        them."""
        return "came" in self.facts


class SupervisionEvent(Base):
    """Something a supervisor has to look into: "nobody called me", a re-call that contradicts the record."""

    __tablename__ = "supervision_events"
    __table_args__ = (UniqueConstraint("case_id", "round", "kind"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), index=True)
    round: Mapped[int]
    kind: Mapped[str]
    said: Mapped[str]
    opened_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]
    settled_by: Mapped[str | None]
    finding: Mapped[str | None]


class Morning(Base):
    """A working day whose digests (晨报) have been owed: once a day, whoever had nothing to be told included."""

    __tablename__ = "mornings"

    day: Mapped[date] = mapped_column(primary_key=True)
    told_at: Mapped[datetime]


class RecallDraw(Base):
    """The re-call sample of one month: committed to before it begins, drawn after it has ended (rules.recall)."""

    __tablename__ = "recall_draws"

    period: Mapped[str] = mapped_column(primary_key=True)
    """The month, "2026-10"."""
    secret: Mapped[str]
    """Shown to nobody before the draw, and to the units only when the last call is concluded."""
    commitment: Mapped[str]
    committed_at: Mapped[datetime]
    drawn_at: Mapped[datetime | None]
    percent: Mapped[int | None]
    policy_version: Mapped[str | None]
    population: Mapped[str | None]
    """The list as published; a case closed or reopened later changes nothing in it."""
    population_sha256: Mapped[str | None]
    seed: Mapped[str | None]


class Recall(Base):
    """One case of the independent re-call sample: drawn by a published seed, called by somebody else (B5)."""

    __tablename__ = "recalls"
    __table_args__ = (UniqueConstraint("period", "case_id"), UniqueConstraint("period", "place"))

    id: Mapped[int] = mapped_column(primary_key=True)
    period: Mapped[str] = mapped_column(ForeignKey("recall_draws.period"))
    place: Mapped[int]
    """In the order of drawing, from 1."""
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), index=True)
    round: Mapped[int]
    """The round of the case that was closed: a later one is not what the rater is asked about."""
    department_id: Mapped[int] = mapped_column(ForeignKey("departments.id"), index=True)
    """The unit that had handled it when it was drawn."""
    caller_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"), index=True)
    """None while nobody independent is to be found."""
    concluded_at: Mapped[datetime | None] = mapped_column(index=True)
    concluded_by: Mapped[str | None]
    finding: Mapped[str | None]
    """Of ``rules.recall.Finding``."""
    note: Mapped[str] = mapped_column(default="")


class RecallAttempt(Base):
    """One attempt of a re-call; the case's own call-backs stand in ``calls`` and are never added to."""

    __tablename__ = "recall_attempts"

    id: Mapped[int] = mapped_column(primary_key=True)
    recall_id: Mapped[int] = mapped_column(ForeignKey("recalls.id"), index=True)
    at: Mapped[datetime]
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    outcome: Mapped[str]
    """Of ``rules.call_back.Outcome``."""
    note: Mapped[str]


class Problem(Base):
    """A cluster of like bad reviews (举一反三): a root cause, an owner, measures, and recurrence before and after."""

    __tablename__ = "problems"
    __table_args__ = (
        Index(
            "uq_problems_open", "department_id", "item", "reason_code", "object", unique=True,
            postgresql_where=text("closed_at IS NULL"),
        ),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    department_id: Mapped[int] = mapped_column(ForeignKey("departments.id"))
    item: Mapped[str]
    reason_code: Mapped[str]
    object: Mapped[str]
    """The window or channel the reviews have in common; empty where none."""
    opened_at: Mapped[datetime]
    opened_with: Mapped[int]
    """Like reviews that opened it."""
    window_days: Mapped[int]
    plan_days: Mapped[int]
    """Working days to write down cause and measures; like the window as the rules said at its opening."""
    begin_within: Mapped[int]
    """Days within which measures begin."""
    reminded_at: Mapped[datetime | None]
    """When people were reminded that the plan is overdue."""
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    root_cause: Mapped[str] = mapped_column(default="")
    measures: Mapped[str] = mapped_column(default="")
    measures_from: Mapped[date | None]
    before_count: Mapped[int | None]
    """Like reviews before the measures, and after: the figure it was closed by, kept then."""
    after_count: Mapped[int | None]
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[str | None]


class ProblemAttempt(Base):
    """Measures against a problem that gave way to others, with their figure: nobody starts anew unseen (B16)."""

    __tablename__ = "problem_attempts"

    id: Mapped[int] = mapped_column(primary_key=True)
    problem_id: Mapped[int] = mapped_column(ForeignKey("problems.id"), index=True)
    owner_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    root_cause: Mapped[str]
    measures: Mapped[str]
    measures_from: Mapped[date]
    before_count: Mapped[int | None]
    """Like reviews in as many days before these measures; None where that was not counted then."""
    after_count: Mapped[int]
    """Like reviews in the days counted."""
    days: Mapped[int]
    """The window's, or fewer where it was broken off."""
    ended_at: Mapped[datetime]
    ended_by: Mapped[str]


class ProblemHandover(Base):
    """A problem changed hands: whose it was, whose it became, why, and who did it."""

    __tablename__ = "problem_handovers"

    id: Mapped[int] = mapped_column(primary_key=True)
    problem_id: Mapped[int] = mapped_column(ForeignKey("problems.id"), index=True)
    at: Mapped[datetime]
    from_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    to_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    why: Mapped[str]
    actor: Mapped[str]
    actor_name: Mapped[str]


class ProblemReview(Base):
    """A review that belongs to a problem."""

    __tablename__ = "problem_reviews"

    problem_id: Mapped[int] = mapped_column(ForeignKey("problems.id"), primary_key=True)
    review_id: Mapped[int] = mapped_column(ForeignKey("reviews.id"), primary_key=True)
