"""What a card may contain, and what on it can be pressed."""

import re
from collections.abc import Mapping
from typing import Any

from reviewbot.simulator.config import Refused

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
MENU_LIMIT, SELECT_LIMIT, CHECKBOX_LIMIT = 3, 10, 20
TASK_ID = re.compile(r"[0-9A-Za-z_@-]{1,128}")


def need(content: Mapping[str, Any], key: str, errcode: int, errmsg: str) -> None:
    if not isinstance(content.get(key), str) or not content[key].strip():
        raise Refused(errcode, errmsg)


def check_card(
    card: Mapping[str, Any], has_callback: bool, missing_title: int = 41016, *, update: bool = False
) -> None:
    """Hard limits only: the lengths in characters are advice, the display cuts them."""
    kind = card.get("card_type")
    if kind not in CARD_TYPES:
        raise Refused(40058, "invalid Request Parameter: card_type")
    if kind in INTERACTIVE and not has_callback:
        raise Refused(43012, "require agent with callback url", "cards_need_callback")
    title = card.get("main_title")
    has_title = isinstance(title, dict) and bool(title.get("title"))
    if not has_title and not (kind == "text_notice" and card.get("sub_title_text")):
        raise Refused(missing_title, "missing title", "missing_title_errcode")
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
    _check_questions(card)
    keys = _button_keys(card)
    if "" in keys or len(keys) != len(set(keys)) or any(len(k.encode()) > 1024 for k in keys):
        raise Refused(40058, "invalid Request Parameter: button_list.key")


def _check_questions(card: Mapping[str, Any]) -> None:
    """Every question has a key of its own and options with ids of their own."""
    menu = (card.get("action_menu") or {}).get("action_list") or ()
    if len({str(a["key"]) for a in menu}) != len(menu) or len(menu) > MENU_LIMIT:
        raise Refused(40058, "invalid Request Parameter: action_list")
    asked = [(card.get("checkbox"), CHECKBOX_LIMIT), (card.get("button_selection"), SELECT_LIMIT)]
    asked += [(question, SELECT_LIMIT) for question in card.get("select_list") or ()]
    for question, limit in asked:
        if not question:
            continue
        ids = [str(option["id"]) for option in question.get("option_list") or ()]
        fits = (
            0 < len(ids) <= limit and len(set(ids)) == len(ids) and all(len(i.encode()) <= 128 for i in ids)
        )
        if not (fits and question.get("question_key")):
            raise Refused(40058, "invalid Request Parameter: option_list")


def _button_keys(card: Mapping[str, Any]) -> list[str]:
    return [str(b.get("key") or "") for b in card.get("button_list") or () if int(b.get("type") or 0) == 0]


def card_keys(card: Mapping[str, Any]) -> tuple[set[str], set[str]]:
    """The keys a member can press: on the card itself, and in its corner menu."""
    pressable = {key for key in _button_keys(card) if key}
    if submit := (card.get("submit_button") or {}).get("key"):
        pressable.add(str(submit))
    menu = (card.get("action_menu") or {}).get("action_list") or ()
    return pressable, {str(a.get("key")) for a in menu}
