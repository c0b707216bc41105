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
)

from reviewbot.actions.report_rates import report_rates
from reviewbot.errors import Conflict, InvalidInput, NotAllowed
from reviewbot.queries.scope import SYSTEM
from reviewbot.rules.lifecycle import CaseStatus, ClosingKind, Conclusion


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
    move(house, SUPERVISOR, "reopen", number, remark="评价人补充了录音")
    clock.moment += timedelta(days=10)
    assert rectification_rate(house) == (0, 1)


def test_an_appeal_has_a_window(house, clock):
    number = verifying(house)
    call(house, number)
    clock.moment += timedelta(days=7)

    with pytest.raises(Conflict, match="申诉期限已过"):
        conclude(house, number, Conclusion.MISRATED)


def test_nobody_of_the_unit_decides_its_appeal_even_with_another_hat_on(house):
    number = verifying(house)
    call(house, number)
    conclude(house, number, Conclusion.MISRATED)

    with pytest.raises(NotAllowed):
        move(house, HEAD, "agree", number, no_attachment=True)
    with pytest.raises(InvalidInput, match="无附件"):
        move(house, SUPERVISOR, "agree", number)


def test_one_refusal_sends_it_to_rectification(house):
    number = verifying(house)
    call(house, number)
    conclude(house, number, Conclusion.MALICIOUS)
    move(house, SUPERVISOR, "agree", number, no_attachment=True)
    move(house, SECOND_SUPERVISOR, "disagree", number, remark="录音中诉求明确")

    case = case_of(house, number)
    assert (case.status, case.conclusion) == (CaseStatus.RECTIFYING, Conclusion.JUSTIFIED)
