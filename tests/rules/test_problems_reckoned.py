"""B16: the figure compares like with like, and no plan waits for ever."""

import tomllib
from datetime import date, timedelta
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from reviewbot.rules.calendar import SHANGHAI, Calendar
from reviewbot.rules.problems import Course, Part, by_part

NATIONAL = tomllib.loads((Path(__file__).parents[2] / "config/calendar/national.toml").read_text("utf-8"))
CAL = Calendar.from_tables(
    NATIONAL, {"version": "t", "office_hours": [["08:30", "12:00"], ["14:30", "17:30"]]}
)

FIRST = date(2026, 3, 2)
moments = st.datetimes(
    CAL.midnight(FIRST).replace(tzinfo=None), CAL.midnight(date(2026, 9, 1)).replace(tzinfo=None),
    timezones=st.just(SHANGHAI),
)  # fmt: skip


@st.composite
def courses(draw, planned=None):
    opened = draw(moments)
    days = st.integers(0, 60).map(timedelta)
    gave_way = draw(st.none() | days.map(lambda more: opened + more))
    has_plan = draw(st.booleans()) if planned is None else planned
    first = draw(days.map(lambda more: (gave_way or opened).date() + more)) if has_plan else None
    return Course(
        opened, draw(st.integers(1, 60)), draw(st.integers(1, 20)), draw(st.integers(1, 60)), first, gave_way
    )


@given(courses(planned=True), st.lists(moments, max_size=30), st.integers(0, 200))
def test_each_like_review_is_counted_in_the_part_that_is_said_of_it(course, rated, later):
    now = course.begins_at + timedelta(days=later)
    (start, end), (begins, over) = course.before(now), course.after()
    assert end == begins
    assert end - start == over - begins == timedelta(days=course.window_days)
    told = by_part(course, {str(place): at for place, at in enumerate(rated)}, now)

    counted = [len(told.get(part, [])) for part in Part]
    assert sum(counted) == len(rated)
    assert counted[1] + counted[2] == sum(start <= at < end for at in rated)
    assert counted[3] == sum(begins <= at < over for at in rated)
    for number in told.get(Part.BETWEEN, []):
        assert course.opened_at <= rated[int(number)] < begins


@given(courses(planned=True), moments)
def test_nothing_between_opening_and_measures_falls_out_where_they_begin_within_the_window(course, rated):
    begins = course.begins_at
    if course.opened_at <= rated < begins and begins - course.opened_at <= timedelta(days=course.window_days):
        start, end = course.before(begins)
        assert start <= rated < end
        assert course.part(rated, begins) is Part.BETWEEN


@given(courses(), moments)
def test_before_the_measures_begin_the_days_up_to_now_are_counted(course, now):
    if course.begins_at is None or now < course.begins_at:
        assert course.before(now) == (now - timedelta(days=course.window_days), now)
        assert course.part(course.opened_at, now) is Part.BETWEEN


@given(courses(), st.integers(0, 400))
def test_who_has_nothing_under_way_is_overdue_sooner_or_later_and_can_always_still_begin(course, days):
    since = course.gave_way_at or course.opened_at
    now = since + timedelta(days=days)
    begin_by = since.date() + timedelta(days=course.begin_within)

    assert course.last_first_day(now) == max(begin_by, now.date())
    if course.has_begun(now):
        assert not course.is_overdue(now, CAL)
    elif now.date() > begin_by:
        assert course.is_overdue(now, CAL)
    else:
        late = course.measures_from is None and now >= course.plan_due_at(CAL)
        assert course.is_overdue(now, CAL) == late


@given(courses(planned=False))
def test_a_plan_is_due_at_the_close_of_the_last_of_its_working_days(course):
    due = course.plan_due_at(CAL)
    days = [
        course.opened_at.date() + timedelta(days=n)
        for n in range(1, (due.date() - course.opened_at.date()).days + 1)
    ]
    assert due == CAL.closing(due.date())
    assert sum(map(CAL.is_working_day, days)) == course.plan_days
