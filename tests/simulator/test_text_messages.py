"""Texts to raters, through the real gateway client to a gateway over real HTTP."""

import socket
import threading
import time
from datetime import UTC, datetime

import pytest
import requests
import uvicorn
from starlette.applications import Starlette

from reviewbot.errors import ChannelError
from reviewbot.links import RaterLinks
from reviewbot.raters.channel import RaterChannel, SmsCarrier
from reviewbot.raters.gateway import SmsGateway
from reviewbot.simulator.texts import TextMessages

PHONE = "13800001234"


@pytest.fixture
def address():
    app = Starlette(routes=TextMessages("bureau", "s3cret").routes())
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off", ws="none"))
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.01)
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join(10)
    listener.close()


def gateway(address, secret="s3cret", path="/sms/send", timeout=5.0):
    return SmsGateway(address + path, "bureau", secret, "揭东政数", timeout)


def texts(address):
    return requests.get(f"{address}/sim/citizens", timeout=5).json()["texts"]


def test_a_text_arrives_signed_with_its_link_and_its_number_covered(address):
    channel = RaterChannel([SmsCarrier(gateway(address))], RaterLinks(lambda: "key", "http://bureau"))
    body = {"content": "已办结。", "case": 7, "round": 1, "at": int(datetime.now(UTC).timestamp())}

    done = channel.deliver_by(PHONE, body, 5, only=None, before=lambda *_: None)
    again = channel.deliver_by(PHONE, body, 5, only="sms", before=lambda *_: None)

    (text,) = texts(address)
    assert done.msgid == again.msgid
    assert text["phone"] == "138****1234"
    assert text["text"].startswith("【揭东政数】已办结。")
    assert "http://bureau/r/" in text["text"]
    page = requests.get(f"{address}/sim/citizens/page", timeout=5).text
    assert PHONE not in page
    assert '<a href="http://bureau/r/' in page


@pytest.mark.parametrize(
    ("wrong", "permanent"),
    [({"secret": "other"}, True), ({"path": "/sms/nowhere"}, True), ({"path": "/sim/citizens"}, True)],
)
def test_a_refusal_is_permanent(address, wrong, permanent):
    with pytest.raises(ChannelError) as refused:
        gateway(address, **wrong).send(PHONE, "x", "1")

    assert refused.value.permanent is permanent
    assert PHONE not in refused.value.sentence
    assert texts(address) == []


def test_a_busy_or_absent_gateway_is_tried_again_later(address):
    requests.post(f"{address}/sim/citizens/fail", json={"calls": 1}, timeout=5)

    with pytest.raises(ChannelError) as busy:
        gateway(address).send(PHONE, "x", "1")
    assert (busy.value.permanent, busy.value.retry_after) == (False, 1.0)
    assert gateway(address).send(PHONE, "x", "1") == "sms-1"
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        with pytest.raises(ChannelError) as away:
            gateway(f"http://127.0.0.1:{nobody.getsockname()[1]}").send(PHONE, "x", "2")
    assert away.value.permanent is False


def test_a_gateway_that_does_not_answer_in_time_is_tried_again(address):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(1)
        started = time.monotonic()
        with pytest.raises(ChannelError) as late:
            gateway(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout=0.2).send(PHONE, "x", "3")
    assert late.value.permanent is False
    assert time.monotonic() - started < 5
