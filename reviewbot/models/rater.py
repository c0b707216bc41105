"""The rater's side of a case: what he answered, who looked at his number."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from reviewbot.database.base import Base


class RaterAnswer(Base):
    """What the rater said on his page: one answer a round (B4, B21).

    A word from before the closing gives way to the answer after it (``rules.raters.open_answers``).
    """

    __tablename__ = "rater_answers"
    __table_args__ = (UniqueConstraint("case_id", "round"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    round: Mapped[int]
    at: Mapped[datetime]
    answer: Mapped[str]
    """satisfied, basically, dissatisfied or nobody_called."""
    words: Mapped[str]


class PhoneReveal(Base):
    """Somebody looked at a rater's number: who, when, what for (B15)."""

    __tablename__ = "phone_reveals"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), index=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    at: Mapped[datetime]
    purpose: Mapped[str]


class RaterOpenid(Base):
    """The 公众号's name for a rater who asked on his page to be told there. Apart from the case, erased on his word."""

    __tablename__ = "rater_openids"

    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), primary_key=True)
    openid: Mapped[str]
    given_at: Mapped[datetime]
