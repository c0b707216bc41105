"""Policies by version: a case keeps the one it was born with, whatever is activated while it lives (law 2, F8)."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from case_kit import case_of, due_times, handler_of, messages, move, opened, verifying
from ladder_kit import sweep
from rules_kit import POLICY, decree, policy_text, today
from sqlalchemy import select, update

from reviewbot.actions.take_rules import take_policy
from reviewbot.clock import CHINA
from reviewbot.errors import Conflict, InvalidInput, SettingError
from reviewbot.models.policy import PolicyVersion
from reviewbot.queries.rulebooks import version_on
from reviewbot.wiring import build_house

HANDLING = "[limits.handling]\nvalue = 5"
SHORTER = (HANDLING, "[limits.handling]\nvalue = 2")
NO_HALF = ("half = true", "half = false")


def handling(house, number):
    return next(due for due in due_times(house, number) if due.stage == "handling")


def test_a_new_version_decides_over_new_cases_and_leaves_the_old_alone(house):
    old = opened(house)
    before = handling(house, old)
    decree(house, "strict", SHORTER)
    new = opened(house)

    assert (case_of(house, old).policy_version, case_of(house, new).policy_version) == ("2026-11-4", "strict")
    assert handling(house, old).due_at == before.due_at
    assert handling(house, new).due_at == before.due_at - timedelta(days=5)  # Wednesday instead of Monday


def test_all_rules_of_a_case_stay_those_of_its_birth(house, clock):
    """Limits, extensions, returns, rungs and the number of deciders, each asked for after another was activated."""
    number, returned = verifying(house), opened(house)
    decree(
        house, "strict", SHORTER, NO_HALF, ("most_days = 10", "most_days = 1"),
        ("before_arbitration = 1", "before_arbitration = 3"),
        ("[limits.handling_complex]\nvalue = 15", "[limits.handling_complex]\nvalue = 3"),
    )  # fmt: skip
    move(house, handler_of(house, number), "request_extension", number, days=10, remark="须外调")
    fresh = verifying(house)
    with pytest.raises(InvalidInput, match="最多延期 1 个"):
        move(house, handler_of(house, fresh), "request_extension", fresh, days=10, remark="须外调")
    for _ in range(2):
        move(house, handler_of(house, returned), "return", returned, remark="不属本局")
        if case_of(house, returned).status == "awaiting_dispatch":
            move(house, "chenjiafeng01", "dispatch", returned, department="税务局")
    assert case_of(house, returned).status == "in_arbitration"
    clock.moment = handling(house, number).due_at + timedelta(minutes=1)
    sweep(house)

    assert "half" in handling(house, number).rungs_done
    assert "half" not in handling(house, fresh).rungs_done


def test_what_belongs_to_no_case_follows_the_version_in_force(house, clock):
    opened(house)
    decree(
        house, "loud", ("quiet = true ", "quiet = false "), ('rounding = "round"', 'rounding = "truncate"')
    )
    clock.moment = datetime(2026, 11, 30, 14, 0, tzinfo=UTC)  # ten in the evening
    with house.database.begin() as session:
        assert house.today(session).policy.rounding == "truncate"
    clock.moment = datetime(2026, 12, 1, 14, 0, tzinfo=UTC)
    sweep(house)

    waiting = [one.held_until for one in messages(house) if one.kind.startswith("reminder_")]
    assert waiting
    assert max(waiting) <= clock.moment


def test_a_version_with_a_later_day_begins_by_itself_at_midnight_in_china(house, clock):
    decree(house, "next-year", SHORTER, begins=date(2027, 1, 1))
    for moment, version in (
        (datetime(2026, 12, 31, 23, 59, 59, tzinfo=CHINA), "2026-11-4"),
        (datetime(2027, 1, 1, tzinfo=CHINA), "next-year"),
    ):
        clock.moment = moment
        assert case_of(house, opened(house)).policy_version == version


def test_another_process_sees_an_activation_with_its_next_case(house, clock):
    other = replace(build_house(house.settings), clock=clock, ring=house.ring)
    opened(other)
    decree(house, "strict", SHORTER)

    assert case_of(other, opened(other)).policy_version == "strict"
    other.database.dispose()


def test_workers_open_cases_while_a_version_is_activated_and_every_case_is_of_one_piece(house):
    """No case with the name of one version and the limit of another."""
    with ThreadPoolExecutor(5) as pool:
        cases = [pool.submit(opened, house) for _ in range(20)]
        decrees = [pool.submit(decree, house, f"strict-{nth}", SHORTER) for nth in range(4)]
        numbers = [one.result() for one in cases]
        for one in decrees:
            one.result()
    numbers += [opened(house)]

    for number in numbers:
        case, due = case_of(house, number), handling(house, number)
        assert due.policy_version == case.policy_version
        assert due.limit_value == (5 if case.policy_version == "2026-11-4" else 2)
    assert case_of(house, numbers[-1]).policy_version.startswith("strict")


def test_a_known_version_with_another_text_is_refused_in_one_line(house):
    changed = POLICY.replace("deciders = 2", "deciders = 3")
    with house.database.begin() as session, pytest.raises(SettingError, match="2026-11-4") as refused:
        take_policy(session, changed, at=house.clock.now())

    assert "\n" not in refused.value.sentence
    assert today(house).policy.appeals.deciders == 2


def test_a_release_that_writes_down_what_was_so_before_does_not_stop_the_start(house):
    """The kept text is of a release that did not know the key; the file of this one words it, and means the same."""
    old = policy_text("kept", ("stop_clock = false", ""), ("# 单位 unit", "# 另有说明"))
    decree(house, "kept")
    with house.database.begin() as session:
        kept = update(PolicyVersion).where(PolicyVersion.version == "kept")
        session.execute(kept.values(text=old, sha256="of the old text"))

    decree(house, "kept")
    with pytest.raises(SettingError, match="kept"):
        decree(house, "kept", ("stop_clock = false", "stop_clock = true"))
    with house.database.begin() as session:
        assert session.get_one(PolicyVersion, "kept").text == old


def test_the_same_text_again_changes_nothing_and_two_starts_at_once_take_one(house):
    def start(_):
        with house.database.begin() as session:
            return take_policy(session, policy_text("twice"), at=house.clock.now())

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(start, range(4))) == [False, False, False, True]


def test_no_version_begins_in_the_past(house):
    with pytest.raises(InvalidInput, match="已经过去"):
        decree(house, "late", begins=date(2026, 11, 29))
    decree(house, "written-long-ago", ("effective_from = 2026-11-01", "effective_from = 2020-01-01"))
    with house.database.begin() as session:
        row = session.get_one(PolicyVersion, "written-long-ago")
        assert row.effective_from == date(2026, 11, 30)
        assert version_on(session, house.clock.now() - timedelta(seconds=1)) == "2026-11-4"
        assert version_on(session, house.clock.now()) == "written-long-ago"


def test_a_kept_text_that_lacks_what_this_release_asks_for_is_filled_from_the_shipped_one(house):
    """A case outlives the release it was born under."""
    old = policy_text(
        "ancient", ("[recalls]", "[unknown_to_this_release]"), ("\n[reminders]\nhalf = true", "\n[reminders]"),
        ("stop_clock = false", ""), ('starts = "convened"', 'starts = "whenever"'),
        ("[limits.received_late]", "[limits.unknown]"), ("[limits.handling_instruction]", "[limits.unknown_too]"),
    )  # fmt: skip
    decree(house, "ancient")
    with house.database.begin() as session:
        session.execute(update(PolicyVersion).where(PolicyVersion.version == "ancient").values(text=old))
    number = opened(house)

    with house.database.begin() as session:
        policy = house.rulebooks.of(session, case_of(house, number)).policy
    assert (policy.version, policy.half, policy.recalls.percent) == ("ancient", True, 5)
    assert (policy.limits["received_late"].value, policy.limits["handling_instruction"].value) == (2, 15)
    assert (policy.appeals.stop_clock, policy.limits["arbitration"].starts) == (False, "convened")


def test_a_case_of_a_version_nobody_kept_follows_that_of_its_birthday(house):
    number = opened(house)
    with house.database.begin() as session:
        case = session.scalars(select(type(case_of(house, number)))).one()
        case.policy_version = "lost"
    move(house, handler_of(house, number), "sign", number)

    with pytest.raises(Conflict, match="申请"):
        move(house, "wanghailing01", "agree", number)
