"""The pages in a real browser: figures that move by themselves, a phone's width, contrast, nothing from elsewhere."""

import pytest
from ask_kit import a_worked_month
from browser_kit import (
    BROWSER,
    DESK,
    DISPATCHER,
    FAINT_TEXT,
    HEAD,
    PATIENCE_MS,
    PHONE,
    PHOTO,
    SUPERVISOR,
)
from door_kit import record, send

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = pytest.mark.skipif(
    BROWSER is None, reason="no browser on this machine; install chromium to run these"
)


def submit(page, verb, title, **fields):
    """Fill one form of a case page and send it; a folded form is unfolded first."""
    form = page.locator("form", has=page.locator(f"input[name=verb][value={verb}]"))
    if not form.is_visible():
        page.locator("summary", has_text=title).click()
    for name, word in fields.items():
        field = form.locator(f"[name={name}]")
        if name == "outcome":
            form.locator(f"[name=outcome][value={word}]").check()
        elif field.evaluate("node => node.tagName") == "SELECT":
            field.select_option(word)
        else:
            field.fill(word)
    form.get_by_role("button", name=title).click()
    page.get_by_role("status").wait_for()


def test_a_supervisor_sees_the_figures_move_while_a_clerk_works_on_his_phone(town, window):
    expect = sync_api.expect
    expect.set_options(timeout=PATIENCE_MS)
    overview = window(town.entry(SUPERVISOR, "/"), DESK)
    open_now = overview.locator("a.tile", has_text="在办").locator(".big")
    expect(open_now).to_have_text("0件")

    number = town.receive(item="失业保险金申领", comment="窗口让我跑了三趟")

    expect(open_now).to_have_text("1件")  # by itself: nobody has touched this page
    clerk = town.handler(number)
    phone = window(f"{town.phones}/phone/{clerk}", PHONE)
    with phone.expect_popup() as opened:
        phone.locator(".card", has_text=number).locator("a.head").click()
    case = opened.value
    expect(case.get_by_role("heading", name=number)).to_be_visible()
    case.goto(f"{town.web}/cases/{number}")  # the card opens the clerks' page; he works on the full one
    expect(case.locator("blockquote")).to_have_text("窗口让我跑了三趟")
    submit(case, "sign", "签收")
    submit(case, "record_call", "登记回访", outcome="reached", remark="评价人说等候太久")
    submit(case, "conclude", "认定", conclusion="justified")
    expect(overview.locator(".step", has_text="整改中").locator("b")).to_have_text("1")
    case.locator("summary", has_text="上传附件").click()
    case.locator("input[type=file]").set_input_files(PHOTO)
    case.get_by_role("button", name="上传").click()
    expect(case.get_by_role("link", name="photo.png")).to_be_visible()
    submit(case, "submit_measures", "提交整改", remark="增设一个窗口，公示办理时限")
    head = window(town.entry(HEAD, f"/cases/{number}"), PHONE)
    submit(head, "approve", "审核通过")
    case.reload()
    submit(case, "record_feedback", "登记反馈并办结", channel="电话", remark="已告知整改结果")

    expect(case.locator("h1 .badge").first).to_have_text("已办结")
    expect(open_now).to_have_text("0件")
    expect(overview.locator(".step", has_text="已办结").locator("b")).to_have_text("1")
    expect(overview.locator(".rates .total")).to_contain_text("100.00%（1/1）")


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_every_page_fits_its_window_is_easy_to_read_and_hides_no_title(town, window, size):
    long = "关于进一步优化跨省通办事项" * 6
    number = town.receive(
        item=long, window="综合受理" * 8, comment="x" * 300 + long, handled_by="某某某" * 10
    )
    at_desk = town.receive(department="没有这个单位", item="没有这个事项")
    assert send(town.web, [record(rating=9)]).status_code == 202
    page = window(town.entry(SUPERVISOR, "/"), size)
    for path in (
        "/", "/?from=2026-12-01&to=2026-12-31", "/cases", "/cases?mine=1", "/cases?metric=completion_rate",
        "/cases?number=Z9999", f"/cases/{number}", f"/cases/{at_desk}", "/intake",
    ):  # fmt: skip
        page.goto(town.web + path)
        look(page, path)
    page.goto(f"{town.web}/cases/Z9999")
    look(page, "a page that is not there")
    assert len(window.complaints) == 1  # the browser's own remark that this one was a 404
    window.complaints.clear()
    clerk = window(town.entry(town.handler(number), f"/cases/{number}"), size)
    look(clerk, "the clerk's case")
    look(window(f"{town.web}/login", size), "who are you", contrast=False)  # the simulator's, not ours


def test_the_figures_of_a_worked_month_stay_within_their_card(town, window):
    a_worked_month(town.house)
    page = window(town.entry(SUPERVISOR, "/?from=2026-10-01&to=2026-12-31"), DESK)
    cut = "document.querySelector('.rates').offsetWidth > document.querySelector('.scroll').clientWidth"
    assert page.locator(".rates tbody tr").count() == 3
    for size in (DESK, PHONE):
        page.set_viewport_size(size)
        assert not page.evaluate(cut), size
    page.set_viewport_size({"width": 768, "height": 1024})  # a tablet scrolls the table, never the page
    look(page, "the overview on a tablet")


def look(page, what, *, contrast=True):
    """Nothing scrolls sideways, the title is not covered, and every word stands out (WCAG AA)."""
    page.evaluate("for (const folded of document.querySelectorAll('details')) folded.open = true")
    narrow = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    assert page.evaluate(narrow), f"{what}: has to be scrolled sideways"
    page.evaluate("scrollTo(0, 0)")
    title = page.locator("h1").first
    uncovered = """node => {
        const box = node.getBoundingClientRect();
        return node.contains(document.elementFromPoint(box.left + 4, box.top + box.height / 2));
    }"""
    assert title.evaluate(uncovered), f"{what}: its title is covered"
    if contrast:
        assert page.evaluate(FAINT_TEXT) == [], what


def test_a_case_at_the_desk_shows_by_when_it_has_to_be_dispatched(town, window):
    number = town.receive(department="没有这个单位", item="没有这个事项")
    page = window(town.entry(DISPATCHER, "/cases?mine=1"), DESK)
    row = page.locator("tr", has_text=number)
    sync_api.expect(row).to_contain_text("2026-11-30 15:30")
    sync_api.expect(row).to_contain_text("派单时限 剩余")
    row.get_by_role("link").click()
    facts = page.locator(".case-head .facts")
    sync_api.expect(facts).to_contain_text("派单时限")
    sync_api.expect(facts).to_contain_text("2026-11-30 15:30")


def test_the_keyboard_can_skip_the_menu_and_sees_where_it_is(town, window):
    page = window(town.entry(SUPERVISOR, "/cases"), DESK)
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="跳到正文")
    sync_api.expect(skip).to_be_focused()
    sync_api.expect(skip).to_be_in_viewport()
    page.keyboard.press("Tab")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    sync_api.expect(page.locator("nav [aria-current=page]")).to_have_text("工单")
