"""A body of ours as WeCom bytes: repeated to the letter, never the same card for two people, simpler where it must."""

import json

import pytest

from reviewbot.rules.notices import Facts, new_case, text
from reviewbot.wecom.capabilities import Capability
from reviewbot.wecom.errors import Kind, WeComError

FACTS = Facts("A1027", 1, "失业保险金申领", "社保局", "待签收", None, "/cases/A1027")


def sent(fake):
    return [json.loads(body) for path, _, body in fake.seen if path == "message/send"]


def knows_only(fake, reply, *types):
    """A platform that answers "invalid message type" to all others."""
    fake.answers["message/send"] = lambda query, body, headers: reply(
        {"errcode": 0, "msgid": "M"} if json.loads(body)["msgtype"] in types else {"errcode": 40008}
    )


def test_w12_the_same_case_sent_to_two_people_makes_two_cards_with_task_ids_of_their_own(carrier, fake):
    channel = carrier()

    channel.deliver("chenwei", new_case(FACTS), 41)
    channel.deliver("linna", new_case(FACTS), 42)

    assert len({one["template_card"]["task_id"] for one in sent(fake)}) == 2


def test_w09_the_same_message_tried_again_is_the_same_to_the_byte(carrier, fake):
    channel = carrier()

    channel.deliver("chenwei", new_case(FACTS), 41)
    channel.deliver("chenwei", new_case(FACTS), 41)

    bodies = [body for path, _, body in fake.seen if path == "message/send"]
    assert bodies[0] == bodies[1]
    assert (sent(fake)[0]["enable_duplicate_check"], sent(fake)[0]["duplicate_check_interval"]) == (1, 14400)


def test_w28_switched_off_cards_become_a_notice_with_the_page_and_then_plain_text(carrier, fake):
    all_but_cards = [one for one in Capability if one is not Capability.template_card]

    carrier(switched_on=all_but_cards).deliver("chenwei", new_case(FACTS), 41)
    carrier(switched_on=[]).deliver("chenwei", new_case(FACTS), 42)

    notice, plain = sent(fake)
    assert notice["msgtype"] == "textcard"
    assert notice["textcard"]["url"] == "http://bot/cases/A1027"
    assert "签收 A1027" in notice["textcard"]["description"]
    assert plain["msgtype"] == "text"
    assert "签收 A1027" in plain["text"]["content"]
    assert "http://bot/cases/A1027" in plain["text"]["content"]


@pytest.mark.parametrize(("known", "tried"), [(["textcard", "text"], 2), (["text"], 3)])
def test_w28_what_the_platform_does_not_know_is_found_out_once_and_remembered(
    carrier, client, fake, reply, known, tried
):
    knows_only(fake, reply, *known)

    done = carrier().deliver("chenwei", new_case(FACTS), 41)
    first = len(sent(fake))
    carrier().deliver("chenwei", new_case(FACTS), 42)

    assert done.msgid == "M"
    assert first == tried
    assert [one["msgtype"] for one in sent(fake)[first:]] == known[:1]
    assert "template_card" in client.health.facts().lacking


def test_w28_a_refusal_for_another_reason_downgrades_nothing(carrier, client, fake, reply):
    fake.answers["message/send"] = lambda *_: reply({"errcode": 40058})

    with pytest.raises(WeComError):
        carrier().deliver("chenwei", new_case(FACTS), 41)

    assert fake.count("message/send") == 1
    assert client.health.facts().lacking == []


def test_w28_markdown_has_its_plain_words(carrier, fake, reply):
    knows_only(fake, reply, "text")

    carrier().deliver("chenwei", {"type": "markdown", "content": "**3/4**", "alt": "3/4"}, 1)

    assert [one["msgtype"] for one in sent(fake)] == ["markdown", "text"]
    assert sent(fake)[1]["text"]["content"] == "3/4"


def test_w12_one_call_carries_the_same_text_to_many(carrier, fake, reply):
    fake.answers["message/send"] = lambda *_: reply({"errcode": 0, "msgid": "M", "invaliduser": "B"})

    done = carrier().deliver_to_many(["a", "b", "c"], text("通知"), 7)

    assert sent(fake)[0]["touser"] == "a|b|c"
    assert (done.msgid, done.undelivered) == ("M", frozenset({"b"}))


def test_w13_a_member_gets_no_more_than_the_pace_and_the_rest_waits(carrier, fake):
    channel = carrier()
    for number in range(25):
        channel.deliver("ChenWei", text("一"), number)

    with pytest.raises(WeComError) as caught:
        channel.deliver("chenwei", text("二"), 26)
    channel.deliver("linna", text("三"), 27)

    assert (caught.value.kind, caught.value.tried, caught.value.away) == (Kind.parked, False, False)
    assert 0 < caught.value.retry_after <= 60
    assert fake.count("message/send") == 26


def test_w28_a_platform_that_cannot_take_back_says_so_once(carrier, client, fake, reply):
    fake.answers["message/recall"] = lambda *_: reply(b"not found", status=404)

    for _ in range(2):
        with pytest.raises(WeComError) as caught:
            carrier().deliver("chenwei", {"type": "recall", "msgid": "M1"}, 1)
        assert caught.value.permanent

    assert fake.count("message/recall") == 1
    assert client.health.facts().lacking == ["recall"]


def test_w09_the_same_words_twice_are_two_messages_and_a_repeat_is_one(carrier, fake):
    channel = carrier()

    for message_id in (1, 2, 2):
        channel.deliver("chenwei", text("您没有待办。"), message_id)

    first, second, repeat = (body for path, _, body in fake.seen if path == "message/send")
    assert first != second == repeat
