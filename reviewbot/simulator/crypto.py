"""The platform's side of the callback encryption, written from the published protocol, not from a client."""

import base64
import binascii
import hashlib
import hmac
import json
import os
import re
from typing import Any

import xmltodict
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

BLOCK = 32  # the protocol pads to 32 bytes, although AES itself needs 16


class CryptoError(ValueError):
    """What the other side sent is not genuine or not well formed."""


class CallbackCrypto:
    """Signs and seals what the platform pushes, and opens what the application answers."""

    def __init__(self, token: str, aes_key: str, receive_id: str) -> None:
        if len(aes_key) != 43:
            raise CryptoError("EncodingAESKey must have exactly 43 characters")
        self._token = token
        self._key = base64.b64decode(aes_key + "=")
        self._receive_id = receive_id.encode()

    def signature(self, timestamp: str, nonce: str, encrypted: str) -> str:
        joined = "".join(sorted((self._token, timestamp, nonce, encrypted)))
        return hashlib.sha1(joined.encode()).hexdigest()  # noqa: S324 - the protocol demands SHA-1

    def encrypt(self, plaintext: str, prefix: bytes | None = None) -> str:
        """Seal a text; ``prefix`` (16 bytes) is random unless a check needs the same bytes again."""
        body = plaintext.encode()
        sealed = (prefix or os.urandom(16)) + len(body).to_bytes(4, "big") + body + self._receive_id
        padding = BLOCK - len(sealed) % BLOCK
        return self.encrypt_raw(sealed + bytes([padding]) * padding)

    def encrypt_raw(self, blocks: bytes) -> str:
        """Whole blocks as they are, whatever their padding says."""
        encryptor = self._cipher().encryptor()
        return base64.b64encode(encryptor.update(blocks) + encryptor.finalize()).decode()

    def open(self, signature: str, timestamp: str, nonce: str, encrypted: str) -> str:
        """Check the signature first, then open."""
        if not hmac.compare_digest(self.signature(timestamp, nonce, encrypted).encode(), signature.encode()):
            raise CryptoError("signature does not match")
        return self.decrypt(encrypted)

    def decrypt(self, encrypted: str) -> str:
        opened = self.decrypt_raw(encrypted)
        length = int.from_bytes(opened[16:20], "big")
        body, receive_id = opened[20 : 20 + length], opened[20 + length :]
        if len(body) != length or receive_id != self._receive_id:
            raise CryptoError("length or receiver does not match")
        try:
            return body.decode()
        except UnicodeDecodeError as exc:
            raise CryptoError("not UTF-8") from exc

    def decrypt_raw(self, encrypted: str) -> bytes:
        """Everything inside, without the padding."""
        try:
            sealed = base64.b64decode(encrypted, validate=True)
        except binascii.Error as exc:
            raise CryptoError("not base64") from exc
        if not sealed or len(sealed) % BLOCK:
            raise CryptoError("wrong length")
        decryptor = self._cipher().decryptor()
        opened = decryptor.update(sealed) + decryptor.finalize()
        padding = opened[-1]
        if not 1 <= padding <= BLOCK or opened[-padding:] != bytes([padding]) * padding:
            raise CryptoError("wrong padding")
        return opened[:-padding]

    def _cipher(self) -> Cipher[modes.CBC]:
        return Cipher(algorithms.AES(self._key), modes.CBC(self._key[:16]))


def open_reply(crypto: CallbackCrypto, body: bytes) -> dict[str, Any]:
    """A passive answer in XML or JSON, verified, opened and read into snake_case."""
    text = body.decode()
    outer = json.loads(text) if text.startswith("{") else _parse(text)
    outer = {str(name).lower(): str(value) for name, value in outer.items()}
    plain = crypto.open(outer["msgsignature"], outer["timestamp"], outer["nonce"], outer["encrypt"])
    inner = json.loads(plain) if plain.lstrip().startswith("{") else _parse(plain)
    return {key: card_from_xml(value) if key == "TemplateCard" else value for key, value in inner.items()}


def _parse(text: str) -> dict[str, Any]:
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise CryptoError("DOCTYPE is refused")
    try:
        parsed = xmltodict.parse(text, disable_entities=True)["xml"]
    except xmltodict.expat.ExpatError as exc:
        raise CryptoError("broken XML") from exc
    if not isinstance(parsed, dict):
        raise CryptoError("an <xml> with fields is expected")
    return parsed


def card_from_xml(value: Any) -> Any:
    """``<ButtonList><Text/>...`` repeated becomes ``button_list: [{text: ...}]``, as in the JSON form."""
    if isinstance(value, list):
        return [card_from_xml(item) for item in value]
    if not isinstance(value, dict):
        return value if value is not None else ""
    card: dict[str, Any] = {}
    for key, item in value.items():
        name = re.sub(r"(?<!^)(?=[A-Z])", "_", key).lower()
        converted = card_from_xml(item)
        card[name] = [converted] if name.endswith("_list") and not isinstance(converted, list) else converted
    return card
