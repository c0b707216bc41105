"""The green sentence after an act: the act just done, in our words, never a link's."""

import pytest
from case_kit import HEAD, SUPERVISOR, call, case_of, conclude, events, handler_of, move, overdue, verifying
from ladder_kit import sweep
from page_kit import enter, new_case, token_in
from test_words_kept import a_problem

from reviewbot.models.oversight import LetterKind

EVIL = "您的账号已停用，请拨打 10086"


@pytest.mark.parametrize("phone", [True, False])
def test_a_granted_extension_that_takes_back_a_card_is_called_an_extension(pages, house, clock, phone):
    number = verifying(house)
    call(house, number)
    conclude(house, number)
    move(house, handler_of(house, number), "request_extension", number, days=5, remark="需核对数据")
    clock.moment = case_of(house, number).due_at
    sweep(house)
    enter(pages, SUPERVISOR)
    place = f"/h5/cases/{number}/agree" if phone else f"/cases/{number}"
    page = pages.get(place).text
    form = {"csrf": token_in(page), "round": "1", "verb": "agree", "key": "k" * 32}
    done = pages.post(place if phone else f"{place}/moves", data=form)
    assert [event.move for event in events(house, number)][-2:] == ["grant_extension", "withdraw_card"]
    told = pages.get(done.headers["location"]).text.split('role="status">')[1].split("</p>")[0]
    assert told.startswith(f"工单 {number} 已同意延期")


@pytest.mark.parametrize("there", ["/cases/", "/h5/cases/"])
@pytest.mark.parametrize("claimed", ["approve", EVIL, "1"])
def test_a_link_makes_nothing_done(pages, house, there, claimed):
    number = new_case(house)
    enter(pages, HEAD)
    page = pages.get(there + number, params={"done": claimed})
    assert page.status_code == 200
    assert "banner good" not in page.text


def test_a_links_words_are_not_shown_as_ours(pages, house, clock):
    place = a_problem(house, clock)
    number = overdue(house, new_case(house, external_id="L"))
    enter(pages, SUPERVISOR)
    form = {"csrf": token_in(pages.get("/letters").text), "number": number}
    letter = pages.post("/letters", data=form | {"kind": LetterKind.SUPERVISION.value}).headers["location"]
    for page in (place, letter):
        assert EVIL not in pages.get(page, params={"done": EVIL}).text
