"""What a card may contain, the encrypted callbacks it leads to, and how the application's answer is read."""

import random
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import anyio
import requests
from anyio import to_thread

from reviewbot.simulator.crypto import CallbackCrypto, CryptoError, open_reply

if TYPE_CHECKING:
    from reviewbot.simulator.platform import Message, Platform

INTERACTIVE = ("button_interaction", "vote_interaction", "multiple_interaction")
CARD_TYPES = ("text_notice", "news_notice", *INTERACTIVE)
OWN_PART = {
    "button_interaction": "button_list",
    "vote_interaction": "checkbox",
    "multiple_interaction": "select_list",
}
LIST_LIMITS = {
    "horizontal_content_list": 6,
    "jump_list": 3,
    "vertical_content_list": 4,
    "button_list": 6,
    "select_list": 3,
}
TASK_ID = re.compile(r"[0-9A-Za-z_@-]{1,128}")
TIMEOUT = "处理超时"
MAX_REPLY_BYTES = 1 << 20


@dataclass(frozen=True)
class Member:
    userid: str
    name: str
    department: str = ""
    title: str = ""


@dataclass(frozen=True)
class Agent:
    agent_id: int
    secret: str = field(repr=False)
    name: str = "好差评助手"
    home_url: str = ""


@dataclass
class Quirks:
    """Switches for what the real platform does, or is reported to do, on a bad day."""

    expires_in_full: bool = True  # 7200 even for an old token, or the true remainder
    kill_token_every: int = 0  # every n-th authenticated call finds its token killed
    block_gettoken_after: int = 0  # 45009 after so many gettoken calls
    busy_rate: float = 0.0  # share of calls answered with -1
    html_rate: float = 0.0  # share of calls answered with an HTML page and status 200
    delay_seconds: float = 0.0  # before a call takes effect
    answer_delay_seconds: float = 0.0  # after it took effect: "delivered after the client gave up"
    per_minute: int = 30
    per_hour: int = 1000
    day_quota: int = 0  # person-times per app and day, 0 = no limit
    duplicate_repeats_answer: bool = True  # else a bare ok without msgid
    repeated_task_id_errcode: int = 40058  # unknown in public material
    spent_code_errcode: int = 40058  # unknown in public material
    empty_answer_is_timeout: bool = True
    retry_fresh_ciphertext: bool = False
    callback_cdata: bool = True
    callback_timeout_seconds: float = 5.0
    callback_tries: int = 3
    trusted_hosts: tuple[str, ...] = ()  # of redirect_uri, port included; empty = all


@dataclass
class SimulatorConfig:
    corp_id: str
    agents: tuple[Agent, ...]
    callback_url: str = ""
    callback_token: str = field(default="", repr=False)
    callback_aes_key: str = field(default="", repr=False)
    members: list[Member] = field(default_factory=list)
    now: Callable[[], float] = time.time
    seed: int = 1
    quirks: Quirks = field(default_factory=Quirks)


class Refused(Exception):
    """The platform answers with an errcode; HTTP stays 200."""

    def __init__(self, errcode: int, errmsg: str) -> None:
        super().__init__(errmsg)
        self.errcode = errcode
        self.errmsg = errmsg


def need(content: Mapping[str, Any], key: str, errcode: int, errmsg: str) -> None:
    if not isinstance(content.get(key), str) or not content[key].strip():
        raise Refused(errcode, errmsg)


def check_card(card: Mapping[str, Any], has_callback: bool, *, update: bool = False) -> None:
    """Hard limits only: the lengths in characters are advice, the display cuts them."""
    kind = card.get("card_type")
    if kind not in CARD_TYPES:
        raise Refused(40058, "invalid Request Parameter: card_type")
    if kind in INTERACTIVE and not has_callback:
        raise Refused(43012, "require agent with callback url")
    title = card.get("main_title")
    has_title = isinstance(title, dict) and bool(title.get("title"))
    if not has_title and not (kind == "text_notice" and card.get("sub_title_text")):
        raise Refused(41016, "missing title")
    if kind not in INTERACTIVE and not card.get("card_action"):
        raise Refused(40058, "invalid Request Parameter: card_action")
    task_id = card.get("task_id")
    needs_task = (kind in INTERACTIVE or "action_menu" in card) and not update
    if (needs_task or task_id) and not TASK_ID.fullmatch(str(task_id or "")):
        raise Refused(40058, "invalid Request Parameter: task_id")
    _check_parts(card, str(kind))


