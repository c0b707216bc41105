"""The words of the chat: what a command is, and the text it is read from, folded place by place.

The text is folded character by character (full-width, odd spaces), so that a place found in the folded text
is the same place in the text as typed; free text is always handed on as typed.
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self


class Verb(StrEnum):
    sign = "sign"
    return_ = "return"
    dispatch = "dispatch"
    record_call = "record_call"
    conclude = "conclude"
    submit_measures = "submit_measures"
    submit_explanation = "submit_explanation"
    approve = "approve"
    send_back = "send_back"
    record_feedback = "record_feedback"
    my_todo = "my_todo"
    help = "help"
    show_case = "show_case"
    reopen = "reopen"
    refuse_return = "refuse_return"
    convene = "convene"
    rule = "rule"
    keep_as_rule = "keep_as_rule"
    ask_assistance = "ask_assistance"
    assist = "assist"
    withdraw_assistance = "withdraw_assistance"
    request_extension = "request_extension"
    request_ledger = "request_ledger"
    appeal = "appeal"
    agree = "agree"
    disagree = "disagree"
    hand_over = "hand_over"
    instruct = "instruct"
    remark = "remark"
    leave = "leave"
    recall = "recall"


@dataclass(frozen=True)
class Command:
    verb: Verb
    number: str | None = None
    args: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Question:
    """One Chinese sentence that says what is missing and shows an example to copy."""

    sentence: str
    unknown: bool = False
    """No command was recognised at all: what was said may be a mistyped one, or no command but a remark."""


_DOUBT = re.compile(r"(?:不|没|未|无法|暂)|.*[?吗呢][。.!]*\Z", re.DOTALL)
_HALF_NUMBER = re.compile(r"#|[A-Za-z]?[0-9]")


_GAP = re.compile(r"[\s:,;、。]*")
_NUMBER = re.compile(r"[\[(【「]?(?:#\s*)?([A-Za-z][0-9]{3,})(?![A-Za-z0-9])[\])】」]?")
NUMBER_ALONE = re.compile(_NUMBER.pattern + r"(?=[\s,;、。:]|\Z)")
_MARKED = re.compile(r"(?<!\S)#\s*([A-Za-z][0-9]{3,})(?!\S)[^\S\n]*")
MENTION = re.compile(r"@\S+\s+")
_INVISIBLE = frozenset("\u200b\u200c\u200d\u2060\ufeff")


def fold(text: str) -> str:
    """Full-width to half-width, one character for one character."""
    folded = (" " if char in _INVISIBLE else unicodedata.normalize("NFKC", char) for char in text)
    return "".join(new if len(new) == 1 else old for old, new in zip(text, folded, strict=True))


@dataclass(frozen=True)
class Typed:
    """A piece of the text twice, as typed and folded, position by position, without its outer separators."""

    raw: str
    folded: str

    def cut(self, start: int, end: int | None = None) -> Self:
        raw, folded = self.raw[start:end], self.folded[start:end]
        gap = _GAP.match(folded)
        left, right = gap.end() if gap else 0, len(folded.rstrip())
        return type(self)(raw[left:right], folded[left:right])

    def take(self, pattern: re.Pattern[str]) -> tuple[str | None, Self]:
        """The pattern at the beginning (its last group, or all of it), and the rest."""
        if found := pattern.match(self.folded):
            return found[found.lastindex or 0], self.cut(found.end())
        return None, self


Reader = Callable[[str | None, Typed], Command | Question]


def take_number(typed: Typed) -> tuple[str | None, Typed]:
    number, rest = typed.take(_NUMBER)
    return (number.upper() if number else None), rest


def take_marked_number(typed: Typed) -> tuple[str | None, Typed]:
    found = list(_MARKED.finditer(typed.folded))
    if len({match[1].upper() for match in found}) != 1:
        return None, typed
    first, end = found[0].span()
    without = Typed(typed.raw[:first] + typed.raw[end:], typed.folded[:first] + typed.folded[end:])
    return found[0][1].upper(), without.cut(0)


UNKNOWN = "没有看懂这条消息，请发送「帮助」查看可以使用的指令。"


NOT_UNDERSTOOD = Question(UNKNOWN, unknown=True)


def doubt(tail: Typed, missing: str, number: str | None, example: str) -> Question | None:
    """What follows a verb that needs nothing more, but may take it back or is no whole number: asked, never guessed."""
    if _HALF_NUMBER.match(tail.folded):
        return ask("工单号要写全，是一个字母加至少三位数字，一次一件", number, example)
    return ask(missing, number, example) if _DOUBT.match(tail.folded) else None


def ask(missing: str, number: str | None, example: str) -> Question:
    verb, _, rest = example.partition(" ")
    return Question(f"{missing}，例如「{' '.join(filter(None, (verb, number or 'A1027', rest)))}」。")


def command(verb: Verb, number: str | None, **args: str | None) -> Command:
    return Command(verb, number, {key: value for key, value in args.items() if value})


def late_number(number: str | None, tail: Typed) -> tuple[str | None, Typed]:
    """The number after the verb's own keyword: 认定 属实 A1027."""
    return (number, tail) if number else take_number(tail)
