"""Media: what may be uploaded, how long it lives and how it comes back (Q18)."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from reviewbot.simulator.config import DAY, Answer, Refused
from reviewbot.simulator.quirks import Quirks

LIMITS = {"image": 10 << 20, "voice": 2 << 20, "video": 10 << 20, "file": 20 << 20}
KEPT = 500


@dataclass
class Media:
    kind: str
    filename: str
    body: bytes
    content_type: str
    created_at: float


def looks_like(kind: str, body: bytes) -> bool:
    """Whether the bytes are of the kind, by their first ones."""
    if kind == "image":
        return body.startswith((b"\xff\xd8\xff", b"\x89PNG"))
    if kind == "voice":
        return body.startswith(b"#!AMR")
    return kind != "video" or body[4:8] == b"ftyp"


def silence(seconds: int) -> bytes:
    """An AMR recording of so many seconds in which nobody speaks: 50 frames of 13 bytes a second."""
    return b"#!AMR\n" + (b"\x04" + bytes(12)) * (50 * max(1, min(seconds, 60)))


class MediaStore:
    def __init__(self, quirks: Quirks, now: Callable[[], float]) -> None:
        self._quirks = quirks
        self._now = now
        self._kept: dict[str, Media] = {}

    def add(self, kind: str, filename: str, body: bytes, content_type: str) -> Answer:
        if kind not in LIMITS:
            raise Refused(40004, "invalid media type")
        if len(body) <= 5:
            raise Refused(40006, "invalid media size")
        if len(body) > LIMITS[kind]:
            raise Refused(45001, "media file size out of limit")
        if not looks_like(kind, body):
            raise Refused(40005, "invalid file type")
        media_id = secrets.token_hex(32)
        self._kept[media_id] = Media(kind, filename, body, content_type, self._now())
        while len(self._kept) > KEPT:
            del self._kept[next(iter(self._kept))]
        made = int(self._now())
        stamp: str | int = str(made) if self._quirks.created_at_string else made
        return {"type": kind, "media_id": media_id, "created_at": stamp}

    def get(self, media_id: str) -> Media:
        """As a program sees it: gone after three days."""
        media = self._kept.get(media_id)
        if media is None or self._now() - media.created_at > self._quirks.media_days * DAY:
            raise Refused(40007, "invalid media_id", "media_days" if media else "")
        return media

    def peek(self, media_id: str) -> Media | None:
        """As the phone that sent it sees it, for ever."""
        return self._kept.get(media_id)
