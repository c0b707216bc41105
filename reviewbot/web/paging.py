"""Long lists in pages: which page is asked for, which case, and where the next page is."""

import unicodedata
from collections.abc import Sequence
from typing import Protocol
from urllib.parse import urlencode

from starlette.requests import Request

PAGE = 50


class _Row(Protocol):
    @property
    def id(self) -> int: ...


def number_in(request: Request, name: str) -> int | None:
    """A number of the address, as wide as an id; None where there is none, or something else."""
    word = request.query_params.get(name, "")
    return int(word) if word.isascii() and word.isdecimal() and len(word) < 10 else None


def case_number(words: str) -> str:
    """A case's number as people write it, in half or full width, with or without #."""
    return unicodedata.normalize("NFKC", words).strip().lstrip("#").upper()


def next_page(path: str, found: Sequence[_Row], **query: str) -> str | None:
    """The address of the page after this one, of which ``found`` has one row more than it shows."""
    if len(found) <= PAGE:
        return None
    return f"{path}?{urlencode({**query, 'after': found[PAGE - 1].id})}"
