"""What supervisors type is one question whatever its order; what is not known is asked back, never answered."""

from datetime import date
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewbot.conversation import commands
from reviewbot.conversation.periods import parse_period
from reviewbot.conversation.questions import Asked, understand
from reviewbot.conversation.vocabulary import METRIC_WORDS, Kind, Unit, vocabulary
from reviewbot.conversation.words import Command, Question, Verb
from reviewbot.rules.kinds import Family
from reviewbot.rules.listings import LISTINGS
from reviewbot.rules.rates import METRICS

TODAY = date(2026, 11, 30)
SOC = Unit(1, "SOC", "社保局", "揭东区社会保险基金管理局", "社保局")
SEC = Unit(2, "SEC", "公安分局", "揭东区公安分局", "公安分局")
WINDOW = Unit(3, "SEC-HJ", "户政窗口", "揭东区公安分局户政窗口", "户政窗口")
TAX = Unit(4, "TAX", "税务局", "揭东区税务局", "税务局")
UNITS = (SOC, SEC, WINDOW, TAX)
WORDS = vocabulary(UNITS)
NOVEMBER, OCTOBER = parse_period("本月", TODAY), parse_period("10月", TODAY)
RATE, ON_TIME = "rectification_rate", "on_time_rectification_rate"


def of_ratings(*metrics, **more):
    return Asked(metrics=metrics, family=Family.RATING, **more)


def read(text):
    return understand(text, WORDS, TODAY)


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("整改率", of_ratings(RATE)),
        ("整改率 本月", of_ratings(RATE, period=NOVEMBER)),
        ("整改率　社保局　本月", of_ratings(RATE, units=(SOC,), period=NOVEMBER)),
        ("整改率社保局10月", of_ratings(RATE, units=(SOC,), period=OCTOBER)),
        ("整改率２０２６－１０", of_ratings(RATE, period=OCTOBER)),
        ("社保局本月的整改率是多少？", of_ratings(RATE, units=(SOC,), period=NOVEMBER)),
        ("10月 各单位 按期整改率", of_ratings(ON_TIME, each=True, period=OCTOBER)),
        ("１０月各局按时整改率环比", of_ratings(ON_TIME, each=True, period=OCTOBER, compare=("step",))),
        ("整改率 10月 环比 去年同期", of_ratings(RATE, period=OCTOBER, compare=("step", "year"))),
        ("全市 整改率 趋势", of_ratings(RATE, whole=True, trend=True)),
        ("社保局 税务局 整改率", of_ratings(RATE, units=(SOC, TAX))),
        ("整改率 回访率 soc", of_ratings(RATE, "call_back_rate", units=(SOC,))),
        ("社保局 超期", Asked(listing="overdue", units=(SOC,))),
        ("揭东区公安分局户政窗口 在办", Asked(listing="open", units=(WINDOW,))),
        ("SEC-HJ 在办", Asked(listing="open", units=(WINDOW,))),
        ("SEC 在办", Asked(listing="open", units=(SEC,))),
        ("待派单", Asked(listing="awaiting_dispatch")),
        ("黄牌 10月", Asked(listing="yellow", period=OCTOBER)),
        ("申诉", Asked(listing="appealed")),
        ("督办事项", Asked(listing="concerns")),
        ("今日", Asked(period=(TODAY, TODAY))),
        ("社保局 今日情况", Asked(units=(SOC,), period=(TODAY, TODAY))),
        ("@差评助手 今日", Asked(period=(TODAY, TODAY))),
    ],
)  # fmt: skip
def test_a_question_is_read(text, asked):
    assert read(text) == asked


@pytest.mark.parametrize(
    ("text", "verb"),
    [
        ("申诉 A1027 误评 点错了", Verb.conclude), ("A1027", Verb.show_case), ("我的待办", Verb.my_todo),
        ("抽查 A1027 属实", Verb.recall), ("整改 A1027 已将整改率提高", Verb.submit_measures),
        ("整改 将按期整改率提高", Verb.submit_measures), ("签收", Verb.sign),
        ("会商 A1027 两单位均称不属其职责", Verb.convene),
        ("台账 A1027 2027-03-31 需改造系统", Verb.request_ledger), ("回访 未接通 10月", Verb.record_call),
        ("派单 A1027 社保局", Verb.dispatch),
    ],
)  # fmt: skip
def test_a_command_stays_a_command(text, verb):
    found = read(text)
    assert isinstance(found, Command)
    assert found.verb is verb


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("整改率 社宝局 本月", ["“社宝局”", "社保局"]),
        ("按期整改律", ["“按期整改律”" , "按期整改率"]),
        ("整改率 13月", ["“13月”"]),
        ("整改率 2026-13", ["“2026-13”"]),
        ("超期率", ["“率”", "超期"]),
        ("除社保局外 整改率", ["“除”"]),
        ("整改率 不含 社保局", ["“不含”"]),
        ("回访率 社宝局", ["“社宝局”"]),
        ("社保局", ["整改率 本月"]),
        ("整改率 本月 上月", ["一段"]),
        ("整改率 超期", ["差评整改率", "超期未办结"]),
        ("各单位 社保局 整改率", ["只能写一种"]),
        ("超期 环比", ["只能用于比率"]),
        ("各单位 整改率 趋势", ["一个单位"]),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_asked_back_by_name(text, names):
    question = read(text)
    assert isinstance(question, Question)
    assert question.sentence.endswith("。")
    for name in names:
        assert name in question.sentence


