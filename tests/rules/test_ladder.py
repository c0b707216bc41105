"""The ladder: every rung once, in order, and only the highest one reached speaks."""

import tomllib
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from reviewbot.rules.calendar import SHANGHAI, Calendar, add_months, add_working_days
from reviewbot.rules.ladder import (
    NOT_HELD,
    OF_A_UNIT,
    Act,
    Owed,
    Rung,
    Step,
    next_at,
    next_opening,
    owed,
    rungs,
    stands_at,
)

NATIONAL = tomllib.loads((Path(__file__).parents[2] / "config/calendar/national.toml").read_text("utf-8"))
CAL = Calendar.from_tables(
    NATIONAL, {"version": "test", "office_hours": [["08:30", "12:00"], ["14:30", "17:30"]]}
)
NOTHING: frozenset[str] = frozenset()

FIRST, LAST = datetime.fromisoformat("2024-02-01"), datetime.fromisoformat("2027-11-01")
moments = st.datetimes(FIRST, LAST, timezones=st.just(SHANGHAI))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


STARTED, DUE = at("2026-11-02T10:00"), at("2026-11-23T17:30")
LADDER = rungs(STARTED, DUE, CAL)
HALF, BEFORE, OVERDUE = LADDER


def keys(ladder: tuple[Rung, ...]) -> list[str]:
    return [rung.key for rung in ladder]


def test_a_long_limit_has_three_rungs_in_time_order():
    assert keys(LADDER) == ["half", "before", "overdue"]
    assert BEFORE.at == at("2026-11-18T10:30")
    assert OVERDUE.at == DUE


def test_a_rung_before_the_start_is_left_out():
    short = rungs(at("2026-11-23T08:30"), at("2026-11-23T12:00"), CAL)

    assert keys(short) == ["half", "overdue"]


def test_a_rung_at_the_start_is_left_out():
    assert keys(rungs(BEFORE.at, DUE, CAL, half=False)) == ["overdue"]


def test_reminders_can_be_switched_off():
    assert keys(rungs(STARTED, DUE, CAL, half=False, before_hours=0)) == ["overdue"]


def test_nothing_is_owed_before_the_first_rung():
    assert owed(LADDER, NOTHING, HALF.at - timedelta(seconds=1)) == Owed((), None)


def test_a_rung_is_owed_from_its_very_instant():
    assert owed(LADDER, NOTHING, HALF.at) == Owed((HALF,), HALF)


def test_after_an_outage_only_the_highest_rung_speaks():
    assert owed(LADDER, NOTHING, DUE + timedelta(days=3)) == Owed(LADDER, OVERDUE)


def test_a_done_rung_is_never_owed_again():
    assert owed(LADDER, frozenset({"half"}), HALF.at + timedelta(hours=1)) == Owed((), None)


def test_a_lower_rung_is_silent_once_a_higher_one_has_spoken():
    assert owed(LADDER, frozenset({"overdue"}), DUE) == Owed((HALF, BEFORE), None)


def test_the_next_look_is_at_the_first_rung_not_done():
    assert next_at(LADDER, NOTHING) == HALF.at
    assert next_at(LADDER, frozenset({"half"})) == BEFORE.at


def test_there_is_no_next_look_when_all_is_done():
    assert next_at(LADDER, frozenset(keys(LADDER))) is None


@given(moments, st.integers(1, 20), st.booleans(), st.integers(0, 60))
def test_rungs_stand_after_the_start_in_time_order_and_end_with_overdue(started_at, n, half, before):
    ladder = rungs(started_at, add_working_days(CAL, started_at, n).due, CAL, half=half, before_hours=before)

    assert all(rung.at > started_at for rung in ladder)
    assert list(ladder) == sorted(ladder, key=lambda rung: rung.at)
    assert ladder[-1].key == "overdue"
    assert len(set(keys(ladder))) == len(ladder)


@given(moments, st.integers(1, 20), st.lists(st.integers(0, 60 * 24 * 40), min_size=1, max_size=12))
def test_however_often_one_looks_each_rung_is_met_once_and_speech_only_rises(started_at, n, looks):
    ladder = rungs(started_at, add_working_days(CAL, started_at, n).due, CAL)
    done, met, spoken = NOTHING, [], []

    for minute in sorted(looks):
        found = owed(ladder, done, started_at + timedelta(minutes=minute))
        met += keys(found.missed)
        spoken += [found.speaks.key] if found.speaks else []
        done |= frozenset(keys(found.missed))

    order = keys(ladder)
    assert met == order[: len(met)]
    assert spoken == sorted(set(spoken), key=order.index)


CARDS = (
    Step("yellow", "黄牌", "handling", 0, "working_day", Act.YELLOW_CARD, ("handler",)),
    Step("red", "红牌", "handling", 3, "working_day", Act.RED_CARD, ("head",)),
    Step("letter", "督办函", "handling", 5, "working_day", Act.LETTER, ("supervisor",)),
    Step("report", "专报", "handling", 3, "month", Act.REPORT, ("leader",)),
)


def test_the_whole_ladder_stands_in_the_order_of_its_seriousness():
    ladder = rungs(STARTED, DUE, CAL, steps=CARDS)

    assert keys(ladder) == ["half", "before", "overdue", "yellow", "red", "letter", "report"]
    assert [rung.at for rung in ladder[3:]] == [
        DUE, at("2026-11-26T17:30"), at("2026-11-30T17:30"), at("2027-02-23T17:30"),
    ]  # fmt: skip


