"""Every kind of page as axe sees it: not one violation of WCAG 2.0 to 2.2, levels A and AA, on a phone or at a desk."""

from datetime import timedelta

import pytest
import requests
from browser_kit import BROWSER, DESK, PATIENCE_MS, PHONE, PHOTO, SUPERVISOR
from case_kit import DESK as DISPATCHER
from case_kit import HEAD, awaiting_approval, case_of, closed, handler_of, move, opened, verifying
from contact_kit import event, pushed
from door_kit import record, send
from ladder_kit import rows, sweep
from recall_kit import caller_of, drawn_month, recalls
from sqlalchemy import select

from reviewbot.actions.find_problems import find_problems
from reviewbot.links import RaterLink
from reviewbot.models.oversight import Card, Letter, Problem
from reviewbot.models.people import Staff
from reviewbot.settings import ROOT

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = pytest.mark.skipif(
    BROWSER is None, reason="no browser on this machine; install chromium to run these"
)
AXE = ROOT / "config" / "web" / "node_modules" / "axe-core" / "axe.min.js"
LOOK = """async () => {
    for (const folded of document.querySelectorAll('details')) folded.open = true;
    const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
    const found = await axe.run(
        {runOnly: tags, rules: {'target-size': {enabled: true}}, resultTypes: ['violations'], preload: false});
    return found.violations.flatMap((rule) => rule.nodes.map(
        (node) => `${rule.id}: ${node.html.slice(0, 160)} (${node.failureSummary.split('\\n').slice(1).join(' ')})`));
}"""
LEADER, STRANGER = "zhouzhidong01", "hongyongchun01"


class Reader:
    """One person's browser; ``found`` collects what axe says of each page he comes by."""

    def __init__(self, page, web, picture):
        self.page, self._web, self._picture = page, web, picture
        self.found = []

    def open(self, path, *sizes):
        """Open an address of the web, or a whole one, and look at it in each size of window."""
        self.page.goto(path if path.startswith("http") else self._web + path)
        self.look(path, *sizes)

    def look(self, what, *sizes):
        self.page.locator("h1").first.wait_for()
        for size in sizes or (PHONE,):
            self.page.set_viewport_size(size)
            self.found += [f"{what} at {size['width']}: {wrong}" for wrong in self.page.evaluate(LOOK)]
            self._picture(self.page, f"axe-{what.replace('/', '_')[-40:]}-{size['width']}")


@pytest.fixture
def reader(town, browser, picture):
    """Makes a browser for a member of staff, or for nobody; no page any of them came by may have a violation."""
    assert AXE.is_file(), "axe-core is not installed; run make setup"
    opened_ones = []

    def come(userid=None):
        context = browser.new_context(viewport=PHONE, locale="zh-CN")
        context.add_init_script(path=AXE)  # by the driver: the page's own policy stays as it is
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        opened_ones.append(Reader(page, town.web, picture))
        if userid:
            page.goto(town.entry(userid, "/h5"))
        return opened_ones[-1]

    yield come
    for each in opened_ones:
        each.page.context.close()
    found = [wrong for each in opened_ones for wrong in each.found]
    assert not found, "\n".join(found)


def link(town, number):
    case = case_of(town.house, number)
    return town.house.links.make(RaterLink(case.id, case.round, int(town.house.clock.now().timestamp())))


def test_the_raters_page_in_each_of_its_states(town, reader, clock):
    rater, house = reader(), town.house
    number = opened(house)
    rater.open(link(town, number))
    clock.moment += timedelta(days=3)
    rater.open(link(town, number))  # has anybody called you?
    done = closed(house)
    rater.open(link(town, done))
    rater.page.get_by_label("想补充的话").fill("谢谢")
    rater.page.get_by_role("button", name="不满意", exact=True).click()
    rater.page.get_by_role("heading", name="您的回答").wait_for()
    rater.look("answered")
    rater.open("/r/W10.AAAA")
    again, expired = reader(), reader()
    other = closed(house)
    for page in (again.page, expired.page):
        page.goto(link(town, other))
        page.get_by_label("想补充的话").fill("还是没有办好")
    requests.post(link(town, other), data={"answer": "satisfied"}, timeout=30)
    again.page.get_by_role("button", name="不满意", exact=True).click()
    again.page.get_by_label("您写的内容").wait_for()
    again.look("refused")
    clock.moment += timedelta(days=400)
    expired.page.get_by_role("button", name="不满意", exact=True).click()
    expired.page.get_by_label("您写的内容").wait_for()
    expired.look("expired")


