"""A card whose code is spent keeps its buttons on the phone: when they grow stale a fresh card takes its place and it
is taken back within its day (W22, P6, P8). On simulated phones, through the real callback and page doors."""

import re
from datetime import UTC, datetime, timedelta

from case_kit import (
    DESK,
    HEAD,
    SUPERVISOR,
    awaiting_approval,
    call,
    case_of,
    conclude,
    handler_of,
    messages,
    move,
    opened,
)
from ladder_kit import sweep
from phone_kit import PATIENCE, buttons, phones
from sqlalchemy import update

from reviewbot.models.message import Message

LEADER = "zhouzhidong01"
DAY = timedelta(hours=25)


def pressed_open(town):
    """A case whose handler has pressed 签收: his card shows the next step and its code is spent."""
    number = opened(town.house)
    town.deliver()
    handler = handler_of(town.house, number)
    (card,) = town.cards(handler, number)
    town.press(handler, card, "签收")
    return number, handler


def by_page(town, userid, number, address, **words):
    """Hand in a sheet as the browser on this member's phone does."""
    phone, there = town.browser(userid), f"{town.web_url}/h5/cases/{number}/{address}"
    page = phone.get(there, timeout=PATIENCE)
    assert page.status_code == 200, page.text
    hidden = dict(re.findall(r'name="(csrf|key|round)" value="([^"]*)"', page.text))
    answer = phone.post(there, data=hidden | words, timeout=PATIENCE)
    assert answer.status_code == 200, answer.text
    town.work()


def taken_back(town, userid):
    return [one for one in town.platform.inbox(userid) if one.recalled]


def pressable(town, userid, number):
    """The cards on a phone with a button that makes a move."""
    return [card for card in town.cards(userid, number) if set(buttons(card)) - {"打开工单"}]


def test_w22_who_goes_on_by_the_page_finds_one_card_with_his_next_step(town):
    number, handler = pressed_open(town)
    (old,) = town.cards(handler, number)

    by_page(town, handler, number, "call", outcome="reached", remark="已致歉")

    (fresh,) = town.cards(handler, number)
    assert buttons(fresh) == ["认定属实", "其他认定", "申诉", "打开工单"]
    assert [one.seq for one in taken_back(town, handler)] == [old.seq]
    (said,) = town.press(handler, fresh, "认定属实")
    assert "现为「整改中」" in said
    (fresh,) = town.cards(handler, number)
    assert buttons(fresh)[0] == "提交整改"


def test_w22_who_goes_on_in_words_is_answered_by_one_message_and_his_stale_card_is_gone(town):
    number, handler = pressed_open(town)
    (old,) = town.cards(handler, number)
    before = [one.seq for one in town.platform.inbox(handler)]

    (said,) = town.say(handler, f"回访 {number} 已接通 已致歉")

    assert "已回访" in said
    came = [one for one in town.platform.inbox(handler) if one.seq not in before and one.from_app]
    assert len(came) == 1
    assert town.cards(handler, number) == []
    assert [one.seq for one in taken_back(town, handler)] == [old.seq]


def test_w22_no_phone_ever_shows_two_cards_to_press_in_a_whole_case(town):
    """Pressed and typed in turn: every second step finds a spent card."""
    number, handler = pressed_open(town)
    for who, words in (
        (handler, f"回访 {number} 已接通 已致歉"),
        (handler, f"认定 {number} 属实"),
        (handler, f"整改 {number} 增设窗口"),
        (HEAD, f"重办 {number} 未见照片"),
        (handler, f"整改 {number} 增设两个窗口"),
        (HEAD, f"通过 {number} 无附件"),
        (handler, f"反馈 {number} 电话 已告知"),
        (SUPERVISOR, f"重开 {number} 评价人称未整改"),
        (handler, f"回访 {number} 已接通 再次致歉"),
    ):
        town.say(who, words)
        owes = set(buttons_owed(town, number))
        for userid in (handler, HEAD, SUPERVISOR):
            held = pressable(town, userid, number)
            assert len(held) <= 1, (words, userid, [buttons(card) for card in held])
            # Who typed has his answer in words, and no card beside it.
            assert held or userid not in owes - {who}, (words, userid)
    assert not [row for row in messages(town.house) if row.state != "sent" and row.userid]


def buttons_owed(town, number):
    """Who owes the next step."""
    return {
        "verifying": [handler_of(town.house, number)], "rectifying": [handler_of(town.house, number)],
        "awaiting_approval": [HEAD], "awaiting_feedback": [handler_of(town.house, number)], "closed": [],
    }[case_of(town.house, number).status.value]  # fmt: skip


def test_p8_a_card_older_than_a_day_stays_and_the_fresh_one_says_so(town, clock):
    number, handler = pressed_open(town)
    clock.moment += DAY
    by_page(town, handler, number, "call", outcome="reached", remark="已致歉")

    old, fresh = town.cards(handler, number)
    assert taken_back(town, handler) == []
    assert "先前的卡片已不能撤回，请以此卡为准" in fresh.content["sub_title_text"]
    assert buttons(old)[0] == "登记回访"
    assert buttons(fresh)[0] == "认定属实"


