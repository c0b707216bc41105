"""GET and POST /wecom/contacts: where 通讯录同步助手 pushes changes, under a Token and AESKey of its own (§2.5)."""

import structlog
from sqlalchemy.exc import SQLAlchemyError
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from reviewbot.actions.take_contact_event import take_contact_event
from reviewbot.errors import Unavailable
from reviewbot.queue import TaskName
from reviewbot.rules.contacts import Event
from reviewbot.web.wecom import REFUSED, echo, opened
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
    told = contact_event(callback)
    if told is None or callback.stale:
        log.info("contact change without effect", stale=callback.stale, told=callback.event)
        return Response(status_code=200)
    try:
        await run_in_threadpool(_store, house, told)
    except SQLAlchemyError as wrong:
        log.error("contact change could not be stored", why=type(wrong).__name__)
        raise Unavailable("暂时不可用。") from None
    return Response(status_code=200, background=BackgroundTask(house.ring, TaskName.CONTACTS))


def _store(house: House, told: Event) -> None:
    with house.database.begin() as session:
        take_contact_event(session, told, received_at=house.clock.now())
