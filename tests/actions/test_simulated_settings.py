"""A draft that starts or stops clocks elsewhere is simulated as it would have been lived, and the other way round."""

from collections import Counter
from datetime import timedelta

import pytest
from case_kit import DESK, move, opened
from rules_kit import decree, policy_text
from test_clock_starts import RECEIVED
from test_simulate_rules import act, assert_reproduced, pass_days, simulated
from test_stopped_clock import STOPPING

AS_SUCH = {"most_a_day"}
"""What does not add up over cases."""


def both_ways(house, clock, *changes, **facts):
    """Two cases of one hour and one life, the first by a changed policy and the second by the shipped one."""
    decree(house, "changed", *changes)
    first = opened(house, **facts)
    clock.moment += timedelta(seconds=1)  # of two versions of one day the later taken is in force
    decree(house, "plain")
    return [first, opened(house, **facts)]


def totals(rows):
    return Counter({
        key: sum(row[key] for row in rows.values()) for row in rows.values() for key in row if key not in AS_SUCH
    })  # fmt: skip


def assert_each_draft_makes_both_alike(house, *changes):
    """Under the changed draft both cases are as the first was, under the plain one both as the second."""
    told = assert_reproduced(house)
    changed, plain = simulated(house, policy_text("a", *changes)), simulated(house, policy_text("b"))
    lived, sum_of_drafts = totals(told.in_force), totals(changed.draft) + totals(plain.draft)

    assert sum_of_drafts == +Counter({key: 2 * count for key, count in lived.items()})
    return totals(changed.draft), totals(plain.draft)


@pytest.mark.parametrize("decided", [None, "refuse", "uphold"])
@pytest.mark.parametrize("first", [(), ("extend",)])
def test_whether_an_appeal_stops_the_clock(house, clock, first, decided):
    numbers = both_ways(house, clock, STOPPING)
    for deed in ("sign", "call", *first, "appeal"):
        for number in numbers:
            act(house, number, deed)
    pass_days(house, clock, 12)
    for number in numbers if decided else ():
        act(house, number, decided)
    pass_days(house, clock, 6)

    stopped, running = assert_each_draft_makes_both_alike(house, STOPPING)
    assert running["overdue"] == 2
    assert stopped["overdue"] == 0


def test_a_stop_of_several_days_and_more_time_taken_after_it(house, clock):
    """What was left is lengthened in its turn: the extension starts from the due time that the stop has moved."""
    most = ("most = 1 ", "most = 2 ")
    numbers = both_ways(house, clock, STOPPING, most)
    for deed in ("sign", "call", "appeal"):
        for number in numbers:
            act(house, number, deed)
    pass_days(house, clock, 2)
    for deed in ("refuse", "extend"):
        for number in numbers:
            act(house, number, deed)
    pass_days(house, clock, 30)

    assert_each_draft_makes_both_alike(house, STOPPING, most)


@pytest.mark.parametrize("days", [1, 4, 12])
def test_where_a_clock_starts(house, clock, days):
    numbers = both_ways(house, clock, *RECEIVED, department=None, item=None)
    pass_days(house, clock, days)
    for number in numbers:
        move(house, DESK, "dispatch", number, department="SOC")
        act(house, number, "sign")
        act(house, number, "call")
        if days < 5:  # later one of the two is overdue and may not take more time: their lives would differ
            act(house, number, "complex")
    pass_days(house, clock, 25)

    received, dispatched = assert_each_draft_makes_both_alike(house, *RECEIVED)
    assert received["cases"] == dispatched["cases"] == 2
