"""Records that did not become reviews: which wait for the desk, which were settled, and what stands instead."""

from collections.abc import Iterable

from sqlalchemy import and_, not_, select
from sqlalchemy.orm import Session

from reviewbot.models.case import Case
from reviewbot.models.review import KeptRecord, Review

_OPEN = and_(KeptRecord.result == "set_aside", KeptRecord.settled_at.is_(None))


def find_kept(session: Session, ident: int) -> KeptRecord | None:
    return session.get(KeptRecord, ident)


def lock_set_aside(session: Session, ident: int) -> KeptRecord | None:
    """One record that was set aside; nobody else can settle it until this transaction ends."""
    wanted = select(KeptRecord).where(KeptRecord.id == ident, KeptRecord.result == "set_aside")
    return session.scalar(wanted.with_for_update())


def open_set_aside(session: Session, *, after: int | None = None, limit: int = 50) -> list[KeptRecord]:
    """What the desk has still to settle, longest waiting first."""
    wanted = select(KeptRecord).where(_OPEN, KeptRecord.id > (after or 0))
    return list(session.scalars(wanted.order_by(KeptRecord.id).limit(limit)))


def other_records(
    session: Session, *, result: str | None = None, after: int | None = None, limit: int = 50
) -> list[KeptRecord]:
    """Refused and settled records, newest first."""
    wanted = select(KeptRecord).where(not_(_OPEN)).order_by(KeptRecord.id.desc()).limit(limit)
    if result:
        wanted = wanted.where(KeptRecord.result == result)
    if after is not None:
        wanted = wanted.where(KeptRecord.id < after)
    return list(session.scalars(wanted))


def settlements(session: Session, review_ids: Iterable[int]) -> dict[int, KeptRecord]:
    """The set-aside record behind each of these reviews that has one."""
    found = session.scalars(select(KeptRecord).where(KeptRecord.review_id.in_(list(review_ids))))
    return {kept.review_id: kept for kept in found if kept.review_id is not None}


def standing_review(
    session: Session, source: str, external_id: str | None, round_: int | None
) -> Review | None:
    """The review that stands under this key."""
    wanted = select(Review).where(
        Review.source == source, Review.external_id == external_id, Review.round == round_
    )
    return session.scalar(wanted)


def case_numbers(session: Session, review_ids: Iterable[int]) -> dict[int, str]:
    """The case of each of these reviews that has one already."""
    rows = session.execute(select(Case.review_id, Case.number).where(Case.review_id.in_(list(review_ids))))
    return {review_id: number for review_id, number in rows}
