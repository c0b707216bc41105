"""Cards over real HTTP and on the case page: who sees them, who may do what, exactly once."""

from datetime import timedelta

import pytest
import requests
from door_kit import record, route_all, send, serving
from page_kit import Browser, enter, new_case, token_in

from reviewbot.actions.advance_due import advance_due
from reviewbot.actions.create_token import create_token
from reviewbot.queries.cases import due_case_ids


def carded(house, clock, days=20):
    """Time passes until every open case has its cards."""
    clock.moment += timedelta(days=days)
    with house.database.begin() as session:
        due = due_case_ids(session, clock.moment, 100)
    for case_id in due:
        with house.database.begin() as session:
            advance_due(session, case_id, now=clock.moment, rulebooks=house.rulebooks)


class Caller:
    """A program with a token."""

    def __init__(self, house, url, role, name, department=None):
        with house.database.begin() as session:
            token = create_token(session, role, name, department=department, at=house.clock.now())
        self.url, self.headers = f"{url}/api/v1/cards", {"Authorization": f"Bearer {token}"}

    def cards(self, **params):
        return requests.get(self.url, params=params, headers=self.headers, timeout=30)

    def act(self, ident, verb, key="k", **body):
        headers = self.headers | {"Idempotency-Key": f"{key}-{verb}"}
        return requests.post(f"{self.url}/{ident}/{verb}", json=body, headers=headers, timeout=30)


@pytest.fixture
def url(house, clock):
    with serving(house) as address:
        send(address, record())
        route_all(house)
        carded(house, clock)
        yield address


@pytest.fixture
def unit(house, url):
    return Caller(house, url, "head", "soc", "SOC")


@pytest.fixture
def supervisors(house, url):
    return [Caller(house, url, "supervisor", name) for name in ("one", "two")]


def test_the_list_shows_a_unit_its_own_cards_and_the_bureau_all(house, url, unit, supervisors):
    foreign = Caller(house, url, "head", "med", "MED")

    assert [card["colour"] for card in unit.cards().json()["cards"]] == ["red", "yellow"]
    assert foreign.cards().json() == {"cards": [], "next": None}
    assert len(supervisors[0].cards(department="SOC", colour="red").json()["cards"]) == 1
    first = supervisors[0].cards(limit=1).json()
    assert supervisors[0].cards(after=first["next"]).json()["cards"][0]["colour"] == "yellow"
    assert requests.get(unit.url, timeout=30).status_code == 401


def test_an_appeal_goes_its_whole_way_over_the_api(unit, supervisors):
    ident = unit.cards(colour="red").json()["cards"][0]["id"]

    assert unit.act(ident, "appeal", reason="系统停机，电话 13812345678").status_code == 200
    assert "13812345678" not in unit.cards().text
    assert unit.act(ident, "decide", agreed=True).status_code == 403
    first, second = supervisors
    assert first.act(ident, "decide", agreed=True).json()["message"].endswith("还须另外 1 人同意。")
    assert first.act(ident, "decide", agreed=True).status_code == 200  # the same key: the same answer again
    assert unit.cards(standing=False).json()["cards"] == []
    assert second.act(ident, "decide", agreed=True).status_code == 200

    (gone,) = unit.cards(standing=False).json()["cards"]
    assert (gone["id"], gone["appeal"]["state"], gone["appeal"]["agreed"]) == (ident, "granted", 2)


def test_a_supervisor_withdraws_and_what_is_wrong_is_answered_in_a_sentence(unit, supervisors):
    ident = unit.cards(colour="yellow").json()["cards"][0]["id"]
    boss = supervisors[0]

    assert unit.act(ident, "withdraw", reason="x").status_code == 403
    assert boss.act(ident, "withdraw", key="a", reason="  ").status_code == 422
    assert boss.act(ident, "withdraw", key="b", reason="a\0b").status_code == 422
    assert boss.act(ident, "withdraw", key="c", reason="发牌有误").status_code == 200
    assert boss.act(ident, "withdraw", key="d", reason="发牌有误").status_code == 409
    for unknown in (0, 10**6, 2**40, -(2**40)):
        assert boss.act(unknown, "withdraw", reason="x").status_code == 404
    assert boss.act(ident, "decide", agreed=False, key="e", remark="x").status_code == 409


def test_the_case_page_shows_the_cards_and_offers_each_person_his_act(house, clock, pages: Browser):
    number = new_case(house)
    carded(house, clock)
    enter(pages, "wangzehao01")
    page = pages.get(f"/cases/{number}").text
    assert "警示牌" in page
    assert "红牌" in page
    target = next(part for part in page.split('action="') if f"/cases/{number}/cards/" in part).split('"')[0]
    form = {"csrf": token_in(page), "act": "appeal"}

    assert pages.post(target, data={"act": "appeal", "reason": "x"}).status_code == 403
    empty = pages.post(target, data=form | {"reason": ""})
    assert (empty.status_code, "须写明理由" in empty.text) == (422, True)
    assert pages.post(target, data=form | {"act": "burn", "reason": "x"}).status_code == 422
    assert pages.post(target, data=form | {"reason": "<b>停机"}).status_code == 303

    enter(pages, "wanghailing01")
    page = pages.get(f"/cases/{number}").text
    assert "申诉：&lt;b&gt;停机" in page
    assert "同意申诉" in page
    sent = pages.post(target, data={"csrf": token_in(page), "act": "withdraw", "reason": "发牌有误"})
    assert sent.status_code == 303
    assert "撤回：发牌有误" in pages.get(f"/cases/{number}").text
