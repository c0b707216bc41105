"""A record that was set aside gets its end: taken in with what a person corrected, or dismissed with a reason."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from reviewbot.actions.receive_reviews import Accepted, Delivery, Rejected, receive_reviews
from reviewbot.errors import Conflict, InvalidInput, NotAllowed, NotFound
from reviewbot.models.review import KeptRecord, Review
from reviewbot.queries.scope import Viewer
from reviewbot.rules.lifecycle import Role

SETTLERS = frozenset({Role.DESK, Role.SUPERVISOR, Role.ADMIN})


@dataclass(frozen=True)
class Settled:
    """``sentence`` for the one who did it; the bad reviews that now want a case."""

    sentence: str
    bad_review_ids: list[int]


def set_aside_record(session: Session, ident: int, viewer: Viewer) -> KeptRecord:
    """The record, locked, if it was set aside, nobody has settled it and this viewer may."""
    if not viewer.roles & SETTLERS:
        raise NotAllowed("搁置的记录由派单员、督办或管理员处理。")
    kept = session.scalar(
        select(KeptRecord).where(KeptRecord.id == ident, KeptRecord.result == "set_aside").with_for_update()
    )
    if kept is None:
        raise NotFound("没有这条搁置的记录。")
    if kept.settled_at is not None:
        raise Conflict(f"这条记录已由{kept.settled_by}处理过。")
    return kept


def take_in(
    session: Session, kept: KeptRecord, corrected: Accepted | Rejected, reason: str, viewer: Viewer, *,
    at: datetime,
) -> Settled:  # fmt: skip
    """The same record read again with a person's correction; the raw one stays as it came.

    It is a delivery of its own (``via="desk"``), so that the balance of what the sources sent is not touched.
    """
    _need_reason(reason)
    if isinstance(corrected, Rejected):
        raise InvalidInput(f"补正之后仍不能接收：{corrected.reason}。")
    received = receive_reviews(session, [Delivery(kept.source, "desk", [corrected])], at=at)
    ((told,),) = received.results
    if told.result != "accepted":
        raise Conflict(f"评价 {told.external_id}（第 {told.round} 次）已经接收过，请改为不予接收。")
    kept.review_id = session.scalar(
        select(Review.id).where(
            Review.source == kept.source,
            Review.external_id == told.external_id,
            Review.round == told.round,
        )
    )
    _settle(kept, "taken_in", reason, viewer, at)
    bad = "，已转立案" if received.bad_review_ids else ""
    return Settled(f"评价 {told.external_id} 已补正接收{bad}。", received.bad_review_ids)


def dismiss(session: Session, kept: KeptRecord, reason: str, viewer: Viewer, *, at: datetime) -> Settled:
    """It does not become a review; the record and the reason stay."""
    _need_reason(reason)
    _settle(kept, "dismissed", reason, viewer, at)
    session.flush()
    return Settled("这条记录已记为不予接收。", [])


def _need_reason(reason: str) -> None:
    if not reason.strip():
        raise InvalidInput("请写明补正或不予接收的依据。")


def _settle(kept: KeptRecord, how: str, reason: str, viewer: Viewer, at: datetime) -> None:
    kept.settled_at, kept.settled_by = at, viewer.name
    kept.settlement, kept.settlement_reason = how, reason
