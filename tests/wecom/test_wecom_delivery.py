"""The outbox over a real database and a WeCom on the wire: W5, W8, W9, W10, W11, W12, W13, W22."""

import json
import time
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from reviewbot.actions.deliver_messages import MERGED_REPEAT, TOO_LATE, deliver_messages
from reviewbot.models.message import Message
from reviewbot.outbox import owe
from reviewbot.queries.directory import heads_by_unit, staff_by_userid, userids_with_role
from reviewbot.rules.lifecycle import Role
from reviewbot.rules.notices import Facts, card_done, new_case, text
from reviewbot.wecom.buttons import serial_of, task_id

FACTS = Facts("A1027", 1, "社保卡申领", "社保局", "待签收", None, "/cases/A1027")


@pytest.fixture
def handler(wired):
    with wired.database.begin() as session:
        return userids_with_role(session, Role.HANDLER)[0]


def owed(wired, userid, key="k", kind="new_case", body=None):
    with wired.database.begin() as session:
        owe(session, key=key, kind=kind, userid=userid, body=body or new_case(FACTS), at=wired.clock.now())


def rows(wired):
    with wired.database.begin() as session:
        return list(session.scalars(select(Message).order_by(Message.id)))


def deliver(wired):
    return deliver_messages(wired.database, wired.channels, at=wired.clock.now())


def deliver_all(wired):
    while deliver(wired):
        pass


def pauses_are_over(wired, **facts):
    with wired.database.begin() as session:
        past = datetime.now(UTC) - timedelta(seconds=1)
        session.execute(update(Message).where(Message.state != "sent").values(next_try_at=past, **facts))


def answer(fake, reply, *answers):
    """One after the other, the last one for ever."""
    left = list(answers)
    fake.answers["message/send"] = lambda *_: reply(left.pop(0) if len(left) > 1 else left[0])


def receivers(fake):
    return [json.loads(body)["touser"] for path, _, body in fake.seen if path == "message/send"]


OK, BUSY = {"errcode": 0, "msgid": "M"}, {"errcode": -1}


def test_w12_the_cards_of_a_database_made_anew_do_not_repeat_those_of_the_one_before(wired, handler):
    """For WeCom it is the same application, which remembers every task_id for ever."""
    owed(wired, handler)

    # Numbered from the second in which the database was made; the one before gave out fewer than one a second.
    (first,) = (row.id for row in rows(wired))
    assert time.time() - 7200 < first <= time.time() + 2  # rounded up, and the number after it
    assert serial_of(task_id("A1027", 1, "n", first)) == first
    assert serial_of("A1027-r1-n9999999999") is None


def test_w09_a_message_that_fails_three_times_while_others_arrive_is_told_to_the_head_of_the_unit(
    wired, fake, reply, handler
):
    fake.answers["message/send"] = lambda query, body, headers: reply(
        BUSY if json.loads(body)["touser"] == handler else OK
    )
    owed(wired, handler)
    for number in range(8):
        owed(wired, "somebody", f"other-{number}", "digest", text(f"{number}"))
        deliver(wired)
        pauses_are_over(wired)
    deliver_all(wired)

    lost, told = rows(wired)[0], [row for row in rows(wired) if row.kind == "unreached"]
    with wired.database.begin() as session:
        unit = staff_by_userid(session, handler).department_id
        heads = userids_with_role(session, Role.HEAD, unit) or userids_with_role(session, Role.DESK)
    assert receivers(fake).count(handler) == 3
    assert (lost.state, lost.attempts) == ("suppressed", 3)
    assert "已试 3 次" in lost.reason
    assert {row.userid for row in told} == {one for one in heads if one != handler}
    assert {row.state for row in told} == {"sent"}
    assert "差评工单 A1027" in told[0].body["content"]


def test_w09_the_bytes_of_every_try_are_the_same(wired, fake, reply, handler):
    answer(fake, reply, BUSY, BUSY, OK)
    owed(wired, handler)
    for _ in range(3):
        deliver(wired)
        pauses_are_over(wired)

    bodies = [body for path, _, body in fake.seen if path == "message/send"]
    assert len(bodies) == 3
    assert len(set(bodies)) == 1
    assert rows(wired)[0].state == "sent"


