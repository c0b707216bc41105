"""Working-time arithmetic: the national table, each kind of limit, and the properties all of them keep."""

import tomllib
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from time import perf_counter

import chinese_calendar
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewbot.errors import SettingError
from reviewbot.rules.calendar import (
    SHANGHAI,
    Calendar,
    DayKind,
    Reckoning,
    add_calendar_days,
    add_months,
    add_working_days,
    add_working_hours,
    half_of,
    subtract_working_hours,
)

CONFIG = Path(__file__).parents[2] / "config"
NATIONAL = tomllib.loads((CONFIG / "calendar/national.toml").read_text("utf-8"))
LOCAL = tomllib.loads((CONFIG / "calendar/local.toml").read_text("utf-8"))
# The properties must not depend on what a bureau writes into its local table.
PLAIN = {"version": "test", "office_hours": [["08:30", "12:00"], ["14:30", "17:30"]]}
CAL = Calendar.from_tables(NATIONAL, PLAIN)
YEARS = [date(2024, 1, 1) + timedelta(days=n) for n in range(366 + 365 + 365)]

FIRST, LAST = datetime.fromisoformat("2024-01-02"), datetime.fromisoformat("2027-12-01")
moments = st.datetimes(FIRST, LAST, timezones=st.sampled_from([SHANGHAI, UTC]))
minutes = st.integers(0, 6000)
days = st.integers(1, 40)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def add_minutes(start: datetime, count: int) -> Reckoning:
    return add_working_hours(CAL, start, count / 60)


def with_local(**tables: object) -> Calendar:
    return Calendar.from_tables(NATIONAL, PLAIN | tables)


def reasons(reckoning: Reckoning) -> list[str]:
    return [interval.reason for interval in reckoning.intervals]


def tiles(reckoning: Reckoning, start: datetime) -> bool:
    parts = reckoning.intervals
    return (
        parts[0].start == start
        and parts[-1].end == reckoning.due
        and all(part.start < part.end for part in parts)
        and all(one.end == other.start for one, other in pairwise(parts))
    )


def test_the_shipped_files_make_a_calendar():
    assert Calendar.from_tables(NATIONAL, LOCAL).version == f"{NATIONAL['version']}+{LOCAL['version']}"


def test_every_day_of_the_published_years_is_what_the_state_council_made_it():
    differing = [d for d in YEARS if CAL.is_working_day(d) != chinese_calendar.is_workday(d)]

    assert differing == []
    assert {d.year for d in YEARS} == CAL.years


def test_no_day_of_a_published_year_is_provisional():
    assert not any(CAL.day(d).provisional for d in YEARS)


@pytest.mark.parametrize(
    ("day", "kind", "label"),
    [
        (date(2026, 9, 30), DayKind.WORKDAY, "工作日"),
        (date(2026, 10, 3), DayKind.HOLIDAY, "国庆节"),
        (date(2026, 10, 10), DayKind.MAKE_UP, "调休上班"),
        (date(2026, 10, 17), DayKind.WEEKEND, "周六"),
    ],
)
def test_each_day_has_a_kind_and_a_label(day, kind, label):
    assert (CAL.day(day).kind, CAL.day(day).label) == (kind, label)


def test_an_unpublished_year_rests_on_weekends_only_and_is_provisional():
    new_year, saturday = CAL.day(date(2027, 1, 1)), CAL.day(date(2027, 1, 2))

    assert (new_year.is_working, new_year.provisional) == (True, True)
    assert (saturday.is_working, saturday.provisional) == (False, True)


def test_local_days_go_before_the_national_table():
    cal = with_local(local_off={"2026-09-07": "台风停工"}, local_on={"2026-10-03": "国庆专场"})

    assert cal.day(date(2026, 9, 7)).kind is DayKind.LOCAL_OFF
    assert cal.day(date(2026, 9, 7)).label == "台风停工"
    assert cal.is_working_day(date(2026, 10, 3))


def test_a_local_day_in_an_unpublished_year_is_settled():
    cal = with_local(local_off={"2027-01-01": "元旦"})

    assert not cal.day(date(2027, 1, 1)).provisional


@pytest.mark.parametrize(
    ("moment", "working"),
    [
        ("2026-11-23T08:29:59", False),
        ("2026-11-23T08:30:00", True),
        ("2026-11-23T12:00:00", False),
        ("2026-11-23T14:30:00", True),
        ("2026-11-23T17:30:00", False),
        ("2026-11-22T10:00:00", False),
    ],
)
def test_working_time_is_office_time_on_working_days(moment, working):
    assert CAL.is_working_time(at(moment)) is working


def test_working_days_skip_national_day():
    reckoning = add_working_days(CAL, at("2026-09-30T10:00"), 1)

    assert reckoning.due == at("2026-10-08T17:30")
    assert reasons(reckoning) == ["起始日不计入", "国庆节", "工作日"]


