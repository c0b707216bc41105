"""What WeCom refused and what to do about it: one small picklable error and the table of codes."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from reviewbot.errors import ChannelError, SettingError


class Kind(StrEnum):
    """The reaction an error asks for; the words are explained in config/wecom_errors.toml."""

    retry = "retry"
    refresh = "refresh"
    crowded = "crowded"
    throttled = "throttled"
    parked = "parked"
    config = "config"
    recipient = "recipient"
    content = "content"
    media = "media"
    permanent = "permanent"


UNKNOWN_TYPE = 40008
"""The errcode for a message type that the platform does not know: nothing was sent."""

# A config error is not permanent for the message: it waits until the operator has acted.
PERMANENT_KINDS = frozenset({Kind.recipient, Kind.content, Kind.media, Kind.permanent})
TRIES = frozenset({Kind.retry, Kind.crowded, Kind.refresh})
"""What counts against the three tries of W9. What an operator or a pause must mend spends none."""


class WeComError(ChannelError):
    """WeCom did not do what was asked. Plain values only: no request, no address, no token, no secret."""

    code = "wecom"

    def __init__(
        self,
        sentence: str,
        *,
        kind: Kind,
        retry_after: float | None = None,
        errcode: int | None = None,
        unsure: bool = False,
        away: bool = False,
    ) -> None:
        super().__init__(
            sentence,
            permanent=kind in PERMANENT_KINDS,
            retry_after=retry_after,
            errcode=errcode,
            tried=kind in TRIES or kind in PERMANENT_KINDS,
            unsure=unsure,
            away=away,
            recipient=kind is Kind.recipient,
        )
        self.kind = kind


@dataclass(frozen=True, slots=True)
class ErrorRow:
    kind: Kind
    retry_after: float | None
    meaning: str


UNKNOWN = ErrorRow(Kind.permanent, None, "企业微信返回了未登记的错误")


@dataclass(frozen=True, slots=True)
class ErrorTable:
    """``events``: by which the platform warns of itself, with a sentence for the operator."""

    rows: Mapping[int, ErrorRow]
    events: Mapping[str, str] = field(default_factory=dict)

    def row(self, errcode: int) -> ErrorRow:
        return self.rows.get(errcode, UNKNOWN)

    def error(self, errcode: int, errmsg: object = "") -> WeComError:
        """The error for a code. Of WeCom's own text only our outgoing address is kept, for the allow-list."""
        row = self.row(errcode)
        sentence = f"{row.meaning}（{errcode}）"
        if row.kind is Kind.config and (address := _FROM_IP.search(str(errmsg)[:2000])):
            sentence = f"{row.meaning}（{errcode}，本机出口地址 {address[1]}）"
        return WeComError(sentence, kind=row.kind, retry_after=row.retry_after, errcode=errcode)


_FROM_IP = re.compile(r"from ip: ?([0-9A-Fa-f.:]{3,45})")


def load_error_table(path: Path) -> ErrorTable:
    """Read the table; a wrong row stops the start, since it would be noticed only in an outage."""
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
        rows = {int(code): _read_row(row) for code, row in told["codes"].items()}
        events = {str(name): str(sentence) for name, sentence in told.get("events", {}).items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as exc:
        raise SettingError(f"企业微信错误码表 {path} 无法读取：{type(exc).__name__} {exc}") from None
    return ErrorTable(rows, events)


def _read_row(row: Mapping[str, object]) -> ErrorRow:
    wait = row.get("retry_after")
    if wait is not None and not isinstance(wait, int | float):
        raise TypeError("retry_after 必须是秒数")
    return ErrorRow(Kind(str(row["kind"])), None if wait is None else float(wait), str(row["meaning"]))
