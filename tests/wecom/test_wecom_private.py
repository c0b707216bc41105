"""A private deployment: own host, prefix, header, CA, older platform; nothing goes to Tencent (W1, W23, W28)."""

import contextlib
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
import uvicorn
from pydantic import SecretStr

from reviewbot.files.pictures import keep_picture
from reviewbot.rules.notices import Facts, new_case, picture
from reviewbot.settings import ROOT, Settings, load_settings
from reviewbot.simulator.certificates import make_certificates
from reviewbot.simulator.profiles import PROFILES
from reviewbot.simulator.quirks import set_quirks
from reviewbot.simulator.server import Agent, Member, SimulatorConfig, create_simulator
from reviewbot.web.app import create_app
from reviewbot.web.pages import page_routes
from reviewbot.wecom.errors import Kind, WeComError
from reviewbot.wiring import House, build_house

CORP, AGENT, SECRET = "wlprivate0000001", 1000002, "private-secret"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)


@contextmanager
def serving(app: Any, **tls: str) -> Iterator[int]:
    """An ASGI application on a port of this machine; the port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            host="127.0.0.1",
            port=port,
            log_level="critical",
            ws="none",
            timeout_graceful_shutdown=1,
            **tls,
        )
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        for _ in range(2000):
            if server.started:
                break
            thread.join(0.01)
        yield port
    finally:
        server.should_exit = True
        thread.join(20)


@dataclass
class Private:
    """The simulated platform in its private profile, behind TLS with a certificate of a private authority."""

    app: Any
    port: int
    authority: Path

    def bubbles(self) -> list[str]:
        return [one.kind for one in self.app.state.platform.inbox("chenwei")]


@pytest.fixture
def private(tmp_path: Path) -> Iterator[Private]:
    app = create_simulator(
        SimulatorConfig(CORP, (Agent(AGENT, SECRET),), members=[Member("chenwei", "陈伟")])
    )
    set_quirks(app.state.platform.quirks, PROFILES["private"])
    made = make_certificates(tmp_path / "tls", "127.0.0.1")
    with serving(app, ssl_certfile=str(made.certificate), ssl_keyfile=str(made.key)) as port:
        yield Private(app, port, made.authority)


@pytest.fixture
def told(settings: Settings, private: Private, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings as an operator writes them: by environment variables, the header's value a secret."""
    environment = {
        "BASE_URL": f"https://127.0.0.1:{private.port}",
        "API_PREFIX": "/qywx/cgi-bin",
        "AUTH_PATH": "user/getuserinfo",
        "UPLOAD_FIELD": "file",
        "CA_BUNDLE": str(private.authority),
        "HEADERS": '{"X-Gateway-Key": "demo-gateway"}',
        "CORP_ID": CORP,
        "AGENT_ID": str(AGENT),
        "SECRET": SECRET,
    }
    for name, value in environment.items():
        monkeypatch.setenv(f"REVIEWBOT_WECOM__{name}", value)
    read = load_settings(data_dir=settings.data_dir)
    return read.model_copy(update={"database_url": settings.database_url, "redis_url": settings.redis_url})


