"""/wecom/contacts under its own keys, and the events of the application's own door, over real HTTP (Q16)."""

import base64
import hashlib
import time
from dataclasses import replace

import callback_client as wecom
import pytest
import requests
from case_kit import handler_of, messages, verifying
from contact_kit import changes, person
from door_kit import serving, talk
from pydantic import SecretStr
from sqlalchemy import select

from reviewbot.actions.settle_contacts import settle_contacts
from reviewbot.conversation.answer import answer_callback
from reviewbot.inbox import waiting
from reviewbot.models.contacts import ContactEvent
from reviewbot.models.message import InboxItem
from reviewbot.queue import TaskName
from reviewbot.wecom.crypto import Envelope
from reviewbot.wiring import build_house

TOKEN = "contactsToken"
AES_KEY = base64.b64encode(b"quite another key of 32 bytes!!!").decode().rstrip("=")


@pytest.fixture
def wired(house, settings):
    told = settings.wecom.model_copy(
        update={
            "corp_id": wecom.CORP, "agent_id": wecom.AGENT, "callback_token": wecom.TOKEN,
            "callback_aes_key": SecretStr(wecom.AES_KEY),
        }
    )  # fmt: skip
    book = settings.directory.model_copy(
        update={"callback_token": TOKEN, "callback_aes_key": SecretStr(AES_KEY)}
    )
    built = build_house(settings.model_copy(update={"wecom": told, "directory": book}))
    return replace(house, crypto=built.crypto, contacts_crypto=built.contacts_crypto)


@pytest.fixture
def url(wired):
    with serving(wired) as address:
        yield address


def query(encrypted, *, token=TOKEN, at=None):
    stamp = str(int(time.time()) if at is None else at)
    signed = hashlib.sha1("".join(sorted([token, stamp, "n0nce", encrypted])).encode()).hexdigest()
    return {"msg_signature": signed, "timestamp": stamp, "nonce": "n0nce"}


def change(url, inner, *, created=1796000000, key=AES_KEY, token=TOKEN, at=None, path="/wecom/contacts"):
    plain = (
        f"<xml><ToUserName><![CDATA[{wecom.CORP}]]></ToUserName><FromUserName><![CDATA[sys]]></FromUserName>"
        f"<CreateTime>{created}</CreateTime><MsgType><![CDATA[event]]></MsgType>"
        f"<Event><![CDATA[change_contact]]></Event>{inner}</xml>"
    )
    encrypted = Envelope(token, key, wecom.CORP).seal(plain)
    body = (
        f"<xml><ToUserName><![CDATA[{wecom.CORP}]]></ToUserName><AgentID></AgentID>"
        f"<Encrypt><![CDATA[{encrypted}]]></Encrypt></xml>"
    )
    return requests.post(
        url + path, params=query(encrypted, token=token, at=at), data=body.encode(), timeout=30
    )


def kept(house):
    with house.database.begin() as session:
        return list(session.scalars(select(ContactEvent).order_by(ContactEvent.id)))


def looked_at(house):
    with house.database.begin() as session:
        return list(session.scalars(select(InboxItem)))


def settled(house):
    with house.database.begin() as session:
        return settle_contacts(session, at=house.clock.now())


def test_w15_the_console_checks_this_door_with_its_own_keys(url):
    echo = Envelope(TOKEN, AES_KEY, wecom.CORP).seal("1616140317555161061")
    asked = query(echo) | {"echostr": echo}

    assert requests.get(f"{url}/wecom/contacts", params=asked, timeout=30).text == "1616140317555161061"
    assert requests.get(f"{url}/wecom/callback", params=asked, timeout=30).status_code == 403


def test_w25_a_deletion_that_tells_the_userid_alone_moves_his_cases(wired):
    number = verifying(wired)
    gone = handler_of(wired, number)

    with serving(wired) as url:
        answer = change(url, f"<ChangeType>delete_user</ChangeType><UserID><![CDATA[{gone}]]></UserID>")

    assert (answer.status_code, answer.content) == (200, b"")
    assert TaskName.CONTACTS in wired.ring.names
    assert settled(wired)
    assert person(wired, gone) is None
    assert handler_of(wired, number) != gone