def test_a_make_up_saturday_counts_as_a_working_day():
    reckoning = add_working_days(CAL, at("2026-10-09T10:00"), 1)

    assert reckoning.due == at("2026-10-10T17:30")
    assert reasons(reckoning) == ["起始日不计入", "调休上班"]


def test_a_make_up_saturday_has_working_hours():
    assert add_working_hours(CAL, at("2026-10-09T16:30"), 2).due == at("2026-10-10T09:30")


def test_a_limit_that_runs_into_an_unpublished_year_is_provisional_and_does_not_fail():
    reckoning = add_working_days(CAL, at("2026-12-18T16:00"), 15)

    assert reckoning.due == at("2027-01-08T17:30")
    assert reckoning.provisional
    assert "周六（暂定）" in reasons(reckoning)


def test_a_limit_that_ends_before_the_unpublished_year_is_not_provisional():
    assert not add_working_days(CAL, at("2026-12-18T16:00"), 9).provisional


def test_hours_wait_for_the_office_to_open():
    reckoning = add_working_hours(CAL, at("2026-12-18T16:30"), 4)

    assert reckoning.due == at("2026-12-21T11:30")
    assert reasons(reckoning) == ["工作日", "非办公时间", "周六", "周日", "非办公时间", "工作日"]


def test_hours_that_end_at_closing_time_end_on_that_day():
    assert add_working_hours(CAL, at("2026-11-23T08:30"), 6.5).due == at("2026-11-23T17:30")


def test_calendar_days_that_end_on_a_day_off_roll_on_to_the_next_working_day():
    reckoning = add_calendar_days(CAL, at("2026-09-30T10:00"), 2)

    assert reckoning.due == at("2026-10-08T17:30")
    assert reasons(reckoning) == ["起始日不计入", "自然日", "末日为国庆节", "顺延"]


def test_calendar_days_that_end_on_a_working_day_end_there():
    assert add_calendar_days(CAL, at("2026-11-20T23:00"), 3).due == at("2026-11-23T17:30")


@pytest.mark.parametrize(
    ("start", "months", "due"),
    [
        ("2026-12-03T10:00", 1, "2027-01-04T17:30"),  # the 3rd is a Sunday
        ("2026-11-30T10:00", 1, "2026-12-30T17:30"),
        ("2027-03-31T10:00", 1, "2027-04-30T17:30"),  # April has no 31st
        ("2027-01-31T09:00", 1, "2027-03-01T17:30"),  # nor has February, and the 28th is a Sunday
        ("2026-09-10T10:00", 3, "2026-12-10T17:30"),
    ],
)
def test_a_month_ends_on_the_same_day_of_the_next(start, months, due):
    assert add_months(CAL, at(start), months).due == at(due)


@given(moments, st.integers(1, 14), st.integers(1, 14))
def test_more_months_end_no_earlier_and_the_working_covers_them(start, few, more):
    first, last = add_months(CAL, start, min(few, more)), add_months(CAL, start, max(few, more))
    assert first.due <= last.due
    assert tiles(last, start)
    assert CAL.is_working_day(last.due.date())


def test_the_start_day_is_the_day_on_the_calendars_clock():
    late_in_utc = datetime(2026, 11, 22, 17, tzinfo=UTC)

    reckoning = add_working_days(CAL, late_in_utc, 1)

    assert reckoning.due == at("2026-11-24T17:30")
    assert reckoning.due.tzinfo is SHANGHAI


def test_a_naive_datetime_is_refused():
    naive = datetime(2026, 11, 23, 10)  # noqa: DTZ001

    for reckon in (add_working_hours, add_working_days, add_calendar_days):
        with pytest.raises(ValueError, match="time zone"):
            reckon(CAL, naive, 1)


@pytest.mark.parametrize("hours", [-1, float("nan"), float("inf")])
def test_an_impossible_number_of_hours_is_refused(hours):
    with pytest.raises(ValueError, match="hours"):
        add_working_hours(CAL, at("2026-11-23T10:00"), hours)


@pytest.mark.parametrize("reckon", [add_working_days, add_calendar_days])
def test_less_than_one_day_is_refused(reckon):
    with pytest.raises(ValueError, match="at least one"):
        reckon(CAL, at("2026-11-23T10:00"), 0)


def test_half_of_a_span_without_office_time_is_half_of_the_plain_time():
    assert half_of(CAL, at("2026-11-21T10:00"), at("2026-11-21T12:00")) == at("2026-11-21T11:00")


def test_half_of_nothing_is_the_due_time():
    assert half_of(CAL, at("2026-11-23T10:00"), at("2026-11-23T09:00")) == at("2026-11-23T09:00")


def test_a_fifteen_day_limit_is_quick():
    begun = perf_counter()
    for _ in range(100):
        add_working_days(CAL, at("2026-12-18T16:00"), 15)

    assert perf_counter() - begun < 0.5


