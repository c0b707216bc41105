"""Which unit and which stretch of time a question about a rate is about."""

import re
from calendar import monthrange
from datetime import date

from reviewbot.conversation.words import Command, Question, Verb, command, fold

_RATE_FILLER = re.compile(r"(?:的|是?多少|怎么样|如何|[?。.!,;:、])+\Z")
_RATE_ASKING = re.compile(r"\A(?:请?查一下|请?查询|请?查看|查)")
_WHICH_PERIOD = Question("没有看懂是哪段时间，请写一个月、季度或年，例如「整改率 社保局 2026-10」。")


def read_rate(folded: str) -> Command | Question:
    cleaned = [_RATE_ASKING.sub("", _RATE_FILLER.sub("", word)) for word in folded.split()]
    words = [_split_period(word) for word in cleaned]
    departments = [_RATE_FILLER.sub("", department) for department, _ in words]
    periods = [period for _, period in words if period]
    if len(periods) > 1 or any(re.fullmatch(r"[0-9][-/.年月日0-9]*", word) for word in departments):
        return _WHICH_PERIOD
    return command(Verb.rate, None, department=" ".join(filter(None, departments)), period="".join(periods))


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
    text = fold(word).strip().upper()
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
