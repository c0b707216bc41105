"""W5: a server that sends its answer drop by drop holds no call beyond its time, whichever part of it drips."""

import contextlib
import socket
import ssl
import threading
import time

import pytest

from reviewbot.errors import ChannelError
from reviewbot.outgoing import ending_by, session
from reviewbot.raters.gateway import SmsGateway
from reviewbot.simulator.certificates import make_certificates
from reviewbot.wecom.errors import Kind, WeComError
from reviewbot.wecom.transport import Call, exchange

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
PARTS = {
    "the status line": (b"", b"H"),
    "one header": (HEAD + b"X-Long: ", b"x"),
    "header after header": (HEAD, b"X: y\r\n"),
    "word that it goes on": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "the body": (HEAD + b"Content-Length: 5000\r\n\r\n", b" "),
    "the size of a chunk": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"0"),
    "what follows the last chunk": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X: y\r\n"),
}


@contextlib.contextmanager
def dripping(beginning, drop, context=None):
    """The address of a server that begins its answer and then sends a drop now and then, until the block ends."""
    over = threading.Event()

    def answer():
        plain, _ = door.accept()
        with contextlib.suppress(OSError), contextlib.ExitStack() as ends:
            ends.enter_context(plain)
            wire = ends.enter_context(context.wrap_socket(plain, server_side=True)) if context else plain
            wire.recv(65_536)
            wire.sendall(beginning)
            for _ in range(400):  # eight seconds: who waits to the end has waited too long
                if over.wait(0.02):
                    return
                wire.sendall(drop)

    with socket.create_server(("127.0.0.1", 0)) as door:
        serving = threading.Thread(target=answer)
        serving.start()
        try:
            yield f"{'https' if context else 'http'}://127.0.0.1:{door.getsockname()[1]}"
        finally:
            over.set()
            serving.join(10)


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    made = make_certificates(tmp_path_factory.mktemp("tls"), "127.0.0.1")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(made.certificate, made.key)
    return context, str(made.authority)


@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize("part", PARTS)
def test_w05_whatever_drips_the_call_ends_in_time(part, secure, tls):
    context, ca = tls
    with dripping(*PARTS[part], context if secure else None) as address, session() as http:
        http.verify = ca
        start = time.monotonic()
        with pytest.raises(WeComError) as caught:
            exchange(
                http, Call("get", f"{address}/cgi-bin/gettoken", {}), timeout=(5.0, 5.0), deadline=start + 0.6
            )
        took = time.monotonic() - start

    assert 0.5 < took < 5
    assert (caught.value.kind, caught.value.unsure) == (Kind.retry, True)
    assert "规定时间内没有答复" in caught.value.sentence
    assert caught.value.__context__ is None


def test_a_text_that_the_gateway_answers_in_drops_is_given_up_in_time_and_may_have_been_taken():
    with dripping(*PARTS["one header"]) as address:
        gateway = SmsGateway(f"{address}/texts", "a", "s", "政务服务", timeout=0.3)
        start = time.monotonic()
        with pytest.raises(ChannelError) as caught:
            gateway.send("13800000001", "您的评价已受理", "M1")

    assert time.monotonic() - start < 5
    assert (caught.value.unsure, caught.value.away) == (True, True)


def test_w05_a_connection_kept_after_one_call_has_the_whole_time_of_the_next():
    """What was left of the first call must not be the second one's time."""

    def serve():
        wire, _ = door.accept()
        with wire:
            for pause in (0.0, 0.4):
                wire.recv(65_536)
                threading.Event().wait(pause)
                wire.sendall(HEAD + b"Content-Length: 2\r\n\r\n{}")

    with socket.create_server(("127.0.0.1", 0)) as door, session() as http:
        serving = threading.Thread(target=serve)
        serving.start()
        call = Call("get", f"http://127.0.0.1:{door.getsockname()[1]}/x", {})
        for seconds in (0.3, 30.0):
            answer = exchange(http, call, timeout=(5.0, 5.0), deadline=time.monotonic() + seconds)
            assert answer.body == b"{}"
        serving.join(10)


def test_w05_outside_a_deadline_a_session_is_as_any_other():
    with dripping(HEAD + b"Content-Length: 2\r\n\r\n", b"{}") as address, session() as http:
        assert http.get(address, timeout=5).json() == {}
        with ending_by(time.monotonic() + 5):
            pass
