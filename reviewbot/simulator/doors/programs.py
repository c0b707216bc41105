"""What the real platform offers to programs under /cgi-bin."""

from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Any

import anyio
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from reviewbot.simulator.config import Answer, Refused
from reviewbot.simulator.doors.answers import (
    Handler,
    json_body,
    media_response,
    unknown,
    uploaded,
    wrong_json,
)
from reviewbot.simulator.platform import Platform

Handle = Callable[[Request], Awaitable[Answer | Response]]
GET, POST, BOTH = ["GET"], ["POST"], ["GET", "POST"]
PORTAL = "<!doctype html><html><head><title>Portal</title></head><body>Bad Gateway</body></html>"
CROWDED = (45033, "api concurrent out of limit")


class Programs:
    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self._sending = 0
        self._sends = 0

    def routes(self) -> list[Route]:
        calls: list[tuple[str, list[str], Handle]] = [
            ("message/send", POST, self._crowded(self._send)),
            ("message/update_template_card", POST, self._update),
            ("message/recall", POST, self._recall),
            ("media/upload", POST, self._upload),
            ("media/get", GET, self._download),
            ("auth/getuserinfo", GET, self._signed_in),
            ("user/getuserinfo", GET, self._signed_in),
            ("user/get", GET, self._user),
            ("user/getuserid", POST, self._userid),
            ("user/list_id", POST, self._list_ids),
            ("user/simplelist", GET, self._simple_list),
            ("department/list", GET, self._departments),
            ("department/simplelist", GET, self._departments),
            ("menu/create", POST, self._create_menu),
            ("menu/get", GET, self._get_menu),
            ("menu/delete", GET, self._delete_menu),
            ("getcallbackip", GET, self._addresses),
            ("get_api_domain_ip", GET, self._addresses),
        ]
        routes = [
            Route(f"/cgi-bin/{path}", self._answering(handle, checks_address=True), methods=methods)
            for path, methods, handle in calls
        ]
        return [Route("/cgi-bin/gettoken", self._answering(self._get_token), methods=GET), *routes]

    # What every call meets

    def _answering(self, handle: Handle, *, checks_address: bool = False) -> Handler:
        async def answer(request: Request) -> Response:
            quirks, dice = self.platform.quirks, self.platform.dice
            started = monotonic()
            if quirks.no_auth_path and "/auth/" in request.url.path:
                self._log(request, None, "404：这个部署没有 auth/", started, "no_auth_path")
                return await unknown(request)
            if quirks.delay_seconds:
                await anyio.sleep(quirks.delay_seconds)
            if quirks.html_rate and dice.random() < quirks.html_rate:
                self._log(request, None, "HTML 页面，状态 200", started, "html_rate")
                return HTMLResponse(PORTAL)
            try:
                if quirks.busy_rate and dice.random() < quirks.busy_rate:
                    raise Refused(-1, "system busy", "busy_rate")
                if checks_address:
                    self.platform.check_address(_ip(request))
                result = await handle(request)
            except Refused as exc:
                return self._refusal(request, exc, started)
            except (TypeError, ValueError, AttributeError, KeyError):
                return self._refusal(request, wrong_json(quirks), started)
            if quirks.answer_delay_seconds:
                await anyio.sleep(quirks.answer_delay_seconds)
            if isinstance(result, Response):
                self._log(request, None, f"HTTP {result.status_code}", started)
                return result
            remark, quirk = result.pop("_remark", "") or "ok", result.pop("_quirk", "")
            self._log(request, 0, remark, started, quirk)
            return JSONResponse({"errcode": 0, "errmsg": "ok", **result})

        return answer

    def _refusal(self, request: Request, refused: Refused, started: float) -> Response:
        errmsg, dice = refused.errmsg, self.platform.dice
        if self.platform.quirks.errmsg_hint:
            hint = f"{int(self.platform.now())}_{dice.randint(1, 400)}_{dice.getrandbits(128):032x}"
            errmsg = (
                f"{errmsg}, hint: [{hint}], from ip: {_ip(request)}, "
                f"more info at https://open.work.weixin.qq.com/devtool/query?e={refused.errcode}"
            )
        self._log(request, refused.errcode, refused.errmsg, started, refused.quirk)
        return JSONResponse({"errcode": refused.errcode, "errmsg": errmsg, **refused.more})

    def _log(
        self, request: Request, errcode: int | None, verdict: str, started: float, quirk: str = ""
    ) -> None:
        seconds = round(monotonic() - started, 3)
        facts = {"ip": _ip(request), "seconds": seconds, "quirk": quirk}
        self.platform.log(request.method, request.url.path, verdict, errcode, **facts)

    def _crowded(self, handle: Handle) -> Handle:
        """Sends meet the limit of concurrency, and some of them are answered only after the client gave up."""

        async def answer(request: Request) -> Answer | Response:
            quirks, dice = self.platform.quirks, self.platform.dice
            self._sends += 1
            crowd = quirks.burst_every + quirks.burst
            if quirks.burst and (self._sends - 1) % crowd >= quirks.burst_every:
                raise Refused(*CROWDED, "burst")
            self._sending += 1
            try:
                if 0 < quirks.concurrency_limit < self._sending:
                    raise Refused(*CROWDED, "concurrency_limit")
                result = await handle(request)
                if quirks.late_rate and dice.random() < quirks.late_rate:
                    self.platform.counts["late"] += 1
                    await anyio.sleep(quirks.late_seconds)
                    result = {**result, "_quirk": "late_rate"} if isinstance(result, dict) else result
                return result
            finally:
                self._sending -= 1

        return answer

    def _agent(self, request: Request) -> int:
        return self.platform.tokens.owner(request.query_params.get("access_token", ""))

    async def _body(self, request: Request) -> dict[str, Any]:
        return await json_body(request, self.platform.quirks)

    # The calls

    async def _get_token(self, request: Request) -> Answer | Response:
        fault = self.platform.quirks.gettoken_fault
        if fault == "hang":
            await anyio.sleep(self.platform.quirks.hang_seconds)
        elif fault:
            return HTMLResponse(PORTAL, 502 if fault == "502" else 200)
        query = request.query_params
        answer, remark = self.platform.tokens.get(query.get("corpid", ""), query.get("corpsecret", ""))
        return {**answer, "_remark": remark}

    async def _send(self, request: Request) -> Answer:
        agent_id = self._agent(request)
        body = await self._body(request)
        answer, remark = self.platform.messages.send(agent_id, body, await request.body())
        return {**answer, "_remark": remark}

    async def _update(self, request: Request) -> Answer:
        agent_id = self._agent(request)
        return self.platform.messages.update(agent_id, await self._body(request))

    async def _recall(self, request: Request) -> Answer:
        agent_id = self._agent(request)
        return self.platform.messages.recall(agent_id, str((await self._body(request)).get("msgid") or ""))

    async def _upload(self, request: Request) -> Answer:
        self._agent(request)
        name, body, content_type = await uploaded(request, self.platform.quirks.upload_field)
        return self.platform.media.add(request.query_params.get("type", ""), name, body, content_type)

    async def _download(self, request: Request) -> Response:
        self._agent(request)
        media = self.platform.media.get(request.query_params.get("media_id", ""))
        return media_response(media, self.platform.quirks, request.headers.get("range", ""))

    async def _signed_in(self, request: Request) -> Answer:
        self._agent(request)
        old_path = "/user/" in request.url.path
        return self.platform.sign_ins.user_of(request.query_params.get("code", ""), old_path=old_path)

    async def _user(self, request: Request) -> Answer:
        return self.platform.people.user(self._agent(request), request.query_params.get("userid", ""))

    async def _userid(self, request: Request) -> Answer:
        agent_id = self._agent(request)
        mobile = str((await self._body(request)).get("mobile") or "")
        return self.platform.people.userid_of(agent_id, mobile)

    async def _list_ids(self, request: Request) -> Answer:
        agent_id = self._agent(request)
        body = await self._body(request)
        limit = int(body["limit"]) if "limit" in body else 10_000
        return self.platform.people.ids(agent_id, str(body.get("cursor") or ""), limit)

    async def _simple_list(self, request: Request) -> Answer:
        query = request.query_params
        whole = query.get("fetch_child") == "1"
        return self.platform.people.simple_list(self._agent(request), query["department_id"], whole=whole)

    async def _departments(self, request: Request) -> Answer:
        simple = request.url.path.endswith("simplelist")
        under = request.query_params.get("id", "")
        return self.platform.people.department_list(self._agent(request), under, simple=simple)

    async def _create_menu(self, request: Request) -> Answer:
        agent_id = self._menu_agent(request)
        self.platform.version += 1
        return self.platform.menus.create(agent_id, await self._body(request))

    async def _get_menu(self, request: Request) -> Answer:
        return self.platform.menus.get(self._menu_agent(request))

    async def _delete_menu(self, request: Request) -> Answer:
        self.platform.version += 1
        return self.platform.menus.delete(self._menu_agent(request))

    def _menu_agent(self, request: Request) -> int:
        agent_id = self._agent(request)
        if request.query_params.get("agentid") != str(agent_id):
            raise Refused(301002, "not allow operate another agent with this accesstoken")
        return agent_id

    async def _addresses(self, request: Request) -> Answer:
        self._agent(request)
        return {"ip_list": ["127.0.0.1"]}


def _ip(request: Request) -> str:
    return request.client.host if request.client else "127.0.0.1"
