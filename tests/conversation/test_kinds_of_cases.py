"""Rates of bad ratings and of work orders in chat: each answer says of which cases it is, and never of others."""

import re
from datetime import timedelta

import pytest
from ask_kit import a_worked_hotline, a_worked_month, ask, links, plain, said
from case_kit import FOREIGN_HEAD, HEAD, SUPERVISOR, viewer
from hypothesis import given
from hypothesis import strategies as st
from order_kit import order, taken
from test_questions import TODAY, WORDS, read

from reviewbot.actions.report_rates import report_rates
from reviewbot.conversation.families import read_family
from reviewbot.conversation.questions import Asked
from reviewbot.conversation.vocabulary import METRIC_WORDS, Kind, Rate
from reviewbot.conversation.words import Question
from reviewbot.rules.kinds import BOTH, Family
from reviewbot.rules.rates import METRICS, metrics_of

ORDERS = metrics_of(Family.ORDERS)
OPEN_NOTE = "没有写明哪一类，按差评计算；要看12345等工单，请在问题中加写“12345”。"
family_words = st.sampled_from([word for word, told in WORDS.words.items() if told[0][0] is Kind.FAMILY])
rate_words = st.sampled_from(sorted(METRIC_WORDS))


@pytest.fixture
def worked(house):
    a_worked_hotline(house)
    a_worked_month(house)
    return house


@given(rate_words, family_words, st.booleans())
def test_whatever_the_word_for_the_cases_the_answer_is_of_these_or_none(rate, word, first):
    family = WORDS.words[word][0][1]
    found = read(f"{word} {rate}" if first else f"{rate} {word}")
    key = METRIC_WORDS[rate].key
    if key in metrics_of(family):
        assert (found.family, found.metrics) == (family, (key,))
    else:
        assert isinstance(found, Question)
        assert f"{family.label}没有{METRICS[key].name}" in found.sentence


@given(rate_words)
def test_a_rate_without_a_word_for_the_cases_says_how_it_was_read_wherever_it_could_be_the_other(rate):
    found = read(rate)
    named = METRIC_WORDS[rate].family
    assert found.family is (named or Family.RATING)
    if named is Family.RATING:
        assert found.note == ""
    else:
        other = Family.ORDERS if found.family is Family.RATING else Family.RATING
        add = re.search("加写“(.+)”", found.note)[1]
        again = read(f"{add} {rate}")
        assert (again.family, again.metrics) == (other, found.metrics)


@given(
    st.lists(st.sampled_from([Rate(key) for key in METRICS]), min_size=1, max_size=4),
    st.sets(st.sampled_from(list(Family)), max_size=3),
    st.booleans(),
)
def test_no_reading_has_a_rate_its_cases_do_not_have_and_none_leaves_named_cases(rates, named, order_said):
    found = read_family(rates, named, order_said=order_said)
    if isinstance(found, str):
        assert found.endswith("。")
        return
    assert {rate.key for rate in rates} <= set(metrics_of(found.family))
    assert not named or found.family in named


