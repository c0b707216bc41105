"""举一反三: like bad reviews open one problem; words do not close it, the figure does."""

from datetime import UTC, date, datetime, timedelta

import pytest
from case_kit import HEAD, SUPERVISOR, messages, opened, viewer
from rules_kit import today
from sqlalchemy import select

from reviewbot.actions.find_problems import find_problems
from reviewbot.actions.tell_morning import tell_morning
from reviewbot.actions.work_on_problem import close_problem, plan
from reviewbot.clock import CHINA
from reviewbot.errors import Conflict, InvalidInput, NotAllowed, NotFound
from reviewbot.models.oversight import Problem
from reviewbot.models.people import Item
from reviewbot.queries.problems import attempts_at, cases_of_problem, problems_seen_by


def found(house):
    with house.database.begin() as session:
        return find_problems(session, now=house.clock.now(), rulebook=house.today(session))


def bad(house, **facts):
    at = (house.clock.now() - timedelta(hours=1)).astimezone(CHINA).isoformat()
    return opened(house, **({"reviewed_at": at, "reason_codes": ["209"], "window": "2号窗口"} | facts))


def planned(house, ident, who=HEAD, **facts):
    today = house.clock.now().astimezone(CHINA).date()
    told = {
        "owner": "hongyongchun01", "root_cause": "系统对账滞后", "measures": "每日对账", "measures_from": today,
    } | facts  # fmt: skip
    with house.database.begin() as session:
        return plan(session, ident, viewer(house, who), now=house.clock.now(), **told)


def closed(house, ident, who=SUPERVISOR):
    with house.database.begin() as session:
        rules = house.today(session).policy.problems
        return close_problem(session, ident, viewer(house, who), now=house.clock.now(), rules=rules)


def test_three_alike_open_one_problem_and_a_fourth_joins_it(house):
    numbers = [bad(house) for _ in range(2)]
    assert found(house) == []
    numbers.append(bad(house))

    (ident,) = found(house)
    numbers.append(bad(house))
    assert found(house) == []

    with house.database.begin() as session:
        problem = session.get_one(Problem, ident)
        found_cases = cases_of_problem(session, problem, house.clock.now())
        assert [case.number for case, _, _ in found_cases] == numbers
        assert problem.opened_with == 3
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
    assert closed(house, ident).endswith(
        "措施前 2 件，措施后 0 件。此前的措施前 30 天 3 件，措施后 30 天 2 件。"
    )
    assert found(house) == []  # what closed it does not open it again
    with pytest.raises(Conflict, match="已销号"):
        closed(house, ident)


def kept(house, ident):
    with house.database.begin() as session:
        return [(one.measures, one.after_count, one.days) for one in attempts_at(session, ident)]


def test_measures_under_way_are_not_rewritten_and_only_a_supervisor_breaks_them_off(house, clock):
    for _ in range(3):
        bad(house)
    (ident,) = found(house)
    planned(house, ident, measures="张贴告示")
    planned(house, ident)  # a slip, mended on the first day
    clock.moment += timedelta(days=10, hours=1)
    bad(house)

    with pytest.raises(NotAllowed, match="满 30 天前另换措施由督办决定"):
        planned(house, ident, measures="增派人手")
    assert kept(house, ident) == []
    began = clock.moment.astimezone(CHINA).date() - timedelta(days=10)
    planned(house, ident, owner="chenwei02", measures_from=began)  # another owner of the same measures
    with pytest.raises(InvalidInput, match="不能早于今天"):
        planned(house, ident, SUPERVISOR, measures="增派人手", measures_from=began)
    planned(house, ident, SUPERVISOR, measures="增派人手")

    assert kept(house, ident) == [("每日对账", 1, 10)]
    clock.moment += timedelta(days=29)
    with pytest.raises(Conflict, match="满 30 天"):
        closed(house, ident)


def test_a_second_bad_rating_of_the_same_service_is_no_second_event(house):
    for _ in range(2):
        bad(house)
    facts = {"external_id": "TWICE", "reason_codes": ["209"], "window": "9号窗口"}
    bad(house, **facts)
    bad(house, **facts, round=2)
    bad(house, window="9号窗口")

    assert found(house) == []


def test_an_item_told_by_its_code_alone_is_the_item_of_that_code(house):
    with house.database.begin() as session:
        session.scalars(select(Item).where(Item.name == "失业保险金申领")).one().code = "440100-7"
    bad(house, item="失业保险金申领")
    bad(house, item=None, item_code="440100-7")
    bad(house, item="", item_code="440100-7")
    for _ in range(3):
        bad(house, item=None, item_code="UNKNOWN-1", reason_codes=["214"])

    first, second = found(house)
    with house.database.begin() as session:
        assert {session.get_one(Problem, one).item for one in (first, second)} == {
            "失业保险金申领",
            "UNKNOWN-1",
        }


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


def test_whoever_is_named_as_owner_is_told_once_and_writes_like_the_head(house):
    for _ in range(3):
        bad(house)
    (ident,) = found(house)
    owner = "hongyongchun01"
    with pytest.raises(NotAllowed):
        planned(house, ident, who=owner)
    planned(house, ident)
    planned(house, ident, measures="每日对账、每周核查")

    (told,) = messages(house, kind="problem", userid=owner)
    assert (told.body["title"], told.body["link"]) == (f"共性问题 {ident} 由您负责", f"/problems/{ident}")
    planned(house, ident, who=owner, root_cause="接口每晚只对账一次")
    with house.database.begin() as session:
        assert session.get_one(Problem, ident).root_cause == "接口每晚只对账一次"
    assert len(messages(house, kind="problem", userid=owner)) == 1


def test_an_owner_named_again_after_another_is_told_again(house):
    for _ in range(3):
        bad(house)
    (ident,) = found(house)
    for owner in ("hongyongchun01", HEAD, "hongyongchun01"):
        planned(house, ident, owner=owner)

    assert len(messages(house, kind="problem", userid="hongyongchun01")) == 2
    with pytest.raises(NotAllowed):
        planned(house, ident, who="sunjingkun01")


def test_the_morning_tells_the_head_of_a_problem_without_a_cause(house):
    for _ in range(3):
        bad(house)
    (ident,) = found(house)
    house.clock.moment += timedelta(days=1)
    told = f"共性问题待查明原因 1（最早11-30 起，已 1 天）：{ident}（失业保险金申领）"
    with house.database.begin() as session:
        tell_morning(session, now=house.clock.now(), rulebook=today(house))
    morning = {one.userid: one.body["content"] for one in messages(house, kind="morning")}
    assert told in morning[HEAD]
    assert not any("共性问题" in words for userid, words in morning.items() if userid != HEAD)
