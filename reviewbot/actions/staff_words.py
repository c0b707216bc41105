"""Words of staff that enter a letter, without the rater in them (F19)."""

from sqlalchemy.orm import Session

from reviewbot.models.case import Case
from reviewbot.models.review import Review
from reviewbot.queries.letters import last_submissions
from reviewbot.rules.masking import mask_personal

WITHHELD = "（评价人信息已删除，此处文字不再列出）"


def explained(session: Session, case: Case) -> dict[str, str]:
    """The explanation the unit last submitted, for a notice to the rater; empty words where it has submitted none."""
    review = session.get_one(Review, case.review_id)
    event = last_submissions(session, [case.id]).get(case.id)
    said, basis = (event.remark, str(event.data.get("basis", ""))) if event else ("", "")
    return {"explanation": cover_remark(said, review), "basis": cover_remark(basis, review)}


def cover(text: str, review: Review) -> str:
    """Words of staff without the rater in them: his name, his numbers, his own words."""
    if len(own := review.comment.strip()) > 1:
        text = text.replace(own, "（评价内容略）")
    return mask_personal(text, review.rater_name)


def cover_remark(text: str, review: Review) -> str:
    """Free words of staff; none for an erased rater (R20): nobody knows any more which of them name him."""
    return WITHHELD if text and review.erased_at is not None else cover(text, review)
