"""Bad days of the platform: busy, dying tokens, crowds, late answers, callbacks thrice and out of order."""

import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from simulator_kit import World, until, world


def test_q02_tokens_die_early_every_so_often():
    calm, rough = World(), World(kill_token_every=50)

    assert [calm.send(text={"content": str(n)})["errcode"] for n in range(60)] == [0] * 60
    answers = [rough.send(text={"content": str(n)})["errcode"] for n in range(50)]
    assert answers[:49] == [0] * 49
    assert answers[49] in (40014, 42001)
    assert rough.get_token()["access_token"] != rough.token


def test_q08_a_share_of_calls_finds_the_system_busy_and_has_no_effect():
    calm, rough = World(), World()
    rough.quirks(busy_rate=0.05, per_minute=10_000, per_hour=10_000)
    calm.quirks(per_minute=10_000, per_hour=10_000)

    def told(there):
        return Counter(there.send(text={"content": str(n)})["errcode"] for n in range(400))

    assert told(calm) == {0: 400}
    answers = told(rough)
    assert set(answers) == {0, -1}
    assert 5 <= answers[-1] <= 40
    assert len(rough.messages()) == answers[0]


def test_q08_bursts_of_45033_come_and_go():
    rough = World(burst=3, burst_every=5)

    codes = [rough.send(text={"content": str(n)})["errcode"] for n in range(16)]

    assert codes == [0] * 5 + [45033] * 3 + [0] * 5 + [45033] * 3
    assert len(rough.messages()) == 10
    rough.quirks(burst=0)
    assert rough.send()["errcode"] == 0


def test_q08_more_sends_at_once_than_the_limit_are_45033():
    with world(late_rate=1.0, late_seconds=0.3) as (_, client):

        def crowd():
            codes = []
            body = {"touser": "lisi", "agentid": 1000002, "msgtype": "text", "text": {"content": "x"}}
            token = client.get(
                "/cgi-bin/gettoken", params={"corpid": "ww6a112864f8022910", "corpsecret": "app-secret-0001"}
            ).json()["access_token"]

            def send():
                path = f"/cgi-bin/message/send?access_token={token}"
                codes.append(client.post(path, json=body).json()["errcode"])

            threads = [threading.Thread(target=send) for _ in range(6)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            return Counter(codes)

        assert crowd() == {0: 6}
        client.post("/sim/quirks", json={"concurrency_limit": 2})
        assert crowd() == {0: 2, 45033: 4}


def test_q08_a_late_answer_comes_after_the_message_arrived():
    late = World(late_rate=1.0, late_seconds=0.4)
    answers, started = [], time.monotonic()
    sending = threading.Thread(target=lambda: answers.append(late.send()["errcode"]))

    sending.start()
    until(late.messages)

    assert answers == []
    sending.join()
    assert answers == [0]
    assert 0.4 <= time.monotonic() - started < 10
    late.quirks(late_rate=0)
    started = time.monotonic()
    late.send()
    assert time.monotonic() - started < 0.4


def test_q14_a_callback_may_arrive_three_times_with_one_plaintext():
    with world() as (application, client):
        client.post("/sim/phones/lisi/text", json={"content": "一次"})
        assert len(application.seen) == 1

        client.post("/sim/quirks", json={"callback_copies": 3})
        answer = client.post("/sim/phones/lisi/text", json={"content": "三次"}).json()
        until(lambda: len(application.seen) == 4)

        assert answer["delivered"]
        assert {seen.findtext("Content") for seen in application.seen[1:]} == {"三次"}
        assert len({seen.findtext("MsgId") for seen in application.seen[1:]}) == 1
        assert len(set(application.raw)) == 4


def test_q14_callbacks_overtake_one_another():
    with world() as (application, client):

        def order():
            """The numbers of the messages as the application gets them; the platform numbered them as said."""
            application.seen.clear()
            with ThreadPoolExecutor(12) as people:
                for n in range(12):
                    people.submit(client.post, "/sim/phones/lisi/text", json={"content": str(n)})
                    until(lambda said=n: len(said_by_lisi()) > said)
            return [int(seen.findtext("MsgId")) for seen in application.seen]

        def said_by_lisi():
            return client.get("/sim/phones/lisi/messages").json()["messages"]

        client.post("/sim/quirks", json={"callback_reorder": 0.6})
        arrived = order()

        assert len(arrived) == 12
        assert arrived != sorted(arrived)
        client.post("/sim/quirks", json={"callback_reorder": 0})
        application.seen.clear()
        for n in range(5):
            client.post("/sim/phones/lisi/text", json={"content": str(n)})
        assert [seen.findtext("Content") for seen in application.seen] == list("01234")


def test_a_switch_that_does_not_exist_or_does_not_fit_changes_nothing():
    there = World()

    for wrong in (
        {"nonsense": 1},
        {"busy_rate": "often"},
        {"callback_tries": True},
        {"callback_cdata": "perhaps"},
    ):
        answer = there.http.post("/sim/quirks", json={"per_minute": 5, **wrong})
        assert answer.status_code == 400
        assert next(iter(wrong)) in answer.json()["errmsg"]
    assert there.http.get("/sim/status").json()["quirks"]["per_minute"] == 30
