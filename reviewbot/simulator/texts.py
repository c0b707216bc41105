"""A text-message gateway and the citizens' phones behind it: what a rater gets, and the link he opens."""

import html
import json
import re
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime
from hmac import compare_digest

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from reviewbot.clock import CHINA
from reviewbot.raters.gateway import sign

WINDOW_SECONDS = 300
_PHONE = re.compile(r"1[3-9][0-9]{9}|0[0-9]{9,11}", re.ASCII)
_PAGE = """<!doctype html><html lang="zh-CN"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1"><title>群众的手机</title>
<link rel="icon" href="data:,"><link rel="stylesheet" href="/phones/phone.css"></head>
<body><main class="paper"><h1>群众的手机</h1><p>短信网关收到的短信；号码中间四位不显示。</p>
{rows}</main></body></html>"""


@dataclass(frozen=True)
class Text:
    """One text message as it reached a phone."""

    id: str
    phone: str
    words: str
    at: datetime

    @property
    def masked(self) -> str:
        return f"{self.phone[:3]}****{self.phone[-4:]}"


class TextMessages:
    """The gateway's side of ``reviewbot.raters.gateway``: signed calls only, one text for one key."""

    def __init__(self, account: str, secret: str) -> None:
        self._account = account
        self._secret = secret
        self._taken: OrderedDict[str, Text] = OrderedDict()
        self.fails = 0
        """How many of the next calls answer 503."""

    def routes(self) -> list[Route]:
        return [
            Route("/sms/send", self._send, methods=["POST"]),
            Route("/sim/citizens", self._list),
            Route("/sim/citizens/page", self._page),
            Route("/sim/citizens/fail", self._fail, methods=["POST"]),
        ]

    async def _send(self, request: Request) -> Response:
        body = await request.body()
        head = request.headers
        if not self._is_signed(head, body):
            return JSONResponse({"error": "signature"}, 401)
        if self.fails:
            self.fails -= 1
            return JSONResponse({"error": "busy"}, 503, {"Retry-After": "1"})
        key = head.get("idempotency-key", "")
        try:
            told = json.loads(body)
            phone, words = str(told["phone"]), f"【{told['signature']}】{told['text']}"
            known = told["id"] == key and _PHONE.fullmatch(phone)
        except (ValueError, KeyError, TypeError):
            known = None
        if not known:
            return JSONResponse({"error": "id, phone, text or signature"}, 422)
        self._taken.setdefault(key, Text(key, phone, words, datetime.now(UTC)))
        return JSONResponse({"id": f"sms-{key}"})

    def _is_signed(self, head: Headers, body: bytes) -> bool:
        """Of this account, under its secret, and not an old call sent again."""
        stamp = head.get("x-timestamp", "")
        if not stamp.isascii() or not stamp.isdecimal():
            return False
        expected = sign(self._secret, self._account, stamp, body)
        given = head.get("x-signature", "").encode()
        age = abs(datetime.now(UTC).timestamp() - int(stamp))
        of_account = head.get("x-account") == self._account
        return of_account and age <= WINDOW_SECONDS and compare_digest(expected.encode(), given)

    @property
    def texts(self) -> list[Text]:
        """What has reached a phone, oldest first."""
        return list(self._taken.values())

    async def _list(self, _: Request) -> Response:
        texts = [
            {"id": one.id, "phone": one.masked, "text": one.words, "at": one.at.isoformat()}
            for one in self._taken.values()
        ]
        return JSONResponse({"texts": texts})

    async def _page(self, _: Request) -> Response:
        rows = "".join(
            f"<p><b>{html.escape(one.masked)}</b> <small>{one.at.astimezone(CHINA):%H:%M:%S}</small><br>"
            f"{_linked(one.words)}</p>"
            for one in reversed(self._taken.values())
        )
        return HTMLResponse(_PAGE.replace("{rows}", rows or "<p>还没有短信。</p>"))

    async def _fail(self, request: Request) -> Response:
        self.fails = int((await request.json())["calls"])
        return JSONResponse({"calls": self.fails})


def _linked(words: str) -> str:
    """The text with its one link made clickable; nothing else is read as HTML."""
    before, scheme, link = words.partition("http")
    if not scheme:
        return html.escape(words)
    address = html.escape(scheme + link)
    return f'{html.escape(before)}<a href="{address}" target="_blank" rel="noopener noreferrer">{address}</a>'
