"""A simulator with people, a program that talks to it, and a small application that takes its callbacks."""

import http.server
import json
import socket
import threading
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import uvicorn
from starlette.testclient import TestClient

from reviewbot.simulator.crypto import CallbackCrypto, CryptoError
from reviewbot.simulator.server import (
    Account,
    Agent,
    Callback,
    Member,
    Quirks,
    SimulatorConfig,
    create_simulator,
)

CORP, SECRET = "ww6a112864f8022910", "app-secret-0001"
TOKEN, AES = "kz7Yx62CH8SaLN", "cD0d7jx4tYvVtzqrmh3Dm3QFCXe6f8SlHoMtMh3qQEP"
CONTACTS = ("contactstoken", "b" * 42 + "A")
TEMPLATES = {"tmplClosed": ("thing1", "character_string2", "phrase3")}
PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)


class Clock:
    def __init__(self) -> None:
        self.at = 1_700_000_000.0

    def __call__(self) -> float:
        return self.at


class World:
    """A simulator with three people and a program that talks to it."""

    def __init__(self, callback_url: str = "http://127.0.0.1:9/", **quirks: Any) -> None:
        self.clock = Clock()
        config = SimulatorConfig(
            CORP,
            (Agent(1000002, SECRET), Agent(1000003, "app-secret-0002")),
            callback_url=callback_url,
            callback_token="t",
            callback_aes_key="cD0d7jx4tYvVtzqrmh3Dm3QFCXe6f8SlHoMtMh3qQEP",
            members=[
                Member("ZhangSan", "张三", "社保局"),
                Member("lisi", "李四", "公安局"),
                Member("wangwu", "王五"),
            ],
            now=self.clock,
            contact_secret="contact-secret",
            account=Account("wxaccount", "account-secret", TEMPLATES, {"oGuest0001": "陈女士"}),
            quirks=Quirks(**quirks),
        )
        self.http = TestClient(create_simulator(config))
        self.token = self.get_token()["access_token"]

    @classmethod
    def of(cls, app: Any) -> "World":
        """A program that talks to a simulator made elsewhere."""
        there = cls.__new__(cls)
        there.http = TestClient(app)
        there.token = there.get_token()["access_token"]
        return there

    def get_token(self, secret: str = SECRET, corp: str = CORP) -> dict[str, Any]:
        return self.http.get("/cgi-bin/gettoken", params={"corpid": corp, "corpsecret": secret}).json()

    def post(self, path: str, body: Any, token: str | None = None) -> dict[str, Any]:
        answer = self.http.post(f"/cgi-bin/{path}", params={"access_token": token or self.token}, json=body)
        assert answer.status_code == 200
        return answer.json()

    def send(self, touser: str = "zhangsan", **more: Any) -> dict[str, Any]:
        body = {"touser": touser, "agentid": 1000002, "msgtype": "text", "text": {"content": "你好"}, **more}
        return self.post("message/send", body)

    def send_card(self, touser: str = "zhangsan", task_id: str = "A1-1", **more: Any) -> dict[str, Any]:
        return self.send(touser, msgtype="template_card", template_card=card(task_id), **more)

    def quirks(self, **changes: Any) -> None:
        assert self.http.post("/sim/quirks", json=changes).status_code == 200

    def messages(self, userid: str = "zhangsan") -> list[dict[str, Any]]:
        return self.http.get(f"/sim/phones/{userid}/messages").json()["messages"]


def card(task_id: str, kind: str = "button_interaction") -> dict[str, Any]:
    return {
        "card_type": kind,
        "task_id": task_id,
        "main_title": {"title": "差评工单"},
        "card_action": {"type": 1, "url": "https://example.cn/"},
        "button_list": [{"text": "签收", "key": "accept"}, {"text": "非本部门", "key": "reject"}],
    }


CRYPTO = CallbackCrypto(TOKEN, AES, CORP)


def update_button(name: str) -> bytes:
    inner = f"<xml><MsgType>update_button</MsgType><Button><ReplaceName>{name}</ReplaceName></Button></xml>"
    return sealed(inner)


def sealed(inner: str) -> bytes:
    encrypted = CRYPTO.encrypt(inner)
    signature = CRYPTO.signature("1700000000", "77", encrypted)
    return (
        f"<xml><Encrypt>{encrypted}</Encrypt><MsgSignature>{signature}</MsgSignature>"
        "<TimeStamp>1700000000</TimeStamp><Nonce>77</Nonce></xml>"
    ).encode()


