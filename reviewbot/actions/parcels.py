"""What the delivery takes in one hand: owed messages, claimed under a lease, the same text to many as one."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, and_, or_, select, update
from sqlalchemy.orm import Session

from reviewbot.actions.reminded import About, reminds_of
from reviewbot.database.session import Database
from reviewbot.models.case import Case
from reviewbot.models.message import Message
from reviewbot.models.review import Review
from reviewbot.outbox import RATER
from reviewbot.rules.notices import Body

LEASE = timedelta(seconds=90)
MANY = 1000
"""As many people as one call of WeCom may address (W12)."""
SHARED = ("text", "image")
"""Types of bodies that are the same for everybody; a card is each person's own, it is changed for him alone."""
OWN = ("reply", "digest")
"""Kinds that nobody else gets; not worth looking for others."""


@dataclass(frozen=True)
class Parcel:
    """One message, or the same message to several. ``id``: the same on every try."""

    id: int
    ids: Sequence[int]
    kind: str
    channel: str
    body: Body
    attempts: int
    unsure_since: datetime | None
    """When a try may have arrived although nobody said so."""
    unsure_of: str | None
    """By which of several ways that try went: no other may carry it now."""
    reminds_of: About | None
    """Of a reminder: what satisfies it between claim and sending stops it (R9)."""
    receivers: Sequence[str] = field(repr=False)
    """A rater's number stands here from the claim to the sending, and nowhere else: not in rows, not in logs."""


def claim(database: Database, channel: str, limit: int) -> list[Parcel]:
    """Up to ``limit`` messages of a channel whose time has come, oldest first, held for the time of the lease."""
    now = datetime.now(UTC)
    with database.begin() as session:
        leaders = session.scalars(
            select(Message)
            .where(_due(channel, now), or_(Message.together.is_(None), Message.together == Message.id))
            .order_by(Message.next_try_at, Message.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        ).all()
        groups = _groups(session, leaders, _due(channel, now))
        for row in (one for group in groups for one in group):
            if row.state == "sending":  # its sender has died, perhaps after WeCom took it
                row.unsure_since = row.unsure_since or row.next_try_at - LEASE
            if row.unsure_since is None:
                row.carrier, row.passed = None, []  # of an earlier try that certainly did not arrive
            row.state, row.attempts, row.next_try_at = "sending", row.attempts + 1, now + LEASE
        return [_parcel(session, group) for group in groups]


def put_back(
    database: Database, parcels: Iterable[Parcel], *, reason: str | None, seconds: float = 0
) -> None:
    """Nothing was sent: as if they had not been claimed, but not again within ``seconds``."""
    when = datetime.now(UTC) + timedelta(seconds=seconds)
    with database.begin() as session:
        for parcel in parcels:
            together = parcel.id if parcel.attempts > 1 and len(parcel.ids) > 1 else None
            session.execute(
                update(Message)
                .where(Message.id.in_(parcel.ids), Message.state == "sending")
                .values(
                    state="owed",
                    attempts=Message.attempts - 1,
                    next_try_at=when,
                    reason=reason or Message.reason,
                    together=together,
                )
            )


def _due(channel: str, now: datetime) -> ColumnElement[bool]:
    return and_(
        Message.state.in_(("owed", "sending")),
        Message.channel == channel,
        Message.next_try_at <= now,
    )


def _groups(session: Session, leaders: Sequence[Message], due: ColumnElement[bool]) -> list[list[Message]]:
    """Each leader with those who get the same. A group that was once sent stays as it was: only the very same
    bytes are recognised as a repeat (W9)."""
    old = [row.id for row in leaders if row.together is not None]
    followers = _followers(session, old)
    groups = [[row, *followers.get(row.id, ())] for row in leaders if row.together is not None]
    fresh: dict[str, list[Message]] = {}
    for row in leaders:
        if row.together is None:
            fresh.setdefault(_same(row), []).append(row)
    more = _more(session, [rows[0] for rows in fresh.values() if _is_shared(rows[0])], leaders, due)
    for key, rows in fresh.items():
        once = {row.userid.lower(): row for row in (*rows, *more.get(key, ()))}
        group = list(once.values())[:MANY]
        groups.append(group)
        if len(group) > 1:
            for row in group:
                row.together = group[0].id
    return groups


def _same(row: Message) -> str:
    """What rows must have in common to go out in one call; a row that goes alone has its own."""
    return json.dumps(row.body, sort_keys=True) if _is_shared(row) else str(row.id)


def _is_shared(row: Message) -> bool:
    never_sent = row.attempts == 0 and row.state != "sending"
    return row.channel != RATER and row.body["type"] in SHARED and row.kind not in OWN and never_sent


def _followers(session: Session, leaders: Sequence[int]) -> dict[int, list[Message]]:
    found: dict[int, list[Message]] = {}
    if leaders:
        rows = session.scalars(
            select(Message)
            .where(
                Message.together.in_(leaders),
                Message.id.not_in(leaders),
                Message.state.in_(("owed", "sending")),
            )
            .order_by(Message.id)
            .with_for_update()
        )
        for row in rows:
            found.setdefault(row.together or 0, []).append(row)
    return found


def _more(
    session: Session, wanted: Sequence[Message], taken: Sequence[Message], due: ColumnElement[bool]
) -> dict[str, list[Message]]:
    """Others who get the same and whose time has come: one call may address a thousand (wecom §2.2)."""
    found: dict[str, list[Message]] = {}
    for one in wanted:
        rows = session.scalars(
            select(Message)
            .where(
                due, Message.together.is_(None), Message.attempts == 0, Message.body == one.body,
                Message.kind == one.kind, Message.id.not_in([row.id for row in taken]),
            )
            .order_by(Message.id)
            .limit(MANY - 1)
            .with_for_update(skip_locked=True)
        )  # fmt: skip
        found[_same(one)] = list(rows)
    return found


def _parcel(session: Session, group: Sequence[Message]) -> Parcel:
    first = group[0]
    receivers = [_receiver(session, row) for row in group]
    return Parcel(
        id=first.id,
        ids=[row.id for row in group],
        kind=first.kind,
        channel=first.channel,
        body=first.body,
        attempts=first.attempts,
        unsure_since=first.unsure_since,
        unsure_of=first.carrier if first.unsure_since else None,
        reminds_of=reminds_of(first),
        receivers=[one for one in receivers if one],
    )


def _receiver(session: Session, message: Message) -> str:
    """The userid; for the rater the number on his review, looked up only now (B15)."""
    if message.channel != RATER:
        return message.userid
    number = session.scalar(
        select(Review.rater_phone)
        .join(Case, Case.review_id == Review.id)
        .where(Case.id == message.case_id, ~Review.rater_anonymous)
    )
    return number or ""
