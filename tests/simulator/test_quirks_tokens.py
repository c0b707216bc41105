"""Q1-Q4: tokens, the form of errors, and who may call; every switch seen off and on."""

import time

import pytest
from simulator_kit import CORP, SECRET, World


def test_q01_a_token_is_the_same_while_it_lives_for_each_secret():
    there = World()

    assert there.get_token()["access_token"] == there.token
    assert there.get_token("app-secret-0002")["access_token"] != there.token
    there.quirks(token_per_app=False)
    assert there.get_token()["access_token"] != there.token
    assert there.send()["errcode"] == 0
    assert there.http.get("/sim/status").json()["counts"]["gettoken"] == 4


def test_q01_expires_in_is_7200_or_the_true_remainder():
    there = World()
    there.clock.at += 100

    assert there.get_token()["expires_in"] == 7200
    there.quirks(expires_in_full=False)
    assert there.get_token()["expires_in"] == 7100


@pytest.mark.parametrize(
    ("query", "errcode"),
    [
        ({"corpid": CORP, "corpsecret": "guess"}, 40001),
        ({"corpid": "ww-other", "corpsecret": SECRET}, 40013),
        ({"corpsecret": SECRET}, 41002),
        ({"corpid": CORP}, 41004),
    ],
)
def test_q01_what_is_wrong_with_the_keys_is_told(query, errcode):
    assert World().http.get("/cgi-bin/gettoken", params=query).json()["errcode"] == errcode


def test_q01_too_many_calls_of_one_secret_block_it_for_an_hour():
    there = World()
    assert {there.get_token()["errcode"] for _ in range(20)} == {0}
    there = World(block_gettoken_after=3)

    assert [there.get_token()["errcode"] for _ in range(4)] == [0, 0, 45009, 45009]
    assert there.get_token("app-secret-0002")["errcode"] == 0
    there.clock.at += 1800
    assert there.get_token()["errcode"] == 45009
    there.clock.at += 3601
    assert there.get_token()["errcode"] == 0


def test_q01_gettoken_fails_like_a_gateway():
    there = World()

    there.quirks(gettoken_fault="502")
    answer = there.http.get("/cgi-bin/gettoken")
    assert (answer.status_code, answer.headers["content-type"][:9]) == (502, "text/html")
    there.quirks(gettoken_fault="html")
    answer = there.http.get("/cgi-bin/gettoken")
    assert (answer.status_code, answer.headers["content-type"][:9]) == (200, "text/html")
    there.quirks(gettoken_fault="")
    assert there.get_token()["errcode"] == 0


def test_q01_gettoken_hangs():
    there = World()
    there.quirks(gettoken_fault="hang", hang_seconds=0.4)

    started = time.monotonic()
    there.get_token()

    assert 0.4 <= time.monotonic() - started < 30
    there.quirks(gettoken_fault="")
    started = time.monotonic()
    there.get_token()
    assert time.monotonic() - started < 0.4


def test_q02_a_dead_token_is_told_as_either_errcode_unless_one_is_chosen():
    there = World()
    there.http.post("/sim/tokens/kill")

    assert {there.send()["errcode"] for _ in range(40)} == {40014, 42001}
    there.quirks(dead_token_errcode=42001)
    assert {there.send()["errcode"] for _ in range(10)} == {42001}


def test_q02_a_token_of_one_app_does_not_open_another_and_none_opens_nothing():
    there = World()
    other = there.get_token("app-secret-0002")["access_token"]

    assert there.post("message/send", {"agentid": 1000002, "touser": "lisi"}, other)["errcode"] == 301002
    assert there.post("message/send", {}, "made-up")["errcode"] == 40014
    assert there.http.post("/cgi-bin/message/send", json={}).json()["errcode"] == 41001


def test_q03_an_errmsg_has_hint_address_and_where_to_read_more():
    there = World()

    answer = there.http.get("/cgi-bin/gettoken", params={"corpid": CORP, "corpsecret": "guess"})

    assert answer.status_code == 200
    assert answer.json()["errmsg"].startswith("invalid credential, hint: [1700000000_")
    assert "from ip: testclient, " in answer.json()["errmsg"]
    assert answer.json()["errmsg"].endswith("https://open.work.weixin.qq.com/devtool/query?e=40001")
    there.quirks(errmsg_hint=False)
    assert there.get_token("guess")["errmsg"] == "invalid credential"


def test_q04_an_address_outside_the_list_is_60020_and_a_changed_list_takes_a_minute():
    there = World()
    assert there.send()["errcode"] == 0

    there.quirks(trusted_ips=["192.0.2.7"])
    assert there.send()["errcode"] == 0
    there.clock.at += 61
    refused = there.send()
    assert refused["errcode"] == 60020
    assert "from ip: testclient" in refused["errmsg"]
    assert there.get_token()["errcode"] == 0

    there.quirks(trusted_ips=["192.0.2.7", "testclient"], trusted_ips_delay_seconds=0)
    assert there.send()["errcode"] == 0
