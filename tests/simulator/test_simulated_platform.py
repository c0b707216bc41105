"""The platform's rules through its HTTP door: tokens, recipients, cards, pace, media and sign-in."""

import pytest
from simulator_kit import CORP, World, card


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


def test_only_interactive_cards_get_a_response_code():
    world = World()

    interactive = world.send_card(task_id="one")
    notice = world.send(msgtype="template_card", template_card=card("two", "text_notice"))

    assert interactive["response_code"]
    assert notice["errcode"] == 0
    assert "response_code" not in notice
    assert world.send_card(task_id="one")["errcode"] == 40058


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


def test_members_can_be_replaced_and_unread_is_counted():
    world = World()

    world.http.post("/sim/members", json=[{"userid": "zhaoliu", "name": "赵六", "department": "税务局"}])
    world.send("zhaoliu")
    listed = world.http.get("/sim/phones").json()["members"]

    assert [(m["name"], m["unread"]) for m in listed] == [("赵六", 1)]
    world.http.get("/sim/phones/zhaoliu/messages?read=1")
    assert world.http.get("/sim/phones").json()["members"][0]["unread"] == 0


def test_a_call_that_is_not_played_here_is_404_never_busy_and_stands_in_the_log():
    world = World()
    answer = world.http.get("/cgi-bin/unheard/of")

    assert (answer.status_code, answer.json()["errcode"]) == (404, 404)
    last = world.http.get("/sim/requests?last=1").json()["requests"][0]
    assert (last["path"], last["errcode"]) == ("/cgi-bin/unheard/of", 404)
