"""The times of the rater's page are those at which a step was over: never when it began, never of an earlier round."""

import re
from datetime import timedelta

from page_kit import Browser, new_case
from test_rater_pages import HEAD, SUPERVISOR, handler, link, moved

from reviewbot.actions.reveal_phone import reveal_phone
from reviewbot.clock import CHINA
from reviewbot.models.case import Case
from reviewbot.queries.directory import staff_by_userid
from reviewbot.queries.scope import viewer_of_staff
from reviewbot.rules.lifecycle import Conclusion
from reviewbot.rules.raters import Purpose

LEADER = "zhouzhidong01"


def told(pages, house):
    """The steps of the page: name -> (state, time)."""
    page = pages.get(link(house)).text
    steps = re.findall(r'<li class="(\w+)"[^>]*><b>([^<]*)</b>(.*?)</li>', page)
    at = re.compile(r'class="at">([^<]*)<')
    return {label: (state, "".join(at.findall(rest))) for state, label, rest in steps}


def minute(house):
    here = house.clock.now().astimezone(CHINA)
    return f"{here.month}月{here.day}日 {here:%H:%M}"


def later(house, **time):
    house.clock.moment += timedelta(**time)
    return minute(house)


def signed(house):
    later(house, hours=1)
    moved(house, handler(house), "sign")


def verified(house):
    """Called and concluded, an hour between them; the moment of the conclusion."""
    who = handler(house)
    later(house, hours=1)
    with house.database.begin() as session:
        number, viewer = session.query(Case).one().number, viewer_of_staff(staff_by_userid(session, who))
        reveal_phone(session, number, Purpose.CALL_BACK, viewer, at=house.clock.now())
    moved(house, who, "record_call", reached=True, remark="说叫号太慢")
    at = later(house, hours=1)
    moved(house, who, "conclude", conclusion=Conclusion.JUSTIFIED)
    return at


def handed_in(house):
    later(house, days=3)
    moved(house, handler(house), "submit_measures", remark="窗口已增设")


def approved(house):
    at = later(house, hours=1)
    moved(house, HEAD, "approve", no_attachment=True)
    return at


def test_a_step_is_over_when_it_ended_not_when_it_began(pages: Browser, house) -> None:
    dispatched = minute(house)
    new_case(house)
    signed(house)
    concluded = verified(house)

    during = told(pages, house)
    assert during["已转给揭东区社会保险基金管理局"] == ("done", dispatched)
    assert during["已核实"] == ("done", concluded)
    assert during["正在整改"] == ("now", "")

    handed_in(house)
    moved(house, HEAD, "send_back", remark="请写明时间")
    handed_in(house)
    ended = approved(house)
    assert told(pages, house)["已整改"] == ("done", ended)


def test_another_round_keeps_no_time_of_the_one_before(pages: Browser, house) -> None:
    new_case(house)
    signed(house)
    verified(house)
    handed_in(house)
    approved(house)
    moved(house, handler(house), "record_feedback", channel="电话", remark="已告知")
    later(house, days=1)
    moved(house, SUPERVISOR, "reopen", remark="评价人来信")

    again = told(pages, house)
    assert again["正在核实"] == ("now", "")
    assert [at for state, at in again.values() if state != "done"] == ["", "", ""]
    concluded = verified(house)
    assert told(pages, house)["已核实"] == ("done", concluded)


def test_a_review_by_others_is_over_when_the_second_of_them_agreed(pages: Browser, house) -> None:
    new_case(house)
    who = handler(house)
    signed(house)
    moved(house, who, "record_call", reached=True, remark="说点错了")
    moved(house, who, "conclude", conclusion=Conclusion.MISRATED, remark="评价人说点错了")
    later(house, hours=2)
    moved(house, SUPERVISOR, "agree", no_attachment=True)
    upheld = later(house, hours=2)
    moved(house, LEADER, "agree", no_attachment=True)

    assert told(pages, house)["已复核"] == ("done", upheld)


def test_the_unit_that_has_it_now_got_it_when_it_was_given_to_it(pages: Browser, house) -> None:
    new_case(house)
    moved(house, handler(house), "return", remark="不属本单位职责", department="税务局")
    given = later(house, hours=3)
    moved(house, "chenjiafeng01", "dispatch", department="税务局")
    moved(house, handler(house), "sign")

    steps = told(pages, house)
    assert steps["已转给揭东区税务局"] == ("done", given)
    assert steps["正在核实"] == ("now", "")


def test_nobody_is_promised_a_call_who_left_no_number(pages: Browser, house) -> None:
    new_case(house, rater_phone=None, rater_anonymous=True)
    moved(house, handler(house), "sign")

    assert "与您联系" not in pages.get(link(house)).text.split("您的联系方式")[0]
