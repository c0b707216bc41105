"""GET and POST /wecom/callback over real HTTP, by a WeCom that knows only its own documentation."""

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import callback_client as wecom
import pytest
import requests
from door_kit import raw_status, serving, talk
from pydantic import SecretStr
from sqlalchemy import delete, func, select

from reviewbot.conversation.answer import answer_callback
from reviewbot.database.session import Database
from reviewbot.inbox import waiting
from reviewbot.models.message import InboxItem, Message
from reviewbot.queue import TaskName
from reviewbot.wiring import build_house

TEXT = "<MsgType><![CDATA[text]]></MsgType><Content><![CDATA[{}]]></Content><MsgId>{}</MsgId>"
PRESS = (
    "<MsgType><![CDATA[event]]></MsgType><Event><![CDATA[template_card_event]]></Event>"
    "<EventKey><![CDATA[{}]]></EventKey><TaskId><![CDATA[t1]]></TaskId>"
    "<CardType><![CDATA[button_interaction]]></CardType><ResponseCode><![CDATA[rc1]]></ResponseCode>"
)


@pytest.fixture
def wired(house):
    """The house with the callback keys of one application."""
    told = house.settings.wecom.model_copy(
        update={
            "corp_id": wecom.CORP, "agent_id": wecom.AGENT, "callback_token": wecom.TOKEN,
            "callback_aes_key": SecretStr(wecom.AES_KEY),
        }
    )  # fmt: skip
    settings = house.settings.model_copy(update={"wecom": told})
    return replace(house, settings=settings, crypto=build_house(settings).crypto)


@pytest.fixture
def url(wired):
    with serving(wired) as address:
        yield address


def stored(house):
    with house.database.begin() as session:
        return list(session.scalars(select(InboxItem).order_by(InboxItem.id)))


def check(url, **changed):
    echo = wecom.seal("1616140317555161061")
    params = wecom.query(echo) | {"echostr": echo} | changed
    return requests.get(f"{url}/wecom/callback", params=params, timeout=30)


def test_w15_the_check_of_the_address_is_answered_by_the_echo_as_bare_text(url):
    answer = check(url)

    assert (answer.status_code, answer.text) == (200, "1616140317555161061")


@pytest.mark.parametrize(
    "changed",
    [
        {"msg_signature": "0" * 40}, {"msg_signature": ""}, {"timestamp": "1"}, {"timestamp": "NaN"},
        {"nonce": "x\0y"}, {"echostr": ""}, {"echostr": "é" * 40}, {"msg_signature": None, "echostr": None},
        {"echostr": wecom.seal("1", corp="ww-another")},
    ],
)  # fmt: skip
def test_w15_a_forged_check_of_the_address_is_403_and_empty(url, changed):
    answer = check(url, **changed)

    assert (answer.status_code, answer.content) == (403, b"")


def test_w17_a_genuine_text_is_stored_once_however_often_it_is_pushed(url, wired):
    encrypted = wecom.seal(wecom.message(TEXT.format("签收 A1000", 111)))
    body, asked = wecom.wrap(encrypted), wecom.query(encrypted)

    answers = [wecom.post(url, body, asked) for _ in range(3)]
    again = wecom.push(url, TEXT.format("签收 A1000", 111))

    assert [(one.status_code, one.content) for one in (*answers, again)] == [(200, b"")] * 4
    [item] = stored(wired)
    assert (item.kind, item.userid, item.body["content"], item.state) == (
        "text", "chenwei02", "签收 A1000", "new",
    )  # fmt: skip
    assert wired.ring.names == [TaskName.ANSWER.value]


def test_w18_one_push_arriving_by_many_connections_at_once_is_one_row(url, wired):
    encrypted = wecom.seal(wecom.message(TEXT.format("我的待办", 112)))
    asked = wecom.query(encrypted)
    with ThreadPoolExecutor(8) as senders:
        answers = list(senders.map(lambda _: wecom.post(url, wecom.wrap(encrypted), asked), range(16)))

    assert {answer.status_code for answer in answers} == {200}
    assert len(stored(wired)) == 1


def test_w17_two_different_events_of_one_person_in_one_second_are_both_stored(url, wired):
    for key in ("sign:A1000:1", "return:A1000:1"):
        wecom.push(url, PRESS.format(key))

    assert [item.body["event_key"] for item in stored(wired)] == ["sign:A1000:1", "return:A1000:1"]


def test_q17_a_body_of_20_mb_is_403_without_being_read_to_its_end(url):
    head = "POST /wecom/callback HTTP/1.1\r\nHost: x\r\nContent-Length: 20000000\r\n\r\n"

    assert raw_status(url, head, b" " * (256 * 1024 + 1)) == 403


