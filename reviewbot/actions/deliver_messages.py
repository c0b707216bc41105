"""Deliver what is owed: claim in a short transaction, send outside any, record in a short transaction.

The only action that talks to a channel. At least once, with the channel's own duplicate check closing the
gap: a message whose sender died is sent again with byte-identical content after its lease ran out (W9).
"""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol, runtime_checkable

import structlog
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from reviewbot.actions.fall_back import fall_back
from reviewbot.actions.note_contact import note_reached, note_refused
from reviewbot.actions.parcels import Parcel, claim, put_back
from reviewbot.actions.reminded import SETTLED, is_settled
from reviewbot.database.session import Database
from reviewbot.errors import ChannelError
from reviewbot.models.message import Message
from reviewbot.outbox import NO_NUMBER, RATER
from reviewbot.rules.delivery import may_repeat, next_pause
from reviewbot.rules.notices import Body

BATCH_SECONDS = 2.0
"""After this long no further message is begun: one call takes at most 25 more (W5)."""
ONCE = frozenset({"card_update"})
"""Kinds that spend a right which is good for one call: never tried twice, replaced by a new card (W22). What is taken
back twice is gone all the same."""
CODE_LIFE = timedelta(hours=72)
"""A response_code is good for one change of its card within this time (wecom §2.3)."""
TOO_LATE = "发送后没有答复，重复检查期已过，不能再发以免重复"
MAYBE_ARRIVED = "，其中有未获答复的，可能已经送达"
MERGED_REPEAT = "超时后重发，平台认作重复，没有给出消息编号"
NOT_CONFIGURED = {"wecom": "未配置企业微信", RATER: "未配置公众号和短信网关"}
NOT_REACHED = {"wecom": "企业微信称该成员收不到（不在可见范围或已离职）", RATER: "短信网关称该号码收不到"}
log = structlog.get_logger()


class Delivered(Protocol):
    """The channel took the message. ``undelivered``: it says this receiver cannot get it (W11)."""

    @property
    def msgid(self) -> str | None: ...
    @property
    def response_code(self) -> str | None: ...
    @property
    def undelivered(self) -> bool: ...


class DeliveredToMany(Protocol):
    """The same for many; ``undelivered`` are the userids, in lower case, who cannot get it."""

    @property
    def msgid(self) -> str | None: ...
    @property
    def undelivered(self) -> frozenset[str]: ...


class Channel(Protocol):
    """Something that carries one message body to one person."""

    def room(self) -> int | None:
        """How many messages it may be given now: 0 while it is closed, None for any number."""
        ...

    def deliver(self, receiver: str, body: Body, message_id: int, /) -> Delivered:
        """``receiver``: a userid, or a rater's number. ``message_id``: the same on every try of this message."""
        ...


@runtime_checkable
class SeveralWays(Protocol):
    """A channel with several ways to one person."""

    def room(self) -> int | None: ...
    def deliver_by(
        self, receiver: str, body: Body, message_id: int, /, *, only: str | None,
        before: Callable[[str, Sequence[str]], None],
    ) -> Delivered:  # fmt: skip
        """As ``Channel.deliver``. ``only``: by this way, by which an earlier try may have arrived. ``before``: told
        of each way that is going to be tried, with the reasons against those before it."""
        ...


AnyChannel = Channel | SeveralWays


@runtime_checkable
class Broadcaster(Protocol):
    """A channel that can carry one body to many people in one call."""

    def deliver_to_many(
        self, receivers: Sequence[str], body: Body, message_id: int, /
    ) -> DeliveredToMany: ...


def deliver_messages(
    database: Database, channels: Mapping[str, AnyChannel], *, at: datetime, limit: int = 20
) -> int:
    """Send up to ``limit`` owed messages by each channel, oldest first; the number of those that were tried.

    A channel that is closed keeps its messages as they are: 0 means that there is nothing to do now.
    """
    return sum(_deliver_by(database, name, channels.get(name), at, limit) for name in NOT_CONFIGURED)


def _deliver_by(database: Database, name: str, channel: AnyChannel | None, at: datetime, limit: int) -> int:
    room = None if channel is None else channel.room()
    if room == 0:
        return 0
    waiting = claim(database, name, limit if room is None else min(room, limit))
    stop, tried = time.monotonic() + BATCH_SECONDS, 0
    while waiting and time.monotonic() < stop:
        parcel = waiting.pop(0)
        wrong = _carry(database, channel, parcel, at)
        tried += wrong is None or wrong.tried
        if wrong is not None and wrong.away:
            break
    put_back(database, waiting, reason=None)
    return tried


def _carry(
    database: Database, channel: AnyChannel | None, parcel: Parcel, at: datetime
) -> ChannelError | None:
    """Send one parcel and record what came of it; the error that was met, if any."""
    if channel is None or (idle := _idle(database, parcel)):
        _suppress(
            database, parcel, NOT_CONFIGURED[parcel.channel] if channel is None else idle, at, told=False
        )
        return None
    if not _may_repeat(parcel):
        _suppress(database, parcel, TOO_LATE, at)
        return None
    try:
        _send(database, channel, parcel, at)
    except ChannelError as wrong:
        _fail(database, parcel, wrong, at)
        return wrong
    except Exception:
        # The edge of the system: an error nobody foresaw must not stop the messages behind this one.
        log.exception("delivery failed", message=parcel.id)
        unforeseen = ChannelError("发送时出现意外错误", unsure=True)
        _fail(database, parcel, unforeseen, at)
        return unforeseen
    return None


