"""The nightly reading: what it does by itself, what it leaves to an administrator, and what he says to it."""

from datetime import timedelta

import pytest
from case_kit import DESK, HEAD, case_of, handler_of, verifying, viewer
from contact_kit import anybody, changes, event, person, pushed
from sqlalchemy import select

from reviewbot.actions.decide_change import Word, decide_change
from reviewbot.actions.sync_directory import begin_sync, begin_tonight, sync_directory
from reviewbot.errors import Conflict, InvalidInput, NotAllowed
from reviewbot.models.contacts import DirectorySync, WeComDepartment
from reviewbot.models.people import Department, Staff
from reviewbot.queries.contacts import known_directory
from reviewbot.rules.contacts import Party
from reviewbot.rules.directory_plan import Member, Seen, likely_units
from reviewbot.rules.lifecycle import Role


def everybody(house, *without):
    with house.database.begin() as session:
        return [
            Member(one.userid, one.name, (one.department_id + 100,))
            for one in session.scalars(select(Staff).where(Staff.active).order_by(Staff.id))
            if one.userid not in without
        ]


def mapped(house):
    """Every unit has a WeCom department of its number plus a hundred."""
    with house.database.begin() as session:
        for ident in session.scalars(select(Department.id)):
            session.add(WeComDepartment(id=ident + 100, present=True, department_id=ident))


def synced(house, members, *, complete=True, share=0.2):
    seen = Seen("simplelist", complete, members)
    with house.database.begin() as session:
        begun = begin_sync(session, at=house.clock.now(), actor="system")
    with house.database.begin() as session:
        return sync_directory(session, begun, seen, leave_share=share, at=house.clock.now())


@pytest.fixture
def admin(house):
    with house.database.begin() as session:
        return session.scalar(select(Staff.userid).where(Staff.roles.contains(["admin"])))


def decided(house, admin, change, word):
    with house.database.begin() as session:
        return decide_change(session, change.id, word, viewer(house, admin), at=house.clock.now())


def waiting(house, kind):
    (found,) = changes(house, state="waiting", kind=kind)
    return found


def test_who_is_missing_in_a_complete_reading_has_left_and_his_cases_with_others(house):
    mapped(house)
    number = verifying(house)
    gone = handler_of(house, number)

    synced(house, everybody(house, gone), complete=False)
    assert person(house, gone)
    told = synced(house, everybody(house, gone))

    assert (told.done, told.waiting) == (1, 0)
    assert person(house, gone) is None
    assert handler_of(house, number) != gone


