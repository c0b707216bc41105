"""One number behind every door (R13, N5): chat, API, page and command line; and every number opens its cases."""

import html
import json
import re
import subprocess
import sys
from datetime import timedelta

import pytest
from ask_kit import a_worked_hotline, a_worked_month, links, plain, said
from case_kit import (
    DESK,
    FOREIGN_HEAD,
    HEAD,
    SUPERVISOR,
    call,
    handler_of,
    move,
    opened,
    verifying,
)
from door_kit import serving
from page_kit import enter
from sqlalchemy import select
from test_api_door import Caller

from reviewbot.clock import CHINA, set_rehearsal
from reviewbot.models.chain import append_event
from reviewbot.models.procedure import Assistance
from reviewbot.queries.cases import find_case
from reviewbot.queries.directory import find_department
from reviewbot.queries.scope import SYSTEM
from reviewbot.rules.kinds import BOTH, Family
from reviewbot.rules.rates import METRICS, metrics_of

FROM, TO = "2026-11-01", "2026-12-30"
DAYS = "2026-11-01至2026-12-30"


def told_in(text, unit):
    """{unit's or rate's name: "n/d"} as a reader sees it."""
    found = re.search(rf"{unit}[ 　]+(?:[0-9.]+%|—)（([0-9]+/[0-9]+)）", plain(text))
    assert found, text
    return found[1]


@pytest.fixture
def rehearsed(house, tmp_path, monkeypatch):
    """The command line lives in the same database and hour."""
    a_worked_hotline(house)
    a_worked_month(house)
    rehearsal = tmp_path / "rehearsal.json"
    set_rehearsal(rehearsal, house.clock.now(), rate=0)
    told = house.settings
    for name, value in {
        "DATABASE_URL": told.database_url, "REDIS_URL": told.redis_url, "DATA_DIR": told.data_dir,
        "REHEARSAL": rehearsal,
    }.items():  # fmt: skip
        monkeypatch.setenv(f"REVIEWBOT_{name}", str(value))
    return house


def printed_by(*words):
    """What the command line says as data."""
    command = [sys.executable, "-m", "reviewbot", *words, "--from", FROM, "--to", TO, "--json"]
    told = subprocess.run(command, capture_output=True, check=True, timeout=120)
    return json.loads(told.stdout)


@pytest.mark.parametrize(
    ("family", "word", "known"),
    [
        (Family.RATING, "差评", ("rectification_rate", "2/4")),
        (Family.ORDERS, "12345", ("satisfaction_rate", "1/4")),
        (Family.HELP, "求助", ("completion_rate", "0/0")),
    ],
)
def test_four_doors_give_one_number_for_every_rate_and_unit_of_every_kind(
    rehearsed, pages, family, word, known
):
    house = rehearsed
    printed = printed_by("rates", "--kind", family.value, "--by", "department")
    by_cli = {
        (row["metric"], row["department"]): f"{row['numerator']}/{row['denominator']}"
        for row in printed["rates"]
    }
    days = {"from": FROM, "to": TO}
    with serving(house) as url:
        caller = Caller(house, url, "supervisor")
        answered = caller.get("/rates", by="department", kind=family.value, **days).json()
    by_api = {
        (row["metric"], row["department"]): f"{row['numerator']}/{row['denominator']}"
        for row in answered["rates"]
    }
    enter(pages, SUPERVISOR)
    page = pages.get("/", params=days).text

    assert by_api == by_cli
    assert answered["definitions"] == printed["definitions"]
    for key, metric in metrics_of(family).items():
        for definition in (metric.numerator, metric.denominator, metric.source):
            assert definition in answered["definitions"][key].values()
        for unit, code in (("社保局", "SOC"), ("医保分局", "MED")):
            expected = by_api[key, unit]
            told = said(house, SUPERVISOR, f"{unit} {word} {metric.name} {DAYS}")
            assert told_in(told, metric.name) == expected
            assert f"不计：{'、'.join(metric.exclusions)}" in told
            if family in BOTH:
                cell = re.search(
                    rf'metric={key}&amp;department={code}&amp;from={FROM}&amp;to={TO}&amp;kind={family}"'
                    r'>[^<]*<span class="of">（([0-9/]+)）<',
                    page,
                )
                assert cell[1] == expected, (key, unit)
            if not expected.endswith("/0"):
                table = said(house, SUPERVISOR, f"各单位 {word} {metric.name} {DAYS}")
                assert told_in(table, unit) == expected
    assert by_api[known[0], "社保局"] == known[1]


