"""The clerk's pages in a real browser: they fit an old phone, work without a script, and lose nothing in an outage."""

import gzip
import re

import pytest
import requests
from browser_kit import (
    BROWSER,
    DESK,
    FAINT_TEXT,
    HEAD,
    OLD_PHONE,
    OTHER_PHOTO,
    PATIENCE_MS,
    PHONE,
    PHOTO,
)

from reviewbot.actions.make_move import make_move
from reviewbot.actions.step import MoveIn, Verb
from reviewbot.conversation.answer import viewer_of_staff
from reviewbot.queries.cases import events_of, evidence_of, find_case
from reviewbot.queries.directory import staff_by_userid
from reviewbot.queries.scope import SYSTEM
from reviewbot.rules.lifecycle import CaseStatus, Conclusion

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = pytest.mark.skipif(
    BROWSER is None, reason="no browser on this machine; install chromium to run these"
)
SIZES = {"old": OLD_PHONE, "phone": PHONE, "desk": DESK}
RATER = {"kind": "person", "name": "王五", "phone": "13800000005", "anonymous": False}
SMALL_TARGETS = """() => {
    const touched = 'a, button, select, summary, textarea, input:not([type=hidden])';
    const inside = '.default, .skip, p a, li a, .check input';  // links in a sentence; a box within its label
    return [...document.querySelectorAll(touched)]
        .filter((node) => node.checkVisibility() && (!node.matches(inside) || node.matches('.button, .case')))
        .map((node) => [node.outerHTML.slice(0, 80), Math.round(node.getBoundingClientRect().height)])
        .filter(([, height]) => height < 44);
}"""


CUT_OFF = """() => [...document.querySelectorAll('main *')]
    .filter((one) => one.checkVisibility() && !one.matches('.thumb, .default') && one.scrollWidth > one.clientWidth + 1)
    .filter((one) => getComputedStyle(one).overflowX === 'hidden').map((one) => one.outerHTML.slice(0, 80))"""


def moved(town, number, *asked):
    """Moves made by the case's handler, before a page is opened."""
    with town.house.database.begin() as session:
        for each in asked:
            actor = viewer_of_staff(staff_by_userid(session, town.handler(number)))
            make_move(session, each, actor, at=town.house.clock.now(), rulebooks=town.house.rulebooks)


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_every_sheet_fits_its_window_is_easy_to_read_and_to_touch(town, window, picture, request, size):
    number = town.receive(item="失业保险金申领" * 3, comment="窗口让我跑了三趟" * 5, rater=RATER)
    clerk = town.handler(number)
    name = next(name for name, known in SIZES.items() if known is size)
    page = window(town.entry(clerk, "/h5"), size)
    look(page, picture, f"todo-{name}")

    def see(path, what):
        page.goto(f"{town.web}/h5/cases/{number}{path}")
        look(page, picture, f"{what}-{name}")

    see("", "glance-awaiting-sign")
    moved(town, number, MoveIn(Verb.SIGN, number))
    see("", "glance-verifying")
    for sheet in ("call", "measures", "explain", "appeal", "extend", "return", "conclude", "hand_over"):
        see(f"/{sheet}", sheet)
    moved(
        town, number, MoveIn(Verb.RECORD_CALL, number, reached=True, remark="群众说等候太久"),
        MoveIn(Verb.CONCLUDE, number, conclusion=Conclusion.JUSTIFIED),
    )  # fmt: skip
    see("", "glance-rectifying")


def look(page, picture, what):
    page.locator("h1").first.wait_for()
    page.evaluate("for (const folded of document.querySelectorAll('details')) folded.open = true")
    picture(page, what)
    narrow = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    assert page.evaluate(narrow), f"{what}: has to be scrolled sideways"
    assert page.evaluate(FAINT_TEXT) == [], what
    assert page.evaluate(SMALL_TARGETS) == [], what


@pytest.fixture
def phone(browser):
    """Opens an address on an old phone, with or without scripts; the page's context can lose the network."""
    contexts = []

    def open_(address, *, scripts=True):
        context = browser.new_context(viewport=OLD_PHONE, locale="zh-CN", java_script_enabled=scripts)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.goto(address)
        return page

    yield open_
    for context in contexts:
        context.close()


@pytest.fixture
def verifying(town):
    """(number, handler) of a real-name case whose call-back is done."""
    number = town.receive(rater=RATER)
    moved(
        town, number, MoveIn(Verb.SIGN, number),
        MoveIn(Verb.RECORD_CALL, number, reached=True, remark="群众说等候太久"),
    )  # fmt: skip
    return number, town.handler(number)


def files_of(town, number):
    with town.house.database.begin() as session:
        case = find_case(session, number, SYSTEM)
        return case.status, [each.filename for each in evidence_of(session, case.id)]


def moves_of(town, number):
    with town.house.database.begin() as session:
        return [each.move for each in events_of(session, find_case(session, number, SYSTEM).id)]


