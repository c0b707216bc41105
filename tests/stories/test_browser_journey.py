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

pytestmark = pytest.mark.skipif(
    BROWSER is None, reason="no browser on this machine; install chromium to run these"
)


@pytest.fixture(scope="module")
def addresses(tmp_path_factory):
    """(web, phones) of a demonstration of its own, at the rehearsal's standing morning."""
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
            _until(lambda: _someone_with_a_card(phones), demo)
            yield web, phones
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
                    verb, number = str(button.get("key", "::")).split(":")[:2]
                    if verb == "sign":
                        return member["userid"], number
    except (requests.RequestException, ValueError, AttributeError):
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
        found = driver.chromium.launch(executable_path=BROWSER, args=["--no-sandbox", "--disable-gpu"])
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


def _say(page, words):
    box = page.locator("textarea, input[type=text]").last
    box.fill(words)
    box.press("Enter")


def test_a_clerk_brings_a_case_from_its_card_to_its_end_on_a_phone(addresses, open_page):
    _, phones = addresses
    clerk, number = _someone_with_a_card(phones)
    phone = open_page(f"{phones}/phone/{clerk}")

    card = phone.locator(".card", has_text=number).first
    card.get_by_role("button", name="签收").click()
    card.get_by_text("已由").wait_for()
    phone.get_by_text(f"工单 {number} 已签收").wait_for()
    _say(phone, "回访 已接通 群众说等候太久，已致歉")
    phone.get_by_text(f"工单 {number} 已回访").wait_for()
    _say(phone, f"认定 {number} 属实")
    phone.get_by_text(f"工单 {number} 已认定属实").wait_for()
    assert _is_narrow(phone)

    with phone.context.expect_page() as opened:
        card.locator("a.head").click()
    case = opened.value
    case.set_default_timeout(PAGE_PATIENCE_MS)
    case.get_by_role("heading", name=number).first.wait_for()
    assert _is_narrow(case)
    case.locator("summary", has_text="上传附件").click()
    files = case.locator("form", has=case.locator("input[type=file]"))
    files.locator("input[type=file]").set_input_files(PHOTO)
    files.get_by_role("button", name="上传").click()
    case.get_by_text("photo.png").first.wait_for()
    form = case.locator("form", has=case.locator("input[value=submit_measures]"))
    if not form.locator("textarea").is_visible():
        case.locator("summary", has_text="提交整改").first.click()
    form.locator("textarea").fill("增设一个窗口，并公示了办理时限")
    form.get_by_role("button", name="提交整改").click()
    case.get_by_text("待审核").first.wait_for()

    head = open_page(f"{phones}/phone/{_head_of(clerk)}")
    asked = head.locator(".card", has_text=f"待审核 {number}").first
    asked.get_by_role("button", name="通过").click()
    head.get_by_text(f"工单 {number} 已通过").wait_for()
    phone.bring_to_front()
    _say(phone, f"反馈 {number} 电话 已告知整改结果")
    phone.get_by_text("现为「已办结」").last.wait_for()

    case.reload()
    case.get_by_text("已办结").first.wait_for()


def test_the_supervisors_pages_fit_a_phone_and_a_desk(addresses, open_page):
    web, _ = addresses
    for size in (PHONE, {"width": 1200, "height": 900}):
        page = open_page(f"{web}/", size)
        page.get_by_text("王海玲").first.click()
        page.locator("h1").first.wait_for()
        assert _is_narrow(page)
        for path in ("/cases", "/intake"):
            page.goto(web + path)
            page.locator("h1").first.wait_for()
            assert _is_narrow(page), path
