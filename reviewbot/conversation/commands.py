"""What staff type, read as a command or answered with the question that is still open; nothing is guessed.

1. The text is folded (``words``). 2. The case number is taken where it stands beside the verb, or as a separate
``#A1027`` anywhere (P3). 3. Each verb reads what it needs from the tail (``readers``, ``procedure_readers``).
"""

import re
from dataclasses import dataclass
from difflib import get_close_matches

from reviewbot.conversation.procedure_readers import PROCEDURE_READERS, read_leave
from reviewbot.conversation.readers import CORE_READERS
from reviewbot.conversation.vocabulary import METRIC_WORDS
from reviewbot.conversation.words import (
    MENTION,
    NOT_UNDERSTOOD,
    NUMBER_ALONE,
    Command,
    Question,
    Typed,
    Verb,
    fold,
    take_marked_number,
    take_number,
)  # fmt: skip

READERS = CORE_READERS | PROCEDURE_READERS
_WORDS: dict[str, Verb] = {
    "签收": Verb.sign, "签收了": Verb.sign, "已签收": Verb.sign,
    "退回": Verb.return_, "派单": Verb.dispatch, "回访": Verb.record_call, "认定": Verb.conclude,
    "整改": Verb.submit_measures, "解释": Verb.submit_explanation,
    "通过": Verb.approve, "通过了": Verb.approve, "重办": Verb.send_back, "反馈": Verb.record_feedback,
    "我的待办": Verb.my_todo, "待办": Verb.my_todo, "我的任务": Verb.my_todo, "todo": Verb.my_todo,
    "帮助": Verb.help, "help": Verb.help, "?": Verb.help, "菜单": Verb.help,
    "重开": Verb.reopen, "驳回": Verb.refuse_return, "驳回退回": Verb.refuse_return, "会商": Verb.convene,
    "裁定": Verb.rule, "照此派单": Verb.keep_as_rule,
    "协办": Verb.ask_assistance, "协办答复": Verb.assist, "撤销协办": Verb.withdraw_assistance,
    "延期": Verb.request_extension, "申请延期": Verb.request_extension, "台账": Verb.request_ledger,
    "申诉": Verb.appeal, "同意": Verb.agree, "不同意": Verb.disagree, "移交": Verb.hand_over,
    "批示": Verb.instruct, "备注": Verb.remark, "请假": Verb.leave,
    "抽查": Verb.recall, "抽查回访": Verb.recall,
    "查看": Verb.show_case, "查询": Verb.show_case, "详情": Verb.show_case,
}  # fmt: skip
_VERB = re.compile(
    "|".join(re.escape(word) for word in sorted(_WORDS, key=len, reverse=True)), re.IGNORECASE | re.ASCII
)
_RATES = tuple(METRIC_WORDS)
# Verbs without an argument of their own: "签收不了" and "通过率" must not be taken for them.
_STRICT = {Verb.sign, Verb.approve, Verb.agree, Verb.my_todo, Verb.help, Verb.show_case}
_MAY_FOLLOW = re.compile(r"[\s:,;、。.!?#(\[【「]|[A-Za-z][0-9]{3,}|无附件|没有附件")


def parse(text: str) -> Command | Question:
    _, typed = Typed(text, fold(text)).cut(0).take(MENTION)
    number, rest = take_number(typed)
    if not rest.folded:
        return Command(Verb.show_case, number) if number else NOT_UNDERSTOOD
    found = _VERB.match(rest.folded)
    if found is None or rest.folded.upper().startswith(_RATES):  # 整改率 is no 整改
        return _without_verb(number)
    verb = _WORDS[found[0].lower()]
    following = rest.folded[found.end() :]
    if verb in _STRICT and following and not _MAY_FOLLOW.match(following):
        return NOT_UNDERSTOOD
    tail = rest.cut(found.end())
    if verb in (Verb.my_todo, Verb.help):
        return Command(verb)
    if verb is Verb.leave:
        return read_leave(tail) if number is None else NOT_UNDERSTOOD
    return _about_a_case(verb, number, tail)


