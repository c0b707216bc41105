"""The pages of 举一反三: who sees a problem, plans and closes it."""

import re
from datetime import datetime, timedelta

from page_kit import Browser, enter, new_case, token_in

from reviewbot.actions.find_problems import find_problems
from reviewbot.clock import CHINA


def test_a_problem_is_planned_on_its_page_and_closed_only_by_the_figure(pages: Browser, house, clock) -> None:
    for number in range(3):
        new_case(house, external_id=f"P{number}", window="<b>2号", reviewed_at=house.clock.now())
    clock.moment += timedelta(hours=1)
    with house.database.begin() as session:
        (ident,) = find_problems(session, now=house.clock.now(), rulebook=house.today(session))
    enter(pages, "wangzehao01")
    assert "失业保险金申领" in pages.get("/problems").text
    page = pages.get(f"/problems/{ident}").text
    assert "&lt;b&gt;2号" in page
    assert "销号</button>" not in page
    form = {
        "act": "plan", "owner": "hongyongchun01", "root_cause": "对账滞后", "measures": "每日对账",
        "measures_from": f"{house.clock.now().astimezone(CHINA):%Y-%m-%d}", "csrf": token_in(page),
    }  # fmt: skip
    sent = pages.post(f"/problems/{ident}", data=form)
    assert "负责人 洪永纯" in pages.get(sent.headers["location"]).text

    enter(pages, "zengjiabin01")
    assert pages.get(f"/problems/{ident}").status_code == 404
    enter(pages, "wanghailing01")
    page = pages.get(f"/problems/{ident}").text
    refused = pages.post(f"/problems/{ident}", data={"act": "close", "csrf": token_in(page)})
    assert (refused.status_code, "满 30 天" in refused.text) == (409, True)
    clock.moment += timedelta(days=31)
    enter(pages, "wanghailing01")
    page = pages.get(f"/problems/{ident}").text
    done = pages.post(f"/problems/{ident}", data={"act": "close", "csrf": token_in(page)})
    assert "已销号" in pages.get(done.headers["location"]).text


def test_before_eight_in_the_morning_the_page_proposes_today_and_today_is_taken(pages: Browser, house, clock):
    """In UTC it is still yesterday, and a day before the problem was opened is refused."""
    clock.moment = datetime(2026, 12, 1, 6, 30, tzinfo=CHINA)
    for number in range(3):
        new_case(house, external_id=f"P{number}", reviewed_at=clock.moment - timedelta(hours=1))
    with house.database.begin() as session:
        (ident,) = find_problems(session, now=clock.moment, rulebook=house.today(session))
    enter(pages, "wangzehao01")
    page = pages.get(f"/problems/{ident}").text
    (proposed,) = re.findall('name="measures_from" required value="([^"]+)"', page)
    assert proposed == "2026-12-01"
    form = {
        "act": "plan", "owner": "hongyongchun01", "root_cause": "对账滞后", "measures": "每日对账",
        "measures_from": proposed, "csrf": token_in(page),
    }  # fmt: skip
    assert pages.post(f"/problems/{ident}", data=form).status_code == 303


def test_measures_that_gave_way_stay_on_the_page_with_their_figure(pages: Browser, house, clock) -> None:
    for number in range(3):
        new_case(house, external_id=f"P{number}", reviewed_at=house.clock.now())
    clock.moment += timedelta(hours=1)
    with house.database.begin() as session:
        (ident,) = find_problems(session, now=house.clock.now(), rulebook=house.today(session))

    def hand_in(who, measures):
        enter(pages, who)
        form = {
            "act": "plan", "owner": "hongyongchun01", "root_cause": "对账滞后", "measures": measures,
            "measures_from": f"{house.clock.now().astimezone(CHINA):%Y-%m-%d}",
        }  # fmt: skip
        page = pages.get(f"/problems/{ident}").text
        return pages.post(f"/problems/{ident}", data=form | {"csrf": token_in(page)})

    assert hand_in("wangzehao01", "每日对账").status_code == 303
    clock.moment += timedelta(days=5, hours=1)
    refused = hand_in("wangzehao01", "增派人手")
    assert (refused.status_code, "由督办决定" in refused.text, "增派人手" in refused.text) == (
        403,
        True,
        True,
    )
    assert hand_in("wanghailing01", "增派人手").status_code == 303

    page = pages.get(f"/problems/{ident}").text
    assert "以前的措施" in page
    assert "措施前 5 天 3 件，措施后 5 天 0 件。" in page
    assert "措施：每日对账" in page


def test_measures_to_come_wait_and_every_like_case_stands_in_its_part(pages: Browser, house, clock) -> None:
    def rated(*names):
        for name in names:
            new_case(house, external_id=name, reviewed_at=clock.moment - timedelta(hours=1))
        with house.database.begin() as session:
            return find_problems(session, now=house.clock.now(), rulebook=house.today(session))

    def page(who="wangzehao01"):
        enter(pages, who)
        return re.sub(r"<[^>]+>", " ", pages.get(f"/problems/{ident}").text)

    (ident,) = rated("P1", "P2", "P3")
    clock.moment += timedelta(hours=3)
    rated(*(f"Q{number}" for number in range(6)))
    told = page()
    assert ("待查明原因" in told, "原因和措施应于 2026-12-14 17:30 前写明" in told) == (True, True)
    assert "措施最迟自 2026-12-30 起实施" in told

    form = {
        "act": "plan", "owner": "hongyongchun01", "root_cause": "对账滞后", "measures": "每日对账",
        "csrf": token_in(pages.get(f"/problems/{ident}").text),
    }  # fmt: skip
    refused = pages.post(f"/problems/{ident}", data=form | {"measures_from": "2099-12-31"})
    assert (refused.status_code, "措施最迟须自 2026-12-30 起实施" in refused.text) == (422, True)
    assert pages.post(f"/problems/{ident}", data=form | {"measures_from": "2026-12-08"}).status_code == 303
    told = page()
    assert ("待实施" in told, "措施实施中" in told) == (True, False)
    assert "待实施" in pages.get("/problems").text

    clock.moment = datetime(2026, 12, 9, 10, 0, tzinfo=CHINA)
    rated("R1")
    told = page("wanghailing01")
    assert "措施实施中" in told
    assert re.search(r"9\s+措施前 30 天", told)
    assert ("立项前：3 件" in told, "立项后、措施开始前：6 件" in told, "措施开始后：1 件" in told) == (
        True,
    ) * 3
    assert "相关工单中还有 10 件没有办结" in told


def test_a_plan_nobody_wrote_in_time_is_marked_on_the_page_and_in_the_list(
    pages: Browser, house, clock
) -> None:
    for number in range(3):
        new_case(house, external_id=f"P{number}", reviewed_at=house.clock.now())
    clock.moment += timedelta(hours=1)
    with house.database.begin() as session:
        (ident,) = find_problems(session, now=house.clock.now(), rulebook=house.today(session))
    for at, marked in (("2026-12-14T17:29", False), ("2026-12-14T17:31", True)):
        clock.moment = datetime.fromisoformat(at).replace(tzinfo=CHINA)
        enter(pages, "wangzehao01")
        for place in ("/problems", f"/problems/{ident}"):
            assert (">超期</span>" in pages.get(place).text) is marked