def test_p8_an_old_card_pressed_all_the_same_loses_its_buttons_and_the_fresh_one_keeps_them(town, clock):
    number = awaiting_approval(town.house)
    town.deliver()
    (card,) = pressable(town, HEAD, number)
    (said,) = town.press(HEAD, card, "重办")
    assert "请回复" in said
    clock.moment += DAY
    move(town.house, HEAD, "send_back", number, remark="未见照片", round=1)  # as his page does
    town.deliver()
    old, fresh = pressable(town, HEAD, number)
    assert "先前的卡片已不能撤回" in fresh.content["sub_title_text"]

    (said,) = town.press(HEAD, old, "重办")

    assert "请回复" in said
    (still,) = pressable(town, HEAD, number)
    assert still.seq == fresh.seq


def test_w22_a_notice_that_brings_the_next_step_takes_the_place_of_a_spent_card(town):
    number, handler = pressed_open(town)
    move(town.house, LEADER, "instruct", number, remark="请抓紧")
    town.deliver()

    (card,) = pressable(town, handler, number)
    assert "领导批示" in card.content["main_title"]["title"]
    assert len(taken_back(town, handler)) == 1
    assert messages(town.house, kind="fresh_card") == []


def test_w22_a_step_of_somebody_else_reaches_a_spent_card(town):
    number, handler = pressed_open(town)
    move(town.house, SUPERVISOR, "hand_over", number, person=HEAD, remark="另有任务")
    move(town.house, SUPERVISOR, "hand_over", number, person=handler, remark="任务已毕")
    town.deliver()

    (card,) = town.cards(handler, number)
    assert "移交" in card.content["main_title"]["title"]
    assert pressable(town, HEAD, number) == []


def test_w22_a_case_closed_by_page_leaves_no_button_behind(town):
    number, handler = pressed_open(town)
    call(town.house, number)
    conclude(town.house, number)
    move(town.house, handler, "submit_measures", number, remark="增设窗口")
    move(town.house, HEAD, "approve", number, no_attachment=True)
    town.deliver()
    with town.house.database.begin() as session:  # as if every card had been pressed
        session.execute(
            update(Message)
            .where(Message.response_code.is_not(None))
            .values(code_used_at=town.house.clock.now())
        )

    by_page(town, handler, number, "record_feedback", channel="电话", remark="已告知")

    assert case_of(town.house, number).status == "closed"
    assert pressable(town, handler, number) == []
    assert town.cards(handler, number) == []
    assert taken_back(town, handler)


def test_w22_a_yellow_card_takes_nobodys_buttons_away(town, clock):
    """What carries no step of its own takes no card's place."""
    _, handler = pressed_open(town)
    clock.moment += timedelta(days=8)
    sweep(town.house)
    town.deliver()

    assert [card for card in town.cards(handler) if "黄牌" in card.content["main_title"]["title"]]
    assert taken_back(town, handler) == []


def test_w22_a_card_that_ran_out_cannot_be_taken_back_and_the_fresh_one_says_so(town, clock):
    number = opened(town.house)
    town.deliver()
    handler = handler_of(town.house, number)
    clock.moment += timedelta(hours=96)
    town.sweep()

    _, fresh = town.cards(handler, number)
    assert "先前的卡片已不能撤回" in fresh.content["sub_title_text"]
    assert messages(town.house, kind="card_recall") == []


def test_p8_a_recall_the_platform_refuses_is_told_in_words(town):
    number, handler = pressed_open(town)
    with town.house.database.begin() as session:
        session.execute(update(Message).where(Message.kind == "new_case").values(msgid="msg-unknown"))
    town.say(handler, f"回访 {number} 已接通 已致歉")
    town.sweep()
    (told,) = [text for text in town.texts(handler) if "未能撤回" in text]
    assert number in told
    assert "以最新的消息为准" in told


def test_a_recall_is_tried_again_while_the_platform_is_busy(town):
    number, handler = pressed_open(town)
    move(town.house, handler, "record_call", number, reached=True, remark="已致歉")
    town.platform.quirks.busy_rate = 1.0
    town.deliver()
    (row,) = messages(town.house, kind="card_recall")
    assert (row.state, row.attempts) == ("owed", 1)


def test_w21_a_card_on_its_way_while_its_receiver_lost_the_case_is_taken_back(town):
    number = opened(town.house)
    former = handler_of(town.house, number)
    card = update(Message).where(Message.kind == "new_case")
    with town.house.database.begin() as session:  # another sender has it in hand
        session.execute(card.values(state="sending", next_try_at=datetime.now(UTC) + timedelta(minutes=1)))
    move(town.house, HEAD, "return", number, remark="应由医保分局办理")
    with town.house.database.begin() as session:
        session.execute(card.values(next_try_at=datetime.now(UTC)))
    town.deliver()
    assert pressable(town, former, number)

    town.sweep()

    assert town.cards(former, number) == []


def test_w28_where_cards_have_no_buttons_nothing_is_taken_back(settings, clock):
    with phones(settings, clock, no_template_card=True) as town:
        number = opened(town.house)
        town.deliver()
        handler = handler_of(town.house, number)
        town.say(handler, f"签收 {number}")
        town.say(handler, f"回访 {number} 已接通 已致歉")
        assert taken_back(town, handler) == []
        assert messages(town.house, kind="fresh_card") == []


def test_the_giver_of_a_returned_case_finds_no_card_of_it(town):
    number, handler = pressed_open(town)
    town.say(handler, f"退回 {number} 应由医保分局办理")

    assert case_of(town.house, number).status == "awaiting_dispatch"
    assert town.cards(handler, number) == []
    assert pressable(town, DESK, number)
