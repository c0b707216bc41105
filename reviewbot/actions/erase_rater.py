"""A rater's personal data goes, at his request or when its time is over; every figure and every chain stays (R20, U6).

Gone: his name, number and openid, his comment, the record as it came and its copies, his words on his page. Staying:
grade, options, times, unit and item, whether he had given his name, and the case with its events. What staff wrote in
them stays too, for the chain; where it named him, no document shows it any more (``documents/enclosures.py``).
"""

from datetime import datetime

from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import Session

from reviewbot.actions.end_recalls import end_recalls
from reviewbot.errors import Conflict, NotFound
from reviewbot.models.case import Case
from reviewbot.models.chain import append_event
from reviewbot.models.oversight import SupervisionEvent
from reviewbot.models.rater import RaterAnswer, RaterOpenid
from reviewbot.models.review import KeptRecord, Review, ReviewCopy
from reviewbot.queries.erasing import OF_ITS_REVIEW, case_to_erase, kept_without_review, reviews_of
from reviewbot.queries.scope import Viewer
from reviewbot.rules.lifecycle import Move

ERASED = "（已按规定删除）"


def erase_rater(
    session: Session, who: str, reason: str, viewer: Viewer, *, at: datetime, source: str | None = None
) -> list[str]:
    """Erase what is known of a rater by a case number, an 评价编号 or his own number; the 评价编号 erased.

    Raises NotFound, and Conflict while one of the cases is open (somebody has still to call him) or where several
    sources use the 评价编号 and ``source`` does not say which is meant.
    """
    found = reviews_of(session, who.strip(), source)
    if not found:
        raise NotFound("没有找到这样的评价，或其评价人信息已经删除。")
    return [erase_review(session, review, reason, viewer, at=at) for review in found]


def erase_review(session: Session, review: Review, reason: str, viewer: Viewer, *, at: datetime) -> str:
    """One review, locked by its case where it has one; the case's chain says that, when and why it was done."""
    case = case_to_erase(session, review.id)
    if case is not None and case.status.is_open:
        raise Conflict(f"工单 {case.number} 还没有办结，办结后才能删除评价人信息。")
    review.rater_name = review.rater_phone = None
    review.comment = ERASED if review.comment else ""
    review.raw, review.erased_at = b"", at
    session.execute(update(ReviewCopy).where(ReviewCopy.review_id == review.id).values(raw=b""))
    told_of_it = or_(KeptRecord.review_id == Review.id, OF_ITS_REVIEW)
    session.execute(update(KeptRecord).where(Review.id == review.id, told_of_it).values(raw=b""))
    if case is not None:
        _erase_words(session, case)
        end_recalls(session, case, "评价人信息已删除，不能回访", viewer, at=at)
        append_event(
            session, case, at=at, actor=viewer.actor, actor_name=viewer.name, move=Move.ERASE_RATER.value,
            before=case.status.value, remark=reason,
        )  # fmt: skip
    session.flush()
    return review.external_id


def _erase_words(session: Session, case: Case) -> None:
    session.execute(delete(RaterOpenid).where(RaterOpenid.case_id == case.id))
    said = (RaterAnswer.case_id == case.id, RaterAnswer.words != "")
    session.execute(update(RaterAnswer).where(*said).values(words=ERASED))
    told = (SupervisionEvent.case_id == case.id, SupervisionEvent.said != "")
    session.execute(update(SupervisionEvent).where(*told).values(said=ERASED))


def erase_expired(
    session: Session, *, before: datetime, viewer: Viewer, at: datetime, limit: int = 200
) -> int:
    """Erase what has been kept longer than the setting says, records that never became a review too; the number of
    reviews. Oldest first, never an open case or a record that waits for the desk."""
    over = (
        select(Review)
        .outerjoin(Case, Case.review_id == Review.id)
        .where(
            Review.erased_at.is_(None),
            ~Review.wants_case & (Review.received_at < before) | (Case.closed_at < before),
        )
        .order_by(Review.id)
        .limit(limit)
        .with_for_update(of=Review, skip_locked=True)
    )
    expired = session.scalars(over).all()
    for review in expired:
        erase_review(session, review, "保存期限已满", viewer, at=at)
    for kept in kept_without_review(session, before, limit):
        kept.raw = b""
    return len(expired)
