"""The one place that asks what time it is: the system's clock, or a rehearsal clock that can hurry.

A rehearsal is a small JSON file ``{"start": ISO time, "anchor": epoch seconds, "rate": seconds per second}``
that every process reads, so that web, workers and beat live in the same invented hour. Signatures and
platform tokens stay on the real time: their other side does not take part in the rehearsal.
"""

import json
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from reviewbot.errors import InvalidInput

CHINA = ZoneInfo("Asia/Shanghai")


def minute(at: datetime) -> str:
    """A moment as staff read it, in China: 2026-12-07 17:30."""
    return f"{at.astimezone(CHINA):%Y-%m-%d %H:%M}"


class Clock:
    """Tells the time, always aware and in UTC."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class RehearsalClock(Clock):
    """A clock driven by a file; re-read when the file changes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp = -1
        self._start = datetime.now(UTC)
        self._anchor = time.time()
        self._rate = 1.0

    def now(self) -> datetime:
        stamp = self._path.stat().st_mtime_ns
        if stamp != self._stamp:
            told = json.loads(self._path.read_text(encoding="utf-8"))
            self._start = datetime.fromisoformat(told["start"]).astimezone(UTC)
            self._anchor = float(told["anchor"])
            self._rate = float(told["rate"])
            self._stamp = stamp
        return self._start + timedelta(seconds=(time.time() - self._anchor) * self._rate)


def check_days(first: date, last: date) -> None:
    """Raises InvalidInput for days in the wrong order, or so far off that nothing can be reckoned from them."""
    if not (date(2000, 1, 1) <= first and last < date(2100, 1, 1)):
        raise InvalidInput("日期须在 2000 年至 2099 年之间。")
    if first > last:
        raise InvalidInput(f"起始日期 {first} 晚于截止日期 {last}。")


def span(first: date, last: date) -> tuple[datetime, datetime]:
    """The days ``first`` .. ``last`` (both included) as ``start <= moment < end`` in China."""
    start, end = datetime(first.year, first.month, first.day, tzinfo=CHINA), last + timedelta(days=1)
    return start, datetime(end.year, end.month, end.day, tzinfo=CHINA)


def set_rehearsal(path: Path, start: datetime, *, rate: float) -> None:
    """Put the rehearsal clock at ``start``, running ``rate`` seconds a second from now on (0 = standing)."""
    told = {"start": start.isoformat(), "anchor": time.time(), "rate": rate}
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(told), encoding="utf-8")
    draft.replace(path)


def make_clock(rehearsal: Path | None) -> Clock:
    """The clock a process lives by."""
    return RehearsalClock(rehearsal) if rehearsal else Clock()
