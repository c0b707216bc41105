"""What the doors share: pages, uploads, media, and the cookie that says whose phone this browser is."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import quote

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response

from reviewbot.simulator.config import Refused
from reviewbot.simulator.platform import Media

PHONES = Path(__file__).parents[1] / "phones"
COOKIE = "sim_phone"
Handler = Callable[[Request], Awaitable[Response]]


async def unknown(request: Request) -> Response:
    return JSONResponse({"errcode": -1, "errmsg": "unknown path"}, status_code=404)


async def uploaded(request: Request, field: str) -> tuple[str, bytes, str]:
    async with request.form() as form:
        found = (v for k, v in form.multi_items() if isinstance(v, UploadFile) and field in ("", k))
        upload = next(found, None)
        if upload is None:
            raise Refused(44001, "empty media data") if field else Refused(400, "没有收到文件")
        body = await upload.read()
        return upload.filename or "file", body, upload.content_type or "application/octet-stream"


def media_response(media: Media, disposition: str, asked: str) -> Response:
    """Images are shown as images by their bytes, never by what the sender claimed."""
    kind = "image/png" if media.body.startswith(b"\x89PNG") else "image/jpeg"
    headers = {
        "Content-Disposition": f"{disposition}; filename*=utf-8''{quote(media.filename)}; "
        f'filename="{quote(media.filename)}"',
        "X-Content-Type-Options": "nosniff",
    }
    content_type = kind if media.kind == "image" else "application/octet-stream"
    if asked.startswith("bytes="):
        first, _, last = asked[6:].partition("-")
        start = int(first or 0)
        part = media.body[start : int(last) + 1 if last else None]
        headers["Content-Range"] = f"bytes {start}-{start + len(part) - 1}/{len(media.body)}"
        return Response(part, 206, headers, content_type)
    return Response(media.body, 200, headers, content_type)


def remember(response: Response, userid: str) -> Response:
    response.set_cookie(COOKIE, userid, httponly=True, samesite="lax")
    return response


def page(name: str) -> Response:
    return FileResponse(PHONES / name, headers={"Cache-Control": "no-store"})


def serving(name: str) -> Handler:
    async def serve(request: Request) -> Response:
        return page(name)

    return serve
