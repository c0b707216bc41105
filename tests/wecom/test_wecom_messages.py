"""Messages, buttons and the error table: W8, W9, W12."""

import json
import pickle
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reviewbot.errors import ChannelError, SettingError
from reviewbot.wecom import buttons, messages
from reviewbot.wecom.errors import Kind, WeComError, load_error_table
from reviewbot.wecom.messages import Button, Card

AGENT = 1000002
BUTTON = Button("签收", "accept:A1027:1")


def card(**changes):
    values = {
        "task_id": "A1027-r1-n3",
        "source": "好差评",
        "title": "差评工单 A1027",
        "desc": "请于 18:00 前签收",
        "rows": [("时限", "4 小时")],
        "buttons": [BUTTON],
    }
    return Card(**(values | changes))


def refused(step, *args):
    with pytest.raises(WeComError) as caught:
        step(*args)
    assert caught.value.kind is Kind.content
    assert caught.value.permanent


def test_w09_the_same_message_gives_the_same_bytes_and_asks_for_the_duplicate_check():
    first = messages.encode(messages.button_card(AGENT, ["a"], card()))
    second = messages.encode(messages.button_card(AGENT, ["a"], card()))

    assert first == second
    assert json.loads(first)["enable_duplicate_check"] == 1
    assert json.loads(first)["duplicate_check_interval"] == 14400
    assert "签收".encode() in first


@settings(deadline=None)
@given(st.text(min_size=1, max_size=3000).filter(str.strip))
def test_w12_text_is_cut_at_2048_bytes_on_a_character_border(content):
    cut = messages.text(AGENT, ["a"], content)["text"]["content"]
    data = cut.encode()

    assert len(data) <= 2048
    assert content.startswith(cut.removesuffix("…")) or len(content.encode("utf-8", "replace")) <= 2048


def test_w12_long_chinese_uses_the_room_there_is():
    cut = messages.text(AGENT, ["a"], "a" + "好" * 1000)["text"]["content"]

    assert 2043 < len(cut.encode()) <= 2048
    assert cut.endswith("好…")


def test_w12_recipients():
    refused(messages.text, AGENT, [], "x")
    refused(messages.text, AGENT, ["a"] * 1001, "x")
    for name in ("", " ", "a|b", "@all", "@ALL"):
        refused(messages.text, AGENT, [name], "x")
    assert messages.text(AGENT, ["a", "b"], "x")["touser"] == "a|b"


def test_w12_empty_messages_are_refused():
    refused(messages.text, AGENT, ["a"], " ")
    refused(messages.textcard, AGENT, ["a"], "", "d", "https://x")
    refused(messages.textcard, AGENT, ["a"], "t", "d", "javascript:alert(1)")


def test_w12_textcard_is_cut():
    body = messages.textcard(AGENT, ["a"], "题" * 200, "述" * 600, "https://x/y", "查看工单详情")["textcard"]

    assert (len(body["title"]), len(body["description"]), len(body["btntxt"])) == (128, 512, 4)


def test_w12_display_limits_of_a_card_are_cut():
    long = card(
        source="来" * 30,
        title="题" * 50,
        desc="述" * 50,
        sub_title="副" * 200,
        rows=[("键" * 9, "值" * 40)],
        buttons=[Button("按" * 20, "k")],
    )

    body = messages.button_card(AGENT, ["a"], long)["template_card"]

    assert len(body["source"]["desc"]) == 20
    assert (len(body["main_title"]["title"]), len(body["main_title"]["desc"])) == (36, 44)
    assert len(body["sub_title_text"]) == 160
    assert [len(value) for value in body["horizontal_content_list"][0].values()] == [5, 30]
    assert len(body["button_list"][0]["text"]) == 10


@pytest.mark.parametrize(
    "changes",
    [
        {"task_id": ""},
        {"task_id": "工单"},
        {"task_id": "a" * 129},
        {"task_id": "a\n"},
        {"rows": [("a", "b")] * 7},
        {"buttons": [Button("a", str(n)) for n in range(7)]},
        {"buttons": [BUTTON, BUTTON]},
        {"buttons": [Button("a", "")]},
        {"buttons": [Button("a", "好" * 342)]},
        {"buttons": [Button("a", "k", style=5)]},
        {"buttons": [Button("", "k")]},
        {"buttons": [Button("a", "k", url="ftp://x")]},
        {"buttons": []},
        {"title": ""},
        {"source_color": 4},
        {"url": "https://x/" + "a" * 2048},
    ],
)
def test_w12_hard_limits_of_a_card_are_refused(changes):
    refused(messages.button_card, AGENT, ["a"], card(**changes))


