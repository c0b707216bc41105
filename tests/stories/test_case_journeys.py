"""Whole journeys of a bad review through the real doors, against a WeCom and a sender of foreign make."""

import itertools
import re
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta

import pytest
import requests
from foreign_wecom import (
    AES_KEY,
    AGENT,
    CORP,
    JPEG,
    SECRET,
    TOKEN,
    FakeWeCom,
    Phones,
    Web,
    post_reviews,
    seal,
    signature,
    unseal,
    working_days_later,
)
from pydantic import SecretStr

from reviewbot.actions.create_token import create_token
from reviewbot.actions.deliver_messages import deliver_messages
from reviewbot.actions.fetch_media import MAX_BYTES, fetch_media
from reviewbot.actions.open_case import open_case
from reviewbot.conversation.answer import answer_callback
from reviewbot.conversation.turn import Talk
from reviewbot.inbox import waiting
from reviewbot.queries.cases import unrouted_review_ids
from reviewbot.web.app import create_app
from reviewbot.wiring import build_house

HEAD, DESK, SUPERVISOR, MED_HANDLER = "wangzehao01", "chenjiafeng01", "wanghailing01", "limin01"
_serial = itertools.count(1)


class Town:
    """The running house with its neighbours: the sender of reviews, WeCom, the telephones."""

    def __init__(self, house, fake, url):
        self.house, self.fake, self.url, self.phones = house, fake, url, Phones(url)
        home = house

        def download(media_id):
            media = home.wecom.download_media(media_id, MAX_BYTES)
            return media.data, media.filename

        self._download = download
        self._talk = Talk(
            database=house.database, now=house.clock.now, rulebooks=house.rulebooks,
            focus=timedelta(minutes=house.settings.wecom.focus_minutes), choice=timedelta(hours=24),
            folder=house.settings.data_dir,
        )  # fmt: skip
        with house.database.begin() as session:
            token = create_token(session, "supervisor", "story", department=None, at=house.clock.now())
        self._headers = {"Authorization": f"Bearer {token}"}

    def review(self, **facts):
        """A citizen rates badly; the number of the case and the person it was given to."""
        known = {card["task_id"] for _, card in self.fake.cards("差评工单")}
        answer = self.send(_record(**facts))
        assert answer.status_code == 202, answer.text
        assert [one["result"] for one in answer.json()] == ["accepted"]
        self.work()
        fresh = [(to, card) for to, card in self.fake.cards("差评工单") if card["task_id"] not in known]
        ((receiver, card),) = fresh
        return card["main_title"]["title"].split()[1], receiver

    def send(self, record):
        (secret,) = self.house.settings.sources["standard"].secrets()
        return post_reviews(self.url, secret, record)

    def work(self):
        """What the tasks do, until nothing waits."""
        house, now = self.house, self.house.clock.now()
        with house.database.begin() as session:
            reviews = unrouted_review_ids(session, 200)
        for review_id in reviews:
            with house.database.begin() as session:
                open_case(session, review_id, at=now, rulebooks=house.rulebooks)
        with house.database.begin() as session:
            items = waiting(session, 200)
        for item_id in items:
            answer_callback(self._talk, item_id)
        fetch_media(house.database, self._download, house.settings.data_dir, at=now)
        while deliver_messages(house.database, house.channels, at=now):
            pass

    def say(self, userid, words):
        """The one answer to a text."""
        return self._heard(userid, lambda: self.phones.text(userid, words))

    def photo(self, userid):
        return self._heard(userid, lambda: self.phones.photo(userid))

    def press(self, userid, title, button):
        card = [card for to, card in self.fake.cards(title) if to == userid][-1]
        replies = []
        said = self._heard(userid, lambda: replies.append(self.phones.press(userid, card, button)))
        assert "update_button" in unseal(replies[0].text)
        return said

    def _heard(self, userid, act):
        before = len(self.fake.texts(userid))
        reply = act()
        assert reply is None or (reply.status_code, reply.text) == (200, "")
        self.work()
        (said,) = self.fake.texts(userid)[before:]
        return said

    def case(self, number):
        return self.get(f"/api/v1/cases/{number}")

    def get(self, path, **asked):
        answer = requests.get(self.url + path, params=asked, headers=self._headers, timeout=15)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture
def town(settings, clock):
    fake = FakeWeCom()
    with ExitStack() as ends:
        ends.callback(fake.serve())
        told = settings.wecom.model_copy(
            update={
                "base_url": fake.url, "corp_id": CORP, "agent_id": AGENT, "secret": SecretStr(SECRET),
                "callback_token": TOKEN, "callback_aes_key": SecretStr(AES_KEY),
            }
        )  # fmt: skip
        built = build_house(settings.model_copy(update={"wecom": told}))
        house = replace(built, clock=clock, ring=lambda *_: None)
        ends.callback(house.database.dispose)
        web = ends.enter_context(Web(create_app(house)))
        yield Town(house, fake, web.url)