def test_half_the_city_missing_waits_and_is_undone_when_they_are_there_again(house):
    mapped(house)
    people = everybody(house)

    told = synced(house, people[: len(people) // 2])
    assert (told.done, told.waiting) == (0, len(people) - len(people) // 2)

    told = synced(house, people)
    assert (told.done, told.waiting) == (0, 0)
    assert {one.state for one in changes(house)} == {"past"}


def test_a_new_member_waits_for_his_role_and_then_may_act(house, admin):
    mapped(house)
    unit = person(house, HEAD).department_id
    synced(house, [*everybody(house), Member("Fresh", None, (unit + 100,))])
    change = waiting(house, "joined")
    assert change.facts["department_id"] == unit

    with pytest.raises(InvalidInput, match="角色"):
        decided(house, admin, change, Word(True, unit, (), "新同事"))
    with pytest.raises(InvalidInput, match="姓名"):
        decided(house, admin, change, Word(True, unit, ("handler",)))
    with pytest.raises(NotAllowed):
        decided(house, HEAD, change, Word(True, unit, ("handler",), "新同事"))
    decided(house, admin, change, Word(True, unit, ("handler",), "新同事"))

    one = person(house, "fresh")
    assert (one.name, one.department_id, one.roles, one.userid) == ("新同事", unit, ["handler"], "Fresh")
    assert synced(house, [*everybody(house)]).waiting == 0
    with pytest.raises(Conflict):
        decided(house, admin, change, Word(True, unit, ("handler",), "新同事"))
    assert changes(house, kind="joined")[0].decided_by == admin


def test_what_was_dismissed_is_not_asked_every_night(house, admin):
    mapped(house)
    unit = person(house, HEAD).department_id
    people = [*everybody(house), Member("fresh", "新同事", (unit + 100,))]
    synced(house, people)
    decided(house, admin, waiting(house, "joined"), Word(False))

    assert synced(house, people).waiting == 0


def test_another_unit_is_an_administrators_word_and_his_cases_stay_with_their_unit(house, admin):
    mapped(house)
    number = verifying(house)
    mover = person(house, handler_of(house, number))
    to = person(house, DESK).department_id
    people = [
        Member(one.userid, one.name, (to + 100,)) if one.userid == mover.userid else one
        for one in everybody(house)
    ]
    synced(house, people)
    assert handler_of(house, number) == mover.userid
    change = waiting(house, "moved")

    decided(house, admin, change, Word(True, to))

    after, case = anybody(house, mover.id), case_of(house, number)
    assert (after.department_id, after.active, after.roles) == (to, True, mover.roles)
    assert case.department_id == mover.department_id
    assert case.handler_id not in (None, mover.id)


def test_who_left_and_is_admitted_again_stays_when_old_events_come_late(house, admin):
    number = verifying(house)
    gone = handler_of(house, number)
    mapped(house)
    pushed(house, event("delete_user", gone, at=100), event("create_user", gone, at=200))
    change = waiting(house, "rejoined")
    unit = case_of(house, number).department_id

    decided(house, admin, change, Word(True, unit, ("handler",)))
    pushed(house, event("delete_user", gone, at=150))

    assert person(house, gone).active
    assert handler_of(house, number) != gone


def test_a_reading_takes_the_events_before_it_in_and_a_later_one_still_counts(house):
    number = verifying(house)
    gone = handler_of(house, number)
    pushed(house, event("delete_user", gone, at=100))
    synced(house, everybody(house))
    assert person(house, gone) is None

    pushed(house, event("update_user", HEAD, at=300, name="王则浩"), event("delete_user", HEAD, at=90))

    assert person(house, HEAD).name == "王则浩"


def test_the_night_is_read_once_and_again_an_hour_after_a_failure(house, clock):
    def begin():
        with house.database.begin() as session:
            return begin_tonight(session, at=clock.moment, hour=2)

    clock.moment = clock.moment.replace(hour=17, minute=30)  # 01:30 in China
    assert begin() is None
    clock.moment += timedelta(hours=1)
    begun = begin()
    assert begun is not None
    assert begin() is None
    clock.moment += timedelta(minutes=61)
    for way, again in (("none", True), ("simplelist", False)):
        begun = begin()
        assert begun is not None
        with house.database.begin() as session:
            sync_directory(session, begun, Seen(way, False), leave_share=0.2, at=clock.moment)
        clock.moment += timedelta(minutes=61)
        with house.database.begin() as session:
            assert (session.get_one(DirectorySync, begun.ident).way == "none") is again
    assert begin() is None
    clock.moment += timedelta(hours=24)
    assert begin() is not None


def test_a_role_is_never_taken_from_wecom(house):
    before = {one.userid: one.roles for one in _all(house)}

    synced(house, everybody(house))

    assert {one.userid: one.roles for one in _all(house)} == before
    assert Role.ADMIN.value in {role for roles in before.values() for role in roles}


def _all(house):
    with house.database.begin() as session:
        return list(session.scalars(select(Staff)))


def test_a_name_of_two_units_is_proposed_for_neither(house):
    with house.database.begin() as session:
        first, second, third = session.scalars(select(Department).order_by(Department.id).limit(3))
        second.short_name = first.short_name
        seen = Seen(
            "list", True, [], {7: Party(first.short_name), 8: Party(third.short_name), 9: Party(second.name)}
        )
        session.flush()

        assert likely_units(known_directory(session), seen) == {8: third.id, 9: second.id}
