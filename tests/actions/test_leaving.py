"""W25: whoever leaves leaves no case behind; others hold it, no clock moves, nobody is told twice."""

from datetime import date, timedelta

import pytest
from case_kit import (
    DESK,
    HEAD,
    SUPERVISOR,
    call,
    case_of,
    conclude,
    events,
    handler_of,
    messages,
    move,
    opened,
    opened_all,
    record,
    verifying,
    viewer,
)
from contact_kit import anybody, changes, event, person, pushed, unit_people
from ladder_kit import rows

from reviewbot.actions.delegate import delegate
from reviewbot.actions.let_go import let_go
from reviewbot.errors import InvalidInput, NotAllowed, NotFound
from reviewbot.models.people import Delegation, Duty, Staff
from reviewbot.models.procedure import Assistance
from reviewbot.queries.delegates import stands_in
from reviewbot.queries.directory import choose_from, staff_by_userid
from reviewbot.queries.handovers import cases_without_holder
from reviewbot.rules.contacts import Left
from reviewbot.rules.delegation import acting
from reviewbot.rules.lifecycle import CaseStatus

TODAY, LATER = date(2026, 11, 30), date(2026, 12, 4)


def leaves(house, userid, how=Left.DELETED):
    with house.database.begin() as session:
        return let_go(session, staff_by_userid(session, userid), how, at=house.clock.now())


def holderless(house):
    with house.database.begin() as session:
        return cases_without_holder(session)


def stand_in(house, absent, to):
    with house.database.begin() as session:
        delegate(
            session, staff_by_userid(session, absent), staff_by_userid(session, to), TODAY, LATER, "培训",
            viewer(house, HEAD), at=house.clock.now(),
        )  # fmt: skip


def colleagues(house, userid):
    return [one for one in unit_people(house, "社保局") if one not in (userid, HEAD)]


def test_deleted_in_wecom_his_cases_go_to_others_of_the_unit_and_no_clock_moves(house):
    number = verifying(house)
    before = case_of(house, number)
    gone = handler_of(house, number)

    pushed(house, event("delete_user", gone.upper()))

    after = case_of(house, number)
    assert after.handler_id not in (None, before.handler_id)
    assert (after.due_at, after.contact_due_at, after.status) == (
        before.due_at, before.contact_due_at, before.status,
    )  # fmt: skip
    last = events(house, number)[-1]
    assert (last.move, last.data["from"], last.data["to"]) == ("hand_over", gone, handler_of(house, number))
    assert "删除" in last.remark
    assert holderless(house) == []
    assert [(one.kind, one.subject, one.state) for one in changes(house)] == [("left", gone.lower(), "done")]


@pytest.mark.parametrize("told", ["unsubscribe", "delete_user"])
def test_each_way_of_going_and_its_repeat_moves_a_case_once(house, told):
    number = verifying(house)
    gone = handler_of(house, number)
    count = len(events(house, number))

    pushed(house, event(told, gone, key="once"), event(told, gone, key="once"), event(told, gone, at=101))

    assert len(events(house, number)) == count + 1


def test_the_delegate_comes_before_the_units_rule(house):
    number = verifying(house)
    gone = handler_of(house, number)
    last = colleagues(house, gone)[-1]
    stand_in(house, gone, last)

    leaves(house, gone)

    assert handler_of(house, number) == last


def test_then_the_duty_roster(house):
    number = verifying(house)
    gone = handler_of(house, number)
    on_duty = colleagues(house, gone)[-1]
    with house.database.begin() as session:
        one = staff_by_userid(session, on_duty)
        session.add(Duty(department_id=one.department_id, staff_id=one.id, date_from=TODAY, date_to=LATER))

    leaves(house, gone)

    assert handler_of(house, number) == on_duty


def test_never_the_person_rated_though_he_is_the_delegate(house):
    people = unit_people(house, "社保局")
    rated = person(house, [one for one in people if one != HEAD][-1])
    number = verifying(house, handled_by=rated.name)
    gone = handler_of(house, number)
    stand_in(house, gone, rated.userid)

    leaves(house, gone)

    assert handler_of(house, number) not in (gone, rated.userid)


