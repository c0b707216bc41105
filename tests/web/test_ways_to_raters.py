"""The 公众号 where the rater chose it, else a text; by the real clients to stand-ins over real HTTP (W27)."""

import json
from contextlib import contextmanager
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
from case_kit import COMMENT, PHONE, RATER, case_of, messages, opened
from page_kit import Browser
from pydantic import SecretStr
from sms_door import serving
from sqlalchemy import select
from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

from reviewbot.actions.deliver_messages import deliver_messages
from reviewbot.actions.keep_openid import keep_openid
from reviewbot.links import RaterLink
from reviewbot.models.rater import RaterOpenid
from reviewbot.simulator.texts import TextMessages
from reviewbot.web.pages import page_routes
from reviewbot.wiring import build_house

WECHAT = {"user-agent": "Mozilla/5.0 MicroMessenger/8.0"}


class Account:
    """A 公众号 as its documents describe it, as far as it is used here."""

    def __init__(self):
        self.code, self.sent, self.broken = 0, [], False

    def routes(self):
        async def token(_):
            return JSONResponse({"access_token": "S1", "expires_in": 7200})

        async def send(request):
            if self.broken:
                return PlainTextResponse("proxy", status_code=502)
            self.sent.append(json.loads(await request.body()))
            return JSONResponse({"errcode": self.code, "errmsg": "x"})

        async def code(request):
            good = request.query_params["code"] == "good"
            return JSONResponse({"openid": "OPENID1"} if good else {"errcode": 40163, "errmsg": "used"})

        return [
            Route("/cgi-bin/stable_token", token, methods=["POST"]),
            Route("/cgi-bin/message/subscribe/bizsend", send, methods=["POST"]),
            Route("/sns/oauth2/access_token", code),
        ]


@contextmanager
def wired(house, clock, *, order=("official", "sms")):
    account, texts = Account(), TextMessages("bureau", "s3cret")
    with serving(Starlette(routes=[*account.routes(), *texts.routes()])) as address:
        told = house.settings
        sms = told.sms.model_copy(
            update={"url": f"{address}/sms/send", "account": "bureau", "secret": SecretStr("s3cret")}
        )
        official = told.official.model_copy(
            update={
                "base_url": address, "oauth_url": "http://consent", "appid": f"wx{address[-5:]}",
                "secret": SecretStr("x"), "template_id": "TPL",
            }
        )  # fmt: skip
        raters = told.raters.model_copy(update={"order": list(order)})
        built = build_house(
            told.model_copy(
                update={"sms": sms, "official": official, "raters": raters, "public_url": "http://bureau"}
            )
        )
        try:
            yield replace(built, clock=clock, ring=house.ring), account, texts
        finally:
            built.database.dispose()


def chose(house, number):
    case = case_of(house, number)
    link = RaterLink(case.id, 1, int(house.clock.now().timestamp()))
    with house.database.begin() as session:
        keep_openid(session, link, "OPENID1", at=house.clock.now())


def deliver(house):
    while deliver_messages(house.database, house.channels, at=house.clock.now()):
        pass
    (told,) = messages(house, channel="rater")
    return told


def test_who_chose_wechat_is_told_there_with_number_item_date_and_link_alone(house, clock):
    with wired(house, clock) as (bureau, account, texts):
        number = opened(bureau)
        chose(bureau, number)

        told = deliver(bureau)

        assert (told.state, told.carrier, told.passed) == ("sent", "official", [])
        (sent,) = account.sent
        assert sent["touser"] == "OPENID1"
        assert sent["page"].startswith("http://bureau/r/")
        assert {key: one["value"] for key, one in sent["data"].items()} == {
            "character_string1": number, "thing2": "失业保险金申领", "phrase3": "已受理",
            "time4": "2026年12月7日",
        }  # fmt: skip
        said = json.dumps(sent, ensure_ascii=False)
        assert not any(word in said for word in (RATER, PHONE, COMMENT))
        assert texts.texts == []


