"""The sum anybody can do again: deterministic, every unit served, the share kept, the caller independent."""

import math
import re
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewbot.errors import InvalidInput
from reviewbot.rules.call_back import Attempt, Outcome, Progress
from reviewbot.rules.recall import (
    Caller,
    Finding,
    Member,
    choose_caller,
    digest,
    draw_sample,
    finding_of,
    month_days,
    population_of,
    population_text,
    seed_of,
)
from reviewbot.settings import ROOT

units = st.sampled_from(["SOC", "MED", "TAX", "SEC-HJ"])
populations = st.dictionaries(st.integers(1000, 9999), units, max_size=60).map(
    lambda drawn: [Member(f"A{number}", unit, digest(str(number))) for number, unit in drawn.items()]
)
seeds = st.text("0123456789abcdef", min_size=64, max_size=64)
percents = st.integers(1, 100)


@given(populations, seeds, percents, st.randoms())
def test_the_sample_depends_on_the_list_and_the_seed_and_not_on_the_order(members, seed, percent, random):
    shuffled = [*members]
    random.shuffle(shuffled)

    assert draw_sample(shuffled, seed, percent) == draw_sample(members, seed, percent)
    assert population_text(shuffled) == population_text(members)
    assert sorted(population_of(population_text(members)), key=str) == sorted(members, key=str)


@given(populations, seeds, percents)
def test_the_share_is_rounded_up_and_every_unit_is_served(members, seed, percent):
    drawn = draw_sample(members, seed, percent)

    served = {one.unit for one in members}
    assert len(drawn) == len(set(drawn)) == max(math.ceil(len(members) * percent / 100 - 1e-9), len(served))
    assert set(drawn) <= set(members)
    assert {one.unit for one in drawn} == served


@given(populations, seeds, percents)
def test_within_a_unit_nobody_is_passed_over(members, seed, percent):
    """Which cases of a unit are drawn is decided by the hashes alone: no later one before an earlier one."""
    drawn = set(draw_sample(members, seed, percent))

    for unit in {one.unit for one in members}:
        order = sorted(
            (one for one in members if one.unit == unit), key=lambda one: digest(seed + one.number)
        )
        taken = [one in drawn for one in order]
        assert taken == sorted(taken, reverse=True)


@given(populations, st.text("0123456789abcdef", min_size=64, max_size=64))
def test_one_more_closing_changes_the_seed_of_everything(members, secret):
    more = [*members, Member("B1000", "SOC", digest("later"))]

    assert seed_of(secret, digest(population_text(members))) != seed_of(secret, digest(population_text(more)))


@pytest.mark.parametrize(("count", "percent"), [(0, 5), (1, 5), (57, 7), (100, 7), (40, 100)])
def test_the_few_lines_in_the_readme_draw_the_same_sample(count, percent):
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    script = re.search(r"<!-- recall:begin -->\n```python\n(.*?)```", readme, re.DOTALL)[1]
    secret = digest("secret")
    members = [Member(f"A{1000 + n}", f"U{n % 5}", digest(str(n))) for n in range(count)]
    text = population_text(members)

    told = subprocess.run(
        [sys.executable, "-c", script, secret, str(percent)],
        input=text, capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip

    drawn = draw_sample(members, seed_of(secret, digest(text)), percent)
    assert told == [digest(secret), digest(text), *sorted(one.number for one in drawn)]


people = st.lists(
    st.builds(
        Caller, id=st.integers(1, 99), userid=st.sampled_from(["Ann", "bob", "carl", "dora"]),
        name=st.just("某"), department_id=st.integers(1, 3), assigned=st.integers(0, 5),
    ),
    unique_by=lambda one: one.userid,
)  # fmt: skip


@given(people, st.sets(st.integers(1, 3)), st.sets(st.sampled_from(["ann", "BOB", "carl"])), st.text())
def test_the_caller_is_outside_and_the_least_loaded_of_those(callers, barred_units, barred, key):
    chosen = choose_caller(callers, units=barred_units, people=barred, key=key)

    names = {one.lower() for one in barred}
    free = [
        one for one in callers if one.department_id not in barred_units and one.userid.lower() not in names
    ]
    assert (chosen is None) == (not free)
    if chosen is not None:
        assert chosen in free
        assert chosen.assigned == min(one.assigned for one in free)


@pytest.mark.parametrize(
    ("outcome", "exhausted", "found"),
    [
        (Outcome.NO_ANSWER, False, None),
        (Outcome.NO_ANSWER, True, Finding.UNREACHABLE),
        (Outcome.WRONG_NUMBER, True, Finding.UNREACHABLE),
        (Outcome.REFUSED, True, Finding.REFUSED),
    ],
)
def test_attempts_in_vain_end_as_the_first_call_backs_do(outcome, exhausted, found):
    assert finding_of(Progress(False, 1, exhausted), Attempt(None, outcome)) == found


def test_a_month_is_written_one_way():
    assert [str(day) for day in month_days("2026-12")] == ["2026-12-01", "2027-01-01"]
    for wrong in ("2026-13", "2026-1", "26-01", "", "2026-10\n"):
        with pytest.raises(InvalidInput):
            month_days(wrong)
    with pytest.raises(ValueError, match="not a line"):
        population_of("A1000 SOC\n")
