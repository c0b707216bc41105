"""Calls to WeCom: wechatpy's client with our own token, timeouts, error table and at most one repeat."""

import json
import re
import time
import urllib.parse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import redis
import requests
from wechatpy.work import WeChatClient

from reviewbot.errors import NotAllowed
from reviewbot.wecom.errors import ErrorTable, Kind, WeComError
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
DOWNLOAD_SECONDS = 28.0
RANGE_BYTES = 8 * 1024 * 1024
NEEDS_RANGE = 830002
SMALL_ANSWER = 64 * 1024  # an error in JSON must fit, however small the file may be
# From gettoken 40001 means a bad secret; from any other call it may speak of the token.
TOKEN_CODES = frozenset({40014, 42001, 40001})
JSON_HEADERS = {"Content-Type": "application/json; charset=utf-8"}


@dataclass(frozen=True, slots=True)
class Sent:
    """Accepted by WeCom; ``undelivered`` are the lower-case userids it will not reach."""

    msgid: str
    response_code: str | None
    undelivered: frozenset[str]


@dataclass(frozen=True, slots=True)
class Media:
    data: bytes
    filename: str
    content_type: str


class WeComClient(WeChatClient):  # type: ignore[misc]
    """One application of one corp. ``base_url`` is the root of the host; ``verify`` may name a CA bundle.

    Every call of the parent class goes through ``_request`` too, so none of them can leave the host, hang,
    retry for ever or raise a foreign exception.
    """

    def __init__(
        self,
        *,
        base_url: str,
        corp_id: str,
        agent_id: int,
        secret: str,
        redis: redis.Redis,
        error_table: ErrorTable,
        timeout: tuple[float, float] = (3.05, 10.0),
        verify: bool | str = True,
        headers: Mapping[str, str] | None = None,
        auth_path: str = "auth/getuserinfo",
    ) -> None:
        super().__init__(corp_id, secret, timeout=timeout, auto_retry=False)
        self.API_BASE_URL = base_url.rstrip("/") + "/cgi-bin/"
        self.agent_id = agent_id
        self._errors = error_table
        self._auth_path = auth_path
        self._tokens = TokenStore(redis, base_url, corp_id, secret)
        self._limits = timeout
        self._http: requests.Session = requests.Session()
        self._http.verify = verify
        self._http.headers.update(headers or {})
        guard_logs()

    def send(self, payload: bytes) -> Sent:
        """Send the bytes of ``messages.encode``. On kind retry the caller repeats the very same bytes."""
        answer = self._request("post", "message/send", data=payload)
        return Sent(
            msgid=str(answer.get("msgid") or ""),
            response_code=str(answer["response_code"]) if answer.get("response_code") else None,
            undelivered=_userids(answer.get("invaliduser")) | _userids(answer.get("unlicenseduser")),
        )

    def update_card(self, userids: Sequence[str], response_code: str, replace_name: str) -> None:
        """Grey the buttons. A response_code works once: it must be marked as used before this call."""
        if not 1 <= len(userids) <= 1000:
            raise WeComError("更新卡片的人数必须在 1 到 1000 之间", kind=Kind.content)
        body = {
            "userids": list(userids),
            "agentid": self.agent_id,
            "response_code": response_code,
            "button": {"replace_name": replace_name},
        }
        self._request("post", "message/update_template_card", data=body)

    def download_media(self, media_id: str, max_bytes: int) -> Media:
        """The file behind a media_id; in pieces if WeCom finds it too large for one answer."""
        deadline = time.monotonic() + DOWNLOAD_SECONDS
        call = Call("get", self._url("media/get"), {"media_id": media_id})
        try:
            answer = self._authorized(call, deadline, limit=max(max_bytes, SMALL_ANSWER))
        except WeComError as exc:
            if exc.errcode != NEEDS_RANGE:
                raise
        else:
            return _media(answer, answer.body, max_bytes)
        return self._download_pieces(call, max_bytes, deadline)

    def oauth_userid(self, code: str) -> str:
        """Who has just signed in; a code is good for one exchange."""
        answer = self._request("get", self._auth_path, params={"code": code})
        userid = answer.get("userid") or answer.get("UserId")
        if not isinstance(userid, str) or not userid:
            raise NotAllowed("您不是本单位的企业微信成员，不能登录")
        return userid

    def check(self) -> None:
        """Ask WeCom for a token now, whatever is stored: the doctor wants to know whether it would work."""
        grant = self._fetch_grant(time.monotonic() + CALL_SECONDS)
        self._tokens.token(lambda: grant)

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
        )
        answer = self._authorized(call, time.monotonic() + CALL_SECONDS)
        found = json_object(answer.body)
        if found is None or errcode_of(found) is None:
            raise _not_wecom()
        return found

    def _authorized(self, call: Call, deadline: float, *, limit: int = JSON_LIMIT) -> Answer:
        """Send with the token; if WeCom rejects the token, once more with a new one. Never a third time."""
        token = self._token(deadline)
        answer = self._attempt(call, token, deadline, limit)
        code, errmsg = _verdict(answer)
        if code in TOKEN_CODES:
            token = self._token(deadline, rejected=token)
            answer = self._attempt(call, token, deadline, limit)
            code, errmsg = _verdict(answer)
        if code:
            raise self._errors.error(code, errmsg)
        return answer

    def _attempt(self, call: Call, token: str, deadline: float, limit: int) -> Answer:
        signed = replace(call, params={**call.params, "access_token": token})
        answer = exchange(self._http, signed, timeout=self._limits, limit=limit, deadline=deadline)
        check_status(answer)
        return answer

    def _token(self, deadline: float, *, rejected: str | None = None) -> str:
        wait = min(WAIT_SECONDS, max(deadline - time.monotonic(), 0.0))
        return self._tokens.token(lambda: self._fetch_grant(deadline), rejected=rejected, wait_seconds=wait)

    def _fetch_grant(self, deadline: float) -> Grant:
        call = Call("get", self._url("gettoken"), {"corpid": self.corp_id, "corpsecret": self.secret})
        # Shorter than the lock on the token, so that it is still ours when the answer is stored.
        deadline = min(deadline, time.monotonic() + LOCK_SECONDS / 2)
        answer = exchange(self._http, call, timeout=self._limits, deadline=deadline)
        check_status(answer)
        found = json_object(answer.body)
        if found is None:
            raise _not_wecom()
        # Some private releases leave errcode out of a good gettoken answer.
        if code := errcode_of(found):
            raise self._errors.error(code, found.get("errmsg"))
        token = found.get("access_token")
        if not isinstance(token, str) or not token:
            raise _not_wecom()
        return Grant(token, lifetime(found.get("expires_in")))

    def _download_pieces(self, call: Call, max_bytes: int, deadline: float) -> Media:
        data = bytearray()
        while True:
            last = min(len(data) + RANGE_BYTES, max_bytes + 1) - 1
            piece = replace(call, headers={"Range": f"bytes={len(data)}-{last}"})
            answer = self._authorized(piece, deadline, limit=max(RANGE_BYTES, SMALL_ANSWER, max_bytes))
            data += answer.body
            total = _total(answer)
            if answer.status == 200 or len(data) == total or max(len(data), total or 0) > max_bytes:
                return _media(answer, bytes(data), max_bytes)
            if not answer.body or total is None:
                raise _not_wecom()

    def _url(self, endpoint: str) -> str:
        """Absolute addresses, which wechatpy has in a few places, would leave the configured host."""
        if "://" in endpoint:
            raise WeComError("不允许访问配置以外的企业微信地址", kind=Kind.config)
        return self.API_BASE_URL + endpoint.lstrip("/")


