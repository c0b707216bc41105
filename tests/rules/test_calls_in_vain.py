"""Which calls in vain make a rater unreachable: three real tries, never one doubtful word (F9, B5)."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_calendar import at

from reviewbot.rules.calendar import SHANGHAI
from reviewbot.rules.call_back import Attempt, CallRules, Outcome, outcome_of, progress

RULES = CallRules(half_days=3, earliest_hour=8, latest_hour=21, apart_hours=2)
MONDAY = at("2026-11-30 00:00")
in_vain = st.lists(st.integers(0, 6 * 24 * 60), max_size=12)


@pytest.mark.parametrize(
    ("words", "outcome"),
    [
        ("占线，系统自动挂断", Outcome.BUSY),
        ("响铃后挂断，无人接听", Outcome.NO_ANSWER),
        ("对方在开会，挂断了", Outcome.NO_ANSWER),
        ("没有拒绝，只是没接", Outcome.NO_ANSWER),
        ("不是空号，没人接", Outcome.NO_ANSWER),
        ("关机，以前说过不愿接受回访", Outcome.SWITCHED_OFF),
        ("", Outcome.NO_ANSWER),
        ("评价人明确拒绝回访", Outcome.REFUSED),
        ("没接受回访，说不愿多谈", Outcome.REFUSED),
        ("空号", Outcome.WRONG_NUMBER),
        ("接电话的不是本人，号码有误", Outcome.WRONG_NUMBER),
    ],
)
def test_only_plain_words_end_the_attempts(words, outcome):
    assert outcome_of(False, words) is outcome


def attempts(minutes):
    return [Attempt(MONDAY + timedelta(minutes=one), Outcome.NO_ANSWER) for one in minutes]


@given(in_vain)
def test_what_counts_lies_by_day_in_halves_of_their_own_and_apart(minutes):
    """Never more than the different halves called by day, nor than fit into the time with a pause between."""
    by_day = {(one // 1440, one % 1440 >= 720) for one in minutes if 480 <= one % 1440 < 1260}
    made = progress(attempts(minutes), RULES, SHANGHAI)
    assert made.half_days <= len(by_day)
    assert made.half_days <= (max(minutes) - min(minutes)) // 120 + 1 if minutes else made.half_days == 0
    assert bool(made.half_days) == bool(by_day)
    assert made.exhausted == (made.half_days >= RULES.half_days)


@given(in_vain, st.integers(0, 6 * 24 * 60))
def test_one_more_call_takes_nothing_back(minutes, more):
    later = max([more, *minutes])
    before, after = (
        progress(attempts(minutes), RULES, SHANGHAI),
        progress(attempts([*minutes, later]), RULES, SHANGHAI),
    )
    assert after.half_days >= before.half_days


@pytest.mark.parametrize(
    ("times", "counted"),
    [
        (["30 11:59", "30 12:01"], 1),
        (["30 11:59", "30 14:01"], 2),
        (["30 03:30"], 0),
        (["30 20:59"], 1),
        (["30 21:00"], 0),
        (["30 09:00", "30 15:00", "30 16:00"], 2),
    ],
)
def test_noon_and_night(times, counted):
    calls = [Attempt(at(f"2026-11-{one}"), Outcome.NO_ANSWER) for one in times]
    assert progress(calls, RULES, SHANGHAI).half_days == counted
