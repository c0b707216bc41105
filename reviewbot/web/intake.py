"""POST /webhooks/reviews/{source}: signed, batch-first, answered only after the commit.

Concurrent calls are written together: the writer takes whatever has queued while it was busy (no timed
window), in one transaction, and each caller hears of his own records after that transaction has committed.
"""

import asyncio
import base64
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import msgspec
import structlog
from sqlalchemy.exc import DataError, IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session
from standardwebhooks import Webhook, WebhookVerificationError
from standardwebhooks.webhooks import EmptyWebhookSecretError
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from reviewbot.actions.receive_reviews import Accepted, Delivery, Received, Rejected, Result, receive_reviews
from reviewbot.errors import NotFound, NotSignedIn, ReviewbotError, TooLarge, Unavailable
from reviewbot.queue import TaskName
from reviewbot.sources.mapping import map_record
from reviewbot.sources.profile import SourceProfile
from reviewbot.sources.record import Correction, Refusal, ReviewIn
from reviewbot.sources.split import Piece, split_body
from reviewbot.wiring import House

log = structlog.get_logger()
TYPES = {
    "",
    "application/json",
    "application/x-ndjson",
    "application/ndjson",
    "application/jsonl",
    "application/x-jsonlines",
    "text/json",
}
UNSTORABLE = (DataError, IntegrityError, UnicodeError)
"""What a single record can do to a statement; anything else may pass, and is answered 503."""
LARGE = 32 * 1024
"""Bytes from which a body is read in a thread: a second of parsing must not hold up every other sender."""
_SIGNATURE = re.compile(r"v1,[A-Za-z0-9+/]{43}=")


class UnsupportedType(ReviewbotError):
    code = "unsupported_type"
    status = 415


class TooBusy(ReviewbotError):
    code = "too_busy"
    status = 429


@dataclass
class _Waiting:
    delivery: Delivery
    answer: "asyncio.Future[list[Result]]"


class IntakeWriter:
    """Writes what has queued, one transaction after another; bounded, and never leaves a caller hanging."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._queue: asyncio.Queue[_Waiting] = asyncio.Queue(house.settings.intake.waiting_requests)
        self._task: asyncio.Task[None] | None = None
        self._unrung: list[int] = []
        self._bell: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._bell:
            await asyncio.gather(self._bell, return_exceptions=True)
        while not self._queue.empty():
            self._queue.get_nowait().answer.set_exception(Unavailable("系统正在停止，请稍后重发。"))

    async def write(self, delivery: Delivery) -> list[Result]:
        """The results of one delivery, after their commit. Raises TooBusy or Unavailable."""
        waiting = _Waiting(delivery, asyncio.get_running_loop().create_future())
        try:
            self._queue.put_nowait(waiting)
        except asyncio.QueueFull:
            raise TooBusy("系统繁忙，请稍后重发。") from None
        return await waiting.answer

    async def _run(self) -> None:
        limit = self._house.settings.intake.max_records
        while True:
            group = [await self._queue.get()]
            count = len(group[0].delivery.records)
            while count < limit and not self._queue.empty():
                group.append(self._queue.get_nowait())
                count += len(group[-1].delivery.records)
            try:
                await self._write(group)
            except asyncio.CancelledError:
                _fail(group, Unavailable("系统正在停止，请稍后重发。"))
                raise

    async def _write(self, group: Sequence[_Waiting]) -> None:
        """Commit a group and answer it. A record no column takes costs neither its neighbours nor other calls."""
        try:
            received = await run_in_threadpool(self._commit, [one.delivery for one in group])
        except Exception as wrong:  # a writer that died would leave every later sender hanging
            if isinstance(wrong, UNSTORABLE) and len(group) > 1:
                for one in group:
                    await self._write([one])
                return
            # The message of a database error quotes the records.
            trace = None if isinstance(wrong, SQLAlchemyError) else wrong
            log.error("intake could not be written", why=type(wrong).__name__, exc_info=trace)
            _fail(group, Unavailable("数据库暂时不可用，请稍后重发。"))
        else:
            self._answer(group, received)

    def _answer(self, group: Sequence[_Waiting], received: Received) -> None:
        for one, results in zip(group, received.results, strict=True):
            if not one.answer.done():
                one.answer.set_result(results)
        if wanted := received.bad_review_ids + received.continued_ids:
            self._unrung += wanted
            if self._bell is None or self._bell.done():
                self._bell = asyncio.create_task(self._ring())

    def _commit(self, deliveries: Sequence[Delivery]) -> Received:
        if len(deliveries) == 1:
            return receive_and_commit(self._house, deliveries[0])
        with self._house.database.begin() as session:
            return receive_reviews(session, deliveries, at=self._house.clock.now())

    async def _ring(self) -> None:
        """One bell at a time and never in the writer's way: a Redis that is away must not hold up senders."""
        while self._unrung:
            ids, self._unrung = self._unrung, []
            await run_in_threadpool(self._house.ring, TaskName.ROUTE, ids)


