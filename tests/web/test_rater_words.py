"""What a rater typed is his: whatever stands against it, he has it before his eyes again, and knows why."""

import html
from dataclasses import replace
from datetime import timedelta

import pytest
from case_kit import case_of, closed, opened
from page_kit import Browser
from starlette.applications import Starlette

from reviewbot.database.session import Database
from reviewbot.links import RaterLink
from reviewbot.models.rater import RaterAnswer
from reviewbot.web.pages import page_routes

LONG = "窗口让我跑了三趟，没有一次说清楚要什么材料。" * 300
"""Some 60 kB on the wire."""


def link(house, number, *, age=timedelta()):
    case = case_of(house, number)
    made = int((house.clock.now() - age).timestamp())
    return "/r/" + house.links.make(RaterLink(case.id, case.round, made)).rsplit("/r/", 1)[1]


def shown(answer):
    """What stands in the fields of a page."""
    return [html.unescape(part.split("</textarea>")[0]) for part in answer.text.split("<textarea")[1:]]


def kept(house):
    with house.database.begin() as session:
        return [(one.answer, one.words) for one in session.query(RaterAnswer)]


def test_the_limit_is_told_before_and_after_and_far_too_many_words_stand_there_again(house, pages):
    place = link(house, closed(house))
    page = pages.get(place).text
    assert "500 字以内" in page
    assert 'maxlength="500"' in page

    refused = pages.post(place, data={"answer": "dissatisfied", "words": LONG})

    assert refused.status_code == 422
    assert f"现有 {len(LONG)} 字" in refused.text
    assert shown(refused)[0].endswith(">" + LONG)
    assert kept(house) == []
    assert pages.post(place, data={"answer": "dissatisfied", "words": LONG[:500]}).status_code == 303
    assert kept(house) == [("dissatisfied", LONG[:500].strip())]


def test_what_no_server_would_read_is_refused_with_a_way_back(house, pages):
    place = link(house, closed(house))

    refused = pages.post(place, data={"answer": "satisfied", "words": "a" * 2_000_000})

    assert refused.status_code == 413
    assert "返回上一页" in refused.text


@pytest.mark.parametrize(
    ("answer", "why"),
    [("", "请选择一个回答"), ("satisfied", "现在还不能这样回答")],
    ids=["none chosen", "too early"],
)
def test_words_stay_where_the_answer_is_refused(house, pages, answer, why):
    place = link(house, opened(house) if answer else closed(house))

    refused = pages.post(place, data={"answer": answer, "words": "窗口没开"})

    assert refused.status_code in (409, 422)
    assert why in refused.text
    assert "窗口没开" in shown(refused)[0]


def test_words_of_a_second_answer_are_not_swallowed(house, pages):
    place = link(house, closed(house))
    assert pages.post(place, data={"answer": "satisfied", "words": "好"}).status_code == 303
    assert pages.post(place, data={"answer": "satisfied", "words": "好"}).status_code == 303, "a double tap"
    assert pages.post(place, data={"answer": "satisfied", "words": ""}).status_code == 303

    again = pages.post(place, data={"answer": "dissatisfied", "words": "其实没有办好"})

    assert again.status_code == 409
    assert "您已经回答过“满意”" in again.text
    assert "其实没有办好" in shown(again)[0]
    assert kept(house) == [("satisfied", "好")]


def test_words_behind_an_expired_link_come_back_and_nothing_of_the_case(house, pages):
    number = closed(house)

    refused = pages.post(
        link(house, number, age=timedelta(days=400)), data={"answer": "satisfied", "words": "窗口没开"}
    )

    assert refused.status_code == 404
    assert number not in refused.text
    assert "窗口没开" in shown(refused)[0]


def test_words_come_back_while_the_database_is_away(house):
    place = link(house, closed(house))
    away = Database("postgresql://postgres@127.0.0.1:9/nowhere")
    app = Starlette(routes=page_routes())
    app.state.house = replace(house, database=away)

    refused = Browser(app).post(place, data={"answer": "satisfied", "words": "窗口没开"})

    assert refused.status_code == 503
    assert "窗口没开" in shown(refused)[0]
