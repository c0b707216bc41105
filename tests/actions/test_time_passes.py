"""Time passes: every rung is recorded, only the highest speaks, and nothing is said twice."""

from datetime import timedelta

import pytest
from case_kit import (
    DESK,
    HEAD,
    SUPERVISOR,
    case_of,
    closed,
    due_times,
    events,
    handler_of,
    messages,
    move,
    opened,
    opened_all,
    record,
)
from ladder_kit import rows
from sqlalchemy import select

from reviewbot.actions.advance_due import advance_due
from reviewbot.models.case import Case
from reviewbot.models.oversight import Card, Letter
from reviewbot.queries.cases import due_case_ids


def sweep(house, limit=200):
    """What the deadlines task does once; the ids it looked at, in order."""
    now = house.clock.now()
    with house.database.begin() as session:
        due = due_case_ids(session, now, limit)
    for case_id in due:
        with house.database.begin() as session:
            advance_due(session, case_id, now=now, rulebooks=house.rulebooks)
    return due


def reminders(house):
    return [one for one in messages(house) if one.kind.startswith("reminder_")]


def test_before_the_first_rung_nothing_happens(house):
    number = opened(house)

    assert sweep(house) == []
    with house.database.begin() as session:
        assert not advance_due(
            session, case_of(house, number).id, now=house.clock.now(), rulebooks=house.rulebooks
        )
    assert reminders(house) == []


def test_each_rung_speaks_once_at_its_moment(house, clock):
    number = opened(house)
    spoken = []
    while (moment := case_of(house, number).next_action_at) is not None:
        clock.moment = moment
        before = len(reminders(house))
        sweep(house)
        assert len(reminders(house)) > before
        spoken += [one.kind for one in reminders(house)[before:] if one.userid == handler_of(house, number)]

    assert spoken == [
        "reminder_contact/half", "reminder_contact/overdue",
        "reminder_handling/before", "reminder_handling/half", "reminder_handling/yellow",
        "reminder_handling/red",
    ]  # fmt: skip  # 24 working hours are three days of eight: of five, that is before the half


def test_after_a_long_silence_every_missed_rung_is_recorded_and_only_the_highest_speaks(house, clock):
    number = opened(house)
    handler = handler_of(house, number)
    clock.moment += timedelta(days=60)

    sweep(house)

    told = {(event.data["stage"], event.data["rung"]) for event in events(house, number)[2:]}
    assert told == {
        ("contact", "half"), ("contact", "overdue"),
        ("handling", "half"), ("handling", "before"), ("handling", "overdue"),
        ("handling", "yellow"), ("handling", "red"), ("handling", "letter"),
    }  # fmt: skip
    assert {one.kind for one in reminders(house)} == {"reminder_handling/letter"}
    heard = [
        one.userid for one in reminders(house)
    ]  # a letter is for head and supervisors; the handler missed more
    assert heard.count(handler) == 1
    assert {HEAD, SUPERVISOR} <= set(heard)
    assert case_of(house, number).next_action_at > clock.moment  # the report, three months on


def test_a_second_sweep_of_the_same_moment_is_harmless(house, clock):
    number = opened(house)
    clock.moment += timedelta(days=60)
    sweep(house)
    told, owed = len(events(house, number)), len(messages(house))

    assert sweep(house) == []
    with house.database.begin() as session:
        again = advance_due(session, case_of(house, number).id, now=clock.moment, rulebooks=house.rulebooks)

    assert not again
    assert (len(events(house, number)), len(messages(house))) == (told, owed)


def test_two_schedulers_at_once_speak_once(house, clock):
    number = opened(house)
    case_id = case_of(house, number).id
    clock.moment += timedelta(days=60)

    with house.database.begin() as one, house.database.begin() as other:
        first = advance_due(one, case_id, now=clock.moment, rulebooks=house.rulebooks)
        second = advance_due(other, case_id, now=clock.moment, rulebooks=house.rulebooks)

    assert (first, second) == (True, False)
    assert len([event for event in events(house, number) if event.move == "mark_overdue"]) == 2