def test_w09_an_outage_spends_no_message_however_long_it_lasts(wired, fake, reply, handler):
    answer(fake, reply, BUSY)
    fake.answers["media/get"] = lambda *_: reply(BUSY)
    for number in range(10):
        owed(wired, handler, f"k{number}", "digest", text(f"{number}"))

    for _ in range(20):
        deliver(wired)
        pauses_are_over(wired)
        key = wired.wecom.health.gate_prefix + "gate:message/send"
        if wired.wecom.gates.room("message/send") == 0:
            wired.wecom._redis.hset(key, "until", 0)
    answer(fake, reply, OK)
    fake.answers["media/get"] = lambda *_: reply({"errcode": 40007})
    deliver_all(wired)
    pauses_are_over(wired)
    deliver_all(wired)

    assert [(row.id, row.state, row.attempts, row.reason) for row in rows(wired) if row.state != "sent"] == []
    assert max(row.attempts for row in rows(wired)) <= 3 + 1


def test_w08_a_fault_of_configuration_parks_the_queue_and_leaves_every_message_as_it_was(
    wired, fake, reply, handler
):
    answer(fake, reply, {"errcode": 60020})
    for number in range(30):
        owed(wired, handler, f"k{number}", "digest", text(f"{number}"))

    deliver_all(wired)
    deliver_all(wired)

    assert fake.count("message/send") == 1
    assert {(row.state, row.attempts) for row in rows(wired)} == {("owed", 0)}


def test_w09_after_an_unanswered_try_a_repeat_is_made_only_while_it_would_be_recognised(
    wired, fake, reply, handler
):
    fake.answers["message/send"] = lambda *_: reply(b"", status=504)
    owed(wired, handler, body=text("一"), kind="notice")
    deliver(wired)
    unsure = rows(wired)[0].unsure_since
    pauses_are_over(wired, unsure_since=unsure - timedelta(hours=5))

    deliver(wired)

    assert unsure is not None
    assert fake.count("message/send") == 1
    lost, *told = rows(wired)
    assert (lost.state, lost.reason) == ("suppressed", TOO_LATE)
    assert {row.kind for row in told} == {"unreached"}


def test_w09_given_up_after_an_unanswered_try_says_that_it_may_have_arrived(wired, fake, reply, handler):
    replies = iter([reply(BUSY), reply(b"", status=504), reply(BUSY)])
    fake.answers["message/send"] = lambda query, body, headers: (
        next(replies) if json.loads(body)["touser"] == handler else reply(OK)
    )
    owed(wired, handler)
    for number in range(4):
        owed(wired, "somebody", f"other-{number}", "digest", text(f"{number}"))
        deliver(wired)
        pauses_are_over(wired)

    lost = rows(wired)[0]
    assert (lost.state, lost.attempts) == ("suppressed", 3)
    assert lost.unsure_since is not None
    assert "可能已经送达" in lost.reason


def test_w10_sent_means_that_the_number_of_the_message_is_kept(wired, fake, reply, handler):
    answer(fake, reply, {"errcode": 0, "msgid": "M77", "response_code": "RC"})
    owed(wired, handler)
    owed(wired, handler)  # the same key is the same message

    deliver_all(wired)

    (row,) = rows(wired)
    assert (row.state, row.msgid, row.response_code) == ("sent", "M77", "RC")


def test_w10_a_bare_ok_is_no_proof_unless_an_earlier_try_was_not_answered(wired, fake, reply, handler):
    answer(fake, reply, {"errcode": 0})
    owed(wired, handler)
    deliver(wired)
    first = rows(wired)[0]
    pauses_are_over(wired)
    deliver(wired)
    second = rows(wired)[0]

    assert (first.state, first.msgid) == ("owed", None)
    assert (second.state, second.msgid, second.reason) == ("sent", None, MERGED_REPEAT)


@pytest.mark.parametrize("said", [{"errcode": 0, "msgid": "M", "invaliduser": "{user}"}, {"errcode": 81013}])
def test_w11_who_cannot_be_reached_is_told_to_the_head_once_a_day(wired, fake, reply, handler, said):
    told = {
        key: value.format(user=handler.upper()) if key == "invaliduser" else value
        for key, value in said.items()
    }
    fake.answers["message/send"] = lambda query, body, headers: reply(
        told if json.loads(body)["touser"] == handler else OK
    )
    for number in range(3):
        owed(wired, handler, f"k{number}")
    deliver_all(wired)

    lost = [row for row in rows(wired) if row.userid == handler]
    others = [row for row in rows(wired) if row.kind == "unreached"]
    assert {row.state for row in lost} == {"suppressed"}
    assert all(row.reason for row in lost)
    assert len(others) == len({row.userid for row in others}) >= 1
    assert {row.state for row in others} == {"sent"}


def test_w11_when_the_head_cannot_be_reached_the_desk_is_told_and_then_it_ends(wired, fake, reply):
    with wired.database.begin() as session:
        head = next(iter(heads_by_unit(session).values()))
        desk = set(userids_with_role(session, Role.DESK))
    answer(fake, reply, {"errcode": 81013})
    owed(wired, head)

    deliver_all(wired)

    everybody = {row.userid for row in rows(wired)}
    assert everybody - {head}
    assert {row.state for row in rows(wired)} == {"suppressed"}
    assert desk & everybody or len(everybody) > 1


