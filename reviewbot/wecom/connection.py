"""The one way to WeCom: wechatpy's client with our own token, timeouts, error table and at most one repeat."""

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import redis
import urllib3
from wechatpy.work import WeChatClient

from reviewbot.outgoing import session
from reviewbot.wecom.errors import UNKNOWN_TYPE, ErrorTable, Kind, WeComError
from reviewbot.wecom.gate import Gates
from reviewbot.wecom.health import WeComHealth
from reviewbot.wecom.tokens import LOCK_SECONDS, WAIT_SECONDS, Grant, TokenStore, lifetime
from reviewbot.wecom.transport import (
    JSON_LIMIT,
    Answer,
    Call,
    check_status,
    errcode_of,
    exchange,
    guard_logs,
    json_object,
)

CALL_SECONDS = 25.0
ALIVE_SECONDS = 8.0
# From gettoken 40001 means a bad secret; from any other call it may speak of the token.
TOKEN_CODES = frozenset({40014, 42001, 40001})
JSON_HEADERS = {"Content-Type": "application/json; charset=utf-8"}


@dataclass(frozen=True, slots=True)
class Access:
    """How a deployment is reached; the defaults are public WeCom's, a private one differs (W1, W23, W28).

    ``base_url``: host root, ``api_prefix`` follows it. ``verify``: False, True or a CA bundle's path.
    ``timeout``: seconds to connect, seconds to wait for bytes. ``headers``: what a gateway in between wants.
    """

    base_url: str
    api_prefix: str = "/cgi-bin"
    auth_path: str = "auth/getuserinfo"
    upload_field: str = "media"
    headers: Mapping[str, str] | None = None
    verify: bool | str = True
    timeout: tuple[float, float] = (3.05, 10.0)

    def __repr__(self) -> str:
        return f"Access({self.base_url})"