def _not_wecom() -> WeComError:
    return WeComError("收到的答复不是企业微信的格式，可能被网关或代理改写", kind=Kind.retry, retry_after=60)


def _verdict(answer: Answer) -> tuple[int | None, object]:
    """The errcode, if this answer is WeCom's JSON and not a file that merely looks like it."""
    is_json = answer.content_type.endswith("json")
    if not is_json and "Content-Disposition" in answer.headers:
        return None, ""
    found = json_object(answer.body) if len(answer.body) <= JSON_LIMIT else None
    return (None, "") if found is None else (errcode_of(found), found.get("errmsg"))


def _media(answer: Answer, data: bytes, max_bytes: int) -> Media:
    if max(len(data), _total(answer) or 0) > max_bytes:
        raise WeComError("文件超过允许的大小", kind=Kind.media)
    disposition = answer.headers.get("Content-Disposition", "")
    kind = answer.content_type
    if not disposition and kind.startswith("text/"):
        raise _not_wecom()
    return Media(data, _filename(disposition), kind or "application/octet-stream")


def _filename(disposition: str) -> str:
    """The bare name: no folders, no control characters; WeCom writes UTF-8 or percent-encoded names."""
    if extended := re.search(r"filename\*=(?:utf-8|UTF-8)''([^;\s]+)", disposition):
        name = urllib.parse.unquote(extended[1])
    elif plain := re.search(r'filename="([^"]*)"|filename=([^;\s]+)', disposition):
        raw = (plain[1] or plain[2] or "").encode("latin-1", "ignore")
        name = urllib.parse.unquote(raw.decode("utf-8", "replace"))
    else:
        return ""
    bare = re.split(r"[/\\]", name)[-1]
    return "".join(letter for letter in bare if letter.isprintable())[:200].strip(". ")


def _total(answer: Answer) -> int | None:
    found = re.fullmatch(r"bytes [0-9]+-[0-9]+/([0-9]{1,12})", answer.headers.get("Content-Range", ""))
    return int(found[1]) if found else None


def _userids(value: object) -> frozenset[str]:
    """``a|B`` or, from some calls, a list."""
    names = value.split("|") if isinstance(value, str) else value if isinstance(value, list) else []
    return frozenset(str(name).strip().lower() for name in names if str(name).strip())
