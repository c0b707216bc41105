"""The virtual phones: what members see and do (Q10, Q11)."""

import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import asdict
from typing import Any
from urllib.parse import urlencode, urlsplit

import anyio
from starlette.requests import Request
from starlette.responses import (
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import Route

from reviewbot.simulator.config import Answer, Member, Refused
from reviewbot.simulator.doors.answers import (
    Handler,
    page,
    remember,
    serving,
    shown_media,
    unknown,
    uploaded,
)
from reviewbot.simulator.hand import Hand
from reviewbot.simulator.platform import Platform
from reviewbot.simulator.pushing import Outcome

STREAM_SECONDS = 15.0  # one event stream; the page opens the next, and a server can stop in between
Act = Callable[[Request, Member], Awaitable[Outcome]]


class Phones:
    def __init__(self, platform: Platform, hand: Hand) -> None:
        self.platform = platform
        self.hand = hand

    def routes(self) -> list[Route]:
        one = "/sim/phones/{userid}"
        acts: dict[str, Act] = {
            "text": self._text,
            "press": self._press,
            "photo": self._photo,
            "voice": self._voice,
            "video": self._video,
            "location": self._location,
            "menu": self._menu,
            "enter": self._enter,
        }
        return [
            Route("/", serving("index.html")),
            Route("/phone/{userid}", self._phone_page),
            Route("/sim/phones", self._list),
            Route(one + "/messages", self._messages),
            *(Route(f"{one}/{name}", self._acting(act), methods=["POST"]) for name, act in acts.items()),
            Route(one + "/reader", self._set_reader, methods=["POST"]),
            Route(one + "/open", self._open_link),
            Route("/sim/media/{media_id}", self._show_media),
            Route("/sim/events", self._events),
        ]

    def _acting(self, act: Act) -> Handler:
        async def answer(request: Request) -> Response:
            member = self.platform.people.find(request.path_params["userid"])
            if member is None:
                return JSONResponse({"delivered": False, "status": "没有这个成员"}, status_code=404)
            try:
                outcome = await act(request, member)
            except Refused as exc:
                return JSONResponse({"delivered": False, "status": exc.errmsg}, status_code=exc.errcode)
            except (TypeError, ValueError, AttributeError, KeyError):
                return JSONResponse({"delivered": False, "status": "请求无法解读"}, status_code=400)
            return JSONResponse({"delivered": outcome.delivered, "status": outcome.status})

        return answer

    async def _text(self, request: Request, member: Member) -> Outcome:
        return await self.hand.say(member, str((await request.json()).get("content") or ""))

    async def _photo(self, request: Request, member: Member) -> Outcome:
        return await self.hand.photo(member, str(request.base_url), *await uploaded(request, ""))

    async def _voice(self, request: Request, member: Member) -> Outcome:
        """JSON with what is said and for how long, or an uploaded AMR file."""
        if request.headers.get("content-type", "").startswith("multipart/"):
            _, body, _ = await uploaded(request, "")
            return await self.hand.voice(member, "", len(body) // 650, body)
        told = await request.json()
        words = str(told.get("words") or "")
        return await self.hand.voice(member, words, int(told.get("seconds") or max(1, len(words) // 4)))

    async def _video(self, request: Request, member: Member) -> Outcome:
        name, body, _ = await uploaded(request, "")
        return await self.hand.video(member, name, body)

    async def _location(self, request: Request, member: Member) -> Outcome:
        told = await request.json()
        where = (float(told["latitude"]), float(told["longitude"]))
        return await self.hand.location(member, *where, str(told.get("label") or ""))

    async def _menu(self, request: Request, member: Member) -> Outcome:
        """``path`` is the place on the bar and the place above it; a picture comes as base64."""
        told = dict(await request.json())
        photo = base64.b64decode(str(told.pop("photo", "")).partition("base64,")[2] or b"")
        path = [int(place) for place in told.pop("path")]
        return await self.hand.menu(member, str(request.base_url), path, {**told, "photo": photo})

    async def _press(self, request: Request, member: Member) -> Outcome:
        body = await request.json()
        task_id, key = str(body.get("task_id") or ""), str(body.get("key") or "")
        return await self.hand.press(member, task_id, key, dict(body.get("selected") or {}))

    async def _enter(self, request: Request, member: Member) -> Outcome:
        return await self.hand.enter(member)

    # Looking

    async def _phone_page(self, request: Request) -> Response:
        member = self.platform.people.find(request.path_params["userid"])
        if member is None:
            return PlainTextResponse("没有这个成员", status_code=404)
        return remember(page("phone.html"), member.userid)

    async def _list(self, request: Request) -> Response:
        unread = self.platform.unread
        members = [
            self._public(m) | {"unread": unread(m.userid)} for m in self.platform.people.members.values()
        ]
        return JSONResponse(
            {"version": self.platform.version, "agent": self._agent_facts(), "members": members}
        )

    def _public(self, member: Member) -> Answer:
        return {name: value for name, value in asdict(member).items() if name != "mobile"}

    def _agent_facts(self) -> Answer:
        agent = self.platform.config.agents[0]
        menu = self.platform.menus.buttons(agent.agent_id)
        return {"agent_id": agent.agent_id, "name": agent.name, "home_url": agent.home_url, "menu": menu}

    async def _messages(self, request: Request) -> Response:
        member = self.platform.people.find(request.path_params["userid"])
        if member is None:
            return JSONResponse({"errcode": -1, "errmsg": "没有这个成员"}, status_code=404)
        if request.query_params.get("read"):
            self.platform.mark_read(member.userid)
        in_plugin = self.hand.in_plugin(member)
        messages = []
        for message in self.platform.inbox(member.userid):
            kind, content = self.hand.shown(member, message)
            stays = message.recalled and not in_plugin  # a recall does not reach the plugin
            messages.append(asdict(message) | {"kind": kind, "content": content, "recalled": stays})
        facts: dict[str, Any] = {
            "member": self._public(member),
            "reader": "plugin" if in_plugin else "wecom",
            "agent": self._agent_facts(),
            "version": self.platform.version,
        }
        return JSONResponse({**facts, "messages": messages})

    async def _set_reader(self, request: Request) -> Response:
        """Whether this member reads in the WeCom client or in the WeChat plugin."""
        userid = request.path_params["userid"].lower()
        reader = (await request.json()).get("reader")
        if reader not in ("wecom", "plugin") or self.platform.people.find(userid) is None:
            return JSONResponse({"errcode": -1, "errmsg": "reader 是 wecom 或 plugin"}, status_code=400)
        others = [name for name in self.platform.quirks.plugin_readers if name.lower() not in (userid, "*")]
        self.platform.set_quirks({"plugin_readers": others + ([userid] if reader == "plugin" else [])})
        self.platform.version += 1
        return JSONResponse({"errcode": 0, "reader": reader})

    async def _open_link(self, request: Request) -> Response:
        """A link on a phone is opened with that phone's identity."""
        url = request.query_params.get("url", "")
        if urlsplit(url).scheme not in ("http", "https"):
            return PlainTextResponse("这个链接不能打开", status_code=400)
        # A phone has cookies of its own; the visitor's one browser has not, so the bot is asked to look again.
        agent = self.platform.config.agents[0]
        home = agent.home_url
        if home and agent.login_path and url.startswith(home + "/"):
            url = f"{home}{agent.login_path}?{urlencode({'next': url[len(home) :]})}"
        return remember(RedirectResponse(url, status_code=302), request.path_params["userid"])

    async def _show_media(self, request: Request) -> Response:
        media = self.platform.media.peek(request.path_params["media_id"])
        return await unknown(request) if media is None else shown_media(media)

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