def test_a_card_without_buttons_is_a_notice_with_a_page():
    body = messages.button_card(AGENT, ["a"], card(buttons=[], url="https://x/h5"))["template_card"]

    assert body["card_type"] == "text_notice"
    assert body["card_action"] == {"type": 1, "url": "https://x/h5"}
    assert "button_list" not in body


def test_a_button_with_a_page_opens_it():
    page = Button("处理并拍照", "page", style=3, url="https://x/h5")

    body = messages.button_card(AGENT, ["a"], card(buttons=[BUTTON, page]))["template_card"]

    assert body["card_type"] == "button_interaction"
    assert body["button_list"] == [
        {"text": "签收", "style": 1, "key": "accept:A1027:1"},
        {"text": "处理并拍照", "style": 3, "key": "page", "type": 1, "url": "https://x/h5"},
    ]


def test_a_button_gives_back_what_was_packed():
    assert buttons.pack("accept", "A1027", 1) == "accept:A1027:1"
    assert buttons.unpack("accept:A1027:1") == buttons.ButtonPress("accept", "A1027", 1)


@pytest.mark.parametrize(
    "key",
    [
        "",
        "accept",
        "a:b",
        "a:b:c",
        "a:b:01",
        "a:b:-1",
        "a:b:1:2",
        "a:b:１",
        "A:b:1",
        "a:b:1\n",
        "x" * 5000,
        "a:汉:1",
    ],
)
def test_a_foreign_button_key_is_none(key):
    assert buttons.unpack(key) is None


@pytest.mark.parametrize(
    "parts",
    [("", "A", 1), ("a:b", "A", 1), ("a", "A:1", 1), ("a", "", 1), ("a", "A", -1), ("a", "A" * 2000, 1)],
)
def test_w12_a_button_that_would_not_come_back_is_refused(parts):
    refused(buttons.pack, *parts)


def test_w12_task_ids_fit_wecoms_alphabet():
    assert buttons.task_id("A1027", 1, "n", 3) == "A1027-r1-n3"
    for parts in (
        ("工单", 1, "n", 3),
        ("A", -1, "n", 3),
        ("A", 1, "", 3),
        ("A", 1, "n1", 3),
        ("A" * 128, 1, "n", 3),
    ):
        refused(buttons.task_id, *parts)


WANTED = {
    Kind.retry: [-1, 6000],
    Kind.crowded: [45033],
    Kind.refresh: [40014, 42001],
    Kind.config: [40001, 40091, 40013, 41001, 41002, 41004, 60020, 301002, 48002, 50001, 50003, 40056, 43012],
    Kind.throttled: [45009],
    Kind.recipient: [81013, 82001, 40003, 40031, 60111, 60011, 46004],
    Kind.content: [82002, 82003, 40032, 45002, 40058, 40008, 40035, 40063, 44004, 41016, 41033, 85002],
    Kind.media: [40007, 40004, 40005, 40006, 40009, 40010, 40011, 44001, 45001, 830002],
    Kind.permanent: [40029, 42012, 99999999, 0],
}


@pytest.mark.parametrize(("kind", "code"), [(kind, code) for kind, codes in WANTED.items() for code in codes])
def test_w08_every_row_of_the_table(table, kind, code):
    error = table.error(code, "hint: [1], from ip: 1.2.3.4, more info at https://x?access_token=T")

    assert error.kind is kind
    assert error.errcode == code
    assert error.permanent == (kind in {Kind.recipient, Kind.content, Kind.media, Kind.permanent})
    assert re.search("[一-鿿]{4,}", error.sentence)
    assert "access_token" not in error.sentence
    assert isinstance(error, ChannelError)


def test_w08_every_row_is_wanted(table):
    assert set(table.rows) == {code for codes in WANTED.values() for code in codes} - {99999999, 0}


def test_w07_every_error_survives_pickling(table):
    for code in table.rows:
        error = table.error(code)
        copy = pickle.loads(pickle.dumps(error))
        assert vars(copy) == vars(error)


@pytest.mark.parametrize(
    "text",
    ["", "codes = 1", "[codes]\n1 = 2", '[codes]\n1 = {kind="x", meaning="y"}', "[codes]\nx = {}", "]["],
)
def test_a_broken_table_stops_the_start(tmp_path, text):
    path = tmp_path / "errors.toml"
    path.write_text(text)

    with pytest.raises(SettingError):
        load_error_table(path)
    with pytest.raises(SettingError):
        load_error_table(tmp_path / "missing.toml")