def _may_repeat(parcel: Parcel) -> bool:
    """Whether the channel would know it for what it has already had: a way to a rater does for ever, or it is the
    same one's second word at worst; WeCom for some hours."""
    if parcel.unsure_since is None or parcel.channel == RATER:
        return True
    return parcel.kind not in ONCE and may_repeat(parcel.unsure_since, datetime.now(UTC))


def _idle(database: Database, parcel: Parcel) -> str:
    """Why nothing is to be sent, "" where something is."""
    if not parcel.receivers:
        return NO_NUMBER
    if parcel.reminds_of is None:
        return ""
    with database.begin() as session:
        return SETTLED if is_settled(session, parcel.reminds_of) else ""


def _send(database: Database, channel: AnyChannel, parcel: Parcel, at: datetime) -> None:
    """Raises ChannelError."""
    first = parcel.receivers[0]
    done: Delivered
    if len(parcel.receivers) > 1 and isinstance(channel, Broadcaster):
        many = channel.deliver_to_many(parcel.receivers, parcel.body, parcel.id)
        msgid, code, lost = many.msgid, None, many.undelivered
    else:
        if isinstance(channel, SeveralWays):
            done = channel.deliver_by(
                first, parcel.body, parcel.id, only=parcel.unsure_of,
                before=lambda way, passed: _note_way(database, parcel, way, passed),
            )  # fmt: skip
        else:
            done = channel.deliver(first, parcel.body, parcel.id)
        msgid, code = done.msgid, done.response_code
        lost = frozenset({first.lower()}) if done.undelivered else frozenset()
    if msgid == "" and parcel.unsure_since is None and not lost:
        # Accepted without a number: only after an unanswered try does that mean a recognised repeat (W10).
        raise ChannelError("没有给出消息编号", unsure=True)
    with database.begin() as session:
        for row in _rows(session, parcel):
            if row.userid.lower() in lost or (lost and parcel.channel == RATER):
                _end(session, row, NOT_REACHED[row.channel], at)
                if row.channel != RATER:
                    note_refused(session, row.userid, None, NOT_REACHED[row.channel], at=at)
                continue
            note_reached(session, row.userid)
            row.state, row.sent_at, row.msgid, row.response_code = "sent", at, msgid or None, code
            row.code_expires_at = at + CODE_LIFE if code else None
            row.reason = MERGED_REPEAT if msgid == "" else None


def _note_way(database: Database, parcel: Parcel, way: str, passed: Sequence[str]) -> None:
    """Before the call: should this sender die in it, the next one knows by which way it may have gone out."""
    with database.begin() as session:
        for row in _rows(session, parcel):
            row.carrier, row.passed = way, list(passed)


def _rows(session: Session, parcel: Parcel) -> list[Message]:
    """The rows of a parcel, unless another sender, after the lease, has settled them meanwhile."""
    return list(
        session.scalars(
            select(Message)
            .where(Message.id.in_(parcel.ids), or_(Message.state == "sending", Message.state == "owed"))
            .order_by(Message.id)
            .with_for_update()
        )
    )


def _suppress(database: Database, parcel: Parcel, reason: str, at: datetime, *, told: bool = True) -> None:
    """``told``: somebody else hears that it did not arrive."""
    with database.begin() as session:
        for row in _rows(session, parcel):
            if told:
                _end(session, row, reason, at)
            else:
                row.state, row.reason = "suppressed", reason


def _end(session: Session, row: Message, reason: str, at: datetime) -> None:
    row.state, row.reason = "suppressed", reason
    fall_back(session, row, reason, at=at)


def _fail(database: Database, parcel: Parcel, wrong: ChannelError, at: datetime) -> None:
    """Permanent, or tried often enough: suppressed with the reason, and the next channel. Else again later."""
    if not wrong.tried:
        put_back(database, [parcel], reason=wrong.sentence, seconds=wrong.retry_after or 1)
        return
    log.warning("message not taken", message=parcel.id, errcode=wrong.errcode, permanent=wrong.permanent)
    pause = next_pause(parcel.attempts, asked=wrong.retry_after, away=wrong.away)
    now = datetime.now(UTC)
    unsure = parcel.unsure_since or (now if wrong.unsure else None)
    ends = wrong.permanent or parcel.kind in ONCE or pause is None
    tries = "" if wrong.permanent else f"，已试 {parcel.attempts} 次"
    reason = wrong.sentence + tries + (MAYBE_ARRIVED if unsure else "")
    due = now + timedelta(seconds=(pause or 0) * random.uniform(1, 1.2))  # noqa: S311 - jitter
    with database.begin() as session:
        for row in _rows(session, parcel):
            row.unsure_since = unsure
            if not ends:
                row.state, row.reason, row.next_try_at = "owed", wrong.sentence, due
                continue
            _end(session, row, reason, at)
            if wrong.recipient and parcel.channel != RATER:
                note_refused(session, row.userid, wrong.errcode, wrong.sentence, at=at)
