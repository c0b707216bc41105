"""WeCom parked as a whole, and what is known of its health: W5, W8, W9, W26."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from reviewbot.wecom import messages
from reviewbot.wecom.errors import Kind, WeComError

PAYLOAD = messages.encode(messages.text(1000002, ["zhangsan"], "您有新的工单"))


def fail(client, kind=None):
    with pytest.raises(WeComError) as caught:
        client.send(PAYLOAD)
    if kind:
        assert caught.value.kind is kind
    return caught.value


def time_is_up(client, api="message/send"):
    """The pause of a closed gate is over."""
    key = f"{client.health.gate_prefix}gate:{api}"
    assert client._redis.exists(key)
    client._redis.hset(key, "until", time.time() - 1)


def answer(fake, reply, errcode, path="message/send"):
    fake.answers[path] = lambda *_: reply({"errcode": errcode, "errmsg": "…", "msgid": "M"})


@pytest.mark.parametrize("code", [60020, 43012, 301002, 50003])
def test_w08_after_a_fault_of_configuration_nothing_more_is_sent_and_the_operator_hears_of_it(
    build, fake, reply, code
):
    answer(fake, reply, code)

    first = fail(build(), Kind.config)
    other = build()
    second = fail(other, Kind.parked)

    assert (first.away, first.tried) == (True, False)
    assert (second.away, second.tried) == (True, False)
    assert fake.count("message/send") == 1
    assert other.gates.room("message/send") == 0
    (gate,) = other.health.facts().gates
    assert (gate.api, gate.kind, gate.errcode) == ("message/send", "config", code)
    assert [alert.code for alert in other.health.facts().alerts] == [str(code)]


def test_w08_who_has_put_the_secret_right_does_not_wait_for_the_pause_of_the_wrong_one(
    build, fake, reply, secret
):
    good = fake.answers["gettoken"]

    def gettoken(query, *rest):
        return (
            good(query, *rest) if query["corpsecret"] == secret else reply({"errcode": 40001, "errmsg": "…"})
        )

    fake.answers["gettoken"] = gettoken
    wrong = build(secret="wrong")
    fail(wrong, Kind.config)
    fail(wrong, Kind.parked)

    assert build().send(PAYLOAD).msgid == "M1"
    assert [gate.errcode for gate in wrong.health.facts().gates] == [40001]
    assert build().health.facts().gates == []
    key = wrong.health.gate_prefix + "gate:message/send"
    assert 0 < wrong._redis.ttl(key) <= 2 * 86_400


def test_w08_another_api_of_the_same_application_stays_open(client, fake, reply):
    answer(fake, reply, 48002, "user/get")

    with pytest.raises(WeComError):
        client.user_get("a")

    assert client.send(PAYLOAD).msgid == "M1"


@pytest.mark.parametrize(("code", "told"), [(99999999, True), (45002, True), (40008, False), (81013, False)])
def test_w08_an_unknown_code_or_a_wrong_message_of_ours_is_told_the_operator_and_closes_nothing(
    client, fake, reply, code, told
):
    answer(fake, reply, code)
    assert fail(client).permanent

    facts = client.health.facts()
    assert [alert.code for alert in facts.alerts] == ([str(code)] if told else [])
    assert facts.gates == []


def test_w08_when_the_pause_is_over_one_goes_first_and_his_success_opens_the_gate(client, build, fake, reply):
    answer(fake, reply, 60020)
    fail(client)
    time_is_up(client)
    inside, go_on = threading.Event(), threading.Event()

    def slow(*_):
        inside.set()
        go_on.wait(5)
        return reply({"errcode": 0, "msgid": "M"})

    fake.answers["message/send"] = slow
    assert client.gates.room("message/send") == 1
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(client.send, PAYLOAD)
        inside.wait(5)
        others = [fail(build(), Kind.parked) for _ in range(3)]
        go_on.set()
        assert first.result().msgid == "M"

    assert all(error.retry_after > 0 for error in others)
    assert client.gates.room("message/send") is None
    assert client.health.facts().gates == []
    assert fake.count("message/send") == 2


def test_w08_when_the_first_one_fails_again_the_gate_stays_closed(client, fake, reply):
    answer(fake, reply, 60020)
    fail(client)
    time_is_up(client)

    assert fail(client, Kind.config).retry_after > 60
    fail(client, Kind.parked)

    assert fake.count("message/send") == 2


def test_w08_throttled_means_a_minute_then_an_hour_then_the_rest_of_the_day(client, fake, reply):
    answer(fake, reply, 45009)
    waits = []
    for _ in range(3):
        waits.append(fail(client, Kind.throttled).retry_after)
        time_is_up(client)

    assert (waits[0], waits[1]) == (60, 3600)
    assert 0 < waits[2] <= 86_400
    assert fake.count("message/send") == 3


def test_w09_three_failures_in_a_row_close_the_gate_and_a_harmless_call_looks_whether_wecom_is_back(
    client, fake, reply
):
    answer(fake, reply, -1)
    asked = []
    fake.answers["media/get"] = lambda query, *_: asked.append(query) or reply({"errcode": -1})

    errors = [fail(client, Kind.retry) for _ in range(3)]
    fail(client, Kind.parked)
    time_is_up(client)
    fail(client, Kind.parked)  # still away: no message was spent on finding out

    assert [error.away for error in errors] == [False, False, True]
    assert fake.count("message/send") == 3
    assert len(asked) == 1

    fake.answers["media/get"] = lambda *_: reply({"errcode": 40007})
    answer(fake, reply, 0)
    time_is_up(client)
    assert client.send(PAYLOAD).msgid == "M"
    assert client.gates.room("message/send") is None


def test_w09_a_longer_outage_means_longer_pauses(client, fake, reply):
    answer(fake, reply, -1)
    answer(fake, reply, -1, "media/get")
    for _ in range(3):
        fail(client)
    pauses = []
    for _ in range(4):
        pauses.append(client.health.gate("message/send").until - time.time())
        time_is_up(client)
        fail(client, Kind.parked)

    assert pauses == sorted(pauses)
    assert pauses[0] < 10
    assert pauses[-1] > 30


def test_w09_a_short_outage_after_a_mended_one_means_a_short_pause_again(client, fake, reply):
    fake.answers["media/get"] = lambda *_: reply({"errcode": 40007})
    pauses = []
    for _ in range(5):
        answer(fake, reply, -1)
        for _ in range(3):
            fail(client, Kind.retry)
        pauses.append(client.health.gate("message/send").until - time.time())
        time_is_up(client)
        answer(fake, reply, 0)
        client.send(PAYLOAD)

    assert max(pauses) < 10


def test_w09_a_crowd_met_by_the_first_one_opens_the_gate_for_one_by_one(client, fake, reply):
    fake.answers["media/get"] = lambda *_: reply({"errcode": 40007})
    answer(fake, reply, -1)
    for _ in range(3):
        fail(client, Kind.retry)
    time_is_up(client)
    answer(fake, reply, 45033)
    for _ in range(6):
        assert not fail(client, Kind.crowded).away
    answer(fake, reply, 0)

    assert client.send(PAYLOAD).msgid == "M"


def test_w09_a_crowd_that_does_not_end_is_left_alone_for_a_moment(client, fake, reply):
    answer(fake, reply, 45033)
    errors = [fail(client, Kind.crowded) for _ in range(15)]

    assert [error.away for error in errors] == [False] * 14 + [True]
    assert fail(client, Kind.parked).retry_after <= 5


def test_w09_failures_with_successes_in_between_close_nothing(client, fake, reply):
    for _ in range(5):
        answer(fake, reply, -1)
        fail(client)
        fail(client)
        answer(fake, reply, 0)
        client.send(PAYLOAD)

    assert client.gates.room("message/send") is None


def test_w09_too_many_at_once_means_one_by_one_for_a_while(build, fake, reply):
    answer(fake, reply, 45033)
    error = fail(build(), Kind.crowded)
    at_once, most, lock = [], [], threading.Lock()

    def slow(*_):
        with lock:
            at_once.append(1)
            most.append(len(at_once))
        time.sleep(0.05)
        with lock:
            at_once.pop()
        return reply({"errcode": 0, "msgid": "M"})

    fake.answers["message/send"] = slow
    clients = [build() for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        sent = list(pool.map(lambda one: one.send(PAYLOAD), clients))

    assert 1 <= error.retry_after <= 3
    assert len(sent) == 6
    assert max(most) == 1


@pytest.mark.parametrize("code", [81013, 45002, 85002, 40029])
def test_w08_what_is_wrong_with_one_message_closes_nothing(client, fake, reply, code):
    answer(fake, reply, code)

    for _ in range(4):
        assert not fail(client).away

    assert fake.count("message/send") == 4


def test_w05_a_silent_wecom_holds_a_worker_for_one_call_and_then_nobody(build, fake, reply):
    release = threading.Event()
    fake.answers["message/send"] = lambda *_: (release.wait(10), reply({}))[1]
    client = build(timeout=(0.3, 0.3))
    start = time.monotonic()

    for _ in range(3):
        assert fail(client, Kind.retry).unsure
    for _ in range(20):
        fail(client, Kind.parked)
    release.set()

    assert time.monotonic() - start < 3


def test_w26_the_facts_are_the_same_for_every_process(build, fake, reply):
    one, other = build(), build()
    assert other.health.facts().last_token is None

    one.send(PAYLOAD)
    one.notice("enter_agent")
    one.notice("close_inactive_agent")

    facts = other.health.facts()
    assert time.time() - facts.last_token < 10
    assert [(alert.code, alert.count) for alert in facts.alerts] == [("close_inactive_agent", 1)]
    assert "停用" in facts.alerts[0].sentence


def test_w26_an_alert_that_comes_again_is_counted_with_its_first_time(client):
    client.health.alert("60020", "一")
    first = client.health.facts().alerts[0]
    client.health.alert("60020", "二")

    (alert,) = client.health.facts().alerts
    assert (alert.count, alert.sentence, alert.first) == (2, "二", first.first)
    assert alert.last > first.last
