"""Where a clock starts is a setting of each stage (F7): at the first dispatch, or when the review came."""

from datetime import timedelta

import pytest
from case_kit import DESK, call, case_of, conclude, due_times, handler_of, move, opened
from rules_kit import decree, policy_text, today

RECEIVED = [
    (f'[limits.{stage}]\nvalue = {value}\nunit = "working_day"\nstarts = "dispatched"',
     f'[limits.{stage}]\nvalue = {value}\nunit = "working_day"\nstarts = "received"')
    for stage, value in (("contact", 1), ("handling", 5), ("handling_complex", 15))
]  # fmt: skip
COMPLEX = "handling_complex"


@pytest.fixture
def dispatched_late(house, clock):
    """By the policy given, a case that lay two days at the desk; its number and when it was opened."""

    def come(*changes):
        decree(house, "own", *changes)
        number = opened(house, department=None, item=None)
        since = house.clock.now()
        clock.moment += timedelta(days=2)
        move(house, DESK, "dispatch", number, department="SOC")
        return number, since

    return come


def started(house, number):
    return {due.stage: due.started_at for due in due_times(house, number)}


def test_by_default_the_time_at_the_desk_is_not_the_units(house, clock, dispatched_late):
    number, since = dispatched_late()

    assert started(house, number) == {"dispatch": since, "contact": clock.now(), "handling": clock.now()}


def test_where_the_policy_says_so_the_clock_runs_from_when_the_review_came(house, clock, dispatched_late):
    number, since = dispatched_late(*RECEIVED)
    case = case_of(house, number)
    assert started(house, number) == dict.fromkeys(("dispatch", "contact", "handling"), since)
    assert case.due_at == case.original_due_at == today(house).due("handling", since).due_at
    assert case.dispatched_at == clock.now()  # figures by the day of dispatch are not moved by it

    move(house, handler_of(house, number), "sign", number)
    call(house, number)
    conclude(house, number, complex=True)
    assert started(house, number)[COMPLEX] == since


def test_each_stage_has_its_own_start(house, clock, dispatched_late):
    number, since = dispatched_late(RECEIVED[0])

    assert started(house, number) == {"dispatch": since, "contact": since, "handling": clock.now()}


def test_a_later_dispatch_moves_no_clock_that_runs_from_when_the_review_came(house, clock, dispatched_late):
    number, _ = dispatched_late(*RECEIVED)
    due = case_of(house, number).due_at
    move(house, handler_of(house, number), "return", number, remark="应由医保分局办理，依据三定方案")
    clock.moment += timedelta(days=1)
    move(house, DESK, "dispatch", number, department="MED")

    assert case_of(house, number).due_at == due


def test_the_shipped_policy_starts_at_the_first_dispatch():
    text = policy_text("any")
    for before, _ in RECEIVED:
        assert before in text