def test_w12_the_same_words_to_a_thousand_people_are_one_call(wired, fake):
    for number in range(1200):
        owed(wired, f"m{number}", f"k{number}", "notice", text("今日系统维护"))
    owed(wired, "m1", "other", "notice", text("别的话"))

    deliver_all(wired)

    assert {row.state for row in rows(wired)} == {"sent"}
    assert sorted(len(one.split("|")) for one in receivers(fake)) == [1, 200, 1000]


def test_w11_of_many_only_those_who_cannot_be_reached_are_suppressed(wired, fake, reply):
    answer(fake, reply, {"errcode": 0, "msgid": "M", "invaliduser": "m1"}, OK)
    for number in range(3):
        owed(wired, f"M{number}", f"k{number}", "notice", text("今日系统维护"))

    deliver(wired)

    assert [row.state for row in rows(wired)[:3]] == ["sent", "suppressed", "sent"]


def test_w09_a_call_to_many_is_repeated_to_the_very_same_people(wired, fake, reply):
    fake.answers["message/send"] = lambda *_: reply(b"", status=504)
    for number in range(3):
        owed(wired, f"m{number}", f"k{number}", "notice", text("今日系统维护"))
    deliver(wired)
    owed(wired, "m9", "k9", "notice", text("今日系统维护"))  # the same words, owed later
    pauses_are_over(wired)
    answer(fake, reply, OK)
    deliver_all(wired)

    bodies = [body for path, _, body in fake.seen if path == "message/send"]
    assert receivers(fake) == ["m0|m1|m2", "m0|m1|m2", "m9"]
    assert bodies[0] == bodies[1]
    assert {row.state for row in rows(wired)} == {"sent"}


def test_w13_what_is_over_the_pace_waits_and_nothing_is_dropped(wired, fake, handler):
    for number in range(40):
        owed(wired, handler, f"k{number}", "reply", text(f"{number}"))
    owed(wired, "somebody", "k", "reply", text("x"))

    deliver_all(wired)
    waiting = [row for row in rows(wired) if row.state == "owed"]
    assert fake.count("message/send") == 26
    assert len(waiting) == 15
    assert {row.attempts for row in waiting} == {0}
    assert all(row.next_try_at > datetime.now(UTC) for row in waiting)

    for key in wired.wecom._redis.keys(wired.wecom.health.prefix + "pace:*"):
        wired.wecom._redis.delete(key)  # a minute later
    pauses_are_over(wired)
    deliver_all(wired)
    assert {row.state for row in rows(wired)} == {"sent"}


@pytest.mark.parametrize("said", [BUSY, {"errcode": 40058}])
def test_w22_the_right_to_change_a_card_is_used_for_one_call_and_never_again(
    wired, fake, reply, handler, said
):
    fake.answers["message/update_template_card"] = lambda *_: reply(said)
    owed(wired, handler, "u1", "card_update", card_done("RC1", "已签收"))
    owed(wired, handler, "u2", "card_update", card_done("RC1", "已签收"))

    deliver_all(wired)
    pauses_are_over(wired)
    deliver_all(wired)

    assert fake.count("message/update_template_card") == 1
    assert {row.state for row in rows(wired)} == {"suppressed"}
    assert all(row.reason for row in rows(wired))


def test_w22_an_update_that_never_left_keeps_its_right(wired, fake, reply, handler):
    fake.answers["message/update_template_card"] = lambda *_: reply({"errcode": 60020})
    owed(wired, handler, "u1", "card_update", card_done("RC1", "已签收"))
    deliver_all(wired)
    assert rows(wired)[0].state == "owed"

    fake.answers["message/update_template_card"] = lambda *_: reply({"errcode": 0})
    wired.wecom._redis.hset(wired.wecom.health.gate_prefix + "gate:message/update_template_card", "until", 0)
    pauses_are_over(wired)
    deliver_all(wired)

    assert rows(wired)[0].state == "sent"


def test_w05_a_batch_ends_in_time_and_leaves_the_rest_to_the_next(wired, fake, reply, handler, monkeypatch):
    monkeypatch.setattr("reviewbot.actions.deliver_messages.BATCH_SECONDS", 0.0)
    for number in range(5):
        owed(wired, handler, f"k{number}", "reply", text(f"{number}"))

    assert deliver(wired) == 0

    assert {(row.state, row.attempts) for row in rows(wired)} == {("owed", 0)}
