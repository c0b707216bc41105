"""Callbacks already taken: stored once under a unique key before anything is done about them (W17)."""

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, aliased

from reviewbot.models.message import InboxItem


def take(
    session: Session, *, key: str, kind: str, userid: str, body: dict[str, Any], at: datetime,
    kept: str | None = None,
) -> int | None:  # fmt: skip
    """Store a callback; its id, or None when this one was taken before. ``kept``: why it is only to be looked at."""
    return session.scalar(
        insert(InboxItem)
        .values(
            key=key,
            kind=kind,
            userid=userid,
            body=body,
            received_at=at,
            state="kept" if kept else "new",
            outcome=kept,
            tries=0,
        )
        .on_conflict_do_nothing(index_elements=["key"])
        .returning(InboxItem.id)
    )


def claim(session: Session, item_id: int) -> InboxItem | None:
    """The item, locked, if it still waits, no other worker holds it, and its sender said nothing before it that waits.

    Two workers would else let what a person said second overtake what he said first.
    """
    earlier = aliased(InboxItem)
    return session.scalar(
        select(InboxItem)
        .where(
            InboxItem.id == item_id,
            InboxItem.state == "new",
            ~select(earlier.id)
            .where(earlier.userid == InboxItem.userid, earlier.state == "new", earlier.id < InboxItem.id)
            .exists(),
        )
        .with_for_update(skip_locked=True, of=InboxItem)
    )


def following(session: Session, item_id: int) -> int | None:
    """What the same person said next and is still to be answered."""
    item = session.get_one(InboxItem, item_id)
    return session.scalar(
        select(InboxItem.id)
        .where(InboxItem.userid == item.userid, InboxItem.state == "new", InboxItem.id > item_id)
        .order_by(InboxItem.id)
        .limit(1)
    )


def waiting(session: Session, limit: int) -> list[int]:
    """The ids that wait, oldest first."""
    return list(
        session.scalars(
            select(InboxItem.id).where(InboxItem.state == "new").order_by(InboxItem.id).limit(limit)
        )
    )
