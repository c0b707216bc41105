"""The address book is the same in whatever order its changes came, and a reading takes nothing from anybody there."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewbot.rules.contacts import (
    Base,
    Event,
    Left,
    Party,
    Told,
    one_unit,
    parties,
    real_name,
    standings,
    wrong_numbers_left,
)
from reviewbot.rules.directory_plan import ChangeKind, Known, Member, Ours, Seen, compare

USERIDS = ("zhang", "Zhang", "li", "wang", "new")
K = ChangeKind


@st.composite
def event_sets(draw):
    """Every kind over few names and few seconds, so that renamings meet deletions."""
    found = []
    for place in range(draw(st.integers(1, 9))):
        kind = draw(st.sampled_from([told for told in Told if not told.value.endswith(("party", "tag"))]))
        renames = kind is Told.UPDATE_USER
        found.append(
            Event(
                kind, draw(st.integers(1, 6)), f"e{place}", draw(st.sampled_from(USERIDS)),
                draw(st.sampled_from((None, *USERIDS))) if renames else None,
                draw(st.sampled_from((None, "张伟", "李敏"))), draw(st.sampled_from((None, (1,), (2,)))),
            )
        )  # fmt: skip
    return found


BASES = [Base(1, "zhang", "张三"), Base(2, "li", "李四"), Base(3, "wang", "王五", after=3)]


@given(event_sets(), st.data())
def test_any_order_and_any_repeats_give_the_same_standings(events, data):
    told = standings(BASES, events)
    again = data.draw(st.permutations(events + data.draw(st.lists(st.sampled_from(events)))))

    assert standings(BASES, again) == told


@given(event_sets())
def test_nobody_of_the_directory_is_ever_lost_and_userids_of_those_here_are_apart(events):
    told = standings(BASES, events)
    here = [one.userid.lower() for one in told.members.values() if one.left is None]

    assert set(told.members) == {1, 2, 3}
    assert len(set(here)) == len(here)


def test_a_renamed_member_stays_himself_though_the_later_event_came_first():
    second = Event(Told.UPDATE_USER, 20, "b", "zhang2", "zhang3")
    first = Event(Told.UPDATE_USER, 10, "a", "zhang", "zhang2")

    told = standings(BASES, [second, first])

    assert (told.members[1].userid, told.members[1].left, dict(told.strangers)) == ("zhang3", None, {})


def test_who_was_deleted_and_made_again_is_back_but_has_left():
    told = standings(
        BASES, [Event(Told.CREATE_USER, 20, "b", "ZHANG"), Event(Told.DELETE_USER, 10, "a", "zhang")]
    )

    assert (told.members[1].left, told.members[1].is_back) == (Left.DELETED, True)


def test_an_event_older_than_the_base_says_nothing_new():
    told = standings(BASES, [Event(Told.DELETE_USER, 3, "a", "wang"), Event(Told.DELETE_USER, 4, "b", "li")])

    assert (told.members[3].left, told.members[2].left) == (None, Left.DELETED)


def test_an_account_that_is_out_of_range_is_not_back_because_its_name_changed():
    out = Event(Told.UNSUBSCRIBE, 10, "a", "li")
    named = Event(Told.UPDATE_USER, 20, "b", "li", name="李四四")

    assert not standings(BASES, [named, out]).members[2].is_back
    assert standings(BASES, [named, out, Event(Told.SUBSCRIBE, 30, "c", "li")]).members[2].is_back


def test_departments_keep_each_fact_as_it_was_last_told():
    made = Event(Told.CREATE_PARTY, 1, "a", party=7, name="社保", parent=1)
    named = Event(Told.UPDATE_PARTY, 3, "b", party=7, name="社保局")
    moved = Event(Told.UPDATE_PARTY, 2, "c", party=7, parent=2)
    gone = Event(Told.DELETE_PARTY, 4, "d", party=8)

    assert parties([named, gone, moved, made]) == {
        7: Party("社保局", 2, True),
        8: Party(present=False),
    }


@pytest.mark.parametrize(
    ("heads", "wrong", "left"),
    [(174, 0, 17), (174, 17, 0), (174, 40, 0), (10, 0, 1), (9, 0, 1), (5, 0, 1), (4, 0, 0), (5, 1, 0)],
)
def test_wrong_numbers_stop_at_a_tenth(heads, wrong, left):
    assert wrong_numbers_left(heads, wrong) == left


@given(st.integers(1, 5000))
def test_our_ration_never_passes_the_fifth_at_which_wecom_shuts_the_door(heads):
    assert wrong_numbers_left(heads, 0) <= heads * 0.2


def test_a_name_that_is_the_userid_is_none():
    assert (real_name("zhang", "ZHANG"), real_name(" ", "x"), real_name("张三", "zhang")) == (
        None,
        None,
        "张三",
    )


def test_departments_that_mean_two_units_mean_none():
    assert (one_unit((1, 2), {1: 10, 2: 20}), one_unit((1, 3), {1: 10}), one_unit(None, {})) == (
        None,
        10,
        None,
    )


STAFF = [
    Ours(1, "zhang", "张三", 10, True),
    Ours(2, "li", "李四", 10, True),
    Ours(3, "wang", "王五", 20, True),
    Ours(4, "gone", "赵六", 20, False),
]
KNOWN = Known(STAFF, {1: Party("甲"), 2: Party("乙")}, {1: 10, 2: 20})
ALL = [Member("zhang", "张三", (1,)), Member("li", None, (1,)), Member("wang", "wang", None)]


def planned(members, *, complete=True, known=KNOWN, parties=(1, 2)):
    seen = Seen("list_id", complete, members, {ident: Party() for ident in parties})
    return compare(known, seen, leave_share=0.34)


def kinds(changes):
    return [(one.kind, one.subject) for one in changes]


def test_the_same_address_book_changes_nothing():
    plan = planned(ALL)

    assert (plan.safe, plan.waiting) == ([], [])


def test_who_is_missing_has_left_only_when_the_reading_was_complete():
    assert kinds(planned(ALL[1:]).safe) == [(K.LEFT, "zhang")]
    assert planned(ALL[1:], complete=False).safe == []


def test_many_missing_at_once_wait_for_an_administrator():
    plan = planned(ALL[2:])

    assert plan.safe == []
    assert kinds(plan.waiting) == [(K.LEFT, "zhang"), (K.LEFT, "li")]


def test_one_gone_and_one_new_of_one_name_in_one_unit_are_one_person():
    plan = planned([Member("zhang.san", "张三", (1,)), *ALL[1:]])

    assert kinds(plan.safe) == [(K.RENAMED, "zhang")]
    assert plan.waiting == []
    other_unit = planned([Member("zhang.san", "张三", (2,)), *ALL[1:]])
    assert kinds(other_unit.safe) == [(K.LEFT, "zhang")]
    assert kinds(other_unit.waiting) == [(K.JOINED, "zhang.san")]


def test_two_new_of_one_name_are_not_guessed():
    plan = planned([Member("a", "张三", (1,)), Member("b", "张三", (1,)), *ALL[1:]])

    assert kinds(plan.safe) == [(K.LEFT, "zhang")]
    assert kinds(plan.waiting) == [(K.JOINED, "a"), (K.JOINED, "b")]


def test_names_are_taken_and_a_missing_one_is_kept_and_units_wait():
    plan = planned([Member("Zhang", "张三丰", (2,)), *ALL[1:]])

    assert kinds(plan.safe) == [(K.RENAMED, "zhang"), (K.NAMED, "zhang")]
    assert kinds(plan.waiting) == [(K.MOVED, "zhang")]
    assert plan.waiting[0].facts["department_id"] == 20


def test_who_comes_back_and_who_is_new_waits():
    plan = planned([*ALL, Member("gone", None, (2,)), Member("fresh", "新人", (1,))])

    assert plan.safe == []
    assert kinds(plan.waiting) == [(K.REJOINED, "gone"), (K.JOINED, "fresh")]
    assert plan.waiting[0].facts["name"] == "赵六"


def test_departments_wait_for_a_word():
    seen = Seen("simplelist", True, ALL, {1: Party("甲局"), 3: Party(None)})
    plan = compare(KNOWN, seen, leave_share=0.3)

    assert kinds(plan.waiting) == [(K.UNIT_CHANGED, "party:1"), (K.UNIT_GONE, "party:2")]
    assert kinds(compare(KNOWN, replace(seen, complete=False), leave_share=0.3).waiting) == [
        (K.UNIT_CHANGED, "party:1")
    ]


def test_a_department_is_likely_the_unit_of_its_name_or_of_most_of_our_people_in_it():
    known = Known(STAFF, {}, {}, {"丙局": 30})
    members = [Member("zhang", None, (5,)), Member("li", None, (5, 6)), Member("wang", None, (5,))]
    seen = Seen("list_id", True, members, {5: Party(), 6: Party(), 7: Party("丙局"), 8: Party()})

    plan = compare(known, seen, leave_share=0.3)

    assert [(one.kind, one.facts["party"], one.facts["department_id"]) for one in plan.waiting] == [
        (K.UNIT_NEW, 5, 10),
        (K.UNIT_NEW, 7, 30),
    ]


def test_of_a_whole_corp_only_people_of_our_units_are_offered():
    seen = Seen("list_id", True, [*ALL, Member("stranger", None, (99,)), Member("ours", None, (2,))], {})

    plan = compare(KNOWN, seen, leave_share=0.3)

    assert kinds(plan.waiting) == [(K.JOINED, "ours")]
