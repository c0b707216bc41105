"""The one shape every review has inside the house, and the reason when a record does not become one."""

import hashlib
from datetime import UTC, datetime
from typing import Literal

import msgspec


class TextRow(dict[str, str]):
    """A record that came from a table file: every value is text, so digits may stand for numbers."""


_OF_ORDERS = {"kind", "closed_at", "satisfaction"}
"""What a rating does not have; left out, so that its fingerprint is what it always was."""


class ReviewIn(msgspec.Struct, frozen=True, kw_only=True):
    """One review as its source stated it; ``flags`` are our remarks on it and not part of the facts."""

    external_id: str
    round: int
    rating: int | None
    reviewed_at: datetime
    channel: str | None = None
    department: str | None = None
    department_name: str | None = None
    item: str | None = None
    item_code: str | None = None
    window: str | None = None
    handled_by: str | None = None
    reason_codes: tuple[str, ...] = ()
    comment: str = ""
    is_default: bool = False
    rater_kind: str | None = None
    rater_name: str | None = None
    rater_phone: str | None = None
    rater_anonymous: bool = False
    kind: str = "rating"
    closed_at: datetime | None = None
    """When the source itself closed the work order: history, not work."""
    satisfaction: str | None = None
    flags: tuple[str, ...] = ()

    def fingerprint(self) -> str:
        """SHA-256 over the facts: equal for a repeated delivery, different for an altered one."""
        left_out = {"flags", "reviewed_at"} | (_OF_ORDERS if self.kind == "rating" else set())
        facts = [getattr(self, name) for name in self.__struct_fields__ if name not in left_out]
        facts.append(self.reviewed_at.astimezone(UTC).isoformat())
        return hashlib.sha256(msgspec.json.encode(facts)).hexdigest()


class Correction(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a person at the desk put right in a record that was set aside; None: as the source has it."""

    rating: int | None = None
    reviewed_at: datetime | None = None
    is_default: bool | None = None
    rater_anonymous: bool | None = None


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """Why a record did not become a review.

    ``refused``: the sender must repair it. ``set_aside``: it may be true, a person has to look at it.
    """

    result: Literal["refused", "set_aside"]
    reason: str
    external_id: str | None = None
    round: int | None = None
    correctable: tuple[str, ...] = ()
    """Which of our fields a person may put right: those in doubt, never one the source stated clearly."""
