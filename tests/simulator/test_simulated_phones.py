"""What a member does on a phone reaches the application encrypted, and its answer comes back to the card."""

import pytest
from simulator_kit import CORP, PNG, SECRET, last, press, sealed, send_card, update_button, world
from starlette.testclient import TestClient

from reviewbot.simulator.server import Agent, Member, SimulatorConfig, create_simulator


def test_a_press_is_pushed_encrypted_and_the_answer_greys_only_the_clickers_card():
    with world() as (application, client):
        send_card(client)
        application.answer = update_button("已签收")

        answer = press(client).json()

        event = application.seen[0]
        assert answer == {"delivered": True, "status": "ok"}
        assert event.findtext("Event") == "template_card_event"
        assert event.findtext("FromUserName") == "ZhangSan"
        assert event.findtext("EventKey") == "accept"
        assert event.findtext("TaskId") == "A1-1"
        assert event.findtext("CardType") == "button_interaction"
        assert event.findtext("AgentID") == "1000002"
        assert event.findtext("ResponseCode")
        assert last(client)["replace_name"] == "已签收"
        assert last(client, "lisi")["replace_name"] == ""
        assert press(client).status_code == 409


def test_the_code_of_a_press_updates_the_card_later():
    with world() as (application, client):
        token = send_card(client)["token"]
        application.answer = update_button("处理中")
        press(client)
        code = application.seen[0].findtext("ResponseCode")
        body = {
            "atall": 1,
            "agentid": 1000002,
            "response_code": code,
            "button": {"replace_name": "张三已签收"},
        }

        client.post("/cgi-bin/message/update_template_card", params={"access_token": token}, json=body)

        assert last(client)["replace_name"] == last(client, "lisi")["replace_name"] == "张三已签收"


def test_a_whole_new_card_can_be_the_answer():
    with world() as (application, client):
        send_card(client)
        application.answer = sealed(
            "<xml><MsgType>update_template_card</MsgType><TemplateCard><CardType>text_notice</CardType>"
            "<MainTitle><Title>已办结</Title></MainTitle></TemplateCard></xml>"
        )

        press(client)

        assert last(client)["content"] == {"card_type": "text_notice", "main_title": {"title": "已办结"}}


def test_selections_travel_with_the_press():
    with world() as (application, client):
        send_card(client)
        press(client, selected={"reason": ["a", "b"]})

        item = application.seen[0].find("SelectedItems/SelectedItem")
        assert item.findtext("QuestionKey") == "reason"
        assert [node.text for node in item.findall("OptionIds/OptionId")] == ["a", "b"]


def test_an_empty_answer_to_a_press_springs_the_card_back():
    with world() as (application, client):
        sent = send_card(client)
        body = {"atall": 1, "agentid": 1000002, "response_code": sent["response_code"]}
        update = {**body, "button": {"replace_name": "提前更新"}}
        query = {"access_token": sent["token"]}
        application.meanwhile = lambda: client.post(
            "/cgi-bin/message/update_template_card", params=query, json=update
        )

        assert press(client).json() == {"delivered": False, "status": "处理超时"}
        assert last(client)["replace_name"] == ""
        assert last(client, "lisi")["replace_name"] == "提前更新"


def test_a_forged_answer_changes_nothing():
    with world() as (application, client):
        send_card(client)
        application.answer = update_button("已签收").replace(b"<Nonce>77<", b"<Nonce>78<")

        assert not press(client).json()["delivered"]
        assert last(client)["replace_name"] == ""


def test_a_photo_and_entering_reach_the_application():
    with world() as (application, client):
        photo = client.post("/sim/phones/lisi/photo", files={"media": ("a.png", PNG, "image/png")}).json()
        entered = client.post("/sim/phones/lisi/enter").json()

        image, event = application.seen
        assert photo["delivered"]
        assert entered["delivered"]
        assert image.findtext("MsgType") == "image"
        assert client.get(image.findtext("PicUrl")).content == PNG
        assert event.findtext("Event") == "enter_agent"
        assert last(client, "lisi")["content"]["media_id"] == image.findtext("MediaId")
        bad = client.post(
            "/sim/phones/lisi/photo", files={"media": ("a.txt", b"not a picture", "text/plain")}
        )
        assert bad.status_code == 400


def test_links_open_with_the_identity_of_the_phone():
    with world() as (_, client):
        path = "/sim/phones/lisi/open"
        opened = client.get(path, params={"url": "https://app.test/h5"}, follow_redirects=False)

        assert opened.headers["location"] == "https://app.test/h5"
        assert "sim_phone=lisi" in opened.headers["set-cookie"]
        assert client.get(path, params={"url": "javascript:alert(1)"}).status_code == 400


@pytest.mark.parametrize(
    ("login", "arrives"),
    [("/login", "http://app.test/login?next=%2Fcase%2F1"), ("", "http://app.test/case/1")],
)
def test_a_link_to_the_application_signs_in_anew_where_it_has_a_page_for_that(login, arrives):
    agent = Agent(1000002, SECRET, home_url="http://app.test", login_path=login)
    client = TestClient(create_simulator(SimulatorConfig(CORP, (agent,), members=[Member("lisi", "李四")])))

    path, query = "/sim/phones/lisi/open", {"url": "http://app.test/case/1"}

    assert client.get(path, params=query, follow_redirects=False).headers["location"] == arrives
