"""The rater's page behind his link: what it tells, what it hides, what one tap does, and what no token opens."""

import re
from datetime import timedelta

import pytest
from page_kit import Browser, enter, new_case, token_in

from reviewbot.actions.make_move import make_move
from reviewbot.actions.step import MoveIn, Verb
from reviewbot.links import RaterLink
from reviewbot.models.case import Case
from reviewbot.models.oversight import SupervisionEvent
from reviewbot.models.people import Staff
from reviewbot.models.rater import PhoneReveal, RaterAnswer
from reviewbot.queries.directory import staff_by_userid
from reviewbot.queries.scope import viewer_of_staff
from reviewbot.rules.lifecycle import CaseStatus, Conclusion

HEAD, SUPERVISOR = "wangzehao01", "wanghailing01"


def one(house, model):
    with house.database.begin() as session:
        return session.query(model).one()


def many(house, model):
    with house.database.begin() as session:
        return session.query(model).count()


def handler(house):
    with house.database.begin() as session:
        return session.get_one(Staff, session.query(Case).one().handler_id).userid


def moved(house, who, verb, **asked):
    with house.database.begin() as session:
        number = session.query(Case).one().number
        actor = viewer_of_staff(staff_by_userid(session, who))
        make_move(
            session,
            MoveIn(Verb(verb), number, **asked),
            actor,
            at=house.clock.now(),
            rulebooks=house.rulebooks,
        )


def close(house):
    who = handler(house)
    moved(house, who, "sign")
    moved(house, who, "record_call", reached=True, remark="评价人李四 13912345678 说太慢")
    moved(house, who, "conclude", conclusion=Conclusion.JUSTIFIED)
    moved(house, who, "submit_measures", remark="窗口已增设，经办陈伟已致歉")
    moved(house, HEAD, "approve", no_attachment=True)
    moved(house, who, "record_feedback", channel="电话", remark="已告知")


def link(house, **changed):
    case = one(house, Case)
    told = RaterLink(case.id, case.round, int(house.clock.now().timestamp()))
    made = RaterLink(**({"case_id": told.case_id, "round": told.round, "made_at": told.made_at} | changed))
    return "/r/" + house.links.make(made).rsplit("/r/", 1)[1]


def test_the_page_tells_the_story_in_plain_words_and_nobodys_name(pages: Browser, house) -> None:
    new_case(house)
    page = pages.get(link(house))

    assert page.status_code == 200
    assert "失业保险金申领" in page.text
    assert "社会保险基金管理局" in page.text
    assert len(page.text.encode()) < 50_000
    close(house)
    after = pages.get(link(house)).text
    assert "窗口已增设" in after
    for hidden in ("陈伟", "王泽豪", "13912345678", "13800000001", "李四", "张三丰"):
        assert hidden not in after
    for header, value in (
        ("referrer-policy", "no-referrer"), ("cache-control", "no-store"), ("x-robots-tag", "noindex"),
    ):  # fmt: skip
        assert value in pages.get(link(house)).headers[header]
    assert "<script" not in after


def test_basics_of_accessibility_stand_in_the_page(pages: Browser, house) -> None:
    new_case(house)
    close(house)
    page = pages.get(link(house)).text

    assert '<html lang="zh-CN"' in page
    assert "maximum-scale" not in page
    assert page.count("<h1") == 1
    for box in re.findall(r"<(?:textarea|input|select)[^>]*>", page):
        if 'type="hidden"' not in box:
            ident = re.search(r'id="([^"]+)"', box)
            assert ident is not None or "aria-label" in box or "<label" in page
    assert all(">" in button for button in re.findall(r"<button[^>]*>[^<]+", page))


@pytest.mark.parametrize("wrong", ["x", "W10.AAAA", "%00", "a" * 5000])
def test_no_made_up_token_opens_anything_or_tells_anything(pages: Browser, house, wrong) -> None:
    new_case(house)
    answer = pages.get(f"/r/{wrong}")

    assert answer.status_code == 404
    assert "A1000" not in answer.text


def test_an_altered_an_expired_and_an_unknown_link_get_the_same_answer(pages: Browser, house) -> None:
    new_case(house)
    good = link(house)
    old = link(house, made_at=int((house.clock.now() - timedelta(days=400)).timestamp()))
    told = {
        pages.get(each).text
        for each in (good[:-1] + ("A" if good[-1] != "A" else "B"), old, link(house, case_id=99_999))
    }

    assert len(told) == 1
    assert pages.get(good).status_code == 200


