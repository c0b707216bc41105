"""Which APIs may be called now. One gate for each, shared by all processes (W8, W9, W26).

A gate closes on an error that the next call would meet too: one that an operator must mend, a throttle, or
three failures in a row. When its time is up one caller goes first; what he meets opens or closes it.
"""

import math
import random
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import redis

from reviewbot.wecom.errors import Kind, WeComError
from reviewbot.wecom.health import WeComHealth, seconds_to_midnight

FAILURES_IN_A_ROW = 3
CROWDED_IN_A_ROW = 15
FIRST_PAUSE, LONGEST_PAUSE = 5.0, 300.0
MEMORY_SECONDS = 86_400
"""How long failures in a row and pauses in a row are remembered; a success forgets them."""
PROBE_SECONDS = 60
NARROW_SECONDS = 10
NARROW_WAIT = 2.0
THROTTLE_PAUSES = (60.0, 3600.0)
"""45009 does not say which of its windows it is: minute, hour, then the rest of the day (wecom §2.8)."""
CLOSES_AT_ONCE = frozenset({Kind.config, Kind.throttled})
FAILURES = frozenset({Kind.retry, Kind.crowded, Kind.refresh})

# Only the owner may give a lock back: after its time it may belong to somebody else.
_RELEASE = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0"


class Gates:
    """The gates of one application; open while Redis is away, since the token store then refuses anyway."""

    def __init__(self, health: WeComHealth, store: redis.Redis) -> None:
        self._health = health
        self._redis = store

    @contextmanager
    def through(self, api: str, is_alive: Callable[[], bool]) -> Iterator[None]:
        """Call the API inside. Raises WeComError of kind parked, with nothing sent, while the gate is closed.

        ``is_alive``: a harmless call that is made first after an outage, so that no message is spent on it.
        """
        probing, lane = self._enter(api, is_alive), self._lane(api)
        try:
            yield
        except WeComError as error:
            self._failed(api, error, probing=probing)
            raise
        else:
            self._passed(api, probing=probing)
        finally:
            self._leave(api, lane)

    def room(self, api: str) -> int | None:
        """How many calls may be made now: 0 while the gate is closed, 1 for whoever goes first, None for all."""
        with suppress(redis.RedisError):
            state = self._health.gate(api)
            if state is not None:
                return 0 if state.until > time.time() else 1
        return None

    def _enter(self, api: str, is_alive: Callable[[], bool]) -> bool:
        try:
            state = self._health.gate(api)
            if state is None:
                return False
            if (left := state.until - time.time()) > 0:
                raise _parked(state.sentence, left)
            if not self._redis.set(self._key("probe", api), "1", nx=True, ex=PROBE_SECONDS):
                raise _parked(state.sentence, 2.0)
        except redis.RedisError:
            return False
        if state.kind == Kind.retry and not is_alive():
            error = WeComError(state.sentence, kind=Kind.retry)
            self._failed(api, error, probing=True)
            raise _parked(state.sentence, error.retry_after or FIRST_PAUSE)
        return True

    def _lane(self, api: str) -> str | None:
        """After "too many at once" everybody goes one by one for a while."""
        try:
            if not self._redis.exists(self._key("narrow", api)):
                return None
            owner, give_up = secrets.token_hex(8), time.monotonic() + NARROW_WAIT
            while not self._redis.set(self._key("lane", api), owner, nx=True, ex=PROBE_SECONDS):
                if time.monotonic() > give_up:
                    return None
                time.sleep(0.02)
        except redis.RedisError:
            return None
        return owner

    def _leave(self, api: str, lane: str | None) -> None:
        if lane is not None:
            with suppress(redis.RedisError):
                self._redis.eval(_RELEASE, 1, self._key("lane", api), lane)

    def _passed(self, api: str, *, probing: bool) -> None:
        with suppress(redis.RedisError):
            self._redis.delete(*(self._key(f"failures-{kind}", api) for kind in FAILURES))
            if probing:
                levels = (self._key(f"level-{kind}", api) for kind in CLOSES_AT_ONCE | FAILURES)
                self._redis.delete(self._key("gate", api), self._key("probe", api), *levels)

    def _failed(self, api: str, error: WeComError, *, probing: bool) -> None:
        """Close the gate if it is time to; the error then says that the whole channel is away, and how long."""
        if error.kind not in CLOSES_AT_ONCE | FAILURES:
            # Whatever else it says, the platform answers.
            return self._passed(api, probing=probing) if error.errcode is not None else None
        with suppress(redis.RedisError):
            if error.kind is Kind.crowded:
                self._redis.set(self._key("narrow", api), "1", ex=NARROW_SECONDS)
                if (
                    probing
                ):  # it answers; that too many call is helped by going one by one, not by waiting longer
                    return self._passed(api, probing=True)
            if probing or error.kind in CLOSES_AT_ONCE or self._too_many(api, error):
                self._close(api, error, probing=probing)
            state = self._health.gate(api)
            if state is not None:
                error.away, error.retry_after = True, float(max(math.ceil(state.until - time.time()), 1))
        return None

    def _too_many(self, api: str, error: WeComError) -> bool:
        key = self._key(f"failures-{error.kind}", api)
        failures = self._redis.incr(key)
        self._redis.expire(key, MEMORY_SECONDS)
        return int(failures) >= (CROWDED_IN_A_ROW if error.kind is Kind.crowded else FAILURES_IN_A_ROW)

    def _close(self, api: str, error: WeComError, *, probing: bool) -> None:
        """Once for everybody: a call that was under way when the gate closed does not make the pause longer."""
        now, key, remembered = time.time(), self._key("gate", api), self._key(f"level-{error.kind}", api)
        level = int(self._redis.get(remembered) or 0)
        until = now + _pause(error, level)
        if probing:
            self._redis.hset(key, "until", until)
        elif not self._redis.hsetnx(key, "until", until):
            return
        self._redis.set(remembered, level + 1, ex=MEMORY_SECONDS)
        facts: dict[Any, Any] = {
            "kind": error.kind.value,
            "sentence": error.sentence,
            "errcode": "" if error.errcode is None else error.errcode,
        }
        self._redis.hset(key, mapping=facts)
        self._redis.hsetnx(key, "since", now)
        self._redis.expireat(key, int(until) + MEMORY_SECONDS)
        self._redis.delete(self._key("probe", api), self._key(f"failures-{error.kind}", api))
        if error.kind in CLOSES_AT_ONCE or level == 0:
            self._health.alert(str(error.errcode or "away"), error.sentence)

    def _key(self, what: str, api: str) -> str:
        return f"{self._health.gate_prefix}{what}:{api}"


def _pause(error: WeComError, level: int) -> float:
    match error.kind:
        case Kind.config:
            return error.retry_after or LONGEST_PAUSE
        case Kind.throttled:
            return THROTTLE_PAUSES[level] if level < len(THROTTLE_PAUSES) else seconds_to_midnight()
        case Kind.crowded:
            return FIRST_PAUSE
    return min(FIRST_PAUSE * float(2**level), LONGEST_PAUSE) * random.uniform(1, 1.2)  # noqa: S311 - jitter


def _parked(sentence: str, seconds: float) -> WeComError:
    return WeComError(f"企业微信暂停调用：{sentence}", kind=Kind.parked, retry_after=seconds, away=True)