def test_w16_a_genuine_push_out_of_its_time_is_kept_without_effect(url, wired):
    answer = wecom.push(url, TEXT.format("签收 A1000", 113), at=int(time.time()) - 3600)

    assert answer.status_code == 200
    [item] = stored(wired)
    assert (item.state, bool(item.outcome)) == ("kept", True)
    assert wired.ring.names == []
    with wired.database.begin() as session:
        assert waiting(session, 10) == []


def test_w16_a_stale_card_press_is_kept_and_its_buttons_are_left_alone(url, wired):
    answer = wecom.push(url, PRESS.format("sign:A1000:1"), at=int(time.time()) - 3600)

    assert (answer.status_code, answer.content) == (200, b"")
    assert [item.state for item in stored(wired)] == ["kept"]


def test_w19_a_press_of_a_card_is_answered_by_its_greyed_button_sealed_for_wecom(url, wired):
    answer = wecom.push(url, PRESS.format("sign:A1000:1"))

    told = wecom.opened_answer(answer)
    assert told.findtext("MsgType") == "update_button"
    assert told.findtext("ToUserName") == "chenwei02"
    assert told.findtext("FromUserName") == wecom.CORP
    assert told.findtext("Button/ReplaceName")
    assert [item.kind for item in stored(wired)] == ["card_press"]


@pytest.mark.parametrize("text", ["<b>x</b>", "=1+1", "😡", "'; DROP TABLE inbox; --", " ", "字" * 2000])
def test_q15_odd_text_is_stored_as_typed(url, wired, text):
    answer = wecom.push(url, TEXT.format(text, 114))

    assert answer.status_code == 200
    assert stored(wired)[0].body["content"].strip() == text.strip()


def test_a_stranger_gets_one_row_and_does_no_harm(url, wired):
    encrypted = wecom.seal(wecom.message(TEXT.format("签收 A1000", 115), user="nobody99"))
    assert wecom.post(url, wecom.wrap(encrypted), wecom.query(encrypted)).status_code == 200
    [item] = stored(wired)

    answer_callback(talk(wired), item.id)

    assert stored(wired)[0].state != "new"


def test_a_text_that_came_through_the_door_is_answered_by_one_message(url, wired):
    wecom.push(url, TEXT.format("我的待办", 116))
    [item] = stored(wired)

    for _ in range(2):
        answer_callback(talk(wired), item.id)

    with wired.database.begin() as session:
        assert session.scalar(select(func.count()).select_from(Message)) == 1


def test_w18_r10_without_a_database_a_genuine_push_is_503_so_that_wecom_sends_it_again(wired):
    nowhere = replace(wired, database=Database("postgresql://nobody@127.0.0.1:1/none"))
    with serving(nowhere) as url:
        answer = wecom.push(url, TEXT.format("签收", 117))

    assert answer.status_code == 503
    assert answer.headers["Retry-After"]


def test_without_a_configured_wecom_everything_is_403(house):
    with serving(house) as url:
        told = [check(url).status_code, wecom.push(url, TEXT.format("签收", 118)).status_code]

    assert told == [403, 403]


def test_w19_the_answer_does_not_wait_for_the_queue(wired):
    """Slow work is rung for, never done, before the answer; not even the bell is waited for."""
    pulled = []

    def stuck(*args):
        pulled.append(args)
        time.sleep(5)

    with serving(replace(wired, ring=stuck)) as address:
        began = time.monotonic()
        answer = wecom.push(address, TEXT.format("我的待办", 900))
        took = time.monotonic() - began

    assert (answer.status_code, answer.content) == (200, b"")
    assert took < 4
    assert len(pulled) == 1


def test_w18_a_replay_is_answered_like_the_first_and_has_no_effect(url, wired):
    encrypted = wecom.seal(wecom.message(PRESS.format("sign:A1000:1")))
    first, again = (
        wecom.post(url, wecom.wrap(encrypted), wecom.query(encrypted, nonce=nonce)) for nonce in ("n1", "n1")
    )
    other = wecom.post(url, wecom.wrap(encrypted), wecom.query(encrypted, nonce="n2"))

    assert [one.status_code for one in (first, again, other)] == [200, 200, 200]
    assert all(b"<Encrypt>" in one.content for one in (first, again, other))
    assert len(stored(wired)) == 1


def test_w17_one_msgid_of_two_members_is_two_messages(url, wired):
    for user in ("chenwei02", "wangzehao01"):
        encrypted = wecom.seal(wecom.message(TEXT.format("我的待办", 700), user=user))
        assert wecom.post(url, wecom.wrap(encrypted), wecom.query(encrypted)).status_code == 200

    assert {item.userid for item in stored(wired)} == {"chenwei02", "wangzehao01"}


