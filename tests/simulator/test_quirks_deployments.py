"""Q21 and Q22: what a private deployment lacks and wants, and how an Official Account behaves."""

import pytest
from simulator_kit import CORP, PNG, SECRET, World

KEYS = {"grant_type": "client_credential", "appid": "wxaccount", "secret": "account-secret"}
OPENID, TEMPLATE = "oGuest0001", "tmplClosed"


def test_q21_everything_of_the_platform_stands_behind_a_prefix():
    there = World()
    query = {"corpid": CORP, "corpsecret": SECRET}

    there.quirks(path_prefix="/qywx")

    assert there.http.get("/cgi-bin/gettoken", params=query).status_code == 404
    assert there.http.get("/qywx/cgi-bin/gettoken", params=query).json()["access_token"] == there.token
    login = {"appid": CORP, "redirect_uri": "http://app.test/in", "as": "lisi"}
    assert (
        there.http.get("/connect/oauth2/authorize", params=login, follow_redirects=False).status_code == 404
    )
    assert (
        there.http.get("/qywx/connect/oauth2/authorize", params=login, follow_redirects=False).status_code
        == 302
    )
    assert there.http.get("/").status_code == 200
    there.quirks(path_prefix="")
    assert there.http.get("/cgi-bin/gettoken", params=query).status_code == 200


def test_q21_a_gateway_wants_a_header_of_its_own():
    there = World()
    query = {"corpid": CORP, "corpsecret": SECRET}

    there.quirks(required_header="X-Gateway-Key: abc")

    assert there.http.get("/cgi-bin/gettoken", params=query).status_code == 403
    wrong = there.http.get("/cgi-bin/gettoken", params=query, headers={"x-gateway-key": "abd"})
    assert wrong.status_code == 403
    right = there.http.get("/cgi-bin/gettoken", params=query, headers={"x-gateway-key": "abc"})
    assert right.json()["access_token"] == there.token
    there.quirks(required_header="")
    assert there.http.get("/cgi-bin/gettoken", params=query).status_code == 200


def test_q21_an_old_deployment_has_no_cards():
    there = World()
    assert there.send_card(task_id="one")["errcode"] == 0

    there.quirks(no_template_card=True)

    assert there.send_card(task_id="two")["errcode"] == 40008


def test_q21_an_old_deployment_has_no_auth_path():
    there = World()

    def ask(path):
        query = {"access_token": there.token, "code": "x"}
        return there.http.get(f"/cgi-bin/{path}/getuserinfo", params=query)

    assert ask("auth").json()["errcode"] == 40029
    there.quirks(no_auth_path=True)
    assert ask("auth").status_code == 404
    assert ask("user").json()["errcode"] == 40029


def test_q21_an_upload_may_want_another_field():
    there = World()

    def upload(field):
        query = {"access_token": there.token, "type": "image"}
        files = {field: ("a.png", PNG, "image/png")}
        return there.http.post("/cgi-bin/media/upload", params=query, files=files).json()["errcode"]

    assert (upload("media"), upload("file")) == (0, 44001)
    there.quirks(upload_field="file")
    assert (upload("media"), upload("file")) == (44001, 0)


def plain(there):
    return there.http.get("/cgi-bin/token", params=KEYS).json()


def stable(there, **more):
    return there.http.post("/cgi-bin/stable_token", json={**KEYS, **more}).json()


def notify(there, token, openid=OPENID, template=TEMPLATE, **fields):
    values = {"thing1": "失业保险金申领", "character_string2": "A1027", "phrase3": "已办结", **fields}
    body = {"touser": openid, "template_id": template, "data": {k: {"value": v} for k, v in values.items()}}
    path = f"/cgi-bin/message/subscribe/bizsend?access_token={token}"
    return there.http.post(path, json=body).json()["errcode"]


def agree(there, openid=OPENID, template=TEMPLATE):
    return there.http.post("/sim/account/subscribe", json={"openid": openid, "template_id": template}).json()


