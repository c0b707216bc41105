"""A rater's choice to be told by the 公众号, and his taking it back: his openid lies apart from the case (W27)."""

from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from reviewbot.links import RaterLink
from reviewbot.models.rater import RaterOpenid


def keep_openid(session: Session, link: RaterLink, openid: str, *, at: datetime) -> None:
    """The latest choice counts: whoever holds the link may be told."""
    session.execute(
        insert(RaterOpenid)
        .values(case_id=link.case_id, openid=openid, given_at=at)
        .on_conflict_do_update(index_elements=["case_id"], set_={"openid": openid, "given_at": at})
    )


def forget_openid(session: Session, link: RaterLink) -> None:
    """Erased, not marked: nothing of it is needed afterwards."""
    session.execute(delete(RaterOpenid).where(RaterOpenid.case_id == link.case_id))
