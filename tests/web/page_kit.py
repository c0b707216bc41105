"""A browser without a window, a WeCom that believes every code, and a case to look at."""

import asyncio
import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from starlette.applications import Starlette

from reviewbot.actions.open_case import open_case
from reviewbot.actions.receive_reviews import Accepted, Delivery, Rejected, receive_reviews
from reviewbot.errors import NotAllowed
from reviewbot.wiring import House


class Browser:
    """Keeps cookies and follows nothing."""

    def __init__(self, app: Starlette) -> None:
        transport = httpx.ASGITransport(app)
        self._client = httpx.AsyncClient(transport=transport, base_url="http://site")

    def get(self, path: str, **more: Any) -> httpx.Response:
        return asyncio.run(self._client.get(path, **more))

    def post(self, path: str, **more: Any) -> httpx.Response:
        return asyncio.run(self._client.post(path, **more))


class FakeWeCom:
    """Says that the code is the userid."""

    def oauth_userid(self, code: str) -> str:
        if code == "outsider":
            raise NotAllowed("您不是本单位的企业微信成员，不能登录")
        return code


def enter(client: Browser, userid: str, target: str = "/") -> Any:
    sent = client.get("/login", params={"next": target})
    state = parse_qs(urlsplit(sent.headers["location"]).query)["state"][0]
    return client.get("/login/callback", params={"code": userid, "state": state})


def new_case(house: House, **changed: Any) -> str:
    facts = {
        "external_id": "E1", "round": 1, "rating": 1, "reviewed_at": house.clock.now(), "is_default": False,
        "item": "失业保险金申领", "department_name": "社保局", "reason_codes": ["209"], "flags": [],
        "comment": "<b>太慢</b> 13812345678", "rater_name": "张三丰", "rater_phone": "13800000001",
        "rater_kind": "person", "rater_anonymous": False, "fingerprint": "f",
    }  # fmt: skip
    raw = json.dumps({"userName": "李四", "mobile": "13812345678", "x": "<b>"}, ensure_ascii=False).encode()
    records: list[Accepted | Rejected] = [
        Accepted(facts | changed, b"{}"),
        Rejected("refused", "评分不在对照表中", "E2", 1, raw),
    ]
    with house.database.begin() as session:
        got = receive_reviews(session, [Delivery("province_a", "webhook", records)], at=house.clock.now())
        case = open_case(session, got.bad_review_ids[0], at=house.clock.now(), rulebooks=house.rulebooks)
        assert case is not None
        return case.number


def token_in(page: str) -> str:
    return page.split('name="csrf" value="')[1].split('"')[0]
