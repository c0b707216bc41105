"""The Official Account of the same city: two kinds of token, sign-in, and subscription messages to followers (Q22)."""

import re
import secrets
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from reviewbot.simulator.config import DAY, Answer, Refused, SimulatorConfig

LIFE_SECONDS, RENEWED_BEFORE_END = 7200, 300
FORCED_PER_DAY, FORCED_GAP_SECONDS = 20, 30
FIELDS = {
    "thing": r".{1,20}",
    "number": r"-?[0-9.]{1,32}",
    "letter": r"[A-Za-z]{1,32}",
    "symbol": r"\W{1,5}",
    "character_string": r"[\x21-\x7e]{1,32}",
    "time": r"[0-9年月日: ~-]{4,40}",
    "date": r"[0-9年月日: ~-]{4,40}",
    "amount": r"[^0-9]?[0-9.,]{1,10}元?",
    "phone_number": r"[0-9+-]{1,17}",
    "car_number": r".{1,8}",
    "name": r"[一-鿿·]{1,10}|[\x20-\x7e]{1,20}",
    "phrase": r"[一-鿿]{1,5}",
    "const": r".{1,20}",
}
"""What a field of a subscription template takes, by the letters of its name."""


@dataclass(frozen=True)
class Notice:
    """A subscription message on a follower's phone."""

    openid: str
    template_id: str
    fields: dict[str, str]
    page: str
    at: float


