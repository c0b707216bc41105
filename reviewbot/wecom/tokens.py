"""One access token per application for all processes: kept in Redis, renewed by one of them at a time."""

import hashlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

import redis

from reviewbot.wecom.errors import Kind, WeComError

LOCK_SECONDS = 30
WAIT_SECONDS = 10.0
POLL_SECONDS = 0.05

# Only the owner may give the lock back: after the TTL it may belong to somebody else.
_RELEASE = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0"


@dataclass(frozen=True, slots=True)
class Grant:
    """What gettoken answered; the token stays out of every repr."""

    token: str
    seconds: int

    def __repr__(self) -> str:
        return f"Grant(seconds={self.seconds})"


def lifetime(expires_in: object) -> int:
    """How long to keep a token: five minutes less than promised, at least one minute. Only a hint."""
    try:
        seconds = int(str(expires_in))
    except ValueError:
        seconds = 7200
    return min(max(seconds - 300, 60), 86400)


class TokenStore:
    """The token of one (host, corp, secret). ``redis_client`` may or may not decode responses."""

    def __init__(self, redis_client: redis.Redis, base_url: str, corp_id: str, secret: str) -> None:
        identity = "\0".join((base_url.rstrip("/"), corp_id, secret))
        self.key = "wecom:token:" + hashlib.sha256(identity.encode()).hexdigest()
        self._redis = redis_client

    def token(
        self, fetch: Callable[[], Grant], *, rejected: str | None = None, wait_seconds: float = WAIT_SECONDS
    ) -> str:
        """The stored token, or a new one if there is none or WeCom has just rejected the stored one."""
        try:
            return self._token(fetch, rejected, wait_seconds)
        except WeComError as error:
            error.unsure = False  # without a token nothing of the call itself has been sent
            raise
        except redis.RedisError:
            pass  # raised below, outside the handler, so that no context is carried along
        raise WeComError(
            "缓存服务暂时不可用，无法取得企业微信访问令牌", kind=Kind.parked, retry_after=5, away=True
        )

    def store(self, grant: Grant) -> None:
        self._redis.set(self.key, grant.token, ex=grant.seconds)

    def _token(self, fetch: Callable[[], Grant], rejected: str | None, wait_seconds: float) -> str:
        give_up = time.monotonic() + wait_seconds
        while True:
            if usable := self._stored(rejected):
                return usable
            owner = secrets.token_hex(16)
            if self._redis.set(f"{self.key}:lock", owner, nx=True, ex=LOCK_SECONDS):
                return self._renew(fetch, rejected, owner)
            if time.monotonic() >= give_up:
                raise WeComError("等待企业微信访问令牌超时", kind=Kind.parked, retry_after=5)
            time.sleep(POLL_SECONDS)

    def _renew(self, fetch: Callable[[], Grant], rejected: str | None, owner: str) -> str:
        try:
            if usable := self._stored(rejected):
                return usable
            grant = fetch()
            self.store(grant)
            return grant.token
        finally:
            self._redis.eval(_RELEASE, 1, f"{self.key}:lock", owner)

    def _stored(self, rejected: str | None) -> str | None:
        value = self._redis.get(self.key)
        token = value.decode() if isinstance(value, bytes) else value
        return token if isinstance(token, str) and token and token != rejected else None
