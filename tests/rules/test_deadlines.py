"""Limits become due times whose working can be stored, read back and read aloud."""

import copy
import json
import tomllib
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewbot.errors import SettingError
from reviewbot.rules.calendar import SHANGHAI, Calendar
from reviewbot.rules.deadlines import (
    Limit,
    Unit,
    describe,
    due_time,
    remainder,
    working_as_data,
    working_from_data,
)
from reviewbot.rules.policy import Policy

CONFIG = Path(__file__).parents[2] / "config"
NATIONAL = tomllib.loads((CONFIG / "calendar/national.toml").read_text("utf-8"))
CAL = Calendar.from_tables(
    NATIONAL, {"version": "test", "office_hours": [["08:30", "12:00"], ["14:30", "17:30"]]}
)
POLICY = tomllib.loads((CONFIG / "policy.toml").read_text("utf-8"))

FIRST, LAST = datetime.fromisoformat("2024-01-02"), datetime.fromisoformat("2027-12-01")
moments = st.datetimes(FIRST, LAST, timezones=st.just(SHANGHAI))
limits = st.builds(
    lambda value, unit: Limit("handling", value, unit, "dispatched", "本地"),
    st.integers(1, 40),
    st.sampled_from(Unit),
)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def limit(value: float, unit: Unit) -> Limit:
    return Limit("handling", value, unit, "dispatched", "本地默认")


def test_the_shipped_policy_reads_as_written():
    policy = Policy.from_table(POLICY)

    assert policy.version == "2026-11-4"
    assert {stage: (each.value, each.unit, each.starts) for stage, each in policy.limits.items()} == {
        "dispatch": (4, Unit.WORKING_HOUR, "received"),
        "contact": (1, Unit.WORKING_DAY, "dispatched"),
        "handling": (5, Unit.WORKING_DAY, "dispatched"),
        "handling_complex": (15, Unit.WORKING_DAY, "dispatched"),
        "handling_instruction": (15, Unit.WORKING_DAY, "dispatched"),
        "received_late": (2, Unit.WORKING_DAY, "assigned"),
        "handling_consult": (2, Unit.WORKING_DAY, "dispatched"),
        "handling_help": (10, Unit.WORKING_DAY, "dispatched"),
        "handling_suggestion": (10, Unit.WORKING_DAY, "dispatched"),
        "handling_complaint": (15, Unit.WORKING_DAY, "dispatched"),
        "handling_report": (15, Unit.WORKING_DAY, "dispatched"),
        "return": (1, Unit.WORKING_DAY, "dispatched"),
        "instruction": (1, Unit.MONTH, "instructed"),
        "arbitration": (2, Unit.WORKING_DAY, "convened"),
        "appeal": (3, Unit.WORKING_DAY, "dispatched"),
        "appeal_decision": (3, Unit.WORKING_DAY, "appealed"),
        "decision": (2, Unit.WORKING_DAY, "asked"),
        "assistance": (3, Unit.WORKING_DAY, "asked"),
    }
    assert (policy.half, policy.before_hours) == (True, 24)
    assert (policy.calls.half_days, policy.rounding) == (3, "round")


def test_every_shipped_limit_says_that_it_is_a_local_default():
    shipped = Policy.from_table(POLICY).limits.values()

    assert all(each.basis.startswith("本地默认") for each in shipped)


@pytest.mark.parametrize(
    ("unit", "value", "due"),
    [
        (Unit.WORKING_HOUR, 1.5, "2026-09-30T17:30"),
        (Unit.WORKING_DAY, 2, "2026-10-09T17:30"),
        (Unit.CALENDAR_DAY, 9, "2026-10-09T17:30"),
    ],
)
def test_each_unit_is_reckoned_in_its_own_way(unit, value, due):
    found = due_time(limit(value, unit), CAL, at("2026-09-30T16:00"))

    assert found.due_at == at(due)
    assert found.reckoning.due == found.due_at
    assert found.stage == "handling"


def test_a_broken_number_of_days_is_refused():
    with pytest.raises(ValueError, match="whole"):
        due_time(limit(1.5, Unit.WORKING_DAY), CAL, at("2026-09-30T16:00"))


@given(moments, limits)
def test_a_working_survives_storage(started_at, any_limit):
    reckoning = due_time(any_limit, CAL, started_at).reckoning

    stored = json.dumps(working_as_data(reckoning), ensure_ascii=False)

    assert working_from_data(json.loads(stored)) == reckoning


@given(moments, limits)
def test_the_same_limit_gives_the_same_working_byte_for_byte(started_at, any_limit):
    one, other = (working_as_data(due_time(any_limit, CAL, started_at).reckoning) for _ in range(2))

    assert json.dumps(one) == json.dumps(other)


def test_an_empty_working_is_refused():
    with pytest.raises(ValueError, match="no due time"):
        working_from_data([])


