"""The simulator's own encryption against vectors made by Tencent's library, in both directions."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from reviewbot.simulator.crypto import CallbackCrypto, CryptoError, card_from_xml

VECTORS = json.loads((Path(__file__).parents[1] / "data/wecom_vectors.json").read_text())["vectors"]


def crypto_of(vector: dict[str, Any]) -> CallbackCrypto:
    return CallbackCrypto(vector["token"], vector["aeskey"], vector["corpid"])


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: v["name"])
def test_a_vector_opens_to_its_plaintext(vector):
    opened = crypto_of(vector).open(
        vector["msg_signature"], vector["timestamp"], vector["nonce"], vector["encrypt"]
    )

    assert opened == vector["plaintext"]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: v["name"])
def test_the_same_prefix_seals_to_the_same_bytes(vector):
    crypto = crypto_of(vector)
    prefix = crypto.decrypt_raw(vector["encrypt"])[:16]

    assert crypto.encrypt(vector["plaintext"], prefix) == vector["encrypt"]
    assert (
        crypto.signature(vector["timestamp"], vector["nonce"], vector["encrypt"]) == vector["msg_signature"]
    )


def test_what_is_not_genuine_is_refused():
    vector = VECTORS[0]
    crypto = crypto_of(vector)
    other = CallbackCrypto(vector["token"], vector["aeskey"], "ww-other")

    with pytest.raises(CryptoError):
        crypto.open("0" * 40, vector["timestamp"], vector["nonce"], vector["encrypt"])
    with pytest.raises(CryptoError):
        other.decrypt(vector["encrypt"])
    with pytest.raises(CryptoError):
        crypto.decrypt("not base64!")
    with pytest.raises(CryptoError):
        crypto.decrypt(base64.b64encode(bytes(33)).decode())


def test_a_card_in_xml_reads_like_the_card_in_json():
    card = card_from_xml(
        {
            "CardType": "button_interaction",
            "MainTitle": {"Title": "好"},
            "ButtonList": {"Key": "a", "Text": None},
        }
    )

    assert card == {
        "card_type": "button_interaction",
        "main_title": {"title": "好"},
        "button_list": [{"key": "a", "text": ""}],
    }
