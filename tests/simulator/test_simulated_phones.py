"""What a member does on a phone reaches the application encrypted, and its answer comes back to the card."""

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

CORP, TOKEN, AES = "ww6a112864f8022910", "kz7Yx62CH8SaLN", "cD0d7jx4tYvVtzqrmh3Dm3QFCXe6f8SlHoMtMh3qQEP"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)
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
        (Agent(1000002, "secret"),),
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
    query = {"corpid": CORP, "corpsecret": "secret"}
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


def test_a_press_is_pushed_encrypted_and_the_answer_greys_only_the_clickers_card():
    with world() as (application, client):
        send_card(client)
        application.answer = update_button("已签收")

        answer = press(client).json()

        event = application.seen[0]
        assert answer == {"delivered": True, "status": "ok"}
        assert event.findtext("Event") == "template_card_event"
        assert event.findtext("FromUserName") == "ZhangSan"
        assert event.findtext("EventKey") == "accept"
        assert event.findtext("TaskId") == "A1-1"
        assert event.findtext("CardType") == "button_interaction"
        assert event.findtext("AgentID") == "1000002"
        assert event.findtext("ResponseCode")
        assert last(client)["replace_name"] == "已签收"
        assert last(client, "lisi")["replace_name"] == ""
        assert press(client).status_code == 409


def test_the_code_of_a_press_updates_the_card_later():
    with world() as (application, client):
        token = send_card(client)["token"]
        application.answer = update_button("处理中")
        press(client)
        code = application.seen[0].findtext("ResponseCode")
        body = {
            "atall": 1,
            "agentid": 1000002,
            "response_code": code,
            "button": {"replace_name": "张三已签收"},
        }

        client.post("/cgi-bin/message/update_template_card", params={"access_token": token}, json=body)

        assert last(client)["replace_name"] == last(client, "lisi")["replace_name"] == "张三已签收"


def test_a_whole_new_card_can_be_the_answer():
    with world() as (application, client):
        send_card(client)
        application.answer = sealed(
            "<xml><MsgType>update_template_card</MsgType><TemplateCard><CardType>text_notice</CardType>"
            "<MainTitle><Title>已办结</Title></MainTitle></TemplateCard></xml>"
        )

        press(client)

        assert last(client)["content"] == {"card_type": "text_notice", "main_title": {"title": "已办结"}}


def test_selections_travel_with_the_press():
    with world() as (application, client):
        send_card(client)
        press(client, selected={"reason": ["a", "b"]})

        item = application.seen[0].find("SelectedItems/SelectedItem")
        assert item.findtext("QuestionKey") == "reason"
        assert [node.text for node in item.findall("OptionIds/OptionId")] == ["a", "b"]


def test_non_200_is_tried_three_times_with_the_same_ciphertext():
    with world() as (application, client):
        send_card(client)
        application.status = 500

        answer = press(client).json()

        assert answer == {"delivered": False, "status": "处理超时"}
        assert len(application.raw) == 3
        assert len(set(application.raw)) == 1
        assert last(client)["status"].startswith("处理超时")
        application.status, application.answer = 200, update_button("已签收")
        assert press(client).json()["delivered"]


def test_a_retry_may_be_sealed_anew_with_the_same_plaintext():
    with world(retry_fresh_ciphertext=True, callback_cdata=False) as (application, client):
        application.status = 503

        client.post("/sim/phones/zhangsan/text", json={"content": "已处理 ]]> <b>"})

        assert len(set(application.raw)) == 3
        assert {event.findtext("Content") for event in application.seen} == {"已处理 ]]> <b>"}
        assert len({event.findtext("MsgId") for event in application.seen}) == 1
        assert last(client)["status"] == "处理超时"


def test_too_slow_an_answer_counts_as_none():
    with world(callback_timeout_seconds=0.2, callback_tries=2) as (application, client):
        send_card(client)
        application.delay = 0.6

        assert press(client).json() == {"delivered": False, "status": "处理超时"}
        assert len(application.raw) == 2


def test_an_empty_answer_to_a_press_springs_the_card_back():
    with world() as (application, client):
        sent = send_card(client)
        body = {"atall": 1, "agentid": 1000002, "response_code": sent["response_code"]}
        update = {**body, "button": {"replace_name": "提前更新"}}
        query = {"access_token": sent["token"]}
        application.meanwhile = lambda: client.post(
            "/cgi-bin/message/update_template_card", params=query, json=update
        )

        assert press(client).json() == {"delivered": False, "status": "处理超时"}
        assert last(client)["replace_name"] == ""
        assert last(client, "lisi")["replace_name"] == "提前更新"


def test_a_forged_answer_changes_nothing():
    with world() as (application, client):
        send_card(client)
        application.answer = update_button("已签收").replace(b"<Nonce>77<", b"<Nonce>78<")

        assert not press(client).json()["delivered"]
        assert last(client)["replace_name"] == ""


def test_a_photo_and_entering_reach_the_application():
    with world() as (application, client):
        photo = client.post("/sim/phones/lisi/photo", files={"media": ("a.png", PNG, "image/png")}).json()
        entered = client.post("/sim/phones/lisi/enter").json()

        image, event = application.seen
        assert photo["delivered"]
        assert entered["delivered"]
        assert image.findtext("MsgType") == "image"
        assert client.get(image.findtext("PicUrl")).content == PNG
        assert event.findtext("Event") == "enter_agent"
        assert last(client, "lisi")["content"]["media_id"] == image.findtext("MediaId")
        bad = client.post(
            "/sim/phones/lisi/photo", files={"media": ("a.txt", b"not a picture", "text/plain")}
        )
        assert bad.status_code == 400


def test_the_console_checks_the_callback_address():
    with world() as (_, client):
        assert client.post("/sim/verify").json() == {"delivered": True, "status": "验证通过"}


def test_links_open_with_the_identity_of_the_phone():
    with world() as (_, client):
        path = "/sim/phones/lisi/open"
        opened = client.get(path, params={"url": "https://app.test/h5"}, follow_redirects=False)

        assert opened.headers["location"] == "https://app.test/h5"
        assert "sim_phone=lisi" in opened.headers["set-cookie"]
        assert client.get(path, params={"url": "javascript:alert(1)"}).status_code == 400
