"""What the text of a setting must look like: whatever would only fail later is told at the start, in words."""

import base64
from typing import Annotated
from urllib.parse import urlsplit

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict
from pydantic import AfterValidator, SecretStr
from redis import Redis
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

SECRET_BYTES = 24
"""The least a Standard Webhooks secret should hold, by its specification."""


def _web_address(told: str) -> str:
    try:
        parts = urlsplit(told)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number, a broken IPv6 address
        good = False
    if told and (not good or any(sign.isspace() for sign in told)):
        raise ValueError("应为 http:// 或 https:// 开头的完整地址")
    return told


def _host_and_port(told: str) -> str:
    host, _, port = told.rpartition(":")
    good = host and ":" not in host and port.isascii() and port.isdigit() and int(port) <= 65_535
    if told and (not good or any(sign.isspace() for sign in host)):
        raise ValueError("应为 主机:端口，端口不大于 65535")
    return told


def _database_url(told: str) -> str:
    """``postgres://`` is what many hosts print; the library knows the long word alone."""
    url = told.replace("postgres://", "postgresql://", 1)
    try:
        good = not url or make_url(url).drivername in ("postgresql", "postgresql+psycopg")
        if good:
            conninfo_to_dict(url.replace("postgresql+psycopg://", "postgresql://", 1))
    except (ArgumentError, ProgrammingError, ValueError):
        good = False
    if not good:
        raise ValueError("应为 postgresql://用户:密码@主机:端口/库名")
    return url


def _redis_url(told: str) -> str:
    try:
        if told:
            Redis.from_url(told).close()
    except ValueError:
        raise ValueError("应为 redis://主机:端口/编号（或 rediss://、unix://）") from None
    return told


def _aes_key(told: SecretStr) -> SecretStr:
    """EncodingAESKey: 32 bytes as Base64 without its last sign (wecom §2.7)."""
    text = told.get_secret_value()
    try:
        key = base64.b64decode(text + "=", validate=True) if len(text) == 43 else b""
    except ValueError:
        key = b""
    if text and len(key) != 32:
        raise ValueError("应为 43 位字母和数字")
    return told


def key_of(secret: str) -> bytes:
    """What a Standard Webhooks secret signs with; nothing where it is none.

    The library decodes leniently: it skips foreign characters and signs with the rest. ``whsec_`` may be left out
    of a secret as long as the specification wants it; a shorter word is taken for a slip, for most words are Base64.
    """
    text = secret.removeprefix("whsec_")
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError:
        return b""
    return key if text != secret or len(key) >= SECRET_BYTES else b""


def _webhook_secrets(told: SecretStr) -> SecretStr:
    if not all(key_of(one) for one in told.get_secret_value().split()):
        raise ValueError("密钥应为 whsec_ 加 Base64 文字，多个以空格分隔")
    return told


WebAddress = Annotated[str, AfterValidator(_web_address)]
"""http(s) with a host and perhaps a path; may be empty."""
HostAndPort = Annotated[str, AfterValidator(_host_and_port)]
DatabaseUrl = Annotated[str, AfterValidator(_database_url)]
RedisUrl = Annotated[str, AfterValidator(_redis_url)]
AesKey = Annotated[SecretStr, AfterValidator(_aes_key)]
WebhookSecrets = Annotated[SecretStr, AfterValidator(_webhook_secrets)]