class Application:
    """A small application that writes down every opened callback and answers as it is told."""

    def __init__(self) -> None:
        self.seen: list[ET.Element] = []
        self.told: list[dict[str, Any]] = []
        self.raw: list[str] = []
        self.bodies: list[bytes] = []
        self.queries: list[dict[str, str]] = []
        self.contacts: list[ET.Element] = []
        self.echoes: list[dict[str, str]] = []
        self.address = ""
        self.echo: Callable[[str], str] = lambda text: text
        self.running = self.most_running = self.answered = 0
        self.status = 200
        self.answer = b""
        self.delay = 0.0
        self.careless = False  # takes anything without looking
        self.meanwhile: Callable[[], Any] = lambda: None

    def take(self, path: str, body: bytes) -> None:
        query = {key: values[0] for key, values in parse_qs(urlsplit(path).query).items()}
        encrypted = (
            json.loads(body)["encrypt"]
            if body.startswith(b"{")
            else (ET.fromstring(body).findtext("Encrypt") or "").strip()
        )
        facts = (query["msg_signature"], query["timestamp"], query["nonce"], encrypted)
        if path.startswith("/contacts"):
            self.contacts.append(ET.fromstring(CallbackCrypto(*CONTACTS, CORP).open(*facts)))
            return
        plain = CRYPTO.open(*facts)
        self.raw.append(encrypted)
        self.bodies.append(body)
        self.queries.append(query)
        if plain.startswith("{"):
            self.told.append(json.loads(plain))
        else:
            self.seen.append(ET.fromstring(plain))


@contextmanager
def stage(**quirks: Any) -> Iterator[tuple[Application, SimulatorConfig]]:
    """An application on a port of its own, and the configuration of a simulator that calls it."""
    application = Application()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            application.running += 1
            application.most_running = max(application.running, application.most_running)
            try:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                if not application.careless:
                    application.take(self.path, body)
                application.meanwhile()
                time.sleep(application.delay)
                self.reply(application.status, application.answer)
                application.answered += 1
            except (CryptoError, ET.ParseError, KeyError, ValueError, RecursionError):
                self.reply(403, b"")
            except (BrokenPipeError, ConnectionResetError):
                pass  # the platform has hung up
            finally:
                application.running -= 1

        def do_GET(self) -> None:
            query = {key: values[0] for key, values in parse_qs(urlsplit(self.path).query).items()}
            application.echoes.append(query)
            if self.path.startswith("/h5"):
                self.reply(200, b"a page of the application")
                return
            try:
                facts = (query["msg_signature"], query["timestamp"], query["nonce"], query["echostr"])
                self.reply(200, application.echo(CRYPTO.open(*facts)).encode())
            except (CryptoError, KeyError):
                self.reply(403, b"")

        def reply(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    application.address = f"http://127.0.0.1:{server.server_port}"
    config = SimulatorConfig(
        CORP,
        (Agent(1000002, SECRET),),
        contact_callback=Callback(f"http://127.0.0.1:{server.server_port}/contacts", *CONTACTS),
        callback_url=f"http://127.0.0.1:{server.server_port}/wecom/callback",
        callback_token=TOKEN,
        callback_aes_key=AES,
        members=[Member("ZhangSan", "张三"), Member("lisi", "李四")],
        quirks=Quirks(**quirks),
    )
    try:
        yield application, config
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def world(**quirks: Any) -> Iterator[tuple[Application, TestClient]]:
    with stage(**quirks) as (application, config), TestClient(create_simulator(config)) as client:
        yield application, client


def send_card(client: TestClient, **parts: Any) -> dict[str, Any]:
    token = token_of(client)
    card = {
        "card_type": "button_interaction",
        "task_id": "A1-1",
        "main_title": {"title": "差评工单"},
        "button_list": [{"text": "签收", "key": "accept"}],
        **parts,
    }
    body = {"touser": "zhangsan|lisi", "agentid": 1000002, "msgtype": "template_card", "template_card": card}
    answer = client.post("/cgi-bin/message/send", params={"access_token": token}, json=body).json()
    return {**answer, "token": token}


def press(client: TestClient, key: str = "accept", **more: Any) -> Any:
    return client.post("/sim/phones/zhangsan/press", json={"task_id": "A1-1", "key": key, **more})


def until(happened: Callable[[], Any], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "still waiting"
        time.sleep(0.005)


def switch(client: TestClient, **changes: Any) -> None:
    assert client.post("/sim/quirks", json=changes).status_code == 200


def say(client: TestClient, content: str = "收到", userid: str = "zhangsan") -> dict[str, Any]:
    return client.post(f"/sim/phones/{userid}/text", json={"content": content}).json()


def token_of(client: TestClient) -> str:
    query = {"corpid": CORP, "corpsecret": SECRET}
    return client.get("/cgi-bin/gettoken", params=query).json()["access_token"]


def call(client: TestClient, path: str, body: Any = None, **query: str) -> dict[str, Any]:
    query = {"access_token": token_of(client), **query}
    if body is None:
        return client.get(f"/cgi-bin/{path}", params=query).json()
    return client.post(f"/cgi-bin/{path}", params=query, json=body).json()


def last(client: TestClient, userid: str = "zhangsan") -> dict[str, Any]:
    return client.get(f"/sim/phones/{userid}/messages").json()["messages"][-1]


@contextmanager
def running(app: Any, door: socket.socket, **options: Any) -> Iterator[str]:
    """The simulator on a real port; its address. ``options`` are uvicorn's, for TLS."""
    server = uvicorn.Server(
        uvicorn.Config(app, log_config=None, ws="none", timeout_graceful_shutdown=1, **options)
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [door]}, daemon=True)
    thread.start()
    until(lambda: server.started, 30)
    try:
        yield f"http{'s' if options else ''}://127.0.0.1:{door.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(20)
        door.close()
