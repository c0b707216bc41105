"""A call put on record before anybody had looked at the number is taken, and nobody who decides on it overlooks it."""

import re
from datetime import timedelta

import pytest
from ask_kit import links, plain, said
from case_kit import (
    HEAD,
    SUPERVISOR,
    call,
    case_of,
    conclude,
    events,
    handler_of,
    messages,
    move,
    opened,
    photograph,
    verifying,
)
from page_kit import Browser, enter, token_in

from reviewbot.actions.report_rates import report_rates
from reviewbot.links import RaterLink
from reviewbot.models.case import Call
from reviewbot.models.rater import PhoneReveal
from reviewbot.queries.scope import SYSTEM
from reviewbot.rules.lifecycle import Conclusion

UNSEEN = "登记前没有人查看过评价人号码"
ANONYMOUS = {"kind": "person", "anonymous": True}


def look_up(pages, house, number, purpose="call_back"):
    """As its handler, on the call-back sheet of the case."""
    enter(pages, handler_of(house, number))
    page = f"/h5/cases/{number}/call"
    shown = pages.post(page, data={"csrf": token_in(pages.get(page).text), "reveal": purpose})
    assert 'href="tel:' in shown.text


def flags(house, number):
    """Of each call, by its row and by its event."""
    with house.database.begin() as session:
        rows = session.query(Call).filter_by(case_id=case_of(house, number).id).order_by(Call.id)
        kept = [row.number_unseen for row in rows]
    told = [
        one.data.get("number_unseen", False) for one in events(house, number) if one.move == "record_call"
    ]
    assert kept == told
    return kept


def words(pages, path):
    answer = pages.get(path)
    assert answer.status_code == 200, answer.text
    return answer.text


def listed(pages, path="/cases?list=unseen_calls"):
    """Number -> its row, as a supervisor sees the list."""
    enter(pages, SUPERVISOR)
    rows = re.findall(r"<tr class=.*?</tr>", words(pages, path), re.DOTALL)
    return {re.search(r">([A-Z]\d+)</a>", row)[1]: row for row in rows}


def told_to_rater(pages, house, number):
    case = case_of(house, number)
    link = house.links.make(RaterLink(case.id, case.round, int(house.clock.now().timestamp())))
    return words(pages, "/r/" + link.rsplit("/r/", 1)[1])


def in_vain(house, number):
    move(house, handler_of(house, number), "record_call", number, reached=False, remark="无人接听")


def test_only_a_call_without_any_look_in_its_round_is_marked(house, pages: Browser) -> None:
    number = verifying(house)
    told = move(house, handler_of(house, number), "record_call", number, reached=True, remark="说已经解决")
    assert UNSEEN in told.sentence
    look_up(pages, house, number)
    call(house, number)
    assert flags(house, number) == [True, False]

    nameless = verifying(house, rater=ANONYMOUS)
    call(house, nameless)
    assert flags(house, nameless) == [False]


def test_a_look_of_the_round_before_or_of_a_re_call_is_none_and_one_by_another_holder_is(
    house, pages: Browser
) -> None:
    number = verifying(house)
    look_up(pages, house, number)
    taker = "huangjie02" if handler_of(house, number) != "huangjie02" else HEAD
    move(house, handler_of(house, number), "hand_over", number, person=taker, remark="外出")
    call(house, number)
    conclude(house, number)
    move(house, taker, "submit_measures", number, remark="增设窗口")
    move(house, SUPERVISOR, "approve", number, no_attachment=True)
    move(house, taker, "record_feedback", number, channel="电话", remark="已告知")
    house.clock.moment += timedelta(hours=1)
    move(house, SUPERVISOR, "reopen", number, remark="评价人来信")
    with house.database.begin() as session:
        session.add(
            PhoneReveal(
                case_id=case_of(house, number).id, staff_id=case_of(house, number).handler_id,
                at=house.clock.now(), purpose="recall",
            )
        )  # fmt: skip
    call(house, number)

    assert flags(house, number) == [False, True]