def test_without_a_script_a_sheet_is_handed_in_with_its_photographs(town, phone, verifying):
    number, clerk = verifying
    page = phone(town.entry(clerk, f"/h5/cases/{number}/measures"), scripts=False)
    page.locator("[name=remark]").fill("增设一个窗口")
    page.locator("input[multiple]").set_input_files([PHOTO])
    page.get_by_role("button", name="先上传").click()
    page.locator("#chosen").get_by_text("photo.png").wait_for()
    assert page.locator("[name=remark]").input_value() == "增设一个窗口"
    page.locator("input[capture]").set_input_files([OTHER_PHOTO])

    page.get_by_role("button", name="提交整改").click()

    page.get_by_role("status").get_by_text("已提交整改，现为「待审核」").wait_for()
    assert files_of(town, number) == (CaseStatus.AWAITING_APPROVAL, ["photo.png", "second.png"])


def test_photographs_go_off_as_chosen_with_previews_and_can_be_removed(town, phone, picture, verifying):
    number, clerk = verifying
    page = phone(town.entry(clerk, f"/h5/cases/{number}/measures"))
    page.locator("input[multiple]").set_input_files([PHOTO, OTHER_PHOTO])
    sync_api.expect(page.locator("#chosen li[data-id]")).to_have_count(2)
    sync_api.expect(page.locator("#chosen canvas")).to_have_count(2)
    picture(page, "measures-with-photographs")
    page.get_by_role("button", name="删去 photo.png").click()
    sync_api.expect(page.locator("#chosen li")).to_have_count(1)
    page.reload()
    sync_api.expect(page.locator("#chosen li[data-id]")).to_have_count(1)
    page.locator("[name=remark]").fill("增设一个窗口")
    sizes = []
    page.on(
        "request",
        lambda sent: sizes.append(len(sent.post_data_buffer or b"")) if sent.method == "POST" else None,
    )

    page.get_by_role("button", name="提交整改").click()

    page.get_by_role("status").get_by_text("现为「待审核」").wait_for()
    assert files_of(town, number)[1] == ["second.png"]
    assert max(sizes) < 3_000  # the photographs are there already


def test_a_lost_network_costs_neither_words_nor_photographs(town, phone, picture, verifying):
    number, clerk = verifying
    page = phone(town.entry(clerk, f"/h5/cases/{number}/measures"))
    page.locator("[name=remark]").fill("断网之前写的措施")
    page.context.set_offline(True)
    page.locator("input[multiple]").set_input_files([PHOTO])
    page.get_by_text("没有传上去").wait_for()
    page.get_by_role("button", name="提交整改").click()
    page.get_by_role("status").get_by_text("网络已断开，内容都已保存在本机").wait_for()
    picture(page, "measures-offline")
    assert page.locator("[name=remark]").input_value() == "断网之前写的措施"
    assert files_of(town, number)[0] is CaseStatus.VERIFYING

    page.context.set_offline(False)

    sync_api.expect(page.locator("#chosen li[data-id]")).to_have_count(1)  # sent again by itself
    page.get_by_role("button", name="提交整改").click()
    page.get_by_role("status").get_by_text("现为「待审核」").wait_for()
    assert files_of(town, number) == (CaseStatus.AWAITING_APPROVAL, ["photo.png"])
    assert page.evaluate("localStorage.length") == 0


def test_a_sheet_does_not_go_without_a_photograph_that_failed(town, phone, verifying):
    number, clerk = verifying
    page = phone(town.entry(clerk, f"/h5/cases/{number}/measures"))
    page.locator("[name=remark]").fill("增设一个窗口")
    address = f"**/h5/cases/{number}/measures"
    page.route(address, lambda route: route.abort())
    page.locator("input[multiple]").set_input_files([PHOTO])
    failed = page.locator("#chosen .failed")
    failed.get_by_text(
        "没有传上去，请重传"
    ).wait_for()  # nothing would send it by itself: the phone is online
    page.unroute(address)

    page.get_by_role("button", name="提交整改").click()

    page.get_by_role("status").get_by_text("有照片没有传上去").wait_for()
    assert files_of(town, number)[0] is CaseStatus.VERIFYING
    failed.get_by_role("button", name="重传").click()
    sync_api.expect(page.locator("#chosen li[data-id]")).to_have_count(1)
    page.get_by_role("button", name="提交整改").click()
    page.get_by_role("status").get_by_text("现为「待审核」").wait_for()
    assert files_of(town, number) == (CaseStatus.AWAITING_APPROVAL, ["photo.png"])


def test_an_answer_that_never_arrived_is_asked_for_again_and_counts_once(town, phone, verifying):
    number, clerk = verifying
    page = phone(town.entry(clerk, f"/h5/cases/{number}/call"))
    page.get_by_label("无人接听").check()
    page.locator("[name=remark]").fill("响了很久")
    address = f"**/h5/cases/{number}/call"
    lost = []

    def lose(route):
        lost.append(route.fetch(max_redirects=0).status)  # the server has it, the phone never hears of it
        route.abort()

    page.route(address, lose)
    page.get_by_role("button", name="登记回访").click()
    page.get_by_role("status").get_by_text("没有收到答复").wait_for()
    assert lost == [303]
    page.unroute(address)
    page.reload()  # the key is part of the draft: even a page opened anew hands in the same sheet
    page.get_by_text("已恢复").wait_for()
    with page.expect_request(lambda asked: asked.method == "POST" and asked.url.endswith("/call")):
        page.get_by_role("button", name="登记回访").click()
    page.get_by_text("已回访").first.wait_for()
    assert moves_of(town, number).count("record_call") == 2  # the one of the fixture, and this one


