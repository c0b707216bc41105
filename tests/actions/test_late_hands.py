"""A unit that gets a case late: told so at once, pressed from then on, and never for what it had no chance to do."""

from datetime import UTC, datetime, timedelta

import pytest
from case_kit import (
    DESK,
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
)
from ladder_kit import rows, sweep
from rules_kit import local_days, proclaim, today

from reviewbot.models.oversight import Card, Letter
from reviewbot.models.people import Department
from reviewbot.rules.lifecycle import Conclusion

MED_HEAD = "zengjiabin01"
RETURN = {"remark": "应由医保分局办理，依据三定方案"}


def days_pass(house, clock, days):
    for _ in range(days):
        clock.moment += timedelta(days=1)
        sweep(house)


def pressed(house, number, since=0):
    """Rungs of the handling limit, after so many events."""
    return [
        event.data["rung"]
        for event in events(house, number)[since:]
        if event.data.get("stage") == "handling" and "rung" in event.data
    ]


def returned(house):
    number = opened(house)
    move(house, handler_of(house, number), "return", number, **RETURN)
    return number


def carded(house):
    with house.database.begin() as session:
        return [
            (session.get_one(Department, one.department_id).code, one.colour) for one in rows(house, Card)
        ]


def test_the_unit_that_gets_an_overdue_case_from_the_desk_climbs_the_whole_ladder(house, clock):
    number = returned(house)
    days_pass(house, clock, 20)
    assert rows(house, Card) == rows(house, Letter) == []
    assert pressed(house, number)[-2:] == ["red@none", "letter@none"]
    known = len(events(house, number))
    due = case_of(house, number).due_at

    move(house, DESK, "dispatch", number, department="MED")

    told = messages(house, kind="new_case")[-2:]
    assert {one.userid for one in told} == {handler_of(house, number), MED_HEAD}
    assert all(
        "接到时已逾期" in one.body["note"] and "办理时限 12-07 17:30 已过" in one.body["note"] for one in told
    )
    got = case_of(house, number).held_since
    days_pass(house, clock, 60)
    assert case_of(house, number).due_at == due  # the clock of the citizen is nobody's to move (law 3)
    assert pressed(house, number, known) == ["yellow", "red", "letter"]
    assert carded(house) == [("MED", "yellow"), ("MED", "red")]
    yellow = rows(house, Card)[0]
    assert yellow.issued_at >= today(house).due("received_late", got).due_at
    (letter,) = rows(house, Letter)
    assert letter.department_id == case_of(house, number).department_id
    assert case_of(house, number).next_action_at is not None  # the report


def test_after_an_arbitration_and_a_refused_return_it_is_the_same(house, clock):
    ruled, kept = returned(house), returned(house)
    move(house, DESK, "convene", ruled, remark="两家各执一词")
    days_pass(house, clock, 20)
    move(house, SUPERVISOR, "rule", ruled, department="MED", remark="医保业务")
    move(house, DESK, "refuse_return", kept, remark="仍属贵单位")
    days_pass(house, clock, 12)

    assert carded(house).count(("MED", "yellow")) == 1
    assert carded(house).count(("SOC", "yellow")) == 1
    assert len(rows(house, Letter)) == 2


def test_no_rung_of_a_unit_is_used_up_while_others_decide_its_appeal(house, clock):
    number = verifying(house)
    call(house, number)
    conclude(house, number, Conclusion.MALICIOUS, remark="对方承认点错")
    days_pass(house, clock, 30)
    assert rows(house, Card) == rows(house, Letter) == []
    late = {one.userid for one in messages(house, kind="reminder_handling/letter@none")}
    assert SUPERVISOR in late  # who decides is told that it lies with him
    assert handler_of(house, number) not in late
    known = len(events(house, number))

    move(house, SUPERVISOR, "disagree", number, remark="证据不足")

    assert all("接到时已逾期" in one.body["note"] for one in messages(house, kind="sent_back"))
    days_pass(house, clock, 50)
    assert pressed(house, number, known) == ["yellow", "red", "letter"]


def test_an_appeal_upheld_late_leaves_no_card_and_the_feedback_is_pressed_for(house, clock):
    number = verifying(house)
    call(house, number)
    conclude(house, number, Conclusion.MALICIOUS, remark="对方承认点错")
    days_pass(house, clock, 30)
    for who in (SUPERVISOR, SECOND_SUPERVISOR):
        move(house, who, "agree", number, no_attachment=True)

    assert rows(house, Card) == []
    days_pass(house, clock, 1)  # of two working days
    assert rows(house, Card) == []
    days_pass(house, clock, 12)
    assert [card.colour for card in rows(house, Card)] == ["yellow", "red"]


def test_a_unit_that_gets_it_just_before_the_due_time_has_its_span_too(house, clock):
    number = returned(house)
    clock.moment = case_of(house, number).due_at - timedelta(hours=1)
    sweep(house)
    move(house, DESK, "dispatch", number, department="MED")
    assert messages(house, kind="new_case")[-1].body["note"].startswith("接到时已逾期：联系评价人时限")
    clock.moment = case_of(house, number).due_at
    sweep(house)

    assert pressed(house, number)[-1] == "overdue"
    assert rows(house, Card) == []
    days_pass(house, clock, 4)
    assert [card.colour for card in rows(house, Card)] == ["yellow"]


def test_who_had_it_in_time_is_carded_at_the_due_time_itself(house, clock):
    number = opened(house)
    clock.moment = case_of(house, number).due_at
    sweep(house)

    assert [card.issued_at for card in rows(house, Card)] == [case_of(house, number).due_at]


@pytest.mark.parametrize("off", ["2026-12-22", "2026-12-31"])
def test_a_changed_calendar_takes_back_a_card_whose_span_has_not_ended_and_no_other(house, clock, off):
    number = returned(house)
    clock.moment = datetime(2026, 12, 21, 1, tzinfo=UTC)
    sweep(house)
    move(house, DESK, "dispatch", number, department="MED")
    clock.moment = datetime(2026, 12, 23, 10, tzinfo=UTC)  # the second working day has closed
    sweep(house)
    assert [card.colour for card in rows(house, Card)] == ["yellow"]

    proclaim(house, local_days("storm", off=[off]))
    clock.moment += timedelta(minutes=1)
    move(house, SUPERVISOR, "remark", number, remark="请抓紧")

    (first,) = rows(house, Card)
    assert (first.withdrawn_at is not None) == (off == "2026-12-22")
    days_pass(house, clock, 3)
    assert [card.colour for card in rows(house, Card) if card.withdrawn_at is None] == ["yellow"]
