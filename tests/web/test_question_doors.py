"""One number behind every door (R13, N5): chat, API, page and command line; and every number opens its cases."""

import json
import re
import subprocess
import sys

import pytest
from ask_kit import a_worked_month, links, plain, said
from case_kit import HEAD, SUPERVISOR
from door_kit import serving
from page_kit import enter
from test_api_door import Caller

from reviewbot.clock import set_rehearsal
from reviewbot.rules.rates import METRICS

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


def test_four_doors_give_one_number_for_every_rate_and_unit(rehearsed, pages):
    house = rehearsed
    command = [
        sys.executable,
        "-m",
        "reviewbot",
        "rates",
        "--by",
        "department",
        "--from",
        FROM,
        "--to",
        TO,
        "--json",
    ]
    printed = subprocess.run(command, capture_output=True, check=True, timeout=120)
    by_cli = {
        (row["metric"], row["department"]): f"{row['numerator']}/{row['denominator']}"
        for row in json.loads(printed.stdout)["rates"]
    }
    with serving(house) as url:
        answered = Caller(house, url, "supervisor").get("/rates", by="department", **{"from": FROM, "to": TO})
    by_api = {
        (row["metric"], row["department"]): f"{row['numerator']}/{row['denominator']}"
        for row in answered.json()["rates"]
    }
    enter(pages, SUPERVISOR)
    page = pages.get("/", params={"from": FROM, "to": TO}).text

    assert by_api == by_cli
    for key, metric in METRICS.items():
        for unit, code in (("社保局", "SOC"), ("医保分局", "MED")):
            expected = by_api[key, unit]
            assert told_in(said(house, SUPERVISOR, f"{unit} {metric.name} {DAYS}"), metric.name) == expected
            cell = re.search(
                rf"metric={key}&amp;department={code}&amp;from={FROM}[^>]*>[^<]*（([0-9/]+)）<", page
            )
            assert cell[1] == expected, (key, unit)
            if not expected.endswith("/0"):
                table = said(house, SUPERVISOR, f"各单位 {metric.name} {DAYS}")
                assert told_in(table, unit) == expected
    assert by_api["rectification_rate", "社保局"] == "2/4"


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
    a_worked_month(house)
    enter(pages, who)
    words = [f"{metric.name} {DAYS}" for metric in METRICS.values()]
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
    assert pages.get("/supervision?department=NOWHERE").status_code == 404
