"""What every process knows of WeCom's health: last good token, alerts, what the platform lacks, messages today.

Kept in Redis, where web and workers both see it; losing it loses no message.
"""

import hashlib
import json
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field

import redis
import structlog

KEEP_SECONDS = 7 * 86_400
"""Alerts and learned gaps of the platform are forgotten after a week: it may have been mended or renewed."""
CHINA_OFFSET = 8 * 3600
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Alert:
    """Something an operator must act on; times in epoch seconds."""

    code: str
    sentence: str
    first: float
    last: float
    count: int


@dataclass(frozen=True, slots=True)
class GateState:
    """Why an API is not called, since when and until when (epoch seconds). ``kind``: of the error that closed it."""

    api: str
    kind: str
    sentence: str
    since: float
    until: float
    errcode: int | None = None


@dataclass(frozen=True, slots=True)
class WeComFacts:
    """For the health page and the doctor (W26). ``quota``: person-times a day, 0 = not told. ``known``: whether the
    store could be asked; where not, nothing else says anything."""

    last_token: float | None = None
    gates: list[GateState] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)
    lacking: list[str] = field(default_factory=list)
    sent_today: int = 0
    quota: int = 0
    known: bool = True


class WeComHealth:
    """One application. Every method is silent while Redis is away: health must not make anybody ill."""

    def __init__(self, store: redis.Redis, identity: str, *, secret: str = "", quota: int = 0) -> None:
        self._redis = store
        self.prefix = f"wecom:{identity}:"
        self.gate_prefix = self.prefix + hashlib.sha256(secret.encode()).hexdigest()[:16] + ":"
        """Who has put the secret right shall not wait for the pause that the wrong one earned."""
        self.quota = quota

    def token_fetched(self) -> None:
        with suppress(redis.RedisError):
            self._redis.set(self.prefix + "last_token", time.time())

    def alert(self, code: str, sentence: str) -> None:
        """Tell the operator at once (log) and remember it for the page."""
        log.error("wecom alert", alert=code, sentence=sentence)
        now, key = time.time(), self.prefix + "alerts"
        with suppress(redis.RedisError):
            before = _table(self._redis.hget(key, code))
            known = {"first": before.get("first", now), "count": _whole(before.get("count")) + 1}
            self._redis.hset(key, code, json.dumps({"sentence": sentence, "last": now} | known))
            self._redis.expire(key, KEEP_SECONDS)

    def lacks(self, capability: str) -> None:
        """The platform has said that it does not know this; remembered, and told by the doctor (W28)."""
        with suppress(redis.RedisError):
            key = self.prefix + "lacks:" + capability
            if self._redis.set(key, time.time(), ex=KEEP_SECONDS, nx=True):
                log.warning("wecom lacks", capability=capability)

    def is_lacking(self, capability: str) -> bool:
        with suppress(redis.RedisError):
            return bool(self._redis.exists(self.prefix + "lacks:" + capability))
        return False

    def facts(self) -> WeComFacts:
        try:
            return self._facts()
        except redis.RedisError:
            return WeComFacts(quota=self.quota, known=False)

    def _facts(self) -> WeComFacts:
        token = self._redis.get(self.prefix + "last_token")
        alerts = {
            text(code): _table(row) for code, row in self._redis.hgetall(self.prefix + "alerts").items()
        }
        lacking = [text(key) for key in self._redis.scan_iter(self.prefix + "lacks:*")]
        gates = [text(key) for key in self._redis.scan_iter(self.gate_prefix + "gate:*")]
        return WeComFacts(
            last_token=_number(token) if token else None,
            gates=[state for key in sorted(gates) if (state := self.gate(key.partition("gate:")[2]))],
            alerts=sorted(
                (
                    Alert(
                        code,
                        str(row["sentence"]),
                        _number(row["first"]),
                        _number(row["last"]),
                        _whole(row["count"]),
                    )
                    for code, row in alerts.items()
                    if row
                ),
                key=lambda one: -one.last,
            ),
            lacking=sorted(key.partition("lacks:")[2] for key in lacking),
            sent_today=_whole(self._redis.get(self.day_key())),
            quota=self.quota,
        )

    def gate(self, api: str) -> GateState | None:
        """The state of a closed gate; raises RedisError."""
        row = {
            text(name): text(value)
            for name, value in self._redis.hgetall(f"{self.gate_prefix}gate:{api}").items()
        }
        if "until" not in row:
            return None
        code = row.get("errcode", "")
        return GateState(
            api,
            row.get("kind", ""),  # whoever closed it may have died before he said why
            row.get("sentence", "暂停"),
            float(row.get("since", row["until"])),
            float(row["until"]),
            int(code) if code else None,
        )

    def is_spent(self) -> bool:
        """Whether today's person-times are used up."""
        with suppress(redis.RedisError):
            return 0 < self.quota <= _whole(self._redis.get(self.day_key()))
        return False

    def day_key(self) -> str:
        """The counter of today's person-times; WeCom's day is China's."""
        return f"{self.prefix}day:{int(time.time() + CHINA_OFFSET) // 86_400}"


def seconds_to_midnight() -> float:
    """Until WeCom's next day."""
    return 86_400 - (time.time() + CHINA_OFFSET) % 86_400


def text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _table(value: object) -> Mapping[str, object]:
    found = json.loads(text(value)) if value else {}
    return found if isinstance(found, dict) else {}


def _whole(value: object) -> int:
    return int(float(text(value))) if value else 0


def _number(value: object) -> float:
    return float(text(value))
