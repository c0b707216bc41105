"""A record that was set aside gets its end: taken in with what a person corrected, or dismissed with a reason."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from reviewbot.actions.receive_reviews import Accepted, Delivery, Rejected, Result, receive_reviews
from reviewbot.clock import minute
from reviewbot.errors import Conflict, InvalidInput, NotAllowed, NotFound
from reviewbot.models.review import KeptRecord
from reviewbot.queries.kept import case_numbers, lock_set_aside, standing_review
from reviewbot.queries.scope import Viewer
from reviewbot.rules.lifecycle import Role

SETTLERS = frozenset({Role.DESK, Role.SUPERVISOR, Role.ADMIN})
SETTLEMENTS = {"taken_in": "补正接收", "dismissed": "不予接收"}
REASON_LIMIT = 1000


@dataclass(frozen=True)
class Settled:
    """``sentence`` for the one who did it; the bad reviews that now want a case."""

    sentence: str
    bad_review_ids: list[int]


def set_aside_record(session: Session, ident: int, viewer: Viewer) -> KeptRecord:
    """The record, locked, if it was set aside, nobody has settled it and this viewer may."""
    if not viewer.roles & SETTLERS:
        raise NotAllowed("搁置的记录由派单员、督办或管理员处理。")
    kept = lock_set_aside(session, ident)
    if kept is None:
        raise NotFound("没有这条搁置的记录。")
    if kept.settled_at is not None:
        how = SETTLEMENTS.get(kept.settlement or "", "处理")
        raise Conflict(f"这条记录已由{kept.settled_name}于 {minute(kept.settled_at)} {how}，不能再次处理。")
    return kept


def take_in(
    session: Session,
    kept: KeptRecord,
    corrected: Accepted | Rejected,
    reason: str,
    viewer: Viewer,
    *,
    at: datetime,
    correction: Mapping[str, Any] | None = None,
) -> Settled:
    """The same record read again with a person's correction; the raw one stays as it came.

    It is a delivery of its own (``via="desk"``: one received, one accepted) and the record stays counted as
    set aside, so that the balance of what the sources sent is not touched. ``correction``: what he put right,
    ready for JSON. Raises InvalidInput, or Conflict where the review is there already.
    """
    reason = _checked(reason)
    if isinstance(corrected, Rejected):
        raise InvalidInput(f"仍不能接收：{corrected.reason}。")
    received = receive_reviews(session, [Delivery(kept.source, "desk", [corrected])], at=at)
    ((told,),) = received.results
    standing = standing_review(session, kept.source, told.external_id, told.round)
    if told.result != "accepted" or standing is None:
        raise _known_already(session, kept, told)
    _settle(kept, "taken_in", reason, viewer, at)
    kept.review_id = standing.id
    if correction:
        kept.correction = dict(correction)
    session.flush()
    bad = "，正在立案" if received.bad_review_ids else ""
    said = f"评价 {told.external_id} 已补正接收，评级“{standing.grade}”{bad}。"
    return Settled(said, received.bad_review_ids)


def dismiss(session: Session, kept: KeptRecord, reason: str, viewer: Viewer, *, at: datetime) -> Settled:
    """It does not become a review; the record and the reason stay."""
    _settle(kept, "dismissed", _checked(reason), viewer, at)
    session.flush()
    return Settled("这条记录已记为不予接收。", [])


def _known_already(session: Session, kept: KeptRecord, told: Result) -> Conflict:
    standing = standing_review(session, kept.source, told.external_id, told.round)
    if standing is None:
        return Conflict("这条评价已经接收过，请选“不予接收”。")
    number = case_numbers(session, [standing.id]).get(standing.id)
    return Conflict(
        f"评价 {told.external_id}（第 {told.round} 次）已于 {minute(standing.received_at)} 接收过，"
        f"评级“{standing.grade}”{f'，工单 {number}' if number else ''}；"
        "首次收到的不改动，本条请选“不予接收”。"
    )


def _checked(reason: str) -> str:
    reason = reason.strip()
    if not reason:
        raise InvalidInput("请写明补正或不予接收的依据。")
    if len(reason) > REASON_LIMIT:
        raise InvalidInput(f"依据请控制在 {REASON_LIMIT} 字以内。")
    if "\0" in reason:
        raise InvalidInput("依据中含有不能保存的字符。")
    return reason


def _settle(kept: KeptRecord, how: str, reason: str, viewer: Viewer, at: datetime) -> None:
    kept.settled_at, kept.settled_by, kept.settled_name = at, viewer.actor, viewer.name
    kept.settlement, kept.settlement_reason = how, reason
