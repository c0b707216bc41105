"""An answer to somebody's own words that WeCom does not bring is seen by supervisors, by person and on the case."""

from dataclasses import replace
from datetime import timedelta

import pytest
import requests
from case_kit import HEAD, SUPERVISOR, events, handler_of, messages, opened
from page_kit import Browser, FakeWeCom, enter
from phone_kit import phones
from starlette.applications import Starlette

from reviewbot.vitals import Level, look
from reviewbot.web.pages import page_routes


@pytest.fixture
def town(settings, clock):
    with phones(settings, clock) as made:
        yield made


def sign(house):
    return next(one for one in look(house) if one.key == "unanswered_members")


def pages_of(house, who):
    app = Starlette(routes=page_routes())
    app.state.house = replace(house, wecom=FakeWeCom())
    browser = Browser(app)
    enter(browser, who)
    return browser


def test_a_reply_that_does_not_arrive_is_told_on_the_health_page_and_on_its_case(town):
    number = opened(town.house)
    handler = handler_of(town.house, number)
    town.deliver()
    assert sign(town.house).level is Level.GOOD
    town.act(handler, "text", json={"content": f"签收 {number}"})
    requests.delete(f"{town.sim_url}/sim/members/{handler}", timeout=10).raise_for_status()

    town.work()

    assert events(town.house, number)[-1].move == "sign"
    (lost,) = messages(town.house, kind="reply")
    assert lost.state == "suppressed"
    told = sign(town.house)
    assert (told.level, told.figure) == (Level.WARN, 1)
    assert f"1 条答复没有送达（工单 {number}）：{lost.reason}" in told.lines[0]
    seen = pages_of(town.house, SUPERVISOR)
    assert told.lines[0] in seen.get("/health").text
    assert "没有送达的答复" in seen.get(f"/cases/{number}").text
    assert lost.reason in seen.get(f"/cases/{number}").text


def test_it_is_told_for_a_week_and_an_answer_that_arrived_never(town, clock):
    number = opened(town.house)
    town.deliver()
    town.say(HEAD, number)
    assert sign(town.house).level is Level.GOOD
    assert "没有送达的答复" not in pages_of(town.house, SUPERVISOR).get(f"/cases/{number}").text
    town.act(HEAD, "text", json={"content": "帮助"})
    requests.delete(f"{town.sim_url}/sim/members/{HEAD}", timeout=10).raise_for_status()
    town.work()
    assert "1 条答复没有送达：" in sign(town.house).lines[0]

    clock.moment += timedelta(days=8)

    assert sign(town.house).level is Level.GOOD
