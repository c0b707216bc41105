"""One HTTP exchange with WeCom: bounded in time and size, and nothing of its address leaves in an error."""

import json
import logging
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass

import requests
import urllib3

from reviewbot.outgoing import ending_by
from reviewbot.wecom.errors import Kind, WeComError

JSON_LIMIT = 2 * 1024 * 1024
CHUNK = 64 * 1024
AWAY_RETRY_SECONDS = 5.0

_SECRETS = re.compile(r"((?:corpsecret|access_token|secret|code|ticket)=)[^&\s\"']+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def content_type(self) -> str:
        return self.headers.get("Content-Type", "").split(";")[0].strip().lower()


class RedactAddresses(logging.Filter):
    """urllib3 logs whole addresses, secret and token included, as soon as somebody turns on DEBUG."""

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        clean = _SECRETS.sub(r"\1***", text)
        if clean != text:
            record.msg, record.args = clean, None
        return True


_redact = RedactAddresses()


def guard_logs() -> None:
    """Idempotent: a logger keeps one copy of the same filter."""
    for name in ("urllib3.connectionpool", "urllib3.util.retry"):
        logging.getLogger(name).addFilter(_redact)


@dataclass(frozen=True, slots=True)
class Call:
    method: str
    url: str
    params: Mapping[str, str]
    data: bytes | None = None
    headers: Mapping[str, str] | None = None
    api: str = ""
    """The path of the call, as WeCom's limits know it: message/send."""

    def __repr__(self) -> str:
        return f"Call({self.method})"


def exchange(
    http: requests.Session,
    call: Call,
    *,
    timeout: tuple[float, float],
    limit: int = JSON_LIMIT,
    deadline: float,
) -> Answer:
    """Send once, read at most ``limit`` bytes before ``deadline`` (monotonic), headers included. Redirects leave the
    host. ``http``: an ``outgoing.session``.

    Failures are raised outside the handlers, so that no requests exception, which holds the address, clings.
    """
    left = deadline - time.monotonic()
    if left <= 0:
        raise _away("企业微信在规定时间内没有答复", unsure=False)
    failure: WeComError
    try:
        with (
            ending_by(deadline),
            http.request(
                call.method,
                call.url,
                params=dict(call.params),
                data=call.data,
                headers=dict(call.headers or {}),
                timeout=(min(timeout[0], left), min(timeout[1], left)),
                allow_redirects=False,
                stream=True,
                verify=http.verify,  # said again: requests lets REQUESTS_CA_BUNDLE overrule what a session says
            ) as response,
        ):
            body = _read(response, limit, deadline)
            return Answer(response.status_code, response.headers, body)
    except WeComError as exc:
        failure = exc
    except requests.ConnectTimeout:
        failure = _away("无法连接企业微信", unsure=False)
    except (requests.Timeout, urllib3.exceptions.TimeoutError):
        failure = _away("企业微信在规定时间内没有答复")
    except (OSError, urllib3.exceptions.HTTPError, ValueError) as exc:
        failure = _away("无法连接企业微信", unsure=not _never_connected(exc))
    raise failure from None


def _away(sentence: str, *, unsure: bool = True) -> WeComError:
    """No answer. ``unsure``: the request may have arrived, and been obeyed (W9)."""
    return WeComError(sentence, kind=Kind.retry, retry_after=AWAY_RETRY_SECONDS, unsure=unsure)


def _never_connected(exc: BaseException) -> bool:
    """Whether the connection was refused before a byte was sent."""
    reason = getattr(exc.args[0], "reason", None) if exc.args else None
    return isinstance(reason, urllib3.exceptions.NewConnectionError)


def _read(response: requests.Response, limit: int, deadline: float) -> bytes:
    """Piece by piece as they come: a reader that waits for whole chunks waits for ever for one that comes in drops."""
    body = bytearray()
    while piece := response.raw.read1(CHUNK, decode_content=True):
        body += piece
        if len(body) > limit:
            raise WeComError("企业微信返回的内容超过允许的大小", kind=Kind.media)
        if time.monotonic() > deadline:
            raise _away("企业微信在规定时间内没有答复")
    return bytes(body)


def check_status(answer: Answer) -> None:
    """WeCom itself always answers 200; anything else comes from a gateway in between."""
    match answer.status:
        case 200 | 206:
            return
        case 429:
            raise WeComError("网关限制了调用频率（HTTP 429）", kind=Kind.throttled, retry_after=60)
        case status if status >= 500 or status == 408:
            raise WeComError(
                f"企业微信网关出错（HTTP {status}）", kind=Kind.retry, retry_after=10, unsure=True
            )
        case status:
            raise WeComError(
                f"企业微信地址或网关配置有误（HTTP {status}）", kind=Kind.config, retry_after=600
            )


def json_object(body: bytes) -> dict[str, object] | None:
    """The JSON object in the body, or None if it is anything else."""
    try:
        value = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def errcode_of(answer: dict[str, object]) -> int | None:
    code = answer.get("errcode")
    if isinstance(code, str) and re.fullmatch(r"-?[0-9]{1,9}", code):
        return int(code)
    return code if isinstance(code, int) and not isinstance(code, bool) else None
