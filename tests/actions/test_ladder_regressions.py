"""What other products got wrong about clocks and reminders, each by its number in the list of regressions."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from case_kit import (
    case_of,
    closed,
    due_times,
    events,
    handler_of,
    messages,
    move,
    opened,
    opened_all,
    photograph,
    record,
)
from ladder_kit import Wire, delivered, released, rows, sweep
from rules_kit import decree, today
from sqlalchemy import update

from reviewbot.actions.advance_due import advance_due
from reviewbot.actions.deliver_messages import deliver_messages
from reviewbot.models.case import Case
from reviewbot.models.message import Message
from reviewbot.models.oversight import Card
from reviewbot.queries.cases import due_case_ids
from reviewbot.rules.ladder import Act, Step, stands_at

CHINA = ZoneInfo("Asia/Shanghai")


def limits(house, number):
    return [(due.stage, due.started_at, due.due_at) for due in due_times(house, number)]


def climb(house, clock, number):
    """Every rung at its moment; the moments."""
    moments = []
    while (moment := case_of(house, number).next_action_at) is not None:
        clock.moment = moment
        moments.append(moment)
        sweep(house)
    return moments


def test_r1_an_edit_a_comment_or_a_reassignment_never_moves_a_deadline(house, clock):
    number = opened(house)
    before = limits(house, number)
    handler = handler_of(house, number)
    clock.moment += timedelta(hours=2)
    move(house, handler, "sign", number)
    photograph(house, handler, number)
    move(house, handler, "record_call", number, reached=False, remark="无人接听")
    move(house, handler, "hand_over", number, person="hongyongchun01")
    clock.moment += timedelta(hours=1)
    move(house, handler_of(house, number), "return", number, remark="应由医保分局办理")
    move(house, "chenjiafeng01", "refuse_return", number, remark="仍属贵单位")

    assert limits(house, number)[: len(before)] == before
    assert case_of(house, number).due_at == before[-1][2]


def test_r4_every_rung_lands_inside_office_hours_never_at_midnight(house, clock):
    number = opened(house)
    move(house, "zhouzhidong01", "instruct", number, remark="限期办结")

    moments = climb(house, clock, number)

    assert len(moments) > 8
    for moment in moments:  # a rung may stand at the closing bell; a moment before it is office time
        assert today(house).calendar.is_working_time(moment - timedelta(microseconds=1)), moment


def test_r5_rungs_missed_while_nothing_ran_are_recorded_once_in_order_and_only_the_highest_speaks(
    house, clock
):
    number = opened(house)
    clock.moment += timedelta(days=200)

    sweep(house)
    sweep(house)

    climbed = [event.data["rung"] for event in events(house, number) if event.data.get("stage") == "handling"]
    assert climbed == ["before", "half", "overdue", "yellow", "red", "letter", "report"]
    assert {one.kind for one in messages(house) if one.kind.startswith("reminder_handling")} == {
        "reminder_handling/report"
    }


def test_r6_a_hundred_rows_that_are_not_due_do_not_hide_one_that_is(house, clock):
    early, late = opened(house), opened(house, reviewed_at="2026-11-27T11:00:00+08:00")
    with house.database.begin() as session:  # the younger row has waited longer
        session.get_one(Case, case_of(house, late).id).next_action_at -= timedelta(minutes=5)
    clock.moment += timedelta(days=20)
    opened_all(house, [record() for _ in range(120)])

    with house.database.begin() as session:
        found = due_case_ids(session, house.clock.now(), 100)
        first = due_case_ids(session, house.clock.now(), 1)

    assert found == [case_of(house, late).id, case_of(house, early).id]
    assert first == found[:1]


def test_r7_two_schedulers_at_once_are_harmless(house, clock):
    number = opened(house)
    case_id = case_of(house, number).id
    clock.moment += timedelta(days=60)

    def once(_):
        with house.database.begin() as session:
            return advance_due(session, case_id, now=clock.moment, rulebooks=house.rulebooks)

    with ThreadPoolExecutor(4) as pool:
        did = list(pool.map(once, range(8)))

    assert did.count(True) == 1
    assert [card.colour for card in rows(house, Card)] == ["yellow", "red"]
    told = [
        (event.data["stage"], event.data["rung"]) for event in events(house, number) if "rung" in event.data
    ]
    assert len(told) == len(set(told))


def test_r8_a_redelivered_task_sends_once(house):
    opened(house)

    def once(_):
        wire = Wire([])
        while deliver_messages(house.database, {"wecom": wire}, at=house.clock.now()):
            pass
        return len(wire.carried)

    with ThreadPoolExecutor(4) as pool:
        sent = sum(pool.map(once, range(8)))

    assert sent == len(messages(house, channel="wecom")) == 1


def test_r9_acting_while_a_reminder_waits_for_its_next_try_ends_it(house, clock):
    number = opened(house)
    handler = handler_of(house, number)
    move(house, handler, "sign", number)
    delivered(house)
    clock.moment = case_of(house, number).next_action_at
    sweep(house)
    with house.database.begin() as session:  # the platform was away: tried once, to be tried again
        session.execute(
            update(Message)
            .where(Message.kind == "reminder_contact/half")
            .values(attempts=1, state="owed", next_try_at=datetime.now(UTC))
        )
    move(house, handler, "record_call", number, reached=True, remark="已致歉")

    assert delivered(house) == []
    assert [one.state for one in messages(house, kind="reminder_contact/half")] == ["suppressed"]


def test_r9_a_digest_names_nothing_that_has_been_done_since(house, clock):
    numbers = opened_all(house, [record(handled_by=None) for _ in range(40)])
    for number in numbers:
        move(house, handler_of(house, number), "sign", number)
    delivered(house)
    clock.moment = case_of(house, numbers[0]).next_action_at
    sweep(house)
    done = numbers[0]
    move(house, handler_of(house, done), "record_call", done, reached=True, remark="已致歉")

    assert released(house, above=3)
    carried = delivered(house)

    assert carried
    assert all(done not in str(body) for _, body in carried)
    assert [one.reason for one in messages(house, case_id=case_of(house, done).id, state="suppressed")
            if one.kind.startswith("reminder_")] == ["已办理，不再催办"]  # fmt: skip


@pytest.mark.parametrize(
    ("due", "wanted"),
    [
        ("2026-11-30T17:30", "2027-03-01T17:30"),  # 28 February 2027 is a Sunday
        ("2026-10-15T17:30", "2027-01-15T17:30"),  # over the year
        ("2023-11-30T17:30", "2024-02-29T17:30"),  # a leap year
        ("1991-01-16T17:30", "1991-04-16T17:30"),  # China put its clocks forward on 14 April 1991
    ],
)
def test_r14_a_rung_over_the_years_end_or_a_clock_change_comes_at_the_same_hour(house, due, wanted):
    step = Step("report", "专报", "handling", 3, "month", Act.REPORT, ("leader",))

    found = stands_at(today(house).calendar, datetime.fromisoformat(due).replace(tzinfo=CHINA), step)

    assert found == datetime.fromisoformat(wanted).replace(tzinfo=CHINA)
    assert f"{found:%H:%M}" == "17:30"


def test_r21_a_sweep_every_quarter_of_an_hour_is_not_a_message_every_quarter_of_an_hour(house, clock):
    number = opened(house)
    handler = handler_of(house, number)
    for _ in range(4 * 24 * 9):
        clock.moment += timedelta(minutes=15)
        sweep(house)

    kinds = [one.kind for one in messages(house, userid=handler) if one.kind.startswith("reminder_")]
    assert len(kinds) == len(set(kinds))
    assert kinds == [
        "reminder_contact/half", "reminder_contact/overdue", "reminder_handling/before",
        "reminder_handling/half", "reminder_handling/yellow",
    ]  # fmt: skip  # overdue and yellow come at the same instant: only the yellow card speaks


def test_after_the_act_nobody_is_told_any_more_whatever_waited(house, clock):
    closed(house)
    told = len(messages(house))
    clock.moment += timedelta(days=400)
    sweep(house)

    assert len(messages(house)) == told


def test_an_urgent_rung_is_told_at_night_and_the_others_wait(house, clock):
    decree(house, "loud", ("urgent = []", 'urgent = ["yellow"]'))
    number = opened(house)
    delivered(house)
    clock.moment = case_of(house, number).due_at + timedelta(hours=5)

    sweep(house)

    titles = {body["title"] for _, body in delivered(house)}
    assert titles == {f"黄牌 {number}"}
    quiet = opened(house)
    clock.moment = case_of(house, quiet).contact_due_at + timedelta(hours=5)
    sweep(house)
    assert messages(house, kind="reminder_contact/overdue", state="held")