def test_two_units_of_one_name_are_asked_apart():
    twin = Unit(9, "SOC2", "社保局", "揭西县社会保险基金管理局", "社保局")
    question = understand("社保局 整改率", vocabulary([*UNITS, twin]), TODAY)
    assert "SOC2" in question.sentence
    assert understand("soc2 整改率", vocabulary([*UNITS, twin]), TODAY).units == (twin,)


def test_every_rate_has_a_name_and_every_known_word_can_be_reached():
    assert {rate.key for rate in METRIC_WORDS.values()} == set(METRICS)
    for word, meanings in WORDS.words.items():
        kind, value = meanings[0]
        about = {
            Kind.METRIC: "",
            Kind.LISTING: "",
            Kind.PERIOD: "",
            Kind.FAMILY: "办结率 ",
            Kind.VERSUS: "整改率 环比 ",
        }.get(kind, "整改率 ")
        found = read(about + word)
        assert isinstance(found, Asked), word
        value = value.key if kind is Kind.METRIC else value
        told = (*found.metrics, found.listing, *found.units)
        assert found.family is value if kind is Kind.FAMILY else value in told or about, word
    assert {listing for listing in LISTINGS if read(LISTINGS[listing].label).listing == listing} == set(
        LISTINGS
    )


known = {
    kind: st.sampled_from([word for word, meanings in WORDS.words.items() if meanings[0][0] is kind])
    for kind in Kind
    if kind is not Kind.PERIOD
}
periods = st.sampled_from(
    ["今日", "昨天", "本周", "10月", "2026-10", "三季度", "去年", "近7天", "10月1日至15日", "2026年10月"]
)
questions = st.one_of(
    st.tuples(known[Kind.METRIC], known[Kind.UNIT], periods, known[Kind.COMPARE]),
    st.tuples(known[Kind.METRIC], known[Kind.EACH], periods),
    st.tuples(known[Kind.METRIC], known[Kind.WHOLE], periods, known[Kind.TREND]),
    st.tuples(known[Kind.LISTING], known[Kind.UNIT], periods),
    st.tuples(known[Kind.LISTING], known[Kind.FILLER]),
)


def full_width(text):
    return "".join(chr(ord(char) + 0xFEE0) if "!" <= char <= "~" else char for char in text)


@given(questions.flatmap(lambda words: st.tuples(st.just(words), st.permutations(words))), st.booleans())
def test_any_order_of_the_words_is_the_same_question(orders, wide):
    plain, shuffled = (" ".join(words) for words in orders)
    expected = read(plain)
    assert isinstance(expected, Asked)
    assert read(full_width(shuffled) if wide else shuffled) == expected
    assert read(shuffled.replace(" ", "　 ，")) == expected


@given(st.tuples(known[Kind.METRIC], known[Kind.UNIT], periods).map(list).flatmap(st.permutations))
def test_spaces_change_nothing_between_words_that_cannot_run_together(words):
    glued = "".join(words)
    if any(left[-1].isascii() and right[0].isascii() for left, right in pairwise(words)):
        return  # SOC2026-10 is no unit and a month
    assert read(glued) == read(" ".join(words))


junk = st.text(st.characters(codec="utf-8", exclude_categories=["Z", "P", "C"]), min_size=1, max_size=6)


@given(junk, questions, st.data())
def test_junk_is_never_answered_with_a_figure(word, words, data):
    if word in WORDS.words or isinstance(read(f"整改率 {word}"), Asked):
        return  # it happens to be known
    if any(char.isdigit() for char in word):
        return  # a number may go on the month before it
    place = data.draw(st.integers(0, len(words)))
    text = " ".join([*words[:place], word, *words[place:]])
    found = read(text)
    assert not isinstance(found, Asked)
    if isinstance(found, Question):
        assert found.sentence.endswith("。")


@given(st.text(max_size=200))
def test_no_text_breaks_the_reader(text):
    found = read(text)
    assert isinstance(found, (Asked, Command, Question))


def test_no_verb_alone_is_taken_for_a_question_but_those_that_are_lists():
    lists = {word for word in commands._WORDS if isinstance(read(word), Asked)}
    assert lists == {"申诉", "台账", "会商"}
