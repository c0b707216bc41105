"""The platform's sign-in pages: inside the app the phone answers by itself, a scan always asks (Q19).

The same address serves the Official Account, whose readers are no members: its page always asks who it is (Q22).
"""

from urllib.parse import urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from reviewbot.simulator.doors.answers import COOKIE, page, remember
from reviewbot.simulator.platform import Platform


class Login:
    def __init__(self, platform: Platform) -> None:
        self.platform = platform

    def routes(self) -> list[Route]:
        return [
            Route("/connect/oauth2/authorize", self._authorize),
            Route("/wwopen/sso/qrConnect", self._authorize),
        ]

    async def _authorize(self, request: Request) -> Response:
        query = request.query_params
        target = urlsplit(query.get("redirect_uri", ""))
        of_account = query.get("appid") == self.platform.accounts.app_id != ""
        if query.get("appid") != self.platform.config.corp_id and not of_account:
            return PlainTextResponse("企业 ID 不正确（40013）", status_code=400)
        trusted = self.platform.quirks.trusted_hosts
        if target.scheme not in ("http", "https") or (trusted and target.netloc not in trusted):
            return PlainTextResponse("redirect_uri 与可信域名不一致（50001）", status_code=400)
        if of_account:
            openid = query.get("as", "")
            return (
                self._back(request, self.platform.accounts.new_code(openid))
                if openid
                else page("choose.html")
            )
        chosen = query.get("as", "")
        asks = request.url.path.endswith("qrConnect") or "choose" in query
        userid = chosen or ("" if asks else request.cookies.get(COOKIE, ""))
        if not userid or (not chosen and self.platform.people.find(userid) is None):
            return page("choose.html")
        private = query.get("scope") == "snsapi_privateinfo"
        code = self.platform.sign_ins.new_code(userid, private=private)
        return remember(self._back(request, code), userid)

    def _back(self, request: Request, code: str) -> Response:
        """To the bot, which exchanges the code."""
        target = urlsplit(request.query_params["redirect_uri"])
        added = urlencode({"code": code, "state": request.query_params.get("state", "")})
        joined = "&".join(part for part in (target.query, added) if part)
        return RedirectResponse(target._replace(query=joined).geturl(), status_code=302)
