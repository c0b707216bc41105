"""GET and POST /wecom/callback: verify, store once, answer within a second; a task does the work."""

import secrets
import time
from dataclasses import asdict

import structlog
from sqlalchemy.exc import SQLAlchemyError
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from reviewbot.actions.note_contact import note_platform_event
from reviewbot.actions.take_contact_event import take_contact_event
from reviewbot.errors import Unavailable
from reviewbot.inbox import take
from reviewbot.queue import TaskName
from reviewbot.wecom.callback import Callback, CallbackCrypto, CallbackKind
from reviewbot.wecom.contacts import VISIBILITY, contact_event
from reviewbot.wecom.crypto import CallbackRefused
from reviewbot.wiring import House

log = structlog.get_logger()
MAX_BODY = 256 * 1024
REFUSED = Response(status_code=403)


async def check_address(request: Request) -> Response:
    """The console's check of the address: the decrypted echo as bare text, or 403 without detail (W15)."""
    return echo(request, request.app.state.house.crypto)


def echo(request: Request, crypto: CallbackCrypto | None) -> Response:
    """The answer to the console at any of the doors."""
    asked = request.query_params
    if crypto is None:
        return REFUSED
    try:
        told = crypto.verify_url(
            asked.get("msg_signature", ""),
            asked.get("timestamp", ""),
            asked.get("nonce", ""),
            asked.get("echostr", ""),
        )
    except CallbackRefused:
        return REFUSED
    return PlainTextResponse(told)


async def opened(request: Request, crypto: CallbackCrypto | None) -> Callback | None:
    """One push, checked and decrypted; None where it is not genuine (W16)."""
    if crypto is None:
        return None
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MAX_BODY:
            return None
    asked = request.query_params
    try:
        return crypto.open(
            body,
            asked.get("msg_signature", ""),
            asked.get("timestamp", ""),
            asked.get("nonce", ""),
            time.time(),
        )
    except CallbackRefused as refused:
        log.warning("callback refused", why=getattr(refused, "reason", ""))
        return None


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
    bell = None
    if item_id is not None and not callback.stale:
        # After the answer: a queue that is away must not cost the second WeCom gives us (W19).
        bell = BackgroundTask(house.ring, TaskName.ANSWER, [item_id])
    if callback.event in VISIBILITY and not callback.stale:
        bell = BackgroundTask(house.ring, TaskName.CONTACTS)
    if callback.kind is CallbackKind.card_press and not callback.stale:
        now = str(int(time.time()))
        sealed = house.crypto.seal(
            house.crypto.button_reply(callback, "处理中…", at=int(now)), now, secrets.token_hex(8)
        )
        return Response(sealed, media_type="application/xml", background=bell)
    return Response(status_code=200, background=bell)


def _store(house: House, callback: Callback) -> int | None:
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
    if house.replays.knows(callback.ciphertext_sha256):
        return None
    now = house.clock.now()
    with house.database.begin() as session:
        if not callback.stale and (told := contact_event(callback)):
            take_contact_event(session, told, received_at=now)
        if not callback.stale and callback.event:
            said = house.wecom.warnings.get(callback.event) if house.wecom else None
            note_platform_event(session, callback.event, said, at=now)
        item_id = take(
            session,
            key=callback.key,
            kind=callback.kind.value,
            userid=callback.userid,
            body=body,
            at=now,
            stale=callback.stale,
        )
    house.replays.remember(callback.ciphertext_sha256)
    if item_id is not None and house.wecom is not None:
        house.wecom.notice(callback.event)
    return item_id
