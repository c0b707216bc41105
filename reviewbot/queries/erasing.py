"""Whose personal data is to go."""

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from reviewbot.models.case import Case
from reviewbot.models.review import Review


def reviews_of(session: Session, who: str) -> list[Review]:
    """Everything by one rater that is not erased: by case number, 评价编号, or the number he left; locked."""
    if not who:
        return []
    of_case = select(Case.review_id).where(Case.number == who.upper())
    return list(
        session.scalars(
            select(Review)
            .where(
                or_(Review.id.in_(of_case), Review.external_id == who, Review.rater_phone == who),
                Review.erased_at.is_(None),
            )
            .order_by(Review.id)
            .with_for_update()
        )
    )


def case_to_erase(session: Session, review_id: int) -> Case | None:
    """The case of a review; nobody else can move it until this transaction ends."""
    return session.scalar(select(Case).where(Case.review_id == review_id).with_for_update())
