"""Q23: the clock, the dice, the log, and the table that tells what is known and what is assumed."""

import json
import time
from dataclasses import fields

import pytest
from markupsafe import escape
from simulator_kit import CORP, PNG, SECRET, World, press, say, send_card, switch, world

from reviewbot.simulator.behaviours import BEHAVIOURS
from reviewbot.simulator.quirks import Quirks
from reviewbot.simulator.server import Agent, Member, SimulatorConfig, create_simulator


def test_q23_the_clock_can_be_set_put_forward_and_run_faster():
    there = World()

    def clock(**order):
        return there.http.post("/sim/clock", json=order).json()

    assert clock()["now"] == 1_700_000_000
    assert clock(advance=7201)["now"] == 1_700_007_201
    assert there.send()["errcode"] in (40014, 42001)
    assert clock(set=1_800_000_000)["now"] == 1_800_000_000
    assert clock(set="2026-11-30T08:30:00+08:00")["now"] == 1_795_998_600
    assert clock(rate=60)["rate"] == 60
    there.clock.at += 10
    assert clock()["now"] == 1_795_998_600 + 600
    clock(rate=0)
    there.clock.at += 10
    assert clock()["now"] == 1_795_998_600 + 600


@pytest.mark.parametrize("order", [{"set": "soon"}, {"rate": -1}, {"advance": "x"}, {"fly": 1}, []])
def test_q23_a_wrong_order_leaves_the_clock_alone(order):
    there = World()

    assert there.http.post("/sim/clock", json=order).status_code == 400
    assert there.http.get("/sim/status").json()["now"] == 1_700_000_000


def simulator(seed):
    config = SimulatorConfig(CORP, (Agent(1000002, SECRET),), members=[Member("a", "甲")], seed=seed)
    return World.of(create_simulator(config))


def test_q23_the_same_seed_gives_the_same_dice():
    first, again, other = simulator(7), simulator(7), simulator(8)
    for there in (first, again, other):
        there.quirks(busy_rate=0.5)

    def weather(there):
        return [there.send("a", text={"content": str(n)})["errcode"] for n in range(30)]

    told = weather(first)
    assert told == weather(again)
    assert told != weather(other)


def test_q23_what_is_given_out_never_comes_again_not_even_after_a_restart():
    """A bot's database and Redis remember it, and would take the new one for the old."""

    def given_out():
        with world() as (application, client):
            sent = send_card(client)
            press(client)
            say(client)
            photo = client.post("/sim/phones/lisi/photo", files={"file": ("a.png", PNG, "image/png")})
            assert photo.json()["delivered"]
            pressed, said, pictured = application.seen
            login = client.get(
                "/connect/oauth2/authorize",
                params={"appid": CORP, "redirect_uri": "http://bot/", "as": "lisi"},
                follow_redirects=False,
            )
            return {
                "token": sent["token"], "msgid": sent["msgid"], "first code": sent["response_code"],
                "code of a press": pressed.findtext("ResponseCode"), "MsgId": said.findtext("MsgId"),
                "MediaId": pictured.findtext("MediaId"), "sign-in": login.headers["location"],
            }  # fmt: skip

    first, second = given_out(), given_out()

    assert [name for name in first if not first[name] or first[name] == second[name]] == []


def test_q23_every_request_and_callback_is_logged_with_a_verdict_and_no_secret():
    there = World()
    there.get_token("guessed-secret")
    there.send("nobody")
    there.quirks(busy_rate=1)
    there.send()

    log = there.http.get("/sim/requests").json()["requests"]

    assert [(row["errcode"], row["verdict"]) for row in log] == [
        (0, "新令牌"),
        (40001, "invalid credential"),
        (81013, "user & party & tag all invalid"),
        (-1, "system busy"),
    ]
    assert log[-1]["quirk"] == "busy_rate"
    assert log[-1]["ip"] == "testclient"
    assert not any(hidden in json.dumps(log) for hidden in (SECRET, "guessed-secret", there.token))
    assert there.http.get("/sim/requests", params={"path": "gettoken"}).json()["requests"] == log[:2]
    assert there.http.get("/sim/requests", params={"last": "1"}).json()["requests"] == log[-1:]


def test_q23_a_callback_is_logged_with_what_it_was_and_how_long_it_took():
    with world() as (application, client):
        say(client)
        application.status = 500
        switch(client, callback_tries=1)
        say(client)

        good, bad = client.get("/sim/requests", params={"path": "callback"}).json()["requests"]

        assert (good["what"], good["verdict"]) == ("text", "ok")
        assert bad["verdict"] == "应答 HTTP 500"
        assert good["seconds"] < 5


def test_q23_every_switch_stands_in_the_table_once_and_every_quirk_has_a_row():
    told = [name for row in BEHAVIOURS for name in row.switches]

    assert sorted(told) == sorted(field.name for field in fields(Quirks))
    assert {row.q for row in BEHAVIOURS} == set(range(1, 24))
    assert [row.q for row in BEHAVIOURS] == sorted(row.q for row in BEHAVIOURS)


def test_q23_the_page_shows_every_row_with_its_evidence_and_the_present_values():
    there = World()
    there.quirks(callback_tries=7, trusted_ips=["10.0.0.1", "10.0.0.2"])

    page = there.http.get("/sim/behaviours").text
    table = there.http.get("/sim/table").json()["behaviours"]

    for row in BEHAVIOURS:
        assert escape(row.what) in page
    assert 'data-quirk="callback_tries" value="7"' in page
    assert 'data-quirk="trusted_ips" value="10.0.0.1,10.0.0.2"' in page
    assert 'data-quirk="callback_cdata"><option value="True" selected>开</option>' in page
    assert {row["label"] for row in table} == {"文档", "见于报告", "假设"}


def test_q23_every_switch_can_be_set_by_name_at_start_and_at_run_time():
    started = World(**{field.name: field.default for field in fields(Quirks)})
    values = started.http.get("/sim/status").json()["quirks"]

    answer = started.http.post("/sim/quirks", json=values)

    assert answer.json()["quirks"] == values
    assert set(values) == {field.name for field in fields(Quirks)}


def test_q23_two_simulators_never_share_their_switches():
    quirks = Quirks()
    one, two = (
        World.of(create_simulator(SimulatorConfig(CORP, (Agent(1, SECRET),), quirks=quirks))) for _ in "12"
    )

    one.quirks(busy_rate=1)

    assert two.get_token()["errcode"] == 0


def test_q23_delays_hold_a_call_before_or_after_its_effect():
    there = World()

    def seconds():
        started = time.monotonic()
        there.send(text={"content": str(started)})
        return time.monotonic() - started

    assert seconds() < 0.2
    there.quirks(delay_seconds=0.25)
    assert seconds() >= 0.25
    there.quirks(delay_seconds=0, answer_delay_seconds=0.25)
    assert seconds() >= 0.25
    assert len(there.messages()) == 3


@pytest.mark.parametrize(
    "path", ["/", "/phone/lisi", "/console", "/account", "/sim/behaviours", "/sim/status"]
)
def test_pages_are_there(path):
    assert World().http.get(path).status_code == 200
