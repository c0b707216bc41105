"""Q10 and Q11: what members do and see on their phones."""

import base64

import pytest
from simulator_kit import PNG, call, last, press, say, sealed, send_card, switch, update_button, world

MENU = {
    "button": [
        {"type": "click", "name": "我的待办", "key": "todo"},
        {"type": "view", "name": "主页", "url": "https://app.test/h5"},
        {
            "name": "更多",
            "sub_button": [
                {"type": "pic_sysphoto", "name": "拍照", "key": "photo"},
                {"type": "location_select", "name": "位置", "key": "place"},
                {"type": "scancode_waitmsg", "name": "扫码", "key": "scan"},
                {"type": "scancode_push", "name": "扫码打开", "key": "scan-open"},
                {"type": "view_miniprogram", "name": "小程序", "pagepath": "pages/index", "appid": "wx0"},
            ],
        },
    ]
}


def touch(client, *path, **took):
    return client.post("/sim/phones/zhangsan/menu", json={"path": path, **took}).json()


def test_q10_an_empty_answer_to_a_press_is_a_timeout_or_by_the_switch_nothing():
    with world() as (_, client):
        send_card(client)

        assert press(client).json() == {"delivered": False, "status": "处理超时"}
        assert last(client)["status"] == "处理超时，请点击重试"
        switch(client, empty_answer_is_timeout=False)
        assert press(client).json()["delivered"]
        assert last(client)["status"] == ""


def test_q10_an_answer_later_than_the_platform_waits_shows_a_timeout():
    with world(callback_timeout_seconds=0.2, callback_tries=1) as (application, client):
        send_card(client)
        application.answer, application.delay = update_button("已签收"), 0.5

        assert press(client).json() == {"delivered": False, "status": "处理超时"}
        assert last(client)["status"] == "处理超时，请点击重试"
        application.delay = 0
        press(client)
        assert last(client)["replace_name"] == "已签收"


@pytest.mark.parametrize(("overrides", "shown"), [(True, "被动应答"), (False, "接口更新")])
def test_q10_an_update_made_inside_the_callback_is_overwritten_by_the_answer(overrides, shown):
    with world(passive_overrides_update=overrides) as (application, client):
        sent = send_card(client)
        body = {"atall": 1, "agentid": 1000002, "response_code": sent["response_code"]}
        body |= {"button": {"replace_name": "接口更新"}}
        application.meanwhile = lambda: call(client, "message/update_template_card", body)
        application.answer = update_button("被动应答")

        press(client)

        assert last(client)["replace_name"] == shown
        assert last(client, "lisi")["replace_name"] == "接口更新"


@pytest.mark.parametrize(
    ("card", "selected", "items"),
    [
        (
            {
                "card_type": "vote_interaction",
                "checkbox": {
                    "question_key": "why",
                    "mode": 1,
                    "option_list": [{"id": "a", "text": "甲"}, {"id": "b", "text": "乙"}],
                },
                "submit_button": {"text": "提交", "key": "send"},
            },
            {"why": ["a", "b"]},
            [("why", ["a", "b"])],
        ),
        (
            {
                "card_type": "multiple_interaction",
                "select_list": [
                    {"question_key": q, "option_list": [{"id": "1", "text": "一"}, {"id": "2", "text": "二"}]}
                    for q in ("one", "two")
                ],
                "submit_button": {"text": "提交", "key": "send"},
            },
            {"one": ["1"], "two": ["2"]},
            [("one", ["1"]), ("two", ["2"])],
        ),
        (
            {
                "button_list": [{"text": "转办", "key": "send"}],
                "button_selection": {
                    "question_key": "to",
                    "option_list": [{"id": "soc", "text": "社保局"}, {"id": "tax", "text": "税务局"}],
                },
            },
            {"to": ["tax"]},
            [("to", ["tax"])],
        ),
    ],
)
def test_q10_votes_selects_and_button_selections_travel_with_the_press(card, selected, items):
    with world() as (application, client):
        assert send_card(client, **card)["errcode"] == 0
        application.answer = update_button("已提交")

        assert press(client, "send", selected=selected).json()["delivered"]

        found = application.seen[-1].findall("SelectedItems/SelectedItem")
        assert [
            (one.findtext("QuestionKey"), [o.text for o in one.findall("OptionIds/OptionId")])
            for one in found
        ] == items
        assert application.seen[-1].findtext("CardType") == card.get("card_type", "button_interaction")


