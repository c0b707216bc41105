"""Our own pace, below WeCom's: what is over it waits, because WeCom would drop it without a word (W13)."""

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import redis

from reviewbot.wecom.errors import Kind, WeComError
from reviewbot.wecom.health import WeComHealth, seconds_to_midnight

PER_MINUTE, PER_HOUR = 25, 900
"""WeCom drops above 30 a minute and 1,000 an hour to one member of one application."""
ALARM_SHARE = 0.8

# All or nothing for everybody named: 0 and the day's count, or the milliseconds to wait. Redis tells the time.
_TAKE = """
local told = redis.call('time')
local now = told[1] * 1000 + math.floor(told[2] / 1000)
local per_minute, per_hour, quota = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local people = #KEYS - 1
local today = tonumber(redis.call('get', KEYS[1]) or '0')
if quota > 0 and today + people > quota then return {-1, today} end
local wait = 0
for i = 2, #KEYS do
  redis.call('zremrangebyscore', KEYS[i], '-inf', now - 3600000)
  local hour = redis.call('zcard', KEYS[i])
  local minute = redis.call('zcount', KEYS[i], '(' .. (now - 60000), '+inf')
  if hour >= per_hour then
    local oldest = redis.call('zrange', KEYS[i], hour - per_hour, hour - per_hour, 'withscores')
    wait = math.max(wait, tonumber(oldest[2]) + 3600000 - now)
  end
  if minute >= per_minute then
    local place = hour - per_minute
    local oldest = redis.call('zrange', KEYS[i], place, place, 'withscores')
    wait = math.max(wait, tonumber(oldest[2]) + 60000 - now)
  end
end
if wait > 0 then return {wait, today} end
for i = 2, #KEYS do
  redis.call('zadd', KEYS[i], now, ARGV[1])
  redis.call('pexpire', KEYS[i], 3600000)
end
today = redis.call('incrby', KEYS[1], people)
redis.call('expire', KEYS[1], 172800)
return {0, today}
"""


class Pace:
    """The pace of one application, across all processes. ``health.quota``: person-times a day, 0 = not told."""

    def __init__(
        self,
        store: redis.Redis,
        health: WeComHealth,
        *,
        per_minute: int = PER_MINUTE,
        per_hour: int = PER_HOUR,
    ) -> None:
        self._redis = store
        self._health = health
        self._limits = (per_minute, per_hour)

    @contextmanager
    def kept(self, userids: Sequence[str]) -> Iterator[None]:
        """Send one message to each of them inside; where nothing was sent after all, nothing is counted."""
        mark = self.take(userids)
        try:
            yield
        except WeComError as error:
            if not error.tried:
                self._give_back(userids, mark)
            raise

    def take(self, userids: Sequence[str]) -> str:
        """Count one message to each of them. Raises WeComError of kind parked when one of them must wait."""
        keys, mark = self._keys(userids), secrets.token_hex(8)
        try:
            wait, today = self._redis.eval(_TAKE, len(keys), *keys, mark, *self._limits, self._health.quota)
        except redis.RedisError:
            return mark  # the token store refuses in a moment, and says why
        if int(wait) < 0:
            self._health.alert("quota", f"今日消息已达企业微信上限 {self._health.quota} 人次，余下的明日发送")
            raise WeComError(
                "今日消息已达企业微信上限", kind=Kind.parked, retry_after=seconds_to_midnight(), away=True
            )
        if int(wait) > 0:
            raise WeComError("对该成员发送过密，稍后再发", kind=Kind.parked, retry_after=int(wait) / 1000)
        self._warn(int(today), len(userids))
        return mark

    def _give_back(self, userids: Sequence[str], mark: str) -> None:
        day, *keys = self._keys(userids)
        with suppress(redis.RedisError):
            for key in keys:
                self._redis.zrem(key, mark)
            self._redis.decrby(day, len(keys))

    def _keys(self, userids: Sequence[str]) -> list[str]:
        return [self._health.day_key(), *(f"{self._health.prefix}pace:{one.lower()}" for one in userids)]

    def _warn(self, today: int, people: int) -> None:
        mark = self._health.quota * ALARM_SHARE
        if self._health.quota and today - people < mark <= today:
            self._health.alert(
                "quota", f"今日消息已达企业微信上限的八成（{today}/{self._health.quota} 人次）"
            )
