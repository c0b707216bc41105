"""Whoever is refused while he still writes hears why: the line is not cut under him, nor kept open for ever."""

import http.client
import shutil
import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import httpx
import pytest
import requests
from door_kit import TIMEOUT, serving

from reviewbot.web import lingering

MIB = 1024 * 1024
BODY = b" " * (20 * MIB)
PIECE = 64 * 1024
CLOSING = {"Connection": "close"}


@pytest.fixture
def url(house):
    with serving(house) as address:
        yield address


def pieces():
    for _ in range(len(BODY) // PIECE):
        yield b" " * PIECE


def write_and_read(url, path="/webhooks/reviews/standard", *, size=20 * MIB):
    """All of the body in one go, without listening, as a plain client behind an old proxy does; then the answer."""
    place = urlsplit(url)
    with socket.create_connection((place.hostname, place.port), timeout=TIMEOUT) as wire:
        wire.sendall(f"POST {path} HTTP/1.0\r\nContent-Length: {size}\r\n\r\n".encode())
        wire.sendall(b" " * size)
        answer = http.client.HTTPResponse(wire)
        answer.begin()
        return answer.status, answer.read()


def test_a_sender_who_writes_20_mib_before_he_listens_reads_413(url):
    with ThreadPoolExecutor(4) as senders:
        told = list(senders.map(write_and_read, [url] * 8))

    assert [status for status, _ in told] == [413] * 8
    assert all("一次最多 8 MiB".encode() in body for _, body in told)


@pytest.mark.parametrize(
    ("path", "status"),
    [("/webhooks/reviews/nobody", 404), ("/letters", 413), ("/r/forged", 413), ("/none", 404)],
)
def test_every_door_that_refuses_unread_is_heard(url, path, status):
    assert write_and_read(url, path, size=30 * MIB)[0] == status


@pytest.mark.parametrize("headers", [{}, CLOSING])
@pytest.mark.parametrize("content", [lambda: BODY, pieces], ids=["declared", "chunked"])
def test_requests_and_httpx_tell_413(url, headers, content):
    place = f"{url}/webhooks/reviews/standard"

    assert requests.post(place, data=content(), headers=headers, timeout=TIMEOUT).status_code == 413
    assert httpx.post(place, content=content(), headers=headers, timeout=TIMEOUT).status_code == 413


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("extra", [[], ["-H", "Expect:"], ["-H", "Connection: close"], ["-0"]])
def test_curl_tells_413(url, tmp_path, extra):
    (tmp_path / "body").write_bytes(BODY)
    command = ["curl", "-sS", "-w", "%{http_code}", "-o", tmp_path / "answer", *extra]
    told = subprocess.run(
        [*command, "--data-binary", f"@{tmp_path / 'body'}", f"{url}/webhooks/reviews/standard"],
        capture_output=True, text=True, check=False, timeout=TIMEOUT,
    )  # fmt: skip

    assert (told.stdout, told.stderr, told.returncode) == ("413", "", 0)


def declare(wire):
    head = f"POST /webhooks/reviews/standard HTTP/1.1\r\nHost: x\r\nContent-Length: {20 * MIB}\r\n\r\n"
    wire.sendall(head.encode())
    answer = http.client.HTTPResponse(wire)
    answer.begin()
    answer.read()
    return answer.status, answer.getheader("connection")


def test_the_answer_does_not_wait_for_what_is_not_sent(url):
    place = urlsplit(url)
    with socket.create_connection((place.hostname, place.port), timeout=lingering.MOST_SECONDS / 2) as wire:
        assert declare(wire) == (413, "close")


def test_a_sender_who_neither_writes_on_nor_leaves_is_left(url, monkeypatch):
    monkeypatch.setattr(lingering, "MOST_SECONDS", 0.3)
    place = urlsplit(url)
    with socket.create_connection((place.hostname, place.port), timeout=TIMEOUT) as wire:
        assert declare(wire) == (413, "close")
        assert wire.recv(1) == b""


def test_no_more_than_the_bound_is_read(url, monkeypatch):
    monkeypatch.setattr(lingering, "MOST_BYTES", MIB)

    with pytest.raises(OSError, match=r"reset|pipe"):
        write_and_read(url)
