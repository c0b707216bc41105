"""The platform's clock: it can be set, put forward and run faster than life."""

from collections.abc import Callable

import anyio


class PlatformClock:
    """Seconds since 1970, counted from a base clock; by default it is the base clock."""

    def __init__(self, base: Callable[[], float]) -> None:
        self._base = base
        self._since = base()
        self._at = self._since
        self.rate = 1.0

    def __call__(self) -> float:
        return self._at + (self._base() - self._since) * self.rate

    def set(self, at: float | None = None, *, rate: float | None = None) -> None:
        """Go to a moment and on from there; ``rate`` is platform seconds per real second, 0 stands still."""
        self._at = self() if at is None else at
        self._since = self._base()
        self.rate = self.rate if rate is None else rate

    def advance(self, seconds: float) -> None:
        self.set(self() + seconds)

    async def reach(self, moment: float) -> None:
        """Return once the clock shows the moment, by running or by being put forward."""
        while (left := moment - self()) > 0:
            await anyio.sleep(min(0.05, left / self.rate) if self.rate else 0.05)
