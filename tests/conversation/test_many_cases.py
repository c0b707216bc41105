"""A clerk with more cases than a card offers: all are shown in order, each can be chosen, nothing he said is lost."""

from datetime import timedelta

import pytest
from case_kit import HEAD, SUPERVISOR, case_of, events, handler_of, opened
from sqlalchemy import select, update

from reviewbot.models.case import Case
from reviewbot.models.message import InboxItem
from reviewbot.models.people import Staff

WORDS = "已到窗口核实，情况和群众说的一致，正在整改"
MOST_BYTES = 2048


def in_one_hand(house, count):
    """So many cases of one clerk, the last opened due first; their numbers, most urgent first."""
    numbers = [opened(house) for _ in range(count)]
    handler = handler_of(house, numbers[0])
    with house.database.begin() as session:
        me = session.scalars(select(Staff).where(Staff.userid == handler)).one()
        session.execute(update(Case).values(handler_id=me.id))
        for place, number in enumerate(reversed(numbers)):
            due = house.clock.now() + timedelta(days=1, hours=place)
            session.execute(update(Case).where(Case.number == number).values(due_at=due))
    return handler, numbers[::-1]


def places(text, numbers):
    return [text.index(number) for number in numbers]


def test_eleven_cases_are_listed_in_words_most_urgent_first(town):
    handler, numbers = in_one_hand(town.house, 11)

    (told,) = town.say(handler, "我的待办")

    assert told.startswith("您有 11 张待办工单")
    assert places(told, numbers) == sorted(places(told, numbers))
    assert "待签收" in told
    assert "失业保险金申领" in told


def test_ten_are_still_a_card_to_choose_from(town):
    handler, numbers = in_one_hand(town.house, 10)

    assert town.say(handler, "我的待办") == []

    card = town.inbox(handler)[-1]
    assert [one["id"] for one in card.content["checkbox"]["option_list"]] == numbers


@pytest.mark.parametrize("place", [0, 10])
def test_words_without_a_case_wait_while_all_eleven_are_offered_and_go_to_the_one_he_names(town, place):
    handler, numbers = in_one_hand(town.house, 11)

    (asked,) = town.say(handler, WORDS)

    assert "内容先替您留着" in asked
    assert places(asked, numbers) == sorted(places(asked, numbers))
    assert all("remark" not in {event.move for event in events(town.house, number)} for number in numbers)
    (again,) = town.say(handler, "群众的电话是上午打的，没有人接")
    assert "也先记下了" in again

    (told,) = town.say(handler, numbers[place])

    assert f"已记入工单 {numbers[place]}：备注 2 份" in told
    said = [event.remark for event in events(town.house, numbers[place]) if event.move == "remark"]
    assert said == [WORDS, "群众的电话是上午打的，没有人接"]
    for number in set(numbers) - {numbers[place]}:
        assert "remark" not in {event.move for event in events(town.house, number)}
    with town.house.database.begin() as session:
        assert session.scalars(select(InboxItem).where(InboxItem.state == "waiting")).all() == []


def test_more_than_one_message_holds_are_counted_and_can_be_named_all_the_same(town):
    handler, numbers = in_one_hand(town.house, 90)

    (asked,) = town.say(handler, WORDS)
    (listed,) = town.say(handler, "我的待办")
    (helped,) = town.say(handler, "帮助")

    for told in (asked, listed, helped):
        assert len(told.encode()) <= MOST_BYTES
        assert not told.endswith("…")
    shown = sum(number in asked for number in numbers)
    assert 0 < shown < 90
    assert f"其余 {90 - shown} 件也可以回复工单号" in asked
    assert listed.startswith("您有 90 张待办工单")
    assert f"其余 {90 - sum(number in listed for number in numbers)} 件请在网页" in listed
    (told,) = town.say(handler, numbers[-1])
    assert f"已记入工单 {numbers[-1]}：备注 1 份" in told


def test_help_of_a_head_with_many_cases_is_one_whole_message(town):
    _, numbers = in_one_hand(town.house, 30)
    with town.house.database.begin() as session:
        me = session.scalars(select(Staff).where(Staff.userid == HEAD)).one()
        me.roles = ["head", "handler"]
        session.execute(update(Case).values(handler_id=me.id))
    assert case_of(town.house, numbers[0]).handler_id == me.id

    (helped,) = town.say(HEAD, "帮助")

    assert len(helped.encode()) <= MOST_BYTES
    assert "其余请回复「我的待办」" in helped
    assert helped.endswith("今日　当日情况")


def test_one_case_is_told_with_what_this_person_may_type_and_nothing_he_may_not(town):
    (number,) = in_one_hand(town.house, 1)[1]
    handler = handler_of(town.house, number)

    (mine,) = town.say(handler, number)
    (heads,) = town.say(SUPERVISOR, number)

    assert f"您可以回复：\n「签收 {number}」\n「退回 {number} 原因」" in mine
    assert "派单依据：按办理单位：社保局" in mine
    assert "签收" not in heads.partition("您可以")[2]


def test_a_sentence_of_somebody_without_a_case_is_not_taken_for_a_question_about_figures(town):
    (said,) = town.say(HEAD, "今天下午去现场看了窗口，情况属实")

    assert "没有看懂这条消息" in said
    assert "备注 A1027 内容" in said
