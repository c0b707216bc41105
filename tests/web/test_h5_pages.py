"""The clerk's pages over a real database: a link grants nothing, a sheet is handed in once, nothing typed is lost."""

import re
from datetime import timedelta
from typing import cast

import pytest
from page_kit import enter, new_case, token_in
from sqlalchemy import select

from reviewbot.actions.make_move import make_move
from reviewbot.actions.step import MoveIn, Verb
from reviewbot.conversation.answer import viewer_of_staff
from reviewbot.models.message import Message
from reviewbot.models.people import Staff
from reviewbot.queries.cases import calls_of, events_of, evidence_of, find_case
from reviewbot.queries.directory import staff_by_userid
from reviewbot.queries.scope import SYSTEM
from reviewbot.rules.lifecycle import CaseStatus, Conclusion

HANDLER, HEAD, OTHER_UNIT, DESK = "huangjie02", "wangzehao01", "zengjiabin01", "chenjiafeng01"
PNG = b"\x89PNG\r\n\x1a\n"
REACHED = {"outcome": "reached", "remark": "群众说等候太久"}


@pytest.fixture
def number(house):
    """A real-name case in the hands of a handler, signed."""
    number = new_case(house)
    with house.database.begin() as session:
        case = find_case(session, number, SYSTEM)
        case.handler_id = staff_by_userid(session, HANDLER).id
    move(house, HANDLER, MoveIn(Verb.SIGN, number))
    return number


def move(house, userid, *asked):
    with house.database.begin() as session:
        viewer = viewer_of_staff(cast(Staff, staff_by_userid(session, userid)))
        for each in asked:
            make_move(session, each, viewer, at=house.clock.now(), rulebooks=house.rulebooks)


def hidden(page, name):
    return re.search(rf'name="{name}" value="([^"]*)"', page)[1]


def open_sheet(pages, number, address):
    """The hidden fields a browser would send back."""
    page = pages.get(f"/h5/cases/{number}/{address}")
    assert page.status_code == 200, page.text
    return {name: hidden(page.text, name) for name in ("csrf", "key", "round")}


def hand_in(pages, number, address, words, **more):
    form = open_sheet(pages, number, address)
    return pages.post(f"/h5/cases/{number}/{address}", data=form | words, **more)


def state(house, number):
    with house.database.begin() as session:
        case = find_case(session, number, SYSTEM)
        return case.status, [event.move for event in events_of(session, case.id)]


def test_a_card_link_leads_through_one_silent_round_to_its_page(pages, number):
    link = f"/h5/cases/{number}/call?round=1"
    sent = pages.get(link)
    assert sent.status_code == 303
    back = enter(pages, HANDLER, link)
    assert back.headers["location"] == link
    page = pages.get(link).text
    assert "登记回访" in page
    assert 'name="outcome"' in page


def test_a_case_goes_all_the_way_on_sheets(pages, house, number):
    enter(pages, HANDLER)
    called = hand_in(pages, number, "call", REACHED | {"recording": "CDR-7", "called_at": "2026-11-30T09:00"})
    assert called.headers["location"] == f"/h5/cases/{number}?done=record_call"
    assert "已回访，现为「回访核实」" in pages.get(called.headers["location"]).text
    photo = {"files": ("现场.png", PNG + b"1", "image/png")}
    sent = hand_in(pages, number, "measures", {"remark": "增设窗口"}, files=photo)
    assert sent.status_code == 303
    assert state(house, number)[0] is CaseStatus.AWAITING_APPROVAL

    enter(pages, HEAD)
    for path in ("", "/approve", "/send_back"):
        assert "<blockquote>增设窗口</blockquote>" in pages.get(f"/h5/cases/{number}{path}").text
    assert "现场.png" in pages.get(f"/h5/cases/{number}").text
    assert hand_in(pages, number, "approve", {"remark": ""}).status_code == 303
    enter(pages, HANDLER)
    hand_in(pages, number, "record_feedback", {"channel": "电话", "remark": "已告知"})

    status, moves = state(house, number)
    assert status is CaseStatus.CLOSED
    assert moves[-6:] == [
        "record_call", "add_evidence", "conclude_justified", "submit_measures", "approve", "record_feedback",
    ]  # fmt: skip
    with house.database.begin() as session:
        (call,) = calls_of(session, find_case(session, number, SYSTEM).id)
        assert (call.outcome, call.recording) == ("reached", "CDR-7")