def shown_cases(pages, there):
    """How many cases a link leads to, page after page."""
    count = 0
    while there:
        page = pages.get(there)
        assert page.status_code == 200, there
        count += len(re.findall(r'<tr class="u-', page.text)) + len(
            re.findall(r'action="/supervision/', page.text)
        )
        following = re.search(r'href="(/cases\?[^"]+)">更早的工单', page.text)
        there = following[1].replace("&amp;", "&") if following else None
    return count


@pytest.mark.parametrize("who", [SUPERVISOR, HEAD])
def test_every_number_opens_exactly_its_cases(house, pages, who):
    a_worked_hotline(house)
    *_, newest = a_worked_month(house)
    move(house, HEAD, "return", newest, remark="应由医保分局办理，依据三定方案")
    move(house, DESK, "dispatch", newest, department="MED")  # the unit that returned it answers for that
    enter(pages, who)
    words = [f"{metric.name} {DAYS}" for metric in METRICS.values()]
    words += [f"12345 {metric.name} {DAYS}" for metric in metrics_of(Family.ORDERS).values()]
    words += [
        "投诉 满意率 11月",
        "12345 满意率 11月 环比",
        "12345 办结率 趋势",
        "差评 11月",
        "12345 11月",
        "12345 在办",
    ]
    words += ["12月 整改率 环比", "整改率 趋势", "超期", "社保局 超期", "在办", "待派单", "今日", "上月", "社保局 今日",
              "黄牌", "12月 立案", "12月 办结", "本周 到期", "社保局 申诉"]  # fmt: skip
    opened = 0
    for asked in words:
        for shown, there in links(said(house, who, asked)):
            number = re.search(r"/([0-9]+)）", shown) or re.fullmatch("([0-9]+)", shown)
            assert number, shown
            assert shown_cases(pages, there) == int(number[1]), (asked, shown, there)
            opened += 1
    assert opened > 40


def test_a_list_page_refuses_what_is_no_list(house, pages):
    enter(pages, SUPERVISOR)
    assert pages.get("/cases?list=nothing").status_code == 404
    assert pages.get("/cases?metric=rectification_rate&part=nothing").status_code == 404
    assert pages.get("/cases?metric=rectification_rate&kind=orders").status_code == 404
    assert pages.get("/cases?metric=completion_rate&kind=hotline").status_code == 404
    assert pages.get("/supervision?department=NOWHERE").status_code == 404


ANONYMOUS = {"kind": "person", "anonymous": True}


@pytest.fixture
def rated_by_the_unnamed(rehearsed):
    """Beside the worked month: four anonymous ratings (one reached, one called in vain), a real one unreachable,
    and a real one called once in vain."""
    house = rehearsed
    house.clock.moment -= timedelta(days=30)
    call(house, verifying(house, rater=ANONYMOUS))
    for outcome, rater in (("无人接听", ANONYMOUS), ("空号", None), ("无人接听", None)):
        number = verifying(house, **({"rater": rater} if rater else {}))
        move(house, handler_of(house, number), "record_call", number, reached=False, remark=outcome)
    opened(house, rater=ANONYMOUS)
    opened(house, rater=ANONYMOUS, department="MED", item="参保登记")
    opened(house, department="MKT", item="个体工商户注册登记")
    house.clock.moment += timedelta(days=30)
    return house


def test_anonymous_ratings_stand_on_their_own_line_at_every_door(rated_by_the_unnamed, pages):
    """F9: real-name call-backs tell where every one of them stands; nobody is late who had no number to call."""
    house = rated_by_the_unnamed
    with serving(house) as url:
        answered = Caller(house, url, "supervisor").get("/rates", by="department", **{"from": FROM, "to": TO})
    rows = {(row["metric"], row["department"]): row for row in answered.json()["rates"]}
    called, response = rows["call_back_rate", "社保局"], rows["response_rate", "社保局"]

    # Four of the worked month (three reached), and two of these.
    assert called["parts"] == {"reached": 3, "exhausted": 1, "attempted": 1, "untried": 1}
    assert (called["numerator"], called["denominator"]) == (4, 6) == (4, sum(called["parts"].values()))
    assert called["apart"] == {
        "anonymous_attempted": 2, "anonymous_reached": 1, "anonymous_not_reached": 2, "unseen": 4,
        "excluded": 0,
    }  # fmt: skip
    assert (response["denominator"], response["apart"]) == (6, {"anonymous": 3, "excluded": 0})
    assert rows["call_back_rate", "医保分局"]["apart"]["anonymous_not_reached"] == 1

    by_cli = {
        (row["metric"], row["department"]): row for row in printed_by("rates", "--by", "department")["rates"]
    }
    assert by_cli == rows
    text = said(house, SUPERVISOR, f"社保局 回访率 {DAYS}")
    assert "匿名已拨打 2 / 匿名已接通 1 / 匿名未接通 2" in plain(text)
    assert "已接通 3 / 联系不上 1 / 拨打未完成 1 / 未拨打 1" in plain(text)
    assert "匿名不计 3" in plain(said(house, SUPERVISOR, f"社保局 响应率 {DAYS}"))

    enter(pages, SUPERVISOR)
    page = pages.get("/", params={"from": FROM, "to": TO}).text
    ways = dict(re.findall(r'<a href="([^"]*department=SOC[^"]*part=anonymous[^"]*)">([^<]+)</a>', page))
    assert set(ways.values()) == {"匿名已拨打 2", "匿名已接通 1", "匿名未接通 2", "匿名不计 3"}
    assert len(re.findall(r"匿名已拨打 \d", page)) == 3, "two units have any, and there is the total"
    for there, shown in [*((there.replace("&amp;", "&"), shown) for there, shown in ways.items())]:
        assert shown_cases(pages, there) == int(shown.split()[1]), shown
    for shown, there in links(text):
        if shown.isdecimal():
            assert shown_cases(pages, there) == int(shown), there


