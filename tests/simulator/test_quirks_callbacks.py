"""Q12-Q16: how callbacks look, how often they come, in what order and in what company."""

import base64
import threading
import time
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest
from simulator_kit import CORP, CRYPTO, last, say, send_card, switch, until, update_button, world


def padding_of(encrypted):
    """How many bytes of padding a sealed text has."""
    return len(base64.b64decode(encrypted)) - len(CRYPTO.decrypt_raw(encrypted))


def test_q12_callbacks_are_really_encrypted_and_every_padding_occurs_by_the_switch():
    with world() as (application, client):
        for _ in range(8):
            say(client, "一样长")
        assert len({padding_of(raw) for raw in application.raw}) == 1

        switch(client, callback_paddings=True)
        for _ in range(32):
            say(client, "一样长")

        assert {padding_of(raw) for raw in application.raw[8:]} == set(range(1, 33))
        assert {seen.findtext("Content") for seen in application.seen} == {"一样长"}


def test_q12_the_envelope_comes_with_and_without_cdata_and_blanks():
    with world() as (application, client):
        for cdata in (True, False):
            for spaces in (False, True):
                switch(client, callback_cdata=cdata, callback_spaces=spaces)
                say(client)

        bodies = application.bodies
        assert [b"<![CDATA[" in body for body in bodies] == [True, True, False, False]
        assert [b"\n" in body for body in bodies] == [False, True, False, True]
        for body in bodies:
            outer = ET.fromstring(body)
            assert outer.findtext("ToUserName").strip() == CORP
            assert outer.findtext("AgentID").strip() == "1000002"
        assert len(application.seen) == 4


def test_q12_json_instead_of_xml_both_ways():
    with world(callback_format="json") as (application, client):
        inner = '{"MsgType":"text","Content":"收到"}'
        encrypted = CRYPTO.encrypt(inner)
        signature = CRYPTO.signature("1700000000", "77", encrypted)
        application.answer = (
            f'{{"encrypt":"{encrypted}","msgsignature":"{signature}","timestamp":1700000000,"nonce":"77"}}'
        ).encode()

        say(client, "你好]]>")

        assert application.bodies[0].startswith(b'{"tousername"')
        assert application.told[0]["Content"] == "你好]]>"
        assert application.told[0]["AgentID"] == 1000002
        assert last(client)["content"] == {"content": "收到"}
        switch(client, callback_format="xml")
        application.answer = b""
        say(client)
        assert application.bodies[1].startswith(b"<xml>")


def test_q12_the_echostr_has_plus_and_slash_and_equals_in_it():
    with world() as (application, client):
        assert [client.post("/sim/verify").json()["delivered"] for _ in range(5)] == [True] * 5
        assert all({"+", "/", "="} <= set(query["echostr"]) for query in application.echoes)

        application.echoes.clear()
        switch(client, echo_awkward=False)
        for _ in range(80):  # each has both by chance in every second case
            client.post("/sim/verify")
        assert not all({"+", "/"} <= set(query["echostr"]) for query in application.echoes)


def test_q12_an_echo_in_quotes_or_with_a_newline_is_no_echo():
    with world() as (application, client):
        application.echo = lambda text: text + "\n"

        assert client.post("/sim/verify").json()["delivered"] is False


def test_q13_after_five_seconds_the_socket_is_closed_and_three_tries_are_made():
    with world(callback_timeout_seconds=0.15) as (application, client):
        application.delay = 0.4
        answer = say(client)

        assert answer == {"delivered": False, "status": "处理超时"}
        assert len(application.raw) == 3
        log = client.get("/sim/requests", params={"path": "callback"}).json()["requests"]
        assert [row["attempt"] for row in log] == [1, 2, 3]
        assert all(0.1 < row["seconds"] < 0.4 for row in log)
        until(lambda: not application.running)
        application.raw.clear()
        switch(client, callback_tries=1)
        say(client)
        assert len(application.raw) == 1
        until(lambda: not application.running)


def test_q13_a_bot_that_breaks_down_is_told_apart_from_one_that_is_not_there():
    with world(callback_tries=1) as (application, client):

        def hang_up():
            raise ConnectionResetError

        def verdict():
            say(client)
            return client.get("/sim/requests", params={"path": "callback"}).json()["requests"][-1]["verdict"]

        application.meanwhile = hang_up
        assert "没有应答就断开" in verdict()
    with world(callback_tries=1) as (_, client):
        nowhere = client.app.state.pusher.app
        nowhere.callback = replace(nowhere.callback, url="http://127.0.0.1:1/")
        assert say(client)["delivered"] is False
        log = client.get("/sim/requests", params={"path": "callback"}).json()["requests"]
        assert "无法送达" in log[-1]["verdict"]


