"""Who decides sees beside the button what he decides; who comes too late is told what has happened."""

import re
from datetime import date

import pytest
from case_kit import SUPERVISOR, call, closed, conclude, handler_of, move, verifying
from page_kit import Browser, enter

from reviewbot.errors import Conflict
from reviewbot.links import RaterLink
from reviewbot.models.people import Department, Staff
from reviewbot.queries.cases import find_case
from reviewbot.queries.scope import SYSTEM
from reviewbot.rules.lifecycle import Conclusion


def asked_for(house, *, ledger=False, extension=False, appeal=False):
    number = verifying(house)
    call(house, number)
    who = handler_of(house, number)
    conclude(house, number, Conclusion.MISRATED if appeal else Conclusion.JUSTIFIED, remark="评价人说点错了")
    if extension:
        move(house, who, "request_extension", number, days=4, remark="需与外省核对")
    if ledger:
        move(house, who, "request_ledger", number, until=date(2027, 3, 31), remark="需改造系统")
    return number


def agreeing(pages, number, door):
    """The form of 同意 as a supervisor sees it."""
    enter(pages, SUPERVISOR)
    if door == "sheet":
        page = pages.get(f"/h5/cases/{number}/agree").text
        return page.split('id="sheet"')[1].split("</form>")[0], page
    form = re.search(r"<summary>同意申请</summary>.*?</form>", pages.get(f"/cases/{number}").text, re.DOTALL)[
        0
    ]
    return form, form


@pytest.mark.parametrize("door", ["page", "sheet"])
def test_the_form_shows_what_waits_and_offers_that_alone(house, pages: Browser, door) -> None:
    form, page = agreeing(pages, asked_for(house, extension=True), door)
    assert re.search("延期申请：.* 4个工作日 需与外省核对", page)
    assert 'name="application"' not in form
    assert "没有附件" not in form

    form, page = agreeing(pages, asked_for(house, ledger=True), door)
    assert re.search("台账申请：.* 2027-03-31 需改造系统", page)
    assert 'name="application"' not in form

    form, page = agreeing(pages, asked_for(house, extension=True, ledger=True), door)
    assert re.findall(r'<option value="(\w*)"', form) == ["", "extension", "ledger"]
    assert re.search("4个工作日 需与外省核对；台账申请：.* 2027-03-31 需改造系统", page)

    form, page = agreeing(pages, asked_for(house, appeal=True), door)
    assert "评价人说点错了" in page
    assert 'name="application"' not in form
    assert "确认没有附件也同意" in form


def test_a_second_answer_of_a_helper_is_told_that_its_unit_has_answered(house) -> None:
    number = asked_for(house)
    move(house, SUPERVISOR, "ask_assistance", number, department="税务局", remark="缴费记录")
    first, second = house_staff(house, "TAX")
    move(house, first, "assist", number, remark="已核实")

    with pytest.raises(Conflict, match="您单位已于 11-30 09:00 协办答复，不必再答复"):
        move(house, second, "assist", number, remark="也核实了")


def house_staff(house, code):
    """Two people of a unit who handle cases."""
    with house.database.begin() as session:
        unit = session.query(Department).filter_by(code=code).one()
        people = session.query(Staff).filter_by(department_id=unit.id, active=True).order_by(Staff.id)
        return [one.userid for one in people if {"handler", "head"} & set(one.roles)][:2]


def test_the_story_says_what_the_rater_answered(house, pages: Browser) -> None:
    number = closed(house)
    with house.database.begin() as session:
        case = find_case(session, number, SYSTEM)
        link = RaterLink(case.id, case.round, int(house.clock.now().timestamp()))
    pages.post(
        "/r/" + house.links.make(link).rsplit("/r/", 1)[1], data={"answer": "dissatisfied", "words": ""}
    )
    enter(pages, SUPERVISOR)
    story = pages.get(f"/cases/{number}").text.split("办理过程")[1]

    said = re.search(r'<li class="m-rater_answered">.*?</li>', story, re.DOTALL)[0]
    assert "<b>评价人回答</b>" in said
    assert "不满意" in said
    assert "确认" not in said
