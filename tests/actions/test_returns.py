"""Not ours: returns, what the desk makes of them, and rulings (F14)."""

from datetime import timedelta

import pytest
from case_kit import (
    DESK,
    SECOND_SUPERVISOR,
    SUPERVISOR,
    case_of,
    due_times,
    events,
    handler_of,
    messages,
    move,
    opened,
)
from sqlalchemy import select

from reviewbot.errors import Conflict, InvalidInput, NotAllowed
from reviewbot.models.people import Department, RoutingException
from reviewbot.rules.lifecycle import CaseStatus, IllegalMove


def unit_of(house, number):
    with house.database.begin() as session:
        return session.get_one(Department, case_of(house, number).department_id).code


def test_a_return_names_the_better_unit_and_the_desk_hears_it(house):
    number = opened(house)

    said = move(
        house, handler_of(house, number), "return", number, remark="应由医保分局办理，见权责清单"
    ).sentence

    assert "建议改派医保分局" in said
    assert events(house, number)[-1].data["better"] == "MED"
    assert all("建议改派医保分局" in one.body["note"] for one in messages(house, kind="returned"))


def test_two_units_named_are_no_answer_and_an_unknown_one_is_refused(house):
    number = opened(house)
    handler = handler_of(house, number)

    with pytest.raises(InvalidInput, match="没有单位"):
        move(house, handler, "return", number, remark="不是我们的", department="水产局")
    move(house, handler, "return", number, remark="不是医保分局就是税务局的")

    assert events(house, number)[-1].data["better"] is None


def test_the_window_to_return_closes_and_the_case_stays(house, clock):
    number = opened(house)
    clock.moment += timedelta(days=2)

    with pytest.raises(Conflict, match="退回期限已过"):
        move(house, handler_of(house, number), "return", number, remark="应由医保分局办理")
    assert case_of(house, number).status is CaseStatus.AWAITING_SIGN


def test_the_desk_refuses_a_return_and_the_same_unit_goes_on_with_the_same_clock(house, clock):
    number = opened(house)
    before = case_of(house, number)
    move(house, handler_of(house, number), "return", number, remark="应由医保分局办理")
    clock.moment += timedelta(hours=1)

    with pytest.raises(NotAllowed):
        move(house, SUPERVISOR, "refuse_return", number, remark="在贵局权责清单内")
    move(house, DESK, "refuse_return", number, remark="在贵局权责清单内")

    after = case_of(house, number)
    assert (after.department_id, after.due_at, after.status) == (
        before.department_id, before.due_at, CaseStatus.AWAITING_SIGN,
    )  # fmt: skip
    assert events(house, number)[-1].move == "refuse_return"


def test_the_desk_does_not_send_a_return_back_without_a_reason(house):
    number = opened(house)
    move(house, handler_of(house, number), "return", number, remark="应由医保分局办理")

    with pytest.raises(Conflict, match="驳回退回并写明理由") as refused:
        move(house, DESK, "dispatch", number, department="SOC")
    assert refused.value.typed == f"驳回 {number} 理由"
    move(house, DESK, "refuse_return", number, remark="三定方案第三条属社保")
    assert unit_of(house, number) == "SOC"


def test_a_refusal_tells_people_of_the_unit_from_those_of_the_city(house):
    number = opened(house)
    move(house, handler_of(house, number), "return", number, remark="应由医保分局办理")
    move(house, DESK, "convene", number, remark="两家各执一词")

    with pytest.raises(NotAllowed, match="须由督办、领导办理"):
        move(house, DESK, "rule", number, department="SOC", remark="照旧")
    other = opened(house)
    with pytest.raises(NotAllowed, match="须由该单位的经办、单位负责人办理"):
        move(house, SUPERVISOR, "sign", other)


def test_only_a_returned_case_can_be_refused(house):
    number = opened(house, department=None, item=None)

    with pytest.raises(Conflict, match="不是退回的工单"):
        move(house, DESK, "refuse_return", number, remark="请办理")


def returned_twice(house):
    number = opened(house)
    move(house, handler_of(house, number), "return", number, remark="应由医保分局办理")
    move(house, DESK, "dispatch", number, department="MED")
    move(house, handler_of(house, number), "return", number, remark="应由社保局办理")
    return number


def test_the_second_return_is_ruled_upon_and_the_ruling_is_final(house):
    number = returned_twice(house)
    before = case_of(house, number)
    assert before.status is CaseStatus.IN_ARBITRATION
    assert {one.userid for one in messages(house, kind="to_rule")} == {SUPERVISOR, SECOND_SUPERVISOR}

    with pytest.raises(IllegalMove):
        move(house, DESK, "dispatch", number, department="SOC")
    with pytest.raises(InvalidInput, match="理由"):
        move(house, SUPERVISOR, "rule", number, department="SOC")
    move(house, SUPERVISOR, "rule", number, department="SOC", remark="属参保登记事项")

    after = case_of(house, number)
    assert (unit_of(house, number), after.status, after.due_at) == (
        "SOC", CaseStatus.AWAITING_SIGN, before.due_at,
    )  # fmt: skip
    with pytest.raises(Conflict, match="会商裁定"):
        move(house, handler_of(house, number), "return", number, remark="应由医保分局办理")
    stays = {due.stage: due.met_at is not None for due in due_times(house, number)}
    assert stays["arbitration_2"]


def test_a_ruling_made_a_rule_routes_the_next_review_of_the_item(house):
    number = returned_twice(house)
    move(house, SUPERVISOR, "rule", number, department="TAX", remark="征缴由税务负责", as_rule=True)

    following = opened(house)

    assert unit_of(house, following) == "TAX"
    assert "会商裁定" in case_of(house, following).route_reason
    with house.database.begin() as session:
        assert session.scalars(select(RoutingException)).one().value == "失业保险金申领"


def test_without_being_made_a_rule_a_ruling_is_for_this_case_alone(house):
    number = returned_twice(house)
    move(house, SUPERVISOR, "rule", number, department="TAX", remark="征缴由税务负责")

    assert unit_of(house, opened(house)) == "SOC"


# Joint work (F15)
