"""Pushed changes of the address book end in the same directory in whatever order and however often they come."""

import random
from concurrent.futures import ThreadPoolExecutor

import pytest
from case_kit import HEAD, call, case_of, handler_of, messages, move, opened
from contact_kit import changes, event, person, pushed, unit_people
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text

from reviewbot.actions.keep_member import rename
from reviewbot.actions.settle_contacts import settle_contacts
from reviewbot.actions.take_contact_event import take_contact_event
from reviewbot.models.contacts import Contact, DirectoryChange, WeComDepartment
from reviewbot.models.message import Message
from reviewbot.models.oversight import Letter, LetterKind
from reviewbot.models.people import Department, Staff
from reviewbot.outbox import owe
from reviewbot.queries.contacts import contact_of
from reviewbot.queries.directory import staff_by_userid
from reviewbot.queries.recalls import hands_on
from reviewbot.rules import notices


class _Undone(Exception):
    """Leaves the database as it was."""


def directory_after(house, events):
    """Everybody's userid, name and being here, the departments, and what waits; nothing stays in the database."""
    try:
        with house.database.begin() as session:
            for one in events:
                take_contact_event(session, one, received_at=house.clock.now())
                settle_contacts(session, at=house.clock.now())
            people = session.execute(
                select(Staff.id, Staff.userid, Staff.name, Staff.active).order_by(Staff.id)
            )
            waiting = session.execute(
                select(DirectoryChange.kind, DirectoryChange.subject, DirectoryChange.facts)
                .where(DirectoryChange.state == "waiting")
                .order_by(DirectoryChange.kind, DirectoryChange.subject)
            )
            parties = session.execute(
                select(WeComDepartment.id, WeComDepartment.name, WeComDepartment.present).order_by(
                    WeComDepartment.id
                )
            )
            told = [[tuple(row) for row in rows] for rows in (people, waiting, parties)]
            raise _Undone
    except _Undone:
        return told


@st.composite
def histories(draw):
    """A few people of one unit, a stranger, two departments; few seconds, so that everything meets."""
    names = ["LIMIN", "limin", "wangfang", "chenwei", "stranger", "renamed"]
    found = []
    for place in range(draw(st.integers(2, 6))):
        kind = draw(
            st.sampled_from(
                ["create_user", "update_user", "delete_user", "subscribe", "unsubscribe", "create_party",
                 "update_party", "delete_party", "update_tag"]
            )
        )  # fmt: skip
        at, key = draw(st.integers(1, 5)), f"e{place}"
        if kind.endswith("party"):
            found.append(
                event(
                    kind,
                    at=at,
                    key=key,
                    party=draw(st.integers(1, 2)),
                    name=draw(st.sampled_from((None, "社保局"))),
                )
            )
        else:
            new = draw(st.sampled_from((None, *names))) if kind == "update_user" else None
            found.append(
                event(
                    kind, draw(st.sampled_from(names)), at=at, key=key, new_userid=new,
                    name=draw(st.sampled_from((None, "甲", "乙"))),
                    departments=draw(st.sampled_from((None, (1,), (2,)))),
                )
            )  # fmt: skip
    return found


@pytest.fixture
def small(house):
    """Three people of one unit under short names, and a WeCom department that stands for another unit."""
    with house.database.begin() as session:
        first = session.scalars(select(Staff).order_by(Staff.id.desc()).limit(3)).all()
        for one, userid in zip(first, ("LiMin", "wangfang", "chenwei"), strict=True):
            one.userid = userid
        unit = session.scalar(select(Department.id).where(Department.short_name == "社保局"))
        session.add(WeComDepartment(id=1, present=True, department_id=unit))
    return house


@given(events=histories(), data=st.data())
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_permutation_and_duplication_ends_in_the_same_directory(small, events, data):
    told = directory_after(small, events)
    again = data.draw(st.permutations(events + data.draw(st.lists(st.sampled_from(events), max_size=3))))

    assert directory_after(small, again) == told


def test_a_long_history_shuffled_is_the_same(small):
    history = [
        event("update_user", "LiMin", at=10, new_userid="limin2"),
        event("update_user", "limin2", at=20, new_userid="limin3", name="李敏"),
        event("create_user", "limin", at=30, name="另一人", departments=(1,)),
        event("delete_user", "wangfang", at=40),
        event("create_user", "wangfang", at=50, departments=(1,)),
        event("unsubscribe", "chenwei", at=60),
        event("update_user", "chenwei", at=70, name="陈伟"),
    ]
    told = directory_after(small, history)
    waiting = {(kind, subject) for kind, subject, _ in told[1]}
    assert waiting == {("joined", "limin"), ("rejoined", "wangfang")}
    assert "limin3" in [userid for _, userid, _, _ in told[0]]

    shuffler = random.Random(7)
    for _ in range(4):
        shuffled = history + history[:3]
        shuffler.shuffle(shuffled)
        assert directory_after(small, shuffled) == told


def test_a_new_name_and_a_new_userid_are_taken_at_once_and_what_is_owed_follows(house):
    number = opened(house)
    (owed, *_) = messages(house, kind="new_case")
    mine = person(house, owed.userid)

    pushed(house, event("update_user", mine.userid.upper(), new_userid="new.name", name="新姓名"))

    after = person(house, "NEW.NAME")
    assert (after.id, after.name) == (mine.id, "新姓名")
    assert messages(house, kind="new_case")[0].userid == "new.name"
    assert [(one.kind, one.facts["after"]) for one in changes(house)] == [
        ("renamed", "new.name"), ("named", "新姓名"),
    ]  # fmt: skip
    assert number