def test_two_posts_of_one_sheet_make_one_move(pages, house, number):
    enter(pages, HANDLER)
    form = open_sheet(pages, number, "call") | REACHED
    first, again = (pages.post(f"/h5/cases/{number}/call", data=form) for _ in range(2))
    assert (first.status_code, again.status_code) == (303, 303)
    assert first.headers["location"] == again.headers["location"]
    assert state(house, number)[1].count("record_call") == 1

    changed = pages.post(f"/h5/cases/{number}/call", data=form | {"remark": "换了说法"})
    assert changed.status_code == 409
    assert "已经提交成功" in changed.text
    assert "换了说法</textarea>" in changed.text
    assert hidden(changed.text, "key") != form["key"]
    assert state(house, number)[1].count("record_call") == 1


@pytest.mark.parametrize("key", ["", "short", "x" * 65, "a b c d e f g h i j k"])
def test_a_sheet_without_a_key_of_ours_is_not_taken(pages, house, number, key):
    enter(pages, HANDLER)
    form = open_sheet(pages, number, "call") | REACHED | {"key": key}
    assert pages.post(f"/h5/cases/{number}/call", data=form).status_code == 422
    assert "record_call" not in state(house, number)[1]


def test_a_link_grants_nothing_to_another_unit(pages, house, number):
    enter(pages, HANDLER)
    form = open_sheet(pages, number, "call") | REACHED
    enter(pages, OTHER_UNIT)
    assert pages.get(f"/h5/cases/{number}").status_code == 404
    page = pages.get(f"/h5/cases/{number}/call")
    assert page.status_code == 404
    assert "改派到别的单位" in page.text
    assert pages.post(f"/h5/cases/{number}/call", data=form).status_code == 403  # not a page of this session
    form["csrf"] = token_in(pages.get("/cases").text)
    for more in ({}, {"add": "1"}, {"drop": "1"}, {"reveal": "call_back"}):
        files = {"files": ("a.png", PNG, "image/png")} if "add" in more else None
        refused = pages.post(f"/h5/cases/{number}/call", data=form | more, files=files)
        assert refused.status_code == 404, more
    assert "record_call" not in state(house, number)[1]


def test_a_link_grants_nothing_to_the_person_rated(pages, house):
    number = new_case(house, handled_by="黄洁")
    move(house, HEAD, MoveIn(Verb.SIGN, number))
    enter(pages, HANDLER)
    glance = pages.get(f"/h5/cases/{number}").text
    assert "评价的正是您本人" in glance
    assert "登记回访" not in glance
    page = pages.get(f"/h5/cases/{number}/call")
    assert (page.status_code, "评价的正是您本人" in page.text) == (403, True)
    form = {"csrf": token_in(pages.get("/cases").text), "key": "k" * 16} | REACHED
    assert pages.post(f"/h5/cases/{number}/call", data=form).status_code == 403
    assert pages.post(f"/h5/cases/{number}/call", data=form | {"reveal": "call_back"}).status_code == 403
    assert "record_call" not in state(house, number)[1]


def test_a_removed_member_is_out_and_told_where_to_come_back_to(pages, house, number):
    enter(pages, HANDLER)
    form = open_sheet(pages, number, "call") | REACHED
    with house.database.begin() as session:
        staff_by_userid(session, HANDLER).active = False
    assert pages.get(f"/h5/cases/{number}/call").headers["location"].startswith("/login?next=")
    refused = pages.post(f"/h5/cases/{number}/call", data=form)
    assert refused.status_code == 401
    assert f"/login?next=%2Fh5%2Fcases%2F{number}%2Fcall" in refused.text
    assert "record_call" not in state(house, number)[1]


def test_a_card_of_an_earlier_round_shows_the_case_as_it_is_now(pages, house, number):
    enter(pages, HANDLER)
    assert pages.get(f"/h5/cases/{number}/call?round=1").status_code == 200
    form = open_sheet(pages, number, "call") | REACHED
    with house.database.begin() as session:
        find_case(session, number, SYSTEM).round = 2
    for path in ("", "/call"):
        page = pages.get(f"/h5/cases/{number}{path}?round=1")
        assert (page.status_code, "已过时" in page.text) == (409, True)
    refused = pages.post(f"/h5/cases/{number}/call", data=form)
    assert (refused.status_code, "已过时" in refused.text) == (409, True)
    assert "群众说等候太久</textarea>" in refused.text


def test_when_the_case_moved_meanwhile_the_words_stay_and_the_present_state_is_told(pages, house, number):
    enter(pages, HANDLER)
    move(house, HANDLER, MoveIn(Verb.RECORD_CALL, number, reached=True, remark="说慢"))
    form = open_sheet(pages, number, "measures") | {"remark": "写了半天的整改措施"}
    move(
        house, HANDLER, MoveIn(Verb.CONCLUDE, number, conclusion=Conclusion.JUSTIFIED),
        MoveIn(Verb.SUBMIT_MEASURES, number, remark="别人先提交了"),
    )  # fmt: skip
    refused = pages.post(f"/h5/cases/{number}/measures", data=form)
    assert refused.status_code == 409
    assert "写了半天的整改措施" in refused.text
    assert "待审核" in refused.text
    assert "看工单现在的情况" in refused.text


