"""The console around the phones: switches, members, the request log and what stands behind each behaviour."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from reviewbot.simulator.config import Member
from reviewbot.simulator.doors.answers import serving
from reviewbot.simulator.platform import Platform
from reviewbot.simulator.pushing import Pusher
from reviewbot.simulator.quirks import set_quirks


class Console:
    def __init__(self, platform: Platform, pusher: Pusher) -> None:
        self.platform = platform
        self.pusher = pusher

    def routes(self) -> list[Route]:
        post = ["POST"]
        return [
            Route("/sim/behaviours", serving("behaviours.html")),
            Route("/sim/members", self._set_members, methods=post),
            Route("/sim/requests", self._requests),
            Route("/sim/status", self._status),
            Route("/sim/quirks", self._set_quirks, methods=post),
            Route("/sim/verify", self._verify, methods=post),
        ]

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
            set_quirks(self.platform.quirks, dict(await request.json()))
        except (TypeError, ValueError) as wrong:
            return JSONResponse({"errcode": -1, "errmsg": str(wrong)}, status_code=400)
        return JSONResponse({"errcode": 0, "quirks": asdict(self.platform.quirks)})

    async def _verify(self, request: Request) -> Response:
        outcome = await self.pusher.verify()
        return JSONResponse({"delivered": outcome.delivered, "status": outcome.status})
