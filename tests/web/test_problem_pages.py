"""The pages of 举一反三: who sees a problem, plans and closes it."""

import re
from datetime import datetime, timedelta

from page_kit import Browser, enter, new_case, token_in

from reviewbot.actions.find_problems import find_problems
from reviewbot.clock import CHINA
from reviewbot.rules.policy import ProblemRules


def test_a_problem_is_planned_on_its_page_and_closed_only_by_the_figure(pages: Browser, house, clock) -> None:
    for number in range(3):
        new_case(house, external_id=f"P{number}", window="<b>2号", reviewed_at=house.clock.now())
    clock.moment += timedelta(hours=1)
    with house.database.begin() as session:
        (ident,) = find_problems(session, now=house.clock.now(), rules=ProblemRules(3, 30, 0.34))
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
        (ident,) = find_problems(session, now=clock.moment, rules=ProblemRules(3, 30, 0.34))
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
        (ident,) = find_problems(session, now=house.clock.now(), rules=ProblemRules(3, 30, 0.34))

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
    assert "措施前 30 天 3 件，措施后 5 天 0 件。" in page
    assert "措施：每日对账" in page
