"""What the real platform offers to programs, and its sign-in pages."""

import json
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlencode, urlsplit

import anyio
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from reviewbot.simulator.config import Refused
from reviewbot.simulator.doors.answers import COOKIE, Handler, media_response, page, remember, uploaded
from reviewbot.simulator.platform import Answer, Platform

Handle = Callable[[Request], Awaitable[Answer | Response]]


class Programs:
    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self._sending = 0
        self._sends = 0

    def routes(self) -> list[Route]:
        get, post = ["GET"], ["POST"]
        calls: list[tuple[str, list[str], Handle]] = [
            ("/cgi-bin/gettoken", get, self._get_token),
            ("/cgi-bin/message/send", post, self._crowded(self._send)),
            ("/cgi-bin/message/update_template_card", post, self._update),
            ("/cgi-bin/message/recall", post, self._recall),
            ("/cgi-bin/auth/getuserinfo", get, self._user),
            ("/cgi-bin/user/getuserinfo", get, self._user),
            ("/cgi-bin/media/upload", post, self._upload),
            ("/cgi-bin/media/get", get, self._download),
        ]
        return [
            *(Route(path, self._answering(handle), methods=methods) for path, methods, handle in calls),
            Route("/connect/oauth2/authorize", self._authorize),
            Route("/wwopen/sso/qrConnect", self._authorize),
        ]

    def _crowded(self, handle: Handle) -> Handle:
        """Sends meet the limit of concurrency, and some of them are answered only after the client gave up."""

        async def answer(request: Request) -> Answer | Response:
            quirks, dice = self.platform.quirks, self.platform.dice
            self._sends += 1
            crowd = quirks.burst_every + quirks.burst
            if quirks.burst and (self._sends - 1) % crowd >= quirks.burst_every:
                raise Refused(45033, "api concurrent out of limit")
            self._sending += 1
            try:
                if 0 < quirks.concurrency_limit < self._sending:
                    raise Refused(45033, "api concurrent out of limit")
                result = await handle(request)
                if quirks.late_rate and dice.random() < quirks.late_rate:
                    self.platform.counts["late"] += 1
                    await anyio.sleep(quirks.late_seconds)
                return result
            finally:
                self._sending -= 1

        return answer

    def _answering(self, handle: Handle) -> Handler:
        async def answer(request: Request) -> Response:
            quirks, dice = self.platform.quirks, self.platform.dice
            if quirks.delay_seconds:
                await anyio.sleep(quirks.delay_seconds)
            if quirks.html_rate and dice.random() < quirks.html_rate:
                self._log(request, None, "HTML 页面")
                return HTMLResponse("<html><body>502 Bad Gateway</body></html>")
            try:
                if quirks.busy_rate and dice.random() < quirks.busy_rate:
                    raise Refused(-1, "system busy")
                result = await handle(request)
            except Refused as exc:
                return self._refusal(request, exc)
            except (TypeError, ValueError, AttributeError, KeyError):
                return self._refusal(
                    request, Refused(40058, "Warning: wrong json format. invalid Request Parameter")
                )
            if quirks.answer_delay_seconds:
                await anyio.sleep(quirks.answer_delay_seconds)
            self._log(request, 0, "ok")
            return (
                result
                if isinstance(result, Response)
                else JSONResponse({"errcode": 0, "errmsg": "ok", **result})
            )

        return answer

    def _refusal(self, request: Request, refused: Refused) -> Response:
        ip = request.client.host if request.client else "127.0.0.1"
        dice = self.platform.dice
        hint = f"{int(self.platform.now())}_{dice.randint(1, 400)}_{dice.getrandbits(128):032x}"
        errmsg = (
            f"{refused.errmsg}, hint: [{hint}], from ip: {ip}, "
            f"more info at https://open.work.weixin.qq.com/devtool/query?e={refused.errcode}"
        )
        self._log(request, refused.errcode, refused.errmsg)
        return JSONResponse({"errcode": refused.errcode, "errmsg": errmsg})

    def _log(self, request: Request, errcode: int | None, verdict: str) -> None:
        self.platform.log(request.method, request.url.path, verdict, errcode)

    def _agent(self, request: Request) -> int:
        return self.platform.agent_of(request.query_params.get("access_token", ""))

    async def _body(self, request: Request) -> dict[str, Any]:
        try:
            body = json.loads(await request.body())
        except ValueError as exc:
            raise Refused(40058, "Warning: wrong json format.") from exc
        if not isinstance(body, dict):
            raise Refused(40058, "Warning: wrong json format.")
        return body

    async def _get_token(self, request: Request) -> Answer:
        query = request.query_params
        return self.platform.get_token(query.get("corpid", ""), query.get("corpsecret", ""))

    async def _send(self, request: Request) -> Answer:
        agent_id = self._agent(request)
        return self.platform.send(agent_id, await self._body(request))

    async def _update(self, request: Request) -> Answer:
        agent_id = self._agent(request)
        return self.platform.update_card(agent_id, await self._body(request))

    async def _recall(self, request: Request) -> Answer:
        agent_id = self._agent(request)
        return self.platform.recall(agent_id, str((await self._body(request)).get("msgid") or ""))

    async def _user(self, request: Request) -> Answer:
        self._agent(request)
        old_path = "/user/" in request.url.path
        return self.platform.user_of(request.query_params.get("code", ""), old_path=old_path)

    async def _upload(self, request: Request) -> Answer:
        self._agent(request)
        name, body, content_type = await uploaded(request, "media")
        return self.platform.add_media(request.query_params.get("type", ""), name, body, content_type)

    async def _download(self, request: Request) -> Response:
        self._agent(request)
        media = self.platform.get_media(request.query_params.get("media_id", ""))
        return media_response(media, "attachment", request.headers.get("range", ""))

    async def _authorize(self, request: Request) -> Response:
        """Who are you? The phone's cookie answers inside the app; a scan always asks."""
        query = request.query_params
        target = urlsplit(query.get("redirect_uri", ""))
        if query.get("appid") != self.platform.config.corp_id:
            return PlainTextResponse("企业 ID 不正确（40013）", status_code=400)
        trusted = self.platform.quirks.trusted_hosts
        if target.scheme not in ("http", "https") or (trusted and target.netloc not in trusted):
            return PlainTextResponse("redirect_uri 与可信域名不一致（50001）", status_code=400)
        chosen = query.get("as", "")
        asks = request.url.path.endswith("qrConnect") or "choose" in query
        userid = chosen or ("" if asks else request.cookies.get(COOKIE, ""))
        if not userid or (not chosen and self.platform.member(userid) is None):
            return page("choose.html")
        added = urlencode({"code": self.platform.new_sign_in(userid), "state": query.get("state", "")})
        joined = "&".join(part for part in (target.query, added) if part)
        answer = RedirectResponse(target._replace(query=joined).geturl(), status_code=302)
        return remember(answer, userid)
