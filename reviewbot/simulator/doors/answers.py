"""What the doors share: errcodes as JSON, pages, uploads, media, and the cookie that says whose phone this is."""

import json
import mimetypes
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response

from reviewbot.simulator.config import Refused
from reviewbot.simulator.media import Media
from reviewbot.simulator.quirks import Quirks

PHONES = Path(__file__).parents[1] / "phones"
COOKIE = "sim_phone"
WRONG_JSON = "Warning: wrong json format. "
Handler = Callable[[Request], Awaitable[Response]]


async def unknown(request: Request) -> Response:
    """Never -1, which is "busy" on the platform and would be tried again."""
    return JSONResponse({"errcode": 404, "errmsg": f"not simulated: {request.url.path}"}, status_code=404)


async def json_body(request: Request, quirks: Quirks) -> dict[str, Any]:
    try:
        body = json.loads(await request.body())
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise wrong_json(quirks)
    return body


def wrong_json(quirks: Quirks) -> Refused:
    warning = WRONG_JSON if quirks.json_warning else ""
    return Refused(40058, warning + "invalid Request Parameter", "json_warning" if warning else "")


async def uploaded(request: Request, field: str) -> tuple[str, bytes, str]:
    """Name, bytes and type of the first file under a field, or of any file where no field is named."""
    async with request.form() as form:
        found = (v for k, v in form.multi_items() if isinstance(v, UploadFile) and field in ("", k))
        upload = next(found, None)
        if upload is None:
            raise (
                Refused(44001, "empty media data", "upload_field") if field else Refused(400, "没有收到文件")
            )
        body = await upload.read()
        return upload.filename or "file", body, upload.content_type or "application/octet-stream"


def media_response(media: Media, quirks: Quirks, asked: str) -> Response:
    """A stored file as a program gets it, whole or the part it asked for. Raises Refused with 830002."""
    headers = {}
    if quirks.filename_form == "utf8":
        name = quote(media.filename)
        headers["Content-Disposition"] = f"attachment; filename*=utf-8''{name}; filename=\"{name}\""
    elif quirks.filename_form == "raw":  # UTF-8 bytes as they are, as old gateways pass them on
        plain = media.filename.replace('"', "").encode().decode("latin-1")
        headers["Content-Disposition"] = f'attachment; filename="{plain}"'
    guessed = mimetypes.guess_type(media.filename)[0] if quirks.media_type_by_name else None
    kind = guessed or _image_type(media) or "application/octet-stream"
    if asked.startswith("bytes="):
        return _part(media.body, asked[6:], headers, kind)
    if len(media.body) > quirks.range_needed_above:
        raise Refused(830002, "file size too large, need range", "range_needed_above")
    return Response(media.body, 200, headers, kind)


def _part(body: bytes, asked: str, headers: dict[str, str], kind: str) -> Response:
    first, _, last = asked.partition("-")
    start = int(first) if first else max(0, len(body) - int(last))
    end = min(int(last), len(body) - 1) if first and last else len(body) - 1
    if not start <= end:
        return Response(b"", 416, {"Content-Range": f"bytes */{len(body)}"})
    headers["Content-Range"] = f"bytes {start}-{end}/{len(body)}"
    return Response(body[start : end + 1], 206, headers, kind)


def _image_type(media: Media) -> str | None:
    if media.kind != "image":
        return None
    return "image/png" if media.body.startswith(b"\x89PNG") else "image/jpeg"


def shown_media(media: Media) -> Response:
    """On a phone's screen: pictures by their bytes, never by what the sender claimed; the rest to be saved."""
    kind = _image_type(media)
    place = "inline" if kind else "attachment"
    headers = {
        "Content-Disposition": f"{place}; filename*=utf-8''{quote(media.filename)}",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(media.body, 200, headers, kind or "application/octet-stream")


def remember(response: Response, userid: str) -> Response:
    response.set_cookie(COOKIE, userid, httponly=True, samesite="lax")
    return response


def page(name: str) -> Response:
    return FileResponse(PHONES / name, headers={"Cache-Control": "no-store"})


def serving(name: str) -> Handler:
    async def serve(request: Request) -> Response:
        return page(name)

    return serve
