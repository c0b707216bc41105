"""The rules as they were in force: policies by their day, calendars as they were applied."""

from datetime import date, datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from reviewbot.database.base import Base


class PolicyVersion(Base):
    """The text of a policy as it was when cases were born under it (law 2). Never altered, never deleted."""

    __tablename__ = "policy_versions"

    version: Mapped[str] = mapped_column(primary_key=True)
    sha256: Mapped[str]
    text: Mapped[str]
    effective_from: Mapped[date]
    """The day in China on which it begins; on the day it was taken it begins when it was taken."""
    taken_at: Mapped[datetime]
    taken_by: Mapped[str] = mapped_column(server_default="系统启动")


class CalendarVersion(Base):
    """The texts of a calendar: the national table and the local days. Never altered, never deleted."""

    __tablename__ = "calendar_versions"

    version: Mapped[str] = mapped_column(primary_key=True)
    sha256: Mapped[str]
    national: Mapped[str]
    local: Mapped[str]
    taken_at: Mapped[datetime]


class CalendarChange(Base):
    """From here on this calendar is the fact (B2); the last row is the calendar in force, and an earlier version
    may come back."""

    __tablename__ = "calendar_changes"

    id: Mapped[int] = mapped_column(primary_key=True)
    version: Mapped[str] = mapped_column(ForeignKey("calendar_versions.version"))
    at: Mapped[datetime]
    by: Mapped[str]
