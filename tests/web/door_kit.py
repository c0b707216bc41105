"""The real application on a real port, and a sender of reviews that knows only the contract."""

import base64
import hashlib
import hmac
import itertools
import json
import socket
import threading
import time
from contextlib import contextmanager
from datetime import timedelta
from urllib.parse import urlsplit

import requests
import uvicorn

from reviewbot.actions.open_case import open_case
from reviewbot.conversation.turn import Talk
from reviewbot.queries.cases import unrouted_review_ids
from reviewbot.web.app import create_app
from reviewbot.web.pages import page_routes

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef01234567").decode()
TIMEOUT = 30
_serial = itertools.count(1)


@contextmanager
def serving(house):
    """The address of this house's application while the block runs."""
    config = uvicorn.Config(
        create_app(house, page_routes()), lifespan="on", ws="none", log_config=None, access_log=False,
        timeout_graceful_shutdown=5,
    )  # fmt: skip
    server = uvicorn.Server(config)
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    deadline = time.monotonic() + TIMEOUT
    while not server.started:
        assert thread.is_alive(), "the server ended while it started"
        assert time.monotonic() < deadline, "the server did not start"
        thread.join(0.01)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(TIMEOUT)
        listener.close()
        assert not thread.is_alive()


def until(happened):
    """Wait for what is done after the answer."""
    deadline = time.monotonic() + TIMEOUT
    while not happened():
        assert time.monotonic() < deadline, "still waiting"
        time.sleep(0.01)


def signed(body, *, secret=SECRET, ident=None, at=None):
    """Standard Webhooks headers, made from the specification."""
    ident = ident or f"msg_{next(_serial)}"
    at = str(int(time.time()) if at is None else at)
    key = base64.b64decode(secret.removeprefix("whsec_"))
    mark = hmac.new(key, f"{ident}.{at}.".encode() + body, hashlib.sha256).digest()
    return {
        "webhook-id": ident, "webhook-timestamp": at,
        "webhook-signature": "v1," + base64.b64encode(mark).decode(), "content-type": "application/json",
    }  # fmt: skip


def send(url, body, *, source="standard", headers=None):
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    headers = signed(body) if headers is None else headers
    return requests.post(f"{url}/webhooks/reviews/{source}", data=body, headers=headers, timeout=TIMEOUT)


def raw_status(url, head, body):
    """The status of a request written byte by byte: for what a well-behaved client would not send."""
    place = urlsplit(url)
    with socket.create_connection((place.hostname, place.port), timeout=TIMEOUT) as wire:
        wire.sendall(head.encode() + body)
        return int(wire.makefile("rb").readline().split()[1])


def record(**facts):
    return {
        "external_id": f"4452032026{next(_serial):08d}", "round": 1, "rating": 1,
        "reviewed_at": "2026-11-27T10:07:13+08:00", "department": "SOC", "comment": "太慢",
    } | facts  # fmt: skip


def route_all(house):
    """Do what the routing task does; the numbers of the new cases."""
    with house.database.begin() as session:
        waiting = unrouted_review_ids(session, 10_000)
    numbers = []
    for ident in waiting:
        with house.database.begin() as session:
            case = open_case(session, ident, at=house.clock.now(), rulebooks=house.rulebooks)
            numbers.append(case.number)
    return numbers


def talk(house):
    """What the answering task works with."""
    return Talk(
        database=house.database, now=house.clock.now, rulebooks=house.rulebooks,
        focus=timedelta(minutes=30), choice=timedelta(hours=24), folder=house.settings.data_dir,
    )  # fmt: skip
