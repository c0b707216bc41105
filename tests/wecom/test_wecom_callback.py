"""The callback door: every vector of Tencent opens and becomes a typed value: W15, W17, W20, W24."""

import json

import pytest
import xmltodict
from wecom_door import AGENT, FIRST, NONCE, VECTORS, door, envelope, message, opened, push, push_sealed

from reviewbot.errors import SettingError
from reviewbot.wecom.callback import CallbackCrypto, CallbackKind
from reviewbot.wecom.crypto import Envelope

# --- W15: vectors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_w15_every_vector_opens_and_our_seal_opens_again(vector):
    crypto = CallbackCrypto(vector["token"], vector["aeskey"], vector["corpid"], AGENT)
    ours = Envelope(vector["token"], vector["aeskey"], vector["corpid"])
    parts = (vector["msg_signature"], vector["timestamp"], vector["nonce"])

    assert ours.signature(vector["timestamp"], vector["nonce"], vector["encrypt"]) == vector["msg_signature"]
    assert crypto.verify_url(*parts, vector["encrypt"]) == vector["plaintext"]

    reply = xmltodict.parse(crypto.seal(vector["plaintext"], "1700000000", NONCE))["xml"]

    assert (
        crypto.verify_url(reply["MsgSignature"], reply["TimeStamp"], reply["Nonce"], reply["Encrypt"])
        == vector["plaintext"]
    )


def test_w15_an_echostr_whose_plus_became_a_space_still_opens():
    echo = FIRST["encrypt"].replace("+", " ")

    assert "+" in FIRST["encrypt"]
    answer = door().verify_url(FIRST["msg_signature"], FIRST["timestamp"], FIRST["nonce"], echo)
    assert answer == FIRST["plaintext"]


def test_a_wrong_aes_key_stops_the_start():
    for key in ("short", "x" * 44, "!" * 43, "字" * 43):
        with pytest.raises(SettingError):
            CallbackCrypto("t", key, "corp", 1)


# --- W16, Q12: forms of the outer body ------------------------------------------------------------------


@pytest.mark.parametrize(
    "form",
    [
        "<xml><Encrypt>{0}</Encrypt></xml>",
        "<xml>\n <AgentID></AgentID>\n <Encrypt> <![CDATA[ {0} ]]>\n</Encrypt>\n</xml>\n",
        '{{"tousername":"ww6a112864f8022910","encrypt":"{0}","agentid":"1000002"}}',
        '{{"Encrypt":"{0}","AgentID":1000002}}',
    ],
)
def test_q12_outer_forms(form):
    encrypted = envelope().seal(message("<MsgType>text</MsgType><Content>a</Content><MsgId>1</MsgId>"))

    assert push_sealed(encrypted, body=form.format(encrypted).encode()).content == "a"


# --- W17, W20: what comes out ---------------------------------------------------------------------------


def test_w20_text():
    found = opened("text_chinese")

    assert found.kind is CallbackKind.text
    assert found.userid == "ZhangSan"
    assert found.content == "#A1027 已派维修队，预计明天 18:00 前完成"
    assert found.created_at == 1700000000
    assert found.key == "m:ww6a112864f8022910:1000002:ZhangSan:7300000000000000002"
    assert not found.stale


def test_w20_hard_texts():
    assert opened("text_cdata_end").content == "a]]>b & <c> &amp;"
    assert opened("text_emoji_astral").content == "👷🏽‍♂️已到现场🚧 𠮷野家路口"
    assert push(message("<MsgType>text</MsgType><Content></Content><MsgId>1</MsgId>")).content == ""


def test_w20_image_location_and_enter():
    image = opened("image")

    assert image.kind is CallbackKind.image
    assert image.media_id == "1G6nrLmr5EC3MMb_-zK1dDdzmd0p7cNliYu9V5w7o8K0"
    assert opened("location").raw["Label"] == "广东省某市某路口"
    assert opened("event_enter_agent").kind is CallbackKind.enter_agent
    assert opened("event_enter_agent").event_key is None