def _record(**facts):
    return {
        "external_id": f"4452032026{next(_serial):08d}", "round": 1, "rating": 1,
        "reviewed_at": "2026-11-27T10:07:13+08:00", "department": "SOC", "item": "失业保险金申领",
        "comment": "排队太久", "rater": {"kind": "person", "name": "王某", "phone": "13812345678"},
    } | facts  # fmt: skip


def test_a_rectified_case_goes_from_the_webhook_to_the_rate(town, clock):
    number, handler = town.review()

    assert "签收" in town.press(handler, "差评工单", "签收")
    assert [one["userids"] for one in town.fake.updates] == [[handler]]
    said = town.say(handler, f"回访 {number} 已接通 群众反映等候过久")
    assert said.startswith(
        f"工单 {number} 已回访，现为「回访核实」（第1次，已接通；登记前没有人查看过评价人号码"
    )
    assert "整改中" in town.say(handler, f"认定 {number} 属实")
    assert "补充附件" in town.photo(handler)
    assert "待审核" in town.say(handler, f"整改 {number} 增设一个窗口")
    assert "待反馈" in town.press(HEAD, "待审核", "通过")
    assert [to for to, _ in town.fake.cards("已通过")] == [handler]
    assert town.say(handler, f"反馈 {number} 电话 已告知并致歉") == (
        f"工单 {number} 已反馈，现为「已办结」（整改办结）。"
    )

    case = town.case(number)
    assert (case["status"], case["closing_kind"], case["without_attachment"]) == (
        "closed",
        "rectified",
        False,
    )
    assert case["route_reason"] == "按办理单位：社保局"
    assert [row["size"] for row in case["evidence"]] == [len(JPEG)]
    clock.moment = working_days_later(clock.moment, 6)
    (rate,) = town.get("/api/v1/rates", metric="rectification_rate", to="2026-12-31")["rates"]
    assert (rate["numerator"], rate["denominator"], rate["value"]) == (1, 1, 100)
    said = re.sub("<[^>]+>", "", town.say(SUPERVISOR, "整改率 社保局 本月"))
    assert "社保局" in said
    assert "1/1" in said
    assert "整改 1 / 解释 0" in said


def test_an_explained_case_without_a_file_has_to_be_passed_as_such(town):
    number, handler = town.review()
    town.say(handler, f"签收 {number}")
    town.say(handler, f"回访 {number} 未接通 无人接听")
    town.say(handler, f"回访 {number} 已接通 希望免交材料")

    assert "解释说明" in town.say(handler, f"认定 {number} 无法定依据")
    assert "依据" in town.say(handler, f"解释 {number} 规定就是这样")
    assert town.case(number)["status"] == "explaining"
    assert "待审核" in town.say(handler, f"解释 {number} 依据：社会保险法第五十条 说明：已当面讲清")
    assert "无附件" in town.say(HEAD, f"通过 {number}")
    assert town.case(number)["status"] == "awaiting_approval"
    assert "待反馈" in town.say(HEAD, f"通过 {number} 无附件")
    assert "解释办结" in town.say(handler, f"反馈 {number} 电话 已告知")

    case = town.case(number)
    assert (case["closing_kind"], case["without_attachment"]) == ("explained", True)
    assert [call["reached"] for call in case["calls"]] == [False, True]


def test_what_nobody_owns_is_dispatched_returned_and_dispatched_again(town, clock):
    town.send(_record(department="火星局", item="火星移民"))
    town.work()
    number = town.fake.cards("待派单")[0][1]["main_title"]["title"].split()[1]
    assert {to for to, _ in town.fake.cards("待派单")} == {DESK, "liuwenpeng01"}
    assert "火星局" in town.case(number)["route_reason"]

    assert "派给社保局" in town.say(DESK, f"派单 {number} 社保局")
    first = town.case(number)
    clock.moment += timedelta(hours=5)
    asked = town.press(first["handler"], "差评工单", "非本部门")
    assert f"退回 {number}" in asked
    assert "待派单" in town.say(first["handler"], f"退回 {number} 应由医保办理")
    assert DESK in {to for to, _ in town.fake.cards("退回")}
    assert "派给医保分局" in town.say(DESK, f"派单 {number} 医保分局")

    second = town.case(number)
    assert second["department"] == "医保分局"
    assert second["due_at"] == first["due_at"]
    assert [event["move"] for event in second["events"]] == ["open", "dispatch", "return", "dispatch"]
    assert "没有工单" in town.say(first["handler"], f"签收 {number}")
    assert "回访核实" in town.say(second["handler"], f"签收 {number}")


