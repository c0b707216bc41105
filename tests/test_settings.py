"""A wrong setting stops the start with one line that names it."""

import base64

import pytest

from reviewbot.errors import SettingError
from reviewbot.settings import load_settings

GOOD = "whsec_" + base64.b64encode(b"0123456789abcdef01234567").decode()
NOT_BASE64 = ["whsec_a", "whsec_not-base_64", f"{GOOD}!", "whsec_YWJj=garbage"]


@pytest.mark.parametrize("secret", ["whsec_", "whsec_!", f"{GOOD} whsec_", "whsec_密钥", *NOT_BASE64])
def test_a_secret_that_cannot_sign_stops_the_start(monkeypatch, secret):
    monkeypatch.setenv("REVIEWBOT_SOURCES__STANDARD__SECRET", secret)

    with pytest.raises(SettingError, match="REVIEWBOT_SOURCES__STANDARD__SECRET") as refused:
        load_settings()

    assert "\n" not in refused.value.sentence
    assert GOOD not in refused.value.sentence


@pytest.mark.parametrize("secret", ["", GOOD, f"{GOOD} {GOOD}", GOOD.removeprefix("whsec_")])
def test_usable_secrets_are_taken(monkeypatch, secret):
    monkeypatch.setenv("REVIEWBOT_SOURCES__STANDARD__SECRET", secret)

    assert load_settings().sources["standard"].secrets() == secret.split()


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
