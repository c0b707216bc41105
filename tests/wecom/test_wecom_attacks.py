"""Every attack of Q17 gets the one refusal of W16 and nothing else."""

import base64
import os
import pickle
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wecom_door import (
    BY_NAME,
    FIRST,
    NONCE,
    NOW,
    content_of,
    door,
    encrypt_raw,
    envelope,
    message,
    push,
    push_sealed,
    wrap,
)

from reviewbot.wecom.crypto import CallbackRefused

# --- W16 and Q17: refusals ------------------------------------------------------------------------------


def refusal(**changes):
    vector = BY_NAME["text_chinese"]
    call = {
        "body": wrap(vector["encrypt"]),
        "msg_signature": vector["msg_signature"],
        "timestamp": vector["timestamp"],
        "nonce": vector["nonce"],
        "now": NOW,
    }
    with pytest.raises(CallbackRefused) as caught:
        door().open(**(call | changes))
    assert type(caught.value) is CallbackRefused
    assert caught.value.__context__ is None
    assert caught.value.status == 403
    return caught.value.reason


def test_q17_wrong_signatures():
    right = BY_NAME["text_chinese"]["msg_signature"]

    for wrong in ("0" * 40, right.upper(), "", right[:39], right + "\n", "é" * 40, right + "0"):
        assert refusal(msg_signature=wrong) == "signature"


def test_q17_digits_moved_from_nonce_into_timestamp():
    encrypted = envelope().seal("<xml/>")
    signature = envelope().signature("1700000000", "7234", encrypted)

    for timestamp, nonce in (("17000000007", "234"), ("170000000", "07234"), ("81700000002", "7")):
        reason = refusal(body=wrap(encrypted), msg_signature=signature, timestamp=timestamp, nonce=nonce)
        assert reason == "timestamp"


@pytest.mark.parametrize(
    "timestamp", ["", "0", "１７０００００００２", "1700000002\n", "-700000002", "1.70000000"]
)
def test_w16_timestamp_is_ten_digits(timestamp):
    assert refusal(timestamp=timestamp) == "timestamp"


@pytest.mark.parametrize("nonce", ["", "a b", "n" * 65, "é", "a\n", "a-b"])
def test_w16_nonce_is_plain(nonce):
    assert refusal(nonce=nonce) == "nonce"


def test_q17_wrong_receiver():
    for receiver in ("ww0000000000000000", FIRST["corpid"].upper(), "", FIRST["corpid"] + "x"):
        with pytest.raises(CallbackRefused):
            push(message("<MsgType>text</MsgType>"), receiver=receiver)


@pytest.mark.parametrize(
    "body",
    [
        b'<!DOCTYPE x [<!ENTITY a "b">]><xml><Encrypt>&a;</Encrypt></xml>',
        b'<!doctype x SYSTEM "file:///etc/passwd"><xml><Encrypt>a</Encrypt></xml>',
        b"<xml>" + b"x" * (20 * 1024 * 1024),
        b"<a>" * 60000,
        b"[" * 200000,
        b"{" + b'"a":{' * 40000,
        b'{"encrypt":' + b"[" * 100000,
        b"",
        b"\xff\xfe",
        b"{}",
        b'{"encrypt":null}',
        b'{"encrypt":""}',
        b"<xml></xml>",
        b"<xml><Encrypt></Encrypt></xml>",
        b"<xml><Encrypt>a</xml>",
        b"</Encrypt><Encrypt>",
        b"<xml><Encrypt>a</Encrypt><Encrypt>b</Encrypt></xml>",
        b"<xml><Encrypt>" + b" " * 200000 + b"</Encrypt></xml>",
        b"<xml><Encrypt>not base64!</Encrypt></xml>",
        "<xml><Encrypt>汉</Encrypt></xml>".encode(),
        "<xml><Encrypt>a</Encrypt></xml>".encode("utf-16"),
    ],
    ids=range(21),
)
def test_q17_hostile_bodies_are_refused_quickly(body):
    start = time.perf_counter()

    refusal(body=body)

    assert time.perf_counter() - start < 0.5


