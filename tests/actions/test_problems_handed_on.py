"""B16, B22: an open problem whose owner leaves, moves or is taken out goes to others, with a record and a message."""

import pytest
from case_kit import DESK, HEAD, SUPERVISOR, messages, viewer
from contact_kit import event, pushed
from sqlalchemy import update
from test_leaving import leaves, stand_in

from reviewbot.actions.hand_on import hand_on, standing
from reviewbot.actions.work_on_problem import plan
from reviewbot.clock import CHINA
from reviewbot.errors import NotAllowed
from reviewbot.models.oversight import Problem
from reviewbot.models.people import Staff
from reviewbot.queries.directory import find_department, staff_by_userid
from reviewbot.queries.problems import handovers_of_problem, problems_without_owner

OWNER = "hongyongchun01"


@pytest.fixture
def ident(house):
    """A problem of 社保局 that OWNER answers for."""
    with house.database.begin() as session:
        problem = Problem(
            department_id=find_department(session, "SOC").id, item="失业保险金申领", reason_code="209", object="",
            opened_at=house.clock.now(), window_days=30, opened_with=3, plan_days=10, begin_within=30,
        )  # fmt: skip
        session.add(problem)
        session.flush()
        return planned(house, problem.id, session=session)


def planned(house, ident, who=HEAD, owner=OWNER, session=None):
    told = {
        "now": house.clock.now(), "owner": owner, "root_cause": "对账滞后", "measures": "每日对账",
        "measures_from": house.clock.now().astimezone(CHINA).date(),
    }  # fmt: skip
    plan(session, ident, viewer(house, who), **told)
    return ident


def owner(house, ident):
    with house.database.begin() as session:
        held = session.get_one(Problem, ident).owner_id
        return session.get_one(Staff, held).userid if held else None


def records(house, ident):
    with house.database.begin() as session:
        return [(one.why, one.actor) for one in handovers_of_problem(session, ident)]


def ownerless(house):
    with house.database.begin() as session:
        return problems_without_owner(session)


def test_the_units_head_gets_it_when_its_owner_leaves_and_everybody_concerned_is_told_once(house, ident):
    pushed(house, event("delete_user", OWNER, key="once"), event("delete_user", OWNER, at=101))

    assert owner(house, ident) == HEAD
    ((why, actor),) = records(house, ident)
    assert ("洪永纯" in why, "删除" in why, actor) == (True, True, "system")
    told = [one for one in messages(house, kind="problem") if "-named-" not in one.key]
    assert {one.userid for one in told} >= {HEAD, SUPERVISOR}
    assert all(f"共性问题 {ident}" in str(one.body) and "改由" in str(one.body) for one in told)
    assert OWNER not in {one.userid for one in told}
    assert ownerless(house) == []


def test_who_acts_for_an_absent_head_gets_it(house, ident):
    with house.database.begin() as session:
        unit = staff_by_userid(session, HEAD).department_id
        session.add(Staff(userid="dairen01", name="代任", department_id=unit, roles=["handler"]))
    stand_in(house, HEAD, "dairen01")
    leaves(house, OWNER)

    assert owner(house, ident) == "dairen01"


def test_an_owner_who_goes_to_another_unit_leaves_it_and_one_who_loses_a_role_keeps_it(house, ident):
    with house.database.begin() as session:
        staff = staff_by_userid(session, OWNER)
        before = standing(session, staff, at=house.clock.now())
        staff.roles = ["auditor"]
        hand_on(session, before, "不再任经办", at=house.clock.now())
    assert (owner(house, ident), records(house, ident)) == (OWNER, [])

    with house.database.begin() as session:
        staff = staff_by_userid(session, OWNER)
        before = standing(session, staff, at=house.clock.now())
        staff.department_id = find_department(session, "MED").id
        hand_on(session, before, "调往其他单位", at=house.clock.now())
    assert owner(house, ident) == HEAD
    assert ownerless(house) == []


def test_of_a_unit_that_has_nobody_left_the_desk_keeps_it_and_may_name_somebody(house, ident):
    with house.database.begin() as session:
        unit = find_department(session, "SOC").id
        others = update(Staff).where(Staff.department_id == unit, Staff.userid != OWNER)
        session.execute(others.values(active=False))
    leaves(house, OWNER)
    keeper = owner(house, ident)
    assert keeper == DESK
    assert ownerless(house) == []

    with house.database.begin() as session:
        session.add(Staff(userid="xinlai01", name="新来", department_id=unit, roles=["head"]))
    with house.database.begin() as session:
        planned(house, ident, keeper, "xinlai01", session)
    assert owner(house, ident) == "xinlai01"
    assert records(house, ident)[-1] == ("另定负责人", keeper)
    with house.database.begin() as session, pytest.raises(NotAllowed):  # it is his no more
        planned(house, ident, keeper, "xinlai01", session)


def test_a_closed_problem_stays_with_whoever_answered_for_it(house, clock, ident):
    with house.database.begin() as session:
        session.get_one(Problem, ident).closed_at = house.clock.now()
    leaves(house, OWNER)

    assert (owner(house, ident), records(house, ident)) == (OWNER, [])


def test_an_owner_gone_before_there_was_this_rule_is_found(house, ident):
    with house.database.begin() as session:
        staff_by_userid(session, OWNER).active = False

    assert ownerless(house) == [ident]
