"""B16: like reviews before the measures against as many days from then on, and nobody parks a problem for ever."""

from datetime import date, datetime, timedelta

import pytest
from case_kit import HEAD, SUPERVISOR, case_of, messages
from sqlalchemy import update
from test_problems import bad, closed, found, planned

from reviewbot.actions.find_problems import remind_of_plans
from reviewbot.actions.work_on_problem import recurrence
from reviewbot.clock import CHINA
from reviewbot.errors import Conflict, InvalidInput
from reviewbot.models.case import Case
from reviewbot.models.oversight import Problem
from reviewbot.queries.directory import find_department
from reviewbot.queries.problems import attempts_at, cases_of_problem


@pytest.fixture(autouse=True)
def monday(clock):
    clock.moment = datetime(2026, 11, 30, 9, 0, tzinfo=CHINA)


@pytest.fixture
def ident(house):
    """A problem opened by three on a Monday."""
    for _ in range(3):
        bad(house)
    (opened,) = found(house)
    return opened


def figure(house, ident):
    with house.database.begin() as session:
        return recurrence(session, session.get_one(Problem, ident), house.clock.now())


def listed(house, ident):
    with house.database.begin() as session:
        rows = cases_of_problem(session, session.get_one(Problem, ident), house.clock.now())
        return [(case.number, counts) for case, _, counts in rows]


def reminded(house):
    with house.database.begin() as session:
        return remind_of_plans(session, now=house.clock.now(), rulebook=house.today(session))


def test_what_comes_between_opening_and_measures_is_before_them(house, clock, ident):
    clock.moment += timedelta(hours=4)
    for _ in range(6):
        bad(house)
    planned(house, ident, measures_from=date(2026, 12, 8))
    assert figure(house, ident) == (9, None)
    assert len(listed(house, ident)) == 9

    clock.moment = datetime(2026, 12, 20, 9, 0, tzinfo=CHINA)
    for _ in range(4):
        bad(house)
    clock.moment = datetime(2027, 1, 7, 9, 0, tzinfo=CHINA)
    with pytest.raises(Conflict, match="措施前 9 件、措施后 4 件"):
        closed(house, ident)


def test_what_is_older_than_the_days_before_the_measures_does_not_help_to_close_it(house, clock, ident):
    """Three opened it, none of them in the thirty days before measures that begin late; one comes after."""
    clock.moment += timedelta(days=31)
    bad(house)
    clock.moment += timedelta(days=1)
    planned(house, ident)
    clock.moment += timedelta(days=1)
    bad(house)
    clock.moment += timedelta(days=31)

    assert figure(house, ident) == (1, 1)
    with pytest.raises(Conflict, match="措施前 1 件、措施后 1 件"):
        closed(house, ident)


def test_a_single_like_review_joins_an_open_problem_and_stays_in_it_when_it_is_closed(house, clock, ident):
    planned(house, ident)
    clock.moment += timedelta(days=40)
    late = bad(house)
    assert len(listed(house, ident)) == 4
    assert found(house) == []
    closed(house, ident)

    assert (late, True) in listed(house, ident)
    bad(house)
    found(house)
    assert len(listed(house, ident)) == 4
    assert figure(house, ident) == (3, 0)


def test_one_that_goes_to_another_unit_stays_in_the_list_and_counts_on_neither_side(house, ident):
    number = bad(house)
    found(house)
    with house.database.begin() as session:
        elsewhere = find_department(session, "MED").id
        session.execute(
            update(Case).where(Case.id == case_of(house, number).id).values(department_id=elsewhere)
        )

    assert (number, False) in listed(house, ident)
    assert figure(house, ident) == (3, None)


def test_each_attempt_keeps_its_own_before_and_after_over_as_many_days(house, clock, ident):
    planned(house, ident)
    clock.moment += timedelta(days=10)
    bad(house)
    bad(house)
    clock.moment += timedelta(days=1)
    planned(house, ident, SUPERVISOR, measures="增派人手")
    bad(house)  # an hour ago: against the measures that gave way, not against these

    with house.database.begin() as session:
        (kept,) = attempts_at(session, ident)
        assert (kept.before_count, kept.after_count, kept.days) == (3, 2, 11)
    assert figure(house, ident) == (6, None)
    clock.moment += timedelta(days=31)
    assert figure(house, ident) == (6, 0)
    told = closed(house, ident)
    assert told.endswith("措施前 6 件，措施后 0 件。此前的措施前 11 天 3 件，措施后 11 天 2 件。")


def test_measures_begin_within_the_days_of_the_policy_however_often_they_are_put_off(house, clock, ident):
    with pytest.raises(InvalidInput, match="最迟须自 2026-12-30 起"):
        planned(house, ident, measures_from=date(2099, 12, 31))
    planned(house, ident, measures_from=date(2026, 12, 30))
    clock.moment += timedelta(days=20)
    with pytest.raises(InvalidInput, match="最迟须自 2026-12-30 起"):
        planned(house, ident, measures_from=date(2026, 12, 31))

    clock.moment = datetime(2027, 1, 4, 9, 0, tzinfo=CHINA)
    planned(house, ident, SUPERVISOR, measures="增派人手", measures_from=date(2027, 2, 3))
    with pytest.raises(InvalidInput, match="最迟须自 2027-02-03 起"):
        planned(house, ident, measures="增派人手", measures_from=date(2027, 2, 4))


def test_a_plan_that_is_late_begins_at_once(house, clock, ident):
    clock.moment = datetime(2027, 1, 11, 9, 0, tzinfo=CHINA)
    with pytest.raises(InvalidInput, match="最迟须自 2027-01-11 起"):
        planned(house, ident, measures_from=date(2027, 1, 12))
    planned(house, ident, measures_from=date(2027, 1, 11))


def test_who_owes_the_plan_and_the_supervisors_are_reminded_once_when_the_office_opens(house, clock, ident):
    clock.moment = datetime(2026, 12, 14, 17, 29, tzinfo=CHINA)
    assert reminded(house) == 0
    clock.moment += timedelta(minutes=2)  # ten working days are over, and so is this one
    assert (reminded(house), reminded(house)) == (1, 0)

    told = [one for one in messages(house, kind="problem") if "超期" in str(one.body)]
    opened_to = {one.userid for one in messages(house, kind="problem")}
    assert {one.userid for one in told} == opened_to >= {HEAD, SUPERVISOR}
    assert {one.held_until for one in told} == {datetime(2026, 12, 15, 8, 30, tzinfo=CHINA)}
    clock.moment += timedelta(days=30)
    assert reminded(house) == 0


def test_nobody_is_reminded_of_a_plan_that_was_written_in_time(house, clock, ident):
    planned(house, ident, measures_from=date(2026, 12, 30))
    for day in (15, 29, 31):
        clock.moment = datetime(2026, 12, day, 9, 0, tzinfo=CHINA)
        assert reminded(house) == 0
