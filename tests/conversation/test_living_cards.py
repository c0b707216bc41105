"""Cards that live, on simulated phones through the real callback door (W21, W22, P1, P2, P6, P7, P8, B9)."""

from datetime import timedelta

import pytest
from case_kit import (
    DESK,
    HEAD,
    SECOND_SUPERVISOR,
    SUPERVISOR,
    awaiting_approval,
    call,
    case_of,
    conclude,
    events,
    handler_of,
    messages,
    move,
    opened,
    photograph,
    verifying,
)  # fmt: skip
from phone_kit import buttons
from sqlalchemy import update

from reviewbot.models.message import Message
from reviewbot.models.people import Staff


def shown(card):
    """Everything a member reads on a card."""
    said = card.content
    rows = [f"{row['keyname']}{row['value']}" for row in said.get("horizontal_content_list", [])]
    return " ".join([
        said["source"]["desc"], said["main_title"]["title"], said["main_title"].get("desc", ""),
        said.get("sub_title_text", ""), card.replace_name, *rows,
    ])  # fmt: skip


def test_a_pressed_card_becomes_the_card_of_the_next_step(town):
    number = opened(town.house)
    town.deliver()
    handler = handler_of(town.house, number)
    (card,) = town.cards(handler, number)
    assert buttons(card) == ["签收", "非本部门", "打开工单"]

    (said,) = town.press(handler, card, "签收")

    assert said == f"工单 {number} 已签收，现为「回访核实」。"
    (card,) = town.cards(handler, number)
    assert buttons(card) == ["登记回访", "非本部门", "打开工单"]
    assert "现为「回访核实」" in shown(card)
    assert "签收" in card.content["sub_title_text"]
    assert f"{number} · 第 1 轮" in card.content["source"]["desc"]


def test_a_long_name_never_takes_the_place_of_what_was_done(town):
    number = verifying(town.house)
    handler = handler_of(town.house, number)
    with town.house.database.begin() as session:
        session.execute(update(Staff).where(Staff.userid == handler).values(name="欧阳诸葛司马上官"))
    call(town.house, number)
    conclude(town.house, number)
    town.deliver()
    card = town.cards(handler, number)[-1]
    assert buttons(card)[0] == "提交整改"

    move(town.house, handler, "submit_measures", number, remark="增设窗口")
    town.deliver()

    card = town.cards(handler, number)[-1]
    assert card.replace_name == "已由欧阳诸葛司马上官提交整改"
    assert "已由欧阳诸葛司马上官 11-" in card.content["sub_title_text"]


@pytest.mark.parametrize("door", ["typed", "page"])
def test_everybody_who_holds_a_card_sees_who_did_it_by_whichever_door(town, door):
    number = awaiting_approval(town.house)
    handler = handler_of(town.house, number)
    photograph(town.house, handler, number)
    move(town.house, HEAD, "send_back", number, remark="未见照片")
    move(town.house, handler, "request_extension", number, days=2, remark="等窗口施工")
    town.deliver()
    held = [town.cards(who, f"延期申请 {number}")[0] for who in (SUPERVISOR, SECOND_SUPERVISOR)]
    assert [buttons(card)[:2] for card in held] == [["同意", "不同意"]] * 2

    if door == "typed":
        town.say(SUPERVISOR, f"同意 {number}")
    else:
        move(town.house, SUPERVISOR, "agree", number)
        town.deliver()

    for who in (SUPERVISOR, SECOND_SUPERVISOR):
        card = town.cards(who, number)[-1]
        assert "同意" not in buttons(card)


def test_w21_a_second_supervisor_is_refused_politely_and_his_card_shows_the_present_state(town):
    number = verifying(town.house)
    handler = handler_of(town.house, number)
    call(town.house, number)
    conclude(town.house, number)
    move(town.house, handler, "submit_measures", number, remark="增设窗口")
    photograph(town.house, handler, number)
    town.deliver()
    (card,) = town.cards(HEAD, f"待审核 {number}")
    town.act(HEAD, "press", json={"task_id": card.task_id, "key": card.content["button_list"][0]["key"]})
    move(town.house, SUPERVISOR, "approve", number)
    before = len(events(town.house, number))

    town.work()

    (said,) = town.texts(HEAD)[-1:]
    assert "已由" in said
    assert "通过" in said
    assert "待反馈" in said
    assert len(events(town.house, number)) == before
    card = town.cards(HEAD, number)[-1]
    assert "通过" not in buttons(card)
    assert "待反馈" in shown(card)


def test_w21_a_double_press_has_one_effect(town):
    number = opened(town.house)
    town.deliver()
    handler = handler_of(town.house, number)
    (card,) = town.cards(handler, number)
    key = card.content["button_list"][0]["key"]
    town.act(handler, "press", json={"task_id": card.task_id, "key": key})
    card.replace_name = ""  # a phone that lost the answer lets its owner press again
    town.act(handler, "press", json={"task_id": card.task_id, "key": key})

    town.work()

    assert [event.move for event in events(town.house, number)].count("sign") == 1
    first, second = town.texts(handler)[-2:]
    assert "已签收，现为「回访核实」" in first
    assert second.startswith("已由您")
    assert "登记回访" in buttons(town.cards(handler, number)[-1])


def test_w21_a_card_forwarded_to_somebody_without_a_right_does_nothing_and_tells_nothing(town):
    number = opened(town.house)
    town.deliver()
    handler = handler_of(town.house, number)
    (card,) = town.cards(handler, number)
    copy = town.platform.put("limin01", card.agent_id, card.kind, card.content, task_id=card.task_id)

    (said,) = town.press("limin01", copy, "签收")

    assert said == f"没有工单 {number}，或您无权查看。"
    assert case_of(town.house, number).status == "awaiting_sign"
    assert buttons(town.cards(handler, number)[0])[0] == "签收"
    forwarded = town.cards("limin01", number)[-1]
    assert buttons(forwarded) == []
    assert "社保局" not in shown(forwarded)
    assert "失业" not in shown(forwarded)


