"""A simulator with people, a program that talks to it, and a small application that takes its callbacks."""

import http.server
import threading
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

from starlette.testclient import TestClient

from reviewbot.simulator.crypto import CallbackCrypto
from reviewbot.simulator.server import Agent, Member, Quirks, SimulatorConfig, create_simulator

CORP, SECRET = "ww6a112864f8022910", "app-secret-0001"
TOKEN, AES = "kz7Yx62CH8SaLN", "cD0d7jx4tYvVtzqrmh3Dm3QFCXe6f8SlHoMtMh3qQEP"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)


class Clock:
    def __init__(self) -> None:
        self.at = 1_700_000_000.0

    def __call__(self) -> float:
        return self.at


class World:
    """A simulator with three people and a program that talks to it."""

    def __init__(self, **quirks: Any) -> None:
        self.clock = Clock()
        config = SimulatorConfig(
            CORP,
            (Agent(1000002, SECRET), Agent(1000003, "app-secret-0002")),
            callback_url="http://127.0.0.1:9/",
            callback_token="t",
            callback_aes_key="cD0d7jx4tYvVtzqrmh3Dm3QFCXe6f8SlHoMtMh3qQEP",
            members=[
                Member("ZhangSan", "张三", "社保局"),
                Member("lisi", "李四", "公安局"),
                Member("wangwu", "王五"),
            ],
            now=self.clock,
            quirks=Quirks(**quirks),
        )
        self.http = TestClient(create_simulator(config))
        self.token = self.get_token()["access_token"]

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
        self.raw: list[str] = []
        self.status = 200
        self.answer = b""
        self.delay = 0.0
        self.meanwhile: Callable[[], Any] = lambda: None

    def take(self, path: str, body: bytes) -> None:
        query = {key: values[0] for key, values in parse_qs(urlsplit(path).query).items()}
        encrypted = (ET.fromstring(body).findtext("Encrypt") or "").strip()
        self.raw.append(encrypted)
        plain = CRYPTO.open(query["msg_signature"], query["timestamp"], query["nonce"], encrypted)
        self.seen.append(ET.fromstring(plain))


@contextmanager
def world(**quirks: Any) -> Iterator[tuple[Application, TestClient]]:
    application = Application()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            application.take(self.path, self.rfile.read(int(self.headers["Content-Length"])))
            application.meanwhile()
            time.sleep(application.delay)
            self.reply(application.status, application.answer)

        def do_GET(self) -> None:
            query = {key: values[0] for key, values in parse_qs(urlsplit(self.path).query).items()}
            facts = (query["msg_signature"], query["timestamp"], query["nonce"], query["echostr"])
            self.reply(200, CRYPTO.open(*facts).encode())

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
    config = SimulatorConfig(
        CORP,
        (Agent(1000002, SECRET),),
        callback_url=f"http://127.0.0.1:{server.server_port}/wecom/callback",
        callback_token=TOKEN,
        callback_aes_key=AES,
        members=[Member("ZhangSan", "张三"), Member("lisi", "李四")],
        quirks=Quirks(**quirks),
    )
    with TestClient(create_simulator(config)) as client:
        yield application, client
    server.shutdown()
    server.server_close()
    thread.join()


def send_card(client: TestClient, **parts: Any) -> dict[str, Any]:
    query = {"corpid": CORP, "corpsecret": SECRET}
    token = client.get("/cgi-bin/gettoken", params=query).json()["access_token"]
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


def last(client: TestClient, userid: str = "zhangsan") -> dict[str, Any]:
    return client.get(f"/sim/phones/{userid}/messages").json()["messages"][-1]
