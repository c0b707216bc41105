"""A card contested: appealed once by its unit, decided by two outside it, or taken back by a supervisor."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest
from case_kit import (
    DESK,
    FOREIGN_HEAD,
    HEAD,
    SECOND_SUPERVISOR,
    SUPERVISOR,
    call,
    case_of,
    conclude,
    events,
    handler_of,
    messages,
    move,
    opened,
    verifying,
    viewer,
)
from hypothesis import HealthCheck, given
from hypothesis import settings as trying
from hypothesis import strategies as st
from ladder_kit import rows, sweep

from reviewbot.actions.appeal_card import appeal_card, decide_card_appeal, withdraw_card
from reviewbot.errors import Conflict, InvalidInput, NotAllowed, NotFound, ReviewbotError
from reviewbot.models.case import Case
from reviewbot.models.chain import first_break
from reviewbot.models.oversight import Card
from reviewbot.models.procedure import Application, ApplicationState
from reviewbot.queries.cases import owed_by
from reviewbot.queries.directory import staff_by_userid

LEADER = "zhouzhidong01"


@pytest.fixture
def carded(house, clock):
    """A case that has run into its yellow card."""
    number = opened(house)
    clock.moment = case_of(house, number).due_at
    sweep(house)
    return number


def card(house):
    """The newest case's first card."""
    newest = max(one.case_id for one in rows(house, Card))
    return next(one for one in rows(house, Card) if one.case_id == newest)


def appeal(house, who, reason="系统停机两天，非我单位原因"):
    with house.database.begin() as session:
        return appeal_card(
            session, card(house).id, reason, viewer(house, who),
            at=house.clock.now(), rulebooks=house.rulebooks,
        )  # fmt: skip


def decide(house, who, agreed, remark=""):
    with house.database.begin() as session:
        return decide_card_appeal(
            session, card(house).id, agreed, remark, viewer(house, who), at=house.clock.now()
        )


def owed(house, who):
    with house.database.begin() as session:
        return [case.number for case in owed_by(session, viewer(house, who), house.clock.now())]


def withdraw(house, who, reason="发牌有误"):
    with house.database.begin() as session:
        return withdraw_card(session, card(house).id, reason, viewer(house, who), at=house.clock.now())


def test_two_people_outside_the_unit_agree_and_the_card_is_withdrawn_not_deleted(house, carded):
    appeal(house, HEAD)
    assert {one.userid for one in messages(house, kind="card_appealed")} >= {SUPERVISOR, SECOND_SUPERVISOR}
    assert "还须另外 1 人" in decide(house, SUPERVISOR, True)
    assert card(house).withdrawn_at is None

    decide(house, SECOND_SUPERVISOR, True)

    assert card(house).withdrawn_at == house.clock.now()
    assert "系统停机" in card(house).withdrawn_reason
    said = [(event.move, event.actor) for event in events(house, carded)][-3:]
    assert said == [
        ("appeal_card", HEAD),
        ("support_card_appeal", SUPERVISOR),
        ("withdraw_card", SECOND_SUPERVISOR),
    ]
    assert first_break(events(house, carded)) is None
    assert HEAD in {one.userid for one in messages(house, kind="card_settled")}


def test_the_second_word_is_asked_of_somebody_who_may_still_say_it(house, carded):
    """Both supervisors first; where one is alone, a leader; where he is gone too, the desk."""
    appeal(house, HEAD)
    decide(house, SUPERVISOR, True)
    told = [one for one in messages(house, kind="card_appealed") if "请作第二人复核" in str(one.body)]
    assert [one.userid for one in told] == [SECOND_SUPERVISOR]
    assert owed(house, SUPERVISOR) == []
    assert owed(house, SECOND_SUPERVISOR) == owed(house, LEADER) == [carded]
    assert owed(house, DESK) == []
    with house.database.begin() as session:
        staff_by_userid(session, SECOND_SUPERVISOR).active = False
    assert (owed(house, LEADER), owed(house, DESK)) == ([carded], [])
    with house.database.begin() as session:
        staff_by_userid(session, LEADER).active = False
    assert (owed(house, SUPERVISOR), owed(house, DESK)) == ([], [carded])

    decide(house, DESK, True)

    assert card(house).withdrawn_at == house.clock.now()
    assert owed(house, DESK) == []


