"""What pressed a unit is taken back with the limit, or the review, that it rested upon."""

from datetime import timedelta

import pytest
from case_kit import (
    DESK,
    SECOND_SUPERVISOR,
    SUPERVISOR,
    call,
    case_of,
    conclude,
    handler_of,
    messages,
    move,
    opened,
    verifying,
)
from ladder_kit import rows, sweep

from reviewbot.clock import CHINA
from reviewbot.errors import Conflict
from reviewbot.models.oversight import Card, Letter, LetterState
from reviewbot.rules.lifecycle import Conclusion


def days_pass(house, clock, days):
    for _ in range(days):
        clock.moment += timedelta(days=1)
        sweep(house)


def asked_for_more(house, days):
    number = verifying(house)
    call(house, number)
    conclude(house, number)
    move(house, handler_of(house, number), "request_extension", number, days=days, remark="等鉴定材料")
    return number


def test_a_granted_extension_takes_back_the_draft_of_the_limit_that_gave_way(house, clock):
    number = asked_for_more(house, 10)
    days_pass(house, clock, 16)
    assert [one.state for one in rows(house, Letter)] == [LetterState.DRAFT]

    move(house, SUPERVISOR, "agree", number)

    (letter,) = rows(house, Letter)
    assert letter.state is LetterState.WITHDRAWN
    assert "申请的延期已获同意" in letter.withdrawn_reason
    assert all(card.withdrawn_at for card in rows(house, Card))
    assert any("草稿已撤回" in one.body["desc"] for one in messages(house, kind="letter", userid=SUPERVISOR))
    days_pass(house, clock, 20)
    assert [one.state for one in rows(house, Letter)] == [LetterState.WITHDRAWN, LetterState.DRAFT]


def test_more_time_that_has_passed_already_is_refused_and_the_unit_is_not_pressed_anew(house, clock):
    number = asked_for_more(house, 3)
    due = case_of(house, number).due_at
    days_pass(house, clock, 30)

    with pytest.raises(Conflict, match="已过，不能再同意延期") as refused:
        move(house, SUPERVISOR, "agree", number)

    assert "12-10 17:30 已过，不能再同意延期" in refused.value.sentence
    assert f"不同意 {number} 原因" in refused.value.typed
    assert case_of(house, number).due_at == due
    assert [one for one in messages(house) if one.kind == "extended"] == []
    assert [card.colour for card in rows(house, Card)] == ["yellow", "red"]
    move(house, SUPERVISOR, "disagree", number, remark="延期已无意义")


def test_more_time_of_which_something_is_left_can_still_be_given(house, clock):
    number = asked_for_more(house, 3)
    clock.moment = case_of(house, number).due_at + timedelta(days=2)
    sweep(house)
    move(house, SUPERVISOR, "agree", number)

    assert case_of(house, number).due_at > clock.moment
    assert f"{case_of(house, number).due_at.astimezone(CHINA):%m-%d}" == "12-10"


def test_an_upheld_appeal_takes_back_the_card_that_came_before_it_was_filed(house, clock):
    number = opened(house)
    move(house, handler_of(house, number), "return", number, remark="应由医保分局办理")
    days_pass(house, clock, 21)
    move(house, DESK, "dispatch", number, department="MED")
    handler = handler_of(house, number)
    move(house, handler, "sign", number)
    call(house, number)
    while not rows(house, Card):
        clock.moment = case_of(house, number).next_action_at
        sweep(house)
    clock.moment += timedelta(minutes=5)  # on the second of its three days to appeal
    conclude(house, number, Conclusion.MALICIOUS, remark="对方承认点错")
    for who in (SUPERVISOR, SECOND_SUPERVISOR):
        assert [card.withdrawn_at for card in rows(house, Card)] == [None]
        move(house, who, "agree", number, no_attachment=True)

    (card,) = rows(house, Card)
    assert card.withdrawn_at is not None
    assert card.withdrawn_reason.startswith("申诉成立（恶意差评）")
    assert handler in {one.userid for one in messages(house, kind="card_settled")}
