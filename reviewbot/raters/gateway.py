"""Calls to the text-message gateway: one signed POST, never followed elsewhere, its refusals sorted by use.

The gateway's contract: ``POST {"id", "phone", "text", "signature"}`` with the headers below; any 2xx with
``{"id": …}`` took the message. A repeated ``Idempotency-Key`` is the same message. ``X-Signature`` is the
hexadecimal HMAC-SHA256 of account, timestamp and body joined by line feeds, under the shared secret.
"""

import hashlib
import hmac
import json
import ssl
import time
from dataclasses import dataclass

import requests
from urllib3.exceptions import NewConnectionError

from reviewbot.errors import ChannelError
from reviewbot.outgoing import ending_by, session

_LATER = frozenset({425, 429})
"""Refusals by which the gateway only asks to come again."""
_UNKNOWN = 408
"""A 4xx that does not say whether the message was taken: somebody in between gave up waiting."""
_LONGEST_WAIT = 3600.0


def sign(secret: str, account: str, timestamp: str, body: bytes) -> str:
    """The signature of one call, as both sides reckon it."""
    signed = f"{account}\n{timestamp}\n".encode() + body
    return hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


@dataclass(frozen=True)
class SmsGateway:
    """One account at one gateway. ``timeout``: seconds to connect, and to wait for bytes; a whole call never takes
    longer than twice that."""

    url: str
    account: str
    secret: str
    signature: str
    """短信签名: the sender's registered name, put before the text by the gateway."""
    timeout: float

    def send(self, phone: str, text: str, ident: str) -> str:
        """The gateway's own id of the text.

        Raises ChannelError, which never carries the number; ``unsure`` unless it was certainly not taken.
        """
        told = {"id": ident, "phone": phone, "text": text, "signature": self.signature}
        body = json.dumps(told, ensure_ascii=False).encode()
        timestamp = str(int(time.time()))
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Idempotency-Key": ident,
            "X-Account": self.account,
            "X-Timestamp": timestamp,
            "X-Signature": sign(self.secret, self.account, timestamp, body),
        }
        failure: ChannelError
        try:
            with ending_by(time.monotonic() + 2 * self.timeout), session() as http:
                answer = http.post(
                    self.url, data=body, headers=headers, timeout=self.timeout, allow_redirects=False
                )
        except requests.RequestException as wrong:
            failure = _unanswered(wrong)
        else:
            return _taken(answer)
        raise failure  # outside the handler: what requests raises holds the number


def _unanswered(wrong: requests.RequestException) -> ChannelError:
    """Certainly not taken where no connection came about; after that nobody knows."""
    if isinstance(wrong, requests.Timeout) and not isinstance(wrong, requests.ConnectTimeout):
        return ChannelError("短信网关在规定时间内没有答复", away=True, unsure=True)
    return ChannelError("无法连接短信网关", away=True, unsure=not _never_connected(wrong))


def _never_connected(wrong: requests.RequestException) -> bool:
    """No lawful address, no such host, refused, no answer to the connection, or a proxy or certificate ended it."""
    if isinstance(wrong, ValueError | requests.ConnectTimeout | requests.exceptions.ProxyError):
        return True
    reason = getattr(wrong.args[0], "reason", None) if wrong.args else None
    if isinstance(wrong, requests.exceptions.SSLError):
        return reason is not None and isinstance(reason.args[0], ssl.SSLCertVerificationError)
    return isinstance(reason, NewConnectionError)


def _taken(answer: requests.Response) -> str:
    status = answer.status_code
    if 200 <= status < 300:
        return _ident(answer)
    if 400 <= status < 500 and status not in _LATER and status != _UNKNOWN:
        raise ChannelError(f"短信网关拒绝了这条短信（HTTP {status}）", permanent=True, errcode=status)
    wait = answer.headers.get("Retry-After", "")
    seconds = min(float(wait), _LONGEST_WAIT) if wait.isascii() and wait.isdecimal() else None
    raise ChannelError(
        f"短信网关暂时不可用（HTTP {status}）", retry_after=seconds, errcode=status, away=True,
        unsure=status not in _LATER,
    )  # fmt: skip


def _ident(answer: requests.Response) -> str:
    """A 2xx without an id is some proxy's page, not the gateway's word: it may have been taken, and is tried again."""
    try:
        told = answer.json()
    except ValueError:
        told = None
    ident = told.get("id") if isinstance(told, dict) else None
    if not isinstance(ident, str | int) or not str(ident).strip():
        raise ChannelError("短信网关的应答无法识别", away=True, unsure=True)
    return str(ident)
