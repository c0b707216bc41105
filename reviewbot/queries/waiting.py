"""What people sent before they named its case."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from reviewbot.models.case import MediaFetch
from reviewbot.models.message import InboxItem

WAITING = "waiting"
"""State of an inbox row whose sender has still to say which case it is about."""
MEANT = "meant"
"""Key of a row that waits for something else: what its mistyped words were taken for."""


def waiting_words(session: Session, userid: str, since: datetime) -> Sequence[InboxItem]:
    """Words and places, oldest first."""
    return session.scalars(
        select(InboxItem)
        .where(
            InboxItem.userid == userid,
            InboxItem.state == WAITING,
            InboxItem.received_at >= since,
            ~InboxItem.body.has_key(MEANT),
        )
        .order_by(InboxItem.id)
    ).all()


def homeless_media(session: Session, staff_id: int, since: datetime) -> Sequence[MediaFetch]:
    """Photographs and voices, fetched or not."""
    return session.scalars(
        select(MediaFetch)
        .where(
            MediaFetch.staff_id == staff_id,
            MediaFetch.case_id.is_(None),
            MediaFetch.received_at >= since,
            MediaFetch.state != "given_up",
        )
        .order_by(MediaFetch.id)
    ).all()


def set_of(
    session: Session, staff_id: int, case_id: int | None, kind: str, since: datetime
) -> MediaFetch | None:
    """The first of the set that a file of this kind belongs to: one person, one case, one minute."""
    return session.scalar(
        select(MediaFetch)
        .where(
            MediaFetch.staff_id == staff_id,
            MediaFetch.case_id.is_not_distinct_from(case_id),
            MediaFetch.kind == kind,
            MediaFetch.received_at >= since,
            MediaFetch.set_id == MediaFetch.inbox_id,
        )
        .order_by(MediaFetch.id.desc())
        .limit(1)
    )


def forgotten(session: Session, before: datetime, limit: int) -> Sequence[InboxItem]:
    """What waits since before this moment, locked."""
    return session.scalars(
        select(InboxItem)
        .where(InboxItem.state == WAITING, InboxItem.received_at < before)
        .order_by(InboxItem.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
