"""What the Official Account offers to programs, and its followers' phones (Q22)."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from reviewbot.simulator.config import Answer, Refused
from reviewbot.simulator.doors.answers import Handler, json_body, serving
from reviewbot.simulator.platform import Platform


class AccountDoor:
    def __init__(self, platform: Platform) -> None:
        self.platform = platform

    def routes(self) -> list[Route]:
        post = ["POST"]
        answering = self._answering
        return [
            Route("/cgi-bin/token", answering(self._token)),
            Route("/cgi-bin/stable_token", answering(self._stable_token), methods=post),
            Route("/cgi-bin/message/subscribe/bizsend", answering(self._send), methods=post),
            Route("/sns/oauth2/access_token", answering(self._signed_in)),
            Route("/account", serving("account.html")),
            Route("/sim/account", self._state),
            Route("/sim/account/follow", answering(self._follow), methods=post),
            Route("/sim/account/subscribe", answering(self._subscribe), methods=post),
        ]

    def _answering(self, handle: Callable[[Request], Awaitable[Answer]]) -> Handler:
        async def answer(request: Request) -> Response:
            platform = self.platform
            try:
                result = await handle(request)
            except Refused as wrong:
                platform.log(request.method, request.url.path, wrong.errmsg, wrong.errcode, quirk=wrong.quirk)
                rid = f"{int(platform.now()):08x}-{platform.dice.getrandbits(32):08x}"
                return JSONResponse({"errcode": wrong.errcode, "errmsg": f"{wrong.errmsg} rid: {rid}"})
            except (TypeError, ValueError, AttributeError, KeyError):
                platform.log(request.method, request.url.path, "data format error", 47001)
                return JSONResponse({"errcode": 47001, "errmsg": "data format error"})
            platform.log(request.method, request.url.path, "ok", 0)
            platform.version += 1
            return JSONResponse(result)

        return answer

    async def _token(self, request: Request) -> Answer:
        return self.platform.accounts.token(request.query_params)

    async def _stable_token(self, request: Request) -> Answer:
        return self.platform.accounts.stable_token(await self._body(request))

    async def _signed_in(self, request: Request) -> Answer:
        return self.platform.accounts.signed_in(request.query_params)

    async def _send(self, request: Request) -> Answer:
        token = request.query_params.get("access_token", "")
        done = self.platform.accounts.send(token, await self._body(request))
        return {"errcode": 0, "errmsg": "ok", **done}

    async def _body(self, request: Request) -> dict[str, Any]:
        return await json_body(request, self.platform.quirks)

    # The followers' side

    async def _state(self, request: Request) -> Response:
        accounts = self.platform.accounts
        consents = [
            {"openid": openid, "template_id": template, "count": count}
            for (openid, template), count in accounts.consents.items()
        ]
        return JSONResponse(
            {
                "version": self.platform.version,
                "app_id": accounts.app_id,
                "followers": accounts.followers,
                "templates": {name: list(fields) for name, fields in accounts.templates.items()},
                "consents": consents,
                "notices": [asdict(notice) for notice in accounts.notices],
            }
        )

    async def _follow(self, request: Request) -> Answer:
        body = await self._body(request)
        self.platform.accounts.follow(str(body["openid"]), body.get("name"))
        return {"errcode": 0}

    async def _subscribe(self, request: Request) -> Answer:
        body = await self._body(request)
        accounts = self.platform.accounts
        act = accounts.subscribe if body.get("agree", True) else accounts.unsubscribe
        act(str(body["openid"]), str(body["template_id"]))
        return {"errcode": 0}
