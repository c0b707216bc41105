"""The bureau's 公众号: wechatpy's client with a token from stable_token only, shared by all processes (W27)."""

import json
import secrets
import time
from dataclasses import dataclass, replace
from urllib.parse import urlencode

import redis
from wechatpy import WeChatClient

from reviewbot.outgoing import session
from reviewbot.wecom.connection import CALL_SECONDS, JSON_HEADERS, TOKEN_CODES, not_wecom
from reviewbot.wecom.errors import ErrorTable, Kind, WeComError
from reviewbot.wecom.health import WeComHealth
from reviewbot.wecom.tokens import Grant, TokenStore, lifetime
from reviewbot.wecom.transport import (
    Answer,
    Call,
    check_status,
    errcode_of,
    exchange,
    guard_logs,
    json_object,
)

NAME = "公众号"
FORCED_SECONDS, FORCED_A_DAY = 30, 20
"""Forcing a new token is allowed twenty times a day and twice a minute (wecom §2.10)."""


@dataclass(frozen=True, slots=True)
class OfficialAccess:
    """How the 公众号 is reached. ``base_url``: of the API; ``oauth_url``: of the page that asks a rater's consent."""

    base_url: str
    oauth_url: str
    timeout: tuple[float, float] = (3.05, 10.0)


class OfficialAccount(WeChatClient):  # type: ignore[misc]
    """One 公众号. Every call of the parent class goes through ``_request``; none of them asks ``/token``, which would
    take the token from every other program of the bureau."""

    def __init__(
        self, access: OfficialAccess, *, appid: str, secret: str, template_id: str, redis: redis.Redis,
        error_table: ErrorTable,
    ) -> None:  # fmt: skip
        super().__init__(appid, secret, timeout=access.timeout, auto_retry=False)
        self.API_BASE_URL = access.base_url.rstrip("/") + "/cgi-bin/"
        self._access = access
        self._template_id = template_id
        self._errors = error_table
        self._redis = redis
        self._tokens = TokenStore(redis, access.base_url, appid, secret)
        self.health = WeComHealth(redis, f"official:{appid}")
        self._http = session()
        guard_logs()

    def notify(self, openid: str, data: dict[str, dict[str, str]], page: str, /) -> None:
        """One subscription message (``message/subscribe/bizsend``). Raises WeComError: 43101 and 43004 are normal."""
        self.message.send_subscribe_message(openid, self._template_id, data, page=page)

    def consent_url(self, back: str, state: str) -> str:
        """Where a rater says in WeChat that he wants to be told there; only his openid is asked (snsapi_base)."""
        asked = {
            "appid": self.appid, "redirect_uri": back, "response_type": "code", "scope": "snsapi_base",
            "state": state,
        }  # fmt: skip
        return f"{self._access.oauth_url.rstrip('/')}/connect/oauth2/authorize?{urlencode(asked)}#wechat_redirect"

    def openid(self, code: str) -> str:
        """Whose consent this code is; good for one exchange. Raises WeComError."""
        asked = {
            "appid": self.appid, "secret": self.secret, "code": code, "grant_type": "authorization_code",
        }  # fmt: skip
        url = self._access.base_url.rstrip("/") + "/sns/oauth2/access_token"
        found = self._checked(self._send(Call("get", url, asked), time.monotonic() + CALL_SECONDS))
        openid = found.get("openid")
        if not isinstance(openid, str) or not openid:
            raise not_wecom(NAME)
        return openid

    def check(self) -> None:
        """Ask for the token now: the doctor wants to know whether it would work."""
        self._tokens.store(self._fetch_grant(force=False))

    @property
    def access_token(self) -> str:
        # wechatpy's __new__ evaluates every property before __init__ has run.
        return self._token() if "_tokens" in self.__dict__ else ""

    def fetch_access_token(self) -> None:
        """wechatpy's own entry, which would ask ``/token``: renewed by stable_token instead."""
        self._token(rejected=self.access_token)

    def _request(self, method: str, url_or_endpoint: str, **kwargs: object) -> dict[str, object]:
        if "://" in url_or_endpoint:
            raise WeComError("不允许访问配置以外的公众号地址", kind=Kind.config)
        data = kwargs.get("data")
        body = json.dumps(data, ensure_ascii=False).encode() if isinstance(data, dict) else None
        call = Call(method, self.API_BASE_URL + url_or_endpoint, {}, body, JSON_HEADERS)
        deadline = time.monotonic() + CALL_SECONDS
        token = self._token()
        answer = self._send(replace(call, params={"access_token": token}), deadline)
        found = json_object(answer.body)
        if found is not None and errcode_of(found) in TOKEN_CODES:
            token = self._token(rejected=token)
            answer = self._send(replace(call, params={"access_token": token}), deadline)
        return self._checked(answer)

    def _checked(self, answer: Answer) -> dict[str, object]:
        """The JSON object of an answer without errcode, or with 0; an operator hears at once of what he must mend."""
        found = json_object(answer.body)
        if found is None:
            raise not_wecom(NAME)
        if code := errcode_of(found):
            error = self._errors.error(code, found.get("errmsg"))
            if error.kind is Kind.config:
                self.health.alert(f"official-{code}", error.sentence)
            raise error
        return found

    def _send(self, call: Call, deadline: float) -> Answer:
        try:
            answer = exchange(self._http, call, timeout=self._access.timeout, deadline=deadline)
            check_status(answer)
        except WeComError as error:
            # The transport speaks of 企业微信, whose it is in every other case.
            error.sentence = error.sentence.replace("企业微信", NAME)
            raise
        return answer

    def _token(self, *, rejected: str | None = None) -> str:
        return self._tokens.token(lambda: self._grant(rejected), rejected=rejected)

    def _grant(self, rejected: str | None) -> Grant:
        """The stable token; where that is the one just rejected, a forced new one, as often as is allowed."""
        grant = self._fetch_grant(force=False)
        if grant.token != rejected:
            return grant
        if not self._may_force():
            raise WeComError(
                "公众号访问令牌失效，强制刷新次数已用完", kind=Kind.parked, retry_after=FORCED_SECONDS
            )
        return self._fetch_grant(force=True)

    def _may_force(self) -> bool:
        key = f"{self._tokens.key}:forced"
        if not self._redis.set(key, secrets.token_hex(4), nx=True, ex=FORCED_SECONDS):
            return False
        times = int(self._redis.incr(f"{key}:day"))
        if times == 1:
            self._redis.expire(f"{key}:day", 86_400)
        return times <= FORCED_A_DAY

    def _fetch_grant(self, *, force: bool) -> Grant:
        asked = {
            "grant_type": "client_credential", "appid": self.appid, "secret": self.secret, "force_refresh": force,
        }  # fmt: skip
        call = Call("post", self.API_BASE_URL + "stable_token", {}, json.dumps(asked).encode(), JSON_HEADERS)
        found = self._checked(self._send(call, time.monotonic() + CALL_SECONDS / 2))
        token = found.get("access_token")
        if not isinstance(token, str) or not token:
            raise not_wecom(NAME)
        self.health.token_fetched()
        return Grant(token, lifetime(found.get("expires_in")))
