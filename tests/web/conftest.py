"""The pages over a real database, entered through a WeCom that says the code is the userid."""

from dataclasses import replace
from typing import Any, cast

import pytest
from browser_kit import BROWSER, FLAGS, PATIENCE_MS, open_town
from page_kit import Browser, FakeWeCom
from starlette.applications import Starlette

from reviewbot.web.pages import page_routes
from reviewbot.wiring import House


@pytest.fixture
def pages(house: House) -> Browser:
    told = house.settings.wecom.model_copy(
        update={"base_url": "http://127.0.0.1:9", "corp_id": "ww1", "agent_id": 7}
    )
    wired = replace(
        house, settings=house.settings.model_copy(update={"wecom": told}), wecom=cast(Any, FakeWeCom())
    )
    app = Starlette(routes=page_routes())
    app.state.house = wired
    return Browser(app)


@pytest.fixture
def town(house: House):
    with open_town(house) as opened:
        yield opened


@pytest.fixture(scope="module")
def browser():
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with sync_api.sync_playwright() as driver:
        found = driver.chromium.launch(executable_path=BROWSER, args=FLAGS)
        yield found
        found.close()


@pytest.fixture
def window(browser):
    """Opens an address in a window of its own; a complaint of the page or a request to elsewhere fails the test."""
    contexts, complaints = [], []

    def heed(page):
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda wrong: complaints.append(str(wrong)))

    def open_(address, size):
        context = browser.new_context(viewport=size, locale="zh-CN")
        contexts.append(context)
        context.on("page", heed)
        context.on(
            "request",
            lambda asked: (
                None if asked.url.startswith(("http://127.0.0.1:", "data:")) else complaints.append(asked.url)
            ),
        )
        page = context.new_page()
        page.goto(address)
        return page

    open_.complaints = complaints
    yield open_
    for context in contexts:
        context.close()
    assert complaints == []
