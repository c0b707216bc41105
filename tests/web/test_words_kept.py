"""What a person wrote is neither cut nor lost: a line break counts once, too many words are refused and shown again."""

from datetime import timedelta

import pytest
from page_kit import enter, new_case, token_in
from sqlalchemy import select
from starlette.datastructures import FormData

from reviewbot.actions.find_problems import find_problems
from reviewbot.errors import InvalidInput
from reviewbot.links import RaterLink
from reviewbot.models.case import Case
from reviewbot.models.oversight import SupervisionEvent
from reviewbot.models.people import Staff
from reviewbot.models.rater import RaterAnswer
from reviewbot.queries.cases import events_of, find_case
from reviewbot.queries.scope import SYSTEM
from reviewbot.rules.raters import Concern
from reviewbot.web import forms, login, paging

HEAD, SUPERVISOR = "wangzehao01", "wanghailing01"


def test_a_line_break_counts_once_though_a_browser_sends_two_characters(pages, house):
    number = new_case(house)
    enter(pages, HEAD)
    form = {"csrf": token_in(pages.get(f"/cases/{number}").text), "verb": "remark", "round": "1"}
    typed = "甲\n" * 999 + "乙丙"
    sent = pages.post(f"/cases/{number}/moves", data=form | {"remark": typed.replace("\n", "\r\n")})
    assert sent.status_code == 303
    with house.database.begin() as session:
        case = find_case(session, number, SYSTEM)
        assert events_of(session, case.id)[-1].remark == typed


def test_words_beyond_the_limit_are_refused_and_shown_again(pages, house):
    number = new_case(house)
    enter(pages, HEAD)
    form = {"csrf": token_in(pages.get(f"/cases/{number}").text), "verb": "remark", "round": "1"}
    refused = pages.post(f"/cases/{number}/moves", data=form | {"remark": "丁" * 2001})
    assert (refused.status_code, "不能超过 2000 字" in refused.text) == (422, True)
    assert "丁" * 2001 in refused.text


def test_half_a_character_is_dropped():
    assert login.text_of(FormData({"remark": "好\ud800的"}), "remark") == "好的"


def test_a_basis_is_taken_whole_or_refused():
    told = FormData({"basis_picked": "《" + "社" * 298 + "》", "article": "第" * 100, "basis": "条" * 500})
    basis = forms.asked_of(told, "A1000", forms.Verb.SUBMIT_EXPLANATION).basis
    assert basis == told["basis_picked"] + told["article"] + "；" + told["basis"]
    with pytest.raises(InvalidInput, match="依据合计不能超过"):
        forms.asked_of(FormData({"basis": "条" * 1001}), "A1000", forms.Verb.SUBMIT_EXPLANATION)


def test_a_raters_words_come_back_when_they_are_too_long(pages, house, clock):
    new_case(house)
    with house.database.begin() as session:
        case = session.scalar(select(Case))
        link = RaterLink(case.id, case.round, int(house.clock.now().timestamp()))
    place = "/r/" + house.links.make(link).rsplit("/r/", 1)[1]
    clock.moment += timedelta(days=3)
    tap = {"answer": "nobody_called"}
    refused = pages.post(place, data=tap | {"words": "无" * 501})
    assert (refused.status_code, "500 字以内" in refused.text) == (422, True)
    assert "无" * 501 + "</textarea>" in refused.text
    lines = "无\n" * 249 + "人管"
    assert pages.post(place, data=tap | {"words": lines.replace("\n", "\r\n")}).status_code == 303
    with house.database.begin() as session:
        assert session.scalar(select(RaterAnswer.words)) == lines


def a_problem(house, clock):
    for number in range(3):
        new_case(house, external_id=f"P{number}", reviewed_at=house.clock.now())
    clock.moment += timedelta(hours=1)
    with house.database.begin() as session:
        (ident,) = find_problems(session, now=house.clock.now(), rulebook=house.today(session))
    return f"/problems/{ident}"


def test_a_refused_plan_shows_what_was_typed_and_a_kept_one_who_mends_it(pages, house, clock):
    place = a_problem(house, clock)
    enter(pages, HEAD)
    form = {
        "csrf": token_in(pages.get(place).text), "act": "plan", "owner": "查无此人", "root_cause": "对账滞后",
        "measures": "每日对账", "measures_from": "2026-12-24",
    }  # fmt: skip
    refused = pages.post(place, data=form)
    assert refused.status_code == 422
    for typed in ('value="查无此人"', ">对账滞后</textarea>", ">每日对账</textarea>", 'value="2026-12-24"'):
        assert typed in refused.text
    assert pages.post(place, data=form | {"measures": "长" * 2001}).status_code == 422
    assert pages.post(place, data=form | {"owner": "hongyongchun01"}).status_code == 303
    assert 'name="owner" required maxlength="100" value="洪永纯"' in pages.get(place).text


def test_a_person_without_a_unit_is_asked_for_it_with_everything_still_filled_in(pages, house):
    with house.database.begin() as session:
        enter(pages, session.scalar(select(Staff.userid).where(Staff.roles.contains(["admin"]))))
    page = pages.get("/directory").text
    assert '<select name="department" required>' in page
    form = {
        "csrf": token_in(page),
        "name": "陈新",
        "number": "G77",
        "department": "",
        "role": ["head", "desk"],
    }
    refused = pages.post("/directory/invitations", data=form)
    assert refused.status_code == 422
    for typed in ('value="陈新"', 'value="G77"', 'value="head" checked', 'value="desk" checked'):
        assert typed in refused.text
    assert 'value="handler" checked' not in refused.text


def test_a_finding_refused_on_a_later_page_stays_in_its_row(pages, house, monkeypatch):
    monkeypatch.setattr(paging, "PAGE", 1)
    events = []
    for name in ("S1", "S2"):
        number = new_case(house, external_id=name)
        with house.database.begin() as session:
            event = SupervisionEvent(
                case_id=find_case(session, number, SYSTEM).id, round=1, kind=Concern.NOBODY_CALLED.value,
                said="", opened_at=house.clock.now(),
            )  # fmt: skip
            session.add(event)
            session.flush()
            events.append(event.id)
    first, second = events
    enter(pages, SUPERVISOR)
    page = pages.get(f"/supervision?after={first}").text
    form = {"csrf": token_in(page), "finding": "查" * 501}
    refused = pages.post(f"/supervision/{second}", data=form)
    assert refused.status_code == 422
    assert f'action="/supervision/{second}"' in refused.text
    assert "查" * 501 + "</textarea>" in refused.text

    assert pages.post(f"/supervision/{second}", data=form | {"finding": "已约谈"}).status_code == 303
    settled = pages.post(f"/supervision/{second}", data=form | {"finding": "我也约谈了"})
    assert (settled.status_code, "我也约谈了</textarea>" in settled.text) == (409, True)