def test_without_a_number_the_only_case_then_the_one_in_focus_else_a_question(town, clock):
    first, handler = town.review()
    assert first in town.say(handler, "签收")

    second = _give_another_to(town, handler)
    said = town.say(handler, "回访 已接通 已致歉")
    assert said.startswith(f"工单 {first} ")
    clock.moment += timedelta(minutes=31)
    said = town.say(handler, "认定 属实")
    assert "请写明工单号" in said
    assert first in said
    assert second in said
    assert town.case(first)["status"] == "verifying"
    assert second in town.say(handler, second)
    assert town.say(handler, "签收").startswith(f"工单 {second} ")


def test_a_photograph_without_a_case_waits_for_a_number(town):
    first, handler = town.review()
    second = _give_another_to(town, handler)
    town.say(handler, f"签收 {first}")
    town.house.clock.moment += timedelta(minutes=31)

    before = len(town.fake.sent)
    town.phones.photo(handler)
    town.work()
    (asked,) = [one["template_card"] for one in town.fake.sent[before:]]
    assert "哪张工单" in asked["main_title"]["title"]
    assert {first, second} < {one["id"] for one in asked["checkbox"]["option_list"]}
    assert "附件 1 份" in town.say(handler, first)

    assert len(town.case(first)["evidence"]) == 1
    assert town.case(second)["evidence"] == []


def test_strangers_foreign_and_closed_cases_get_a_clear_sentence_and_change_nothing(town):
    number, handler = town.review()
    before = town.case(number)

    assert "不在本系统的人员名录中" in town.say("nobody99", f"签收 {number}")
    assert town.say(MED_HANDLER, f"签收 {number}") == f"没有工单 {number}，或您无权查看。"
    assert town.say(MED_HANDLER, "签收 Z9999") == "没有工单 Z9999，或您无权查看。"
    assert "没有看懂" in town.say(handler, "今天天气不错")
    assert "不能通过" in town.say(HEAD, f"通过 {number} 无附件")
    assert town.case(number) == before

    _close(town, number, handler)
    closed = town.case(number)
    said = town.say(handler, f"整改 {number} 再改")
    assert said == f"工单 {number} 现为「已办结」，不能提交整改；现在可以：重开。"
    assert "没有看懂" not in town.press(handler, "差评工单", "签收")
    assert town.case(number) == closed


def test_a_callback_pushed_three_times_is_worked_and_answered_once(town):
    number, handler = town.review()

    said = town._heard(
        handler, lambda: [town.phones.text(handler, f"签收 {number}", msg_id=77) for _ in range(3)][-1]
    )

    assert "回访核实" in said
    assert [event["move"] for event in town.case(number)["events"]].count("sign") == 1


def test_full_width_lower_case_and_odd_spaces_are_understood(town):
    number, handler = town.review()
    odd = "".join(chr(ord(char) + 0xFEE0) for char in number.lower())

    assert "回访核实" in town.say(handler, f"　签收　＃{odd} ")


def test_the_console_gets_its_echo_and_a_forger_gets_nothing(town):
    echo = seal("8213642")
    asked = {"timestamp": "1700000000", "nonce": "n", "echostr": echo}

    good = requests.get(
        f"{town.url}/wecom/callback",
        params=asked | {"msg_signature": signature("1700000000", "n", echo)},
        timeout=15,
    )
    forged = requests.get(
        f"{town.url}/wecom/callback", params=asked | {"msg_signature": "0" * 40}, timeout=15
    )

    assert (good.status_code, good.text) == (200, "8213642")
    assert (forged.status_code, forged.text) == (403, "")


def _give_another_to(town, handler):
    """More reviews until this handler holds a second case: assignment goes by the fewest open cases."""
    for _ in range(20):
        number, receiver = town.review()
        if receiver == handler:
            return number
    raise AssertionError("nobody got a second case")


def _close(town, number, handler):
    for who, words in (
        (handler, f"签收 {number}"),
        (handler, f"回访 {number} 已接通 已致歉"),
        (handler, f"认定 {number} 属实"),
        (handler, f"整改 {number} 增设窗口"),
        (HEAD, f"通过 {number} 无附件"),
        (handler, f"反馈 {number} 电话 已告知"),
    ):
        assert number in town.say(who, words)
    assert town.case(number)["status"] == "closed"
