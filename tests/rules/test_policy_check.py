"""What is lawful but odd in a policy is told, with the key."""

import copy
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewbot.rules.calendar import Calendar
from reviewbot.rules.policy_check import differences, look_through

CONFIG = Path(__file__).parents[2] / "config"
POLICY = tomllib.loads((CONFIG / "policy.toml").read_text("utf-8"))
CALENDAR = Calendar.from_texts(
    (CONFIG / "calendar/national.toml").read_text("utf-8"),
    (CONFIG / "calendar/local.toml").read_text("utf-8"),
)


def changed(**paths):
    data = copy.deepcopy(POLICY)
    for path, value in paths.items():
        *tables, last = path.split("__")
        table = data
        for name in tables:
            table = table[int(name)] if name.isdigit() else table[name]
        table[last] = value
    return data


@pytest.mark.parametrize(
    ("data", "key", "words"),
    [
        (changed(ladder__1__after=9), "ladder[2]", "却先到期"),
        (
            changed(ladder__5__after=1, ladder__5__unit="working_day"),
            "ladder[5].after",
            "早于 limits.instruction",
        ),
        (changed(ladder__0__act="red_card", ladder__1__act="yellow_card"), "ladder[1]", "轻"),
        (changed(limits__handling_complex__value=2), "limits.handling_complex", "还短"),
        (changed(remindres={}), "remindres", "没有这一项"),
        (changed(reminders__before_working_hours=60), "reminders.before_working_hours", "handling"),
        (changed(problems__recurrence_at_most=5), "problems.recurrence_at_most", "也能销号"),
        (changed(appeals__deciders=1), "appeals.deciders", "没有第二人"),
        (changed(limits__appeal__value=999), "limits.appeal", "仍可申诉"),
    ],
)
def test_an_oddity_is_told_and_is_no_mistake(data, key, words):
    found = look_through(data, CALENDAR)

    assert found.mistakes == []
    assert any(one.key == key and words in one.wrong for one in found.oddities), found.oddities


def test_the_shipped_policy_has_no_mistakes_and_reads_every_key():
    found = look_through(POLICY, CALENDAR)

    assert found.mistakes == []
    assert [one.key for one in found.oddities] == ["reminders.before_working_hours"]


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(sorted(POLICY)), junk)
def test_whatever_stands_there_is_told_and_never_breaks_the_check(name, value):
    found = look_through(copy.deepcopy(POLICY) | {name: value}, CALENDAR)

    assert (found.policy is None) == bool(found.mistakes)
    assert all(one.key for one in found.mistakes)


@pytest.mark.parametrize(
    ("stage", "starts", "allowed"),
    [
        ("handling", "signed", "dispatched、received"), ("contact", "verified", "dispatched、received"),
        ("dispatch", "dispatched", "received"), ("instruction", "received", "instructed"),
    ],
)  # fmt: skip
def test_a_clock_that_would_start_elsewhere_is_refused_with_what_is_allowed(stage, starts, allowed):
    """F7: a start that nothing heeds would be read as a promise; one at signing lets a unit stop its own clock."""
    (told,) = look_through(changed(**{f"limits__{stage}__starts": starts}), CALENDAR).mistakes
    assert (told.key, allowed in told.allowed) == (f"limits.{stage}.starts", True)


def test_mistakes_are_all_told_at_once():
    data = changed(limits__handling__value=-1, limits__contact__unit="week", recalls=3)
    del data["appeals"]

    told = {one.key for one in look_through(data, CALENDAR).mistakes}
    assert told == {"limits.handling.value", "limits.contact.unit", "recalls", "appeals"}


def test_differences_name_what_changed_and_nothing_else():
    assert differences(POLICY, changed(version="x", appeals__deciders=3, ladder__1__after=4)) == [
        ("appeals.deciders", "2", "3"), ("ladder[handling/red].after", "3", "4"),
    ]  # fmt: skip
