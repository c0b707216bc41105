"""A callback from WeCom becomes one typed value, or is refused; nothing else can come out of here."""

import binascii
import hashlib
import json
import re
import struct
from collections.abc import Callable as Step
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar
from xml.parsers.expat import ExpatError

import xmltodict

from reviewbot.wecom.crypto import CallbackRefused, Envelope

BODY_BYTES = 256 * 1024
DEPTH = 16

_DOCTYPE = re.compile(r"<!\s*(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_NOT_XML = re.compile("[^\\t\\n\\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_BROKEN = (
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    RecursionError,
    MemoryError,
    ExpatError,
    struct.error,
    binascii.Error,
)

T = TypeVar("T")


class CallbackKind(StrEnum):
    text = "text"
    image = "image"
    voice = "voice"
    location = "location"
    file = "file"
    card_press = "card_press"
    enter_agent = "enter_agent"
    event = "event"
    unknown = "unknown"


_MESSAGES = {"text", "image", "voice", "location", "file"}
_EVENTS = {
    "template_card_event": CallbackKind.card_press,
    "template_card_menu_event": CallbackKind.card_press,
    "enter_agent": CallbackKind.enter_agent,
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a member says he is, in degrees."""

    latitude: float
    longitude: float
    label: str


@dataclass(frozen=True, slots=True)
class Callback:
    """``stale``: genuine but outside the time window, kept, not acted upon. ``key``: what makes it once."""

    kind: CallbackKind
    userid: str
    created_at: int
    content: str | None
    media_id: str | None
    event: str | None
    event_key: str | None
    task_id: str | None
    response_code: str | None
    selected: dict[str, list[str]]
    stale: bool
    key: str
    raw: dict[str, object]
    recognition: str | None
    """What a platform that listens understood of a voice message."""
    place: Place | None
    ciphertext_sha256: str


class CallbackCrypto:
    """The callback door of one application."""

    def __init__(
        self, token: str, aes_key: str, corp_id: str, agent_id: int, window_seconds: int = 600
    ) -> None:
        self._envelope = Envelope(token, aes_key, corp_id)
        self._corp_id = corp_id
        self._agent_id = str(agent_id)
        self._window = window_seconds

    def verify_url(self, msg_signature: str, timestamp: str, nonce: str, echostr: str) -> str:
        """What to answer, as bare text, when the console checks the address."""
        # A gateway that decodes twice turns + into a space; the signature covers the repaired text.
        repaired = echostr.replace(" ", "+")
        return _refusing(lambda: self._envelope.open(repaired, msg_signature, timestamp, nonce))

    def open(self, body: bytes, msg_signature: str, timestamp: str, nonce: str, now: float) -> Callback:
        return _refusing(lambda: self._open(body, msg_signature, timestamp, nonce, now))

    def seal(self, plaintext_xml: str, timestamp: str, nonce: str) -> str:
        """The encrypted passive reply; the caller gives a fresh timestamp and nonce."""
        encrypted = self._envelope.seal(plaintext_xml)
        signature = self._envelope.signature(timestamp, nonce, encrypted)
        return (
            f"<xml><Encrypt><![CDATA[{encrypted}]]></Encrypt>"
            f"<MsgSignature><![CDATA[{signature}]]></MsgSignature>"
            f"<TimeStamp>{timestamp}</TimeStamp><Nonce><![CDATA[{nonce}]]></Nonce></xml>"
        )

    def button_reply(self, callback: Callback, replace_name: str, *, at: int) -> str:
        """The plaintext that greys the pressed buttons on the presser's own card."""
        return (
            f"<xml><ToUserName>{_cdata(callback.userid)}</ToUserName>"
            f"<FromUserName>{_cdata(self._corp_id)}</FromUserName>"
            f"<CreateTime>{at}</CreateTime>"
            "<MsgType><![CDATA[update_button]]></MsgType>"
            f"<Button><ReplaceName>{_cdata(replace_name)}</ReplaceName></Button></xml>"
        )

    def _open(self, body: bytes, msg_signature: str, timestamp: str, nonce: str, now: float) -> Callback:
        if len(body) > BODY_BYTES:
            raise CallbackRefused("size")
        outer = _outer(body.decode("utf-8"))
        plaintext = self._envelope.open(outer["encrypt"], msg_signature, timestamp, nonce)
        self._check_address(outer.get("tousername") or self._corp_id, outer.get("agentid"))
        fields = _fields(plaintext)
        inner_agent = _text(fields, "AgentID")
        self._check_address(_text(fields, "ToUserName"), inner_agent)
        stale = abs(now - int(timestamp)) > self._window
        digest = hashlib.sha256(outer["encrypt"].encode()).hexdigest()
        return self._callback(fields, plaintext, int(timestamp), stale, digest)

    def _check_address(self, receiver: str | None, agent: str | None) -> None:
        """Contact callbacks carry no AgentID; one that is there must be ours."""
        if receiver != self._corp_id:
            raise CallbackRefused("receiver")
        if agent and agent != self._agent_id:
            raise CallbackRefused("agent")

    def _callback(
        self, fields: dict[str, object], plaintext: str, timestamp: int, stale: bool, digest: str
    ) -> Callback:
        kind = _kind(fields)
        userid = _text(fields, "FromUserName") or ""
        msg_id = _text(fields, "MsgId")
        created = _text(fields, "CreateTime") or ""
        is_message = _text(fields, "MsgType") != "event"
        return Callback(
            kind=kind,
            userid=userid,
            created_at=int(created) if re.fullmatch(r"[0-9]{1,12}", created) else timestamp,
            content=_text(fields, "Content", empty=kind is CallbackKind.text),
            media_id=_text(fields, "MediaId"),
            event=_text(fields, "Event"),
            event_key=_text(fields, "EventKey"),
            task_id=_text(fields, "TaskId"),
            response_code=_text(fields, "ResponseCode"),
            selected=_selected(_get(fields, "SelectedItems")),
            stale=stale,
            key=self._key(userid, msg_id if is_message else None, plaintext),
            raw=fields,
            recognition=_text(fields, "Recognition"),
            place=_place(fields) if kind is CallbackKind.location else None,
            ciphertext_sha256=digest,
        )

    def _key(self, userid: str, msg_id: str | None, plaintext: str) -> str:
        """Two events of one person in one second differ only in their text, so the text is the key."""
        if msg_id is not None:
            return f"m:{self._corp_id}:{self._agent_id}:{userid}:{msg_id}"
        return "e:" + hashlib.sha256(plaintext.encode()).hexdigest()


def _refusing(step: Step[[], T]) -> T:
    """Whatever breaks on hostile input is one refusal; raised outside, so that no plaintext clings to it."""
    reason = "malformed"
    try:
        return step()
    except CallbackRefused as exc:
        reason = exc.reason
    except _BROKEN:
        pass
    raise CallbackRefused(reason)


def _outer(body: str) -> dict[str, str]:
    """The three outer fields. Taken out by hand: nothing unauthenticated reaches a parser of nested XML."""
    if _DOCTYPE.search(body) or "\0" in body:
        raise CallbackRefused("doctype")
    if body.lstrip().startswith("{"):
        found = json.loads(body)
        outer = {str(name).lower(): str(value).strip() for name, value in found.items()}
    else:
        named = {name: _element(body, name) for name in ("Encrypt", "ToUserName", "AgentID")}
        outer = {name.lower(): value for name, value in named.items() if value is not None}
    if not outer.get("encrypt"):
        raise CallbackRefused("encrypt")
    return outer


def _element(body: str, name: str) -> str | None:
    opening, closing = f"<{name}>", f"</{name}>"
    start, end = body.find(opening), body.find(closing)
    if start < 0 and end < 0:
        return None
    if end < start or start < 0 or body.count(opening) != 1 or body.count(closing) != 1:
        raise CallbackRefused("malformed")
    value = body[start + len(opening) : end].strip()
    if value.startswith("<![CDATA[") and value.endswith("]]>"):
        value = value[9:-3].strip()
    return value


def _fields(plaintext: str) -> dict[str, object]:
    found = json.loads(plaintext) if plaintext.startswith("{") else xmltodict.parse(plaintext)["xml"]
    _check_depth(found)
    fields = _clean(found)
    if not isinstance(fields, dict):
        raise CallbackRefused("malformed")
    return fields


def _clean(value: object) -> object:
    """JSON escapes can carry NUL and half characters, which no database column takes."""
    if isinstance(value, str):
        return _NOT_XML.sub("", value)
    if isinstance(value, dict):
        return {str(_clean(name)): _clean(inner) for name, inner in value.items()}
    return [_clean(inner) for inner in value] if isinstance(value, list) else value


def _check_depth(value: object) -> None:
    """``raw`` is stored as JSON later; nothing real is nested deeper than a card's selections."""
    level = [value]
    for _ in range(DEPTH):
        below: list[object] = []
        for item in level:
            below.extend(item.values() if isinstance(item, dict) else item if isinstance(item, list) else ())
        level = below
        if not level:
            return
    raise CallbackRefused("depth")


def _kind(fields: dict[str, object]) -> CallbackKind:
    kind = _text(fields, "MsgType") or ""
    if kind == "event":
        return _EVENTS.get(_text(fields, "Event") or "", CallbackKind.event)
    return CallbackKind(kind) if kind in _MESSAGES else CallbackKind.unknown


def _get(fields: dict[str, object], name: str) -> object:
    """WeCom's JSON format writes some names in lower case."""
    if name in fields:
        return fields[name]
    return next((value for found, value in fields.items() if found.lower() == name.lower()), None)


def _text(fields: dict[str, object], name: str, *, empty: bool = False) -> str | None:
    value = _get(fields, name)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if isinstance(value, str) and value:
        return value
    return "" if empty else None


def _place(fields: dict[str, object]) -> Place | None:
    """None where the numbers are no place on earth."""
    try:
        latitude = float(_text(fields, "Location_X") or "nan")
        longitude = float(_text(fields, "Location_Y") or "nan")
    except ValueError:
        return None
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        return None
    return Place(latitude, longitude, (_text(fields, "Label") or "")[:200])


def _selected(items: object) -> dict[str, list[str]]:
    """One or many, at both levels: always lists."""
    chosen: dict[str, list[str]] = {}
    inside = _get(items, "SelectedItem") if isinstance(items, dict) else items
    for item in _many(inside):
        if isinstance(item, dict) and (question := _text(item, "QuestionKey")):
            options = _get(item, "OptionIds")
            named = _get(options, "OptionId") if isinstance(options, dict) else options
            chosen[question] = [str(option) for option in _many(named)]
    return chosen


def _many(value: object) -> list[object]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _cdata(value: str) -> str:
    clean = _NOT_XML.sub("", value).replace("]]>", "]]]]><![CDATA[>")
    return f"<![CDATA[{clean}]]>"
