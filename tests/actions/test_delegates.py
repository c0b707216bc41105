"""Somebody is away or has left: the work goes on in other hands and no clock moves."""

from datetime import date, timedelta

import pytest
from case_kit import (
    HEAD,
    SECOND_SUPERVISOR,
    SUPERVISOR,
    awaiting_approval,
    case_of,
    handler_of,
    messages,
    move,
    opened,
    verifying,
    viewer,
)

from reviewbot.actions.delegate import delegate
from reviewbot.errors import Conflict, InvalidInput, NotAllowed
from reviewbot.models.people import Staff
from reviewbot.queries.cases import owed_by
from reviewbot.queries.directory import staff_by_userid
from reviewbot.queries.handovers import cases_without_holder
from reviewbot.rules.lifecycle import Conclusion

TODAY, LATER = date(2026, 11, 30), date(2026, 12, 4)


def stand_in(house, absent, to, first=TODAY, last=LATER, by=None):
    with house.database.begin() as session:
        return delegate(
            session, staff_by_userid(session, absent), staff_by_userid(session, to), first, last, "培训",
            viewer(house, by or absent), at=house.clock.now(),
        )  # fmt: skip


def others_of(house, userid, count=2):
    with house.database.begin() as session:
        unit = staff_by_userid(session, userid).department_id
        return [
            one.userid
            for one in session.query(Staff).filter_by(department_id=unit).order_by(Staff.id.desc())
            if one.userid != userid and "handler" in one.roles
        ][:count]


def owed(house, userid):
    with house.database.begin() as session:
        return [case.number for case in owed_by(session, viewer(house, userid), house.clock.now())]


def test_r17_the_delegate_hears_sees_and_does_the_work_and_the_deputys_deputy_too(house, clock):
    number = verifying(house)
    absent, before = handler_of(house, number), case_of(house, number)
    deputy, second = others_of(house, absent)

    assert "时限不变" in stand_in(house, absent, deputy)
    stand_in(house, deputy, second, by=HEAD)

    assert (owed(house, second), owed(house, deputy)) == ([number], [])
    move(house, second, "record_call", number, reached=True, remark="已致歉")
    move(house, second, "conclude", number, conclusion=Conclusion.JUSTIFIED)
    move(house, second, "submit_measures", number, remark="已改正")
    move(house, HEAD, "send_back", number, remark="请补照片")
    assert [one.userid for one in messages(house, kind="sent_back")] == [second]
    assert case_of(house, number).due_at == before.due_at
    clock.moment += timedelta(days=7)
    assert owed(house, second) == []
    assert number in owed(house, absent)


def test_a_new_case_is_not_given_to_somebody_who_is_away(house):
    first = handler_of(house, opened(house))
    (deputy,) = others_of(house, first, 1)
    for userid in others_of(house, first, 20):
        if userid != deputy:
            stand_in(house, userid, deputy, by=HEAD)
    stand_in(house, first, deputy, by=HEAD)

    assert handler_of(house, opened(house)) == deputy


def test_a_circle_is_refused_on_any_day_it_would_close(house):
    absent = handler_of(house, opened(house))
    deputy, second = others_of(house, absent)
    stand_in(house, deputy, second, date(2026, 12, 2), LATER, by=HEAD)
    stand_in(house, second, absent, date(2026, 12, 3), LATER, by=HEAD)

    with pytest.raises(Conflict, match="2026-12-03"):
        stand_in(house, absent, deputy)
    stand_in(house, absent, deputy, last=date(2026, 12, 2))


def test_a_circle_that_closes_when_a_later_word_ends_is_refused_too(house):
    absent = handler_of(house, opened(house))
    deputy, other = others_of(house, absent)
    stand_in(house, deputy, absent, date(2026, 12, 1), date(2026, 12, 31), by=HEAD)
    stand_in(house, deputy, other, date(2026, 12, 5), date(2026, 12, 10), by=HEAD)

    with pytest.raises(Conflict, match="2026-12-11"):
        stand_in(house, absent, deputy, date(2026, 12, 6), date(2026, 12, 20))
    stand_in(house, absent, deputy, date(2026, 12, 6), date(2026, 12, 10))


def test_what_makes_no_sense_is_refused(house):
    absent = handler_of(house, opened(house))
    deputy, second = others_of(house, absent)

    with pytest.raises(InvalidInput, match="起止日期"):
        stand_in(house, absent, deputy, LATER, TODAY)
    with pytest.raises(InvalidInput, match="同一单位"):
        stand_in(house, absent, "chenwei01")
    with pytest.raises(NotAllowed):
        stand_in(house, absent, deputy, by=second)


def test_an_absent_heads_delegate_approves_in_his_place_but_nothing_of_his_own(house, clock):
    """R17, F17: whom the head named himself, for as long as he is away."""
    first, second = awaiting_approval(house), verifying(house)
    deputy = handler_of(house, second)
    assert deputy != handler_of(house, first)
    stand_in(house, HEAD, deputy)
    move(house, deputy, "record_call", second, reached=True, remark="已致歉")
    move(house, deputy, "conclude", second, conclusion=Conclusion.JUSTIFIED)
    move(house, deputy, "submit_measures", second, remark="已改正")
    other = awaiting_approval(house, handled_by=None)

    asked = {one.case_id: set() for one in messages(house, kind="to_approve")}
    for one in messages(house, kind="to_approve"):
        asked[one.case_id].add(one.userid)
    assert asked[case_of(house, first).id] == {HEAD}  # he was still there
    assert asked[case_of(house, second).id] == {SUPERVISOR, SECOND_SUPERVISOR}
    assert handler_of(house, other) != deputy
    assert asked[case_of(house, other).id] == {deputy}
    assert {first, other} <= set(owed(house, deputy))
    assert second not in owed(house, deputy)
    with pytest.raises(NotAllowed, match="另一人"):
        move(house, deputy, "approve", second, no_attachment=True)
    move(house, deputy, "approve", other, no_attachment=True)
    clock.moment += timedelta(days=7)
    with pytest.raises(NotAllowed):
        move(house, deputy, "approve", first, no_attachment=True)


def test_the_query_finds_a_case_that_nobody_holds(house):
    number = opened(house)
    with house.database.begin() as session:
        assert cases_without_holder(session) == []
        for person in session.query(Staff).filter_by(department_id=case_of(house, number).department_id):
            person.active = False

    with house.database.begin() as session:
        assert cases_without_holder(session) == [number]