def test_a_renaming_and_departments_are_read_as_they_are_told(wired, url):
    inner = (
        "<ChangeType>update_user</ChangeType><UserID>a</UserID><NewUserID>b</NewUserID>"
        "<Name><![CDATA[甲]]></Name><Department><![CDATA[1,2]]></Department>"
    )

    assert change(url, inner).status_code == 200
    assert (
        change(url, "<ChangeType>create_party</ChangeType><Id>2</Id><ParentId>1</ParentId>").status_code
        == 200
    )

    one, two = kept(wired)
    assert (one.userid, one.new_userid, one.name, one.departments) == ("a", "b", "甲", [1, 2])
    assert (two.kind, two.party, two.parent, two.at) == ("create_party", 2, 1, 1796000000)


def test_w17_the_same_push_three_times_is_one_event_and_two_in_one_second_are_two(wired, url):
    for userid in ("a", "a", "b", "a"):
        change(url, f"<ChangeType>delete_user</ChangeType><UserID>{userid}</UserID>")

    assert [one.userid for one in kept(wired)] == ["a", "b"]


@pytest.mark.parametrize(
    "inner",
    [
        "<ChangeType>something_new</ChangeType><UserID>a</UserID>",
        "<ChangeType>delete_user</ChangeType>",
        "<ChangeType>create_party</ChangeType><Id>99999999999</Id>",
        "<ChangeType>delete_party</ChangeType><Id>x</Id>",
        "",
    ],
)
def test_w20_what_nobody_knows_is_acknowledged_and_has_no_effect(wired, url, inner):
    assert [change(url, inner).status_code for _ in range(2)] == [200, 200]
    assert kept(wired) == []
    assert [item.state for item in looked_at(wired)] == ["kept"]


def test_tags_are_kept_and_change_nothing(wired, url):
    inner = "<ChangeType>update_tag</ChangeType><TagId>1</TagId><AddUserItems>a,b</AddUserItems>"

    assert change(url, inner).status_code == 200
    assert [one.kind for one in kept(wired)] == ["update_tag"]
    assert settled(wired)
    assert changes(wired) == []


@pytest.mark.parametrize(
    "wrong", [{"key": wecom.AES_KEY}, {"token": wecom.TOKEN}, {"path": "/wecom/callback"}]
)
def test_w16_what_is_not_sealed_for_this_door_is_refused_without_detail(wired, url, wrong):
    answer = change(url, "<ChangeType>delete_user</ChangeType><UserID>a</UserID>", **wrong)

    assert (answer.status_code, answer.content) == (403, b"")
    assert kept(wired) == []


def test_w16_a_stale_push_has_no_effect(wired, url):
    late = int(time.time()) - 3600

    assert change(url, "<ChangeType>delete_user</ChangeType><UserID>a</UserID>", at=late).status_code == 200
    assert kept(wired) == []
    assert [(item.state, item.body["event"]) for item in looked_at(wired)] == [("kept", "change_contact")]


def test_without_keys_the_door_is_shut(house):
    with serving(house) as url:
        assert change(url, "").status_code == 403


def said(house, kind, fields, user):
    """One push at the application's own door, answered by a worker."""
    inner = f"<MsgType><![CDATA[{kind}]]></MsgType>{fields}"
    encrypted = wecom.seal(wecom.message(inner, user=user))
    with serving(house) as url:
        assert wecom.post(url, wecom.wrap(encrypted), wecom.query(encrypted)).status_code == 200
    with house.database.begin() as session:
        items = waiting(session, 10)
    for item in items:
        answer_callback(talk(house), item)
    settled(house)


def test_w25_who_leaves_the_range_of_the_application_has_left_and_who_enters_is_offered(wired):
    number = verifying(wired)
    gone = handler_of(wired, number)

    said(wired, "event", "<Event>unsubscribe</Event><EventKey></EventKey>", gone)
    said(wired, "event", "<Event>subscribe</Event><EventKey></EventKey>", "Stranger")

    assert person(wired, gone) is None
    assert handler_of(wired, number) != gone
    assert [(one.kind, one.subject, one.state) for one in changes(wired)] == [
        ("left", gone.lower(), "done"), ("joined", "stranger", "waiting"),
    ]  # fmt: skip
    assert messages(wired, kind="reply") == []
