"""12345 work orders through the same door: what they are, what is doubted, and the customer's published figures."""

from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest
from case_kit import SUPERVISOR, due_times, move, viewer
from ladder_kit import rows, sweep
from order_kit import SOURCE, cases, order, taken
from rules_kit import today
from sqlalchemy import select

from reviewbot.actions.report_rates import report_rates
from reviewbot.actions.rights import possible_moves
from reviewbot.actions.simulate_rules import simulate_rules
from reviewbot.clock import CHINA
from reviewbot.errors import Conflict
from reviewbot.models.case import DueTime
from reviewbot.models.message import Message
from reviewbot.models.oversight import Letter
from reviewbot.models.review import Review
from reviewbot.queries.counts import intake_balance
from reviewbot.queries.letters import evidence_counts, last_submissions, ledger_cases
from reviewbot.queries.scope import SYSTEM
from reviewbot.rules.kinds import Family, Kind
from reviewbot.rules.lifecycle import CaseStatus, ClosingKind, Move


@pytest.mark.parametrize(
    ("said", "kind", "days"),
    [("咨询", Kind.CONSULT, 2), ("求助", Kind.HELP, 10), ("投诉", Kind.COMPLAINT, 15)],
)
def test_an_open_order_becomes_a_case_with_the_limit_of_its_kind(house, said, kind, days):
    taken(house, order(order_type=said))

    (case,) = cases(house)
    assert (case.kind, case.status) == (kind, CaseStatus.AWAITING_SIGN)
    with house.database.begin() as session:
        handling = session.scalars(select(DueTime).where(DueTime.stage == "handling")).one()
        assert handling.limit_text == f"{days} 工作日"
        review = session.scalars(select(Review)).one()
        assert (review.rating, review.is_bad, review.wants_case, review.grade) == (None, False, True, said)
        assert intake_balance(session, house.clock.now()).adds_up


def test_a_reopened_order_has_the_limit_of_its_kind_again(house):
    taken(house, order(closed_at="2026-11-28 09:00:00", satisfaction="3"))
    (case,) = cases(house)

    move(house, SUPERVISOR, "reopen", case.number, remark="群众反映未办结")

    with house.database.begin() as session:
        again = session.scalars(select(DueTime).where(DueTime.stage == "handling")).one()
        assert (again.round, again.limit_text) == (2, "15 工作日")


def test_history_without_a_unit_is_not_reopened_into_nobodys_hands(house):
    taken(house, order(department="不存在的局", closed_at="2026-11-28 09:00:00", satisfaction="3"))
    (case,) = cases(house)

    with pytest.raises(Conflict, match="没有承办单位，不能重开"):
        move(house, SUPERVISOR, "reopen", case.number, remark="群众反映未办结")

    assert cases(house)[0].status is CaseStatus.CLOSED
    with house.database.begin() as session:
        assert Move.REOPEN not in possible_moves(session, case, viewer(house, SUPERVISOR))


def test_an_order_closed_at_its_source_is_history_and_disturbs_nobody(house):
    taken(house, order(closed_at="2026-11-28 09:00:00", satisfaction="1"))

    (case,) = cases(house)
    assert (case.status, case.closing_kind, case.satisfaction) == (
        CaseStatus.CLOSED, ClosingKind.ANSWERED, "satisfied",
    )  # fmt: skip
    assert case.next_action_at is None
    with house.database.begin() as session:
        assert session.scalars(select(Message)).all() == []


@pytest.mark.parametrize(
    ("wrong", "result"),
    [
        ({"order_type": "表扬"}, "set_aside"),
        ({"order_type": None}, "refused"),
        ({"closed_at": "2020-01-01 00:00:00"}, "set_aside"),
        ({"closed_at": "9999-12-31 00:00:00"}, "set_aside"),
        ({"closed_at": "\u0000x"}, "set_aside"),
        ({"dispatched_at": "昨天"}, "refused"),
    ],
)
def test_what_would_have_to_be_guessed_is_not(house, wrong, result):
    assert [one.result for one in taken(house, order(**wrong))] == [result]
    assert cases(house) == []


