"""Places, voices, menu clicks, entering and what no application can receive, through the real door."""

from datetime import timedelta

import pytest
from anyio import run
from case_kit import events, handler_of, opened, verifying
from phone_kit import buttons, files, remarks

from reviewbot.simulator.events import event
from reviewbot.simulator.pushing import Pusher

WORDS = "群众说窗口排队两小时，已当面致歉"


def push(town, userid, kind, **facts):
    """What a phone of another make pushes: through the platform's own sealing, to the real door."""
    platform = town.platform
    agent = platform.config.agents[0].agent_id
    facts = {"MsgId": 7_000_000_000 + platform.version} | facts | {"AgentID": agent}
    told = event(platform.config.corp_id, userid, platform.now(), kind, **facts)
    before = len(town.texts(userid))
    outcome = run(Pusher(platform.config, platform.now, platform.log).push, agent, told)
    assert outcome.delivered
    town.work()
    platform.version += 1
    return town.texts(userid)[before:]


def test_a_place_is_kept_as_a_remark_with_label_and_coordinates(town):
    number = verifying(town.house)
    handler = handler_of(town.house, number)

    (said,) = push(
        town,
        handler,
        "location",
        Location_X="23.5",
        Location_Y="116.3",
        Scale="16",
        Label="揭东区政务服务中心",
    )

    assert number in said
    (made,) = remarks(town, number)
    assert "揭东区政务服务中心" in made.remark
    assert made.data["place"] == {"latitude": 23.5, "longitude": 116.3, "label": "揭东区政务服务中心"}


@pytest.mark.parametrize("x", ["", "north", "nan", "91"])
def test_a_place_that_is_none_is_no_remark(town, x):
    number = verifying(town.house)
    handler = handler_of(town.house, number)

    (said,) = push(town, handler, "location", Location_X=x, Location_Y="116.3", Label="x")

    assert "没有坐标" in said
    assert remarks(town, number) == []


def test_a_voice_is_kept_and_its_sender_asked_to_type(town):
    number = verifying(town.house)
    handler = handler_of(town.house, number)
    media_id = town.platform.media.add("voice", "v.amr", b"#!AMR\n" + bytes(50), "audio/amr")["media_id"]

    (said,) = push(town, handler, "voice", MediaId=media_id, Format="amr")

    assert "文字" in said
    assert [one.media_type for one in files(town, number)] == ["audio/amr"]


def test_a_recognised_voice_is_a_remark_but_a_command_in_it_is_asked_about_first(town):
    number = opened(town.house)
    handler = handler_of(town.house, number)
    town.deliver()

    push(town, handler, "voice", MediaId="m1", Format="amr", Recognition=f"签收 {number}")
    assert [event.move for event in events(town.house, number)] == ["open", "dispatch"]
    card = town.inbox(handler)[-1]
    (said,) = town.press(handler, card, buttons(card)[0])
    assert "已签收" in said

    push(town, handler, "voice", MediaId="m2", Format="amr", Recognition=WORDS)
    assert [one.remark for one in remarks(town, number)] == [WORDS]


@pytest.mark.parametrize("kind", ["file", "video", "link"])
def test_other_kinds_are_told_where_to_upload(town, kind):
    number = verifying(town.house)
    handler = handler_of(town.house, number)

    (said,) = push(town, handler, kind, MediaId="m")

    assert "上传" in said


def test_entering_the_application_shows_what_is_owed_once_a_day(town, clock):
    number = opened(town.house)
    handler = handler_of(town.house, number)
    town.deliver()
    before = len(town.inbox(handler))
    for _ in range(3):
        push(town, handler, "event", Event="enter_agent", EventKey="")
    assert len(town.inbox(handler)) == before + 1
    clock.moment += timedelta(days=1)
    push(town, handler, "event", Event="enter_agent", EventKey="")
    assert len(town.inbox(handler)) == before + 2


def test_a_menu_click_says_what_its_key_says(town):
    number = opened(town.house)
    handler = handler_of(town.house, number)

    (said,) = push(town, handler, "event", Event="click", EventKey="帮助")

    assert f"签收 {number}" in said
