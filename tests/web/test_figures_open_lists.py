"""Law 8: the list behind a figure has as many lines as the figure says, whoever asks and however long it is."""

import html
import re
from datetime import date, timedelta

import pytest
from ask_kit import a_worked_hotline, links, said
from case_kit import (
    DESK,
    FOREIGN_HEAD,
    HEAD,
    SUPERVISOR,
    call,
    closed,
    conclude,
    handler_of,
    move,
    opened,
    verifying,
)
from ladder_kit import sweep
from order_kit import cases
from page_kit import enter, token_in
from rules_kit import decree
from sqlalchemy import select

from reviewbot.models.case import Case
from reviewbot.models.oversight import Card
from reviewbot.models.people import Department
from reviewbot.queries.listings import Wanted, count_by_unit, count_listed
from reviewbot.queries.scope import SYSTEM
from reviewbot.rules.lifecycle import CaseStatus, Conclusion
from reviewbot.web import paging

PEOPLE = {
    "handler": "chenwei02", "head": HEAD, "foreign head": FOREIGN_HEAD, "foreign handler": "huangjie01",
    "desk": DESK, "supervisor": SUPERVISOR, "leader": "zhouzhidong01", "auditor": "fanglifeng01",
    "admin": "huangjingyan01", "uninvolved head": "yuanshaojun01",
}  # fmt: skip
STRANGERS = {"uninvolved head"}
"""Who has no work order to see."""
MONTHS = {"from": date(2026, 11, 1), "to": date(2027, 1, 31)}
ASKED = (
    "12345 办结率 近90天",
    "差评 办结率 近90天",
    "12345 满意率 11月",
    "12345 按期办结率 近90天",
    "12345 回退率 近90天",
    "投诉 满意率 近90天",
    "12345 超期",
    "12345 近90天",
    "差评 近90天",
    "求助 在办",
    "12345 本月情况",
    "黄牌",
    "红牌",
    "黄牌 12月",
    "协办件",
    "协办超期",
    "超期",
    "在办",
    "12月 立案",
    "12月 办结",
    "申诉",
    "今日",
)
ANONYMOUS = {"kind": "person", "anonymous": True}


@pytest.fixture
def lived(house, clock, monkeypatch):
    """Everything that could part a figure from its list; a page of eight lines, so that lists have several pages."""
    monkeypatch.setattr(paging, "PAGE", 8)
    a_worked_hotline(house)
    bounced, helped = (
        case.number for case in cases(house) if case.status == CaseStatus.AWAITING_SIGN and case.department_id
    )
    move(house, HEAD, "return", bounced, remark="应由医保分局办理，依据三定方案")
    move(house, DESK, "dispatch", bounced, department="MED")
    move(house, handler_of(house, helped), "sign", helped)
    move(house, FOREIGN_HEAD, "ask_assistance", helped, department="SOC", remark="请提供参保记录")
    closed(house)
    opened(house)
    opened(house, rater=ANONYMOUS)
    opened(house, department="MED", item="参保登记")
    opened(house, department=None, item=None)
    for _ in range(4):
        verifying(house)
    explained = verifying(house)
    call(house, explained)
    conclude(house, explained, Conclusion.NO_LEGAL_BASIS)
    appealed = verifying(house)
    call(house, appealed)
    conclude(house, appealed, Conclusion.MISRATED, remark="评价人称点错")
    twice_helped, helped_late, withdrawn_late = (verifying(house) for _ in range(3))
    for number in (twice_helped, helped_late, withdrawn_late):
        move(house, HEAD, "ask_assistance", number, department="MED", remark="请提供参保记录")
    move(house, FOREIGN_HEAD, "assist", twice_helped, remark="记录无误")
    move(house, HEAD, "ask_assistance", twice_helped, department="MED", remark="请再核对")
    carded = carded_and_gone(house, clock)
    clock.moment += timedelta(days=21)
    sweep(house)
    move(house, FOREIGN_HEAD, "assist", helped_late, remark="记录无误")
    move(house, HEAD, "withdraw_assistance", withdrawn_late, department="MED", remark="已自行取得")
    clock.moment += timedelta(days=21)
    sweep(house)
    opened(house)
    return house, carded