class Accounts:
    def __init__(self, config: SimulatorConfig, now: Callable[[], float]) -> None:
        self._account = config.account
        self._quirks = config.quirks
        self._now = now
        self._plain: dict[str, float] = {}
        self._stable: tuple[str, float] = ("", 0.0)
        self._older: dict[str, float] = {}
        self._forced: deque[float] = deque()
        self._codes: dict[str, tuple[str, float]] = {}
        self._used_codes: set[str] = set()
        self.followers: dict[str, str] = dict(config.account.followers) if config.account else {}
        self.consents: Counter[tuple[str, str]] = Counter()
        self.notices: deque[Notice] = deque(maxlen=500)

    @property
    def templates(self) -> Mapping[str, tuple[str, ...]]:
        return self._account.templates if self._account else {}

    @property
    def app_id(self) -> str:
        return self._account.app_id if self._account else ""

    def _check_keys(self, app_id: str, secret: str) -> None:
        if not app_id:
            raise Refused(41002, "appid missing")
        if not secret:
            raise Refused(41004, "appsecret missing")
        if self._account is None or app_id != self._account.app_id:
            raise Refused(40013, "invalid appid")
        if secret != self._account.secret:
            raise Refused(40125, "invalid appsecret")

    def token(self, query: Mapping[str, str]) -> Answer:
        """Every call makes a new token; the one before it lives a few minutes longer, older ones are dead."""
        if query.get("grant_type") != "client_credential":
            raise Refused(40002, "invalid grant_type")
        self._check_keys(query.get("appid", ""), query.get("secret", ""))
        now = self._now()
        last = next(reversed(self._plain), None)
        kept = {last: min(self._plain[last], now + self._quirks.mp_overlap_seconds)} if last else {}
        token = self._new()
        self._plain = {**kept, token: now + LIFE_SECONDS}
        return {"access_token": token, "expires_in": LIFE_SECONDS}

    def stable_token(self, body: Mapping[str, Any]) -> Answer:
        """The same token until its last five minutes; forced renewal is rationed and kills the old one."""
        if not self._quirks.mp_stable_token:
            raise Refused(48001, "api unauthorized", "mp_stable_token")
        if body.get("grant_type") != "client_credential":
            raise Refused(40002, "invalid grant_type")
        self._check_keys(str(body.get("appid") or ""), str(body.get("secret") or ""))
        now = self._now()
        token, until = self._stable
        if body.get("force_refresh") and self._may_force(now):
            self._older = {}
            self._stable = (self._new(), now + LIFE_SECONDS)
        elif until - now <= RENEWED_BEFORE_END:
            self._older = {token: until}
            self._stable = (self._new(), now + LIFE_SECONDS)
        token, until = self._stable
        return {"access_token": token, "expires_in": int(until - now)}

    def _may_force(self, now: float) -> bool:
        while self._forced and self._forced[0] <= now - DAY:
            self._forced.popleft()
        if self._forced and now - self._forced[-1] < FORCED_GAP_SECONDS:
            return False
        if len(self._forced) >= FORCED_PER_DAY:
            raise Refused(45009, "reach max api daily quota limit")
        self._forced.append(now)
        return True

    def _new(self) -> str:
        return secrets.token_hex(64)

    def _check_token(self, token: str) -> None:
        if not token:
            raise Refused(41001, "access_token missing")
        stable, until = self._stable
        known = {**self._older, stable: until, **self._plain}
        if token not in known:
            raise Refused(40001, "invalid credential, access_token is invalid or not latest")
        if known[token] <= self._now():
            raise Refused(42001, "access_token expired")

    def new_code(self, openid: str) -> str:
        """What a reader of WeChat brings back from the sign-in page; he need not be a follower."""
        code = secrets.token_hex(16)
        self._codes[code] = (openid, self._now() + self._quirks.sign_in_minutes * 60)
        return code

    def signed_in(self, query: Mapping[str, str]) -> Answer:
        """sns/oauth2/access_token: whose code this is, once and for five minutes."""
        self._check_keys(query.get("appid", ""), query.get("secret", ""))
        if query.get("grant_type") != "authorization_code":
            raise Refused(40002, "invalid grant_type")
        code = query.get("code", "")
        if not code:
            raise Refused(41008, "missing code")
        if code in self._used_codes:
            raise Refused(40163, "code been used", "sign_in_once")
        openid, expires_at = self._codes.get(code, ("", 0.0))
        if expires_at <= self._now():
            raise Refused(40029, "invalid code")
        if self._quirks.sign_in_once:
            self._used_codes.add(code)
        return {
            "access_token": self._new(), "expires_in": LIFE_SECONDS, "refresh_token": self._new(),
            "openid": openid, "scope": "snsapi_base",
        }  # fmt: skip

    def subscribe(self, openid: str, template_id: str) -> None:
        """The follower says yes: to one message, or for good where the template is long-term."""
        self._must_know(openid, template_id)
        self.consents[openid, template_id] += 1

    def unsubscribe(self, openid: str, template_id: str) -> None:
        self.consents.pop((openid, template_id), None)

    def follow(self, openid: str, name: str | None) -> None:
        """Follow under a name, or leave with None; who leaves takes the consents along."""
        if name is not None:
            self.followers[openid] = name
            return
        self.followers.pop(openid, None)
        self.consents = Counter({key: n for key, n in self.consents.items() if key[0] != openid})

    def _must_know(self, openid: str, template_id: str) -> None:
        if not re.fullmatch(r"o[0-9A-Za-z_-]{3,63}", openid):
            raise Refused(40003, "invalid openid")
        if template_id not in self.templates:
            raise Refused(40037, "invalid template_id")
        if openid not in self.followers:
            raise Refused(43004, "require subscribe")

    def send(self, token: str, body: Mapping[str, Any]) -> Answer:
        """message/subscribe/bizsend. Raises Refused with 43101, 43004, 47003, 40003 or 40037."""
        self._check_token(token)
        openid, template_id = str(body.get("touser") or ""), str(body.get("template_id") or "")
        self._must_know(openid, template_id)
        values = self._values(template_id, body.get("data"))
        if not self.consents[openid, template_id]:
            raise Refused(43101, "user refuse to accept the msg", "mp_one_time")
        if self._quirks.mp_one_time:
            self.consents[openid, template_id] -= 1
        page = str(body.get("page") or "")
        self.notices.append(Notice(openid, template_id, values, page, self._now()))
        return {}

    def _values(self, template_id: str, data: Any) -> dict[str, str]:
        if not isinstance(data, dict):
            raise Refused(47003, "argument invalid! data is empty")
        values = {}
        for name in self.templates[template_id]:
            value = str((data.get(name) or {}).get("value") or "")
            rule = FIELDS.get(name.rstrip("0123456789"), r".*")
            if self._quirks.mp_check_fields and not re.fullmatch(rule, value):
                raise Refused(47003, f"argument invalid! data.{name}.value is invalid", "mp_check_fields")
            values[name] = value
        return values