def _check_parts(card: Mapping[str, Any], kind: str) -> None:
    for part, limit in LIST_LIMITS.items():
        if not isinstance(card.get(part, []), list) or len(card.get(part) or []) > limit:
            raise Refused(40058, f"invalid Request Parameter: {part}")
    if kind in OWN_PART and not card.get(OWN_PART[kind]):
        raise Refused(40058, f"invalid Request Parameter: {OWN_PART[kind]}")
    if kind in INTERACTIVE[1:] and not (card.get("submit_button") or {}).get("key"):
        raise Refused(40058, "invalid Request Parameter: submit_button")
    keys = _button_keys(card)
    if "" in keys or len(keys) != len(set(keys)) or any(len(k.encode()) > 1024 for k in keys):
        raise Refused(40058, "invalid Request Parameter: button_list.key")


def _button_keys(card: Mapping[str, Any]) -> list[str]:
    return [str(b.get("key") or "") for b in card.get("button_list") or () if int(b.get("type") or 0) == 0]


def card_keys(card: Mapping[str, Any]) -> tuple[set[str], set[str]]:
    """The keys a member can press: on the card itself, and in its corner menu."""
    pressable = {key for key in _button_keys(card) if key}
    if submit := (card.get("submit_button") or {}).get("key"):
        pressable.add(str(submit))
    menu = (card.get("action_menu") or {}).get("action_list") or ()
    return pressable, {str(a.get("key")) for a in menu}


@dataclass(frozen=True)
class Outcome:
    """What came of a push; ``reply`` is the opened passive answer, None if there was none."""

    delivered: bool
    status: str
    reply: dict[str, Any] | None = None


class Pusher:
    """Seals an event and posts it, three times if need be, as the platform does."""

    def __init__(self, config: SimulatorConfig, log: Callable[..., None]) -> None:
        self._config = config
        self._log = log
        self._dice = random.Random(config.seed + 1)
        self._crypto = (
            CallbackCrypto(config.callback_token, config.callback_aes_key, config.corp_id)
            if config.callback_aes_key
            else None
        )

    async def push(self, agent_id: int, plaintext: str) -> Outcome:
        if self._crypto is None or not self._config.callback_url:
            return Outcome(False, "没有配置回调地址")
        quirks = self._config.quirks
        sealed: tuple[str, bytes] | None = None
        for attempt in range(1, quirks.callback_tries + 1):
            if sealed is None or quirks.retry_fresh_ciphertext:
                sealed = self._seal(self._crypto, agent_id, plaintext)
            verdict, body = await self._call("POST", *sealed)
            if body is None:
                self._log("PUSH", "callback", verdict, attempt=attempt)
                continue
            outcome = self._read(self._crypto, body)
            self._log("PUSH", "callback", outcome.status, attempt=attempt)
            return outcome
        return Outcome(False, TIMEOUT)

    async def verify(self) -> Outcome:
        """The URL check the console makes when the address is saved."""
        if self._crypto is None or not self._config.callback_url:
            return Outcome(False, "没有配置回调地址")
        echo = str(self._dice.getrandbits(62))
        query = self._query(self._crypto, encrypted := self._crypto.encrypt(echo))
        url = self._with_query({**query, "echostr": encrypted})
        verdict, body = await self._call("GET", url, b"")
        if body is None:
            return Outcome(False, verdict)
        return Outcome(True, "验证通过") if body == echo.encode() else Outcome(False, "echostr 校验失败")

    def _seal(self, crypto: CallbackCrypto, agent_id: int, plaintext: str) -> tuple[str, bytes]:
        encrypted = crypto.encrypt(plaintext)
        corp, agent = self._config.corp_id, str(agent_id)
        if self._config.quirks.callback_cdata:
            corp, agent, wrapped = cdata(corp), cdata(agent), cdata(encrypted)
        else:
            wrapped = f"\n  {encrypted}\n"
        receiver = f"<ToUserName>{corp}</ToUserName><AgentID>{agent}</AgentID>"
        body = f"<xml>{receiver}<Encrypt>{wrapped}</Encrypt></xml>"
        return self._with_query(self._query(crypto, encrypted)), body.encode()

    def _query(self, crypto: CallbackCrypto, encrypted: str) -> dict[str, str]:
        timestamp, nonce = str(int(self._config.now())), str(self._dice.randrange(10**9, 10**10))
        signature = crypto.signature(timestamp, nonce, encrypted)
        return {"msg_signature": signature, "timestamp": timestamp, "nonce": nonce}

    def _with_query(self, query: Mapping[str, str]) -> str:
        url = self._config.callback_url
        return f"{url}{'&' if '?' in url else '?'}{urlencode(query)}"

    async def _call(self, method: str, url: str, body: bytes) -> tuple[str, bytes | None]:
        limit = self._config.quirks.callback_timeout_seconds
        try:
            with anyio.fail_after(limit):
                return await to_thread.run_sync(_http, method, url, body, limit, abandon_on_cancel=True)
        except TimeoutError:
            return f"超过 {limit:g} 秒未应答", None

    def _read(self, crypto: CallbackCrypto, body: bytes) -> Outcome:
        text = body.strip()
        if text in (b"", b"success"):
            return Outcome(True, "ok")
        try:
            reply = open_reply(crypto, text)
        except (CryptoError, ValueError, KeyError, TypeError) as exc:
            return Outcome(False, f"应答无法解读（{type(exc).__name__}）")
        return Outcome(True, "ok", reply)


