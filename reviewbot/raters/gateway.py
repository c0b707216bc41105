"""Calls to the text-message gateway: one signed POST, never followed elsewhere, its refusals sorted by use.

The gateway's contract: ``POST {"id", "phone", "text", "signature"}`` with the headers below; any 2xx with
``{"id": …}`` took the message. A repeated ``Idempotency-Key`` is the same message. ``X-Signature`` is the
hexadecimal HMAC-SHA256 of account, timestamp and body joined by line feeds, under the shared secret.
"""

import hashlib
import hmac
import json
import time
from dataclasses import dataclass

import requests

from reviewbot.errors import ChannelError

_LATER = frozenset({408, 425, 429})
"""Refusals by which the gateway only asks to come again."""
_LONGEST_WAIT = 3600.0


def sign(secret: str, account: str, timestamp: str, body: bytes) -> str:
    """The signature of one call, as both sides reckon it."""
    signed = f"{account}\n{timestamp}\n".encode() + body
    return hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


@dataclass(frozen=True)
class SmsGateway:
    """One account at one gateway. ``timeout``: seconds to connect and to answer."""

    url: str
    account: str
    secret: str
    signature: str
    """短信签名: the sender's registered name, put before the text by the gateway."""
    timeout: float

    def send(self, phone: str, text: str, ident: str) -> str:
        """The gateway's own id of the text; raises ChannelError, which never carries the number."""
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
        try:
            answer = requests.post(
                self.url, data=body, headers=headers, timeout=self.timeout, allow_redirects=False
            )
        except requests.Timeout:
            raise ChannelError("短信网关在规定时间内没有答复", away=True) from None
        except requests.RequestException:
            raise ChannelError("无法连接短信网关", away=True) from None
        return _taken(answer)


def _taken(answer: requests.Response) -> str:
    status = answer.status_code
    if 200 <= status < 300:
        return _ident(answer)
    if 400 <= status < 500 and status not in _LATER:
        raise ChannelError(f"短信网关拒绝了这条短信（HTTP {status}）", permanent=True, errcode=status)
    wait = answer.headers.get("Retry-After", "")
    seconds = min(float(wait), _LONGEST_WAIT) if wait.isascii() and wait.isdecimal() else None
    raise ChannelError(f"短信网关暂时不可用（HTTP {status}）", retry_after=seconds, errcode=status, away=True)


def _ident(answer: requests.Response) -> str:
    """A 2xx without an id is some proxy's page, not the gateway's word: the text is tried again."""
    try:
        told = answer.json()
    except ValueError:
        told = None
    ident = told.get("id") if isinstance(told, dict) else None
    if not isinstance(ident, str | int) or not str(ident).strip():
        raise ChannelError("短信网关的应答无法识别", away=True)
    return str(ident)
