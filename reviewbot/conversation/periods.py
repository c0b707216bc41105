"""Which stretch of time a word means. One documented reading each, which the answer states in dates.

A day, month, quarter or half-year without a year is the latest that has begun (10月 in January is last year's);
a week begins on Monday; 近7天 ends today; 10月以来 ends today; the end of a range follows its beginning.
"""

import re
from calendar import monthrange
from collections.abc import Callable
from datetime import date, timedelta

from reviewbot.conversation.words import fold

Period = tuple[date, date]
"""First and last day, both included."""
LONGEST = 24
"""Characters of the longest way to write a period."""
BEGINNINGS = frozenset("0123456789〇零一二三四五六七八九十今昨前明本当这上下去近最过从自第Q")
"""Every period begins with one of these."""

_DAYS = {word: step for words, step in (
    ("今日 今天 当日 当天", 0), ("昨日 昨天", -1), ("前日 前天", -2), ("明日 明天", 1),
) for word in words.split()}  # fmt: skip
_WEEKS = {word: step for words, step in (
    ("本周 这周 本星期 这星期 这个星期", 0), ("上周 上星期 上个星期", -1), ("下周 下星期 下个星期", 1),
) for word in words.split()}  # fmt: skip
_MONTHS = {word: (step, length) for words, step, length in (
    ("本月 当月 这月 这个月", 0, 1), ("上月 上个月", -1, 1), ("下月 下个月", 1, 1),
    ("本季 本季度 这个季度", 0, 3), ("上季 上季度 上个季度", -1, 3),
) for word in words.split()}  # fmt: skip
_YEAR = r"(?:(20[0-9]{2})[-/.年]?)?"
_YEAR_FORM = re.compile(r"(20[0-9]{2})(?:年度?)?")
_HALF_FORM = re.compile(_YEAR + "([上下])半年")
_QUARTER_FORM = re.compile(_YEAR + "(?:第?([1-4])季度?|Q([1-4]))")
_MONTH_FORM = re.compile(
    r"(20[0-9]{2})(?:[-/.年](1[0-2]|0?[1-9])|(1[0-2]|0[1-9]))(?:月份?)?|(1[0-2]|0?[1-9])月份?"
)
_DAY_FORM = re.compile(
    r"(20[0-9]{2})[-/.年]([0-9]{1,2})[-/.月]([0-9]{1,2})[日号]?|(20[0-9]{2})([0-9]{2})([0-9]{2})"
    r"|([0-9]{1,2})月([0-9]{1,2})[日号]?"
)
_DAY_ALONE = re.compile(r"([0-9]{1,2})[日号]")
_LAST_FORM = re.compile(r"(?:最近|近|过去)([0-9]{1,3})(天|日|周|个?星期|个?月)")
_RANGE_FORM = re.compile(r"[从自]?(.+?)(?:至|到|~|—+|–|(?<=[日号月])-|-(?=[0-9]{1,2}[日号月]))(.+)")
_NUMERALS = str.maketrans("〇零一二三四五六七八九", "00123456789")
_TENS = re.compile("([2-9])?十([1-9])?")


def parse_period(word: str, today: date) -> Period | None:
    """The first and last day a word means on this day, or None for what is no period."""
    text = re.sub(r"\s+", "", fold(word)).upper().translate(_NUMERALS)
    text = _TENS.sub(lambda ten: str(int(ten[1] or 1) * 10 + int(ten[2] or 0)), text)
    text = re.sub(
        r"\A[今本]年度?", f"{today.year:04}年", re.sub(r"\A[去上]年度?", f"{today.year - 1:04}年", text)
    )
    try:
        found = _one(text, today, today) or _range(text, today) or _since(text, today)
    except (ValueError, OverflowError):  # the thirtieth of February, the year 0
        return None
    return found if found and found[0] <= found[1] else None


def _one(text: str, today: date, reference: date) -> Period | None:
    """``reference``: a form without a year is the latest that has begun by then."""
    if text in _DAYS:
        return (day := today + timedelta(days=_DAYS[text])), day
    if text in _WEEKS:
        monday = today + timedelta(days=7 * _WEEKS[text] - today.weekday())
        return monday, monday + timedelta(days=6)
    if text in _MONTHS:
        step, length = _MONTHS[text]
        here = _month_of(today)
        return _months(here - here % length + step * length, length)
    for form, read in _FORMS:
        if found := form.fullmatch(text):
            return read(found, today, reference)
    return None


def _year(found: re.Match[str], today: date, reference: date) -> Period:
    return _months(int(found[1]) * 12, 12)


