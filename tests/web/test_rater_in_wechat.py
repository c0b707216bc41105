"""A rater's whole way in WeChat against the simulator: his page, the sign-in of the 公众号, the notice, the way out
(W27, Q22)."""

import re
from contextlib import ExitStack, contextmanager
from dataclasses import replace

import pytest
import requests
from case_kit import case_of, messages, opened
from phone_kit import CORP, PATIENCE, new_listener, serving_on
from pydantic import SecretStr

from reviewbot.actions.deliver_messages import deliver_messages
from reviewbot.links import RaterLink
from reviewbot.simulator.config import Refused
from reviewbot.simulator.server import Account, Agent, SimulatorConfig, create_simulator
from reviewbot.web.app import create_app
from reviewbot.web.pages import page_routes
from reviewbot.wiring import build_house

WECHAT = {"user-agent": "Mozilla/5.0 MicroMessenger/8.0"}
APPID, SECRET, TEMPLATE, OPENID = "wx00000000000ab1", "secret-of-the-account", "tmplProgress", "oRater0001"
FIELDS = ("character_string1", "thing2", "phrase3", "date4")


@contextmanager
def bureau_with_account(settings, clock):
    """(house, accounts of the simulator, address of the simulator)"""
    with ExitStack() as ends:
        (web, web_url), (sim, sim_url) = new_listener(), new_listener()
        account = Account(APPID, SECRET, {TEMPLATE: FIELDS}, {OPENID: "陈女士"})
        simulator = create_simulator(SimulatorConfig(CORP, (Agent(1000002, "s"),), account=account))
        official = settings.official.model_copy(
            update={
                "base_url": sim_url, "oauth_url": sim_url, "appid": APPID, "secret": SecretStr(SECRET),
                "template_id": TEMPLATE,
                "fields": settings.official.fields.model_copy(
                    update=dict(zip(("number", "item", "progress", "date"), FIELDS, strict=True))
                ),
            }
        )  # fmt: skip
        told = settings.model_copy(update={"official": official, "public_url": web_url})
        house = replace(build_house(told), clock=clock, ring=lambda *_: None)
        ends.callback(house.database.dispose)
        ends.enter_context(serving_on(simulator, sim))
        ends.enter_context(serving_on(create_app(house, page_routes()), web))
        yield house, simulator.state.platform.accounts, sim_url


@pytest.fixture
def bureau(settings, clock):
    with bureau_with_account(settings, clock) as made:
        yield made


def test_a_rater_signs_in_and_agrees_is_told_in_wechat_once_and_takes_it_back(bureau, clock):
    house, accounts, sim_url = bureau
    number = opened(house)
    case = case_of(house, number)
    phone = requests.Session()
    phone.headers.update(WECHAT)
    there = house.links.make(RaterLink(case.id, 1, int(clock.now().timestamp())))
    page = phone.get(there, timeout=PATIENCE).text
    (ask,) = re.findall(r'href="(/r/[^"]+/wechat)"', page)

    asked = phone.get(house.settings.address + ask, allow_redirects=False, timeout=PATIENCE)
    consent = asked.headers["location"].partition("#")[0]
    assert consent.startswith(f"{sim_url}/connect/oauth2/authorize?appid={APPID}")
    assert "以谁的身份登录" in phone.get(consent, timeout=PATIENCE).text
    back = phone.get(f"{consent}&as={OPENID}", timeout=PATIENCE)
    assert (back.status_code, back.url) == (200, there)
    assert "不再接收" in back.text

    accounts.subscribe(OPENID, TEMPLATE)
    deliver_messages(house.database, house.channels, at=clock.now())
    (told,) = messages(house, channel="rater")
    assert (told.state, told.carrier) == ("sent", "official"), told.reason
    (notice,) = accounts.notices
    assert (notice.openid, notice.fields["character_string1"]) == (OPENID, number)
    assert phone.get(notice.page, timeout=PATIENCE).status_code == 200

    phone.post(house.settings.address + ask, timeout=PATIENCE)
    assert "同意用微信接收" in phone.get(there, timeout=PATIENCE).text


@pytest.mark.parametrize(
    ("changed", "errcode"),
    [({"appid": "wxother"}, 40013), ({"secret": "no"}, 40125), ({"grant_type": "x"}, 40002), ({"code": "x"}, 40029),
     ({"code": ""}, 41008)],
)  # fmt: skip
def test_q22_a_code_is_exchanged_by_its_own_account_only(bureau, changed, errcode):
    _, accounts, sim_url = bureau
    right = {
        "appid": APPID, "secret": SECRET, "code": accounts.new_code(OPENID), "grant_type": "authorization_code",
    }  # fmt: skip
    answer = requests.get(f"{sim_url}/sns/oauth2/access_token", params=right | changed, timeout=PATIENCE)
    assert answer.json()["errcode"] == errcode


def test_q22_a_code_is_good_once_and_for_five_minutes():
    now = [1_796_000_000.0]
    account = Account(APPID, SECRET)
    config = SimulatorConfig(CORP, (Agent(1000002, "s"),), account=account, now=lambda: now[0])
    accounts = create_simulator(config).state.platform.accounts
    asked = {"appid": APPID, "secret": SECRET, "grant_type": "authorization_code"}

    def exchanged(code):
        try:
            return accounts.signed_in(asked | {"code": code})["openid"]
        except Refused as refused:
            return refused.errcode

    code, late = accounts.new_code(OPENID), accounts.new_code(OPENID)
    assert (exchanged(code), exchanged(code)) == (OPENID, 40163)
    now[0] += 301
    assert exchanged(late) == 40029
