"""A case changes hands, a leader writes on it, a rater cannot be reached; no clock moves."""

from datetime import timedelta

import pytest
from case_kit import HEAD, case_of, conclude, handler_of, messages, move, opened, verifying, viewer

from reviewbot.actions.faces import buttons_of
from reviewbot.errors import Conflict, InvalidInput
from reviewbot.queries.cases import find_case
from reviewbot.rules.lifecycle import CaseStatus


def test_a_hand_over_within_the_unit_moves_no_clock(house):
    number = verifying(house)
    before = case_of(house, number)

    with pytest.raises(InvalidInput, match="承办单位没有"):
        move(house, HEAD, "hand_over", number, person="张无忌")
    move(house, HEAD, "hand_over", number, person="hongyongchun01", remark="出差")

    after = case_of(house, number)
    assert handler_of(house, number) == "hongyongchun01"
    assert (after.due_at, after.contact_due_at) == (before.due_at, before.contact_due_at)
    assert [one.userid for one in messages(house, kind="handed_over")] == ["hongyongchun01"]


def test_the_rated_person_is_not_handed_the_case(house):
    number = verifying(house, handled_by="洪永纯")

    with pytest.raises(InvalidInput, match="评价的正是"):
        move(house, HEAD, "hand_over", number, person="洪永纯")


def test_a_leaders_instruction_is_written_once(house):
    number = opened(house)
    move(house, "zhouzhidong01", "instruct", number, remark="请限期办结并报告")

    assert case_of(house, number).instructed_at == house.clock.now()
    with pytest.raises(Conflict, match="已有领导批示"):
        move(house, "zhouzhidong01", "instruct", number, remark="再批")


def test_no_conclusion_before_the_rater_was_reached_or_three_half_days_tried(house, clock):
    number = verifying(house)
    handler = handler_of(house, number)
    with pytest.raises(InvalidInput, match="须先回访"):
        conclude(house, number)
    move(house, handler, "record_call", number, reached=False, remark="无人接听")
    move(house, handler, "record_call", number, reached=False, remark="占线")  # the same morning counts once
    clock.moment += timedelta(hours=6)
    move(house, handler, "record_call", number, reached=False, remark="关机")
    with pytest.raises(InvalidInput, match="2个半天"):
        conclude(house, number)
    clock.moment += timedelta(hours=18)
    said = move(house, handler, "record_call", number, reached=False).sentence

    assert "联系不上" in said
    conclude(house, number)
    assert case_of(house, number).contacted_at is None


@pytest.mark.parametrize("words", ["空号", "评价人拒绝回访"])
def test_a_wrong_number_or_a_refusal_ends_the_attempts(house, words):
    number = verifying(house)
    move(house, handler_of(house, number), "record_call", number, reached=False, remark=words)

    conclude(house, number)

    assert case_of(house, number).status is CaseStatus.RECTIFYING


def test_an_anonymous_rating_needs_no_call(house):
    number = verifying(house, rater={"kind": "person", "anonymous": True})

    conclude(house, number)

    assert case_of(house, number).status is CaseStatus.RECTIFYING


def test_the_buttons_go_on_when_the_call_back_is_exhausted(house):
    """Whoever may conclude is offered the conclusion, no further call (F9)."""
    number = verifying(house)
    handler = handler_of(house, number)

    def offered():
        with house.database.begin() as session:
            who = viewer(house, handler)
            return [told[0] for told in buttons_of(session, find_case(session, number, who), who)]

    assert offered()[0] == "登记回访"
    move(house, handler, "record_call", number, reached=False, remark="无人接听")
    assert offered()[0] == "登记回访"
    move(house, handler, "record_call", number, reached=False, remark="空号")

    assert offered() == ["认定属实", "其他认定", "申诉"]


def test_a_call_that_does_not_count_is_kept_and_says_why(house, clock):
    number = verifying(house)
    handler = handler_of(house, number)
    move(house, handler, "record_call", number, reached=False, remark="占线，系统自动挂断")
    clock.moment += timedelta(hours=1)

    said = move(house, handler, "record_call", number, reached=False, remark="响铃后挂断，无人接听").sentence

    assert "还须在另外2个半天再拨" in said
    assert "这一次不另计" in said
    assert case_of(house, number).call_count == 2
    with pytest.raises(InvalidInput, match="1个半天"):
        conclude(house, number)
