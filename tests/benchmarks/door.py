"""The webhook measured over real HTTP: one sender who waits for each answer, against many at once."""

import asyncio
import base64
import hashlib
import hmac
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterable
from datetime import UTC, datetime

import requests

from reviewbot.settings import ROOT, Settings
from reviewbot.simulator.stream import reviews

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef01234567").decode()
MANY, EACH = 64, 40


def measure_door(settings: Settings) -> tuple[float, float, float]:
    """Reviews a second: one sender alone; 64 senders, one review a call; 64 senders, 100 reviews a call."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {
        "REVIEWBOT_DATABASE_URL": settings.database_url,
        "REVIEWBOT_REDIS_URL": settings.redis_url,
        "REVIEWBOT_DATA_DIR": str(settings.data_dir),
        "REVIEWBOT_SOURCES__STANDARD__SECRET": SECRET,
    }
    server = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "reviewbot.web.serve:app", "--port", str(port),
         "--no-access-log", "--log-level", "warning"],
        env=environment, cwd=ROOT,
    )  # fmt: skip
    try:
        _await(port)
        alone = asyncio.run(_send(port, [list(_calls(1, 300, 1))]))
        many = asyncio.run(_send(port, [list(_calls(10 + n, EACH, 1)) for n in range(MANY)]))
        batches = asyncio.run(_send(port, [list(_calls(100 + n, 300, 100)) for n in range(MANY)]))
        return 300 / alone, MANY * EACH / many, MANY * 300 / batches
    finally:
        server.terminate()
        server.wait()


def _await(port: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            if requests.get(f"http://127.0.0.1:{port}/readyz", timeout=1).ok:
                return
        except requests.RequestException:
            time.sleep(0.05)
    raise TimeoutError("the web did not start")


def _calls(seed: int, count: int, size: int) -> Iterable[bytes]:
    """Ready-made signed requests, so that the sender's own work is not measured."""
    found = [
        json.dumps(one, ensure_ascii=False).encode()
        for one in reviews(seed, ROOT / "config" / "city" / "demo", datetime.now(UTC), count)
    ]
    for start in range(0, count, size):
        body = b"\n".join(found[start : start + size])
        ident, at = f"msg_{seed}_{start}", str(int(time.time()))
        key = base64.b64decode(SECRET.removeprefix("whsec_"))
        mark = base64.b64encode(hmac.digest(key, f"{ident}.{at}.".encode() + body, hashlib.sha256)).decode()
        head = (
            "POST /webhooks/reviews/standard HTTP/1.1\r\nhost: localhost\r\n"
            f"content-type: application/x-ndjson\r\ncontent-length: {len(body)}\r\nwebhook-id: {ident}\r\n"
            f"webhook-timestamp: {at}\r\nwebhook-signature: v1,{mark}\r\n\r\n"
        )
        yield head.encode() + body


async def _send(port: int, senders: list[list[bytes]]) -> float:
    started = time.perf_counter()
    await asyncio.gather(*(_one_sender(port, calls) for calls in senders))
    return time.perf_counter() - started


async def _one_sender(port: int, calls: list[bytes]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for call in calls:
        writer.write(call)
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 202"):
            raise RuntimeError(head.decode())
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        await reader.readexactly(int(length.split(b":")[1]))
    writer.close()
    await writer.wait_closed()
