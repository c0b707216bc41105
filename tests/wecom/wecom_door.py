"""A callback door with the keys of Tencent's vectors, and envelopes to push through it."""

import base64
import json
import os
import struct
from pathlib import Path

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from reviewbot.wecom.callback import CallbackCrypto
from reviewbot.wecom.crypto import Envelope

VECTORS = json.loads((Path(__file__).parents[1] / "data" / "wecom_vectors.json").read_text())["vectors"]
BY_NAME = {vector["name"]: vector for vector in VECTORS}
FIRST = VECTORS[0]
AGENT = 1000002
NOW = 1700000000.0
NONCE = "n0nce"


def door(corp=FIRST["corpid"], agent=AGENT, **more):
    return CallbackCrypto(FIRST["token"], FIRST["aeskey"], corp, agent, **more)


def envelope(receiver=FIRST["corpid"]):
    return Envelope(FIRST["token"], FIRST["aeskey"], receiver)


def wrap(encrypted, corp=FIRST["corpid"], agent=str(AGENT)):
    return (
        f"<xml><ToUserName><![CDATA[{corp}]]></ToUserName><AgentID><![CDATA[{agent}]]></AgentID>"
        f"<Encrypt><![CDATA[{encrypted}]]></Encrypt></xml>"
    ).encode()


def opened(name, **more):
    vector = BY_NAME[name]
    body = wrap(vector["encrypt"])
    return door(**more).open(body, vector["msg_signature"], vector["timestamp"], vector["nonce"], NOW)


def push(plaintext, receiver=FIRST["corpid"], timestamp="1700000000", nonce=NONCE, now=NOW, body=None):
    return push_sealed(envelope(receiver).seal(plaintext), timestamp, nonce, now, body)


def push_sealed(encrypted, timestamp="1700000000", nonce=NONCE, now=NOW, body=None):
    signature = envelope().signature(timestamp, nonce, encrypted)
    return door().open(body or wrap(encrypted), signature, timestamp, nonce, now)


def message(inner, corp=FIRST["corpid"], agent=f"<AgentID>{AGENT}</AgentID>"):
    return (
        f"<xml><ToUserName>{corp}</ToUserName><FromUserName>ZhangSan</FromUserName>"
        f"<CreateTime>1700000000</CreateTime>{inner}{agent}</xml>"
    )


def encrypt_raw(padded):
    key = base64.b64decode(FIRST["aeskey"] + "=")
    encryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
    return base64.b64encode(encryptor.update(padded) + encryptor.finalize()).decode()


def content_of(text=b"<xml/>", length=None):
    size = len(text) if length is None else length
    return os.urandom(16) + struct.pack(">I", size) + text + FIRST["corpid"].encode()