def _without_verb(number: str | None) -> Command | Question:
    if number is not None:
        return Question(f"没有看懂要对 {number} 做什么，请发送「帮助」查看可以使用的指令。", unknown=True)
    return NOT_UNDERSTOOD


def _about_a_case(verb: Verb, number: str | None, tail: Typed) -> Command | Question:
    if number is None:
        number, tail = take_number(tail)
    second, rest = take_number(tail)
    if second is not None and second == number:
        tail = rest
    elif second is not None and verb is not Verb.dispatch and NUMBER_ALONE.match(tail.folded):
        return Question(f"一次只能办一件，请分开发送，例如先发送「{number}」查看第一件。")
    if number is None:
        number, tail = take_marked_number(tail)
    return READERS[verb](number, tail)


@dataclass(frozen=True)
class Meant:
    """What mistyped words were perhaps to say: the whole text put right, and its command."""

    word: str
    text: str


_FIRST = re.compile(r"[^\s:,;、。.!?#A-Za-z0-9]{2,4}(?=[\s:,;、。.!?#]|[A-Za-z][0-9]{3}|\Z)")
_ALIKE = 0.5


def nearest(text: str) -> list[str]:
    """The commands whose word is most like the first word of this text, best first."""
    return [f"{word} A1027" if _WORDS[word] not in _STRICT_ALONE else word for word in _alike(text)[:3]]


def meant_by(text: str) -> Meant | None:
    """The one command that a mistyped first word can stand for; None where none or several can. Never acted upon."""
    number, rest = take_number(Typed(text, fold(text)).cut(0))
    found = _FIRST.match(rest.folded)
    if found is None:
        return None
    words = [word for word in _alike(text) if _differ_by_one(word, found[0])]
    if len({_WORDS[word] for word in words}) != 1:
        return None
    said = f"{words[0]} {number or ''} {rest.cut(found.end()).raw}"
    return Meant(words[0], " ".join(said.split()))


def _differ_by_one(word: str, typed: str) -> bool:
    """``签受`` and ``签收``, but not ``收到``: every other character in its place."""
    return len(word) == len(typed) and sum(one != other for one, other in zip(word, typed, strict=True)) == 1


_STRICT_ALONE = {Verb.my_todo, Verb.help, Verb.leave}


def _alike(text: str) -> list[str]:
    _, rest = take_number(Typed(text, fold(text)).cut(0))
    found = _FIRST.match(rest.folded)
    return get_close_matches(found[0], _WORDS, n=6, cutoff=_ALIKE) if found else []


_ANY_NUMBER = re.compile(r"(?<![A-Za-z0-9])([A-Za-z][0-9]{3,})(?![A-Za-z0-9])")
_LEAST, _LEAST_WITH_NUMBER = 8, 4
"""Characters a remark has at least: a shorter text is rather a word we do not know, and is asked back."""


def asks_for_figures(text: str) -> bool:
    """Whether words that were not understood are rather a question about a rate than something told of a case: they
    name one in a single clause, or ask how much."""
    said = fold(text).upper()
    if not any(word in said for word in METRIC_WORDS):
        return False
    return not _CLAUSES.search(said) or _ASKING.search(said) is not None


_CLAUSES = re.compile(r"[，。；！,;.!]")
_ASKING = re.compile("多少|哪|几[个家件]|[?吗呢]")


@dataclass(frozen=True)
class FreeText:
    """No command but something said; ``number``: of the case it names itself."""

    number: str | None


def free_text_of(text: str) -> FreeText | Question | None:
    """Whether a text that is no command is a remark about a case; None where it must be asked back."""
    folded = fold(text).strip()
    numbers = {found.upper() for found in _ANY_NUMBER.findall(folded)}
    said = re.findall(r"\w", _ANY_NUMBER.sub("", folded))
    if _VERB.match(folded) or re.search(r"[?吗呢][。.!]*\Z", folded):
        return None
    if len(said) < (_LEAST_WITH_NUMBER if numbers else _LEAST):
        return None
    if len(numbers) > 1:
        return Question(f"这段话提到了 {'、'.join(sorted(numbers))}，一次只能记入一张工单，请分开发送。")
    return FreeText(next(iter(numbers), None))