def test_delays_of_helpers_are_visible_by_unit_at_every_door(rehearsed, pages):
    """F15: how many sub-tasks a unit was asked for, ended late, still open; and the cases behind them. One withdrawn
    before its limit was never owed, one withdrawn after it is late all the same."""
    house = rehearsed
    house.clock.moment -= timedelta(days=30)
    asked = [verifying(house) for _ in range(5)]
    for number in asked:
        move(house, HEAD, "ask_assistance", number, department="MED", remark="请提供参保记录")
    move(house, FOREIGN_HEAD, "assist", asked[0], remark="记录无误")
    move(house, HEAD, "withdraw_assistance", asked[1], department="MED", remark="已自行取得")
    house.clock.moment += timedelta(days=30)
    move(house, FOREIGN_HEAD, "assist", asked[2], remark="记录无误")
    move(house, HEAD, "withdraw_assistance", asked[4], department="MED", remark="已自行取得")
    expected = {"department": "医保分局", "department_code": "MED", "tasks": 4, "late": 2, "overdue": 1}
    with house.database.begin() as session:
        due = session.scalars(select(Assistance.due_at)).first().astimezone(CHINA).date()

    with serving(house) as url:
        supervisor, tax = Caller(house, url, "supervisor"), Caller(house, url, "head", "TAX")
        told = supervisor.get("/assistance", **{"from": FROM, "to": TO}).json()
        assert told["units"] == [expected]
        for days, units in ((0, [expected]), (-1, []), (1, [])):  # by the day of their limit and no other
            day = (due + timedelta(days=days)).isoformat()
            assert supervisor.get("/assistance", **{"from": day, "to": day}).json()["units"] == units
        assert tax.get("/assistance", **{"from": FROM, "to": TO}).json()["units"] == []
        assert supervisor.get("/assistance", **{"from": TO, "to": FROM}).status_code == 422
    assert printed_by("assistance")["units"] == [expected]

    enter(pages, SUPERVISOR)
    page = pages.get("/", params={"from": FROM, "to": TO}).text
    ways = {
        found[1]: (found[0].replace("&amp;", "&"), found[2])
        for found in re.findall(r'href="(/cases\?list=(assisted|late_assistance)[^"]+)">([0-9]+)<', page)
    }
    assert {name: shown for name, (_, shown) in ways.items()} == {"assisted": "4", "late_assistance": "3"}
    assert "超期了结 2，未答复 1" in page
    for there, shown in ways.values():
        assert shown_cases(pages, there) == int(shown)
    text = said(house, SUPERVISOR, "医保分局 协办超期")
    assert "共 3 项" in plain(text)
    assert asked[2] in text
    assert asked[3] in text
    assert asked[4] in text
    assert asked[0] not in text
    assert "医保分局 3" in plain(said(house, SUPERVISOR, "协办超期"))
    # Its own head counts with them the one withdrawn late, whose case he does not see any more.
    assert "共 3 项" in plain(said(house, FOREIGN_HEAD, "协办超期"))


@pytest.fixture
def twins(rehearsed):
    """医保分局 is called 社保局 too, as units of two districts are; no figure may be added up by a name."""
    with rehearsed.database.begin() as session:
        find_department(session, "MED").short_name = "社保局"
    return rehearsed


