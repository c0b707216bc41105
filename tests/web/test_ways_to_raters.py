"""The 公众号 where the rater chose it, else a text; by the real clients to stand-ins over real HTTP (W27)."""

import http.client
import io
import json
import re
import socket
import socketserver
import threading
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from case_kit import COMMENT, PHONE, RATER, SUPERVISOR, case_of, messages, opened
from page_kit import Browser, enter
from pydantic import SecretStr
from sms_door import serving
from sqlalchemy import select, update
from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

from reviewbot.actions.deliver_messages import deliver_messages
from reviewbot.actions.keep_openid import keep_openid
from reviewbot.links import RaterLink
from reviewbot.models.message import Message
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


@contextmanager
def by_gateway(bureau, url):
    """The same house with its texts going to this address."""
    sms = bureau.settings.sms.model_copy(update={"url": url, "timeout_seconds": 0.3})
    built = build_house(bureau.settings.model_copy(update={"sms": sms}))
    try:
        yield replace(built, clock=bureau.clock, ring=bureau.ring)
    finally:
        built.database.dispose()


def again(house, **facts):
    """The waiting time of every owed message has passed."""
    past = datetime.now(UTC) - timedelta(seconds=1)
    with house.database.begin() as session:
        session.execute(update(Message).where(Message.channel == "rater").values(next_try_at=past, **facts))


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

        assert (told.state, told.carrier) == ("owed", "official")
        assert told.unsure_since is not None
        assert texts.texts == []

        # What came first spent his one consent: the refusal of the repeat says nothing of that one.
        account.broken, account.code = False, 43101
        again(bureau)
        told = deliver(bureau)

        assert (told.state, told.carrier) == ("suppressed", "official")
        assert "可能已经送达" in told.reason
        assert texts.texts == []


@contextmanager
def gateway(answer):
    """A gateway that takes the whole request and then answers with these bytes; b"" cuts, None says nothing."""

    class Taker(socketserver.StreamRequestHandler):
        def handle(self):
            headers = http.client.parse_headers(io.BytesIO(b"".join(self._head())))
            self.rfile.read(int(headers["Content-Length"]))
            taken.append(headers["Idempotency-Key"])
            if answer is None:
                ended.wait(10)
            else:
                self.wfile.write(answer)

        def _head(self):
            self.rfile.readline()
            while (line := self.rfile.readline()) != b"\r\n":
                yield line

    taken, ended = [], threading.Event()
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Taker) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/sms/send", taken
        finally:
            ended.set()
            server.shutdown()
            thread.join()


def answered(status, body=b"", head=b""):
    return b"HTTP/1.1 %d X\r\n%sContent-Length: %d\r\n\r\n%s" % (status, head, len(body), body)


@pytest.mark.parametrize(
    "answer",
    [None, b"", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{", answered(500), answered(504), answered(408),
     answered(303, head=b"Location: /\r\n"), answered(200, b"<html>"),
     answered(503, head=b"Retry-After: 1\r\n")],
)  # fmt: skip
def test_a_text_that_may_have_arrived_is_never_told_again_by_the_account(house, clock, answer):
    with wired(house, clock, order=("sms", "official")) as (bureau, account, _):
        chose(bureau, opened(bureau))
        with gateway(answer) as (url, taken), by_gateway(bureau, url) as unclear:
            told = deliver(unclear)

        assert taken
        assert (told.state, told.carrier, told.unsure_since is None) == ("owed", "sms", False)
        # Days later the gateway refuses for certain, which says nothing of the first try.
        again(bureau, unsure_since=datetime.now(UTC) - timedelta(days=2))
        with gateway(answered(422)) as (url, taken), by_gateway(bureau, url) as refusing:
            told = deliver(refusing)

        assert taken
        assert told.state == "suppressed"
        assert "可能已经送达" in told.reason
        assert account.sent == []


def test_a_text_that_may_have_arrived_is_repeated_by_its_own_gateway_under_the_same_key(house, clock):
    with wired(house, clock, order=("sms", "official")) as (bureau, account, texts):
        chose(bureau, opened(bureau))
        with gateway(None) as (url, taken), by_gateway(bureau, url) as silent:
            deliver(silent)
        again(bureau, unsure_since=datetime.now(UTC) - timedelta(days=2))

        told = deliver(bureau)

        assert (told.state, told.carrier, account.sent) == ("sent", "sms", [])
        assert [text.id for text in texts.texts] == taken[:1]


def test_a_sender_that_died_in_the_gateways_hands_is_followed_by_no_other_way(house, clock):
    with wired(house, clock, order=("sms", "official")) as (bureau, account, _):
        chose(bureau, opened(bureau))
        with gateway(b"") as (url, _), by_gateway(bureau, url) as cut:
            deliver(cut)
        # As it stands when the process ends before it can record anything.
        again(bureau, state="sending", unsure_since=None)
        with gateway(answered(422)) as (url, _), by_gateway(bureau, url) as refusing:
            told = deliver(refusing)

        assert (told.state, account.sent) == ("suppressed", [])


@pytest.mark.parametrize("refusal", ["refused", "unknown", 400, 403, 422, 425, 429])
def test_a_text_that_certainly_did_not_go_is_told_by_the_account_at_once(house, clock, refusal):
    with wired(house, clock, order=("sms", "official")) as (bureau, account, _), ExitStack() as ends:
        chose(bureau, opened(bureau))
        if refusal == "refused":
            nobody = ends.enter_context(socket.socket())
            nobody.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{nobody.getsockname()[1]}/sms/send"
        elif refusal == "unknown":
            url = "http://gateway.invalid/sms/send"
        else:
            url, _ = ends.enter_context(gateway(answered(refusal)))

        told = deliver(ends.enter_context(by_gateway(bureau, url)))

        assert (told.state, told.carrier, len(account.sent)) == ("sent", "official", 1)
        assert told.passed[0].startswith("sms：")


def test_a_gateway_that_is_away_is_waited_for_where_the_rater_has_no_other_way(house, clock):
    """Sms first, and nobody follows the 公众号: its refusal is no reason to give the text up after three tries."""
    with wired(house, clock, order=("sms", "official")) as (bureau, _, texts):
        opened(bureau)
        with socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))
            with by_gateway(bureau, f"http://127.0.0.1:{nobody.getsockname()[1]}/sms/send") as away:
                for _ in range(7):
                    told = deliver(away)
                    assert told.state == "owed", told.reason
                    again(bureau)

        assert (deliver(bureau).carrier, len(texts.texts)) == ("sms", 1)


def test_the_case_says_that_a_text_may_have_arrived(house, clock, pages):
    number = opened(house)
    with house.database.begin() as session:
        session.execute(update(Message).where(Message.channel == "rater").values(
            state="suppressed", carrier="sms", unsure_since=clock.now(), reason="短信网关在规定时间内没有答复",
        ))  # fmt: skip
    enter(pages, SUPERVISOR)

    page = pages.get(f"/cases/{number}").text

    assert re.search(r"告知评价人.*可能已送达.*短信网关在规定时间内没有答复", page, re.DOTALL)
    assert PHONE not in page


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