@given(moments, minutes.filter(bool))
def test_counted_hours_tile_the_time_and_sum_to_the_limit(start, count):
    reckoning = add_minutes(start, count)

    counted = sum((i.end - i.start for i in reckoning.intervals if i.counted), timedelta())
    assert counted == timedelta(hours=count / 60)
    assert tiles(reckoning, start)


@given(moments, days)
def test_counted_working_days_tile_the_time_and_are_as_many_as_the_limit(start, n):
    reckoning = add_working_days(CAL, start, n)

    assert sum(i.counted for i in reckoning.intervals) == n
    assert all(CAL.is_working_day(i.start.date()) == i.counted for i in reckoning.intervals[1:])
    assert tiles(reckoning, start)


@given(moments, days)
def test_counted_calendar_days_tile_the_time_and_end_on_a_working_day(start, n):
    reckoning = add_calendar_days(CAL, start, n)

    assert sum(i.counted for i in reckoning.intervals) == n
    assert CAL.is_working_day(reckoning.due.date())
    assert tiles(reckoning, start)


@given(moments, minutes, minutes)
def test_hours_are_additive(start, one, other):
    whole = add_working_hours(CAL, start, (one + other) / 60).due
    in_parts = add_minutes(add_minutes(start, one).due, other).due

    # Each part of an hour is rounded to a microsecond on its own.
    assert CAL.working_hours_between(in_parts, whole) <= timedelta(microseconds=2)
    assert CAL.working_hours_between(whole, in_parts) <= timedelta(microseconds=2)


@given(moments, days, days)
def test_working_days_are_additive(start, one, other):
    in_parts = add_working_days(CAL, add_working_days(CAL, start, one).due, other)

    assert add_working_days(CAL, start, one + other).due == in_parts.due


@given(moments, moments, days, minutes)
def test_a_later_start_is_never_due_earlier(one, other, n, count):
    early, late = sorted((one, other))

    assert add_working_days(CAL, early, n).due <= add_working_days(CAL, late, n).due
    assert add_calendar_days(CAL, early, n).due <= add_calendar_days(CAL, late, n).due
    if count:
        assert add_minutes(early, count).due <= add_minutes(late, count).due


@given(moments, days)
def test_a_longer_limit_is_never_due_earlier(start, n):
    assert add_working_days(CAL, start, n).due < add_working_days(CAL, start, n + 1).due
    assert add_calendar_days(CAL, start, n).due <= add_calendar_days(CAL, start, n + 1).due


@given(moments, minutes)
def test_the_time_between_start_and_due_is_the_limit(start, count):
    due = add_minutes(start, count).due

    assert CAL.working_hours_between(start, due) == timedelta(hours=count / 60)
    assert CAL.working_hours_between(due, start) == -timedelta(hours=count / 60)


@given(moments, minutes.filter(bool))
def test_subtracting_reverses_adding(start, count):
    due = add_minutes(start, count).due
    back = subtract_working_hours(CAL, due, count / 60)

    assert CAL.working_hours_between(back, due) == timedelta(hours=count / 60)
    assert back >= start
    assert add_minutes(back, count).due == due


@given(moments, moments, moments)
def test_time_between_adds_up_in_any_order(a, b, c):
    between = CAL.working_hours_between

    assert between(a, b) + between(b, c) == between(a, c)


@given(moments, days)
def test_half_of_a_limit_leaves_as_much_as_has_passed(start, n):
    due = add_working_days(CAL, start, n).due
    middle = half_of(CAL, start, due)

    difference = CAL.working_hours_between(start, middle) - CAL.working_hours_between(middle, due)
    assert abs(difference) <= timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("national", "local", "named"),
    [
        ({"version": ""}, {}, "version"),
        ({"years": ["2026"]}, {}, "years"),
        ({"holidays": {"2026-13-01": "元旦"}}, {}, "2026-13-01"),
        ({"holidays": {"2026-01-01": ""}}, {}, "2026-01-01"),
        ({"holidays": ["2026-01-01"]}, {}, "holidays"),
        ({"holidays": {"2027-01-01": "元旦"}}, {}, "2027-01-01"),
        ({"make_up": {"2026-10-01": "国庆节"}}, {}, "2026-10-01"),
        ({}, {"local_off": {"2026-03-02": "停"}, "local_on": {"2026-03-02": "开"}}, "2026-03-02"),
        ({}, {"office_hours": []}, "office_hours"),
        ({}, {"office_hours": [["8点", "12点"]]}, "office_hours"),
        ({}, {"office_hours": [["08:30", "12:00"], ["11:00", "17:30"]]}, "office_hours"),
    ],
)
def test_a_bad_table_is_refused_in_a_sentence_that_names_the_place(national, local, named):
    with pytest.raises(SettingError) as refused:
        Calendar.from_tables(NATIONAL | national, PLAIN | local)

    assert named in refused.value.sentence
