"""Policies as they were in force."""

from datetime import date, datetime

from sqlalchemy.orm import Mapped, mapped_column

from reviewbot.database.base import Base


class PolicyVersion(Base):
    """The text of a policy as it was when cases were born under it (law 2)."""

    __tablename__ = "policy_versions"

    version: Mapped[str] = mapped_column(primary_key=True)
    sha256: Mapped[str]
    text: Mapped[str]
    effective_from: Mapped[date]
    taken_at: Mapped[datetime]