def test_w21_a_press_on_a_card_of_an_earlier_round_is_stale(town, clock):
    number = opened(town.house)
    town.deliver()
    handler = handler_of(town.house, number)
    (card,) = town.cards(handler, number)
    with town.house.database.begin() as session:
        session.execute(update(Message).values(code_used_at=town.house.clock.now()))
    clock.moment += timedelta(hours=25)  # it can no longer be taken back
    move(town.house, handler, "sign", number)
    call(town.house, number)
    conclude(town.house, number)
    move(town.house, handler, "submit_measures", number, remark="增设窗口")
    move(town.house, HEAD, "approve", number, no_attachment=True)
    move(town.house, handler, "record_feedback", number, channel="电话", remark="已告知")
    move(town.house, SUPERVISOR, "reopen", number, remark="未整改")
    town.deliver()

    (said,) = town.press(handler, card, "签收")

    assert "已过时" in said
    pressed = next(one for one in town.cards(handler, number) if one.seq == card.seq)
    assert f"{number} · 第 2 轮" in shown(pressed)
    assert "签收" not in buttons(pressed)


def test_w22_codes_are_used_once_and_marked_before_the_call(town):
    number = opened(town.house)
    town.deliver()
    handler = handler_of(town.house, number)
    (sent,) = messages(town.house, kind="new_case")
    assert sent.code_expires_at == sent.sent_at + timedelta(hours=72)
    assert sent.msgid

    move(town.house, handler, "sign", number)

    (used,) = messages(town.house, kind="new_case")
    assert used.code_used_at is not None
    call(town.house, number)
    conclude(town.house, number)
    (change,) = messages(town.house, kind="card_update")
    assert change.state == "owed"
    assert [one[0] for one in change.body["card"]["buttons"]] == ["提交整改", "申请延期"]
    town.deliver()
    assert buttons(town.cards(handler, number)[0])[0] == "提交整改"


def test_w22_an_update_that_fails_is_replaced_by_a_fresh_card(town):
    number = opened(town.house)
    town.deliver()
    handler = handler_of(town.house, number)
    with town.house.database.begin() as session:
        session.execute(update(Message).where(Message.kind == "new_case").values(response_code="RC-unknown"))

    move(town.house, handler, "sign", number)
    town.deliver()
    assert len(town.cards(handler, number)) == 1
    town.sweep()
    town.sweep()

    (fresh,) = town.cards(handler, number)
    assert buttons(fresh)[0] == "登记回访"


def test_w22_after_72_hours_without_an_act_a_fresh_card_comes_once_and_in_office_hours(town, clock):
    number = opened(town.house)
    town.deliver()
    handler = handler_of(town.house, number)
    clock.moment += timedelta(hours=73)  # Thursday 10:00
    clock.moment = clock.moment.replace(hour=14)  # 22:00 in China

    town.sweep()
    assert len(town.cards(handler, number)) == 1
    clock.moment += timedelta(hours=11)  # Friday 09:00
    town.sweep()
    town.sweep()

    _, fresh = town.cards(handler, number)
    assert buttons(fresh)[0] == "签收"
    (said,) = town.press(handler, fresh, "签收")
    assert "已签收" in said


def test_nobody_gets_a_fresh_card_for_a_step_that_is_done(town, clock):
    number = opened(town.house)
    town.deliver()
    handler = handler_of(town.house, number)
    town.say(handler, f"签收 {number}")
    clock.moment += timedelta(hours=80)
    town.sweep()

    assert len(town.cards(handler, number)) == 1


def test_a_returned_case_is_taken_back_from_those_who_no_longer_hold_it(town):
    number = verifying(town.house)
    handler = handler_of(town.house, number)
    town.deliver()
    assert town.cards(handler, number)
    move(town.house, HEAD, "return", number, remark="应由医保分局办理")
    town.deliver()

    assert town.cards(handler, number) == []
    assert any("退回" in card.content["main_title"]["title"] for card in town.cards(DESK, number))


def test_after_a_day_the_former_holder_is_told_in_words(town, clock):
    number = opened(town.house)
    town.deliver()
    former = handler_of(town.house, number)
    clock.moment += timedelta(hours=25)
    move(town.house, former, "hand_over", number, person=HEAD, remark="休假")
    town.deliver()
    assert town.cards(former, number), "who gave it away himself keeps his card"
    assert "移交" in shown(town.cards(former, number)[0])

    clock.moment += timedelta(hours=25)
    move(town.house, SUPERVISOR, "hand_over", number, person=former, remark="退回原经办")
    town.deliver()

    assert [text for text in town.texts(HEAD) if "不再由您办理" in text]


def test_a_recall_that_fails_is_told_in_words(town):
    number = verifying(town.house)
    handler = handler_of(town.house, number)
    town.deliver()
    with town.house.database.begin() as session:
        session.execute(update(Message).where(Message.kind == "new_case").values(msgid="msg-unknown"))
    move(town.house, HEAD, "return", number, remark="应由医保分局办理")
    town.deliver()
    town.sweep()

    (said,) = [text for text in town.texts(handler) if "不再由您办理" in text]
    assert number in said


def test_a_card_still_on_its_way_to_a_former_holder_is_not_sent(town):
    number = opened(town.house)
    former = handler_of(town.house, number)
    move(town.house, SUPERVISOR, "hand_over", number, person=HEAD, remark="x")
    town.deliver()

    assert town.cards(former, number) == []
