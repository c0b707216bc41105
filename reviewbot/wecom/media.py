"""Files to and from WeCom: what it takes, how long a media_id may be used, what an answer holds."""

import hashlib
import re
import urllib.parse
from contextlib import suppress
from dataclasses import dataclass

import redis

from reviewbot.wecom.connection import not_wecom
from reviewbot.wecom.errors import Kind, WeComError
from reviewbot.wecom.transport import Answer

SMALLEST = 6
"""Every file must be larger than 5 bytes (wecom §2.4)."""
REUSE_SECONDS = 60 * 3600
"""A media_id lives 72 hours; a message sent with it must still be opened later (W14)."""


@dataclass(frozen=True, slots=True)
class Media:
    data: bytes
    filename: str
    content_type: str


@dataclass(frozen=True, slots=True)
class UploadLimit:
    """``magic``: the first bytes WeCom accepts, at ``offset``; empty = any."""

    size: int
    name: str
    magic: tuple[bytes, ...] = ()
    offset: int = 0


UPLOADS = {
    "image": UploadLimit(
        10 << 20, "图片须为 10 MB 以内的 JPG 或 PNG", (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")
    ),
    "voice": UploadLimit(2 << 20, "语音须为 2 MB 以内的 AMR", (b"#!AMR",)),
    "video": UploadLimit(10 << 20, "视频须为 10 MB 以内的 MP4", (b"ftyp",), 4),
    "file": UploadLimit(20 << 20, "文件须在 20 MB 以内"),
}


def check_upload(kind: str, data: bytes) -> None:
    """Raises WeComError of kind media for what WeCom would refuse, and TypeError for a file object.

    A file object has been read to its end when a call is repeated: WeCom would then get an empty file.
    """
    if not isinstance(data, bytes):
        raise TypeError("upload_media takes bytes, never a file object (W14)")
    limit = UPLOADS.get(kind)
    if limit is None:
        raise WeComError(f"企业微信没有这类文件：{kind[:20]}", kind=Kind.media)
    if len(data) < SMALLEST:
        raise WeComError("文件是空的或不足 6 字节，企业微信不收", kind=Kind.media)
    if len(data) > limit.size or (limit.magic and not data.startswith(limit.magic, limit.offset)):
        raise WeComError(limit.name, kind=Kind.media)


def cache_key(base: str, corp_id: str, kind: str, filename: str, data: bytes) -> str:
    """A media_id works across the apps of one corp; the name belongs to it, readers see it."""
    identity = "\0".join((base, corp_id, kind, filename, hashlib.sha256(data).hexdigest()))
    return "wecom:media:" + hashlib.sha256(identity.encode()).hexdigest()


def cached_id(store: redis.Redis, key: str) -> str | None:
    with suppress(redis.RedisError):
        value = store.get(key)
        return value.decode() if isinstance(value, bytes) else value if isinstance(value, str) else None
    return None


def cache_id(store: redis.Redis, key: str, media_id: str) -> None:
    with suppress(redis.RedisError):
        store.set(key, media_id, ex=REUSE_SECONDS)


def forget_id(store: redis.Redis, key: str) -> None:
    with suppress(redis.RedisError):
        store.delete(key)


def read_media(answer: Answer, data: bytes, max_bytes: int) -> Media:
    if max(len(data), total_bytes(answer) or 0) > max_bytes:
        raise WeComError("文件超过允许的大小", kind=Kind.media)
    disposition = answer.headers.get("Content-Disposition", "")
    kind = answer.content_type
    if not disposition and kind.startswith("text/"):
        raise not_wecom()
    return Media(data, _filename(disposition), kind or "application/octet-stream")


def _filename(disposition: str) -> str:
    """The bare name: no folders, no control characters; WeCom writes UTF-8 or percent-encoded names."""
    if extended := re.search(r"filename\*=(?:utf-8|UTF-8)''([^;\s]+)", disposition):
        name = urllib.parse.unquote(extended[1])
    elif plain := re.search(r'filename="([^"]*)"|filename=([^;\s]+)', disposition):
        raw = (plain[1] or plain[2] or "").encode("latin-1", "ignore")
        name = urllib.parse.unquote(raw.decode("utf-8", "replace"))
    else:
        return ""
    bare = re.split(r"[/\\]", name)[-1]
    return "".join(letter for letter in bare if letter.isprintable())[:200].strip(". ")


def total_bytes(answer: Answer) -> int | None:
    found = re.fullmatch(r"bytes [0-9]+-[0-9]+/([0-9]{1,12})", answer.headers.get("Content-Range", ""))
    return int(found[1]) if found else None