def test_two_who_change_places_keep_their_own_rows(house):
    one, two = (person(house, userid) for userid in unit_people(house, "社保局")[:2])

    pushed(
        house,
        event("update_user", "tmp", at=30, new_userid=one.userid),
        event("update_user", two.userid, at=20, new_userid="tmp2"),
        event("update_user", one.userid, at=10, new_userid="tmp"),
        event("update_user", "tmp2", at=25, new_userid=two.userid),
    )
    assert person(house, one.userid).id == one.id

    pushed(
        house,
        event("update_user", "c", at=60, new_userid=two.userid),
        event("update_user", two.userid, at=50, new_userid=one.userid),
        event("update_user", one.userid, at=40, new_userid="c"),
    )
    assert (person(house, one.userid).id, person(house, two.userid).id) == (two.id, one.id)


def test_a_stranger_is_offered_only_from_our_departments_or_the_applications_range(small):
    pushed(
        small,
        event("create_user", "nobody.of.ours", departments=(77,)),
        event("create_user", "of.a.unit", departments=(1,), name="新同事"),
        event("subscribe", "in.range"),
        event("subscribe", HEAD),
    )

    waiting = changes(small, state="waiting")
    assert [(one.kind, one.subject) for one in waiting] == [("joined", "of.a.unit"), ("joined", "in.range")]
    assert waiting[0].facts["name"] == "新同事"


def test_another_department_waits_and_goes_when_it_is_no_longer_so(small):
    with small.database.begin() as session:
        session.add(WeComDepartment(id=2, present=True, department_id=session.scalar(
            select(Staff.department_id).where(Staff.userid == "LiMin"))))  # fmt: skip
    pushed(small, event("update_user", "limin", at=10, departments=(1,)))
    assert [(one.kind, one.state) for one in changes(small)] == [("moved", "waiting")]

    pushed(small, event("update_user", "limin", at=20, departments=(2,)))

    assert [(one.kind, one.state) for one in changes(small)] == [("moved", "past")]


def test_a_department_named_like_a_unit_is_offered_as_that_unit(house):
    pushed(house, event("create_party", party=5, name="社保局"), event("create_party", party=6))

    (change,) = changes(house)
    assert (change.kind, change.subject, change.facts["party"]) == ("unit_new", "party:5", 5)


def test_who_was_renamed_still_answers_for_what_he_did(house):
    number = opened(house)
    mine = handler_of(house, number)
    move(house, mine, "sign", number)
    call(house, number)

    pushed(
        house, event("update_user", "second", at=20, new_userid="third"),
        event("update_user", mine, at=10, new_userid="second"),
    )  # fmt: skip

    with house.database.begin() as session:
        assert hands_on(session, case_of(house, number).id) >= {mine, "third"}


def said_under(house):
    """{userid: who decided, applied, drafted, reviewed or is waited for under it}, by the words of the row."""
    with house.database.begin() as session:
        rows = [
            *session.execute(select(Message.userid, Message.kind).where(Message.kind.startswith("for "))),
            *session.execute(select(Letter.drafted_by, Letter.title)),
            *session.execute(select(Letter.reviewed_by, Letter.origin)),
        ]
    return {(who, what) for who, what in rows}


def written_under(house, userid):
    """A message that waits and a letter, both of whoever has this userid now."""
    now = house.clock.now()
    with house.database.begin() as session:
        owe(session, key=f"k-{userid}", kind=f"for {userid}", userid=userid, body=notices.text("x"), at=now)
        session.add(
            Letter(
                kind=LetterKind.LEDGER, origin=f"reviewed by {userid}", title=f"drafted by {userid}", facts={},
                drafted_at=now, drafted_by=userid, reviewed_at=now, reviewed_by=userid,
            )
        )  # fmt: skip


@pytest.mark.parametrize("after", [["two", "one", "three"], ["two", "three", "one"], ["three", "one", "two"]])
def test_whoever_exchange_or_inherit_userids_keep_what_is_their_own(house, after):
    members = dict(zip(["one", "two", "three"], unit_people(house, "社保局")[:3], strict=True))
    ids = {name: person(house, userid).id for name, userid in members.items()}
    for userid in members.values():
        written_under(house, userid)

    with house.database.begin() as session:
        rename(session, {ids[name]: members[to] for name, to in zip(ids, after, strict=True)})

    expected = {
        (members[to], f"{what} {members[name]}")
        for name, to in zip(ids, after, strict=True)
        for what in ("for", "drafted by", "reviewed by")
    }
    assert said_under(house) == expected


def test_whoever_inherits_the_userid_of_one_who_is_gone_gets_nothing_of_his(house):
    gone, heir = unit_people(house, "社保局")[:2]
    ident = person(house, heir).id
    written_under(house, gone)

    with house.database.begin() as session:
        rename(session, {ident: gone})

    assert not any(who == gone for who, _ in said_under(house))


def test_two_who_note_somebody_for_the_first_time_at_once_note_the_same_row(house):
    """He opens the application while his message is refused: the second waits and finds the first's row."""
    database, waits = house.database, text("SELECT count(*) FROM pg_locks WHERE NOT granted")

    def second():
        with database.begin() as session:
            return contact_of(session, staff_by_userid(session, HEAD)).base_userid

    with ThreadPoolExecutor(1) as pool, database.engine.connect() as watching:
        with database.begin() as session:
            contact_of(session, staff_by_userid(session, HEAD))
            noting = pool.submit(second)
            while not watching.scalar(waits) and not noting.done():
                watching.rollback()
        assert noting.result(60) == HEAD
    with database.begin() as session:
        assert len(session.scalars(select(Contact)).all()) == 1
