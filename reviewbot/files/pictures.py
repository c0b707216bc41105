"""Pictures made for messages, kept by the hash of their bytes, so that a message in the outbox only names one."""

import hashlib
import re
from pathlib import Path

from reviewbot.files.store import write_once

_SHA256 = re.compile(r"[0-9a-f]{64}")


def keep_picture(folder: Path, data: bytes) -> str:
    """Store the bytes under ``folder``/pictures (``data_dir``) once; their SHA-256."""
    sha256 = hashlib.sha256(data).hexdigest()
    write_once(_place(folder, sha256), data)
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