@pytest.mark.parametrize(
    ("text", "family", "metrics", "note"),
    [
        ("12345 本月办结率", Family.ORDERS, ["completion_rate"], ""),
        ("工单满意率 10月 社保局", Family.ORDERS, ["satisfaction_rate"], "“工单”按12345等工单计算"),
        ("办结率", Family.RATING, ["completion_rate"], OPEN_NOTE),
        ("差评工单办结率", Family.RATING, ["completion_rate"], ""),
        ("按时办结率", Family.ORDERS, ["on_time_rectification_rate"], "按12345等工单计算；要看差评"),
        ("12345 按期整改率", Family.ORDERS, ["on_time_rectification_rate"], "的“按期整改率”称“按期办结率”"),
        (
            "差评 按期办结率",
            Family.RATING,
            ["on_time_rectification_rate"],
            "差评的“按期办结率”称“按期整改率”",
        ),
        ("工单整改率", Family.RATING, ["rectification_rate"], "12345等工单没有差评整改率"),
        ("整改率 回退率", Family.RATING, ["rectification_rate", "return_rate"], OPEN_NOTE),
        ("12345投诉 满意率", Family.COMPLAINT, ["satisfaction_rate"], ""),
        ("领导批示 办结率", Family.INSTRUCTION, ["completion_rate"], ""),
        ("12345政务服务便民热线 满意度", Family.ORDERS, ["satisfaction_rate"], ""),
        ("咨询类工单办结率", Family.CONSULT, ["completion_rate"], ""),
    ],
)
def test_of_which_cases_a_question_is(text, family, metrics, note):
    found = read(text)
    assert (found.family, sorted(found.metrics)) == (family, metrics)
    assert note in found.note
    assert bool(note) == bool(found.note)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("差评和12345办结率", "分开统计"),
        ("按期办结率 整改率", "分开统计"),
        ("投诉 求助 办结率", "一次只看一类工单"),
        ("12345 整改率 满意率", "12345等工单没有差评整改率"),
        ("12345 及时响应率", "没有及时响应率"),
        ("社保局 税务局 办结率 满意率", "一次只看一个指标"),
        ("整改率 对比", "和什么比"),
        ("社保局 整改率 排名", "排名是各单位"),
        ("投诉", "要看什么"),
        ("12345 除社保局 办结率", "“除”"),
        ("哪些单位12345办结率不到90%", "“不到90%”"),
    ],
)
def test_what_no_one_answer_fits_is_asked_back(text, says):
    found = read(text)
    assert isinstance(found, Question)
    assert says in found.sentence


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("12345 11月", Asked(listing="opened", family=Family.ORDERS, period=read("11月").period)),
        ("差评", Asked(listing="opened", family=Family.RATING)),
        ("新增12345工单", Asked(listing="opened", family=Family.ORDERS)),
        ("收到差评 今日", Asked(listing="opened", family=Family.RATING, period=(TODAY, TODAY))),
        ("12345 超期", Asked(listing="overdue", family=Family.ORDERS)),
        ("超期工单", Asked(listing="overdue")),
        ("12345 今日情况", Asked(family=Family.ORDERS, period=(TODAY, TODAY))),
        ("投诉 在办", Asked(listing="open", family=Family.COMPLAINT)),
    ],
)
def test_lists_and_courses_are_of_the_cases_named(text, asked):
    assert read(text) == asked


def test_the_answer_is_the_figure_of_the_door_with_its_whole_definition(worked):
    told = said(worked, SUPERVISOR, "12345 满意率 11月")
    shown = plain(told)
    assert shown.startswith("全部单位　2026-11-01 至 2026-11-30　12345等工单")
    assert "群众满意率 40.00%（2/5）" in shown
    for line in (
        "分子：回访为满意的件数",
        "分母：期内办结的件数",
        "不计：申诉成立的工单",
        "来源：公开通报的算法",
    ):
        assert line in shown
    assert "截至 2026-12-30 09:00，百分数四舍五入" in shown
    assert "差评" not in shown
    assert [there for _, there in links(told)] == [
        "/cases?metric=satisfaction_rate&from=2026-11-01&to=2026-11-30&kind=orders"
    ]


def test_no_definition_of_work_orders_speaks_of_bad_ratings_or_of_measures():
    for metric in ORDERS.values():
        told = " ".join((metric.name, *(words for _, words in metric.definition)))
        assert not re.search("差评|整改|{", told), told
        assert all("{" not in words for _, words in METRICS[metric.key].definition)


def test_ratings_and_orders_are_two_figures_and_the_open_question_offers_the_other(worked):
    ratings, orders = (plain(said(worked, SUPERVISOR, f"{word} 办结率 近60天")) for word in ("差评", "12345"))
    either = plain(said(worked, SUPERVISOR, "办结率 近60天"))
    assert "办结率 33.33%（2/6）" in ratings
    assert "办结率 71.43%（5/7）" in orders
    assert "2/6" in either
    assert OPEN_NOTE in either
    assert OPEN_NOTE not in ratings + orders


def test_one_kind_of_orders_is_counted_alone(worked):
    assert "（1/2）" in plain(said(worked, SUPERVISOR, "12345 办结率 医保分局 11月"))
    assert "（0/1）" in plain(said(worked, SUPERVISOR, "求助 办结率 医保分局 11月"))
    assert "投诉工单" in plain(said(worked, SUPERVISOR, "投诉 办结率 11月"))


def test_a_unit_sees_its_own_orders_alone(worked):
    assert "（4/5）" in plain(said(worked, HEAD, "12345 办结率 11月"))
    assert "（1/2）" in plain(said(worked, FOREIGN_HEAD, "12345 办结率 11月"))
    for words in ("12345 办结率 医保分局", "各单位 12345 办结率", "12345 办结率 前三名"):
        refused = said(worked, HEAD, words)
        assert "您只能查询本单位（社保局）" in refused
        assert not re.search(r"\d/\d", refused)