def _fail(group: Sequence[_Waiting], why: ReviewbotError) -> None:
    for one in group:
        if not one.answer.done():
            one.answer.set_exception(why)


def receive_and_commit(house: House, delivery: Delivery) -> Received:
    """One delivery, of a call or a file, in one transaction; records that no column takes are refused alone."""
    try:
        with house.database.begin() as session:
            return receive_reviews(session, [delivery], at=house.clock.now())
    except UNSTORABLE:
        with house.database.begin() as session:
            storable = replace(delivery, records=_sifted(session, delivery, house.clock.now()))
            return receive_reviews(session, [storable], at=house.clock.now())


def _sifted(session: Session, delivery: Delivery, at: datetime) -> Sequence[Accepted | Rejected]:
    """The records, refused where no column takes them: halves are tried and undone until one is left."""
    records = delivery.records
    trial = session.begin_nested()
    try:
        receive_reviews(session, [delivery], at=at)
        return records
    except UNSTORABLE:
        if len(records) == 1:
            return [Rejected("refused", "含有不能保存的字符或数字", None, None, records[0].raw)]
    finally:
        trial.rollback()
    half = len(records) // 2
    return [
        record
        for part in (records[:half], records[half:])
        for record in _sifted(session, replace(delivery, records=part), at)
    ]


async def receive_webhook(request: Request) -> Response:
    """One call of one source."""
    house: House = request.app.state.house
    writer: IntakeWriter = request.app.state.intake
    name = request.path_params["source"]
    profile = house.profiles.get(name)
    if profile is None:
        raise NotFound(f"没有评价来源“{name[:100]}”。")
    body = await _read(request, int(house.settings.intake.max_body_mib * 1024 * 1024))
    _verify(house, name, body, request)
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind not in TYPES:
        raise UnsupportedType("请求体须为 application/json 或 application/x-ndjson。")
    if len(body) > LARGE:
        records = await run_in_threadpool(_records, house, profile, body)
    else:
        records = _records(house, profile, body)
    results = await writer.write(Delivery(name, "webhook", records))
    return Response(msgspec.json.encode(results), 202, media_type="application/json")


def _records(house: House, profile: SourceProfile, body: bytes) -> list[Accepted | Rejected]:
    pieces = split_body(body, max_records=house.settings.intake.max_records)
    return [to_record(house, profile, piece) for piece in pieces]


def to_record(
    house: House, profile: SourceProfile, piece: Piece, correction: Correction | None = None
) -> Accepted | Rejected:
    """One piece of a body as what the intake action takes."""
    if piece.error is not None:
        return Rejected("refused", piece.error, None, None, piece.raw)
    told = map_record(
        profile, piece.value, now=house.clock.now(), limits=house.date_limits, correction=correction
    )
    match told:
        case Refusal():
            return Rejected(told.result, told.reason, told.external_id, told.round, piece.raw)
        case ReviewIn():
            facts = msgspec.structs.asdict(told)
            facts |= {
                "reason_codes": list(told.reason_codes),
                "flags": list(told.flags),
                "fingerprint": told.fingerprint(),
            }
            return Accepted(facts, piece.raw)


async def _read(request: Request, limit: int) -> bytes:
    """The body, never more than the limit in memory whatever the sender declared."""
    too_large = TooLarge(f"一次最多 {limit // (1024 * 1024)} MiB，请分批发送。")
    declared = request.headers.get("content-length", "0")
    if declared.isdigit() and int(declared) > limit:
        raise too_large
    parts, size = [], 0
    try:
        async for part in request.stream():
            size += len(part)
            if size > limit:
                raise too_large
            parts.append(part)
    except ClientDisconnect:
        raise Unavailable("连接中断。") from None
    return b"".join(parts)


class ByteWebhook(Webhook):  # type: ignore[misc,unused-ignore]
    """Signs the bytes as they came: the library refuses a genuine body that is not UTF-8, lines and all."""

    def sign(self, msg_id: str, timestamp: datetime, data: str) -> str:
        signed = f"{msg_id}.{int(timestamp.timestamp())}.{data}".encode(errors="surrogateescape")
        mark = hmac.digest(self._whsecret, signed, "sha256")
        return "v1," + base64.b64encode(mark).decode()


def _verify(house: House, source: str, body: bytes, request: Request) -> None:
    """Standard Webhooks with every secret in force. Malformed headers raise foreign errors in the library."""
    told = house.settings.sources.get(source) or house.settings.sources.get(source.lower())
    headers = dict(request.headers)
    # The library gives up at the first malformed signature; a good one may stand behind it.
    marks = headers.get("webhook-signature", "").split(" ")
    headers["webhook-signature"] = " ".join(mark for mark in marks if _SIGNATURE.fullmatch(mark))
    for secret in told.secrets() if told else []:
        try:
            ByteWebhook(secret).verify(body.decode(errors="surrogateescape"), headers, json_parse=False)
        except (WebhookVerificationError, EmptyWebhookSecretError, ValueError, TypeError, OverflowError):
            continue
        return
    raise NotSignedIn("签名不正确、已过期，或该来源没有配置密钥。")
