"""Carries sealed events to the application, three times if need be, and opens what it answers."""

import asyncio
import random
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import anyio
import requests
from anyio import to_thread

from reviewbot.simulator.config import SimulatorConfig
from reviewbot.simulator.crypto import CallbackCrypto, CryptoError, open_reply
from reviewbot.simulator.events import cdata

TIMEOUT = "处理超时"
MAX_REPLY_BYTES = 1 << 20


@dataclass(frozen=True)
class Outcome:
    """What came of a push; ``reply`` is the opened passive answer, None if there was none."""

    delivered: bool
    status: str
    reply: dict[str, Any] | None = None


class Pusher:
    """Seals an event and posts it, three times if need be, as the platform does."""

    def __init__(self, config: SimulatorConfig, log: Callable[..., None]) -> None:
        self._config = config
        self._log = log
        self._dice = random.Random(config.seed + 1)
        self._copies: set[asyncio.Task[None]] = set()
        self._crypto = (
            CallbackCrypto(config.callback_token, config.callback_aes_key, config.corp_id)
            if config.callback_aes_key
            else None
        )

    async def push(self, agent_id: int, plaintext: str) -> Outcome:
        """Deliver an event; further copies of it travel by themselves, and any of them may arrive first."""
        if self._crypto is None or not self._config.callback_url:
            return Outcome(False, "没有配置回调地址")
        for _ in range(1, self._config.quirks.callback_copies):
            self._aside(self._copy(self._crypto, agent_id, plaintext))
        return await self._deliver(self._crypto, agent_id, plaintext)

    def _aside(self, errand: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(errand)
        self._copies.add(task)
        task.add_done_callback(self._copies.discard)

    async def _copy(self, crypto: CallbackCrypto, agent_id: int, plaintext: str) -> None:
        await self._deliver(crypto, agent_id, plaintext)

    async def _deliver(self, crypto: CallbackCrypto, agent_id: int, plaintext: str) -> Outcome:
        quirks = self._config.quirks
        if quirks.callback_reorder > 0:
            await anyio.sleep(self._dice.uniform(0, quirks.callback_reorder))
        sealed: tuple[str, bytes] | None = None
        for attempt in range(1, quirks.callback_tries + 1):
            if sealed is None or quirks.retry_fresh_ciphertext:
                sealed = self._seal(crypto, agent_id, plaintext)
            verdict, body = await self._call("POST", *sealed)
            if body is None:
                self._log("PUSH", "callback", verdict, attempt=attempt)
                continue
            outcome = self._read(crypto, body)
            self._log("PUSH", "callback", outcome.status, attempt=attempt)
            return outcome
        return Outcome(False, TIMEOUT)

    async def verify(self) -> Outcome:
        """The URL check the console makes when the address is saved."""
        if self._crypto is None or not self._config.callback_url:
            return Outcome(False, "没有配置回调地址")
        echo = str(self._dice.getrandbits(62))
        query = self._query(self._crypto, encrypted := self._crypto.encrypt(echo))
        url = self._with_query({**query, "echostr": encrypted})
        verdict, body = await self._call("GET", url, b"")
        if body is None:
            return Outcome(False, verdict)
        return Outcome(True, "验证通过") if body == echo.encode() else Outcome(False, "echostr 校验失败")

    def _seal(self, crypto: CallbackCrypto, agent_id: int, plaintext: str) -> tuple[str, bytes]:
        encrypted = crypto.encrypt(plaintext)
        corp, agent = self._config.corp_id, str(agent_id)
        if self._config.quirks.callback_cdata:
            corp, agent, wrapped = cdata(corp), cdata(agent), cdata(encrypted)
        else:
            wrapped = f"\n  {encrypted}\n"
        receiver = f"<ToUserName>{corp}</ToUserName><AgentID>{agent}</AgentID>"
        body = f"<xml>{receiver}<Encrypt>{wrapped}</Encrypt></xml>"
        return self._with_query(self._query(crypto, encrypted)), body.encode()

    def _query(self, crypto: CallbackCrypto, encrypted: str) -> dict[str, str]:
        timestamp, nonce = str(int(self._config.now())), str(self._dice.randrange(10**9, 10**10))
        signature = crypto.signature(timestamp, nonce, encrypted)
        return {"msg_signature": signature, "timestamp": timestamp, "nonce": nonce}

    def _with_query(self, query: Mapping[str, str]) -> str:
        url = self._config.callback_url
        return f"{url}{'&' if '?' in url else '?'}{urlencode(query)}"

    async def _call(self, method: str, url: str, body: bytes) -> tuple[str, bytes | None]:
        limit = self._config.quirks.callback_timeout_seconds
        try:
            with anyio.fail_after(limit):
                return await to_thread.run_sync(_http, method, url, body, limit, abandon_on_cancel=True)
        except TimeoutError:
            return f"超过 {limit:g} 秒未应答", None

    def _read(self, crypto: CallbackCrypto, body: bytes) -> Outcome:
        text = body.strip()
        if text in (b"", b"success"):
            return Outcome(True, "ok")
        try:
            reply = open_reply(crypto, text)
        except (CryptoError, ValueError, KeyError, TypeError) as exc:
            return Outcome(False, f"应答无法解读（{type(exc).__name__}）")
        return Outcome(True, "ok", reply)


def _http(method: str, url: str, body: bytes, limit: float) -> tuple[str, bytes | None]:
    """One exchange; the socket is closed as soon as the time is over, whatever has arrived by then."""
    deadline = time.monotonic() + limit
    content = b""
    with requests.Session() as session:
        session.trust_env = False  # a proxy of the environment must not stand between two local programs
        headers = {"Content-Type": "text/xml", "User-Agent": "Mozilla/4.0"}
        try:
            with session.request(
                method, url, data=body, headers=headers, timeout=limit, stream=True, allow_redirects=False
            ) as response:
                for chunk in response.iter_content(1 << 16):
                    content += chunk
                    if len(content) > MAX_REPLY_BYTES or time.monotonic() > deadline:
                        break
        except (requests.RequestException, OSError) as exc:
            return f"无法送达（{type(exc).__name__}）", None
    if response.status_code != 200 or len(content) > MAX_REPLY_BYTES:
        return f"应答 HTTP {response.status_code}", None
    return "ok", content
