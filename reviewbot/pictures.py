"""Pictures made for messages, kept by the hash of their bytes, so that a message in the outbox only names one."""

import hashlib
import re
import secrets
from pathlib import Path

_SHA256 = re.compile(r"[0-9a-f]{64}")


def keep_picture(folder: Path, data: bytes) -> str:
    """Store the bytes under ``folder``/pictures (``data_dir``) once; their SHA-256."""
    sha256 = hashlib.sha256(data).hexdigest()
    place = _place(folder, sha256)
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        draft = place.with_suffix("." + secrets.token_hex(8))  # two workers may make the same picture
        draft.write_bytes(data)
        draft.replace(place)
    return sha256


def read_picture(folder: Path, sha256: str) -> bytes | None:
    """The bytes; None where they are not (another machine's folder) or no longer what they were."""
    if not _SHA256.fullmatch(sha256):
        return None
    try:
        data = _place(folder, sha256).read_bytes()
    except OSError:
        return None
    return data if hashlib.sha256(data).hexdigest() == sha256 else None


def _place(folder: Path, sha256: str) -> Path:
    return folder / "pictures" / sha256[:2] / sha256
