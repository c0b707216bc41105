"""The ASGI application: routes, error answers, health."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest
from sqlalchemy import text
from sqlalchemy.exc import DataError, SQLAlchemyError
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from reviewbot.errors import InvalidInput, ReviewbotError, Unavailable
from reviewbot.vitals import Level, look, look_beside
from reviewbot.web.api import router
from reviewbot.web.card_api import cards_router
from reviewbot.web.contacts_door import check_contacts_address, receive_contact_change
from reviewbot.web.intake import IntakeWriter, receive_webhook
from reviewbot.web.lingering import Lingering
from reviewbot.web.recall_api import recalls_router
from reviewbot.web.wecom import check_address, receive_callback
from reviewbot.wiring import House

log = structlog.get_logger()
LEVELS = list(Level)
RETRY_AFTER = {429: "1", 503: "5"}


def create_app(house: House, pages: Sequence[BaseRoute] = ()) -> FastAPI:
    """The web of one process. ``pages``: the HTML routes."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.intake = IntakeWriter(house)
        await app.state.intake.start()
        yield
        await app.state.intake.stop()
        house.database.dispose()

    app = FastAPI(title="reviewbot", version="1", lifespan=lifespan, docs_url=None, redoc_url=None)
    app.state.house = house
    app.router.routes.extend(
        [
            # Plain routes, and first: the hot path pays nothing for what FastAPI does to a request and builds late.
            Route("/webhooks/reviews/{source}", receive_webhook, methods=["POST"]),
            Route("/wecom/callback", check_address, methods=["GET"]),
            Route("/wecom/callback", receive_callback, methods=["POST"]),
            Route("/wecom/contacts", check_contacts_address, methods=["GET"]),
            Route("/wecom/contacts", receive_contact_change, methods=["POST"]),
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            Route("/metrics", metrics),
            *pages,
        ]
    )
    app.add_middleware(Lingering)
    app.include_router(router)
    app.include_router(cards_router)
    app.include_router(recalls_router)
    app.add_exception_handler(ReviewbotError, tell)
    app.add_exception_handler(RequestValidationError, tell_invalid)
    app.add_exception_handler(DataError, tell_unstorable)
    app.add_exception_handler(SQLAlchemyError, tell_away)
    return app


async def healthz(_: Request) -> Response:
    return PlainTextResponse("ok")


def readyz(request: Request) -> Response:
    """Ready when the database answers."""
    with request.app.state.house.database.begin() as session:
        session.execute(text("SELECT 1"))
    return PlainTextResponse("ready")


def metrics(request: Request) -> Response:
    """The process's own figures, and the signs of /health; without the database that it is away and what Redis says."""
    registry = CollectorRegistry()
    away = Gauge("reviewbot_database_away", "1 while the database does not answer", registry=registry)
    sick = Gauge("reviewbot_health", "0 good, 1 worth a look, 2 to be mended", ["sign"], registry=registry)
    figure = Gauge(
        "reviewbot_figure", "What each sign of /health counts or how old it is", ["sign"], registry=registry
    )
    try:
        signs = look(request.app.state.house)
    except SQLAlchemyError:
        away.set(1)
        signs = look_beside(request.app.state.house)
    for sign in signs:
        sick.labels(sign.key).set(LEVELS.index(sign.level))
        figure.labels(sign.key).set(sign.figure)
    return Response(generate_latest() + generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


def tell(_: Request, wrong: Exception) -> Response:
    """An expected error in the caller's terms."""
    assert isinstance(wrong, ReviewbotError)  # noqa: S101 - the handler is registered for this class
    headers = {"Retry-After": RETRY_AFTER[wrong.status]} if wrong.status in RETRY_AFTER else None
    return JSONResponse({"error": wrong.code, "message": wrong.sentence}, wrong.status, headers)


def tell_invalid(_: Request, wrong: Exception) -> Response:
    assert isinstance(wrong, RequestValidationError)  # noqa: S101 - the handler is registered for this class
    first = wrong.errors()[0]
    place = ".".join(str(part) for part in first["loc"]).encode(errors="replace").decode()
    return JSONResponse({"error": "invalid_input", "message": f"{place}：{first['msg']}"}, 422)


def tell_unstorable(request: Request, _: Exception) -> Response:
    """NUL in an address, numbers beyond every column: the sender's, not an outage."""
    return tell(request, InvalidInput("请求中有不能使用的字符或数字。"))


def tell_away(request: Request, wrong: Exception) -> Response:
    log.error("database error", path=request.url.path, why=type(wrong).__name__, exc_info=wrong)
    return tell(request, Unavailable("数据库暂时不可用，请稍后再试。"))
