"""Departments, items, windows, staff, duty and routing exceptions; API tokens."""

from datetime import date, datetime

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from reviewbot.database.base import Base


class Department(Base):
    """A unit that handles matters, or the bureau that runs the loop (role ``bureau``)."""

    __tablename__ = "departments"

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    credit_code: Mapped[str | None] = mapped_column(index=True)
    name: Mapped[str]
    short_name: Mapped[str]
    zone: Mapped[str | None]
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("departments.id"), index=True)
    role: Mapped[str]


class Item(Base):
    """A matter people apply for; the department that owns it."""

    __tablename__ = "items"
    __table_args__ = (UniqueConstraint("department_id", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(index=True)
    code: Mapped[str | None] = mapped_column(index=True)
    department_id: Mapped[int] = mapped_column(ForeignKey("departments.id"))


class Window(Base):
    """A counter in the hall and the department that serves there."""

    __tablename__ = "windows"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    department_id: Mapped[int] = mapped_column(ForeignKey("departments.id"))


class Staff(Base):
    """A person in the directory. ``focus`` is the case of the last click, so that a reply needs no number."""

    __tablename__ = "staff"
    __table_args__ = (Index("uq_staff_userid_lower", text("lower(userid)"), unique=True),)

    id: Mapped[int] = mapped_column(primary_key=True)
    userid: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    department_id: Mapped[int] = mapped_column(ForeignKey("departments.id"), index=True)
    roles: Mapped[list[str]]
    active: Mapped[bool] = mapped_column(default=True)
    focus_case_id: Mapped[int | None]
    focus_until: Mapped[datetime | None]


class Duty(Base):
    """Who is on duty for call-backs in a department, from and to a day (both included)."""

    __tablename__ = "roster"

    id: Mapped[int] = mapped_column(primary_key=True)
    department_id: Mapped[int] = mapped_column(ForeignKey("departments.id"), index=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    date_from: Mapped[date]
    date_to: Mapped[date]


class Delegation(Base):
    """Somebody acts for somebody who is away, from and to a day (both included); never in a circle (B22)."""

    __tablename__ = "delegations"

    id: Mapped[int] = mapped_column(primary_key=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), index=True)
    delegate_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    date_from: Mapped[date]
    date_to: Mapped[date]
    reason: Mapped[str]
    made_by: Mapped[str]
    made_at: Mapped[datetime]


class RoutingException(Base):
    """A ruling that an item or a window belongs elsewhere than the directory says; ended, never deleted."""

    __tablename__ = "routing_exceptions"
    __table_args__ = (UniqueConstraint("kind", "value"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    """item or window."""
    value: Mapped[str]
    department_id: Mapped[int] = mapped_column(ForeignKey("departments.id"))
    reason: Mapped[str]
    case_id: Mapped[int | None] = mapped_column(ForeignKey("cases.id"))
    """The case whose ruling it is; None where it came with the city's ``routing.csv``."""
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str | None]
    ended_reason: Mapped[str | None]


class ApiToken(Base):
    """A program's key: only its hash is kept."""

    __tablename__ = "api_tokens"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    role: Mapped[str]
    department_id: Mapped[int | None] = mapped_column(ForeignKey("departments.id"))
    digest: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime]


class IdempotentAnswer(Base):
    """What a call with an Idempotency-Key was answered, so that its repeat gets the same."""

    __tablename__ = "idempotent_answers"

    key: Mapped[str] = mapped_column(primary_key=True)
    request: Mapped[str]
    status: Mapped[int]
    body: Mapped[str]
    created_at: Mapped[datetime]
