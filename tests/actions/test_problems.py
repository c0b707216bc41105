"""举一反三: like bad reviews open one problem; words do not close it, the figure does."""

from datetime import UTC, date, datetime, timedelta

import pytest
from case_kit import HEAD, SUPERVISOR, messages, opened, viewer
from sqlalchemy import select

from reviewbot.actions.find_problems import find_problems
from reviewbot.actions.work_on_problem import close_problem, plan
from reviewbot.clock import CHINA
from reviewbot.errors import Conflict, InvalidInput, NotAllowed, NotFound
from reviewbot.models.oversight import Problem
from reviewbot.queries.problems import cases_of_problem, problems_seen_by
from reviewbot.rules.policy import ProblemRules

RULES = ProblemRules(count=3, window_days=30, recurrence_at_most=0.34)


def found(house):
    with house.database.begin() as session:
        return find_problems(session, now=house.clock.now(), rules=RULES)


def bad(house, **facts):
    at = (house.clock.now() - timedelta(hours=1)).astimezone(CHINA).isoformat()
    return opened(house, **({"reviewed_at": at, "reason_codes": ["209"], "window": "2号窗口"} | facts))


def planned(house, ident, who=HEAD, **facts):
    today = house.clock.now().astimezone(CHINA).date()
    told = {
        "owner": "hongyongchun01", "root_cause": "系统对账滞后", "measures": "每日对账", "measures_from": today,
    } | facts  # fmt: skip
    with house.database.begin() as session:
        return plan(session, ident, viewer(house, who), **told)


def closed(house, ident, who=SUPERVISOR):
    with house.database.begin() as session:
        return close_problem(session, ident, viewer(house, who), now=house.clock.now(), rules=RULES)


def test_three_alike_open_one_problem_and_a_fourth_joins_it(house):
    numbers = [bad(house) for _ in range(2)]
    assert found(house) == []
    numbers.append(bad(house))

    (ident,) = found(house)
    numbers.append(bad(house))
    assert found(house) == []

    with house.database.begin() as session:
        assert [case.number for case in cases_of_problem(session, ident)] == numbers
        assert session.get_one(Problem, ident).before_count == 3
    assert {one.userid for one in messages(house, kind="problem")} >= {HEAD, SUPERVISOR}


@pytest.mark.parametrize(
    "other",
    [{"item": "养老保险关系转移"}, {"reason_codes": ["214"]}, {"window": "3号窗口"}, {"department": "MED"}],
)
def test_what_differs_in_anything_is_not_alike(house, other):
    bad(house)
    bad(house)
    bad(house, **other)

    assert found(house) == []


def test_reviews_older_than_the_window_do_not_count(house, clock):
    bad(house)
    bad(house)
    clock.moment += timedelta(days=31)
    bad(house)

    assert found(house) == []


def test_reviews_without_a_reason_cluster_by_item_and_window(house):
    for _ in range(3):
        bad(house, reason_codes=[])

    assert len(found(house)) == 1


def test_it_closes_by_the_figure_alone(house, clock):
    for _ in range(3):
        bad(house)
    (ident,) = found(house)
    with pytest.raises(Conflict, match="满 30 天"):
        closed(house, ident)
    planned(house, ident)
    clock.moment += timedelta(days=10)
    bad(house)
    bad(house)
    with pytest.raises(Conflict, match="满 30 天"):
        closed(house, ident)
    clock.moment += timedelta(days=25)
    with pytest.raises(Conflict, match="措施后 2 件"):
        closed(house, ident)
    with pytest.raises(NotAllowed):
        closed(house, ident, HEAD)

    planned(house, ident, measures="增派人手并每日对账")
    clock.moment += timedelta(days=31)
    assert "措施后 0 件" in closed(house, ident)
    assert found(house) == []  # what closed it does not open it again
    with pytest.raises(Conflict, match="已销号"):
        closed(house, ident)


def test_a_plan_needs_a_cause_a_measure_and_somebody_of_the_unit(house):
    for _ in range(3):
        bad(house)
    (ident,) = found(house)

    for wrong in ({"root_cause": " "}, {"measures": ""}, {"owner": "张无忌"}):
        with pytest.raises(InvalidInput):
            planned(house, ident, **wrong)
    with pytest.raises(InvalidInput, match="立项之日"):
        planned(house, ident, measures_from=datetime(2026, 1, 1, tzinfo=UTC).date())
    with pytest.raises(NotFound):
        planned(house, ident, "zengjiabin01")
    with house.database.begin() as session:
        assert [one.id for one in problems_seen_by(session, viewer(house, "zengjiabin01"))] == []
        assert session.scalars(select(Problem)).one().owner_id is None


def test_measures_of_a_day_nobody_can_reckon_with_are_refused(house):
    """One planned for the year 9999 could never be looked at again."""
    for _ in range(3):
        bad(house)
    (ident,) = found(house)

    with pytest.raises(InvalidInput, match="2099"):
        planned(house, ident, measures_from=date(9999, 12, 31))