def test_where_one_supervisor_is_alone_a_leader_hears_of_the_first_agreement(house, carded):
    with house.database.begin() as session:
        staff_by_userid(session, SECOND_SUPERVISOR).active = False
    appeal(house, HEAD)
    assert {one.userid for one in messages(house, kind="card_appealed")} == {SUPERVISOR}

    decide(house, SUPERVISOR, True)

    assert {one.userid for one in messages(house, kind="card_appealed")} == {SUPERVISOR, LEADER}


def test_one_refusal_keeps_the_card_and_there_is_no_second_appeal(house, carded):
    appeal(house, handler_of(house, carded))
    with pytest.raises(InvalidInput):
        decide(house, SUPERVISOR, False)

    decide(house, SUPERVISOR, False, "停机只有一小时")

    assert card(house).withdrawn_at is None
    assert events(house, carded)[-1].move == "keep_card"
    with pytest.raises(Conflict):
        decide(house, SECOND_SUPERVISOR, True)
    with pytest.raises(Conflict, match="不能再次申诉"):
        appeal(house, HEAD)


def test_nobody_decides_twice_and_nobody_of_the_unit_decides(house, carded):
    appeal(house, HEAD)
    decide(house, SUPERVISOR, True)

    for who in (SUPERVISOR, HEAD, handler_of(house, carded)):
        with pytest.raises(NotAllowed):
            decide(house, who, True)
    assert card(house).withdrawn_at is None


def test_a_supervisor_who_belongs_to_the_carded_unit_neither_decides_nor_withdraws(house, carded):
    appeal(house, HEAD)
    inside = replace(
        viewer(house, SUPERVISOR), actor="inside", department_id=viewer(house, HEAD).department_id
    )

    with house.database.begin() as session, pytest.raises(NotAllowed):
        decide_card_appeal(session, card(house).id, True, "", inside, at=house.clock.now())
    with house.database.begin() as session, pytest.raises(NotAllowed):
        withdraw_card(session, card(house).id, "发牌有误", inside, at=house.clock.now())


def test_of_many_who_withdraw_at_once_one_does(house, carded):
    def once(who):
        try:
            return withdraw(house, who)
        except Conflict:
            return None

    with ThreadPoolExecutor(4) as pool:
        did = [said for said in pool.map(once, [SUPERVISOR, SECOND_SUPERVISOR] * 4) if said]

    assert len(did) == 1
    assert sum(event.move == "withdraw_card" for event in events(house, carded)) == 1


def test_only_the_carded_unit_appeals_and_others_do_not_even_see_the_card(house, carded):
    with pytest.raises(NotFound):
        appeal(house, FOREIGN_HEAD)
    for who in (SUPERVISOR, DESK):
        with pytest.raises(NotAllowed):
            appeal(house, who)
    with pytest.raises(InvalidInput):
        appeal(house, HEAD, reason="  ")
    assert rows(house, Application) == []


def test_the_unit_appeals_still_when_the_case_has_gone_elsewhere(house, clock):
    number = opened(house)
    clock.moment = case_of(house, number).due_at
    sweep(house)
    with house.database.begin() as session:
        session.get_one(Case, case_of(house, number).id).department_id = None

    assert "已申诉" in appeal(house, HEAD)


def test_a_supervisor_takes_a_card_back_with_a_reason_and_a_waiting_appeal_lapses(house, carded):
    appeal(house, HEAD)
    with pytest.raises(InvalidInput):
        withdraw(house, SUPERVISOR, " ")
    for who in (HEAD, DESK):
        with pytest.raises(NotAllowed):
            withdraw(house, who)

    withdraw(house, SUPERVISOR)

    assert card(house).withdrawn_reason == "发牌有误"
    assert [one.state for one in rows(house, Application)] == [ApplicationState.LAPSED]
    for again in (lambda: withdraw(house, SUPERVISOR), lambda: decide(house, LEADER, True)):
        with pytest.raises(Conflict):
            again()


