"""What staff type, read as a command or answered with the question that is still open; nothing is guessed.

1. The text is folded character by character (full-width, odd spaces), so that a place found in the folded
   text is the same place in the text as typed; free text is always handed on as typed.
2. The case number is taken where it stands beside the verb, or as a separate ``#A1027`` anywhere (P3).
3. Each verb reads what it needs from the tail; what is missing, doubled or doubtful becomes a Question.
"""

import re
import unicodedata
from calendar import monthrange
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
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
    rate = "rate"


@dataclass(frozen=True)
class Command:
    verb: Verb
    number: str | None = None
    args: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Question:
    """One Chinese sentence that says what is missing and shows an example to copy."""

    sentence: str


_WORDS: dict[str, Verb] = {
    "签收": Verb.sign, "签收了": Verb.sign, "已签收": Verb.sign,
    "退回": Verb.return_, "派单": Verb.dispatch, "回访": Verb.record_call, "认定": Verb.conclude,
    "整改": Verb.submit_measures, "解释": Verb.submit_explanation,
    "通过": Verb.approve, "通过了": Verb.approve, "重办": Verb.send_back, "反馈": Verb.record_feedback,
    "我的待办": Verb.my_todo, "待办": Verb.my_todo, "我的任务": Verb.my_todo, "todo": Verb.my_todo,
    "帮助": Verb.help, "help": Verb.help, "?": Verb.help, "菜单": Verb.help,
    "查看": Verb.show_case, "查询": Verb.show_case, "详情": Verb.show_case, "整改率": Verb.rate,
}  # fmt: skip
_VERB = re.compile(
    "|".join(re.escape(word) for word in sorted(_WORDS, key=len, reverse=True)), re.IGNORECASE | re.ASCII
)
# Verbs without an argument of their own: "签收不了" and "通过率" must not be taken for them.
_STRICT = {Verb.sign, Verb.approve, Verb.my_todo, Verb.help, Verb.show_case}
_MAY_FOLLOW = re.compile(r"[\s:,;、。.!?#(\[【「]|[A-Za-z][0-9]{3,}|无附件|没有附件")
_DOUBT = re.compile(r"(?:不|没|未|无法|暂|#|[A-Za-z]?[0-9])|.*[?吗呢][。.!]*\Z", re.DOTALL)

_GAP = re.compile(r"[\s:,;、。]*")
_NUMBER = re.compile(r"[\[(【「]?(?:#\s*)?([A-Za-z][0-9]{3,})(?![A-Za-z0-9])[\])】」]?")
_NUMBER_ALONE = re.compile(_NUMBER.pattern + r"(?=[\s,;、。:]|\Z)")
_MARKED = re.compile(r"(?<!\S)#\s*([A-Za-z][0-9]{3,})(?!\S)[^\S\n]*")
_MENTION = re.compile(r"@\S+\s+")
_INVISIBLE = frozenset("\u200b\u200c\u200d\u2060\ufeff")


def _fold(text: str) -> str:
    """Full-width to half-width, one character for one character."""
    folded = (" " if char in _INVISIBLE else unicodedata.normalize("NFKC", char) for char in text)
    return "".join(new if len(new) == 1 else old for old, new in zip(text, folded, strict=True))


@dataclass(frozen=True)
class _Typed:
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


_Reader = Callable[[str | None, _Typed], Command | Question]


def _take_number(typed: _Typed) -> tuple[str | None, _Typed]:
    number, rest = typed.take(_NUMBER)
    return (number.upper() if number else None), rest


def _take_marked_number(typed: _Typed) -> tuple[str | None, _Typed]:
    found = list(_MARKED.finditer(typed.folded))
    if len({match[1].upper() for match in found}) != 1:
        return None, typed
    first, end = found[0].span()
    without = _Typed(typed.raw[:first] + typed.raw[end:], typed.folded[:first] + typed.folded[end:])
    return found[0][1].upper(), without.cut(0)


_UNKNOWN = "没有看懂这条消息，请发送「帮助」查看可以使用的指令。"


def _ask(missing: str, number: str | None, example: str) -> Question:
    verb, _, rest = example.partition(" ")
    return Question(f"{missing}，例如「{' '.join(filter(None, (verb, number or 'A1027', rest)))}」。")


def parse(text: str) -> Command | Question:
    _, typed = _Typed(text, _fold(text)).cut(0).take(_MENTION)
    number, rest = _take_number(typed)
    if not rest.folded:
        return Command(Verb.show_case, number) if number else Question(_UNKNOWN)
    found = _VERB.match(rest.folded)
    if found is None:
        return _without_verb(number, rest)
    verb = _WORDS[found[0].lower()]
    following = rest.folded[found.end() :]
    if verb in _STRICT and following and not _MAY_FOLLOW.match(following):
        return Question(_UNKNOWN)
    tail = rest.cut(found.end())
    if verb is Verb.rate:
        return _rate(tail.folded) if number is None else Question(_UNKNOWN)
    if verb in (Verb.my_todo, Verb.help):
        return Command(verb)
    return _about_a_case(verb, number, tail)


