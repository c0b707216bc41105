"""The fake WeCom as an ASGI application: the platform's endpoints, the virtual phones and their JSON API."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import anyio
from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import (
    FileResponse,
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from reviewbot.simulator.callbacks import (
    Agent,
    Hand,
    Member,
    Outcome,
    Pusher,
    Quirks,
    Refused,
    SimulatorConfig,
)
from reviewbot.simulator.platform import Answer, Media, Platform

__all__ = ["Agent", "Member", "Quirks", "SimulatorConfig", "create_simulator"]

PHONES = Path(__file__).parent / "phones"
COOKIE = "sim_phone"
STREAM_SECONDS = 15.0  # one event stream; the page opens the next, and a server can stop in between
Handler = Callable[[Request], Awaitable[Response]]


def create_simulator(config: SimulatorConfig, more: Sequence[Route] = ()) -> Starlette:
    platform = Platform(config)
    api = Api(platform)
    phones = Phones(platform, Pusher(config, platform.log))
    app = Starlette(
        routes=[
            *api.routes(),
            *phones.routes(),
            *more,
            Mount("/phones", StaticFiles(directory=PHONES)),
            Route("/{path:path}", unknown, methods=["GET", "POST", "PUT", "DELETE"]),
        ]
    )
    app.state.platform = platform
    return app


async def unknown(request: Request) -> Response:
    return JSONResponse({"errcode": -1, "errmsg": "unknown path"}, status_code=404)


class Api:
    """What the real platform offers to programs, and its sign-in pages."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform

    def routes(self) -> list[Route]:
        get, post = ["GET"], ["POST"]
        calls: list[tuple[str, list[str], Callable[[Request], Awaitable[Answer | Response]]]] = [
            ("/cgi-bin/gettoken", get, self._get_token),
            ("/cgi-bin/message/send", post, self._send),
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

    def _answering(self, handle: Callable[[Request], Awaitable[Answer | Response]]) -> Handler:
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
        name, body, content_type = await _uploaded(request, "media")
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
            return _page("choose.html")
        added = urlencode({"code": self.platform.new_sign_in(userid), "state": query.get("state", "")})
        joined = "&".join(part for part in (target.query, added) if part)
        answer = RedirectResponse(target._replace(query=joined).geturl(), status_code=302)
        return _remember(answer, userid)


class Phones:
    """The virtual phones: what members see and do, and the console around them."""

    def __init__(self, platform: Platform, pusher: Pusher) -> None:
        self.platform = platform
        self.pusher = pusher
        self.hand = Hand(platform, pusher)

    def routes(self) -> list[Route]:
        post = ["POST"]
        one = "/sim/phones/{userid}"
        return [
            Route("/", _serving("index.html")),
            Route("/phone/{userid}", self._phone_page),
            Route("/sim/behaviours", _serving("behaviours.html")),
            Route("/sim/phones", self._list),
            Route(one + "/messages", self._messages),
            Route(one + "/text", self._acting(self._text), methods=post),
            Route(one + "/press", self._acting(self._press), methods=post),
            Route(one + "/photo", self._acting(self._photo), methods=post),
            Route(one + "/enter", self._acting(self._enter), methods=post),
            Route(one + "/open", self._open_link),
            Route("/sim/media/{media_id}", self._show_media),
            Route("/sim/events", self._events),
            Route("/sim/members", self._set_members, methods=post),
            Route("/sim/requests", self._requests),
            Route("/sim/status", self._status),
            Route("/sim/quirks", self._set_quirks, methods=post),
            Route("/sim/verify", self._verify, methods=post),
        ]

    def _acting(self, act: Callable[[Request, Member], Awaitable[Outcome]]) -> Handler:
        async def answer(request: Request) -> Response:
            member = self.platform.member(request.path_params["userid"])
            if member is None:
                return JSONResponse({"delivered": False, "status": "没有这个成员"}, status_code=404)
            try:
                outcome = await act(request, member)
            except Refused as exc:
                return JSONResponse({"delivered": False, "status": exc.errmsg}, status_code=exc.errcode)
            except (TypeError, ValueError, AttributeError):
                return JSONResponse({"delivered": False, "status": "请求无法解读"}, status_code=400)
            return JSONResponse({"delivered": outcome.delivered, "status": outcome.status})

        return answer

    async def _text(self, request: Request, member: Member) -> Outcome:
        return await self.hand.say(member, str((await request.json()).get("content") or ""))

    async def _photo(self, request: Request, member: Member) -> Outcome:
        return await self.hand.photo(member, str(request.base_url), *await _uploaded(request, ""))

    async def _press(self, request: Request, member: Member) -> Outcome:
        body = await request.json()
        task_id, key = str(body.get("task_id") or ""), str(body.get("key") or "")
        return await self.hand.press(member, task_id, key, dict(body.get("selected") or {}))

    async def _enter(self, request: Request, member: Member) -> Outcome:
        return await self.hand.enter(member)

    # Pages and console

    async def _phone_page(self, request: Request) -> Response:
        member = self.platform.member(request.path_params["userid"])
        if member is None:
            return PlainTextResponse("没有这个成员", status_code=404)
        return _remember(_page("phone.html"), member.userid)

    async def _list(self, request: Request) -> Response:
        members = [
            {**asdict(m), "unread": self.platform.unread(m.userid)} for m in self.platform.members.values()
        ]
        return JSONResponse(
            {"version": self.platform.version, "agent": self._agent_facts(), "members": members}
        )

    def _agent_facts(self) -> Answer:
        agent = self.platform.config.agents[0]
        return {"agent_id": agent.agent_id, "name": agent.name, "home_url": agent.home_url}

    async def _messages(self, request: Request) -> Response:
        member = self.platform.member(request.path_params["userid"])
        if member is None:
            return JSONResponse({"errcode": -1, "errmsg": "没有这个成员"}, status_code=404)
        if request.query_params.get("read"):
            self.platform.mark_read(member.userid)
        messages = [asdict(message) for message in self.platform.inbox(member.userid)]
        facts = {"member": asdict(member), "agent": self._agent_facts(), "version": self.platform.version}
        return JSONResponse({**facts, "messages": messages})

    async def _open_link(self, request: Request) -> Response:
        """A link on a phone is opened with that phone's identity."""
        url = request.query_params.get("url", "")
        if urlsplit(url).scheme not in ("http", "https"):
            return PlainTextResponse("这个链接不能打开", status_code=400)
        # A phone has cookies of its own; the visitor's one browser has not, so the bot is asked to look again.
        home = self.platform.config.agents[0].home_url
        if home and url.startswith(home + "/"):
            url = f"{home}/login?{urlencode({'next': url[len(home) :]})}"
        return _remember(RedirectResponse(url, status_code=302), request.path_params["userid"])

    async def _show_media(self, request: Request) -> Response:
        media = self.platform.media.get(request.path_params["media_id"])
        if media is None:
            return await unknown(request)
        return media_response(media, "inline" if media.kind == "image" else "attachment", "")

    async def _events(self, request: Request) -> Response:
        async def stream() -> AsyncIterator[str]:
            seen, until = -1, anyio.current_time() + STREAM_SECONDS
            yield "retry: 500\n\n"
            while anyio.current_time() < until and not await request.is_disconnected():
                if seen != self.platform.version:
                    seen = self.platform.version
                    yield f"data: {seen}\n\n"
                await anyio.sleep(0.25)

        return StreamingResponse(
            stream(), media_type="text/event-stream", headers={"Cache-Control": "no-store"}
        )

    async def _set_members(self, request: Request) -> Response:
        names = {field.name for field in fields(Member)}
        try:
            rows: Iterable[Mapping[str, Any]] = await request.json()
            members = [Member(**{k: str(v) for k, v in row.items() if k in names}) for row in rows]
        except (TypeError, ValueError, AttributeError):
            return JSONResponse({"errcode": -1, "errmsg": "成员列表无法解读"}, status_code=400)
        self.platform.set_members(members)
        return JSONResponse({"errcode": 0, "members": len(members)})

    async def _requests(self, request: Request) -> Response:
        return JSONResponse({"requests": list(self.platform.requests)})

    async def _status(self, request: Request) -> Response:
        platform = self.platform
        facts = {"now": platform.now(), "members": len(platform.members), "version": platform.version}
        callback = bool(platform.config.callback_url)
        return JSONResponse(
            {
                **facts,
                "callback": callback,
                "counts": dict(platform.counts),
                "quirks": asdict(platform.quirks),
            }
        )

    async def _set_quirks(self, request: Request) -> Response:
        try:
            changes = dict(await request.json())
            checked = asdict(Quirks(**changes))
        except (TypeError, ValueError):
            return JSONResponse({"errcode": -1, "errmsg": "没有这个开关"}, status_code=400)
        for name in changes:
            setattr(self.platform.quirks, name, checked[name])
        return JSONResponse({"errcode": 0, "quirks": asdict(self.platform.quirks)})

    async def _verify(self, request: Request) -> Response:
        outcome = await self.pusher.verify()
        return JSONResponse({"delivered": outcome.delivered, "status": outcome.status})


async def _uploaded(request: Request, field: str) -> tuple[str, bytes, str]:
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


def _remember(response: Response, userid: str) -> Response:
    response.set_cookie(COOKIE, userid, httponly=True, samesite="lax")
    return response


def _page(name: str) -> Response:
    return FileResponse(PHONES / name, headers={"Cache-Control": "no-store"})


def _serving(name: str) -> Handler:
    async def serve(request: Request) -> Response:
        return _page(name)

    return serve