@pytest.fixture
def house(told: Settings) -> Iterator[House]:
    built = build_house(told)
    yield replace(built, ring=lambda *_: None)
    built.wecom._http.close()  # a server behind TLS waits for its clients' goodbye
    built.database.dispose()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every host this process wants to know the address of."""
    hosts: list[str] = []
    original = socket.getaddrinfo

    def watch(host, *rest, **more):
        hosts.append(host.decode() if isinstance(host, bytes) else str(host))
        return original(host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", watch)
    return hosts


def test_w28_a_private_platform_gets_every_message_in_a_form_it_knows(house, private):
    channel = house.channels["wecom"]
    card = new_case(Facts("A1027", 1, "社保卡申领", "社保局", "待签收", None, "/cases/A1027"))
    shown = picture(keep_picture(house.settings.data_dir, PNG), "a.png", "…")

    channel.deliver("chenwei", card, 1)
    channel.deliver("chenwei", card, 2)
    channel.deliver("chenwei", shown, 3)

    assert private.bubbles() == ["textcard", "textcard", "image"]
    assert house.wecom.health.facts().lacking == ["template_card"]


def test_w23_who_signs_in_is_asked_at_the_address_of_an_older_platform(house, private):
    code = private.app.state.platform.sign_ins.new_code("chenwei")

    assert house.wecom.oauth_userid(code) == "chenwei"
    with pytest.raises(WeComError):  # a code is good once
        house.wecom.oauth_userid(code)


def test_w01_with_another_host_nothing_leaves_for_tencent(house, private, asked):
    wecom = house.wecom
    wecom.check()
    media_id = wecom.upload_media("image", "a.png", PNG)
    wecom.download_media(media_id, 1000)
    for call in (
        lambda: wecom.oauth_userid("x"), lambda: wecom.recall("x"), lambda: wecom.user_get("chenwei"),
        lambda: wecom.update_card(["chenwei"], "x", "已签收"), lambda: list(wecom.user_list_id()),
        wecom.department_simplelist, lambda: wecom.user_simplelist(1), lambda: wecom.getuserid("13800000000"),
        lambda: wecom.create_menu(["我的待办"]),
        wecom.fetch_access_token, lambda: wecom.user.get("chenwei"),
    ):  # fmt: skip
        with contextlib.suppress(WeComError):
            call()
    # These two of wechatpy's have Tencent's addresses written into them, and send the token there.
    assert (wecom.media, wecom.oauth) == (None, None)

    with serving(create_app(house, page_routes())) as port:
        for agent in ("wxwork", "Mozilla/5.0"):
            there = requests.get(
                f"http://127.0.0.1:{port}/login",
                headers={"user-agent": agent},
                allow_redirects=False,
                timeout=20,
            )
            assert urlsplit(there.headers["location"]).netloc == f"127.0.0.1:{private.port}"

    assert set(asked) <= {"127.0.0.1"}
    assert asked


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"headers": {}}, "HTTP 403"),
        ({"headers": {"X-Gateway-Key": SecretStr("other")}}, "HTTP 403"),
        ({"ca_bundle": ""}, "无法连接"),
        ({"api_prefix": "/cgi-bin"}, "HTTP 404"),
    ],
)
def test_w28_what_a_gateway_refuses_is_told_without_the_secret_of_the_header(told, wrong, said):
    wecom = told.wecom.model_copy(update=wrong)
    built = build_house(told.model_copy(update={"wecom": wecom}))

    with pytest.raises(WeComError) as caught:
        built.wecom.check()
    built.wecom._http.close()
    built.database.dispose()

    assert said in caught.value.sentence
    assert caught.value.kind in (Kind.config, Kind.retry)
    assert "demo-gateway" not in repr(vars(caught.value)) + repr(told.wecom) + repr(built.settings)


@pytest.mark.parametrize(
    ("base", "oauth", "sso", "login", "scan"),
    [
        (
            "https://qyapi.weixin.qq.com",
            "",
            "",
            "https://open.weixin.qq.com",
            "https://open.work.weixin.qq.com",
        ),
        ("https://zw.example.gov.cn", "", "", "https://zw.example.gov.cn", "https://zw.example.gov.cn"),
        ("https://a.gov.cn", "https://b.gov.cn/", "", "https://b.gov.cn", "https://b.gov.cn"),
        ("https://a.gov.cn", "https://b.gov.cn", "https://c.gov.cn/", "https://b.gov.cn", "https://c.gov.cn"),
    ],
)
def test_w01_the_login_pages_belong_to_the_host_that_is_configured(settings, base, oauth, sso, login, scan):
    wecom = settings.wecom.model_copy(update={"base_url": base, "oauth_url": oauth, "sso_url": sso})

    assert (wecom.login_url, wecom.scan_url) == (login, scan)


def test_w01_tencents_hosts_stand_in_one_file_and_only_as_the_pages_of_public_wecom():
    found = {
        str(path.relative_to(ROOT))
        for folder in ("reviewbot", "tasks", "config")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in {".py", ".toml", ".html", ".js"} and "node_modules" not in path.parts
        and "simulator" not in path.parts and "vendor" not in path.parts
        and re.search(r"weixin\.qq\.com|work\.weixin", path.read_text(encoding="utf-8"))
    }  # fmt: skip

    # The settings file names the hosts of the 公众号, another service, off unless somebody configures it.
    assert found - {"config/reviewbot.toml"} == {"reviewbot/settings.py"}