def _without_verb(number: str | None, typed: _Typed) -> Command | Question:
    if number is not None:
        return Question(f"没有看懂要对 {number} 做什么，请发送「帮助」查看可以使用的指令。")
    before, found, after = typed.folded.partition("整改率")
    if found and len(typed.folded) <= 40 and not re.search("按[期时]", before):
        return _rate(f"{before} {after}")
    return Question(_UNKNOWN)


def _about_a_case(verb: Verb, number: str | None, tail: _Typed) -> Command | Question:
    if number is None:
        number, tail = _take_number(tail)
    second, rest = _take_number(tail)
    if second is not None and second == number:
        tail = rest
    elif second is not None and verb is not Verb.dispatch and _NUMBER_ALONE.match(tail.folded):
        return Question(f"一次只能办一件，请分开发送，例如先发送「{number}」查看第一件。")
    if number is None:
        number, tail = _take_marked_number(tail)
    return _READERS[verb](number, tail)


def _command(verb: Verb, number: str | None, **args: str | None) -> Command:
    return Command(verb, number, {key: value for key, value in args.items() if value})


def _late_number(number: str | None, tail: _Typed) -> tuple[str | None, _Typed]:
    """The number after the verb's own keyword: 认定 属实 A1027."""
    return (number, tail) if number else _take_number(tail)


def _sign(number: str | None, tail: _Typed) -> Command | Question:
    if _DOUBT.match(tail.folded):
        return _ask("没有看懂是否要签收，要签收请只写编号", number, "签收")
    return _command(Verb.sign, number, note=tail.raw)


_NO_ATTACHMENT = re.compile(r"[\[(【]?(?:无|没有|无需|不需要?)附件[\])】]?")


def _approve(number: str | None, tail: _Typed) -> Command | Question:
    no_attachment, tail = tail.take(_NO_ATTACHMENT)
    number, tail = _late_number(number, tail)
    if _DOUBT.match(tail.folded):
        return _ask("没有看懂是否要通过，不通过请用「重办」并写明原因，要通过请只写编号", number, "通过")
    return _command(Verb.approve, number, no_attachment="yes" if no_attachment else None, note=tail.raw)


_LABEL = re.compile(r"(?:退回|重办)?(?:原因|理由)\s*:|(?:整改)?措施\s*:")


def _free_text(verb: Verb, key: str, missing: str, example: str) -> _Reader:
    def read(number: str | None, tail: _Typed) -> Command | Question:
        words = tail.take(_LABEL)[1].raw
        return _command(verb, number, **{key: words}) if words else _ask(missing, number, example)

    return read


_DEPARTMENT = re.compile(r"(?:[给到至]\s*)?([^\s,;、。:]+)")


def _dispatch(number: str | None, tail: _Typed) -> Command | Question:
    department, note = tail.take(_DEPARTMENT)
    number, note = _late_number(number, note)
    if not department:
        return _ask("派单要写明派给哪个单位", number, "派单 社保局")
    return _command(Verb.dispatch, number, department=department, note=note.raw)


_NOT_REACHED = re.compile(
    r"未接通|没有?接通|未能接通|无法接通|接不通|接通不了|接通失败|打不通|[没未]打通|[没无]人接听?|未联系上|联系不上"
)
_REACHED = re.compile(r"已?接通了?|已打通|打通了|已联系上")


def _record_call(number: str | None, tail: _Typed) -> Command | Question:
    missed, note = tail.take(_NOT_REACHED)
    reached, note = (None, note) if missed else tail.take(_REACHED)
    if not missed and not reached:
        return _ask("回访要写明已接通还是未接通", number, "回访 已接通 群众反映等候时间长")
    number, note = _late_number(number, note)
    return _command(Verb.record_call, number, reached="no" if missed else "yes", note=note.raw)


# A conclusion must stand alone ("属实但不合理" is neither of the two), only 复杂 may lean on it.
_COMPLEX = re.compile(r"[\[(【]?复杂(?:件|事项|情形|情况)?[\])】]?(?=[\s,;、。:A-Za-z]|\Z)")
_END = r"(?=[\s,;、。:.!(\[【A-Za-z]|复杂|\Z)"
_CONCLUSIONS: dict[str, re.Pattern[str]] = {
    "justified": re.compile(r"(?:情况|诉求|投诉)?(?:基本)?属实(?:且?合理)?" + _END),
    "unreasonable": re.compile(r"(?:诉求)?不合理" + _END),
    "no_legal_basis": re.compile(r"(?:诉求)?(?:无|没有|缺乏|缺少)(?:法定|法律)?依据" + _END),
    "policy_unsupported": re.compile(r"(?:现行)?政策不(?:支持|允许)" + _END),
    "misrated": re.compile(r"(?:群众)?(?:误评|错评|误差评)" + _END),
}


