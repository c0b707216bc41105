"""Which days a word means, and what a stretch is compared with."""

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewbot.conversation.periods import BEGINNINGS, LONGEST, earlier, months_up_to, parse_period

TODAY = date(2026, 11, 6)


def day(written):
    return date.fromisoformat(written)


@pytest.mark.parametrize(
    ("word", "first", "last"),
    [
        ("今日", "2026-11-06", "2026-11-06"), ("昨天", "2026-11-05", "2026-11-05"),
        ("明天", "2026-11-07", "2026-11-07"),
        ("本周", "2026-11-02", "2026-11-08"), ("上周", "2026-10-26", "2026-11-01"),
        ("本月", "2026-11-01", "2026-11-30"), ("上个月", "2026-10-01", "2026-10-31"),
        ("今年", "2026-01-01", "2026-12-31"), ("去年", "2025-01-01", "2025-12-31"),
        ("２０２６-10", "2026-10-01", "2026-10-31"), ("2026年10月", "2026-10-01", "2026-10-31"),
        ("2026 年 10 月", "2026-10-01", "2026-10-31"), ("二〇二六年十月", "2026-10-01", "2026-10-31"),
        ("2024年2月", "2024-02-01", "2024-02-29"), ("202602", "2026-02-01", "2026-02-28"),
        ("2026", "2026-01-01", "2026-12-31"), ("10月", "2026-10-01", "2026-10-31"),
        ("11月份", "2026-11-01", "2026-11-30"), ("12月", "2025-12-01", "2025-12-31"),
        ("十二月", "2025-12-01", "2025-12-31"), ("去年十月", "2025-10-01", "2025-10-31"),
        ("本季度", "2026-10-01", "2026-12-31"), ("上季度", "2026-07-01", "2026-09-30"),
        ("第一季度", "2026-01-01", "2026-03-31"), ("三季度", "2026-07-01", "2026-09-30"),
        ("2025q4", "2025-10-01", "2025-12-31"), ("上半年", "2026-01-01", "2026-06-30"),
        ("去年下半年", "2025-07-01", "2025-12-31"),
        ("近7天", "2026-10-31", "2026-11-06"), ("近一周", "2026-10-31", "2026-11-06"),
        ("最近三十天", "2026-10-08", "2026-11-06"), ("近3个月", "2026-09-01", "2026-11-06"),
        ("10月15日", "2026-10-15", "2026-10-15"), ("11月7日", "2025-11-07", "2025-11-07"),
        ("2026-10-15", "2026-10-15", "2026-10-15"), ("20261015", "2026-10-15", "2026-10-15"),
        ("6号", "2026-11-06", "2026-11-06"), ("15日", "2026-10-15", "2026-10-15"),
        ("二十一日", "2026-10-21", "2026-10-21"),
        ("10月1日至15日", "2026-10-01", "2026-10-15"), ("10月1日-15日", "2026-10-01", "2026-10-15"),
        ("10月1至15日", "2026-10-01", "2026-10-15"), ("从10月20日到11月3日", "2026-10-20", "2026-11-03"),
        ("12月20日至1月5日", "2025-12-20", "2026-01-05"), ("8月～10月", "2026-08-01", "2026-10-31"),
        ("2026-10-01至2026-10-15", "2026-10-01", "2026-10-15"), ("10月至今", "2026-10-01", "2026-11-06"),
        ("今年以来", "2026-01-01", "2026-11-06"), ("10月15日以来", "2026-10-15", "2026-11-06"),
    ],
)  # fmt: skip
def test_a_period_word_becomes_its_first_and_last_day(word, first, last):
    assert parse_period(word, TODAY) == (day(first), day(last))


def test_a_month_without_a_year_is_the_latest_that_has_begun():
    assert parse_period("上月", date(2026, 1, 31)) == (day("2025-12-01"), day("2025-12-31"))
    assert parse_period("10月", date(2027, 1, 4)) == (day("2026-10-01"), day("2026-10-31"))


@pytest.mark.parametrize(
    "word",
    ["", "社保局", "13月", "2026-00", "0月", "昨日重现", "2月30日", "11月31日至12月3日", "至今", "近天", "15日至3日",
     "32日", "十十月", "2026-10-40"],
)  # fmt: skip
def test_what_is_no_period_is_none(word):
    assert parse_period(word, TODAY) is None


days = st.dates(date(2001, 2, 1), date(2098, 1, 1))
words = st.sampled_from([
    "本月", "上月", "12月", "去年3月", "四季度", "上半年", "今日", "昨天", "近7天", "近3个月", "本周", "上周", "今年",
    "10月1日至15日", "10月至今", "3日", "2月29日",
])  # fmt: skip


@given(st.text(max_size=12) | words, st.dates())
def test_no_word_breaks_the_period(word, today):
    period = parse_period(word, today)
    assert period is None or period[0] <= period[1]


@given(words, days)
def test_a_known_word_is_found_where_the_grammar_looks_for_it(word, today):
    assert word[0] in BEGINNINGS
    assert len(word) <= LONGEST


@given(words, days, st.booleans())
def test_like_is_compared_with_like(word, today, by_year):
    asked = parse_period(word, today)
    if asked is None:  # there was no such day
        return
    now, then = earlier(asked, today, by_year=by_year)
    assert now[0] == asked[0]
    assert then[1] < now[0] or by_year
    assert then[0] < now[0]
    if asked[0] <= today < asked[1]:
        assert now[1] == today
        assert then[1] - then[0] <= now[1] - now[0]
    else:
        assert now == asked


@pytest.mark.parametrize(
    ("word", "by_year", "now", "then"),
    [
        ("10月", False, ("2026-10-01", "2026-10-31"), ("2026-09-01", "2026-09-30")),
        ("10月", True, ("2026-10-01", "2026-10-31"), ("2025-10-01", "2025-10-31")),
        ("本月", False, ("2026-11-01", "2026-11-06"), ("2026-10-01", "2026-10-06")),
        ("三季度", False, ("2026-07-01", "2026-09-30"), ("2026-04-01", "2026-06-30")),
        ("2024年2月", True, ("2024-02-01", "2024-02-29"), ("2023-02-01", "2023-02-28")),
        ("上周", False, ("2026-10-26", "2026-11-01"), ("2026-10-19", "2026-10-25")),
        ("昨天", False, ("2026-11-05", "2026-11-05"), ("2026-11-04", "2026-11-04")),
    ],
)
def test_the_period_before_and_the_year_before(word, by_year, now, then):
    found = earlier(parse_period(word, TODAY), TODAY, by_year=by_year)
    assert found == (tuple(map(day, now)), tuple(map(day, then)))


@given(words, days)
def test_a_trend_is_whole_months_without_gaps(word, today):
    asked = parse_period(word, today)
    if asked is None:
        return
    months = months_up_to(asked, today)
    assert 6 <= len(months) <= 12
    for (_, last), (following, _) in pairwise(months):
        assert last + timedelta(days=1) == following
        assert following.day == 1