@pytest.mark.parametrize(
    "written",
    [
        "9999-12-31", "9999-12-31 23:59:59", "9999-12-31T15:59:59Z", "0001-01-01 00:00:00", "1900-01-01",
        "0000-00-00 00:00:00", "未办结", 253402271999,
    ],
)  # fmt: skip
def test_what_a_source_writes_for_not_closed_leaves_its_orders_open(house, written):
    """Exports of real systems fill an empty time with a day that never was; which, the source's profile says."""
    none = ("9999-12-31", "0001-01-01", "1900-01-01", "0000-00-00", "未办结", "253402271999")
    says = msgspec.structs.replace(house.profiles[SOURCE], no_time=none)
    town = replace(house, profiles=house.profiles | {SOURCE: says})
    order_of = order(dispatched_at="2026-11-27 10:00:00", closed_at=written)

    assert [one.result for one in taken(town, order_of)] == ["accepted"]
    (case,) = cases(town)
    assert (case.status, case.closed_at) == (CaseStatus.AWAITING_SIGN, None)
    assert [one.result for one in taken(town, order_of)] == ["duplicate"]


def test_without_the_setting_it_is_set_aside_and_the_reason_says_what_to_do(house):
    (told,) = taken(house, order(closed_at="9999-12-31 00:00:00"))

    assert told.result == "set_aside"
    assert "no_time" in told.reason


def test_orders_do_not_mix_with_ratings_in_any_rate(house):
    taken(house, order(closed_at="2026-11-28 09:00:00", satisfaction="3"))
    month = {"first": house.clock.now().date().replace(day=1), "last": house.clock.now().date()}

    with house.database.begin() as session:
        ratings = report_rates(session, SYSTEM, now=house.clock.now(), **month)
        orders = report_rates(
            session, SYSTEM, now=house.clock.now(), metrics=["completion_rate"], family=Family.ORDERS, **month
        )

    assert all(row.figure.denominator == 0 for row in ratings)
    assert [(row.figure.numerator, row.figure.denominator) for row in orders] == [(1, 1)]


def test_orders_do_not_stand_in_the_ledger_of_bad_ratings_which_may_be_as_long_as_it_likes(house):
    taken(house, order())
    now = house.clock.now()

    with house.database.begin() as session:
        assert ledger_cases(session, SYSTEM, now - timedelta(days=30), now + timedelta(days=1)) == []
        assert (evidence_counts(session, range(70_000)), last_submissions(session, range(70_000))) == ({}, {})


@pytest.mark.parametrize("department", ["社保局", "火星局"])
def test_an_order_that_a_leader_wrote_on_has_a_limit_of_its_own_and_his_ladder_from_the_day_it_was_dispatched(
    house, clock, department
):
    taken(house, order(order_type="领导批示", department=department))
    (case,) = cases(house)
    began = case.instructed_at

    assert began.astimezone(CHINA).isoformat() == "2026-11-27T10:00:00+08:00"
    if department == "社保局":
        assert case.due_at == today(house).due("handling_instruction", began).due_at
    (limit,) = [due for due in due_times(house, case.number) if due.stage == "instruction"]
    assert limit.due_at == today(house).due("instruction", began).due_at
    clock.moment = limit.due_at + timedelta(days=70)
    sweep(house)

    origins = {letter.origin for letter in rows(house, Letter)}
    assert f"{case.number}-r1-instruction-report" in origins
    # A letter is a unit's: while the desk has the order it waits, and the desk is told.
    assert (f"{case.number}-r1-instruction-letter" in origins) == (department == "社保局")


def test_a_closed_order_of_a_leader_is_history_and_has_his_ladder_once_it_is_reopened(house, clock):
    taken(house, order(order_type="领导批示", closed_at="2026-11-28 10:00:00"))
    (case,) = cases(house)
    assert due_times(house, case.number) == []

    move(house, SUPERVISOR, "reopen", case.number, remark="领导不满意")

    assert {due.stage for due in due_times(house, case.number)} == {"contact", "handling", "instruction"}


def test_a_leaders_order_that_came_late_is_replayed_as_it_ran(house, clock):
    taken(house, order(order_type="领导批示", dispatched_at="2026-09-01 10:00:00"))
    clock.moment += timedelta(hours=1)
    sweep(house)
    with house.database.begin() as session:
        told = simulate_rules(
            session, house.rulebooks, today(house).policy, None, first=clock.moment - timedelta(days=400),
            until=clock.moment,
        )  # fmt: skip

    assert told.replayed == told.issued == {"yellow": 1, "red": 1, "letters": 2, "reports": 0}
    assert sum(row["reminders"] for row in told.in_force.values()) == 0  # the letter alone spoke, once