def test_q13_anything_but_200_is_a_failure():
    with world() as (application, client):
        application.status = 500
        assert say(client)["delivered"] is False
        assert len(application.raw) == 3

        application.status = 200
        assert say(client)["delivered"]
        assert len(application.raw) == 4


@pytest.mark.parametrize(("fresh", "sealed", "nonces"), [(False, 1, 1), (True, 3, 3)])
def test_q13_a_retry_has_the_same_ciphertext_or_a_fresh_one_of_the_same_plaintext(fresh, sealed, nonces):
    with world(retry_fresh_ciphertext=fresh) as (application, client):
        application.status = 503

        say(client)

        assert len(set(application.raw)) == sealed
        assert len({query["nonce"] for query in application.queries}) == nonces
        assert len({seen.findtext("MsgId") for seen in application.seen}) == 1


@pytest.mark.parametrize("overlaps", [False, True])
def test_q13_a_retry_may_come_while_the_first_try_still_hangs(overlaps):
    with world(callback_timeout_seconds=0.15, callback_tries=2, retry_overlaps=overlaps) as (app, client):
        app.delay = 0.5

        say(client)

        until(lambda: not app.running)
        assert app.most_running == 2
        assert app.answered == (2 if overlaps else 0)


def test_q14_different_events_may_carry_one_second():
    with world() as (application, client):
        now = client.get("/sim/status").json()["now"]
        client.post("/sim/clock", json={"set": int(now) // 600 * 600 + 10, "rate": 0})
        say(client, "一")
        client.post("/sim/clock", json={"advance": 3})
        say(client, "二")
        assert len({seen.findtext("CreateTime") for seen in application.seen}) == 2

        switch(client, create_time_step=600)
        say(client, "三")
        client.post("/sim/clock", json={"advance": 3})
        say(client, "四")

        assert len({seen.findtext("CreateTime") for seen in application.seen[2:]}) == 1
        assert len({seen.findtext("MsgId") for seen in application.seen}) == 4


def test_q14_two_members_messages_may_carry_one_msgid():
    with world() as (application, client):

        def talk():
            application.seen.clear()
            for userid in ("zhangsan", "lisi", "zhangsan", "lisi"):
                say(client, userid, userid)
            return [seen.findtext("MsgId") for seen in application.seen]

        assert len(set(talk())) == 4
        switch(client, shared_msg_id=True)
        ids = talk()
        assert ids[0] == ids[1] != ids[2] == ids[3]


def test_q14_a_callback_may_come_minutes_late():
    with world() as (application, client):
        client.post("/sim/clock", json={"rate": 0})
        switch(client, callback_hold_seconds=300)
        sender = threading.Thread(target=say, args=(client, "晚到"))
        sender.start()
        until(lambda: client.get("/sim/phones/zhangsan/messages").json()["messages"])
        client.post("/sim/clock", json={"advance": 299})
        assert application.seen == []

        client.post("/sim/clock", json={"advance": 2})
        sender.join()

        (seen,), (query,) = application.seen, application.queries
        assert int(query["timestamp"]) - int(seen.findtext("CreateTime")) >= 300
        switch(client, callback_hold_seconds=0)
        say(client)
        assert len(application.seen) == 2


def test_q14_a_crowd_acts_at_once():
    with world() as (application, client):
        client.post("/sim/members", json=[{"userid": f"u{n}", "name": f"成员{n}"} for n in range(30)])
        application.delay = 0.3
        started = time.monotonic()

        told = client.post("/sim/crowd", json={"count": 30, "content": "办结"}).json()

        assert (told["acts"], told["delivered"], len(application.seen)) == (30, 30, 30)
        assert time.monotonic() - started < 6
        assert application.most_running > 5


def test_q14_a_crowd_presses_one_card():
    with world() as (application, client):
        send_card(client)
        application.answer = update_button("已签收")

        told = client.post("/sim/crowd", json={"task_id": "A1-1", "key": "accept"}).json()

        assert told["delivered"] == 2
        assert {seen.findtext("FromUserName") for seen in application.seen} == {"ZhangSan", "lisi"}


@pytest.mark.parametrize(
    ("case", "name"),
    [("directory", "ZhangSan"), ("lower", "zhangsan"), ("upper", "ZHANGSAN"), ("swapped", "zHANGsAN")],
)
def test_q15_a_name_may_come_in_another_case(case, name):
    with world(userid_case=case) as (application, client):
        say(client)

        assert application.seen[0].findtext("FromUserName") == name


def play(client, name, **more):
    return client.post(f"/sim/scenes/{name}", json=more)


@pytest.mark.parametrize(
    ("scene", "path", "values"),
    [
        ("none_selected", "SelectedItems", []),
        ("one_selected", "SelectedItems/SelectedItem/OptionIds/OptionId", ["a"]),
        ("many_selected", "SelectedItems/SelectedItem/OptionIds/OptionId", ["a", "b", "c", "甲"]),
        ("chinese_key", "EventKey", ["签收：差评工单"]),
        ("long_key", "EventKey", ["k" * 1024]),
        ("empty_text", "Content", [None]),
        ("emoji", "Content", ["好的👨‍👩‍👧‍👦𠮷"]),
        ("cdata_end", "Content", ["a]]>b<![CDATA[c"]),
        ("full_text", "Content", ["字" * 682 + "ab"]),
        ("other_case", "FromUserName", ["zHANGsAN"]),
    ],
)
def test_q15_what_a_callback_may_contain(scene, path, values):
    with world() as (application, client):
        assert play(client, scene).json()["outcomes"][0]["delivered"]

        assert [node.text for node in application.seen[0].findall(path)] == values


def test_q14_scenes_of_one_second_and_one_msgid():
    with world() as (application, client):
        play(client, "same_second")
        play(client, "same_msg_id")

        first, second, third, fourth = application.seen
        assert first.findtext("CreateTime") == second.findtext("CreateTime")
        assert first.findtext("EventKey") != second.findtext("EventKey")
        assert third.findtext("MsgId") == fourth.findtext("MsgId")
        assert third.findtext("FromUserName") != fourth.findtext("FromUserName")


@pytest.mark.parametrize(
    ("scene", "name"),
    [
        ("file_message", "file"),
        ("unknown_message", "hologram"),
        ("unknown_event", "brand_new_event"),
        ("menu_event", "template_card_menu_event"),
        ("view_miniprogram", "view_miniprogram"),
        ("close_inactive_agent", "close_inactive_agent"),
        ("reopen_inactive_agent", "reopen_inactive_agent"),
        ("subscribe", "subscribe"),
        ("unsubscribe", "unsubscribe"),
    ],
)
def test_q16_events_and_messages_nobody_expected(scene, name):
    with world() as (application, client):
        play(client, scene, userid="lisi")

        seen = application.seen[0]
        assert name in (seen.findtext("Event"), seen.findtext("MsgType"))
        assert seen.findtext("FromUserName") == "lisi"
        assert play(client, "no-such-scene").status_code == 404


def test_q16_an_odd_callback_follows_every_so_often():
    with world() as (application, client):
        say(client)
        say(client)
        assert len(application.seen) == 2

        switch(client, odd_callback_every=1)
        say(client)

        until(lambda: len(application.seen) == 4)
        assert len(application.seen) == 4


def test_q16_contact_changes_come_sealed_with_another_key_and_say_little():
    with world() as (application, client):
        for scene in ("delete_user", "update_user", "create_party"):
            assert play(client, scene, userid="lisi").json()["outcomes"][0]["delivered"]
        switch(client, contact_details=True)
        play(client, "update_user", userid="lisi")

        assert application.seen == []
        left, changed, party, detailed = application.contacts
        assert left.findtext("FromUserName") == "sys"
        assert (left.findtext("Event"), left.findtext("ChangeType")) == ("change_contact", "delete_user")
        assert left.findtext("UserID") == "lisi"
        assert changed.find("Name") is None
        assert changed.findtext("Department") == "1"
        assert party.findtext("Id") == "99"
        assert detailed.findtext("Name") == "李四"


def test_q16_whoever_joins_changes_or_leaves_is_told_to_app_and_contacts():
    with world() as (application, client):
        newcomer = {"name": "赵六", "department": "税务局"}
        client.post("/sim/members/zhaoliu", json=newcomer)
        client.post("/sim/members/zhaoliu", json={"department": "社保局"})
        client.delete("/sim/members/zhaoliu")

        assert [seen.findtext("Event") for seen in application.seen] == ["subscribe", "unsubscribe"]
        changes = [seen.findtext("ChangeType") for seen in application.contacts]
        assert changes == ["create_user", "update_user", "delete_user"]
        assert client.delete("/sim/members/zhaoliu").status_code == 404
        assert client.get("/sim/phones/zhaoliu/messages").status_code == 404
