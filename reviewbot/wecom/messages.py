"""Messages to staff as the JSON WeCom takes: display limits are cut, hard limits refused."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reviewbot.wecom.buttons import KEY_BYTES, TASK_ID
from reviewbot.wecom.errors import Kind, WeComError

TEXT_BYTES = 2048
URL_BYTES = 2048
MAX_RECIPIENTS = 1000
MAX_ROWS = 6
MAX_BUTTONS = 6
MAX_OPTIONS = 20
OPTION_BYTES = 128

Payload = dict[str, object]


@dataclass(frozen=True, slots=True)
class Button:
    """``style``: 1 blue, 2 grey-blue, 3 red, 4 grey. With ``url`` it opens a page instead of calling back."""

    text: str
    key: str
    style: int = 1
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Card:
    """One card for one round of a case; ``source_color``: 0 grey, 1 black, 2 red, 3 green.

    ``replaced``: stands greyed in the place of the buttons; only in an update of a card that had buttons.
    """

    task_id: str
    source: str
    title: str
    desc: str
    sub_title: str = ""
    rows: Sequence[tuple[str, str]] = ()
    buttons: Sequence[Button] = ()
    url: str | None = None
    source_color: int = 0
    replaced: str = ""


@dataclass(frozen=True, slots=True)
class Vote:
    """A card on which one of up to 20 options is ticked and submitted."""

    task_id: str
    source: str
    title: str
    desc: str
    question: str
    options: Sequence[tuple[str, str]]
    submit: str
    key: str


def text(agent_id: int, touser: Sequence[str], content: str) -> Payload:
    if not content.strip():
        raise _refuse("消息内容为空")
    return _message(agent_id, touser, "text", {"content": cut_bytes(content, TEXT_BYTES)})


def textcard(
    agent_id: int, touser: Sequence[str], title: str, description: str, url: str, btntxt: str = "详情"
) -> Payload:
    if not title.strip() or not description.strip():
        raise _refuse("文本卡片缺少标题或描述")
    card = {
        "title": cut(title, 128),
        "description": cut(description, 512),
        "url": _url(url),
        "btntxt": cut(btntxt, 4),
    }
    return _message(agent_id, touser, "textcard", card)


def markdown(agent_id: int, touser: Sequence[str], content: str) -> Payload:
    """Headings, bold, links and colours; the WeChat plugin does not show it."""
    if not content.strip():
        raise _refuse("消息内容为空")
    return _message(agent_id, touser, "markdown", {"content": cut_bytes(content, TEXT_BYTES)})


def image(agent_id: int, touser: Sequence[str], media_id: str) -> Payload:
    """A picture uploaded before."""
    return _message(agent_id, touser, "image", {"media_id": media_id})


def button_card(agent_id: int, touser: Sequence[str], card: Card) -> Payload:
    return _message(agent_id, touser, "template_card", card_json(card))


def card_json(card: Card) -> Payload:
    """A card to press; without buttons a notice, which then needs the page it opens."""
    if not TASK_ID.fullmatch(card.task_id):
        raise _refuse("卡片编号不合规则")
    if not card.title and not card.sub_title:
        raise _refuse("卡片缺少标题")
    if card.source_color not in range(4):
        raise _refuse("卡片来源颜色不合规则")
    body: Payload = {
        "card_type": "button_interaction" if card.buttons else "text_notice",
        "task_id": card.task_id,
        "main_title": {"title": cut(card.title, 36), "desc": cut(card.desc, 44)},
    }
    if card.source:
        body["source"] = {"desc": cut(card.source, 20), "desc_color": card.source_color}
    if card.sub_title:
        body["sub_title_text"] = cut(card.sub_title, 160)
    if card.rows:
        body["horizontal_content_list"] = _rows(card.rows)
    if card.url is not None:
        body["card_action"] = {"type": 1, "url": _url(card.url)}
    if card.buttons:
        body["button_list"] = _buttons(card.buttons)
        if card.replaced:
            body["replace_text"] = cut(card.replaced, 20)
    elif card.url is None:
        raise _refuse("没有按钮的卡片必须有可打开的页面")
    return body


def vote_card(agent_id: int, touser: Sequence[str], vote: Vote) -> Payload:
    if not TASK_ID.fullmatch(vote.task_id):
        raise _refuse("卡片编号不合规则")
    if not 1 <= len(vote.options) <= MAX_OPTIONS or len({key for key, _ in vote.options}) < len(vote.options):
        raise _refuse("投票卡片的选项须有 1 到 20 个，且不得重复")
    if any(not 1 <= len(key.encode()) <= OPTION_BYTES for key, _ in vote.options):
        raise _refuse("选项编号为空或过长")
    body: Payload = {
        "card_type": "vote_interaction",
        "task_id": vote.task_id,
        "source": {"desc": cut(vote.source, 20), "desc_color": 0},
        "main_title": {"title": cut(vote.title, 36), "desc": cut(vote.desc, 44)},
        "checkbox": {
            "question_key": vote.question,
            "mode": 0,
            "option_list": [
                {"id": key, "text": cut(text_, 17), "is_checked": False} for key, text_ in vote.options
            ],
        },
        "submit_button": {"text": cut(vote.submit, 10), "key": vote.key},
    }
    return _message(agent_id, touser, "template_card", body)


def encode(message: Payload) -> bytes:
    """The same message always gives the same bytes: WeCom recognises a repeat only by them."""
    document = json.dumps(message, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return document.encode("utf-8", "replace")


def cut(value: str, characters: int) -> str:
    return value if len(value) <= characters else value[: characters - 1] + "…"


def cut_bytes(value: str, limit: int) -> str:
    """At most ``limit`` bytes of UTF-8, ended on a whole character; WeCom would cut inside one."""
    data = value.encode("utf-8", "replace")
    if len(data) <= limit:
        return data.decode()
    return data[: limit - len("…".encode())].decode("utf-8", "ignore") + "…"


def _message(agent_id: int, touser: Sequence[str], msgtype: str, body: Mapping[str, object]) -> Payload:
    return {
        "touser": _recipients(touser),
        "agentid": agent_id,
        "msgtype": msgtype,
        msgtype: body,
        "enable_duplicate_check": 1,
        "duplicate_check_interval": 14400,
    }


def _recipients(touser: Sequence[str]) -> str:
    names = [touser] if isinstance(touser, str) else list(touser)
    if not 1 <= len(names) <= MAX_RECIPIENTS:
        raise _refuse("一条消息的接收人必须在 1 到 1000 之间")
    # One name must stay one person: no list inside a name, and never the whole corp.
    if any(not name.strip() or "|" in name or name.lower() == "@all" or len(name) > 64 for name in names):
        raise _refuse("接收人账号不合规则")
    return "|".join(names)


def _rows(rows: Sequence[tuple[str, str]]) -> list[Payload]:
    if len(rows) > MAX_ROWS:
        raise _refuse("卡片的信息行超过 6 行")
    return [{"keyname": cut(key, 5), "value": cut(value, 30)} for key, value in rows]


def _buttons(buttons: Sequence[Button]) -> list[Payload]:
    if len(buttons) > MAX_BUTTONS:
        raise _refuse("卡片的按钮超过 6 个")
    if len({button.key for button in buttons}) != len(buttons):
        raise _refuse("卡片的按钮内容重复")
    return [_button(button) for button in buttons]


def _button(button: Button) -> Payload:
    if not button.text or button.style not in range(1, 5):
        raise _refuse("按钮缺少文字或样式不合规则")
    if not 1 <= len(button.key.encode("utf-8", "replace")) <= KEY_BYTES:
        raise _refuse("按钮内容为空或过长")
    shown: Payload = {"text": cut(button.text, 10), "style": button.style, "key": button.key}
    return shown if button.url is None else shown | {"type": 1, "url": _url(button.url)}


def _url(url: str) -> str:
    if not url.startswith(("https://", "http://")) or len(url.encode("utf-8", "replace")) > URL_BYTES:
        raise _refuse("页面地址不合规则")
    return url


def _refuse(sentence: str) -> WeComError:
    return WeComError(sentence, kind=Kind.content)
