"""The ledger of intake over real HTTP: what was set aside by the webhook is settled by the desk on the page."""

from contextlib import contextmanager
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from door_kit import TIMEOUT, record, route_all, send, serving
from page_kit import FakeWeCom, token_in

DESK, HEAD, AUDITOR, SUPERVISOR = "chenjiafeng01", "wangzehao01", "fanglifeng01", "wanghailing01"


@pytest.fixture
def door(house):
    """The address of the application, with a WeCom in which everybody is who he says."""
    told = house.settings.wecom.model_copy(
        update={"base_url": "http://127.0.0.1:9", "corp_id": "ww1", "agent_id": 7}
    )
    wired = replace(house, settings=house.settings.model_copy(update={"wecom": told}), wecom=FakeWeCom())
    with serving(wired) as url:
        yield url


@contextmanager
def signed_in(door, userid):
    with requests.Session() as client:
        sent = client.get(f"{door}/login", allow_redirects=False, timeout=TIMEOUT)
        state = parse_qs(urlsplit(sent.headers["location"]).query)["state"][0]
        client.get(
            f"{door}/login/callback", params={"code": userid, "state": state},
            allow_redirects=False, timeout=TIMEOUT,
        )  # fmt: skip
        yield client


def page(client, door, query="?kind=set_aside"):
    return client.get(f"{door}/intake{query}", timeout=TIMEOUT).text


def idents(text):
    found = [part.split('"')[0] for part in text.split('action="/intake/')[1:]]
    return list(dict.fromkeys(found))


def post(client, door, ident, **form):
    if "csrf" not in form:
        form["csrf"] = token_in(page(client, door))
    return client.post(f"{door}/intake/{ident}", data=form, timeout=TIMEOUT)


def set_aside(door, **facts):
    [told] = send(door, record(**{"rating": 9} | facts)).json()
    assert told["result"] == "set_aside"


def test_a_bad_one_taken_in_becomes_a_case_that_shows_what_was_put_right(house, door):
    set_aside(door, external_id="E7", comment="<b>慢</b> 13812345678")
    with signed_in(door, DESK) as desk:
        [ident] = idents(page(desk, door))
        told = post(desk, door, ident, act="take_in", rating="2", reason="<u>已核对</u> 13812345678")
        [number] = route_all(house)
        after, case = (
            page(desk, door, f"?kind=set_aside&done={ident}"),
            desk.get(f"{door}/cases/{number}").text,
        )

    assert house.ring.names == ["reviewbot.route"]
    assert (told.status_code, "账目相符" in told.text) == (200, True)
    assert f'工单 <a href="/cases/{number}">{number}</a>' in after
    for words in ("人工补正", "评价等级：2 不满意", "&lt;u&gt;已核对&lt;/u&gt; 138****5678", "陈家锋"):
        assert words in case
    assert "<u>" not in after + case
    assert "13812345678" not in after + case
    assert idents(after) == []


def test_the_form_asks_for_what_is_in_doubt_and_comes_back_as_it_was_filled_in(door):
    set_aside(door, rating=1, reviewed_at="2031-01-01T00:00:00+08:00")
    with signed_in(door, DESK) as desk:
        form = page(desk, door)
        [ident] = idents(form)
        refused = post(desk, door, ident, act="take_in", reviewed_at="2001-01-01T00:00", reason="看“错”<了>")
        sneaky = post(
            desk, door, ident, act="take_in", reviewed_at="2026-11-27T09:00", rating="5", reason="改好评"
        )
        odd = [
            post(desk, door, ident, reason="x", **more).status_code
            for more in (
                {"act": ""}, {"act": "take_in", "rating": "7"}, {"act": "take_in", "reviewed_at": "明天"},
                {"act": "take_in", "reviewed_at": "2026-11-27T09:00+00:00"},
            )
        ]  # fmt: skip
        still_open = idents(page(desk, door))

    assert 'name="reviewed_at"' in form
    assert 'name="rating"' not in form
    assert (refused.status_code, "仍不能接收" in refused.text) == (422, True)
    assert 'value="2001-01-01T00:00"' in refused.text
    assert "看“错”&lt;了&gt;</textarea>" in refused.text
    assert (sneaky.status_code, "没有疑问" in sneaky.text) == (422, True)
    assert odd == [422] * 4
    assert still_open == [ident]


def test_open_ones_come_first_and_a_settled_one_is_settled(door):
    for name in ("E1", "E2", "E3"):
        set_aside(door, external_id=name)
    with signed_in(door, DESK) as desk, signed_in(door, SUPERVISOR) as supervisor:
        first, *rest = idents(page(desk, door))
        post(desk, door, first, act="dismiss", reason="测试数据")
        after = page(desk, door)
        late = post(supervisor, door, first, act="take_in", rating="1", reason="要")

    assert idents(after) == rest
    assert after.index("E2 / 1") < after.index("E3 / 1") < after.index("E1 / 1")
    assert "依据：测试数据" in after
    assert (late.status_code, "已由陈家锋于" in late.text, "账目相符" in late.text) == (409, True, True)


def test_only_the_desk_and_only_from_its_page(door):
    set_aside(door)
    with signed_in(door, DESK) as desk, signed_in(door, AUDITOR) as auditor, signed_in(door, HEAD) as head:
        [ident] = idents(page(desk, door))
        told = {"act": "dismiss", "reason": "测试"}
        foreign = token_in(page(auditor, door))
        codes = [
            post(desk, door, ident, csrf="", **told).status_code,
            post(desk, door, ident, csrf=foreign, **told).status_code,
            post(auditor, door, ident, **told).status_code,
            post(head, door, ident, csrf=token_in(head.get(f"{door}/").text), **told).status_code,
            requests.post(f"{door}/intake/{ident}", data=told, timeout=TIMEOUT).status_code,
            post(desk, door, 999, **told).status_code,
        ]
        auditors, desks = page(auditor, door), page(desk, door)

    assert codes == [403, 403, 403, 403, 401, 404]
    assert "待处理" in auditors
    assert idents(auditors) == []
    assert idents(desks) == [ident]


def test_many_are_listed_page_by_page_each_once(house, door):
    send(door, [record(rating=9) for _ in range(60)] + [record(reviewed_at=None) for _ in range(60)])
    seen, query = [], ""
    with signed_in(door, AUDITOR) as auditor:
        while query is not None:
            text = page(auditor, door, query)
            seen += [part.split("<")[0] for part in text.split("编号 / 次数 ")[1:]]
            more = text.partition('class="more"')[2].partition('href="/intake')[2].partition('"')[0]
            query = more.replace("&amp;", "&") or None

    assert (len(seen), len(set(seen))) == (120, 120)
