"""Files named by what they hold: written once and whole, however many write the same at once."""

import secrets
from pathlib import Path


def write_once(place: Path, data: bytes) -> None:
    """The bytes at this place, unless they are there already; nobody ever sees a part of them.

    A writer that dies leaves its draft behind, under the same name with a suffix.
    """
    if place.exists():
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    draft = place.with_name(f"{place.name}.{secrets.token_hex(8)}")
    draft.write_bytes(data)
    draft.replace(place)
