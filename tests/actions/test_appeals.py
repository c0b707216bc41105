"""An appeal against a rating: its window, its two deciders, and what it counts for until then (F13)."""

from datetime import date, timedelta

import pytest
from case_kit import (
    HEAD,
    SECOND_SUPERVISOR,
    SUPERVISOR,
    call,
    case_of,
    conclude,
    handler_of,
    move,
    photograph,
    verifying,
    viewer,
)

from reviewbot.actions.report_rates import report_rates
from reviewbot.actions.rights import possible_moves
from reviewbot.errors import Conflict, InvalidInput, NotAllowed
from reviewbot.queries.cases import find_case
from reviewbot.queries.scope import SYSTEM
from reviewbot.rules.lifecycle import CaseStatus, ClosingKind, Conclusion, Move

LEADER = "zhouzhidong01"


def appealed_and_decided(house, number, ground, *, agreed):
    """An appeal with its photograph, upheld by two or refused by one."""
    conclude(house, number, ground, remark="评价人说点错了")
    photograph(house, handler_of(house, number), number)
    for who in (SUPERVISOR, SECOND_SUPERVISOR) if agreed else (SUPERVISOR,):
        move(house, who, "agree" if agreed else "disagree", number, remark="录音为证")


def rectification_rate(house):
    now = house.clock.now()
    with house.database.begin() as session:
        (row,) = report_rates(
            session, SYSTEM, first=date(2026, 11, 1), last=date(2026, 12, 31), now=now,
            metrics=["rectification_rate"],
        )  # fmt: skip
    return row.figure.numerator, row.figure.denominator


@pytest.mark.parametrize(
    "ground", [Conclusion.MISRATED, Conclusion.MALICIOUS, Conclusion.NOT_ATTRIBUTABLE, Conclusion.INVALID]
)
def test_an_appeal_counts_until_two_outside_the_unit_uphold_it(house, clock, ground):
    number = verifying(house)
    call(house, number)
    conclude(house, number, ground, remark="评价人说点错了")
    photograph(house, handler_of(house, number), number)
    move(house, SUPERVISOR, "agree", number)
    clock.moment += timedelta(days=20)
    assert rectification_rate(house) == (0, 1)
    move(house, SECOND_SUPERVISOR, "agree", number)
    assert rectification_rate(house) == (0, 0)  # upheld, and the rater is still to be told
    move(house, handler_of(house, number), "record_feedback", number, channel="电话", remark="已告知")

    assert rectification_rate(house) == (0, 0)
    assert case_of(house, number).closing_kind is ClosingKind(ground.value)
    move(house, LEADER, "reopen", number, remark="评价人补充了录音")
    clock.moment += timedelta(days=10)
    assert rectification_rate(house) == (0, 1)


def test_an_appeal_has_a_window(house, clock):
    number = verifying(house)
    call(house, number)
    clock.moment += timedelta(days=7)

    with pytest.raises(Conflict, match="申诉期限已过"):
        conclude(house, number, Conclusion.MISRATED)


@pytest.mark.parametrize("remark", ["", " "])
def test_an_appeal_says_why_where_nobody_spoke_with_the_rater_and_no_file_does(house, remark):
    number = verifying(house, rater={"kind": "person", "anonymous": True})
    with pytest.raises(InvalidInput, match="申诉须写明理由"):
        conclude(house, number, Conclusion.MISRATED, remark=remark)
    assert case_of(house, number).status is CaseStatus.VERIFYING
    photograph(house, handler_of(house, number), number)
    conclude(house, number, Conclusion.MISRATED, remark=remark)
    assert case_of(house, number).status is CaseStatus.APPEALED


def test_nobody_of_the_unit_decides_its_appeal_even_with_another_hat_on(house):
    number = verifying(house)
    call(house, number)
    conclude(house, number, Conclusion.MISRATED)

    with pytest.raises(NotAllowed):
        move(house, HEAD, "agree", number, no_attachment=True)
    with pytest.raises(InvalidInput, match="须确认没有附件也同意"):
        move(house, SUPERVISOR, "agree", number)


def test_one_refusal_sends_it_to_rectification(house):
    number = verifying(house)
    call(house, number)
    conclude(house, number, Conclusion.MALICIOUS)
    move(house, SUPERVISOR, "agree", number, no_attachment=True)
    move(house, SECOND_SUPERVISOR, "disagree", number, remark="录音中诉求明确")

    case = case_of(house, number)
    assert (case.status, case.conclusion) == (CaseStatus.RECTIFYING, Conclusion.JUSTIFIED)


def test_what_two_upheld_one_supervisor_does_not_undo(house):
    number = verifying(house)
    call(house, number)
    appealed_and_decided(house, number, Conclusion.MISRATED, agreed=True)
    move(house, handler_of(house, number), "record_feedback", number, channel="电话", remark="已告知")

    with pytest.raises(NotAllowed, match="须由领导写明原因重开"):
        move(house, SUPERVISOR, "reopen", number, remark="我看不是误评")
    with pytest.raises(InvalidInput, match="原因"):
        move(house, LEADER, "reopen", number, remark=" ")
    for who, offered in ((SUPERVISOR, False), (LEADER, True)):
        with house.database.begin() as session:
            case = find_case(session, number, viewer(house, who))
            assert (Move.REOPEN in possible_moves(session, case, viewer(house, who))) is offered
    move(house, LEADER, "reopen", number, remark="评价人补充了录音")

    assert case_of(house, number).status is CaseStatus.VERIFYING


@pytest.mark.parametrize("agreed", [True, False])
def test_what_was_decided_is_not_asked_again_on_the_same_ground_in_another_round(house, agreed):
    number = verifying(house)
    call(house, number)
    appealed_and_decided(house, number, Conclusion.MISRATED, agreed=agreed)
    handler = handler_of(house, number)
    if not agreed:
        move(house, handler, "submit_measures", number, remark="增设窗口")
        move(house, HEAD, "approve", number)
    move(house, handler, "record_feedback", number, channel="电话", remark="已告知")
    move(house, LEADER, "reopen", number, remark="评价人补充了录音")
    call(house, number)

    with pytest.raises(
        Conflict, match=f"以「误评」的申诉已于 11-30 决定（{'同意' if agreed else '不同意'}）"
    ):
        conclude(house, number, Conclusion.MISRATED, remark="还是误评")
    conclude(house, number, Conclusion.NOT_ATTRIBUTABLE, remark="系统故障")
    assert case_of(house, number).status is CaseStatus.APPEALED
