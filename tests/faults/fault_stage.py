"""What the fault tests share: servers that can be started and stopped, signed pushes, waiting with a deadline."""

import csv
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

import requests
import uvicorn
from standardwebhooks import Webhook

from reviewbot.settings import ROOT, Settings
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


def wait_for(what: str, happened: Callable[[], Any], seconds: float = 60) -> Any:
    """What ``happened`` returns once it is true; fails with ``what`` after the deadline."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := happened():
            return found
        time.sleep(0.01)
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
