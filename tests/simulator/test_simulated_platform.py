"""The platform's rules through its HTTP door: tokens, recipients, cards, pace, media and sign-in."""

import json

import pytest
from simulator_kit import CORP, PNG, SECRET, World, card


def test_a_token_is_the_same_while_it_lives():
    world = World()

    assert world.get_token()["access_token"] == world.token
    assert world.get_token()["expires_in"] == 7200

    world.clock.at += 7201

    assert world.get_token()["access_token"] != world.token
    assert world.send()["errcode"] in (40014, 42001)


def test_a_wrong_secret_is_40001_in_the_real_form():
    answer = World().get_token("guess")

    assert answer["errcode"] == 40001
    assert "hint: [" in answer["errmsg"]
    assert "more info at https://open.work.weixin.qq.com/devtool/query?e=40001" in answer["errmsg"]


def test_the_true_remainder_can_be_shown():
    world = World(expires_in_full=False)
    world.clock.at += 100

    assert world.get_token()["expires_in"] == 7100


def test_a_token_opens_only_its_own_app():
    world = World()
    other = world.get_token("app-secret-0002")["access_token"]

    assert world.get_token("app-secret-0001", "ww-other")["errcode"] == 40013
    assert world.post("message/send", {"agentid": 1000002, "touser": "lisi"}, other)["errcode"] == 301002
    assert world.post("message/send", {}, "made-up")["errcode"] == 40014


def test_tokens_are_killed_early_every_so_often():
    world = World(kill_token_every=2)

    assert world.send()["errcode"] == 0
    assert world.send()["errcode"] in (40014, 42001)
    assert world.get_token()["access_token"] != world.token


def test_partly_invalid_recipients_are_accepted_and_named_in_lower_case():
    world = World()

    answer = world.send("ZHANGSAN|NoBody|lisi")

    assert (answer["errcode"], answer["invaliduser"]) == (0, "nobody")
    assert answer["msgid"]
    assert "response_code" not in answer
    assert len(world.messages("zhangsan")) == len(world.messages("lisi")) == 1


def test_recipients_who_are_all_invalid_are_81013():
    world = World()

    assert world.send("nobody|noone")["errcode"] == 81013
    assert world.send("")["errcode"] == 82001
    assert world.send("|".join(f"u{i}" for i in range(1001)))["errcode"] == 40032


@pytest.mark.parametrize(
    ("more", "errcode"),
    [
        ({"msgtype": "fax"}, 40008),
        ({"text": {"content": ""}}, 44004),
        ({"msgtype": "textcard", "textcard": {"description": "a", "url": "b"}}, 41016),
        ({"msgtype": "markdown", "markdown": {"content": "字" * 700}}, 45002),
        ({"msgtype": "image", "image": {"media_id": "gone"}}, 40007),
        ({"msgtype": "template_card", "template_card": card("有空格")}, 40058),
        ({"msgtype": "template_card", "template_card": {**card("a"), "main_title": {}}}, 41016),
        ({"msgtype": "template_card", "template_card": {**card("a"), "button_list": ["x"]}}, 40058),
        ({"msgtype": "template_card", "template_card": card("a", "vote_interaction")}, 40058),
    ],
)
def test_what_breaks_a_limit_is_refused(more, errcode):
    assert World().send(**more)["errcode"] == errcode


def test_text_is_cut_at_2048_bytes_on_a_character():
    world = World()

    world.send(text={"content": "字" * 1000})

    assert world.messages()[0]["content"]["content"] == "字" * 682


def test_only_interactive_cards_get_a_response_code():
    world = World()

    interactive = world.send_card(task_id="one")
    notice = world.send(msgtype="template_card", template_card=card("two", "text_notice"))

    assert interactive["response_code"]
    assert notice["errcode"] == 0
    assert "response_code" not in notice
    assert world.send_card(task_id="one")["errcode"] == 40058


def test_an_update_works_once_and_only_for_those_named():
    world = World()
    code = world.send_card("zhangsan|lisi")["response_code"]
    body = {
        "userids": ["ZhangSan"],
        "agentid": 1000002,
        "response_code": code,
        "button": {"replace_name": "已签收"},
    }

    assert world.post("message/update_template_card", body)["errcode"] == 0
    assert world.post("message/update_template_card", body)["errcode"] == 40058
    assert world.messages("zhangsan")[0]["replace_name"] == "已签收"
    assert world.messages("lisi")[0]["replace_name"] == ""


def test_a_code_dies_after_72_hours():
    world = World()
    code = world.send_card()["response_code"]
    world.clock.at += 72 * 3600 + 1
    world.token = world.get_token()["access_token"]

    body = {"atall": 1, "agentid": 1000002, "response_code": code, "button": {"replace_name": "已签收"}}

    assert world.post("message/update_template_card", body)["errcode"] == 40058