def test_the_last_handler_leaves_the_head_and_the_last_head_leaves_the_desk(house):
    number = verifying(house)
    due = case_of(house, number).due_at
    for userid in unit_people(house, "社保局"):
        if userid != HEAD:
            leaves(house, userid)
    assert handler_of(house, number) == HEAD
    assert holderless(house) == []

    leaves(house, HEAD)

    with house.database.begin() as session:
        assert "desk" in session.get_one(Staff, case_of(house, number).handler_id).roles
    assert holderless(house) == []
    assert case_of(house, number).due_at == due
    told = messages(house, kind="taken_over")[-1]
    assert "社保局已没有可接办的人员" in told.body["content"]


def test_the_desk_hands_on_what_it_keeps_for_a_unit_and_nothing_else(house):
    kept, running = verifying(house), verifying(house, department="MED", item="参保登记")
    due = case_of(house, kept).due_at
    with house.database.begin() as session:
        unit = staff_by_userid(session, HEAD).department_id
    for userid in [*colleagues(house, ""), HEAD]:
        leaves(house, userid)
    keeper = handler_of(house, kept)
    with house.database.begin() as session:
        session.add(
            Staff(userid="newcomer01", name="新来人", department_id=unit, roles=["handler"], active=True)
        )
    with pytest.raises(NotAllowed, match="须由该单位的经办、单位负责人，或督办办理"):
        move(house, DESK, "hand_over", running, person=handler_of(house, running))
    with pytest.raises(InvalidInput, match="承办单位没有"):
        move(house, keeper, "hand_over", kept, person=keeper)

    moved = move(house, keeper, "hand_over", kept, person="新来人", remark="单位已补充人员")

    assert moved.sentence == f"工单 {kept} 已移交，现为「回访核实」（由新来人经办，时限不变）。"
    assert (handler_of(house, kept), case_of(house, kept).due_at) == ("newcomer01", due)
    assert "newcomer01" in {one.userid for one in messages(house, kind="handed_over")}
    with pytest.raises(NotAllowed):
        move(house, keeper, "hand_over", kept, person="新来人")


def test_a_unit_that_is_gone_for_good_is_no_dead_end(house, clock):
    """Sent back by its keeper and dispatched anew while nothing is found out; later carried to its end by him."""
    early, late = verifying(house), verifying(house)
    call(house, late)
    conclude(house, late)
    for userid in [*colleagues(house, ""), HEAD]:
        leaves(house, userid)
    clock.moment += timedelta(days=9)  # a unit's own window has long passed
    keeper = handler_of(house, early)
    other = next(one for one in (DESK, SUPERVISOR) if one != keeper)
    with pytest.raises((NotAllowed, NotFound)):
        move(house, other, "submit_measures", late, remark="代办")

    move(house, keeper, "return", early, remark="社保局已撤销，职责划入医保分局")
    move(house, DESK, "dispatch", early, department="MED", remark="职责已划转")
    move(house, handler_of(house, late), "submit_measures", late, remark="已协调办理")
    move(house, SUPERVISOR, "approve", late, no_attachment=True)
    move(house, handler_of(house, late), "record_feedback", late, channel="电话", remark="已告知")

    assert case_of(house, early).status is CaseStatus.AWAITING_SIGN
    assert case_of(house, late).status is CaseStatus.CLOSED


def test_the_new_holder_and_the_supervisors_are_told_once_for_all_cases(house):
    numbers = opened_all(house, [record() for _ in range(40)])
    gone = handler_of(house, numbers[0])
    mine = [number for number in numbers if handler_of(house, number) == gone]
    assert len(mine) > 1
    (heir,) = colleagues(house, gone)[:1]
    for other in colleagues(house, gone)[1:]:
        leaves(house, other)
    before = len(messages(house, userid=heir, kind="taken_over"))

    moved = leaves(house, gone)

    told = messages(house, userid=heir, kind="taken_over")[before:]
    assert len(told) == 1
    assert f"{len(moved)} 件" in told[0].body["content"]
    assert len(told[0].body["content"].encode()) < 2048
    seen = [one for one in messages(house, kind="given_away", userid=SUPERVISOR)][-1]
    assert mine[0] in seen.body["content"]


def test_what_still_waited_for_him_is_not_sent(house):
    number = opened(house)
    gone = handler_of(house, number)

    leaves(house, gone)

    assert {one.state for one in messages(house, userid=gone)} == {"suppressed"}