@pytest.mark.parametrize(
    "sealed",
    ["AAAA", "A" * 20, "not base64", "AA=A", "汉", base64.b64encode(b"x" * 16).decode()],
    ids=range(6),
)
def test_q17_broken_base64_with_a_genuine_signature(sealed):
    with pytest.raises(CallbackRefused):
        push_sealed(sealed)


def test_q17_garbage_padding_with_a_genuine_signature():
    content = content_of()
    gap = 32 - len(content) % 32
    assert 1 < gap < 32
    bad = [
        os.urandom(gap - 1).replace(bytes([gap]), b"\0") + bytes([gap]),
        bytes(gap),
        b"\x21" * gap,
        b"\xc8" * gap,
    ]

    for padding in bad:
        with pytest.raises(CallbackRefused) as caught:
            push_sealed(encrypt_raw(content + padding))
        assert caught.value.reason == "padding"


def test_q17_wrong_lengths_inside():
    for content in (
        content_of(length=10**6),
        content_of(length=2**32 - 1),
        content_of(length=0),
        b"",
        b"x" * 19,
    ):
        gap = 32 - len(content) % 32
        with pytest.raises(CallbackRefused):
            push_sealed(encrypt_raw(content + bytes([gap]) * gap))


@pytest.mark.parametrize(
    "plaintext",
    [
        "",
        "x",
        "<xml>",
        "<xml/>",
        "<xml>a</xml>",
        "<other/>",
        "{",
        "{}",
        '{"ToUserName":[]}',
        '<!DOCTYPE x [<!ENTITY a "b">]><xml>&a;</xml>',
        "<xml>" + "<a>" * 20000 + "</a>" * 20000 + "</xml>",
        message("<A>" * 20 + "</A>" * 20),
        '{"a":' * 20000,
        message("", corp="ww0000000000000000"),
        message("", agent="<AgentID>1000003</AgentID>"),
        message("", agent="<AgentID>1000002</AgentID><AgentID>9</AgentID>").replace(FIRST["corpid"], ""),
    ],
    ids=range(16),
)
def test_w16_genuine_envelopes_with_wrong_contents_are_refused(plaintext):
    with pytest.raises(CallbackRefused) as caught:
        push(plaintext)
    assert caught.value.__context__ is None


def test_w16_outer_agent_and_receiver_must_be_ours():
    encrypted = envelope().seal(message("<MsgType>text</MsgType><MsgId>1</MsgId>"))

    for body in (wrap(encrypted, agent="1000003"), wrap(encrypted, corp="ww0000000000000000")):
        with pytest.raises(CallbackRefused):
            push_sealed(encrypted, body=body)


@settings(deadline=None)
@given(st.binary(max_size=400))
def test_w16_nothing_but_a_refusal_comes_out_of_noise(body):
    with pytest.raises(CallbackRefused):
        door().open(body, "0" * 40, "1700000000", NONCE, NOW)


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_w16_nothing_but_a_refusal_comes_out_of_sealed_noise(noise):
    content = noise + bytes([32 - len(noise) % 32]) * (32 - len(noise) % 32)
    with pytest.raises(CallbackRefused):
        push_sealed(encrypt_raw(content))


def test_w16_old_but_genuine_is_kept_as_stale():
    vector = BY_NAME["text_chinese"]
    stamp = int(vector["timestamp"])

    def at(now):
        body = wrap(vector["encrypt"])
        return door().open(body, vector["msg_signature"], vector["timestamp"], vector["nonce"], now)

    assert [at(stamp + shift).stale for shift in (0, 600, 601, -600, -601)] == [
        False,
        False,
        True,
        False,
        True,
    ]


def test_w16_a_refusal_tells_nothing_and_pickles():
    refused = pickle.loads(pickle.dumps(CallbackRefused("padding")))

    assert refused.reason == "padding"
    assert "padding" not in str(refused)