def _http(method: str, url: str, body: bytes, limit: float) -> tuple[str, bytes | None]:
    with requests.Session() as session:
        session.trust_env = False  # a proxy of the environment must not stand between two local programs
        headers = {"Content-Type": "text/xml", "User-Agent": "Mozilla/4.0"}
        try:
            with session.request(
                method, url, data=body, headers=headers, timeout=limit, stream=True, allow_redirects=False
            ) as response:
                content = b"".join(islice(response.iter_content(1 << 16), 17))
        except (requests.RequestException, OSError) as exc:
            return f"无法送达（{type(exc).__name__}）", None
    if response.status_code != 200 or len(content) > MAX_REPLY_BYTES:
        return f"应答 HTTP {response.status_code}", None
    return "ok", content


def cdata(text: str) -> str:
    return "<![CDATA[" + text.replace("]]>", "]]]]><![CDATA[>") + "]]>"


def event_xml(corp_id: str, userid: str, agent_id: int, at: float, kind: str, **fields: str | int) -> str:
    """The plain text of a callback; ``fields`` keep their order, numbers go without CDATA."""
    parts = [
        f"<ToUserName>{cdata(corp_id)}</ToUserName><FromUserName>{cdata(userid)}</FromUserName>",
        f"<CreateTime>{int(at)}</CreateTime><MsgType>{cdata(kind)}</MsgType>",
    ]
    for name, value in fields.items():
        if name == "SelectedItems":
            parts.append(str(value))
        else:
            parts.append(f"<{name}>{value if isinstance(value, int) else cdata(value)}</{name}>")
    return f"<xml>{''.join(parts)}<AgentID>{agent_id}</AgentID></xml>"


def selected_xml(selected: Mapping[str, list[str]]) -> str:
    items = "".join(
        f"<SelectedItem><QuestionKey>{cdata(question)}</QuestionKey><OptionIds>"
        + "".join(f"<OptionId>{cdata(option)}</OptionId>" for option in options)
        + "</OptionIds></SelectedItem>"
        for question, options in selected.items()
    )
    return f"<SelectedItems>{items}</SelectedItems>"


