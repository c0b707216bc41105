"""The pages over a real database, entered through a WeCom that says the code is the userid."""

from dataclasses import replace
from typing import Any, cast

import pytest
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