def test_what_brings_the_case_on_is_offered_first(pages, house, number):
    enter(pages, HANDLER)

    def first():
        return re.search(
            r'<a class="button" href="/h5/cases/\w+/(\w+)"', pages.get(f"/h5/cases/{number}").text
        )[1]

    assert first() == "call"
    move(house, HANDLER, MoveIn(Verb.RECORD_CALL, number, reached=True, remark="说慢"))
    assert first() == "measures"


def test_chosen_photographs_wait_for_their_sheet_and_can_be_taken_back(pages, house, number):
    enter(pages, HANDLER)
    move(house, HANDLER, MoveIn(Verb.RECORD_CALL, number, reached=True, remark="说慢"))
    form = open_sheet(pages, number, "measures")
    there = f"/h5/cases/{number}/measures"

    def choose(name, data):
        return pages.post(
            there, data=form | {"add": "1", "remark": "半句"}, files={"files": (name, data, "image/png")}
        )

    one = choose("一.png", PNG + b"1")
    assert (one.status_code, "半句</textarea>" in one.text) == (200, True)
    assert choose("一.png", PNG + b"1").text.count('name="chosen"') == 1  # the same photograph sent again
    two = choose("二.png", PNG + b"2").text
    first, second = re.findall(r'name="chosen" value="(\d+)"', two)
    assert "add_evidence" not in state(house, number)[1]
    assert choose("动图.gif", b"GIF89a").status_code == 422

    enter(pages, HEAD)  # what somebody chose is his own until he hands it in
    assert pages.get(f"/evidence/{first}").status_code == 404
    assert "一.png" not in pages.get(there).text
    head_form = open_sheet(pages, number, "measures") | {"remark": "x", "chosen": first}
    assert pages.post(there, data=head_form).status_code == 409
    pages.post(there, data=head_form | {"drop": first})

    enter(pages, HANDLER)
    form["csrf"] = open_sheet(pages, number, "measures")["csrf"]
    dropped = pages.post(there, data=form | {"drop": first, "remark": "半句"}).text
    assert ("一.png" in dropped, "二.png" in dropped, "半句</textarea>" in dropped) == (False, True, True)
    assert pages.post(there, data=form | {"remark": "措施", "chosen": [first, second]}).status_code == 409
    assert pages.post(there, data=form | {"remark": "措施", "chosen": [second]}).status_code == 303
    with house.database.begin() as session:
        found = evidence_of(session, find_case(session, number, SYSTEM).id)
        assert [each.filename for each in found] == ["二.png"]


def test_the_number_is_shown_once_with_its_purpose_beside_the_words_typed_so_far(pages, house, number):
    enter(pages, HANDLER)
    page = pages.get(f"/h5/cases/{number}/call").text
    assert "13800000001" not in page
    form = open_sheet(pages, number, "call") | {"remark": "写了一半", "reveal": "call_back"}
    shown = pages.post(f"/h5/cases/{number}/call", data=form).text
    assert 'href="tel:13800000001"' in shown
    assert "写了一半</textarea>" in shown
    assert "13800000001" not in pages.get(f"/h5/cases/{number}/call").text
    assert state(house, number)[1].count("reveal_phone") == 1


def test_a_call_is_recorded_when_it_was_made_but_only_on_its_own_day(pages, house, number):
    enter(pages, HANDLER)
    house.clock.moment += timedelta(hours=6)  # 15:00
    told = {"outcome": "no_answer", "called_at": "2026-11-30T10:30"}
    assert hand_in(pages, number, "call", told).status_code == 303
    with house.database.begin() as session:
        case = find_case(session, number, SYSTEM)
        (call,) = calls_of(session, case.id)
        event = events_of(session, case.id)[-1]
        assert (f"{call.at:%H:%M}", f"{event.at:%H:%M}") == ("02:30", "07:00")
        assert event.data["called_at"].startswith("2026-11-30T10:30")
    house.clock.moment += timedelta(days=1)
    for wrong in ("2026-11-30T16:00", "2026-12-01T16:00", "2026-12-05T09:00", "gestern", "2026-13-01T00:00"):
        refused = hand_in(pages, number, "call", told | {"called_at": wrong})
        assert refused.status_code == 422, wrong


def test_before_the_call_back_what_concludes_says_what_it_waits_for(pages, house, number):
    enter(pages, HANDLER)
    assert "实名差评，先登记回访" in pages.get(f"/h5/cases/{number}").text
    refused = hand_in(
        pages, number, "explain", {"conclusion": "no_legal_basis", "basis": "x", "remark": "解释"}
    )
    assert (refused.status_code, "须先回访再认定" in refused.text) == (422, True)
    assert state(house, number)[0] is CaseStatus.VERIFYING


