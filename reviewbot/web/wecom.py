"""GET and POST /wecom/callback: verify, store once, answer within a second; a task does the work."""

import secrets
import time
from dataclasses import asdict
from datetime import datetime

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from reviewbot.actions.note_contact import note_platform_event
from reviewbot.actions.take_contact_event import take_contact_event
from reviewbot.errors import Unavailable
from reviewbot.inbox import take
from reviewbot.queue import TaskName
from reviewbot.wecom.callback import BODY_BYTES, Callback, CallbackCrypto, CallbackKind
from reviewbot.wecom.contacts import VISIBILITY, contact_event
from reviewbot.wecom.crypto import CallbackRefused
from reviewbot.wiring import House

log = structlog.get_logger()
REFUSED = Response(status_code=403)
TOO_LATE = "时间戳与本机时钟不符，留存待查"


async def check_address(request: Request) -> Response:
    """The console's check of the address: the decrypted echo as bare text, or 403 without detail (W15)."""
    return echo(request, request.app.state.house.crypto)


def echo(request: Request, crypto: CallbackCrypto | None) -> Response:
    """The answer to the console at any of the doors."""
    asked = request.query_params
    try:
        told = _configured(crypto).verify_url(*_signed(asked), asked.get("echostr", ""))
    except CallbackRefused as refused:
        log.warning("check of the callback address refused", why=refused.reason)
        return REFUSED
    return PlainTextResponse(told)


async def opened(request: Request, crypto: CallbackCrypto | None) -> Callback | None:
    """One push, checked and decrypted; None where it is not genuine (W16)."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > BODY_BYTES:
            break  # refused below; the rest is not read
    try:
        return _configured(crypto).open(body, *_signed(request.query_params), time.time())
    except CallbackRefused as refused:
        log.warning("callback refused", why=refused.reason)
        return None


def _configured(crypto: CallbackCrypto | None) -> CallbackCrypto:
    if crypto is None:
        raise CallbackRefused("not configured")
    return crypto


def _signed(asked: QueryParams) -> tuple[str, str, str]:
    return asked.get("msg_signature", ""), asked.get("timestamp", ""), asked.get("nonce", "")


async def receive_callback(request: Request) -> Response:
    """One push: 200 once it is durable, 403 when it is not genuine, 503 when it could not be stored."""
    house: House = request.app.state.house
    callback = await opened(request, house.crypto)
    if callback is None or house.crypto is None:
        return REFUSED
    try:
        item_id = await run_in_threadpool(_store, house, callback)
    except SQLAlchemyError as wrong:
        log.error("callback could not be stored", why=type(wrong).__name__)
        raise Unavailable("暂时不可用。") from None
    # After the answer: a queue that is away must not cost the second WeCom gives us (W19).
    later = BackgroundTask(_afterwards, house, callback, item_id)
    if callback.kind is CallbackKind.card_press and not callback.stale:
        now = str(int(time.time()))
        sealed = house.crypto.seal(
            house.crypto.button_reply(callback, "处理中…", at=int(now)), now, secrets.token_hex(8)
        )
        return Response(sealed, media_type="application/xml", background=later)
    return Response(status_code=200, background=later)


def _afterwards(house: House, callback: Callback, item_id: int | None) -> None:
    """Rings for what is new and in time; of a repeat, or of what came too late, nothing comes (W16, W17)."""
    if item_id is None:
        return
    if callback.stale:
        warn_of_clock(house)
        return
    house.ring(TaskName.ANSWER, [item_id])
    if callback.event in VISIBILITY:
        house.ring(TaskName.CONTACTS)
    if house.wecom is not None:
        house.wecom.notice(callback.event)


def _store(house: House, callback: Callback) -> int | None:
    if house.replays.knows(callback.ciphertext_sha256):
        return None
    now = house.clock.now()
    with house.database.begin() as session:
        if not callback.stale and (told := contact_event(callback)):
            take_contact_event(session, told, received_at=now)
        if not callback.stale and callback.event:
            said = house.wecom.warnings.get(callback.event) if house.wecom else None
            note_platform_event(session, callback.event, said, at=now)
        item_id = keep(session, callback, TOO_LATE if callback.stale else None, at=now)
    house.replays.remember(callback.ciphertext_sha256)
    return item_id


def keep(session: Session, callback: Callback, why: str | None, *, at: datetime) -> int | None:
    """Put it into the inbox; with ``why``, only to be looked at. Its id, or None where it is there already."""
    body = {
        "content": (callback.content or "").replace("\0", ""),
        "media_id": callback.media_id,
        "event": callback.event,
        "event_key": callback.event_key,
        "task_id": callback.task_id,
        "response_code": callback.response_code,
        "selected": callback.selected,
        "recognition": callback.recognition,
        "place": asdict(callback.place) if callback.place else None,
    }
    kind = callback.kind.value
    return take(session, key=callback.key, kind=kind, userid=callback.userid, body=body, at=at, kept=why)


def warn_of_clock(house: House) -> None:
    """Genuine, unseen and out of its time: our clock is wrong, or somebody held it back (W16)."""
    if house.wecom is not None:
        house.wecom.health.alert("clock", "收到时间戳与本机时钟不符的回调，已留存，未予处理")
