"""The virtual phones: what members see and do."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import asdict
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

from reviewbot.simulator.config import Member, Refused
from reviewbot.simulator.doors.answers import (
    Handler,
    media_response,
    page,
    remember,
    serving,
    unknown,
    uploaded,
)
from reviewbot.simulator.hand import Hand
from reviewbot.simulator.platform import Answer, Platform
from reviewbot.simulator.pushing import Outcome, Pusher

STREAM_SECONDS = 15.0  # one event stream; the page opens the next, and a server can stop in between


class Phones:
    def __init__(self, platform: Platform, pusher: Pusher) -> None:
        self.platform = platform
        self.hand = Hand(platform, pusher)

    def routes(self) -> list[Route]:
        post = ["POST"]
        one = "/sim/phones/{userid}"
        return [
            Route("/", serving("index.html")),
            Route("/phone/{userid}", self._phone_page),
            Route("/sim/phones", self._list),
            Route(one + "/messages", self._messages),
            Route(one + "/text", self._acting(self._text), methods=post),
            Route(one + "/press", self._acting(self._press), methods=post),
            Route(one + "/photo", self._acting(self._photo), methods=post),
            Route(one + "/enter", self._acting(self._enter), methods=post),
            Route(one + "/open", self._open_link),
            Route("/sim/media/{media_id}", self._show_media),
            Route("/sim/events", self._events),
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
        return await self.hand.photo(member, str(request.base_url), *await uploaded(request, ""))

    async def _press(self, request: Request, member: Member) -> Outcome:
        body = await request.json()
        task_id, key = str(body.get("task_id") or ""), str(body.get("key") or "")
        return await self.hand.press(member, task_id, key, dict(body.get("selected") or {}))

    async def _enter(self, request: Request, member: Member) -> Outcome:
        return await self.hand.enter(member)

    async def _phone_page(self, request: Request) -> Response:
        member = self.platform.member(request.path_params["userid"])
        if member is None:
            return PlainTextResponse("没有这个成员", status_code=404)
        return remember(page("phone.html"), member.userid)

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
        return remember(RedirectResponse(url, status_code=302), request.path_params["userid"])

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
