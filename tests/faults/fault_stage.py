"""What the fault tests share: servers that can be started and stopped, signed pushes, waiting with a deadline."""

import csv
import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import requests
import uvicorn
from standardwebhooks import Webhook

from reviewbot.clock import set_rehearsal
from reviewbot.commands.processes import (
    Processes,
    beat_command,
    sender_command,
    web_command,
    worker_command,
)
from reviewbot.settings import ROOT, Settings
from reviewbot.simulator.server import Agent, Member, SimulatorConfig, create_simulator
from reviewbot.simulator.stream import reviews

MONDAY = datetime(2026, 11, 30, 9, 0, tzinfo=ZoneInfo("Asia/Shanghai"))
CITY = ROOT / "config" / "city" / "demo"
CORP, AGENT = "wwfaults00000001", 1000002
KEYS = {
    "corp_id": CORP,
    "agent_id": str(AGENT),
    "secret": "app-secret-of-the-faults",
    "callback_token": "tokenofthefaults",
    "callback_aes_key": "cD0d7jx4tYvVtzqrmh3Dm3QFCXe6f8SlHoMtMh3qQEA",
}


def told_to_children(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, *, folder: Path, phones: str, bind: str, **more: str
) -> Settings:
    """Tell the processes of a whole system by their environment: the city, a standing clock, this WeCom."""
    clock = folder / "rehearsal.json"
    set_rehearsal(clock, MONDAY, rate=0)
    told = {
        "BIND": bind,
        "DATA_DIR": str(settings.data_dir),
        "PUBLIC_URL": f"http://{bind}",
        "CITY": str(CITY),
        "REHEARSAL": str(clock),
        "SWEEP_SECONDS": "0.5",
        "SOURCES__STANDARD__SECRET": secret_of(settings),
        "WECOM__BASE_URL": phones,
        "WECOM__PER_MINUTE": "1000000",
        "WECOM__PER_HOUR": "1000000",
        **{f"WECOM__{name.upper()}": value for name, value in KEYS.items()},
        **more,
    }
    for name, value in told.items():
        monkeypatch.setenv(f"REVIEWBOT_{name}", value)
    return settings.model_copy(update={"bind": bind})


def start_system(children: Processes, settings: Settings) -> None:
    children.start("web", *web_command(settings), to_file=True)
    children.start("worker", *worker_command(settings), to_file=True)
    children.start("sender", *sender_command(settings), to_file=True)
    children.start("beat", *beat_command(settings), to_file=True)
    wait_for("the web answers", lambda: answers(f"http://{settings.bind}/readyz"))


class Recorder:
    """The simulated WeCom behind a wire that keeps the bytes of every message sent."""

    def __init__(self, members: list[str], callback_url: str = "http://127.0.0.1:9/") -> None:
        self.bodies: list[bytes] = []
        self.calls: Counter[str] = Counter()
        self.app = create_simulator(
            SimulatorConfig(
                CORP,
                (Agent(AGENT, KEYS["secret"]),),
                callback_url=callback_url,
                callback_token=KEYS["callback_token"],
                callback_aes_key=KEYS["callback_aes_key"],
                members=[Member(userid, userid) for userid in members],
            )
        )

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Every byte is read before the platform sees the request: it refuses some without reading them."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        events = [await receive()]
        while events[-1].get("more_body"):
            events.append(await receive())
        self.calls[scope["path"].removeprefix("/cgi-bin/")] += 1
        if scope["path"].endswith("/message/send"):
            self.bodies.append(b"".join(event.get("body", b"") for event in events))

        async def replay() -> Any:
            return events.pop(0) if events else await receive()

        return await self.app(scope, replay, send)

    def phone(self, userid: str) -> list[str]:
        return [message.task_id for message in self.app.state.platform.inbox(userid)]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def secret_of(settings: Settings) -> str:
    return settings.sources["standard"].secrets()[0]


def staff() -> list[str]:
    """The userids of everybody in the demonstration city."""
    with (CITY / "staff.csv").open(encoding="utf-8-sig", newline="") as file:
        return [row["userid"] for row in csv.DictReader(file)]


def bad_reviews(seed: int, count: int) -> list[dict[str, Any]]:
    """Records of the standard source, all of them bad, all of them different."""
    start = MONDAY.replace(day=27)
    return list(islice(reviews(seed, CITY, start, count, bad_share=1.0), count))


def push(address: str, records: list[dict[str, Any]], secret: str, timeout: float = 30) -> requests.Response:
    """One signed call."""
    body = json.dumps(records, ensure_ascii=False)
    now, ident = datetime.now(UTC), f"msg_{time.time_ns()}"
    headers = {
        "webhook-id": ident,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign(ident, now, body),
        "content-type": "application/json",
    }
    target = f"{address}/webhooks/reviews/standard"
    return requests.post(target, data=body.encode(), headers=headers, timeout=timeout)


def wait_for(what: str, happened: Callable[[], Any], seconds: float = 60, *, pause: float = 0.01) -> Any:
    """What ``happened`` returns once it is true; fails with ``what`` after the deadline. ``pause``: between two
    looks, longer where looking costs what is looked at its processor."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := happened():
            return found
        time.sleep(pause)
    raise AssertionError(f"still waiting after {seconds} s: {what}")


def answers(address: str) -> bool:
    try:
        return requests.get(address, timeout=2).ok
    except requests.RequestException:
        return False


@contextmanager
def serving(app: Any, port: int | None = None) -> Iterator[str]:
    """An ASGI application on a real port of this process; its address."""
    port = port or free_port()
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=port, lifespan="auto", log_level="critical", ws="none")
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_for("the server starts", lambda: server.started, 20)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(20)
