"""Whose time it was: nothing is lost, nothing counted twice, whatever the case went through (B3)."""

from datetime import timedelta
from itertools import accumulate, pairwise

from hypothesis import given
from hypothesis import strategies as st
from test_calendar import CAL, at, moments

from reviewbot.rules.lifecycle import CaseStatus
from reviewbot.rules.time_shares import DECIDERS, DESK, Change, shares, stretches

S = CaseStatus
steps = st.lists(
    st.tuples(st.integers(0, 4_000), st.sampled_from(list(S)), st.sampled_from(["SOC", "MED"])), max_size=12
)


@st.composite
def courses(draw):
    """Events of a case at the desk first; a unit is named wherever it goes to one to be signed."""
    start, later = draw(moments), draw(steps)
    times = accumulate((timedelta(minutes=gap) for gap, _, _ in later), initial=start)
    made = [
        Change(moment, status, unit if status is S.AWAITING_SIGN else None)
        for moment, (_, status, unit) in zip(list(times)[1:], later, strict=True)
    ]
    known = [one for place, one in enumerate(made) if any(each.given_to for each in made[: place + 1])]
    course = [Change(start, S.AWAITING_DISPATCH, None), *known]
    return course, course[-1].at + timedelta(minutes=draw(st.integers(0, 9_000)))


@given(courses())
def test_the_shares_add_up_to_all_the_time_the_case_was_open(course):
    changes, until = course
    ends = [*changes, Change(until, S.CLOSED, None)]
    was_open = sum(
        (
            CAL.working_hours_between(one.at, then.at)
            for one, then in pairwise(ends)
            if one.after is not S.CLOSED
        ),
        timedelta(),
    )
    told = shares(stretches(changes, until, {}), CAL)
    assert sum((one.time for one in told), timedelta()) == was_open
    assert len({one.holder for one in told}) == len(told)


@given(courses(), moments)
def test_no_more_is_late_than_was_had(course, due):
    changes, until = course
    told = shares(stretches(changes, until, dict.fromkeys(range(1, 20), due)), CAL)
    assert all(timedelta() <= one.late <= one.time for one in told)
    if due <= changes[0].at:
        assert all(one.late == one.time for one in told)


@given(courses(), st.integers(0, 11), st.integers(0, 3_000))
def test_what_hands_nothing_over_changes_nothing(course, place, after):
    """A remark, a reminder or a call in between."""
    changes, until = course
    place %= len(changes)
    ends = [*(one.at for one in changes), until]
    moment = min(changes[place].at + timedelta(minutes=after), ends[place + 1])
    more = [*changes[: place + 1], Change(moment, changes[place].after, None), *changes[place + 1 :]]
    assert shares(stretches(more, until, {}), CAL) == shares(stretches(changes, until, {}), CAL)


def test_a_bounce_counts_for_each_unit_and_the_desk_between_them():
    told = shares(
        stretches(
            [
                Change(at("2026-11-30 09:00"), S.AWAITING_SIGN, "SOC"),
                Change(at("2026-11-30 11:00"), S.AWAITING_DISPATCH, None),
                Change(at("2026-11-30 15:30"), S.AWAITING_SIGN, "MED"),
                Change(at("2026-11-30 16:00"), S.VERIFYING, None),
                Change(at("2026-11-30 17:00"), S.IN_ARBITRATION, None),
            ],
            at("2026-12-01 09:00"), {1: at("2026-11-30 17:15")},
        ),
        CAL,
    )  # fmt: skip
    hour, quarter = timedelta(hours=1), timedelta(minutes=15)
    assert [(one.holder, one.time, one.late) for one in told] == [
        ("SOC", 2 * hour, timedelta()),
        (DESK, 2 * hour, timedelta()),
        ("MED", 1.5 * hour, timedelta()),
        (DECIDERS, hour, 3 * quarter),
    ]


def test_nobody_has_a_closed_case_and_each_round_has_its_own_due_time():
    told = stretches(
        [
            Change(at("2026-11-30 09:00"), S.AWAITING_SIGN, "SOC"),
            Change(at("2026-12-01 09:00"), S.CLOSED, None),
            Change(at("2026-12-08 09:00"), S.VERIFYING, None),
        ],
        at("2026-12-09 09:00"), {1: at("2026-11-30 10:00"), 2: at("2026-12-30 10:00")},
    )  # fmt: skip
    assert [(one.holder, one.start.day, one.end.day) for one in told] == [("SOC", 30, 1), ("SOC", 8, 9)]
    assert shares(told, CAL)[0].late == timedelta(hours=5 + 0.5)  # until the closing, the next morning