def test_over_30_a_minute_vanish_without_an_error():
    world = World()

    answers = [world.send(text={"content": str(i)}) for i in range(35)]

    assert all(answer["errcode"] == 0 and answer["msgid"] for answer in answers)
    assert len(world.messages()) == 30

    world.clock.at += 61
    world.send()

    assert len(world.messages()) == 31


def test_the_same_request_within_the_interval_arrives_once():
    world = World()

    first = world.send_card(enable_duplicate_check=1, duplicate_check_interval=600)
    second = world.send_card(enable_duplicate_check=1, duplicate_check_interval=600)

    assert first == second
    assert len(world.messages()) == 1


def test_a_message_can_be_recalled_for_a_day():
    world = World()
    msgid = world.send()["msgid"]

    assert world.post("message/recall", {"msgid": "other"})["errcode"] == 40058
    assert world.post("message/recall", {"msgid": msgid})["errcode"] == 0
    assert world.messages()[0]["recalled"]


def test_media_lives_three_days_and_fails_as_json_with_status_200():
    world = World()
    files = {"media": ("现场.png", PNG, "image/png")}
    query = {"access_token": world.token, "type": "image"}
    uploaded = world.http.post("/cgi-bin/media/upload", params=query, files=files).json()
    asked = {"access_token": world.token, "media_id": uploaded["media_id"]}

    assert uploaded["created_at"] == "1700000000"
    assert world.http.get("/cgi-bin/media/get", params=asked).content == PNG
    part = world.http.get("/cgi-bin/media/get", params=asked, headers={"Range": "bytes=0-3"})
    assert (part.status_code, part.content) == (206, PNG[:4])

    world.clock.at += 3 * 86400 + 1
    late = world.http.get(
        "/cgi-bin/media/get", params={**asked, "access_token": world.get_token()["access_token"]}
    )

    assert (late.status_code, late.json()["errcode"]) == (200, 40007)


def test_a_sign_in_code_works_once():
    world = World()
    query = {"appid": CORP, "redirect_uri": "http://app.test/in?a=1", "state": "s1", "as": "zhangsan"}
    target = world.http.get("/connect/oauth2/authorize", params=query, follow_redirects=False).headers[
        "location"
    ]
    code = target.split("code=")[1].split("&")[0]
    asked = {"access_token": world.token, "code": code}

    assert target.startswith("http://app.test/in?a=1&code=")
    assert target.endswith("&state=s1")
    assert world.http.get("/cgi-bin/auth/getuserinfo", params=asked).json()["userid"] == "ZhangSan"
    assert world.http.get("/cgi-bin/auth/getuserinfo", params=asked).json()["errcode"] == 40029


def test_the_phone_is_remembered_inside_the_app_but_a_scan_asks():
    world = World()
    query = {"appid": CORP, "redirect_uri": "http://app.test/in", "state": "s"}

    def ask(path: str, **more: str) -> int:
        return world.http.get(path, params={**query, **more}, follow_redirects=False).status_code

    assert ask("/connect/oauth2/authorize") == 200
    world.http.get("/phone/lisi")
    assert ask("/connect/oauth2/authorize") == 302
    assert ask("/wwopen/sso/qrConnect") == 200
    assert ask("/connect/oauth2/authorize", redirect_uri="javascript:alert(1)") == 400


def test_busy_and_html_answers_can_be_switched_on_while_running():
    world = World()

    world.http.post("/sim/quirks", json={"busy_rate": 1.0})
    assert world.send()["errcode"] == -1
    assert world.http.post("/sim/quirks", json={"nonsense": 1}).status_code == 400

    world.http.post("/sim/quirks", json={"busy_rate": 0.0, "html_rate": 1.0})
    answer = world.http.get("/cgi-bin/gettoken")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")


def test_the_request_log_has_verdicts_and_no_secrets():
    world = World()
    world.get_token("guessed-secret")
    world.send("nobody")

    log = world.http.get("/sim/requests").json()["requests"]

    assert [row["errcode"] for row in log] == [0, 40001, 81013]
    assert not any(hidden in json.dumps(log) for hidden in (SECRET, "guessed-secret", world.token))


def test_members_can_be_replaced_and_unread_is_counted():
    world = World()

    world.http.post("/sim/members", json=[{"userid": "zhaoliu", "name": "赵六", "department": "税务局"}])
    world.send("zhaoliu")
    listed = world.http.get("/sim/phones").json()["members"]

    assert [(m["name"], m["unread"]) for m in listed] == [("赵六", 1)]
    world.http.get("/sim/phones/zhaoliu/messages?read=1")
    assert world.http.get("/sim/phones").json()["members"][0]["unread"] == 0


@pytest.mark.parametrize("path", ["/", "/phone/lisi", "/sim/behaviours", "/sim/status", "/phones/phone.js"])
def test_pages_are_there(path):
    assert World().http.get(path).status_code == 200


def test_an_unknown_path_is_404_with_an_errcode():
    answer = World().http.get("/cgi-bin/unheard/of")

    assert (answer.status_code, answer.json()["errcode"]) == (404, -1)
