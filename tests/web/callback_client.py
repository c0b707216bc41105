"""WeCom's side of the callback, written from its documentation: seals what it pushes, opens what it is answered."""

import base64
import hashlib
import os
import struct
import time
import xml.etree.ElementTree as ET

import requests
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

TOKEN, CORP, AGENT = "callback-token", "ww0123456789abcdef", 1000002
AES_KEY = base64.b64encode(b"an aes key of 32 bytes, exactly!").decode().rstrip("=")


def _cipher():
    key = base64.b64decode(AES_KEY + "=")
    return Cipher(algorithms.AES(key), modes.CBC(key[:16]))


def seal(text, corp=CORP):
    message = text.encode()
    content = os.urandom(16) + struct.pack(">I", len(message)) + message + corp.encode()
    padding = 32 - len(content) % 32
    encryptor = _cipher().encryptor()
    return base64.b64encode(
        encryptor.update(content + bytes([padding]) * padding) + encryptor.finalize()
    ).decode()


def unseal(encrypted):
    decryptor = _cipher().decryptor()
    padded = decryptor.update(base64.b64decode(encrypted)) + decryptor.finalize()
    content = padded[: -padded[-1]]
    end = 20 + struct.unpack(">I", content[16:20])[0]
    assert content[end:].decode() == CORP
    return content[20:end].decode()


def signature(timestamp, nonce, encrypted):
    return hashlib.sha1("".join(sorted([TOKEN, timestamp, nonce, encrypted])).encode()).hexdigest()


def query(encrypted, *, at=None, nonce="n0nce"):
    stamp = str(int(time.time()) if at is None else at)
    return {"msg_signature": signature(stamp, nonce, encrypted), "timestamp": stamp, "nonce": nonce}


def wrap(encrypted):
    return (
        f"<xml><ToUserName><![CDATA[{CORP}]]></ToUserName><AgentID><![CDATA[{AGENT}]]></AgentID>"
        f"<Encrypt><![CDATA[{encrypted}]]></Encrypt></xml>"
    ).encode()


def push(url, inner, *, at=None):
    """Push one message; ``inner`` is the XML of its own fields."""
    encrypted = seal(message(inner))
    return post(url, wrap(encrypted), query(encrypted, at=at))


def message(inner, *, user="chenwei02", created=1796000000):
    return (
        f"<xml><ToUserName><![CDATA[{CORP}]]></ToUserName><FromUserName><![CDATA[{user}]]></FromUserName>"
        f"<CreateTime>{created}</CreateTime>{inner}<AgentID>{AGENT}</AgentID></xml>"
    )


def post(url, body, params):
    return requests.post(f"{url}/wecom/callback", params=params, data=body, timeout=30)


def opened_answer(answer):
    """The fields of an encrypted passive answer, its signature checked."""
    outer = {child.tag: child.text for child in ET.fromstring(answer.content)}
    expected = signature(outer["TimeStamp"], outer["Nonce"], outer["Encrypt"])
    assert outer["MsgSignature"] == expected
    return ET.fromstring(unseal(outer["Encrypt"]))