def test_a_clerk_reads_which_days_count_and_which_do_not():
    lines = describe(due_time(limit(6, Unit.WORKING_DAY), CAL, at("2026-09-24T16:00")))

    assert lines == [
        "2026-09-24 周四 16:00 起算，时限6个工作日（本地默认）",
        "09-24 周四 起始日不计入",
        "09-25 至 09-27 中秋节 不计",
        "09-28 周一 第1个工作日",
        "09-29 周二 第2个工作日",
        "09-30 周三 第3个工作日",
        "10-01 至 10-07 国庆节 不计",
        "10-08 周四 第4个工作日",
        "10-09 周五 第5个工作日",
        "10-10 周六 第6个工作日（调休上班）",
        "2026-10-10 周六 17:30 到期",
    ]


def test_a_clerk_reads_the_hours():
    lines = describe(due_time(limit(4, Unit.WORKING_HOUR), CAL, at("2026-12-18T16:00")))

    assert lines[1:] == [
        "12-18 周五 16:00 至 17:30 计1.5小时",
        "12-18 周五 17:30 至 12-21 周一 08:30 非办公时间、周末 不计",
        "12-21 周一 08:30 至 11:00 计2.5小时",
        "2026-12-21 周一 11:00 到期",
    ]


def test_a_clerk_reads_what_is_provisional():
    lines = describe(due_time(limit(15, Unit.WORKING_DAY), CAL, at("2026-12-18T16:00")))

    assert "12-19 至 12-20 周末 不计" in lines
    assert "01-01 周五 第10个工作日（暂定）" in lines
    assert "01-02 至 01-03 周末（暂定） 不计" in lines
    assert lines[-1].startswith("含暂定日期")


def test_a_clerk_reads_why_a_last_day_rolled_on():
    lines = describe(due_time(limit(2, Unit.CALENDAR_DAY), CAL, at("2026-11-19T16:00")))

    assert lines[2:] == [
        "11-20 周五 第1个自然日",
        "11-21 周六 第2个自然日（末日为周六）",
        "11-22 至 11-23 末日遇休，顺延",
        "2026-11-23 周一 17:30 到期",
    ]


@given(moments, limits)
def test_every_working_can_be_described(started_at, any_limit):
    due = due_time(any_limit, CAL, started_at)

    lines = describe(due)

    assert any(line.endswith("到期") for line in lines)
    assert lines[-1].startswith("含暂定日期") is due.provisional


@given(moments, limits, st.floats(0, 1), st.integers(0, 40 * 24 * 60))
def test_a_clock_that_stood_still_gives_back_exactly_what_was_left(started_at, any_limit, share, minutes):
    """Nobody gains a day by an appeal and nobody loses one: as much counts after the decision as before it."""
    due = due_time(any_limit, CAL, started_at).due_at
    stopped = CAL.here(started_at + (due - started_at) * share)
    resumed = stopped + timedelta(minutes=minutes)
    left = remainder(any_limit, CAL, stopped, due)
    again = due_time(left, CAL, resumed).due_at

    assert left.unit is (Unit.CALENDAR_DAY if any_limit.unit is Unit.MONTH else any_limit.unit)
    assert again > resumed or left.unit is Unit.WORKING_HOUR
    if left.unit is Unit.WORKING_HOUR:
        owed = max(CAL.working_hours_between(stopped, due), timedelta(minutes=1))
        assert abs(CAL.working_hours_between(resumed, again) - owed) < timedelta(milliseconds=1)
    if left.unit is Unit.WORKING_DAY:
        assert working_days(resumed, again) == max(working_days(stopped, due), 1)
    if left.unit is Unit.CALENDAR_DAY:
        days = max((due.date() - stopped.date()).days, 1)
        last = resumed.date() + timedelta(days=days)
        assert again.date() == next(
            day for day in (last + timedelta(days=more) for more in range(30)) if CAL.is_working_day(day)
        )


def working_days(after, until):
    """Days the office is open, that of ``after`` not counted."""
    days = range(1, (until.date() - after.date()).days + 1)
    return sum(CAL.is_working_day(after.date() + timedelta(days=day)) for day in days)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("version", None),
        ("limits", {}),
        ("limits.handling", 5),
        ("limits.handling.value", 0),
        ("limits.handling.value", 1.5),
        ("limits.handling.value", float("nan")),
        ("limits.handling.value", "5"),
        ("limits.handling.value", True),
        ("limits.handling.value", 5000),
        ("limits.handling.unit", "week"),
        ("limits.handling.starts", ""),
        ("limits.handling.basis", None),
        ("reminders", None),
        ("reminders.half", "yes"),
        ("reminders.before_working_hours", -1),
        ("call_back.attempts_before_unreachable", 0),
        ("call_back.attempts_before_unreachable", 2.5),
        ("rates.rounding", "ceil"),
    ],
)
def test_a_bad_policy_is_refused_in_a_sentence_that_names_the_key(path, value):
    data = copy.deepcopy(POLICY)
    *parents, last = path.split(".")
    table = data
    for parent in parents:
        table = table[parent]
    table[last] = value

    with pytest.raises(SettingError) as refused:
        Policy.from_table(data)

    assert path in refused.value.sentence
    assert refused.value.sentence.count("。") == 1