def test_whoever_had_named_him_as_delegate_gets_another(house):
    number = verifying(house)
    absent = handler_of(house, number)
    deputy = colleagues(house, absent)[0]
    stand_in(house, absent, deputy)

    leaves(house, deputy)

    with house.database.begin() as session:
        acting = stands_in(session, TODAY)[staff_by_userid(session, absent).id]
        other = session.get_one(Staff, acting)
        assert other.active
        assert other.userid not in (absent, deputy)
        assert session.query(Delegation).one().date_to == LATER


def test_the_new_delegate_brings_the_work_back_on_no_day_of_the_leave(house):
    """R17: whoever is chosen has himself named the absent one for a later week."""
    number = verifying(house)
    absent = handler_of(house, number)
    deputy, *others = colleagues(house, absent)
    stand_in(house, absent, deputy)
    with house.database.begin() as session:
        member = staff_by_userid(session, absent)
        others_turn = choose_from(
            session,
            member.department_id,
            house.clock.now(),
            rated=None,
            without={member.id, staff_by_userid(session, deputy).id},
        )
        session.add(
            Delegation(
                staff_id=others_turn.id, delegate_id=member.id, date_from=date(2026, 12, 3), date_to=LATER,
                reason="培训", made_by=HEAD, made_at=house.clock.now(),
            )
        )  # fmt: skip

    leaves(house, deputy)

    with house.database.begin() as session:
        for day in (TODAY, date(2026, 12, 3), LATER):
            away = stands_in(session, day)
            assert acting(member.id, away) not in (member.id, others_turn.id)
            assert session.get_one(Staff, acting(member.id, away)).active
    assert others


def test_the_delegate_of_somebody_who_leaves_acts_on_for_those_who_had_named_him(house):
    number = verifying(house)
    absent = handler_of(house, number)
    deputy, second = colleagues(house, absent)[:2]
    stand_in(house, absent, deputy)
    stand_in(house, deputy, second)

    leaves(house, deputy)

    with house.database.begin() as session:
        ident = staff_by_userid(session, absent).id
        assert acting(ident, stands_in(session, LATER)) == staff_by_userid(session, second).id
        assert [one.delegate_id for one in session.query(Delegation).filter_by(staff_id=ident)] == [
            staff_by_userid(session, second).id
        ]


def test_a_sub_task_goes_on_to_somebody_who_is_told_and_is_not_the_rated(house):
    helpers = [one for one in unit_people(house, "税务局") if "head" not in person(house, one).roles]
    rated = person(house, helpers[0])
    number = verifying(house, handled_by=rated.name)
    move(house, DESK, "ask_assistance", number, department="税务局", remark="请提供缴费记录")
    (task,) = rows(house, Assistance)
    gone = anybody(house, task.handler_id)
    with house.database.begin() as session:  # whose turn it is were it not about him
        next_ = choose_from(session, task.department_id, house.clock.now(), rated=gone.name)
        assert next_.id == rated.id

    leaves(house, gone.userid)

    (task,) = rows(house, Assistance)
    heir = anybody(house, task.handler_id)
    assert heir.userid in helpers
    assert heir.id not in (gone.id, next_.id)
    told = messages(house, kind="assist", userid=heir.userid)
    assert [one.body["note"] for one in told] == ["请提供缴费记录"]


def test_who_comes_back_gets_nothing_back_and_waits_for_an_administrator(house):
    number = verifying(house)
    gone = handler_of(house, number)
    pushed(house, event("delete_user", gone, at=100))
    heir = handler_of(house, number)

    pushed(house, event("create_user", gone, at=200))

    assert person(house, gone) is None
    assert [(one.kind, one.state) for one in changes(house, kind="rejoined")] == [("rejoined", "waiting")]
    assert handler_of(house, number) == heir


def test_a_case_at_the_desk_is_not_touched(house):
    number = opened(house)
    gone = handler_of(house, number)
    move(house, gone, "return", number, remark="应由医保分局办理")
    count = len(events(house, number))

    leaves(house, gone)

    assert len(events(house, number)) == count
    assert holderless(house) == []


def test_a_leaver_taken_for_gone_because_news_crossed_is_back_without_his_cases(house):
    """delete(a) of another person came before the renaming that had freed the name."""
    number = verifying(house)
    mine = person(house, handler_of(house, number))
    pushed(house, event("delete_user", mine.userid, at=300))
    heir = handler_of(house, number)

    pushed(house, event("update_user", mine.userid, at=200, new_userid="renamed01"))

    after = anybody(house, mine.id)
    assert (after.userid, after.active) == ("renamed01", True)
    assert handler_of(house, number) == heir
    assert DESK
