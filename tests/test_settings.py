"""A wrong setting stops the start with one line that names it."""

import base64

import pytest

from reviewbot.errors import SettingError
from reviewbot.settings import load_settings

GOOD = "whsec_" + base64.b64encode(b"0123456789abcdef01234567").decode()
NOT_BASE64 = ["whsec_a", "whsec_not-base_64", f"{GOOD}!", "whsec_YWJj=garbage", "abc", "notasecret"]


@pytest.mark.parametrize("secret", ["whsec_", "whsec_!", f"{GOOD} whsec_", "whsec_密钥", *NOT_BASE64])
def test_a_secret_that_cannot_sign_stops_the_start(monkeypatch, secret):
    monkeypatch.setenv("REVIEWBOT_SOURCES__STANDARD__SECRET", secret)

    with pytest.raises(SettingError, match="REVIEWBOT_SOURCES__STANDARD__SECRET") as refused:
        load_settings()

    assert "\n" not in refused.value.sentence
    assert GOOD not in refused.value.sentence


@pytest.mark.parametrize("secret", ["", GOOD, f"{GOOD} {GOOD}", GOOD.removeprefix("whsec_"), "whsec_YWJj"])
def test_usable_secrets_are_taken(monkeypatch, secret):
    monkeypatch.setenv("REVIEWBOT_SOURCES__STANDARD__SECRET", secret)

    assert load_settings().sources["standard"].secrets() == secret.split()


WRONG = {
    "DATABASE_URL": ["mysql://x", "postgresql://h:port/x", "postgresql://h/x?nonsense=1", "h/x"],
    "REDIS_URL": ["http://x", "redis://h:port"],
    "BIND": ["8000", "127.0.0.1:-1", "127.0.0.1:65536", "127.0.0.1:٨٠", ""],
    "PUBLIC_URL": ["ftp:/x", "bot.example", "http://", "http://h:port", "http://h h"],
    "WECOM__BASE_URL": ["qyapi"],
    "WECOM__CALLBACK_AES_KEY": ["short", "密" * 43, "!" * 43],
    "DIRECTORY__CALLBACK_AES_KEY": ["short"],
    "OFFICIAL__BASE_URL": ["", "api"],
    "SMS__URL": ["sms"],
    "SCAN__CLAMD": ["h:99999"],
    "CITY": ["/nowhere"],
    "CALENDAR": ["/nowhere"],
    "REHEARSAL": ["/nowhere"],
    "WECOM__CA_BUNDLE": ["/nowhere"],
    "WORKERS": ["x", "0", "1.5"],
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in WRONG.items() for value in values]
)
def test_what_would_only_fail_later_stops_the_start(monkeypatch, name, value):
    monkeypatch.setenv(f"REVIEWBOT_{name}", value)

    with pytest.raises(SettingError, match=f"REVIEWBOT_{name} ") as refused:
        load_settings()

    assert "\n" not in refused.value.sentence


@pytest.mark.parametrize(
    ("name", "value", "read"),
    [
        (
            "DATABASE_URL",
            "postgres://u:p%40@h:5432/x?sslmode=require",
            "postgresql://u:p%40@h:5432/x?sslmode=require",
        ),
        ("DATABASE_URL", "postgresql://u@/x?host=/run/pg", "postgresql://u@/x?host=/run/pg"),
        ("REDIS_URL", "rediss://:p@h:6380/1", "rediss://:p@h:6380/1"),
        ("REDIS_URL", "unix:///run/redis.sock?db=1", "unix:///run/redis.sock?db=1"),
        ("BIND", "0.0.0.0:65535", "0.0.0.0:65535"),
        ("PUBLIC_URL", "https://政务.example:8443/bot", "https://政务.example:8443/bot"),
    ],
)
def test_addresses_as_hosts_print_them_are_taken(monkeypatch, name, value, read):
    monkeypatch.setenv(f"REVIEWBOT_{name}", value)

    assert getattr(load_settings(), name.lower()) == read


@pytest.mark.parametrize(
    ("told", "missing"),
    [
        ({"WECOM__BASE_URL": "http://h", "WECOM__AGENT_ID": "1", "WECOM__SECRET": "s"}, "WECOM__CORP_ID"),
        ({"WECOM__CALLBACK_TOKEN": "t"}, "WECOM__CALLBACK_AES_KEY"),
        ({"DIRECTORY__CALLBACK_AES_KEY": "a" * 43}, "DIRECTORY__CALLBACK_TOKEN"),
        ({"OFFICIAL__APPID": "wx1", "OFFICIAL__TEMPLATE_ID": "t"}, "OFFICIAL__SECRET"),
        ({"SMS__URL": "http://h"}, "SMS__SECRET"),
    ],
)
def test_what_is_half_configured_stops_the_start_and_names_the_other_half(monkeypatch, told, missing):
    for name, value in told.items():
        monkeypatch.setenv(f"REVIEWBOT_{name}", value)

    with pytest.raises(SettingError, match=f"缺少设置 REVIEWBOT_{missing}："):
        load_settings()


def test_a_setting_nobody_knows_stops_the_start(monkeypatch):
    monkeypatch.setenv("REVIEWBOT_WECOM__BASE_URI", "http://127.0.0.1")

    with pytest.raises(SettingError, match="REVIEWBOT_WECOM__BASE_URI"):
        load_settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [("RATERS__ORDER", "sms"), ("WECOM__HEADERS", "x"), ("SOURCES", "x")],
)
def test_a_list_that_is_no_json_stops_the_start_with_one_line_that_names_it(monkeypatch, name, value):
    monkeypatch.setenv(f"REVIEWBOT_{name}", value)

    with pytest.raises(SettingError, match=f"REVIEWBOT_{name.split('__')[0]}.*JSON"):
        load_settings()


def test_a_secret_file_that_is_no_text_stops_the_start_with_one_line_that_names_it(monkeypatch, tmp_path):
    (tmp_path / "secret").write_bytes(b"\xff\xfe")
    monkeypatch.setenv("REVIEWBOT_WECOM__SECRET_FILE", str(tmp_path / "secret"))

    with pytest.raises(SettingError, match="REVIEWBOT_WECOM__SECRET_FILE"):
        load_settings()