def test_q10_the_corner_menu_of_a_card_is_an_event_of_its_own():
    with world() as (application, client):
        menu = {"desc": "更多", "action_list": [{"text": "不再提醒", "key": "mute"}]}
        assert send_card(client, action_menu=menu)["errcode"] == 0

        press(client, "mute")

        assert application.seen[-1].findtext("Event") == "template_card_menu_event"
        assert application.seen[-1].findtext("EventKey") == "mute"


def test_q10_voice_is_an_amr_recording_with_its_words_only_by_the_switch():
    with world() as (application, client):
        said = {"words": "已经处理好了", "seconds": 3}
        client.post("/sim/phones/lisi/voice", json=said)
        switch(client, voice_recognition=True)
        client.post("/sim/phones/lisi/voice", json=said)

        first, second = application.seen
        assert (first.findtext("MsgType"), first.findtext("Format")) == ("voice", "amr")
        assert first.find("Recognition") is None
        assert second.findtext("Recognition") == "已经处理好了"
        query = {"access_token": send_card(client)["token"], "media_id": first.findtext("MediaId")}
        recording = client.get("/cgi-bin/media/get", params=query).content
        assert recording.startswith(b"#!AMR\n")
        assert len(recording) == 6 + 3 * 50 * 13


def test_q10_a_location_a_photo_and_a_film_reach_the_application():
    with world() as (application, client):
        place = {"latitude": 23.5, "longitude": 116.4, "label": "揭阳市揭东区"}
        client.post("/sim/phones/lisi/location", json=place)
        client.post("/sim/phones/lisi/photo", files={"media": ("a.png", PNG, "image/png")})
        film = b"\x00\x00\x00\x18ftypmp42" + bytes(64)
        client.post("/sim/phones/lisi/video", files={"media": ("a.mp4", film, "video/mp4")})

        where, photo, video = application.seen
        assert (where.findtext("Location_X"), where.findtext("Label")) == ("23.5", "揭阳市揭东区")
        assert where.findtext("AppType") == "wxwork"
        assert client.get(photo.findtext("PicUrl")).content == PNG
        assert video.findtext("ThumbMediaId")
        assert [m["kind"] for m in client.get("/sim/phones/lisi/messages").json()["messages"]] == [
            "location",
            "image",
            "video",
        ]


def test_q10_the_menu_is_set_by_programs_and_touched_by_members():
    with world() as (application, client):
        assert touch(client, 0)["status"] == "菜单上没有这个按钮"
        assert call(client, "menu/create", MENU, agentid="1000002")["errcode"] == 0
        assert call(client, "menu/get", agentid="1000002")["button"] == MENU["button"]
        assert client.get("/sim/phones").json()["agent"]["menu"] == MENU["button"]

        for path in ([0], [1], [2, 4], [2, 3]):
            touch(client, *path)

        heard = [(seen.findtext("Event"), seen.findtext("EventKey")) for seen in application.seen]
        assert heard == [
            ("click", "todo"),
            ("view", "https://app.test/h5"),
            ("view_miniprogram", "pages/index"),
            ("scancode_push", "scan-open"),
        ]
        assert call(client, "menu/delete", agentid="1000002")["errcode"] == 0
        assert call(client, "menu/get", agentid="1000002")["errcode"] == 46003


