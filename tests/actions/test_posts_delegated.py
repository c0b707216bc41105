"""R17: who stands in for a desk keeper or a supervisor has his post for those days, and every act says for whom."""

from datetime import timedelta

import pytest
from case_kit import (
    DESK,
    HEAD,
    SECOND_SUPERVISOR,
    SUPERVISOR,
    call,
    conclude,
    events,
    handler_of,
    messages,
    move,
    opened,
    verifying,
    viewer,
)
from sqlalchemy import select
from test_delegates import stand_in

from reviewbot.errors import Conflict, NotAllowed, NotFound
from reviewbot.models.people import Staff
from reviewbot.queries.cases import owed_by
from reviewbot.queries.directory import staff_by_userid
from reviewbot.rules.lifecycle import Conclusion, Role

LEADER, CLERK = "zhouzhidong01", "daiban01"


@pytest.fixture(autouse=True)
def clerk(house):
    """Somebody of the bureau without a post of his own."""
    with house.database.begin() as session:
        unit = staff_by_userid(session, SUPERVISOR).department_id
        session.add(Staff(userid=CLERK, name="代班员", department_id=unit, roles=["handler"]))


def away(house, absent):
    stand_in(house, absent, CLERK)


def last(house, number):
    return events(house, number)[-1]


def test_a_desk_keepers_delegate_is_told_and_dispatches_and_only_for_those_days(house, clock):
    away(house, DESK)
    number = opened(house, department="不存在的局", item=None)
    assert CLERK in {one.userid for one in messages(house, kind="to_dispatch")}
    assert DESK not in {one.userid for one in messages(house, kind="to_dispatch")}

    move(house, CLERK, "dispatch", number, department="SOC")
    told = last(house, number)
    assert (told.actor, told.data["in_place_of"], told.data["department"]) == (CLERK, [DESK], "SOC")

    clock.moment += timedelta(days=7)
    assert Role.DESK not in viewer(house, CLERK).roles
    other = opened(house, department="不存在的局", item=None)
    with pytest.raises(NotFound):
        move(house, CLERK, "dispatch", other, department="MED")


def test_a_supervisors_delegate_decides_more_time_and_has_it_in_his_list(house):
    number = verifying(house)
    away(house, SUPERVISOR)
    move(house, handler_of(house, number), "request_extension", number, days=2, remark="待省厅批复")
    with house.database.begin() as session:
        assert number in [one.number for one in owed_by(session, viewer(house, CLERK), house.clock.now())]

    move(house, CLERK, "agree", number)
    assert (last(house, number).move, last(house, number).data["in_place_of"]) == (
        "grant_extension",
        [SUPERVISOR],
    )


def test_a_supervisor_and_his_delegate_are_one_voice_about_an_appeal(house):
    """F13: two deciders are two posts; the delegate may speak where the absent one has not."""
    number = verifying(house)
    call(house, number)
    conclude(house, number, Conclusion.MISRATED, remark="录音中评价人说点错了")
    move(house, SUPERVISOR, "agree", number, remark="属实", no_attachment=True)
    away(house, SUPERVISOR)
    with pytest.raises(Conflict, match="您代理的人已"):
        move(house, CLERK, "agree", number, remark="属实", no_attachment=True)
    move(house, SECOND_SUPERVISOR, "agree", number, remark="属实", no_attachment=True)
    assert last(house, number).move == "uphold_appeal"


def test_nobody_decides_for_an_absent_one_what_concerns_his_own_unit(house):
    number = verifying(house)
    with house.database.begin() as session:
        head = staff_by_userid(session, HEAD)
        head.roles = [*head.roles, "supervisor"]
        deputy = session.scalars(
            select(Staff.userid).where(Staff.department_id == head.department_id, Staff.userid != HEAD)
        ).first()
    stand_in(house, HEAD, deputy)
    assert Role.SUPERVISOR in viewer(house, deputy).roles
    move(house, handler_of(house, number), "request_extension", number, days=2, remark="待省厅批复")

    with pytest.raises(NotAllowed):
        move(house, deputy, "agree", number)


def test_a_leaders_word_is_his_own(house):
    number = verifying(house)
    with house.database.begin() as session:
        unit = staff_by_userid(session, LEADER).department_id
        staff_by_userid(session, CLERK).department_id = unit
    away(house, LEADER)

    assert Role.LEADER not in viewer(house, CLERK).roles
    with pytest.raises(NotFound):
        move(house, CLERK, "instruct", number, remark="限期办结")


def test_who_has_the_post_himself_acts_for_nobody(house):
    number = verifying(house)
    stand_in(house, SUPERVISOR, SECOND_SUPERVISOR)
    move(house, handler_of(house, number), "request_extension", number, days=2, remark="待省厅批复")
    move(house, SECOND_SUPERVISOR, "agree", number)

    assert "in_place_of" not in last(house, number).data