def test_two_units_of_one_name_are_two_rows_at_every_door(twins, pages):
    house = twins
    with serving(house) as url:
        answered = Caller(house, url, "supervisor").get("/rates", by="department", **{"from": FROM, "to": TO})
    rows = {
        row["department"]: (row["department_code"], row["numerator"], row["denominator"])
        for row in answered.json()["rates"]
        if row["metric"] == "rectification_rate" and row["denominator"]
    }
    assert rows == {"社保局（SOC）": ("SOC", 2, 4), "社保局（MED）": ("MED", 0, 1)}
    printed = printed_by("rates", "--by", "department", "--metric", "rectification_rate")["rates"]
    assert {row["department"]: row["department_code"] for row in printed}["社保局（MED）"] == "MED"

    enter(pages, SUPERVISOR)
    page = pages.get("/", params={"from": FROM, "to": TO}).text.split('id="orders"')[0]
    assert re.findall(r'<th scope="row">(社保局[^<]*)</th>', page) == ["社保局（MED）", "社保局（SOC）"]
    bars = json.loads(html.unescape(re.search('data-bars="([^"]+)"', page)[1]))
    assert bars["units"] == ["社保局（SOC）（4）", "社保局（MED）（1）"]

    for asked in (f"各单位 整改率 {DAYS}", "超期"):
        text = said(house, SUPERVISOR, asked)
        assert "社保局（SOC）" in text
        assert "社保局（MED）" in text
        for shown, there in links(text):
            number = re.search(r"/([0-9]+)）", shown) or re.fullmatch("([0-9]+)", shown)
            assert not number or shown_cases(pages, there) == int(number[1]), (shown, there)


def test_few_cases_are_starred_by_one_rule_at_every_door(rehearsed, pages):
    """``rates.small_below`` (5 here): 社保局 has four cases due, the whole five."""
    house = rehearsed
    with serving(house) as url:
        answered = Caller(house, url, "supervisor").get("/rates", by="department", **{"from": FROM, "to": TO})
    told = answered.json()
    small = {
        row["department_code"]: row["small"] for row in told["rates"] if row["metric"] == "rectification_rate"
    }
    assert (told["small_below"], small["SOC"], small["TAX"]) == (5, True, False)
    assert printed_by("rates", "--metric", "rectification_rate")["rates"][0]["small"] is False
    command = [sys.executable, "-m", "reviewbot", "rates", "--by", "department", "--from", FROM, "--to", TO]
    words = subprocess.run(command, capture_output=True, check=True, timeout=120, text=True).stdout
    assert "50.00%（2/4）*" in words
    assert "*不足 5 件，仅供参考" in words

    enter(pages, SUPERVISOR)
    page = pages.get("/", params={"from": FROM, "to": TO}).text
    ratings = page.split('id="orders"')[0]
    rows = re.findall(r'<tr(?: class=total)?><th scope="row">([^<]+)</th>(.*?)</tr>', ratings, re.DOTALL)
    first_cells = {name: re.search("<td.*?</td>", cells, re.DOTALL)[0] for name, cells in rows}
    assert 'title="分母不足 5 件，仅供参考">*' in first_cells["社保局"]
    assert "*" not in first_cells["合计"]
    assert "的分母不足 5 件，仅供参考" in page
    assert "50.00%（2/4）*" in plain(said(house, SUPERVISOR, f"社保局 整改率 {DAYS}"))
    assert "40.00%（2/5）*" not in plain(said(house, SUPERVISOR, f"整改率 {DAYS}"))


def test_units_add_up_to_the_whole_where_the_bureau_itself_was_rated(rehearsed):
    """A review of the bureau that names no item stays with the bureau, which is no handling unit."""
    house = rehearsed
    house.clock.moment -= timedelta(days=30)
    number = opened(house, department="GSDA", item=None)
    house.clock.moment += timedelta(days=30)
    rows = printed_by("rates", "--by", "department", "--metric", "rectification_rate")["rates"]
    whole = printed_by("rates", "--metric", "rectification_rate")["rates"][0]
    assert sum(row["denominator"] for row in rows) == whole["denominator"] == 6, number


def test_numbers_of_people_in_words_of_others_are_covered(house):
    """A terminal wrote the caller's number into the item, and a clerk into a basis."""
    number = opened(house, department=None, item="咨询13800001111")
    data = {"basis": "依据见13800001111", "recording": "20261130090012345678"}
    with house.database.begin() as session:
        case = find_case(session, number, SYSTEM)
        append_event(
            session, case, move="submit_explanation", actor="a", actor_name="甲", before="x", data=data,
            at=house.clock.now(),
        )  # fmt: skip

    with serving(house) as url:
        told = Caller(house, url, "supervisor").get(f"/cases/{number}").text

    assert "13800001111" not in told
    assert "20261130090012345678" in told