def test_w20_card_press_with_none_one_and_many_selections():
    one = opened("event_template_card_one")
    many = opened("event_template_card_multi")

    assert (one.kind, one.event_key, one.task_id, one.response_code) == (
        CallbackKind.card_press,
        "accept",
        "case-A1027-r1",
        "RC_abc",
    )
    assert one.selected == {}
    assert many.selected == {"q1": ["o1", "o2"], "q2": ["o3"]}
    single = push(
        message(
            "<MsgType>event</MsgType><Event>template_card_menu_event</Event><SelectedItems><SelectedItem>"
            "<QuestionKey>q</QuestionKey><OptionIds><OptionId>o</OptionId></OptionIds>"
            "</SelectedItem></SelectedItems>"
        )
    )
    assert (single.kind, single.selected) == (CallbackKind.card_press, {"q": ["o"]})


def test_w16_contact_callbacks_have_no_agent():
    found = opened("change_contact_delete")

    assert (found.kind, found.event, found.userid) == (CallbackKind.event, "change_contact", "sys")
    assert found.raw["UserID"] == "zhangsan"


@pytest.mark.parametrize(
    ("inner", "kind"),
    [
        ("<MsgType>file</MsgType><MediaId>M</MediaId><MsgId>1</MsgId>", CallbackKind.file),
        ("<MsgType>voice</MsgType><MediaId>M</MediaId><MsgId>1</MsgId>", CallbackKind.voice),
        ("<MsgType>link</MsgType><MsgId>1</MsgId>", CallbackKind.unknown),
        ("<MsgType>event</MsgType><Event>close_inactive_agent</Event>", CallbackKind.event),
        ("<MsgType>event</MsgType>", CallbackKind.event),
        ("", CallbackKind.unknown),
    ],
)
def test_w20_unknown_types_are_kept(inner, kind):
    assert push(message(inner)).kind is kind


def test_w20_json_plaintext():
    fields = {
        "ToUserName": FIRST["corpid"],
        "FromUserName": "lisi",
        "CreateTime": 1700000000,
        "MsgType": "text",
        "Content": "好\u0000的\ud800😀",
        "MsgId": 77,
        "AgentID": AGENT,
    }

    found = push(json.dumps(fields))

    assert (found.content, found.created_at) == ("好的😀", 1700000000)
    assert found.key.endswith(":77")
    assert found.raw["Content"] == "好的😀"


def test_w17_two_events_in_one_second_have_two_keys_and_a_retry_has_the_same():
    press = "<MsgType>event</MsgType><Event>template_card_event</Event><EventKey>{}</EventKey>"
    first, second = push(message(press.format("a"))), push(message(press.format("b")))
    retried = push(message(press.format("a")), timestamp="1700000005", nonce="other")

    assert first.key != second.key
    assert first.key == retried.key
    assert first.key.startswith("e:")
    assert len(first.key) == 66


def test_w17_one_msgid_from_two_members_has_two_keys():
    inner = "<MsgType>text</MsgType><Content>a</Content><MsgId>1</MsgId>"

    assert push(message(inner)).key != push(message(inner).replace("ZhangSan", "LiSi")).key


def test_w24_button_reply_swaps_and_escapes():
    found = opened("event_template_card_one")
    name = "已由李四]]><x/>\x00签收"

    plaintext = door().button_reply(found, name, at=1700000009)
    reply = xmltodict.parse(plaintext)["xml"]

    assert reply == {
        "ToUserName": "ZhangSan",
        "FromUserName": FIRST["corpid"],
        "CreateTime": "1700000009",
        "MsgType": "update_button",
        "Button": {"ReplaceName": "已由李四]]><x/>签收"},
    }
    sealed = xmltodict.parse(door().seal(plaintext, "1700000009", NONCE))["xml"]
    assert envelope().open(sealed["Encrypt"], sealed["MsgSignature"], "1700000009", NONCE) == plaintext