def test_a_card_on_appeal_stops_neither_the_clock_nor_the_ladder(house, clock, carded):
    due = case_of(house, carded).due_at
    appeal(house, HEAD)

    clock.moment += timedelta(days=5)  # three working days over a weekend
    sweep(house)

    assert case_of(house, carded).due_at == due
    assert [one.colour for one in rows(house, Card)] == ["yellow", "red"]


def test_an_appeal_against_a_card_is_not_decided_as_if_it_were_an_extension(house, carded):
    appeal(house, HEAD)

    with pytest.raises(Conflict):
        move(house, SUPERVISOR, "agree", carded)
    assert card(house).withdrawn_at is None


PEOPLE = [HEAD, FOREIGN_HEAD, DESK, SUPERVISOR, SECOND_SUPERVISOR, LEADER]
STEPS = st.lists(
    st.tuples(st.sampled_from(["appeal", "agree", "disagree", "withdraw"]), st.sampled_from(PEOPLE)),
    min_size=1, max_size=12,
)  # fmt: skip


@trying(
    max_examples=25, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(STEPS)
def test_whatever_people_try_a_card_goes_only_by_two_others_or_a_supervisor(house, clock, steps):
    number = opened(house)
    clock.moment = case_of(house, number).due_at
    sweep(house)
    acts = {
        "appeal": lambda who: appeal(house, who),
        "agree": lambda who: decide(house, who, True),
        "disagree": lambda who: decide(house, who, False, "理由不足"),
        "withdraw": lambda who: withdraw(house, who),
    }
    done = []
    for verb, who in steps:
        with suppress(ReviewbotError):
            acts[verb](who)
            done.append((verb, who))

    made = card(house)
    agreed = {who for verb, who in done if verb == "agree"}
    taken_back = any(verb == "withdraw" and who in (SUPERVISOR, SECOND_SUPERVISOR) for verb, who in done)
    assert (made.withdrawn_at is not None) == (taken_back or len(agreed) == 2)
    assert {who for verb, who in done if verb == "appeal"} <= {HEAD}
    assert not agreed & {HEAD, FOREIGN_HEAD}
    told = events(house, number)
    assert sum(event.move == "withdraw_card" for event in told) == (made.withdrawn_at is not None)
    assert first_break(told) is None


def test_an_extension_asked_in_time_and_granted_takes_back_the_card_that_came_meanwhile(house, clock):
    """The unit was not late: its word came before the due time, the decision after it (F16)."""
    number = verifying(house)
    call(house, number)
    conclude(house, number)
    handler = handler_of(house, number)
    move(house, handler, "request_extension", number, days=5, remark="需核对数据")
    clock.moment = case_of(house, number).due_at
    sweep(house)
    assert card(house).withdrawn_at is None

    move(house, SUPERVISOR, "agree", number)

    kept = card(house)
    assert kept.withdrawn_at == clock.moment
    assert "延期" in kept.withdrawn_reason
    assert [event.move for event in events(house, number)][-2:] == ["grant_extension", "withdraw_card"]
    assert first_break(events(house, number)) is None
    assert {HEAD, handler} <= {one.userid for one in messages(house, kind="card_settled")}


def test_a_refused_extension_and_a_card_of_another_limit_take_nothing_back(house, clock):
    number = verifying(house)
    call(house, number)
    conclude(house, number)
    handler = handler_of(house, number)
    move(house, handler, "request_extension", number, days=5, remark="需核对数据")
    clock.moment = case_of(house, number).due_at
    sweep(house)

    move(house, SUPERVISOR, "disagree", number, remark="理由不足")

    assert card(house).withdrawn_at is None
