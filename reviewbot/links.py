"""Links for people who cannot sign in: signed, so that nobody can make one or turn one into another's (B21)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from itsdangerous import BadData, URLSafeSerializer

SALT = "rater"
_SLACK = timedelta(minutes=5)
"""How far the clock of the process that made a link may be ahead of the one that reads it."""


@dataclass(frozen=True)
class RaterLink:
    """What a rater's link stands for: one round of one case, and when it was made."""

    case_id: int
    round: int
    made_at: int
    """Seconds since 1970 on the house's clock, so that a link ages in a rehearsal too."""


class RaterLinks:
    """Makes and reads the links of raters.

    ``key`` is asked for when it is needed: it lies in the data folder, which a process may start without.
    The same case, round and moment always give the same link, so that a message tried again is the same text.
    """

    def __init__(self, key: Callable[[], str], address: str) -> None:
        self._key = key
        self._address = address

    def make(self, link: RaterLink) -> str:
        """The address a rater opens."""
        return f"{self._address}/r/{self._token(link)}"

    def read(self, token: str, *, now: datetime, days: int) -> RaterLink | None:
        """What a token stands for; None for one that is not ours, was changed, or is older than ``days``."""
        try:
            link = RaterLink(*self._signer().loads(token))
        except (BadData, TypeError):
            return None
        if self._token(link) != token:  # Base64 has spare bits at its end: one link has one spelling
            return None
        age = now - datetime.fromtimestamp(link.made_at, now.tzinfo)
        return link if -_SLACK <= age <= timedelta(days=days) else None

    def _token(self, link: RaterLink) -> str:
        token: str = self._signer().dumps([link.case_id, link.round, link.made_at])
        return token

    def _signer(self) -> URLSafeSerializer:
        return URLSafeSerializer(self._key(), salt=SALT)