def _part_of_year(length: int) -> Callable[[re.Match[str], date, date], Period]:
    def read(found: re.Match[str], today: date, reference: date) -> Period:
        year, *numbers = found.groups()
        number = {"上": "1", "下": "2"}.get(word := next(filter(None, numbers)), word)
        month = int(number) * length - length
        here = _month_of(reference)
        return _months(int(year) * 12 + month if year else here - (here - month) % 12, length)

    return read


def _day(found: re.Match[str], today: date, reference: date) -> Period:
    year, month, number = (int(part) if part else 0 for part in (
        found[1] or found[4], found[2] or found[5] or found[7], found[3] or found[6] or found[8],
    ))  # fmt: skip
    if not year:
        year = reference.year - ((month, number) > (reference.month, reference.day))
    return (day := date(year, month, number)), day


def _day_alone(found: re.Match[str], today: date, reference: date) -> Period:
    month = _month_of(reference) - (int(found[1]) > reference.day)
    return (day := date(month // 12, month % 12 + 1, int(found[1]))), day


def _last(found: re.Match[str], today: date, reference: date) -> Period:
    """近3个月: this month and the two before; days and weeks end today."""
    count = int(found[1])
    if "月" in found[2]:
        return _months(_month_of(today) - count + 1, count)[0], today
    return today - timedelta(days=count * (1 if found[2] in "天日" else 7) - 1), today


_FORMS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str], date, date], Period]], ...] = (
    (_YEAR_FORM, _year), (_MONTH_FORM, _part_of_year(1)), (_QUARTER_FORM, _part_of_year(3)),
    (_HALF_FORM, _part_of_year(6)), (_DAY_FORM, _day), (_DAY_ALONE, _day_alone), (_LAST_FORM, _last),
)  # fmt: skip


def _range(text: str, today: date) -> Period | None:
    """10月1日至15日, 8月至10月, 2026-10-01至2026-10-15, 10月至今."""
    found = _RANGE_FORM.fullmatch(text)
    if found is None:
        return None
    start = _one(found[1], today, today) or _one(found[1] + "日", today, today)
    if start is None:
        return None
    if found[2] in ("今", "现在"):
        return start[0], today
    if (day := re.fullmatch("([0-9]{1,2})[日号]?", found[2])) and start[0] == start[1]:
        return start[0], start[0].replace(day=int(day[1]))
    end = _one(found[2], today, start[0] + timedelta(days=364))
    return (start[0], end[1]) if end else None


def _since(text: str, today: date) -> Period | None:
    start = _one(text.removesuffix("以来"), today, today) if text.endswith("以来") else None
    return (start[0], today) if start else None


def _month_of(day: date) -> int:
    return day.year * 12 + day.month - 1


def _months(start: int, length: int) -> Period:
    (year, month), (last_year, last_month) = divmod(start, 12), divmod(start + length - 1, 12)
    return date(year, month + 1, 1), date(last_year, last_month + 1, monthrange(last_year, last_month + 1)[1])


def whole_month(day: date) -> Period:
    """The calendar month of a day: what a question without a period is about."""
    return _months(_month_of(day), 1)


def _whole_months(period: Period) -> int | None:
    """How many calendar months a period is, or None where it is not made of whole ones."""
    first, last = period
    if first.day != 1 or last.day != monthrange(last.year, last.month)[1]:
        return None
    return _month_of(last) - _month_of(first) + 1


def earlier(period: Period, today: date, *, by_year: bool) -> tuple[Period, Period]:
    """The stretch asked about and the one it is compared with: a year before (同比), or just before (环比).

    A stretch that still runs is cut at today, and the earlier one after as many days: like is set beside like.
    """
    first, last = period
    if length := _whole_months(period):
        then = _months(_month_of(first) - (12 if by_year else length), length)
    elif by_year:
        then = _a_year_before(first), _a_year_before(last)
    else:
        days = (last - first + timedelta(days=1)).days
        then = first - timedelta(days=days), last - timedelta(days=days)
    if not first <= today < last:
        return period, then
    return (first, today), (then[0], min(then[1], then[0] + (today - first)))


def _a_year_before(day: date) -> date:
    """The same day, the 28th for a 29th of February."""
    return date(day.year - 1, day.month, min(day.day, monthrange(day.year - 1, day.month)[1]))


def months_up_to(period: Period, today: date, *, at_least: int = 6, at_most: int = 12) -> list[Period]:
    """The calendar months of a trend: those of the period, and earlier ones up to ``at_least``."""
    last = _month_of(min(period[1], max(today, period[0])))
    count = min(max(last - _month_of(period[0]) + 1, at_least), at_most)
    return [_months(month, 1) for month in range(last - count + 1, last + 1)]
