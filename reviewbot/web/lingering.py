"""Answer a sender who is still writing so that he reads the answer: listen on for a while before the line is closed.

A line that is closed while bytes are on their way is reset, and many a client then tells of a broken connection where
it was told 413. Others read only once they have written everything. So the answer goes out at once, marked as the last
one of its connection, and what still comes is read and thrown away, within bounds.
"""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BYTES = 64 * 1024 * 1024
MOST_SECONDS = 15.0


class Lingering:
    """Around the whole application; it does nothing where a request was read to its end or never had a body."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _has_body(scope):
            await self._app(scope, receive, send)
            return
        reading = True

        async def heard() -> Message:
            nonlocal reading
            message = await receive()
            reading = message.get("more_body", False)
            return message

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start" and reading:
                message["headers"] = [*message.get("headers", ()), (b"connection", b"close")]
            last = message["type"] == "http.response.body" and not message.get("more_body", False)
            if not (last and reading):
                await send(message)
                return
            await send({**message, "more_body": True})
            await _hear_out(heard)
            await send({"type": "http.response.body"})

        await self._app(scope, heard, told)


def _has_body(scope: Scope) -> bool:
    return any(
        name == b"transfer-encoding" or (name == b"content-length" and value != b"0")
        for name, value in scope["headers"]
    )


async def _hear_out(receive: Receive) -> None:
    left = MOST_BYTES
    try:
        async with asyncio.timeout(MOST_SECONDS):
            while left > 0:
                message = await receive()
                left -= len(message.get("body", b""))
                if not message.get("more_body", False):
                    return
    except TimeoutError:
        return