def test_the_raters_page_fits_a_phone_with_words_at_twice_the_size(town, reader, picture):
    page = reader().page
    page.goto(link(town, closed(town.house)))
    page.evaluate("document.documentElement.style.fontSize = '237.5%'")  # of 118.75 %
    picture(page, "rater-twice")
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_the_clerks_pages_and_every_sheet_they_offer(town, reader):
    house = town.house
    fresh, called_for, to_approve = opened(house), verifying(house), awaiting_approval(house)
    to_conclude = verifying(house)
    move(house, handler_of(house, to_conclude), "record_call", to_conclude, reached=True, remark="已致歉")
    at_desk = opened(house, department="没有这个单位", item="没有这个事项")
    for userid, numbers in (
        (handler_of(house, fresh), (fresh, called_for, to_conclude)), (HEAD, (to_approve,)),
        (DISPATCHER, (at_desk,)), (SUPERVISOR, (to_conclude,)),
    ):  # fmt: skip
        clerk, seen = reader(userid), set()
        clerk.look("/h5")
        for number in numbers:
            clerk.open(f"/h5/cases/{number}")
            offered = clerk.page.locator(f"a[href^='/h5/cases/{number}/']").evaluate_all(
                "links => [...new Set(links.map((link) => link.getAttribute('href')))]"
            )
            for sheet in offered:
                if (kind := sheet.rpartition("/")[2]) not in seen:
                    seen.add(kind)
                    clerk.open(sheet)
    clerk = reader(handler_of(house, called_for))
    clerk.open(f"/h5/cases/{called_for}/call")
    clerk.page.get_by_role("button", name="显示评价人号码").click()
    clerk.page.get_by_role("link", name="拨打").wait_for()
    clerk.look("the number shown")
    clerk.open(f"/h5/cases/{to_conclude}/measures")
    clerk.page.locator("input[multiple]").set_input_files([PHOTO])
    clerk.page.locator("#chosen li[data-id]").wait_for()
    clerk.look("a photograph chosen")
    clerk.open(f"/h5/cases/{fresh}/measures")  # not now
    clerk.open(f"/h5/cases/{fresh}?round=9")
    clerk.open("/h5/cases/Z9999")


def test_the_supervisors_pages(town, reader, clock):
    house = town.house
    (recalled,) = drawn_month(house)
    late, at_desk, worked = a_busy_bureau(town, clock)
    supervisor = reader(SUPERVISOR)
    (problem,), (letter, *_), (call,) = rows(house, Problem), rows(house, Letter), recalls(house)
    card = rows(house, Card)[0]
    for path in (
        "/", "/cases", "/cases?mine=1", "/cases?metric=completion_rate", "/cases?number=Z9999", f"/cases/{late}",
        f"/cases/{at_desk}", f"/cases/{recalled}", "/letters", f"/letters/{letter.id}", "/problems",
        f"/problems/{problem.id}", "/recalls", "/supervision", "/supervision?settled=1", "/policy", "/routing",
        "/intake", "/health", f"/cards/{card.id}", "/cases?list=yellow", "/cases?list=assisted",
    ):  # fmt: skip
        supervisor.open(path, PHONE, DESK)
    reader(caller_of(house, call)).open(f"/recalls/{call.id}", PHONE, DESK)
    reader(DISPATCHER).open("/intake?kind=set_aside", PHONE, DESK)
    reader(HEAD).open(f"/problems/{problem.id}", PHONE, DESK)
    reader(LEADER).open(f"/cases/{late}", PHONE, DESK)
    with house.database.begin() as session:
        admin = session.scalars(select(Staff.userid).where(Staff.roles.contains(["admin"]))).first()
    reader(admin).open("/directory", PHONE, DESK)
    verifier = reader(handler_of(house, worked))
    verifier.open(f"/cases/{worked}", PHONE, DESK)
    verifier.page.locator("#phone select").select_option("call_back")
    verifier.page.get_by_role("button", name="查看姓名和号码").click()
    verifier.page.locator("#phone a[href^=tel]").wait_for()
    verifier.look("the number shown", PHONE, DESK)


def a_busy_bureau(town, clock):
    """Something on every page: an overdue case with card, letter, application and sub-task, one at the desk, and more.

    Gives the numbers of the overdue case, of the one at the desk and of one that is being verified.
    """
    house = town.house
    late, *_ = [verifying(house, window="2号") for _ in range(3)]  # like reviews: a problem
    move(house, handler_of(house, late), "request_extension", late, days=3, remark="核对材料")
    move(house, DISPATCHER, "ask_assistance", late, department="MED", remark="请核对参保")
    with house.database.begin() as session:
        find_problems(session, now=house.clock.now(), rulebook=house.today(session))
    clock.moment += timedelta(days=40)
    sweep(house)
    pushed(house, event("create_user", "newcomer01", name="新来的"))
    assert send(town.web, [record(rating=9), record(reviewed_at=None)]).status_code == 202
    number = opened(house, window="9号")
    nobody_called(town, number, clock)
    return late, opened(house, department="没有这个单位", item="没有这个事项"), verifying(house, window="8号")


def nobody_called(town, number, clock):
    """The rater says so on his page, once the limit to call him has passed: an event for the supervisors."""
    token_page = link(town, number)
    clock.moment += timedelta(days=5)
    told = requests.post(token_page, data={"answer": "nobody_called"}, timeout=30)
    assert told.status_code == 200


def test_the_pages_before_somebody_is_signed_in_and_those_that_refuse(town, reader):
    nobody = reader()
    nobody.open("/login/callback?state=x&code=y", PHONE, DESK)
    with town.house.database.begin() as session:
        session.scalars(select(Staff).where(Staff.userid == STRANGER)).one().userid = "somebodyelse01"
    stranger = reader(STRANGER)
    stranger.look("a code, please", PHONE, DESK)
    stranger.page.get_by_label("绑定码").fill("12345678")
    stranger.page.get_by_role("button", name="绑定").click()
    stranger.page.get_by_role("alert").wait_for()
    stranger.look("a wrong code", PHONE, DESK)
    head = reader(HEAD)
    for path in ("/supervision", "/cases/Z9999", "/?from=2026-13-01"):
        head.open(path, PHONE, DESK)
    head.page.get_by_role("button", name="退出").click()
    head.page.get_by_role("heading", name="已退出").wait_for()
    head.look("signed out", PHONE, DESK)
