"""Carries sealed events to the application, three times if need be, and opens what it answers (Q13, Q14)."""

import asyncio
import itertools
import random
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import anyio
import requests
from anyio import to_thread
from urllib3.exceptions import ProtocolError

from reviewbot.simulator.config import CONTACTS, SimulatorConfig
from reviewbot.simulator.crypto import CallbackCrypto, CryptoError, open_reply
from reviewbot.simulator.events import Event
from reviewbot.simulator.sealing import Letter, Sealer
from reviewbot.simulator.times import PlatformClock

TIMEOUT = "处理超时"
NO_ADDRESS = "没有配置回调地址"
MAX_REPLY_BYTES, CHUNK = 1 << 20, 1 << 16
PATIENT_SECONDS = 60.0
"""How long the socket of a slow try stays open while the next one runs."""
THREADS = 200


@dataclass(frozen=True)
class Outcome:
    """What came of a push; ``reply`` is the opened passive answer, None if there was none."""

    delivered: bool
    status: str
    reply: dict[str, Any] | None = None


@dataclass(frozen=True)
class Exchange:
    """One try: ``status`` is None where no answer came; ``verdict`` says what is to be said of it."""

    verdict: str
    status: int | None = None
    body: bytes = b""
    seconds: float = 0.0


class Pusher:
    """Seals an event and posts it, three times if need be, as the platform does."""

    def __init__(self, config: SimulatorConfig, now: PlatformClock, log: Callable[..., None]) -> None:
        self._config = config
        self._now = now
        self._log = log
        self._dice = random.Random(config.seed + 1)
        self._aside: set[asyncio.Task[Any]] = set()
        self._count = itertools.count(1)
        self._threads = anyio.CapacityLimiter(THREADS)
        self.last: Letter | None = None
        self.after: list[Callable[[int, Event], Coroutine[Any, Any, Any] | None]] = []
        """What may follow the n-th callback of an app: see ``odd_callback_every`` and ``attack_every``."""
        self.app = Sealer(config, config.callback, now, self._dice) if config.callback else None
        contacts = config.contact_callback
        self.contacts = Sealer(config, contacts, now, self._dice) if contacts else None

    async def push(self, agent_id: int, told: Event, *, alone: bool = False) -> Outcome:
        """Deliver an event; further copies of it travel by themselves, and any of them may arrive first.

        ``alone``: nothing follows it, whatever the switches say.
        """
        sealer = self.contacts if agent_id == CONTACTS else self.app
        if sealer is None:
            return Outcome(False, NO_ADDRESS)
        plaintext = sealer.plaintext(told)
        for _ in range(1, self._config.quirks.callback_copies):
            self.aside(self._deliver(sealer, agent_id, told, plaintext))
        outcome = await self._deliver(sealer, agent_id, told, plaintext)
        number = 0 if alone else next(self._count)
        for follow in self.after if number else ():
            if (errand := follow(number, told)) is not None:
                self.aside(errand)
        return outcome

    def aside(self, errand: Coroutine[Any, Any, Any]) -> None:
        """Let something run by itself."""
        task = asyncio.get_running_loop().create_task(errand)
        self._aside.add(task)
        task.add_done_callback(self._aside.discard)

    async def _deliver(self, sealer: Sealer, agent_id: int, told: Event, plaintext: str) -> Outcome:
        quirks = self._config.quirks
        if quirks.callback_hold_seconds > 0:
            await self._now.reach(self._now() + quirks.callback_hold_seconds)
        if quirks.callback_reorder > 0:
            await anyio.sleep(self._dice.uniform(0, quirks.callback_reorder))
        number = "" if agent_id == CONTACTS else agent_id
        letter: Letter | None = None
        what = str(told.get("Event") or told.get("MsgType") or "")
        for attempt in range(1, quirks.callback_tries + 1):
            if letter is None or quirks.retry_fresh_ciphertext:
                letter = sealer.seal(number, plaintext)
            self.last = letter if sealer is self.app else self.last
            done = await self.call("POST", letter.address(sealer.callback.url), letter.body)
            outcome = self._judge(sealer.crypto, done)
            seconds = round(done.seconds, 3)
            verdict = outcome.status if outcome else done.verdict
            self._log("PUSH", "callback", verdict, what=what, attempt=attempt, seconds=seconds)
            if outcome:
                return outcome
        return Outcome(False, TIMEOUT)

    async def verify(self) -> Outcome:
        """The URL check the console makes when the address is saved."""
        if self.app is None:
            return Outcome(False, NO_ADDRESS)
        text, letter = self.app.echo()
        done = await self.call("GET", letter.address(self.app.callback.url), b"")
        if done.status != 200:
            outcome = Outcome(False, done.verdict)
        elif done.body == text.encode():
            outcome = Outcome(True, "验证通过")
        else:
            outcome = Outcome(False, "echostr 校验失败：应原样返回解密后的明文，不带引号、BOM 或换行")
        self._log("PUSH", "verify", outcome.status, seconds=round(done.seconds, 3))
        return outcome

    async def call(self, method: str, url: str, body: bytes, limit: float | None = None) -> Exchange:
        """One exchange within the platform's patience (real seconds)."""
        quirks = self._config.quirks
        limit = limit or quirks.callback_timeout_seconds
        patience = PATIENT_SECONDS if quirks.retry_overlaps else limit
        kind = "application/json" if quirks.callback_format == "json" else "text/xml"
        try:
            with anyio.fail_after(limit):
                return await to_thread.run_sync(
                    _http, method, url, body, patience, kind, abandon_on_cancel=True, limiter=self._threads
                )
        except TimeoutError:
            return Exchange(f"超过 {limit:g} 秒未应答，连接关闭", seconds=limit)

    def _judge(self, crypto: CallbackCrypto, done: Exchange) -> Outcome | None:
        """None where another try is due."""
        if done.status != 200:
            return None
        text = done.body.strip()
        if text in (b"", b"success"):
            return Outcome(True, "ok")
        try:
            return Outcome(True, "ok", open_reply(crypto, text))
        except (CryptoError, ValueError, KeyError, TypeError) as exc:
            return Outcome(False, f"应答无法解读（{type(exc).__name__}）")


def _http(method: str, url: str, body: bytes, limit: float, kind: str) -> Exchange:
    """One exchange; the socket is closed as soon as the time is over, whatever has arrived by then."""
    started = time.monotonic()
    content = b""
    with requests.Session() as session:
        session.trust_env = False  # a proxy of the environment must not stand between two local programs
        headers = {"Content-Type": kind, "User-Agent": "Mozilla/4.0"}
        try:
            with session.request(
                method, url, data=body, headers=headers, timeout=limit, stream=True, allow_redirects=False
            ) as response:
                for chunk in response.iter_content(CHUNK):
                    content += chunk
                    if len(content) > MAX_REPLY_BYTES or time.monotonic() - started > limit:
                        break
        except (requests.RequestException, OSError) as exc:
            cut = isinstance(exc.args[0] if exc.args else None, ProtocolError)
            what = "没有应答就断开" if cut else "无法送达"
            return Exchange(f"{what}（{type(exc).__name__}）", seconds=time.monotonic() - started)
    seconds = time.monotonic() - started
    if len(content) > MAX_REPLY_BYTES:
        return Exchange("应答超过 1 MB", None, b"", seconds)
    verdict = "ok" if response.status_code == 200 else f"应答 HTTP {response.status_code}"
    return Exchange(verdict, response.status_code, content, seconds)