def test_a_month_is_clamped_to_its_last_day_and_rolled_on_to_a_working_day():
    months = Step("x", "x", "handling", 3, "month", Act.REPORT, ("leader",))

    assert stands_at(CAL, at("2025-11-30T17:30"), months) == at("2026-02-28T17:30")  # a make-up Saturday


@given(moments, st.integers(1, 60), st.booleans())
def test_what_is_counted_from_the_start_does_not_heed_the_due_time(started_at, n, held):
    """S4: three months from a leader's word, whatever the day his month ended on."""
    steps = (replace(CARDS[-1], counts_from="started"),)
    ladder = rungs(started_at, add_working_days(CAL, started_at, n).due, CAL, steps=steps, held=held)

    (report,) = [rung.at for rung in ladder if rung.key == "report"]
    assert report == add_months(CAL, started_at, 3).due


def test_a_letter_counted_from_the_start_waits_for_the_unit_that_got_the_case_late():
    letter, got = (
        Step("letter", "督办函", "x", 1, "month", Act.LETTER, (), counts_from="started"),
        at("2026-12-10T17:30"),
    )

    in_time, late = (rungs(STARTED, DUE, CAL, steps=(letter,), pressed_from=since) for since in (None, got))
    assert (in_time[-1].at, late[-1].at) == (at("2026-12-02T17:30"), at("2027-01-11T17:30"))


@given(moments, st.integers(1, 20), st.lists(st.integers(1, 400), max_size=8))
def test_whatever_the_downtimes_every_rung_is_met_once_and_in_order(started_at, n, looks):
    ladder = rungs(started_at, add_working_days(CAL, started_at, n).due, CAL, steps=CARDS)
    done: list[str] = []
    now = started_at
    for hours in [*looks, 24 * 400]:
        now += timedelta(hours=hours)
        found = owed(ladder, frozenset(done), now)
        assert found.speaks in (None, *found.missed[-1:])
        done += keys(found.missed)

    assert done == keys(ladder)
    assert next_at(ladder, frozenset(done)) is None


def test_a_unit_that_gets_it_late_is_pressed_from_then_on_and_the_report_is_not_put_off():
    got = at("2026-12-10T17:30")
    ladder = rungs(STARTED, DUE, CAL, steps=CARDS, pressed_from=got)

    stands = {rung.key: rung.at for rung in ladder}
    assert (stands["yellow"], stands["red"], stands["letter"]) == (
        got, at("2026-12-15T17:30"), at("2026-12-17T17:30"),
    )  # fmt: skip
    assert (stands["overdue"], stands["report"]) == (DUE, at("2027-02-23T17:30"))


def test_while_no_unit_has_it_whoever_does_is_told_and_no_rung_of_a_unit_is_used_up():
    ladder = rungs(STARTED, DUE, CAL, steps=CARDS, held=False)

    assert keys(ladder) == ["half", "before", "overdue", f"red{NOT_HELD}", f"letter{NOT_HELD}", "report"]
    assert not [rung for rung in ladder if rung.act in OF_A_UNIT]
    assert [rung.to for rung in ladder if rung.key.endswith(NOT_HELD)] == [(), ("supervisor",)]


@given(
    moments,
    st.integers(1, 20),
    st.lists(st.tuples(st.integers(1, 900), st.booleans()), min_size=1, max_size=10),
)
def test_through_whatever_hands_it_goes_each_rung_comes_once_in_order_and_to_whom_it_is_meant(
    started_at, n, walk
):
    """``walk``: after so many hours time is looked at, and then the case changes hands, or does not."""
    due = add_working_days(CAL, started_at, n).due
    now, since, done, spoken = started_at, started_at, [], []
    for hours, gives in [*walk, *[(24 * 300, since is None)] * 2]:
        now += timedelta(hours=hours)
        late = since is not None and since > started_at
        pressed = add_working_days(CAL, since, 2).due if late else None
        ladder = rungs(started_at, due, CAL, steps=CARDS, held=since is not None, pressed_from=pressed)
        found = owed(ladder, frozenset(done), now)
        done += keys(found.missed)
        spoken += [found.speaks] if found.speaks else []
        for rung in found.missed:
            assert since is not None or rung.act not in OF_A_UNIT
            assert rung.act not in OF_A_UNIT or pressed is None or rung.at >= pressed
        if since is not None and now > due:
            coming = next_at(ladder, frozenset(done))
            assert coming is not None or "letter" in done
        since = (None if since is not None else now) if gives else since

    assert len(set(done)) == len(done)
    of_unit = [key for key in done if key in ("yellow", "red", "letter")]
    assert of_unit == ["yellow", "red", "letter"][: len(of_unit)]
    assert [key for key in done if key in ("overdue", "report")] == ["overdue", "report"]


@given(moments)
def test_a_held_reminder_goes_out_when_the_office_opens_and_never_before_it_was_born(now):
    opening = next_opening(CAL, now)

    assert opening >= now
    assert CAL.is_working_time(opening)
    if CAL.is_working_time(now):
        assert opening == now
