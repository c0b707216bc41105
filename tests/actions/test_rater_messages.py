"""What a rater is told: through the real channel to a gateway over HTTP, his number nowhere but on the wire."""

import json
import logging
import re
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from case_kit import PHONE, SUPERVISOR, case_of, closed, events, messages, move, opened
from pydantic import SecretStr
from rules_kit import decree
from sms_door import serving
from sqlalchemy import text, update
from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette

from reviewbot.actions.deliver_messages import deliver_messages
from reviewbot.models.message import Message
from reviewbot.outbox import NO_NUMBER
from reviewbot.simulator.texts import TextMessages
from reviewbot.wiring import build_house

ANONYMOUS = {"kind": "person", "name": None, "phone": None, "anonymous": True}


@contextmanager
def told_by_text(house, clock):
    """This house with a gateway on a real port, and the gateway."""
    gateway = TextMessages("bureau", "s3cret")
    with serving(Starlette(routes=gateway.routes())) as address:
        sms = house.settings.sms.model_copy(
            update={"url": f"{address}/sms/send", "account": "bureau", "secret": SecretStr("s3cret")}
        )
        wired = build_house(house.settings.model_copy(update={"sms": sms, "public_url": "http://bureau"}))
        try:
            yield replace(wired, clock=clock, ring=house.ring), gateway
        finally:
            wired.database.dispose()


def deliver(house):
    while deliver_messages(house.database, house.channels, at=house.clock.now()):
        pass


def again(house):
    """The waiting time of every owed message has passed."""
    with house.database.begin() as session:
        past = datetime.now(UTC) - timedelta(seconds=1)
        session.execute(update(Message).where(Message.state == "owed").values(next_try_at=past))


def test_the_rater_hears_of_opening_closing_and_reopening_each_with_a_link(house, clock):
    with told_by_text(house, clock) as (wired, gateway):
        number = closed(wired)
        move(wired, SUPERVISOR, "reopen", number, remark="复核")
        deliver(wired)

        texts = gateway.texts
    kinds = [one.kind for one in messages(house, channel="rater")]
    assert kinds == ["opened", "closed", "rater_reopened"]
    assert {one.state for one in messages(house, channel="rater")} == {"sent"}
    assert [text.phone for text in texts] == [PHONE] * 3
    assert all(number in text.words and re.search(r"http://bureau/r/\S+$", text.words) for text in texts)
    links = [text.words.rpartition("/r/")[2] for text in texts]
    read = [wired.links.read(link, now=clock.now(), days=30) for link in links]
    assert [link.round for link in read] == [1, 1, 2]


def test_an_error_of_the_database_shows_no_word_and_no_number_of_a_rater(house):
    with pytest.raises(SQLAlchemyError) as broken, house.database.begin() as session:
        session.execute(text("SELECT :phone, no_such_column"), {"phone": PHONE})

    assert PHONE not in str(broken.value)


def test_the_number_stands_in_no_message_no_event_and_no_log(house, clock, caplog):
    caplog.set_level(logging.DEBUG)
    with told_by_text(house, clock) as (wired, gateway):
        number = closed(wired)
        gateway.fails = 1
        deliver(wired)
        again(wired)
        deliver(wired)
        assert gateway.texts

    rows = [[one.key, one.userid, one.body, one.reason, one.msgid] for one in messages(house)]
    rows += [[one.remark, one.data] for one in events(house, number)]
    assert PHONE not in json.dumps(rows, ensure_ascii=False)
    assert PHONE not in caplog.text


def test_a_busy_gateway_is_tried_again_and_the_rater_gets_one_text(house, clock):
    with told_by_text(house, clock) as (wired, gateway):
        opened(wired)
        gateway.fails = 1
        deliver(wired)
        (waits,) = messages(house, channel="rater")
        assert (waits.state, waits.attempts) == ("owed", 1)

        again(wired)
        deliver(wired)
        (sent,) = messages(house, channel="rater")
        # The sender died before it could say so: the same text goes out again under the same key.
        with house.database.begin() as session:
            past = datetime.now(UTC) - timedelta(seconds=1)
            session.execute(
                update(Message).where(Message.id == sent.id).values(state="owed", next_try_at=past)
            )
        deliver(wired)

        assert sent.state == "sent"
        assert len(gateway.texts) == 1


def test_without_a_gateway_the_message_is_suppressed_and_no_staff_channel_takes_it(house):
    taken = []

    class Staff:
        def room(self):
            return None

        def deliver(self, receiver, body, message_id, /):
            taken.append(receiver)
            return type("Done", (), {"msgid": "M", "response_code": None, "undelivered": False})()

    opened(house)
    deliver_messages(house.database, {"wecom": Staff()}, at=house.clock.now())

    (kept,) = messages(house, channel="rater")
    assert (kept.state, kept.reason) == ("suppressed", "未配置公众号和短信网关")
    assert taken
    assert "" not in taken
    assert PHONE not in taken


def test_an_anonymous_rater_is_lawfully_not_told(house):
    opened(house, rater=ANONYMOUS)

    (kept,) = messages(house, channel="rater")
    assert (kept.state, kept.reason) == ("suppressed", NO_NUMBER)


def test_the_policy_may_leave_out_the_first_message(house):
    decree(house, "silent", ("tell_when_opened = true", "tell_when_opened = false"))

    opened(house)

    assert messages(house, channel="rater") == []


def test_a_number_that_a_terminal_wrote_into_the_item_stands_in_no_message(house):
    opened(house, department="SOC", item=f"咨询{PHONE}")

    kept = [one.body for one in messages(house, channel="rater")]
    assert kept
    assert PHONE not in json.dumps(kept, ensure_ascii=False)


@pytest.mark.parametrize("words", ["窗口", "13812345678"])
def test_messages_to_a_rater_carry_nothing_of_what_he_wrote(house, words):
    number = closed(house, comment=f"{words}太慢")

    said = json.dumps([one.body for one in messages(house, channel="rater")], ensure_ascii=False)
    assert words not in said
    assert number in said
    assert case_of(house, number).satisfaction is None
