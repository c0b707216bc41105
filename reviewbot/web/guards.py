"""What stands around every page: who may come in, what a refusal looks like, headers, forms, compression, files."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from functools import wraps
from pathlib import Path

from sqlalchemy.exc import DBAPIError
from starlette.concurrency import run_in_threadpool
from starlette.convertors import Convertor, register_url_convertor
from starlette.datastructures import FormData
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from reviewbot.actions.add_evidence import MAX_BYTES
from reviewbot.database.session import database_is_away
from reviewbot.errors import InvalidInput, ReviewbotError, TooLarge
from reviewbot.queries.scope import Viewer
from reviewbot.web import login
from reviewbot.web.login import viewer_of

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
COMPRESSION = 6
ONE_FILE = MAX_BYTES + 64 * 1024
Page = Callable[[Request], Response]
AsyncPage = Callable[[Request], Awaitable[Response]]


class Static(StaticFiles):
    """Our scripts and styles, never sniffed; under an address that carries its hash, kept for good."""

    def __init__(self, folder: Path) -> None:
        super().__init__(directory=folder)

    async def get_response(self, path: str, scope: Scope) -> Response:
        answer = await super().get_response(path, scope)
        answer.headers["X-Content-Type-Options"] = "nosniff"
        if scope["query_string"].startswith(b"v="):
            answer.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return answer


def compressed(routes: Iterable[BaseRoute]) -> list[BaseRoute]:
    """These routes answer with gzip where it is understood; what is compressed already stays as it is."""
    found = list(routes)
    for route in found:
        if isinstance(route, Route | Mount):
            route.app = GZipMiddleware(route.app, compresslevel=COMPRESSION)
    return found


def error_page(request: Request, wrong: ReviewbotError) -> Response:
    """A refusal as a page with the security headers."""
    answer = login.error_page(request, wrong.sentence, wrong.status)
    answer.headers.update(HEADERS)
    return answer


def guarded(handler: Page) -> Page:
    """Known errors become pages; every answer carries the security headers."""

    @wraps(handler)
    def answer(request: Request) -> Response:
        try:
            found = handler(request)
        except ReviewbotError as wrong:
            return error_page(request, wrong)
        except DBAPIError as wrong:
            if not database_is_away(wrong):
                raise
            found = login.error_page(request, "数据库暂时连接不上，请稍后刷新。", 503)
        found.headers.update(HEADERS)
        return found

    return answer


def signed_in(handler: Callable[[Request, Viewer], Response]) -> Page:
    """Only for people of the directory; others sign in first and come back."""

    @wraps(handler)
    def answer(request: Request) -> Response:
        viewer = viewer_of(request)
        if viewer is None:
            if "hx-request" in request.headers:
                return Response(status_code=401, headers={"HX-Redirect": "/login"})
            there = login.login_address(request) if request.method == "GET" else "/login"
            return RedirectResponse(there, status_code=303)
        return handler(login.shown_to(request, viewer), viewer)

    return answer


def posted(
    handler: Callable[[Request, FormData], Response], *, files: int = 1, most: int = ONE_FILE
) -> AsyncPage:
    """A form of at most ``files`` files and ``most`` bytes: read on the loop, its size known beforehand, worked in a
    thread."""

    async def answer(request: Request) -> Response:
        length = request.headers.get("content-length", "")
        if not length.isdigit() or int(length) > most:
            wrong = TooLarge(f"附件{'合计' if files > 1 else ''}不能超过 {most // 1024 // 1024} MB。")
            return await run_in_threadpool(error_page, request, wrong)
        try:
            async with form_of(request, files=files, fields=60) as form:
                return await run_in_threadpool(guarded(lambda asked: handler(asked, form)), request)
        except InvalidInput as unread:
            return await run_in_threadpool(error_page, request, unread)

    return answer


@asynccontextmanager
async def form_of(request: Request, *, files: int, fields: int) -> AsyncIterator[FormData]:
    """The form of a request, closed afterwards. Raises InvalidInput where it names a charset that reads nothing."""
    try:
        form = await request.form(max_files=files, max_fields=fields)
    except UnicodeError:
        raise InvalidInput("提交的内容无法识别，请刷新页面后再试。") from None
    try:
        yield form
    finally:
        await form.close()


class _Ident(Convertor[int]):
    """The number of a row, no longer than any has: Python refuses to read thousands of digits, and that is a 404."""

    regex = "[0-9]{1,10}"

    def convert(self, value: str) -> int:
        return int(value)

    def to_string(self, value: int) -> str:
        return str(value)


register_url_convertor("ident", _Ident())
