"""Whose personal data is to go."""

import re
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, literal, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from reviewbot.errors import Conflict
from reviewbot.models.case import Case
from reviewbot.models.review import KeptRecord, Review

_TYPED_NUMBER = re.compile(r"[+()（）\-\s0-9]*[0-9][()（）\-\s0-9]*")

OF_ITS_REVIEW = and_(
    KeptRecord.source == Review.source,
    KeptRecord.external_id == Review.external_id,
    or_(KeptRecord.round == Review.round, KeptRecord.round.is_(None)),
)
"""A kept record tells of this review: refused or set aside first, then sent again mended (R20)."""


def reviews_of(session: Session, who: str, source: str | None = None) -> list[Review]:
    """Everything by one rater that is not erased: by case number, 评价编号, or the number he left; locked.

    Raises Conflict where several sources use the 评价编号: two people, perhaps; ``source`` says which is meant.
    """
    if not who:
        return []
    of_case = select(Case.review_id).where(Case.number == who.upper())
    his = [Review.id.in_(of_case), Review.external_id == who]
    if _TYPED_NUMBER.fullmatch(who):
        his.append(_digits(Review.rater_phone) == _digits(literal(who)))
    found = session.scalars(
        select(Review)
        .where(
            or_(*his), Review.erased_at.is_(None), *([Review.source == source] if source is not None else [])
        )
        .order_by(Review.id)
        .with_for_update()
    ).all()
    sources = sorted({review.source for review in found if review.external_id == who})
    if len(sources) > 1:
        listed = "、".join(f"{one} 的 {who}" for one in sources)
        raise Conflict(f"几个来源都有这个评价编号：{listed}；请用 --source 写明来源。")
    return list(found)


def _digits(typed: ColumnElement[str] | InstrumentedAttribute[str | None]) -> ColumnElement[str]:
    """A number as its digits, without the country's 86, however it was typed."""
    return func.regexp_replace(func.regexp_replace(typed, "[^0-9]", "", "g"), "^(00)?86(?=[0-9]{10})", "")


def kept_without_review(session: Session, before: datetime, limit: int) -> list[KeptRecord]:
    """Records kept longer than that of which no review came, oldest first, locked; never what the desk has still
    to settle."""
    waits = and_(KeptRecord.result == "set_aside", KeptRecord.settled_at.is_(None))
    return list(
        session.scalars(
            select(KeptRecord)
            .where(
                KeptRecord.received_at < before,
                KeptRecord.raw != b"",
                KeptRecord.review_id.is_(None),
                ~waits,
                ~select(Review.id).where(OF_ITS_REVIEW).correlate(KeptRecord).exists(),
            )
            .order_by(KeptRecord.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
    )


def case_to_erase(session: Session, review_id: int) -> Case | None:
    """The case of a review; nobody else can move it until this transaction ends."""
    return session.scalar(select(Case).where(Case.review_id == review_id).with_for_update())