def test_who_chose_nothing_gets_a_text_and_the_row_says_why(house, clock):
    with wired(house, clock) as (bureau, account, texts):
        opened(bureau)

        told = deliver(bureau)

        assert (told.state, told.carrier) == ("sent", "sms")
        assert told.passed == ["official：评价人没有选择用微信接收"]
        assert (account.sent, len(texts.texts)) == ([], 1)


@pytest.mark.parametrize("code", [43101, 43004, 40003, 47003, 40164, 45009])
def test_what_the_account_refuses_for_certain_goes_out_as_a_text_at_once(house, clock, code):
    with wired(house, clock) as (bureau, account, texts):
        chose(bureau, opened(bureau))
        account.code = code

        told = deliver(bureau)

        assert (told.state, told.carrier, told.attempts) == ("sent", "sms", 1)
        assert str(code) in told.passed[0]
        assert (len(account.sent), len(texts.texts)) == (1, 1)


def test_what_may_have_arrived_is_not_told_a_second_time_by_text(house, clock):
    with wired(house, clock) as (bureau, account, texts):
        chose(bureau, opened(bureau))
        account.broken = True

        told = deliver(bureau)

        assert (told.state, told.carrier) == ("owed", None)
        assert texts.texts == []


def test_the_order_is_the_bureaus_and_one_way_alone_will_do(house, clock):
    with wired(house, clock, order=("sms", "official")) as (bureau, _, _):
        chose(bureau, opened(bureau))
        assert deliver(bureau).carrier == "sms"
    with wired(house, clock, order=("official",)) as (bureau, _, _):
        opened(bureau, item="其他事项")
        deliver_messages(bureau.database, bureau.channels, at=clock.now())
        last = messages(bureau, channel="rater")[-1]
        assert (last.state, last.reason) == ("suppressed", "评价人没有选择用微信接收")


@pytest.fixture
def stage(house, clock):
    with wired(house, clock) as (bureau, _, _):
        number = opened(bureau)
        link = bureau.links.make(RaterLink(case_of(bureau, number).id, 1, int(clock.now().timestamp())))
        app = Starlette(routes=page_routes())
        app.state.house = bureau
        yield Browser(app), urlsplit(link).path, bureau


def kept(house):
    with house.database.begin() as session:
        return list(session.scalars(select(RaterOpenid.openid)))


def test_a_rater_consents_on_his_page_and_takes_it_back(stage):
    browser, page, house = stage
    assert "用微信接收" not in browser.get(page).text
    assert "同意用微信接收" in browser.get(page, headers=WECHAT).text

    sent = browser.get(f"{page}/wechat")
    asked = parse_qs(urlsplit(sent.headers["location"]).query)
    assert asked["redirect_uri"] == ["http://bureau/r/consent/back"]
    back = browser.get("/r/consent/back", params={"code": "good", "state": asked["state"][0]})

    assert (back.status_code, back.headers["location"]) == (303, page)
    assert kept(house) == ["OPENID1"]
    assert "您已选择用微信接收" in browser.get(page).text
    assert browser.post(f"{page}/wechat", data={"x": "1"}).status_code == 303
    assert kept(house) == []


def test_a_consent_that_did_not_begin_here_or_was_used_keeps_nothing(stage):
    browser, page, house = stage
    assert browser.get("/r/consent/back", params={"code": "good", "state": "x"}).status_code == 401
    state = parse_qs(urlsplit(browser.get(f"{page}/wechat").headers["location"]).query)["state"][0]
    assert (
        browser.get("/r/consent/back", params={"code": "good", "state": "x" + state[1:]}).status_code == 401
    )
    assert browser.get("/r/consent/back", params={"code": "used", "state": state}).status_code == 502
    assert browser.get("/r/forged/wechat").status_code == 404
    assert browser.post("/r/forged/wechat", data={"x": "1"}).status_code == 404
    assert kept(house) == []


def test_without_an_account_nothing_is_offered(house, clock):
    app = Starlette(routes=page_routes())
    number = opened(house)
    link = house.links.make(RaterLink(case_of(house, number).id, 1, int(clock.now().timestamp())))
    app.state.house = house
    browser, page = Browser(app), urlsplit(link).path

    assert "微信" not in browser.get(page, headers=WECHAT).text
    assert browser.get(f"{page}/wechat").status_code == 404
