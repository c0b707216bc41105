"""抽查回访 as its caller and its readers meet it: pages, chat, API, case page."""

import hashlib
import itertools
from datetime import timedelta

import pytest
import recall_kit
import requests
from case_kit import PHONE, handler_of
from door_kit import serving
from page_kit import Browser, enter, token_in

from reviewbot.actions.create_token import create_token
from reviewbot.conversation.answer import answer_callback
from reviewbot.conversation.turn import Talk
from reviewbot.models.message import InboxItem, Message

_serial = itertools.count(1)


@pytest.fixture
def drawn(house):
    """One case of November in the sample: (number, recall, userid of its caller)."""
    (number,) = recall_kit.drawn_month(house)
    (found,) = recall_kit.recalls(house)
    return number, found, recall_kit.caller_of(house, found)


def type_(house, userid, words):
    """What somebody types, answered: the reply."""
    talk = Talk(
        house.database,
        house.clock.now,
        house.rulebooks,
        timedelta(minutes=30),
        timedelta(hours=24),
        house.settings.data_dir,
    )
    with house.database.begin() as session:
        item = InboxItem(
            key=f"said-{next(_serial)}", kind="text", userid=userid, body={"content": words},
            received_at=house.clock.now(),
        )  # fmt: skip
        session.add(item)
        session.flush()
        ident = item.id
    answer_callback(talk, ident)
    with house.database.begin() as session:
        return session.query(Message).filter_by(key=f"reply-{ident}").one().body["content"]


def api(house, url, role, department=None):
    with house.database.begin() as session:
        token = create_token(
            session, role, f"{role} {department}", department=department, at=house.clock.now()
        )
    headers = {"Authorization": f"Bearer {token}"}
    return lambda path, **query: requests.get(
        f"{url}/api/v1/recalls{path}", params=query, headers=headers, timeout=30
    )


def test_the_caller_finds_calls_and_records_on_the_pages(pages: Browser, house, drawn):
    number, found, caller = drawn
    enter(pages, caller)
    assert f'href="/recalls/{found.id}"' in pages.get("/cases?mine=1").text
    assert "请您回访" in pages.get("/recalls").text
    page = pages.get(f"/recalls/{found.id}").text
    assert "增设窗口" in page
    assert PHONE not in page

    csrf = token_in(page)
    shown = pages.post(f"/recalls/{found.id}", data={"act": "reveal", "csrf": csrf})
    assert (shown.status_code, f"tel:{PHONE}" in shown.text) == (200, True)
    assert PHONE not in pages.get(f"/recalls/{found.id}").text
    refused = pages.post(f"/recalls/{found.id}", data={"finding": "confirmed", "note": "", "csrf": csrf})
    assert (refused.status_code, "请写明评价人说了什么" in refused.text) == (422, True)
    odd = pages.post(f"/recalls/{found.id}", data={"finding": "<b>", "note": "x", "csrf": csrf})
    assert "请选择回访结果" in odd.text
    form = {"finding": "nobody_called", "note": "<b>从未接到电话", "csrf": csrf}
    sent = pages.post(f"/recalls/{found.id}", data=form)
    assert sent.status_code == 303
    done = pages.get(sent.headers["location"]).text
    assert "没人联系过" in done
    assert "&lt;b&gt;从未接到电话" in done
    assert "登记</button>" not in done
    assert "抽查回访 2026-11" in pages.get(f"/cases/{number}").text
    enter(pages, "wanghailing01")
    assert "抽查回访：评价人称没人联系过" in pages.get("/supervision").text


def test_the_unit_sees_no_sample_before_the_call_and_the_published_proof_after_it(pages, house, drawn):
    number, found, _ = drawn
    enter(pages, handler_of(house, number))
    draw = recall_kit.draw_row(house)
    before = pages.get("/recalls?month=2026-11").text
    assert draw.commitment in before
    assert draw.population_sha256 in before
    assert not {draw.secret, draw.seed} & set(before.replace("<", " ").replace(">", " ").split())
    assert f"/cases/{number}" not in before
    assert "抽查回访 2026-11" not in pages.get(f"/cases/{number}").text
    assert pages.get(f"/recalls/{found.id}").status_code == 404
    assert pages.get(f"/recalls/{2**31}").status_code == 404
    listed = pages.get("/recalls/population?month=2026-11")
    assert hashlib.sha256(listed.content).hexdigest() == draw.population_sha256

    recall_kit.report(house, found, "confirmed", "属实")
    after = pages.get("/recalls?month=2026-11").text
    assert draw.secret in after
    assert f"/cases/{number}" in after
    assert "100.00%（1/1）" in after
    assert "与记录相符" in pages.get(f"/cases/{number}").text
    assert pages.get("/recalls?month=2026-13").status_code == 422
    assert "没有抽查回访" in pages.get("/recalls?month=2026-10").text


def test_the_caller_works_by_chat(house, drawn):
    number, _, caller = drawn
    assert f"抽查 {number} 属实 说明" in type_(house, caller, "我的待办")
    assert "还须在另外2个半天再拨" in type_(house, caller, f"抽查 {number} 未接通 无人接听")
    assert "请写明评价人说了什么" in type_(house, caller, f"抽查 {number} 属实")
    other = next(one for one in sorted(recall_kit.CALLERS) if one != caller)
    assert "没有要您抽查回访的" in type_(house, other, f"抽查 {number} 属实 好的")

    assert "已转督办人员核查" in type_(house, caller, "抽查 整改不实 窗口还是老样子")
    assert recall_kit.recalls(house)[0].finding == "not_rectified"
    assert "抽查回访" not in type_(house, caller, "我的待办")


@pytest.fixture
def url(house):
    with serving(house) as address:
        yield address


def test_the_api_shows_a_month_as_far_as_its_caller_may_see_it(house, url, drawn):
    number, found, caller = drawn
    auditor, unit, foreign = (
        api(house, url, "auditor"),
        api(house, url, "head", "SOC"),
        api(house, url, "head", "TAX"),
    )
    assert auditor("").json() == {"months": ["2027-01", "2026-12", "2026-11"]}
    told = auditor("", month="2026-11").json()
    draw = recall_kit.draw_row(house)
    assert (told["secret"], told["seed"], told["percent"]) == (draw.secret, draw.seed, 5)
    assert (told["sample"], told["concluded"], told["committed_before_the_month"]) == (1, 0, False)
    assert [(one["number"], one["caller"], one["finding"]) for one in told["cases"]] == [
        (number, caller, None)
    ]
    assert told["figures"][0]["done"] == {"numerator": 0, "denominator": 1, "value": 0.0, "parts": {}}
    for who in (unit, foreign):
        hidden = who("", month="2026-11").json()
        assert (hidden["secret"], hidden["seed"], hidden["cases"]) == (None, None, [])
        assert hidden["population"] == {"count": 1, "sha256": draw.population_sha256}
    listed = unit("/population", month="2026-11")
    assert hashlib.sha256(listed.content).hexdigest() == draw.population_sha256

    recall_kit.report(house, found, "confirmed", "属实")
    assert [one["finding"] for one in unit("", month="2026-11").json()["cases"]] == ["confirmed"]
    assert foreign("", month="2026-11").json()["cases"] == []
    assert foreign("", month="2026-11").json()["secret"] == draw.secret
    for wrong, status in (("2026-13", 422), ("2025-01", 404)):
        assert (
            auditor("", month=wrong).status_code == auditor("/population", month=wrong).status_code == status
        )
    assert auditor("/population", month="2026-12").status_code == 404