class Hand:
    """What a member does on the phone; each act pushes its callback and waits for the passive answer."""

    def __init__(self, platform: "Platform", pusher: Pusher) -> None:
        self.platform = platform
        self.pusher = pusher

    async def say(self, member: Member, content: str) -> Outcome:
        if not content.strip() or len(content.encode()) > 2048:
            raise Refused(400, "内容为空或超过 2048 字节")
        return await self._say(member, "text", {"content": content}, Content=content)

    async def photo(self, member: Member, base: str, name: str, body: bytes, content_type: str) -> Outcome:
        try:
            media_id = self.platform.add_media("image", name, body, content_type)["media_id"]
        except Refused as exc:
            raise Refused(400, "只能发送 10 MB 以内的 JPG 或 PNG 图片") from exc
        facts = {"PicUrl": f"{base}sim/media/{media_id}", "MediaId": media_id}
        return await self._say(member, "image", {"media_id": media_id}, **facts)

    async def enter(self, member: Member) -> Outcome:
        agent_id = self.platform.config.agents[0].agent_id
        return await self._push(member, agent_id, "event", Event="enter_agent", EventKey="")

    async def press(self, member: Member, task_id: str, key: str, picked: Mapping[str, Any]) -> Outcome:
        card = self.platform.find_card(member.userid, task_id)
        if card is None:
            raise Refused(404, "没有这张卡片")
        if card.replace_name:
            raise Refused(409, "卡片已处理")
        if card.status == "处理中":
            raise Refused(409, "处理中")
        buttons, menu = card_keys(card.content)
        if key not in buttons | menu:
            raise Refused(404, "卡片上没有这个按钮")
        before = card.content
        card.pressed, card.status = key, "处理中"
        self.platform.version += 1
        event = "template_card_event" if key in buttons else "template_card_menu_event"
        code = self.platform.new_code(card.agent_id, self.platform.copies_of(card))
        facts = {"Event": event, "EventKey": key, "TaskId": task_id, "CardType": str(before.get("card_type"))}
        if picked:
            facts["SelectedItems"] = selected_xml(
                {str(q): [str(o) for o in ids] for q, ids in picked.items()}
            )
        outcome = await self._push(member, card.agent_id, "event", **facts, ResponseCode=code)
        return self._apply(card, before, outcome)

    def _apply(self, card: "Message", before: dict[str, Any], outcome: Outcome) -> Outcome:
        """The passive answer has the last word, even over an update made meanwhile through the API."""
        reply = outcome.reply or {}
        button, new_card = reply.get("Button"), reply.get("TemplateCard")
        if reply.get("MsgType") == "update_button" and isinstance(button, dict):
            self.platform.change_card(card, {"replace_name": button.get("ReplaceName") or "已处理"}, None)
        elif reply.get("MsgType") == "update_template_card" and isinstance(new_card, dict):
            self.platform.change_card(card, None, new_card)
        elif not outcome.delivered or self.platform.quirks.empty_answer_is_timeout:
            card.content, card.replace_name, card.pressed = before, "", ""
            card.status = "处理超时，请点击重试"
            outcome = Outcome(False, TIMEOUT if outcome.delivered else outcome.status)
        else:
            card.status, card.pressed = "", ""
        self.platform.version += 1
        return outcome

    async def _push(self, member: Member, agent_id: int, kind: str, **facts: str | int) -> Outcome:
        platform = self.platform
        xml = event_xml(platform.config.corp_id, member.userid, agent_id, platform.now(), kind, **facts)
        return await self.pusher.push(agent_id, xml)

    async def _say(self, member: Member, kind: str, content: dict[str, Any], **facts: str | int) -> Outcome:
        agent_id = self.platform.config.agents[0].agent_id
        bubble = self.platform.put(member.userid, agent_id, kind, content, from_app=False, read=True)
        outcome = await self._push(member, agent_id, kind, **facts, MsgId=int(self.platform.next_id()))
        bubble.status = "" if outcome.delivered else outcome.status
        if outcome.reply and outcome.reply.get("MsgType") == "text":
            said = {"content": str(outcome.reply.get("Content") or "")}
            self.platform.put(member.userid, agent_id, "text", said)
        self.platform.version += 1
        return outcome
