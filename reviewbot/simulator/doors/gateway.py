"""What stands before a private deployment: a path in front of every path, and a header of its own (Q21)."""

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from reviewbot.simulator.quirks import Quirks

PLATFORM = ("/cgi-bin/", "/connect/", "/wwopen/")


class Gateway:
    """The platform's own paths pass it; the virtual phones and the console are no part of the platform."""

    def __init__(self, app: ASGIApp, quirks: Quirks) -> None:
        self.app = app
        self._quirks = quirks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            prefix, path = self._quirks.path_prefix.rstrip("/"), scope["path"]
            inner = path.removeprefix(prefix) if prefix and path.startswith(prefix + "/") else path
            if inner.startswith(PLATFORM):
                if prefix and inner == path:
                    await PlainTextResponse("no such path", 404)(scope, receive, send)
                    return
                if inner.startswith("/cgi-bin/") and not self._has_header(scope):
                    await PlainTextResponse("gateway: header required", 403)(scope, receive, send)
                    return
                scope = {**scope, "path": inner, "raw_path": inner.encode()}
        await self.app(scope, receive, send)

    def _has_header(self, scope: Scope) -> bool:
        name, _, value = self._quirks.required_header.partition(":")
        wanted = (name.strip().lower().encode(), value.strip().encode())
        return not name or wanted in scope["headers"]