def _take_conclusion(tail: _Typed) -> tuple[str | None, _Typed]:
    for key, pattern in _CONCLUSIONS.items():
        found, rest = tail.take(pattern)
        if found:
            return key, rest
    return None, tail


def _conclude(number: str | None, tail: _Typed) -> Command | Question:
    early, tail = tail.take(_COMPLEX)
    conclusion, tail = _take_conclusion(tail)
    if conclusion is None or _take_conclusion(tail)[0]:
        choices = "认定要在属实、不合理、无法定依据、政策不支持、误评中选写一项"
        return _ask(choices, number, "认定 属实 窗口确有超时")
    number, tail = _late_number(number, tail)
    late, note = (None, tail) if early else tail.take(_COMPLEX)
    number, note = _late_number(number, note)
    is_complex = "yes" if early or late else None
    return _command(Verb.conclude, number, conclusion=conclusion, complex=is_complex, note=note.raw)


_BASIS = re.compile(r"(?:政策|法律|法定|文件)?依据\s*:|(?:(?<=[\s,;、。])|\A)依据(?=\s)")
_EXPLANATION = re.compile(r"(?:情况|解释)?说明\s*:|(?:(?<=[\s,;、。])|\A)说明(?=\s)")


def _explain(number: str | None, tail: _Typed) -> Command | Question:
    basis, explanation = _basis_and_explanation(tail)
    if not basis or not explanation:
        missing = "解释写了依据，还要写说明" if basis else "解释要写明依据"
        return _ask(missing, number, "解释 依据：《社会保险法》第五十八条 说明：已向群众说明办理条件")
    return _command(Verb.submit_explanation, number, basis=basis, explanation=explanation)


def _basis_and_explanation(tail: _Typed) -> tuple[str, str]:
    """Either order; what stands before the basis, or on the lines after it, is explanation too."""
    found = _BASIS.search(tail.folded)
    if found is None:
        return "", tail.raw
    _, before = tail.cut(0, found.start()).take(_EXPLANATION)
    after = tail.cut(found.end())
    said = _EXPLANATION.search(after.folded) or (None if before.raw else re.search("\n", after.folded))
    if said is None:
        return after.raw, before.raw
    rest = after.cut(said.end()).raw
    return after.cut(0, said.start()).raw, "\n".join(filter(None, (before.raw, rest)))


_CHANNEL = re.compile(r"电话|短信|当面|微信|邮件|其他|上门|[^\s,;、。:]{1,4}(?=[\s,;、。:]+\S)")
# Feedback closes a case: a call that reached nobody is not feedback.
_NOT_TOLD = re.compile(_NOT_REACHED.pattern + r"|未能|未通|无法|没有?告知|未告知|停机|空号|关机")


def _feedback(number: str | None, tail: _Typed) -> Command | Question:
    channel, note = tail.take(_CHANNEL)
    if channel is None:
        return _ask("反馈要写明用什么方式告知了群众", number, "反馈 电话 已告知处理结果")
    number, note = _late_number(number, note)
    if _NOT_TOLD.match(note.folded):
        return _ask("没有告知到群众不能算反馈，请记录为回访未接通", number, "回访 未接通 无人接听")
    return _command(Verb.record_feedback, number, channel=channel, note=note.raw)


_READERS: dict[Verb, _Reader] = {
    Verb.sign: _sign, Verb.dispatch: _dispatch, Verb.record_call: _record_call, Verb.conclude: _conclude,
    Verb.submit_explanation: _explain, Verb.approve: _approve, Verb.record_feedback: _feedback,
    Verb.show_case: lambda no, rest: Question(_UNKNOWN) if rest.folded else Command(Verb.show_case, no),
    Verb.return_: _free_text(Verb.return_, "reason", "退回要写明原因", "退回 该事项不属于本单位职责"),
    Verb.send_back: _free_text(Verb.send_back, "reason", "重办要写明原因", "重办 未见整改照片"),
    Verb.submit_measures: _free_text(Verb.submit_measures, "measures", "整改要写明措施", "整改 已增设窗口"),
}  # fmt: skip

