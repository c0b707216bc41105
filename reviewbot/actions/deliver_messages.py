"""Deliver what is owed: claim in a short transaction, send outside any, record in a short transaction.

The only action that talks to a channel. At least once, with the channel's own duplicate check closing the
gap: a message whose sender died is sent again with byte-identical content after its lease ran out (W9).
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

import structlog
from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from reviewbot.database.session import Database
from reviewbot.errors import ChannelError
from reviewbot.models.case import Case, DueTime
from reviewbot.models.message import Message
from reviewbot.models.review import Review
from reviewbot.outbox import NO_NUMBER, RATER
from reviewbot.rules.lifecycle import CaseStatus
from reviewbot.rules.notices import Body

LEASE = timedelta(seconds=90)
BACKOFF_SECONDS = (2, 10, 60, 300, 900, 3600)
log = structlog.get_logger()


class Delivered(Protocol):
    """The channel took the message. ``undelivered``: it says this receiver cannot get it (W11)."""

    @property
    def msgid(self) -> str: ...
    @property
    def response_code(self) -> str | None: ...
    @property
    def undelivered(self) -> bool: ...


class Channel(Protocol):
    """Something that carries one message body to one person."""

    def deliver(self, receiver: str, body: Body, message_id: int, /) -> Delivered:
        """``receiver``: a userid, or a rater's number. ``message_id``: the same on every try of this message."""
        ...


SETTLED = "已办理，不再催办"
REMINDER = "reminder_"
NOT_CONFIGURED = {"wecom": "未配置企业微信", RATER: "未配置短信网关"}
NOT_REACHED = {"wecom": "企业微信称该成员收不到（不在可见范围或已离职）", RATER: "短信网关称该号码收不到"}


@dataclass(frozen=True)
class About:
    """The limit of a case and the rung of its ladder that a reminder is about."""

    case_id: int
    stage: str
    rung: str


@dataclass(frozen=True)
class Claimed:
    id: int
    channel: str
    body: Body
    attempts: int
    reminds_of: About | None
    """Of a reminder: what satisfies it between claim and sending stops it (R9)."""
    receiver: str = field(repr=False)
    """A rater's number stands here from the claim to the sending, and nowhere else: not in rows, not in logs."""


def deliver_messages(
    database: Database, channels: Mapping[str, Channel], *, at: datetime, limit: int = 20
) -> int:
    """Send up to ``limit`` owed messages, oldest first, each by its channel; the number claimed."""
    claimed = _claim(database, limit)
    for message in claimed:
        if message.reminds_of and _settled_meanwhile(database, message.reminds_of):
            _record(database, message, state="suppressed", reason=SETTLED)
            continue
        channel = channels.get(message.channel)
        if channel is None:
            _record(database, message, state="suppressed", reason=NOT_CONFIGURED[message.channel])
            continue
        if not message.receiver:
            _record(database, message, state="suppressed", reason=NO_NUMBER)
            continue
        try:
            done = channel.deliver(message.receiver, message.body, message.id)
        except ChannelError as wrong:
            _fail(database, message, wrong)
        except Exception:
            # The edge of the system: an error nobody foresaw must not stop the messages behind this one.
            log.exception("delivery failed", message=message.id)
            _fail(database, message, ChannelError("发送时出现意外错误"))
        else:
            if done.undelivered:
                _record(database, message, state="suppressed", reason=NOT_REACHED[message.channel])
            else:
                _record(database, message, state="sent", at=at, msgid=done.msgid, code=done.response_code)
    return len(claimed)


def _claim(database: Database, limit: int) -> list[Claimed]:
    now = datetime.now(UTC)
    with database.begin() as session:
        rows = session.scalars(
            select(Message)
            .where(
                Message.state.in_(("owed", "sending")),
                Message.next_try_at <= now,
            )
            .order_by(Message.next_try_at, Message.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        ).all()
        for row in rows:
            row.state = "sending"
            row.attempts += 1
            row.next_try_at = now + LEASE
        return [
            Claimed(row.id, row.channel, row.body, row.attempts, reminds_of(row), _receiver(session, row))
            for row in rows
        ]


def reminds_of(message: Message) -> About | None:
    """What a reminder is about; None for what nobody's act makes idle."""
    if message.case_id is None or not message.kind.startswith(REMINDER):
        return None
    stage, _, rung = message.kind.removeprefix(REMINDER).rpartition("_")
    return About(message.case_id, stage, rung)


def is_settled(session: Session, about: About) -> bool:
    """Whether nobody owes any more what a reminder asks for."""
    running = session.scalar(
        select(DueTime.id)
        .join(Case, Case.id == DueTime.case_id)
        .where(
            DueTime.case_id == about.case_id,
            DueTime.stage == about.stage,
            DueTime.round == Case.round,
            DueTime.met_at.is_(None),
            DueTime.replaced_by.is_(None),
            Case.status != CaseStatus.CLOSED,
        )
    )
    return running is None


def _settled_meanwhile(database: Database, about: About) -> bool:
    with database.begin() as session:
        return is_settled(session, about)


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


def _record(
    database: Database, message: Claimed, *, state: str, reason: str | None = None,
    at: datetime | None = None, msgid: str | None = None, code: str | None = None,
) -> None:  # fmt: skip
    with database.begin() as session:
        session.execute(
            update(Message)
            .where(Message.id == message.id, or_(Message.state == "sending", Message.state == "owed"))
            .values(state=state, reason=reason, sent_at=at, msgid=msgid, response_code=code)
        )


def _fail(database: Database, message: Claimed, wrong: ChannelError) -> None:
    """Permanent: suppressed with the reason. Otherwise tried again later, for as long as it takes."""
    log.warning("message not taken", message=message.id, errcode=wrong.errcode, permanent=wrong.permanent)
    if wrong.permanent:
        _record(database, message, state="suppressed", reason=wrong.sentence)
        return
    wait = BACKOFF_SECONDS[min(message.attempts, len(BACKOFF_SECONDS)) - 1]
    pause = max(wrong.retry_after or 0, wait) * random.uniform(1, 1.2)  # noqa: S311 - jitter
    with database.begin() as session:
        session.execute(
            update(Message)
            .where(Message.id == message.id)
            .values(
                state="owed", reason=wrong.sentence, next_try_at=datetime.now(UTC) + timedelta(seconds=pause)
            )
        )
