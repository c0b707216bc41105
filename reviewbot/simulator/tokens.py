"""Access tokens: one for each secret, good for two hours, killed early now and then (Q1, Q2)."""

import random
import secrets
from collections import Counter, deque
from collections.abc import Callable

from reviewbot.simulator.config import CONTACTS, Answer, Refused, SimulatorConfig

LIFE_SECONDS = 7200
HOUR = 3600.0


class Tokens:
    def __init__(
        self, config: SimulatorConfig, now: Callable[[], float], dice: random.Random, counts: Counter[str]
    ) -> None:
        self._config = config
        self._quirks = config.quirks
        self._now = now
        self._dice = dice
        self._counts = counts
        self._tokens: dict[str, tuple[int, float]] = {}
        self._calls: dict[str, deque[float]] = {}
        self._blocked: dict[str, float] = {}

    def get(self, corp_id: str, secret: str) -> tuple[Answer, str]:
        """A token, and what is to be said about the call: a second fetch is lawful but wasteful."""
        self._counts["gettoken"] += 1
        agent_id = self._holder(corp_id, secret)
        self._count(secret)
        now = self._now()
        for token, (owner, expires_at) in self._tokens.items():
            if self._quirks.token_per_app and owner == agent_id and expires_at > now:
                left = LIFE_SECONDS if self._quirks.expires_in_full else int(expires_at - now)
                return {"access_token": token, "expires_in": left}, "有效期内重复获取，返回同一令牌"
        token = secrets.token_hex(64)
        self._tokens[token] = (agent_id, now + LIFE_SECONDS)
        return {"access_token": token, "expires_in": LIFE_SECONDS}, "新令牌"

    def _holder(self, corp_id: str, secret: str) -> int:
        if not corp_id:
            raise Refused(41002, "corpid missing")
        if not secret:
            raise Refused(41004, "corpsecret missing")
        if corp_id != self._config.corp_id:
            raise Refused(40013, "invalid corpid")
        if self._config.contact_secret and secret == self._config.contact_secret:
            return CONTACTS
        agent = next((a for a in self._config.agents if a.secret == secret), None)
        if agent is None:
            raise Refused(40001, "invalid credential")
        return agent.agent_id

    def _count(self, secret: str) -> None:
        """Too many calls of one secret within an hour block it for an hour."""
        now, limit = self._now(), self._quirks.block_gettoken_after
        calls = self._calls.setdefault(secret, deque())
        while calls and calls[0] <= now - HOUR:
            calls.popleft()
        calls.append(now)
        if limit and len(calls) > limit and self._blocked.get(secret, 0.0) <= now:
            self._blocked[secret] = now + HOUR
        if limit and self._blocked.get(secret, 0.0) > now:
            raise Refused(45009, "api freq out of limit", "block_gettoken_after")

    def owner(self, token: str) -> int:
        """The app whose token this is; now and then the token has been killed early."""
        if not token:
            raise Refused(41001, "access_token missing")
        self._counts["authenticated"] += 1
        every = self._quirks.kill_token_every
        killed = bool(every) and self._counts["authenticated"] % every == 0
        if killed:
            self.kill()
        if token not in self._tokens:
            raise Refused(40014, "invalid access_token")
        agent_id, expires_at = self._tokens[token]
        if expires_at <= self._now():
            errcode = self._quirks.dead_token_errcode or self._dice.choice((40014, 42001))
            errmsg = "invalid access_token" if errcode == 40014 else "access_token expired"
            raise Refused(errcode, errmsg, "kill_token_every" if killed else "")
        return agent_id

    def kill(self) -> None:
        """Every token dies at once, whatever its age."""
        self._tokens = {token: (agent_id, 0.0) for token, (agent_id, _) in self._tokens.items()}