@pytest.mark.parametrize("sends", [True, False])
def test_q10_a_menu_button_that_takes_something_sends_it_as_a_message_too(sends):
    with world(menu_sends_message=sends) as (application, client):
        call(client, "menu/create", MENU, agentid="1000002")
        picture = "data:image/png;base64," + base64.b64encode(PNG).decode()

        touch(client, 2, 0, photo=picture)
        touch(client, 2, 1, latitude=23.5, longitude=116.4, label="区政府")
        touch(client, 2, 2, scanned="A1027")

        heard = [seen.findtext("Event") or seen.findtext("MsgType") for seen in application.seen]
        if sends:
            assert heard == [
                "pic_sysphoto",
                "image",
                "location_select",
                "location",
                "scancode_waitmsg",
                "text",
            ]
            assert application.seen[0].findtext("SendPicsInfo/Count") == "1"
            assert application.seen[2].findtext("SendLocationInfo/Label") == "区政府"
            assert application.seen[4].findtext("ScanCodeInfo/ScanResult") == "A1027"
        else:
            assert heard == ["pic_sysphoto", "location_select", "scancode_waitmsg"]


@pytest.mark.parametrize(
    ("buttons", "errcode"),
    [
        ([], 40016),
        ([{"type": "click", "name": str(n), "key": "k"} for n in range(4)], 40016),
        (
            [
                {
                    "name": "更多",
                    "sub_button": [{"type": "click", "name": str(n), "key": "k"} for n in range(6)],
                }
            ],
            40023,
        ),
        ([{"type": "dance", "name": "x", "key": "k"}], 40017),
        ([{"type": "click", "name": "", "key": "k"}], 40018),
        ([{"type": "click", "name": "x"}], 40019),
        ([{"type": "view", "name": "x"}], 40020),
    ],
)
def test_q10_a_menu_has_limits(buttons, errcode):
    with world() as (_, client):
        assert call(client, "menu/create", {"button": buttons}, agentid="1000002")["errcode"] == errcode


def test_q10_entering_the_app_may_report_where_one_is():
    with world() as (application, client):
        client.post("/sim/phones/lisi/enter")
        switch(client, report_location=True)
        client.post("/sim/phones/lisi/enter")

        heard = [seen.findtext("Event") for seen in application.seen]
        assert heard == ["enter_agent", "enter_agent", "LOCATION"]
        assert application.seen[-1].findtext("Latitude")


def test_q10_a_passive_answer_to_a_message_appears_on_the_phone():
    with world() as (application, client):
        application.answer = sealed("<xml><MsgType>text</MsgType><Content>收到，谢谢</Content></xml>")

        say(client)

        assert last(client)["content"] == {"content": "收到，谢谢"}


def test_q11_the_plugin_knows_neither_cards_nor_markdown_and_a_recall_does_not_reach_it():
    with world() as (application, client):
        sent = send_card(client)
        answer = client.post("/sim/phones/zhangsan/reader", json={"reader": "plugin"})
        assert answer.json()["reader"] == "plugin"

        notice = {"content": "你收到一条消息，请在企业微信中查看"}
        assert (last(client)["kind"], last(client)["content"]) == ("text", notice)
        assert last(client, "lisi")["kind"] == "template_card"
        assert press(client).status_code == 409
        call(client, "message/recall", {"msgid": sent["msgid"]})
        assert (last(client)["recalled"], last(client, "lisi")["recalled"]) == (False, True)
        client.post("/sim/phones/zhangsan/location", json={"latitude": 1, "longitude": 2})
        assert application.seen[-1].find("AppType") is None

        client.post("/sim/phones/zhangsan/reader", json={"reader": "wecom"})
        assert client.get("/sim/phones/zhangsan/messages").json()["messages"][0]["kind"] == "template_card"
        assert client.post("/sim/phones/zhangsan/reader", json={"reader": "fax"}).status_code == 400


def test_q11_always_entering_the_home_page_leaves_twenty_bytes_of_text():
    with world(plugin_readers=("*",)) as (_, client):
        body = {"touser": "zhangsan", "agentid": 1000002, "msgtype": "text", "text": {"content": "字" * 30}}
        call(client, "message/send", body)
        assert last(client)["content"]["content"] == "字" * 30

        switch(client, plugin_home_page=True)

        assert last(client)["content"]["content"] == "字" * 6