def test_q22_every_plain_token_kills_the_one_before_after_five_minutes():
    there = World()
    for _ in range(3):
        agree(there)
    first = plain(there)["access_token"]
    second = plain(there)["access_token"]

    assert first != second
    assert notify(there, first) == 0
    there.clock.at += 301
    assert notify(there, first) == 42001
    assert notify(there, second) == 0
    third, fourth = plain(there)["access_token"], plain(there)["access_token"]
    assert notify(there, second) == 40001
    assert len({third, fourth}) == 2
    there.quirks(mp_overlap_seconds=0)
    fifth = plain(there)["access_token"]
    assert notify(there, fourth) == 42001
    assert notify(there, fifth) == 0


def test_q22_a_stable_token_stays_until_its_last_five_minutes():
    there = World()
    first = stable(there)

    there.clock.at += 6800
    assert stable(there)["access_token"] == first["access_token"]
    assert stable(there)["expires_in"] == 400
    there.clock.at += 101
    renewed = stable(there)
    assert renewed["access_token"] != first["access_token"]
    agree(there)
    assert notify(there, first["access_token"]) == 0
    plain(there)
    assert stable(there)["access_token"] == renewed["access_token"]


def test_q22_forced_renewal_is_rationed():
    there = World()
    first = stable(there)["access_token"]

    forced = stable(there, force_refresh=True)["access_token"]
    assert forced != first
    assert notify(there, first) == 40001
    assert stable(there, force_refresh=True)["access_token"] == forced
    for _ in range(19):
        there.clock.at += 31
        stable(there, force_refresh=True)
    there.clock.at += 31
    assert stable(there, force_refresh=True)["errcode"] == 45009


def test_q22_where_there_is_no_stable_token_only_the_plain_one_is_left():
    there = World()
    assert stable(there)["access_token"]

    there.quirks(mp_stable_token=False)

    assert stable(there)["errcode"] == 48001


def test_q22_one_consent_is_one_message_unless_the_template_is_long_term():
    there = World()
    token = stable(there)["access_token"]
    assert notify(there, token) == 43101
    agree(there)

    assert notify(there, token) == 0
    assert notify(there, token) == 43101
    there.quirks(mp_one_time=False)
    agree(there)
    assert [notify(there, token) for _ in range(3)] == [0, 0, 0]
    there.http.post(
        "/sim/account/subscribe", json={"openid": OPENID, "template_id": TEMPLATE, "agree": False}
    )
    assert notify(there, token) == 43101
    told = there.http.get("/sim/account").json()
    assert [notice["fields"]["character_string2"] for notice in told["notices"]] == ["A1027"] * 4


def test_q22_whoever_does_not_follow_is_43004():
    there = World(mp_one_time=False)
    token = stable(there)["access_token"]
    agree(there)
    assert notify(there, token) == 0

    there.http.post("/sim/account/follow", json={"openid": OPENID, "name": None})

    assert notify(there, token) == 43004
    assert notify(there, token, openid="nobody") == 40003
    assert agree(there)["errcode"] == 43004
    there.http.post("/sim/account/follow", json={"openid": OPENID, "name": "陈女士"})
    assert notify(there, token) == 43101
    assert notify(there, token, template="tmplOther") == 40037


@pytest.mark.parametrize(
    "fields",
    [
        {"thing1": "字" * 21},
        {"thing1": ""},
        {"character_string2": "工单一号"},
        {"phrase3": "已经办结啦"[:4] + "办结"},
        {"phrase3": "closed"},
    ],
)
def test_q22_fields_have_limits(fields):
    there = World(mp_one_time=False)
    token = stable(there)["access_token"]
    agree(there)

    assert notify(there, token, **fields) == 47003
    there.quirks(mp_check_fields=False)
    assert notify(there, token, **fields) == 0


@pytest.mark.parametrize(
    ("wrong", "errcode"),
    [({"secret": "x"}, 40125), ({"appid": "x"}, 40013), ({"grant_type": "x"}, 40002), ({"appid": ""}, 41002)],
)
def test_q22_wrong_keys_are_told_with_a_rid(wrong, errcode):
    answer = stable(World(), **wrong)

    assert answer["errcode"] == errcode
    assert " rid: " in answer["errmsg"]
