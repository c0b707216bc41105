"""A whole case in a real browser, on a phone's screen, against the running demonstration."""

import csv
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

ROOT = Path(__file__).parents[2]
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
PATIENCE = 60
PAGE_PATIENCE_MS = 20_000
PHONE = {"width": 390, "height": 844}
PHOTO = ROOT / "tests" / "data" / "photo.png"
OTHER_PHOTO = PHOTO.with_name("second.png")
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip

pytestmark = pytest.mark.skipif(
    BROWSER is None, reason="no browser on this machine; install chromium to run these"
)


@pytest.fixture(scope="module")
def addresses(tmp_path_factory):
    """(web, phones, (userid, case to sign)) of a demonstration of its own, at the rehearsal's standing morning."""
    folder = tmp_path_factory.mktemp("demo")
    port = _two_free_ports()
    environment = os.environ | {
        "REVIEWBOT_BIND": f"127.0.0.1:{port}", "REVIEWBOT_DATA_DIR": str(folder),
    }  # fmt: skip
    with (folder / "demo.log").open("wb") as log:
        demo = subprocess.Popen(
            [sys.executable, "-m", "reviewbot", "demo", "--rate", "1"],
            cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
        try:
            web, phones = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{port + 1}"
            yield web, phones, _until(lambda: _someone_with_a_card(phones), demo)
        finally:
            demo.send_signal(signal.SIGINT)
            demo.wait(PATIENCE)


def _two_free_ports():
    """A port whose neighbour is free as well: the phones live one above the web."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port = first.getsockname()[1]
            try:
                second.bind(("127.0.0.1", port + 1))
            except (OSError, OverflowError):
                continue
            return port


def _until(ready, demo=None):
    deadline = time.monotonic() + PATIENCE
    while not (found := ready()):
        assert time.monotonic() < deadline, "it did not happen in time"
        assert demo is None or demo.poll() is None, "the demonstration ended"
        time.sleep(0.2)
    return found


def _someone_with_a_card(phones):
    """(userid, case number) of a handler who was asked to sign; None while nobody was."""
    try:
        members = requests.get(f"{phones}/sim/phones", timeout=5).json()["members"]
        for member in members:
            if not member["unread"]:
                continue
            told = requests.get(f"{phones}/sim/phones/{member['userid']}/messages", timeout=5).json()
            for message in told["messages"]:
                for button in (message["content"] or {}).get("button_list") or []:
                    verb, _, rest = button.get("key", "").partition(":")
                    if verb == "sign":
                        return member["userid"], rest.partition(":")[0]
    except requests.RequestException:  # it has not started yet
        return None
    return None


def _head_of(userid):
    with (ROOT / "config/city/demo/staff.csv").open(encoding="utf-8-sig") as file:
        people = list(csv.DictReader(file))
    unit = next(one["department"] for one in people if one["userid"] == userid)
    return next(
        one["userid"] for one in people
        if one["department"] == unit and "head" in one["roles"].split(";") and one["userid"] != userid
    )  # fmt: skip


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        found = driver.chromium.launch(executable_path=BROWSER, args=FLAGS)
        yield found
        found.close()


@pytest.fixture
def open_page(browser):
    """Open an address in a window of its own; what the page complains of, or loads from elsewhere, fails the test."""
    contexts, complaints = [], []

    def open_(address, size=PHONE):
        context = browser.new_context(viewport=size, locale="zh-CN")
        contexts.append(context)
        context.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        context.on(
            "request",
            lambda asked: (
                None if asked.url.startswith(("http://127.0.0.1", "data:")) else complaints.append(asked.url)
            ),
        )
        page = context.new_page()
        page.set_default_timeout(PAGE_PATIENCE_MS)
        page.goto(address)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert complaints == []


def _is_narrow(page):
    """Nothing has to be scrolled sideways."""
    return page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_a_clerk_does_a_whole_case_from_a_phone(addresses, open_page, picture):
    """Signed on its card, called back, rectified with two photographs, approved, told: by cards and their pages."""
    _, phones, (clerk, number) = addresses
    phone = open_page(f"{phones}/phone/{clerk}")
    card = phone.locator(".card", has_text=number).last
    picture(phone, "story-1-card")
    card.get_by_role("button", name="签收").click()
    card.get_by_text("已由").wait_for()
    picture(phone, "story-2-signed")

    page = _opened(phone, card.get_by_role("link", name="登记回访"))
    page.get_by_label("已接通").check()
    page.locator("[name=remark]").fill("群众说等候太久，已致歉")
    picture(page, "story-3-call")
    page.get_by_role("button", name="登记回访").click()
    page.get_by_role("status").get_by_text(f"工单 {number} 已回访").wait_for()
    picture(page, "story-4-called")
    card.get_by_role("button", name="认定属实").wait_for()  # a fresh card: the press has spent the first

    page.get_by_role("link", name="提交整改").click()
    page.locator("[name=remark]").fill("增设一个窗口，并公示了办理时限")
    page.locator("input[multiple]").set_input_files([PHOTO, OTHER_PHOTO])
    page.locator("#chosen li[data-id]").nth(1).wait_for()
    picture(page, "story-5-measures")
    page.get_by_role("button", name="提交整改").click()
    page.get_by_role("status").get_by_text("现为「待审核」").wait_for()
    picture(page, "story-6-handed-in")
    card.get_by_text("现为「待审核」").wait_for()  # this one has changed by itself
    picture(phone, "story-7-card-after")
    assert _is_narrow(page)

    head = open_page(f"{phones}/phone/{_head_of(clerk)}")
    asked = head.locator(".card", has_text=number, has=head.get_by_role("button", name="通过")).first
    evidence = _opened(head, asked.locator("a.head"))
    for name in ("photo.png", "second.png"):
        evidence.get_by_role("link", name=name).wait_for()
    picture(evidence, "story-8-head-looks")
    asked.get_by_role("button", name="通过").click()
    head.get_by_text(f"工单 {number} 已通过").wait_for()
    picture(head, "story-9-approved")

    told = _opened(phone, card.get_by_role("link", name="反馈并办结"))
    told.get_by_label("告知方式").select_option("电话")
    told.locator("[name=remark]").fill("已电话告知整改结果")
    picture(told, "story-10-feedback")
    told.get_by_role("button", name="反馈并办结").click()
    told.get_by_role("status").get_by_text("现为「已办结」").wait_for()
    picture(told, "story-11-closed")
    card.get_by_text("现为「已办结」").wait_for()
    picture(phone, "story-12-card-closed")


def _opened(phone, link):
    """The page behind a link of a card, in a window of its own."""
    with phone.context.expect_page() as opened:
        link.click()
    page = opened.value
    page.set_default_timeout(PAGE_PATIENCE_MS)
    page.locator("h1").first.wait_for()
    return page


def test_the_supervisors_pages_fit_a_phone_and_a_desk(addresses, open_page):
    web, *_ = addresses
    for size in (PHONE, {"width": 1200, "height": 900}):
        page = open_page(f"{web}/", size)
        page.get_by_text("王海玲").first.click()
        page.locator("h1").first.wait_for()
        assert _is_narrow(page)
        for path in ("/cases", "/intake"):
            page.goto(web + path)
            page.locator("h1").first.wait_for()
            assert _is_narrow(page), path
