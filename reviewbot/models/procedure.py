"""What a unit applies for, who decided, and what other units were asked to do."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from reviewbot.database.base import Base


class ApplicationKind(StrEnum):
    EXTENSION = "extension"
    LEDGER = "ledger"
    APPEAL = "appeal"
    CARD_APPEAL = "card_appeal"

    @property
    def label(self) -> str:
        return {
            "extension": "延期申请", "ledger": "台账申请", "appeal": "差评申诉", "card_appeal": "警示牌申诉",
        }[self.value]  # fmt: skip


class ApplicationState(StrEnum):
    PENDING = "pending"
    GRANTED = "granted"
    REFUSED = "refused"
    LAPSED = "lapsed"
    """The case moved on before anybody decided."""

    @property
    def label(self) -> str:
        return {"pending": "待决定", "granted": "同意", "refused": "不同意", "lapsed": "失效"}[self.value]


class Application(Base):
    """Something a unit asks others to decide: more time, the ledger, an appeal. At most one pending of a kind."""

    __tablename__ = "applications"
    __table_args__ = (
        Index(
            "uq_applications_pending", "case_id", "kind", "subject", unique=True,
            postgresql_where=text("state = 'pending'"),
        ),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), index=True)
    round: Mapped[int]
    kind: Mapped[ApplicationKind]
    subject: Mapped[int] = mapped_column(default=0)
    """The card an appeal is about; 0 for what is about the case itself."""
    ground: Mapped[str]
    reason: Mapped[str]
    data: Mapped[dict[str, Any]]
    """What is asked for: ``days``, ``until``."""
    asked_by: Mapped[str]
    asked_name: Mapped[str]
    department_id: Mapped[int] = mapped_column(ForeignKey("departments.id"))
    asked_at: Mapped[datetime]
    deciders: Mapped[int]
    """How many people have to agree."""
    state: Mapped[ApplicationState] = mapped_column(default=ApplicationState.PENDING)
    settled_at: Mapped[datetime | None]

    decisions: Mapped[list["Decision"]] = relationship(lazy="selectin", order_by="Decision.id")


class Decision(Base):
    """One decider's word on an application; nobody decides twice."""

    __tablename__ = "decisions"
    __table_args__ = (UniqueConstraint("application_id", "actor"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    application_id: Mapped[int] = mapped_column(ForeignKey("applications.id"))
    actor: Mapped[str]
    actor_name: Mapped[str]
    at: Mapped[datetime]
    agreed: Mapped[bool]
    remark: Mapped[str]


class Assistance(Base):
    """A sub-task of another unit in a joint case (协办): its own due time, never the citizen's (F15)."""

    __tablename__ = "assistances"
    __table_args__ = (
        Index(
            "uq_assistances_open", "case_id", "department_id", unique=True,
            postgresql_where=text("state = 'open'"),
        ),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), index=True)
    round: Mapped[int]
    department_id: Mapped[int] = mapped_column(ForeignKey("departments.id"), index=True)
    handler_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    task: Mapped[str]
    asked_by: Mapped[str]
    asked_at: Mapped[datetime]
    due_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(default="open")
    """open, done or withdrawn."""
    answer: Mapped[str] = mapped_column(default="")
    answered_by: Mapped[str | None]
    answered_at: Mapped[datetime | None]
