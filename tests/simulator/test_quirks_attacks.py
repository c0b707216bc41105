"""Q17: every attack can be fired, and the verdict tells a door that holds from one that does not."""

import pytest
from simulator_kit import CRYPTO, say, switch, until, world

from reviewbot.simulator.attacks import ATTACKS


def attack(client, name="all", **more):
    return client.post(f"/sim/attacks/{name}", json=more)


def test_q17_every_attack_is_fired_at_a_careful_door_and_its_answer_is_shown():
    with world() as (application, client):
        say(client)
        application.seen.clear()

        told = attack(client).json()

        verdicts = {verdict["attack"]: verdict for verdict in told["verdicts"]}
        assert set(verdicts) == set(ATTACKS)
        # The small application of the tests checks signature, padding and receiver, and nothing else.
        through = {name for name, verdict in verdicts.items() if not verdict["good"]}
        assert through == {"moved_digits", "wrong_agent", "inner_doctype", "two_encrypts"} & through
        assert {"moved_digits", "wrong_agent"} <= through
        assert verdicts["wrong_signature"]["status"] == 403
        assert verdicts["wrong_signature"]["remark"] == "拒绝"
        assert told["good"] is False
        log = client.get("/sim/requests").json()["requests"]
        assert {row["path"] for row in log if row["method"] == "ATTACK"} == set(ATTACKS)


def test_q17_a_door_that_breaks_leaks_or_lets_in_is_told():
    with world() as (application, client):
        application.careless = True

        def verdict():
            (found,) = attack(client, "wrong_signature").json()["verdicts"]
            return found["good"], found["remark"]

        application.status = 500
        assert verdict() == (False, "服务器出错，任何攻击都不应得到 5xx")
        application.status, application.answer = 403, b"Traceback (most recent call last)"
        assert verdict() == (False, "应答泄露了细节")
        application.status, application.answer = 200, b""
        assert verdict() == (False, "被接受了")
        application.status = 403
        assert verdict() == (True, "拒绝")


def test_q17_a_replay_is_the_last_genuine_letter_byte_for_byte():
    with world() as (application, client):
        say(client)

        (verdict,) = attack(client, "replay").json()["verdicts"]

        assert application.queries[0] == application.queries[1]
        assert application.bodies[0] == application.bodies[1]
        assert verdict["good"]


def test_q17_moved_digits_keep_the_signature_right():
    with world() as (application, client):
        attack(client, "moved_digits")

        (query,) = application.queries
        assert len(query["timestamp"]) == 11
        fits = CRYPTO.signature(query["timestamp"], query["nonce"], application.raw[0])
        assert fits == query["msg_signature"]


@pytest.mark.parametrize("name", ["stale", "future"])
def test_q17_an_old_or_future_letter_is_rightly_signed(name):
    with world() as (application, client):
        (verdict,) = attack(client, name).json()["verdicts"]

        assert verdict["good"]
        assert application.queries[0]["timestamp"] in ("1688888888", "2208988800")


def test_q17_the_forged_message_and_its_victim_can_be_chosen():
    with world() as (application, client):
        attack(client, "moved_digits", userid="lisi", content="签收 A1027")

        assert application.seen[0].findtext("FromUserName") == "lisi"
        assert application.seen[0].findtext("Content") == "签收 A1027"
        assert attack(client, "no-such-attack").status_code == 404


def test_q17_attacks_follow_genuine_callbacks_by_the_switch():
    with world() as (_, client):

        def fired():
            return [r for r in client.get("/sim/requests").json()["requests"] if r["method"] == "ATTACK"]

        say(client)
        assert fired() == []
        switch(client, attack_every=1)
        say(client)
        until(fired)


def test_the_console_lists_what_can_be_fired():
    with world() as (_, client):
        assert {row["name"] for row in client.get("/sim/attacks").json()["attacks"]} == set(ATTACKS)