@pytest.fixture
def paper(house):
    """A case called back without a look and handed in."""
    number = verifying(house)
    call(house, number)
    conclude(house, number)
    photograph(house, handler_of(house, number), number)
    move(house, handler_of(house, number), "submit_measures", number, remark="增设窗口")
    return number


def test_who_approves_is_told_on_the_card_the_page_and_the_sheet(house, pages: Browser, paper) -> None:
    card = messages(house, kind="to_approve")[-1]
    assert UNSEEN in card.body["note"]

    enter(pages, HEAD)
    for page in (f"/cases/{paper}", f"/h5/cases/{paper}", f"/h5/cases/{paper}/approve"):
        assert f"回访{UNSEEN}" in words(pages, page), page
    story = words(pages, f"/cases/{paper}").split("办理过程")[1]
    assert f"已接通；{UNSEEN}" in story


def test_an_honest_call_is_marked_nowhere(house, pages: Browser) -> None:
    number = verifying(house)
    look_up(pages, house, number)
    call(house, number)
    conclude(house, number)
    move(house, handler_of(house, number), "submit_measures", number, remark="增设窗口")

    assert UNSEEN not in messages(house, kind="to_approve")[-1].body["note"]
    enter(pages, SUPERVISOR)
    for page in (f"/cases/{number}", f"/h5/cases/{number}", "/cases", "/cases?list=unseen_calls"):
        assert UNSEEN not in words(pages, page), page
    assert "登记之前没有人" not in told_to_rater(pages, house, number)


def test_who_decides_an_appeal_is_told_too(house) -> None:
    number = verifying(house)
    call(house, number)
    conclude(house, number, Conclusion.MISRATED)

    assert UNSEEN in str(messages(house, kind="to_decide_appeal")[-1].body)


def test_supervisors_list_them_on_the_page_and_in_chat(house, pages: Browser, paper) -> None:
    others = [opened(house), verifying(house, rater=ANONYMOUS)]
    call(house, others[1])

    assert list(listed(pages)) == [paper]
    every = listed(pages, "/cases")
    assert {number for number, row in every.items() if f"回访{UNSEEN}" in row} == {paper}
    assert len(every) == 1 + len(others)
    answer = said(house, SUPERVISOR, "回访未查号码")
    assert "共 1 件" in plain(answer)
    assert list(listed(pages, links(answer)[0][1])) == [paper]


def test_the_rate_stays_as_it_is_and_the_count_stands_beside_it(house, paper) -> None:
    move(house, HEAD, "approve", paper)
    move(house, handler_of(house, paper), "record_feedback", paper, channel="电话", remark="已告知")
    house.clock.moment += timedelta(days=20)
    now = house.clock.now()
    with house.database.begin() as session:
        (row,) = report_rates(
            session, SYSTEM, first=(now - timedelta(days=30)).date(), last=now.date(), now=now,
            metrics=["call_back_rate"],
        )  # fmt: skip
    assert (row.figure.numerator, row.figure.denominator) == (1, 1)
    assert row.figure.apart["unseen"] == 1


def test_calls_in_vain_without_a_look_are_no_better_and_one_that_reaches_him_after_a_look_is(
    house, pages: Browser
) -> None:
    number = verifying(house)
    for hours in (0, 5, 19):
        house.clock.moment += timedelta(hours=hours)
        in_vain(house, number)
    assert number in listed(pages)
    assert "登记给您打过 3 次电话" in told_to_rater(pages, house, number)

    look_up(pages, house, number)
    call(house, number)
    assert number not in listed(pages)


def test_the_rater_reads_what_is_claimed_and_that_nobody_had_looked(house, pages: Browser, paper) -> None:
    page = told_to_rater(pages, house, paper)

    assert "<b>已核实</b>" not in page
    assert "已登记核实结果" in page
    assert "与您通过电话，但登记之前没有人在本系统查看过您的号码" in page
    house.clock.moment += timedelta(days=5)
    assert "请在上面回答“没人联系我”" in told_to_rater(pages, house, paper)
