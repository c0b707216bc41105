"""The envelope of a callback: signature and AES, stricter than WeCom's samples; every doubt is a refusal."""

import base64
import binascii
import hashlib
import hmac
import os
import re
import struct

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from reviewbot.errors import NotAllowed, SettingError

BLOCK = 32
HEAD = 20  # 16 random bytes and the length

_TIMESTAMP = re.compile(r"[0-9]{10}")
_NONCE = re.compile(r"\w{1,64}", re.ASCII)
_SIGNATURE = re.compile(r"[0-9a-f]{40}")


class CallbackRefused(NotAllowed):
    """Not a genuine callback. Outsiders learn nothing more; ``reason`` is one word for our log."""

    code = "callback_refused"

    def __init__(self, reason: str) -> None:
        super().__init__("请求未通过验证")
        self.reason = reason

    def __reduce__(self) -> tuple[object, ...]:
        return (CallbackRefused, (self.reason,))


class Envelope:
    """Opens and seals with one Token and EncodingAESKey; ``receiver`` is our corp id."""

    def __init__(self, token: str, aes_key: str, receiver: str) -> None:
        self._token = token
        self._receiver = receiver.encode()
        self._key = _aes_key(aes_key)

    def signature(self, timestamp: str, nonce: str, encrypted: str) -> str:
        parts = sorted(part.encode() for part in (self._token, timestamp, nonce, encrypted))
        return hashlib.sha1(b"".join(parts)).hexdigest()  # noqa: S324 -- WeCom's protocol

    def open(self, encrypted: str, msg_signature: str, timestamp: str, nonce: str) -> str:
        """The text inside. The parts are hashed without separators, so their shapes must be fixed first."""
        if not _TIMESTAMP.fullmatch(timestamp):
            raise CallbackRefused("timestamp")
        if not _NONCE.fullmatch(nonce):
            raise CallbackRefused("nonce")
        if not _SIGNATURE.fullmatch(msg_signature):
            raise CallbackRefused("signature")
        if not hmac.compare_digest(self.signature(timestamp, nonce, encrypted), msg_signature):
            raise CallbackRefused("signature")
        return self._decrypt(encrypted)

    def seal(self, text: str) -> str:
        message = text.encode()
        content = os.urandom(16) + struct.pack(">I", len(message)) + message + self._receiver
        padding = BLOCK - len(content) % BLOCK
        encryptor = self._cipher().encryptor()
        sealed = encryptor.update(content + bytes([padding]) * padding) + encryptor.finalize()
        return base64.b64encode(sealed).decode()

    def _decrypt(self, encrypted: str) -> str:
        sealed = base64.b64decode(encrypted.encode("ascii"), validate=True)
        if not sealed or len(sealed) % BLOCK:
            raise CallbackRefused("length")
        decryptor = self._cipher().decryptor()
        padded = decryptor.update(sealed) + decryptor.finalize()
        padding = padded[-1]
        if not 1 <= padding <= BLOCK or padded[-padding:] != bytes([padding]) * padding:
            raise CallbackRefused("padding")
        content = padded[:-padding]
        if len(content) < HEAD:
            raise CallbackRefused("length")
        end = HEAD + struct.unpack(">I", content[16:HEAD])[0]
        if end > len(content):
            raise CallbackRefused("length")
        if not hmac.compare_digest(content[end:], self._receiver):
            raise CallbackRefused("receiver")
        return content[HEAD:end].decode("utf-8")

    def _cipher(self) -> Cipher[modes.CBC]:
        return Cipher(algorithms.AES(self._key), modes.CBC(self._key[:16]))


def _aes_key(aes_key: str) -> bytes:
    try:
        key = base64.b64decode((aes_key + "=").encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        key = b""
    if len(aes_key) != 43 or len(key) != 32:
        raise SettingError("企业微信回调的 EncodingAESKey 必须是 43 位字母和数字")
    return key