def test_every_table_of_orders_adds_up_to_their_whole(worked):
    """The desk's row among them; and the ratings have nothing to do with it."""
    with worked.database.begin() as session:
        asked = {
            "first": read("11月").period[0], "last": TODAY + timedelta(days=40), "now": worked.clock.now(),
        }  # fmt: skip
        for family in Family:
            whole = report_rates(session, viewer(worked, SUPERVISOR), family=family, **asked)
            split = report_rates(
                session, viewer(worked, SUPERVISOR), family=family, by_department=True, **asked
            )
            for row in whole:
                parts = [one.figure for one in split if one.figure.metric == row.figure.metric]
                assert sum(one.denominator for one in parts) == row.figure.denominator, row.metric.name


def test_a_list_of_both_kinds_tells_them_apart(worked):
    told = said(worked, SUPERVISOR, "超期")
    assert "共 7 件（差评 4 / 12345等工单 3）" in plain(told)
    assert [there for _, there in links(told)][:3] == [
        "/cases?list=overdue", "/cases?list=overdue&kind=rating", "/cases?list=overdue&kind=orders",
    ]  # fmt: skip
    assert "医保分局 2（差评 1 / 12345等工单 1）" in plain(said(worked, SUPERVISOR, "超期 社保局 医保分局"))
    assert "共 3 件" in plain(said(worked, SUPERVISOR, "12345 超期"))
    assert "不分差评和工单" in said(worked, SUPERVISOR, "12345 督办事项")


def test_the_course_of_a_stretch_counts_ratings_as_ratings(worked):
    course = plain(said(worked, SUPERVISOR, "11月"))
    assert "收到评价 6　差评 6\n收到12345等工单 8\n立案 14（差评 6 / 12345等工单 8）" in course
    orders = plain(said(worked, SUPERVISOR, "12345 11月情况"))
    assert "收到12345等工单 8\n立案 8\n办结 5" in orders
    assert "评价" not in orders
    assert "收到" not in plain(said(worked, SUPERVISOR, "求助 11月情况"))


def test_a_city_without_a_hotline_hears_nothing_of_it(house):
    a_worked_month(house)
    assert "12345" not in said(house, SUPERVISOR, "11月")
    assert "12345" not in said(house, SUPERVISOR, "超期")


def test_a_chart_of_orders_says_that_it_is_of_orders(worked):
    told = ask(worked, SUPERVISOR, "12345 办结率 11月 各单位")
    assert "12345等工单" in told["picture"]["alt"]
    assert "社保局 80.00%（4/5）" in told["picture"]["alt"]


def test_units_named_are_told_each_with_its_cases_even_with_none(worked):
    told = said(worked, SUPERVISOR, "社保局 税务局 12345 办结率 11月")
    assert "税务局 —（0/0）" in plain(told)
    assert "department=SOC" in told
    assert "department=TAX" in told


@pytest.fixture
def ranked(house):
    """Five orders each: 社保局 and 税务局 closed all, 医保分局 three, 市监局 none."""
    closed = {"社保局": 5, "税务局": 5, "医保分局": 3, "市监局": 0}
    taken(
        house,
        *(
            order(
                f"{unit}{number}", department=unit, closed_at="2026-11-28 09:00:00" if number < done else ""
            )
            for unit, done in closed.items()
            for number in range(5)
        ),
    )
    return house


@pytest.mark.parametrize(
    ("words", "order_", "units"),
    [
        ("排名", "由高到低", ["社保局", "税务局", "医保分局", "市监局"]),
        ("最低", "由低到高", ["市监局", "医保分局", "社保局", "税务局"]),
        ("最差的单位", "由低到高", ["市监局", "医保分局", "社保局", "税务局"]),
        ("后三名", "由低到高", ["市监局", "医保分局", "社保局", "税务局"]),  # as low as the third
        ("前1名", "由高到低", ["社保局", "税务局"]),
        ("倒数两名", "由低到高", ["市监局", "医保分局"]),
    ],
)
def test_units_stand_in_the_order_asked_for_and_none_equal_to_the_last_is_cut_off(
    ranked, words, order_, units
):
    lines = plain(said(ranked, SUPERVISOR, f"12345 办结率 11月 {words}")).splitlines()
    assert order_ in lines
    named = [line.split()[0] for line in lines if re.match("(社保局|税务局|医保分局|市监局)[　 ]", line)]
    assert named == units
    left = [line for line in lines if "个单位未列" in line]
    assert left == ([f"其后 {4 - len(units)} 个单位未列"] if len(units) < 4 else [])


def test_of_returns_the_fewest_are_the_best(ranked):
    assert "由高到低" in plain(said(ranked, SUPERVISOR, "12345 回退率 11月 最差"))
    assert "由低到高" in plain(said(ranked, SUPERVISOR, "12345 回退率 11月 最好"))


def test_both_families_are_all_there_is():
    assert {kind for family in BOTH for kind in family.kinds} == {
        kind for family in Family for kind in family.kinds
    }