class WeComConnection(WeChatClient):  # type: ignore[misc]
    """One application of one corp.

    ``media`` and ``oauth`` of the parent class have Tencent's hosts written into them: they are taken away (W1).
    Every call of the parent class goes through ``_request`` too, so none of them can leave the host, hang,
    retry for ever or raise a foreign exception.
    """

    media = None
    oauth = None

    def __init__(
        self,
        access: Access,
        *,
        corp_id: str,
        agent_id: int,
        secret: str,
        redis: redis.Redis,
        error_table: ErrorTable,
        daily_quota: int = 0,
    ) -> None:
        super().__init__(corp_id, secret, timeout=access.timeout, auto_retry=False)
        prefix = access.api_prefix.strip("/")
        self.API_BASE_URL = access.base_url.rstrip("/") + (f"/{prefix}/" if prefix else "/")
        self.agent_id = agent_id
        self._access = access
        self._errors = error_table
        self.warnings = error_table.events
        """Events by which the platform warns of itself, with a sentence for the operator."""
        self._redis = redis
        self._tokens = TokenStore(redis, access.base_url, corp_id, secret)
        identity = "\0".join((self.API_BASE_URL, corp_id, str(agent_id)))
        self.health = WeComHealth(
            redis, hashlib.sha256(identity.encode()).hexdigest()[:16], secret=secret, quota=daily_quota
        )
        self.gates = Gates(self.health, redis)
        self._http = session()
        self._http.verify = access.verify
        self._http.headers.update(access.headers or {})
        guard_logs()

    def check(self) -> None:
        """Ask WeCom for a token now, whatever is stored: the doctor wants to know whether it would work."""
        grant = self._fetch_grant(time.monotonic() + CALL_SECONDS)
        self._tokens.token(lambda: grant)

    def notice(self, event: str | None) -> None:
        """An event by which the platform warns of itself is told the operator at once (W26)."""
        if sentence := self._errors.events.get(event or ""):
            self.health.alert(str(event), sentence)

    @property
    def access_token(self) -> str:
        # wechatpy's __new__ evaluates every property before __init__ has run.
        if "_tokens" not in self.__dict__:
            return ""
        return self._token(time.monotonic() + CALL_SECONDS)

    def fetch_access_token(self) -> None:
        """wechatpy's own entry: renew whatever is stored."""
        self._token(time.monotonic() + CALL_SECONDS, rejected=self.access_token)

    def _request(self, method: str, url_or_endpoint: str, **kwargs: object) -> dict[str, object]:
        """The single way out, also for wechatpy's API classes: an object with errcode 0, or WeComError."""
        params, data = kwargs.get("params") or {}, kwargs.get("data")
        if unknown := kwargs.keys() - {"params", "data"}:
            raise TypeError(f"not supported by WeComClient: {sorted(unknown)}")
        body = json.dumps(data, ensure_ascii=False).encode() if isinstance(data, dict) else data
        if not isinstance(params, dict) or not isinstance(body, bytes | None):
            raise TypeError("params must be a dict, data a dict or bytes")
        call = Call(
            method,
            self._url(url_or_endpoint),
            {str(name): str(value) for name, value in params.items() if value is not None},
            data=body,
            headers=JSON_HEADERS if body is not None else None,
            api=url_or_endpoint,
        )
        return self._answered(call)

    def _upload(self, endpoint: str, kind: str, filename: str, data: bytes) -> dict[str, object]:
        """One file as multipart. The body is bytes, so that a repeat sends all of it again (W14, fault 9)."""
        body, content_type = urllib3.encode_multipart_formdata({self._access.upload_field: (filename, data)})
        headers = {"Content-Type": content_type}
        return self._answered(Call("post", self._url(endpoint), {"type": kind}, body, headers, endpoint))

    def _answered(self, call: Call) -> dict[str, object]:
        """The JSON object of an answer with errcode 0; anything else with status 200 is an error (W6)."""

        def check(answer: Answer) -> None:
            found = json_object(answer.body)
            if found is None or errcode_of(found) is None:
                raise not_wecom()

        answer = self._authorized(call, time.monotonic() + CALL_SECONDS, check=check)
        return json_object(answer.body) or {}

    def _authorized(
        self,
        call: Call,
        deadline: float,
        *,
        limit: int = JSON_LIMIT,
        check: Callable[[Answer], None] = lambda answer: None,
    ) -> Answer:
        """Send with the token, through the gate of this API; if WeCom rejects the token, once more with a new one.

        Never a third time (W2). Raises WeComError, of kind parked while the gate is closed.
        """
        with self.gates.through(call.api, self._is_alive):
            token = self._token(deadline)
            answer = self._attempt(call, token, deadline, limit)
            code, errmsg = _verdict(answer)
            if code in TOKEN_CODES:
                token = self._token(deadline, rejected=token)
                answer = self._attempt(call, token, deadline, limit)
                code, errmsg = _verdict(answer)
            if code:
                raise self._refusal(call.api, code, errmsg)
            check(answer)
            return answer

    def _refusal(self, api: str, code: int, errmsg: object) -> WeComError:
        """What the operator must hear of beside what closes a gate: a code nobody has told us of, and a message of
        ours that is wrong in itself (W8). An unknown type is no mistake: a simpler form follows (W28)."""
        error = self._errors.error(code, errmsg)
        ours = error.kind is Kind.content and api == "message/send" and code != UNKNOWN_TYPE
        if ours or code not in self._errors.rows:
            self.health.alert(str(code), f"{api}：{error.sentence}")
        return error

    def _attempt(self, call: Call, token: str, deadline: float, limit: int) -> Answer:
        signed = replace(call, params={**call.params, "access_token": token})
        answer = exchange(self._http, signed, timeout=self._access.timeout, limit=limit, deadline=deadline)
        check_status(answer)
        return answer

    def _is_alive(self) -> bool:
        """Whether the platform answers at all, asked by a call that changes nothing and every release knows."""
        deadline = time.monotonic() + ALIVE_SECONDS
        call = Call("get", self._url("media/get"), {"media_id": "alive"})
        try:
            answer = self._attempt(call, self._token(deadline), deadline, JSON_LIMIT)
        except WeComError as error:
            return error.kind is not Kind.retry
        code, _ = _verdict(answer)
        return code is not None and self._errors.row(code).kind not in (Kind.retry, Kind.crowded)

    def _token(self, deadline: float, *, rejected: str | None = None) -> str:
        wait = min(WAIT_SECONDS, max(deadline - time.monotonic(), 0.0))
        return self._tokens.token(lambda: self._fetch_grant(deadline), rejected=rejected, wait_seconds=wait)

    def _fetch_grant(self, deadline: float) -> Grant:
        call = Call("get", self._url("gettoken"), {"corpid": self.corp_id, "corpsecret": self.secret})
        # Shorter than the lock on the token, so that it is still ours when the answer is stored.
        deadline = min(deadline, time.monotonic() + LOCK_SECONDS / 2)
        answer = exchange(self._http, call, timeout=self._access.timeout, deadline=deadline)
        check_status(answer)
        found = json_object(answer.body)
        if found is None:
            raise not_wecom()
        # Some private releases leave errcode out of a good gettoken answer.
        if code := errcode_of(found):
            raise self._errors.error(code, found.get("errmsg"))
        token = found.get("access_token")
        if not isinstance(token, str) or not token:
            raise not_wecom()
        self.health.token_fetched()
        return Grant(token, lifetime(found.get("expires_in")))

    def _url(self, endpoint: str) -> str:
        """Absolute addresses, which wechatpy has in a few places, would leave the configured host."""
        if "://" in endpoint:
            raise WeComError("不允许访问配置以外的企业微信地址", kind=Kind.config)
        return self.API_BASE_URL + endpoint.lstrip("/")


def not_wecom(whose: str = "企业微信") -> WeComError:
    """Some gateway's page: whether it stood before or behind the platform nobody can tell."""
    return WeComError(
        f"收到的答复不是{whose}的格式，可能被网关或代理改写", kind=Kind.retry, retry_after=60, unsure=True
    )


def _verdict(answer: Answer) -> tuple[int | None, object]:
    """The errcode, if this answer is WeCom's JSON and not a file that merely looks like it."""
    is_json = answer.content_type.endswith("json")
    if not is_json and "Content-Disposition" in answer.headers:
        return None, ""
    found = json_object(answer.body) if len(answer.body) <= JSON_LIMIT else None
    return (None, "") if found is None else (errcode_of(found), found.get("errmsg"))