def test_an_explanation_takes_a_ground_and_a_basis_and_remembers_the_basis(pages, house, number):
    enter(pages, HANDLER)
    hand_in(pages, number, "call", REACHED)
    page = pages.get(f"/h5/cases/{number}/explain").text
    for ground in ("诉求不合理", "缺乏法定依据", "政策不支持"):
        assert ground in page
    assert "误评" not in page
    picked = "《失业保险条例》（国务院令第258号）"
    assert f"<option>{picked}</option>" in page
    words = {"basis_picked": picked, "article": "第十四条", "basis": "市局内部口径", "remark": "按规定解释"}
    assert hand_in(pages, number, "explain", words).status_code == 422  # no ground chosen
    assert hand_in(pages, number, "explain", words | {"conclusion": "no_legal_basis"}).status_code == 303
    with house.database.begin() as session:
        case = find_case(session, number, SYSTEM)
        assert case.conclusion is Conclusion.NO_LEGAL_BASIS
        cited = events_of(session, case.id)[-1].data["basis"]
    assert cited == f"{picked}第十四条；市局内部口径"

    later = new_case(house, external_id="E9", fingerprint="g")
    with house.database.begin() as session:
        find_case(session, later, SYSTEM).handler_id = staff_by_userid(session, HANDLER).id
    move(house, HANDLER, MoveIn(Verb.SIGN, later))
    page = pages.get(f"/h5/cases/{later}/explain").text
    assert page.index("本单位最近用过") < page.index(cited) < page.index("常用文件")


def test_an_extension_shows_the_new_due_time_and_what_the_rater_will_be_told(pages, house, number):
    enter(pages, HANDLER)
    page = pages.get(f"/h5/cases/{number}/extend").text
    assert "3 个工作日，改到 12月10日（周四）17:30" in page
    assert (
        f"您反映的事项（编号 {number}）需要更多时间办理，预计 2026-12-10 前办结。原因：〔您写的原因〕。"
        in page
    )
    assert hand_in(pages, number, "extend", {"days": "3", "remark": "核对参保记录"}).status_code == 303
    enter(pages, "wanghailing01")
    for path in ("", "/agree", "/disagree"):
        assert "核对参保记录" in pages.get(f"/h5/cases/{number}{path}").text
    assert hand_in(pages, number, "agree", {}).status_code == 303
    assert state(house, number)[1][-2:] == ["request_extension", "grant_extension"]


def test_an_appeal_names_its_ground_and_a_return_leaves_for_the_desk(pages, house, number):
    enter(pages, HANDLER)
    hand_in(pages, number, "call", REACHED)
    page = pages.get(f"/h5/cases/{number}/appeal").text
    assert "误评" in page
    assert "诉求不合理" not in page
    gone = hand_in(pages, number, "return", {"department": "MED", "remark": "应由医保分局办理"})
    assert gone.headers["location"] == f"/h5?left={number}"
    assert f"工单 {number} 已办理" in pages.get(gone.headers["location"]).text
    assert state(house, number)[0] is CaseStatus.AWAITING_DISPATCH


def test_a_card_that_can_no_longer_change_is_followed_by_one_fresh_card(pages, house, number):
    """A press spends the code of its card (W22): what is done on a page afterwards shows on a fresh one."""
    with house.database.begin() as session:
        (card,) = session.scalars(select(Message).where(Message.kind == "new_case"))
        card.userid, card.state, card.response_code = HANDLER, "sent", "RC-spent"
        card.code_used_at = house.clock.now()
    enter(pages, HANDLER)
    hand_in(pages, number, "call", REACHED)
    hand_in(pages, number, "measures", {"remark": "增设窗口"})
    with house.database.begin() as session:
        (fresh,) = session.scalars(select(Message).where(Message.kind == "fresh_card"))
        assert fresh.userid == HANDLER
        assert "待审核" in fresh.body["desc"]
        assert fresh.body["link"] == f"/h5/cases/{number}"


def test_the_to_do_names_what_is_owed_and_opens_a_case_by_its_number(pages, number):
    enter(pages, HANDLER)
    page = pages.get("/h5").text
    assert number in page
    assert "12月7日（周一）17:30前" in page
    assert pages.get(f"/h5?number=＃{number.lower()}").headers["location"] == f"/h5/cases/{number}"
    for path in ("/h5/cases/Z9999", f"/h5/cases/{number}/nothing", f"/h5/cases/{number}/record_call"):
        assert pages.get(path).status_code == 404, path