def test_words_survive_reload_and_closing_but_belong_to_one_person_and_hold_no_number(
    town, phone, picture, verifying
):
    number, clerk = verifying
    there = f"/h5/cases/{number}/call"
    page = phone(town.entry(clerk, there))
    page.get_by_label("已接通").check()
    page.locator("[name=remark]").fill("他换了号码 13812345678 和 0663-3456789，座机转 8 分机")
    page.locator("[name=recording]").fill("20261130090012345678")
    page.get_by_role("button", name="显示评价人号码").click()
    page.get_by_role("link", name="拨打 13800000005").wait_for()
    picture(page, "call-with-number")
    assert "13812345678" in page.locator("[name=remark]").input_value()
    page.goto("about:blank")
    page.goto(town.web + there)
    page.get_by_role("status").get_by_text("已恢复").wait_for()
    picture(page, "call-restored")
    assert (
        page.locator("[name=remark]").input_value()
        == "他换了号码 〔号码未保存〕 和 〔号码未保存〕，座机转 8 分机"
    )
    assert page.locator("[name=recording]").input_value() == "20261130090012345678"
    assert page.get_by_label("已接通").is_checked()
    kept = page.evaluate("JSON.stringify(localStorage)")
    for secret in ("13800000005", "13812345678", "3456789", "王五"):
        assert secret not in kept

    page.goto(town.entry(HEAD, there))  # somebody else on the same phone
    page.get_by_role("button", name="登记回访").wait_for()
    assert page.locator("[name=remark]").input_value() == ""
    page.goto(town.entry(clerk, there))
    page.get_by_role("button", name="清空重写").click()
    page.wait_for_function("!document.querySelector('[name=remark]').value")
    assert page.locator("[name=remark]").input_value() == ""


def test_a_conflict_shows_the_present_state_and_keeps_the_words(town, phone, picture, verifying):
    number, clerk = verifying
    page = phone(town.entry(clerk, f"/h5/cases/{number}/measures"))
    page.locator("[name=remark]").fill("写了半天的措施")
    moved(
        town, number, MoveIn(Verb.CONCLUDE, number, conclusion=Conclusion.JUSTIFIED),
        MoveIn(Verb.SUBMIT_MEASURES, number, remark="别人先提交了"),
    )  # fmt: skip
    page.get_by_role("button", name="提交整改").click()
    page.get_by_role("alert").get_by_text("现为「待审核」").wait_for()
    assert page.get_by_label("您写的内容").input_value() == "写了半天的措施"
    picture(page, "conflict")
    page.reload()
    sync_api.expect(page.get_by_label("您写的内容")).to_have_value("写了半天的措施")


def test_words_at_twice_the_size_lose_nothing(town, phone, picture, verifying):
    number, clerk = verifying
    page = phone(town.entry(clerk, "/h5"))
    for path in (
        "/h5",
        f"/h5/cases/{number}",
        *(f"/h5/cases/{number}/{one}" for one in ("call", "explain", "measures", "extend")),
    ):
        page.goto(town.web + path)
        page.evaluate("document.documentElement.style.fontSize = '225%'")
        narrow = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
        picture(page, f"twice-{path.rpartition('/')[2]}")
        assert page.evaluate(narrow), path
        assert page.evaluate(CUT_OFF) == [], path


def test_every_page_weighs_little_over_the_wire(town, verifying):
    """Page, style and script as they travel compressed, on a cold phone."""
    number, clerk = verifying
    client = requests.Session()
    client.get(town.entry(clerk, "/h5"))
    weights = {}
    sheets = ("call", "measures", "explain", "appeal", "extend", "return", "conclude", "hand_over")
    for path in ("/h5", f"/h5/cases/{number}", *(f"/h5/cases/{number}/{one}" for one in sheets)):
        weights[path] = weigh(client, town.web, path)
        print(f"{path} {weights[path] / 1000:.1f} kB")  # noqa: T201 - shown by pytest -s
        assert weights[path] < 150_000
    assert max(weights.values()) < 30_000  # far below what a slow network forgives


def weigh(client, web, path):
    """Bytes of a page and of everything it loads."""

    def travel(address):
        answer = client.get(web + address, headers={"Accept-Encoding": "gzip"}, stream=True)
        assert answer.status_code == 200, address
        raw = answer.raw.read(decode_content=False)
        assert answer.headers.get("content-encoding") == "gzip", address
        return len(raw), gzip.decompress(raw).decode()

    weight, page = travel(path)
    for address in re.findall(r'<(?:script|link|img)[^>]+(?:src|href)="(/[^"]+)"', page):
        assert "?v=" in address  # kept by the phone until it changes
        weight += travel(address)[0]
    return weight