_RATE_FILLER = re.compile(r"(?:的|是?多少|怎么样|如何|[?。.!,;:、])+\Z")
_RATE_ASKING = re.compile(r"\A(?:请?查一下|请?查询|请?查看|查)")
_WHICH_PERIOD = Question("没有看懂是哪段时间，请写一个月、季度或年，例如「整改率 社保局 2026-10」。")


def _rate(folded: str) -> Command | Question:
    cleaned = [_RATE_ASKING.sub("", _RATE_FILLER.sub("", word)) for word in folded.split()]
    words = [_split_period(word) for word in cleaned]
    departments = [_RATE_FILLER.sub("", department) for department, _ in words]
    periods = [period for _, period in words if period]
    if len(periods) > 1 or any(re.fullmatch(r"[0-9][-/.年月日0-9]*", word) for word in departments):
        return _WHICH_PERIOD
    return _command(Verb.rate, None, department=" ".join(filter(None, departments)), period="".join(periods))


def _split_period(word: str) -> tuple[str, str]:
    """社保局10月 and 10月社保局 are two words written as one; the longest period wins."""
    for at in range(len(word[:40])):
        for rest, period in ((word[:at], word[at:]), (word[len(word) - at :], word[: len(word) - at])):
            if parse_period(period, date(2026, 6, 15)):
                return rest, period
    return word, ""


_YEAR_FORM = re.compile(r"(20[0-9]{2})(?:年度?)?")
_MONTH_FORM = re.compile(
    r"(20[0-9]{2})(?:[-/.年](1[0-2]|0?[1-9])|(1[0-2]|0[1-9]))(?:月份?)?|(1[0-2]|0?[1-9])月份?"
)
_QUARTER_FORM = re.compile(r"(?:(20[0-9]{2})[-年]?)?(?:第?([1-4])季度?|Q([1-4]))")
_BACK = {"本月": 0, "当月": 0, "上月": 1, "上个月": 1, "本季": 0, "本季度": 0, "上季": 3, "上季度": 3}
_NUMERALS = str.maketrans("一二三四五六七八九", "123456789")


def parse_period(word: str, today: date) -> tuple[date, date] | None:
    """First and last day, both included; a month or quarter without a year is the latest that has begun."""
    text = _fold(word).strip().upper()
    text = re.sub("\\A[今本]年", f"{today.year:04}年", re.sub("\\A[去上]年", f"{today.year - 1:04}年", text))
    text = re.sub("十(?=[12])", "1", text.translate(_NUMERALS)).replace("十", "10")
    this_month = today.year * 12 + today.month - 1
    if text in _BACK:
        length = 3 if "季" in text else 1
        return _months(this_month - this_month % length - _BACK[text], length)
    if year := _YEAR_FORM.fullmatch(text):
        return _months(int(year[1]) * 12, 12)
    for form, length in ((_MONTH_FORM, 1), (_QUARTER_FORM, 3)):
        if found := form.fullmatch(text):
            year_given, *numbers = found.groups()
            month = int(next(filter(None, numbers))) * length - length
            latest = this_month - (this_month - month) % 12
            return _months(int(year_given) * 12 + month if year_given else latest, length)
    return None


def _months(start: int, length: int) -> tuple[date, date] | None:
    (year, month), (last_year, last_month) = divmod(start, 12), divmod(start + length - 1, 12)
    if not 1 <= year <= last_year <= 9999:
        return None
    return date(year, month + 1, 1), date(last_year, last_month + 1, monthrange(last_year, last_month + 1)[1])


_HEAD_LINES = ("通过 A1027　同意（没有附件写：通过 A1027 无附件）", "重办 A1027 原因　退回重新办理")
HELP: dict[str, tuple[str, ...]] = {
    "handler": (
        "签收 A1027　接收差评件",
        "退回 A1027 原因　不属于本单位，退回派单员",
        "回访 A1027 已接通 说明　没打通写：未接通",
        "认定 A1027 属实 备注　或：不合理、无法定依据、政策不支持、误评；情况复杂加写：复杂",
        "整改 A1027 措施　照片可在前后发送",
        "解释 A1027 依据：… 说明：…　不属整改的写明依据",
        "反馈 A1027 电话 说明　已告知群众，办结",
    ),
    "head": _HEAD_LINES,
    "desk": ("派单 A1027 社保局　派给承办单位",),
    "supervisor": _HEAD_LINES,
}
_COMMON_HELP = (
    "我的待办　等我办理的件",
    "A1027　查看一件",
    "整改率 社保局 本月　单位和时间可不写，时间如：上月、本季度、今年、2026-10",
)


def help_text(roles: Iterable[str]) -> str:
    own = [line for role in roles for line in HELP.get(role, ())]
    return "\n".join(("您可以发送（A1027 换成差评件编号）：", *dict.fromkeys([*own, *_COMMON_HELP])))