def test_overdue_is_an_event_and_reaches_the_head(house, clock):
    number = opened(house)
    clock.moment = case_of(house, number).due_at

    sweep(house)

    overdue = [event for event in events(house, number) if event.move == "mark_overdue"]
    assert [(event.actor, event.data["stage"]) for event in overdue] == [
        ("system", "contact"),
        ("system", "handling"),
    ]
    assert overdue[-1].remark.startswith("办理")
    assert overdue[-1].remark.endswith("已逾期")
    assert overdue[-1].before == overdue[-1].after == "awaiting_sign"
    heard = {one.userid for one in reminders(house) if one.kind == "reminder_handling/yellow"}
    assert heard == {handler_of(house, number), HEAD}


def test_a_reached_call_silences_the_contact_limit(house, clock):
    number = opened(house)
    handler = handler_of(house, number)
    move(house, handler, "sign", number)
    move(house, handler, "record_call", number, reached=True, remark="已致歉")
    clock.moment += timedelta(days=60)

    sweep(house)

    assert {one.kind for one in reminders(house)} == {"reminder_handling/letter"}


def test_a_call_that_reached_nobody_silences_nothing(house, clock):
    number = opened(house)
    handler = handler_of(house, number)
    move(house, handler, "sign", number)
    move(house, handler, "record_call", number, reached=False)
    clock.moment += timedelta(days=2)

    sweep(house)

    assert "reminder_contact/overdue" in {one.kind for one in reminders(house)}


def test_what_lies_at_the_desk_reminds_the_desk(house, clock):
    opened(house, department="火星局", item="火星移民")
    clock.moment += timedelta(days=3)

    sweep(house)

    assert {one.userid for one in reminders(house)} == {DESK, "liuwenpeng01"}
    assert all("派单" in one.body["desc"] for one in reminders(house))


def test_a_returned_case_lets_the_citizens_clock_run_on_at_the_desk(house, clock):
    number = opened(house)
    move(house, handler_of(house, number), "return", number, remark="应由医保办理")
    clock.moment += timedelta(days=60)

    sweep(house)

    desk = {one.kind for one in reminders(house) if one.userid == DESK}
    assert desk == {"reminder_handling/letter@none"}
    assert all(one.body["title"] == f"超期 {number}" for one in reminders(house) if one.userid == DESK)
    assert rows(house, Card) == rows(house, Letter) == []  # both are a unit's, and none has the case
    moves = {event.move for event in events(house, number) if event.data.get("stage") == "handling"}
    assert moves == {"remind", "mark_overdue"}
    recorded = {
        (event.data["stage"], event.data["rung"]) for event in events(house, number) if "rung" in event.data
    }
    assert {("contact", "overdue"), ("handling", "letter@none"), ("dispatch_1", "overdue")} <= recorded
    assert (
        not {("handling", key) for key in ("yellow", "red", "letter")} & recorded
    )  # still to come, to a unit


def test_a_closed_case_is_left_alone_whatever_time_it_is(house, clock):
    number = closed(house)
    told = len(events(house, number))
    clock.moment += timedelta(days=400)

    assert sweep(house) == []
    assert len(events(house, number)) == told
    assert all(due.met_at for due in due_times(house, number))


@pytest.mark.parametrize("batch", [1, 7])
def test_the_oldest_come_first_in_small_batches_too(house, clock, batch):
    for _ in range(9):
        opened(house)
        clock.moment += timedelta(minutes=7)
    clock.moment += timedelta(days=60)
    with house.database.begin() as session:
        wanted = list(session.scalars(select(Case.id).order_by(Case.next_action_at)))

    seen = []
    while found := sweep(house, batch):
        seen += found

    assert seen == wanted


def test_a_due_case_is_found_at_once_among_hundreds_that_are_not(house, clock):
    early = opened(house)
    clock.moment += timedelta(days=20)
    later = opened_all(house, [record() for _ in range(230)])

    found = sweep(house)

    assert found == [case_of(house, early).id]
    assert len(later) == 230
    assert sweep(house) == []


def test_more_due_cases_than_one_sweep_takes_are_all_reached_oldest_first(house, clock):
    oldest = opened(house)
    clock.moment += timedelta(hours=1)
    opened_all(house, [record() for _ in range(220)])
    clock.moment += timedelta(days=60)

    first, second, third = sweep(house), sweep(house), sweep(house)

    assert first[0] == case_of(house, oldest).id
    assert (len(first), len(second), third) == (200, 21, [])