def test_w17_callbacks_thrice_and_out_of_order_are_each_stored_once(url, wired):
    sealed = [wecom.seal(wecom.message(TEXT.format(f"备注 {n}", 800 + n))) for n in range(4)]
    sealed += [wecom.seal(wecom.message(PRESS.format(f"sign:A100{n}:1"))) for n in range(4)]
    fresh = [wecom.seal(wecom.message(TEXT.format(f"备注 {n}", 800 + n))) for n in range(4)]
    for encrypted in (*reversed(sealed), *sealed, *fresh):
        assert wecom.post(url, wecom.wrap(encrypted), wecom.query(encrypted)).status_code == 200

    assert len(stored(wired)) == 8
    assert wired.ring.names == [TaskName.ANSWER.value] * 8


def test_w18_a_replay_has_no_effect_even_when_its_row_is_long_gone(url, wired):
    encrypted = wecom.seal(wecom.message(PRESS.format("sign:A1000:1")))
    asked = wecom.query(encrypted)
    first = wecom.post(url, wecom.wrap(encrypted), asked)
    with wired.database.begin() as session:
        session.execute(delete(InboxItem))

    again = wecom.post(url, wecom.wrap(encrypted), wecom.query(encrypted, nonce="an0ther"))

    assert stored(wired) == []
    told = [wecom.opened_answer(one).findtext("MsgType") for one in (first, again)]
    assert told == ["update_button", "update_button"]


@pytest.mark.parametrize("hangs", [False, True], ids=["refuses", "hangs"])
def test_w18_w19_while_redis_is_away_the_database_judges_and_the_answer_is_in_time(wired, hangs):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1] if hangs else 1
        settings = wired.settings.model_copy(update={"redis_url": f"redis://127.0.0.1:{port}/0"})
        told = settings.wecom.model_copy(update={"base_url": "http://127.0.0.1:9"})
        away = build_house(settings.model_copy(update={"wecom": told}))
        encrypted = wecom.seal(wecom.message(PRESS.format("sign:A1000:1")))
        with serving(replace(wired, replays=away.replays, wecom=away.wecom)) as url:
            for _ in range(2):
                began = time.monotonic()
                answer = wecom.post(url, wecom.wrap(encrypted), wecom.query(encrypted))
                assert (answer.status_code, time.monotonic() - began < 4) == (200, True)

    assert len(stored(wired)) == 1


def test_w18_what_could_not_be_stored_is_not_remembered_so_that_the_repeat_counts(wired):
    encrypted = wecom.seal(wecom.message(TEXT.format("签收", 120)))
    away = replace(wired, database=Database("postgresql://nobody@127.0.0.1:1/none"))
    with serving(away) as url:
        assert wecom.post(url, wecom.wrap(encrypted), wecom.query(encrypted)).status_code == 503
    with serving(wired) as url:
        assert wecom.post(url, wecom.wrap(encrypted), wecom.query(encrypted)).status_code == 200

    assert len(stored(wired)) == 1


@pytest.mark.parametrize(
    "inner",
    [
        PRESS.format("签收:" + "字" * 330), PRESS.format("'; DROP TABLE inbox; --"), PRESS.format(""),
        "<MsgType>location</MsgType><Location_X>1e999</Location_X><Location_Y/><MsgId>1</MsgId>",
        "<MsgType>image</MsgType><MediaId/><MsgId>2</MsgId>", "<MsgType>holo</MsgType><MsgId>3</MsgId>",
        "<MsgType>event</MsgType><Event>template_card_event</Event><EventKey>choose:i1:0</EventKey>"
        "<SelectedItems><SelectedItem><QuestionKey>case</QuestionKey></SelectedItem></SelectedItems>",
        "<MsgType>event</MsgType><Event>template_card_event</Event><EventKey>confirm:i999999999:0</EventKey>",
        "<MsgType>event</MsgType><Event>template_card_event</Event><EventKey>sign:Z9999:1</EventKey>"
        "<TaskId>Z9999-r1-n999999999</TaskId><ResponseCode>rc</ResponseCode>",
        TEXT.format("]]>", 4), TEXT.format("", 5), "<MsgType>video</MsgType><MsgId>6</MsgId>",
    ],
    ids=range(12),
)  # fmt: skip
def test_q15_odd_but_genuine_pushes_are_taken_and_worked_without_an_error(url, wired, inner, caplog):
    body = wecom.seal(wecom.message(inner.replace("<![CDATA[]]>]]>", "<![CDATA[]]]]><![CDATA[>]]>")))
    answer = wecom.post(url, wecom.wrap(body), wecom.query(body))

    assert answer.status_code == 200
    [item] = stored(wired)
    answer_callback(talk(wired), item.id)
    assert stored(wired)[0].state == "done"
    assert "could not be answered" not in caplog.text