def carded_and_gone(house, clock):
    """Where a unit may give a case back for long: the card stays with 社保局, the case goes on to 医保分局."""
    decree(
        house,
        "long",
        ("[limits.return] # 派到单位后多久之内可以退回\nvalue = 1", "[limits.return]\nvalue = 20"),
    )
    number = opened(house)
    clock.moment += timedelta(days=8)
    sweep(house)
    move(house, HEAD, "return", number, remark="应由医保分局办理，依据三定方案")
    move(house, DESK, "dispatch", number, department="MED")
    return number


def lines_behind(pages, there):
    """How many lines a link leads to, page after page."""
    count = 0
    while there:
        page = pages.get(there)
        assert page.status_code == 200, there
        count += len(re.findall(r'<tr class="u-|action="/supervision/', page.text))
        following = re.search(r'<p class="more"><a[^>]* href="([^"]+)"', page.text)
        there = html.unescape(following[1]) if following else None
    return count


def counted_in(shown):
    """The figure a link shows: a count, or the denominator of a rate."""
    number = re.search(r"/([0-9]+)）", shown) or re.search(r"^([0-9]+)$", shown)
    return int(number[1]) if number else None


def figures(fragment):
    """(figure, link) of every number on the overview that opens a list."""
    found = []
    for there, shown in re.findall(r'<a[^>]* href="(/cases[^"]*)">(.*?)</a>', fragment, re.DOTALL):
        plain = re.sub("<h2>.*?</h2>|<[^>]+>", " ", shown).strip()
        number = re.search(r"/([0-9]+)）$|^([0-9]+)(?!.*[0-9])|([0-9]+)$", plain)
        assert number, shown
        found.append((int(number[1] or number[2] or number[3]), html.unescape(there)))
    return found


def test_every_figure_of_the_overview_opens_as_many_lines(lived, pages):
    wrong = []
    for role, who in PEOPLE.items():
        enter(pages, who)
        found = figures(pages.get("/fragments/overview", params=MONTHS).text)
        assert len(found) > 20, role
        of_orders = [number for number, there in found if "metric=" in there and "kind=orders" in there]
        assert any(of_orders) == (role not in STRANGERS), role
        wrong += [
            (role, number, behind, there)
            for number, there in dict.fromkeys(found)
            if (behind := lines_behind(pages, there)) != number
        ]
    assert wrong == []


def test_every_figure_of_the_chat_opens_as_many_lines(lived, pages):
    house, _ = lived
    wrong, opened_ = [], 0
    for role, who in PEOPLE.items():
        enter(pages, who)
        for words in ASKED:
            for shown, there in links(said(house, who, words)):
                if (number := counted_in(shown)) is not None:
                    opened_ += 1
                    if (behind := lines_behind(pages, there)) != number:
                        wrong.append((role, words, shown, behind, there))
    assert wrong == []
    assert opened_ > 400


def test_a_unit_keeps_its_card_in_its_list_when_the_case_has_gone(lived, pages, monkeypatch):
    house, carded = lived
    with house.database.begin() as session:
        units = session.scalars(
            select(Department.code)
            .join(Card, Card.department_id == Department.id)
            .join(Case, Case.id == Card.case_id)
            .where(Case.number == carded, Card.colour == "yellow")
        ).all()
        assert units == ["SOC"]
        for key in ("yellow", "red", "assisted", "late_assistance"):
            whole = count_listed(session, Wanted(key), SYSTEM, house.clock.now())
            rows = count_by_unit(session, Wanted(key), SYSTEM, house.clock.now())
            assert sum(count for _, count in rows) == whole > 0, key
    enter(pages, HEAD)
    monkeypatch.setattr(paging, "PAGE", 50)
    shown = pages.get("/cases?list=yellow&department=SOC").text

    assert carded in shown
    assert f'href="/cases/{carded}"' not in shown, "the case is not its to open any more"
    assert "已不在本单位" in shown

    (place,) = re.findall(rf'<a href="(/cards/[0-9]+)">{carded}</a>', shown)
    page = pages.get(place).text
    form = {"act": "appeal", "reason": "", "csrf": token_in(page)}
    refused = pages.post(f"/cases/{carded}{place}", data=form)
    assert (refused.status_code, "申诉须写明理由" in refused.text) == (422, True)
    done = pages.post(f"/cases/{carded}{place}", data=form | {"reason": "派到时只剩两小时"})
    assert done.headers["location"] == place
    assert "申诉：派到时只剩两小时" in pages.get(place).text
    enter(pages, "yuanshaojun01")
    assert pages.get(place).status_code == 404
    assert pages.get(f"/cases/{carded}").status_code == 404
