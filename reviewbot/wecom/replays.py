"""Callbacks seen lately, by their ciphertext: a replay costs no look into the database, and has no effect (W18).

The database remains the judge (``inbox.key``): a cache that is away lets everything through to it.
"""

import redis
import structlog

log = structlog.get_logger()


class ReplayCache:
    """Keeps a print for ``seconds``, which is never shorter than the time a callback counts as fresh."""

    def __init__(self, store: redis.Redis, seconds: int) -> None:
        self._store = store
        self._seconds = seconds

    def knows(self, ciphertext_sha256: str) -> bool:
        """Whether the very same push has been stored before."""
        try:
            return bool(self._store.exists(_key(ciphertext_sha256)))
        except redis.RedisError as wrong:
            log.warning("replay cache is away; the database decides", why=type(wrong).__name__)
            return False

    def remember(self, ciphertext_sha256: str) -> None:
        """Call it only when the push is durable: a print without a row would lose WeCom's honest repeat."""
        try:
            self._store.set(_key(ciphertext_sha256), 1, ex=self._seconds, nx=True)
        except redis.RedisError as wrong:
            log.warning("replay cache is away", why=type(wrong).__name__)


def _key(ciphertext_sha256: str) -> str:
    return f"reviewbot:replay:{ciphertext_sha256}"
