"""GET and POST /wecom/contacts: where 通讯录同步助手 pushes changes, under a Token and AESKey of its own (§2.5)."""

import structlog
from sqlalchemy.exc import SQLAlchemyError
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from reviewbot.actions.take_contact_event import take_contact_event
from reviewbot.errors import Unavailable
from reviewbot.queries.contacts import is_taken
from reviewbot.queue import TaskName
from reviewbot.web.wecom import REFUSED, TOO_LATE, echo, keep, opened, warn_of_clock
from reviewbot.wecom.callback import Callback
from reviewbot.wecom.contacts import contact_event
from reviewbot.wiring import House

log = structlog.get_logger()


async def check_contacts_address(request: Request) -> Response:
    return echo(request, request.app.state.house.contacts_crypto)


async def receive_contact_change(request: Request) -> Response:
    """200 once it is durable, also for what we do not know; 403 when it is not genuine; 503 when it was not stored."""
    house: House = request.app.state.house
    callback = await opened(request, house.contacts_crypto)
    if callback is None:
        return REFUSED
    try:
        later = await run_in_threadpool(_store, house, callback)
    except SQLAlchemyError as wrong:
        log.error("contact change could not be stored", why=type(wrong).__name__)
        raise Unavailable("暂时不可用。") from None
    return Response(status_code=200, background=later)


def _store(house: House, callback: Callback) -> BackgroundTask | None:
    """Take the change, or keep what is too late or unknown; what is to be done once WeCom has its answer."""
    told, now = contact_event(callback), house.clock.now()
    with house.database.begin() as session:
        if is_taken(session, callback.key):
            return None
        if callback.stale:
            new = keep(session, callback, TOO_LATE, at=now)
            return BackgroundTask(warn_of_clock, house) if new is not None else None
        if told is None:
            keep(session, callback, "未知的通讯录变更，留存待查", at=now)
            return None
        take_contact_event(session, told, received_at=now)
    return BackgroundTask(house.ring, TaskName.CONTACTS)