def test_a_tap_counts_once_however_often_it_is_sent(pages: Browser, house) -> None:
    new_case(house)
    close(house)
    place = link(house)
    for answer in ("satisfied", "satisfied", "dissatisfied"):
        assert pages.post(place, data={"answer": answer, "words": "谢谢"}).status_code == 303

    assert (one(house, RaterAnswer).answer, one(house, Case).satisfaction) == ("satisfied", "satisfied")
    assert one(house, Case).status is CaseStatus.CLOSED


def test_dissatisfied_reopens_once_and_the_next_time_a_supervisor_looks(pages: Browser, house) -> None:
    new_case(house)
    close(house)
    pages.post(link(house), data={"answer": "dissatisfied", "words": "没有解决"})
    case = one(house, Case)
    assert (case.status, case.round, case.reopen_count) == (CaseStatus.VERIFYING, 2, 1)

    who = handler(house)
    moved(house, who, "record_call", reached=True, remark="再次核实")
    moved(house, who, "conclude", conclusion=Conclusion.JUSTIFIED)
    moved(house, who, "submit_measures", remark="已补办")
    moved(house, HEAD, "approve", no_attachment=True)
    moved(house, who, "record_feedback", channel="电话", remark="已告知")
    pages.post(link(house), data={"answer": "dissatisfied", "words": ""})

    assert one(house, Case).status is CaseStatus.CLOSED
    assert one(house, SupervisionEvent).kind == "dissatisfied"


def test_nobody_called_me_opens_an_event_that_a_supervisor_settles_with_a_finding(
    pages: Browser, house, clock
) -> None:
    new_case(house)
    place = link(house)
    assert pages.post(place, data={"answer": "nobody_called", "words": ""}).status_code == 409  # too early
    clock.moment += timedelta(days=3)
    assert pages.post(place, data={"answer": "nobody_called", "words": ""}).status_code == 303
    event = one(house, SupervisionEvent)
    assert event.kind == "nobody_called"

    enter(pages, HEAD)
    assert pages.get("/supervision").status_code == 403
    enter(pages, SUPERVISOR)
    page = pages.get("/supervision").text
    form = {"csrf": token_in(page), "finding": " "}
    assert pages.post(f"/supervision/{event.id}", data=form).status_code == 422
    sent = pages.post(f"/supervision/{event.id}", data=form | {"finding": "已约谈经办人"})
    assert sent.status_code == 303
    assert "已约谈经办人" in pages.get("/supervision?settled=1").text
    assert pages.post(f"/supervision/{event.id}", data=form | {"finding": "再来"}).status_code == 409


@pytest.mark.parametrize("form", [{}, {"answer": "excellent"}, {"answer": ""}, {"words": "x"}])
def test_a_tap_that_says_nothing_known_is_refused(pages: Browser, house, form) -> None:
    new_case(house)
    close(house)

    assert pages.post(link(house), data=form).status_code in (413, 422)
    assert many(house, RaterAnswer) == 0


def test_the_number_is_shown_to_the_verifier_alone_with_a_purpose_and_the_rater_sees_it(
    pages: Browser, house
) -> None:
    number = new_case(house)
    who = handler(house)
    enter(pages, HEAD)
    page = pages.get(f"/cases/{number}").text
    assert "13800000001" not in page
    form = {"csrf": token_in(page), "purpose": "call_back"}
    assert pages.post(f"/cases/{number}/phone", data=form).status_code == 403

    enter(pages, who)
    page = pages.get(f"/cases/{number}").text
    assert "13800000001" not in page
    form = {"csrf": token_in(page), "purpose": "call_back"}
    assert pages.post(f"/cases/{number}/phone", data=form | {"purpose": ""}).status_code == 422
    shown = pages.post(f"/cases/{number}/phone", data=form)
    assert "13800000001" in shown.text
    assert "no-store" in shown.headers["cache-control"]
    assert "13800000001" not in pages.get(f"/cases/{number}").text
    assert one(house, PhoneReveal).purpose == "call_back"
    assert "回访" in pages.get(link(house)).text
