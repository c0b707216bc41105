"""A reminder that waited for the office to open goes to whoever owes the step by then, and says how the case stands."""

from datetime import UTC, datetime, timedelta

from case_kit import (
    DESK,
    HEAD,
    SUPERVISOR,
    awaiting_approval,
    call,
    case_of,
    conclude,
    handler_of,
    messages,
    move,
    opened,
    verifying,
)
from ladder_kit import delivered, released, sweep

from reviewbot.actions.address_reminders import NO_LONGER_HIS

MED_HEAD = "zengjiabin01"
NIGHT, MORNING = datetime(2026, 12, 7, 10, tzinfo=UTC), datetime(2026, 12, 8, 1, tzinfo=UTC)
"""Half an hour after the due time, at six; the next morning at nine."""


def rectifying(house):
    number = verifying(house)
    call(house, number)
    conclude(house, number)
    return number


def at_night(house, clock, number):
    """The yellow card came in the evening and waits; whoever had the case then."""
    delivered(house)
    clock.moment = NIGHT
    sweep(house)
    assert messages(house, kind="reminder_handling/yellow", state="held")
    clock.moment += timedelta(hours=1)
    return handler_of(house, number)


def in_the_morning(house, clock):
    """Who gets the card's message, and what it says."""
    clock.moment = MORNING
    return {who: body["desc"] for who, body in delivered(house) if body.get("title", "").startswith("黄牌")}


def other_member(house, number):
    return next(one for one in ("limin02", "hongyongchun01") if one != handler_of(house, number))


def test_after_a_hand_over_the_new_holder_is_told_and_the_old_one_is_not(house, clock):
    number = rectifying(house)
    former = at_night(house, clock, number)
    taker = other_member(house, number)
    move(house, former, "hand_over", number, person=taker, remark="明日休假")

    assert set(in_the_morning(house, clock)) == {taker, HEAD}
    assert [one.reason for one in messages(house, kind="reminder_handling/yellow", userid=former)] == [
        NO_LONGER_HIS
    ]
    assert in_the_morning(house, clock) == {}  # once


def test_what_was_handed_in_meanwhile_is_told_as_it_stands(house, clock):
    number = rectifying(house)
    former = at_night(house, clock, number)
    move(house, former, "submit_measures", number, remark="增设窗口")

    assert in_the_morning(house, clock) == dict.fromkeys((former, HEAD), "办理黄牌，现为「待审核」")


def test_a_reminder_of_a_step_goes_from_who_took_it_to_who_owes_the_next(house, clock):
    number = rectifying(house)
    handler = handler_of(house, number)
    move(house, handler, "remark", number, remark="正在核对")
    clock.moment = case_of(house, number).next_action_at
    clock.moment = clock.moment.replace(hour=11)  # seven in the evening of that day
    sweep(house)
    kind = "reminder_handling/before"
    assert [one.userid for one in messages(house, kind=kind, state="held")] == [handler]
    move(house, handler, "submit_measures", number, remark="增设窗口")
    clock.moment += timedelta(hours=14)
    delivered(house)

    assert {one.userid: one.state for one in messages(house, kind=kind)} == {
        handler: "suppressed",
        HEAD: "sent",
    }


def test_what_the_desk_dispatched_overnight_is_the_units_by_morning(house, clock):
    number = opened(house)
    move(house, handler_of(house, number), "return", number, remark="应由医保分局办理")
    delivered(house)
    clock.moment = datetime(2026, 12, 1, 10, tzinfo=UTC)  # the contact limit ran out half an hour ago
    sweep(house)
    kind = "reminder_contact/overdue"
    desk = {one.userid for one in messages(house, kind=kind, state="held")}
    assert DESK in desk
    move(house, DESK, "dispatch", number, department="MED")
    clock.moment += timedelta(hours=15)
    delivered(house)

    told = {one.userid: one.reason for one in messages(house, kind=kind)}
    assert {who for who, why in told.items() if why == NO_LONGER_HIS} == desk
    assert {who for who, why in told.items() if why is None} == {handler_of(house, number), MED_HEAD}


def test_what_waits_for_the_next_digest_is_told_once_to_whoever_it_concerns_then(house, clock):
    numbers = [rectifying(house) for _ in range(9)]
    at_night(house, clock, numbers[0])
    former = {number: handler_of(house, number) for number in numbers}
    for number in numbers:
        taker = other_member(house, number)
        move(house, former[number], "hand_over", number, person=taker, remark="明日休假")
    clock.moment = MORNING
    for _ in range(4):
        released(house, above=2)
        delivered(house)
        clock.moment += timedelta(hours=1)

    for number in numbers:
        rows = messages(house, kind="reminder_handling/yellow", case_id=case_of(house, number).id)
        told = [one.userid for one in rows if one.reason != NO_LONGER_HIS]
        assert sorted(told) == sorted({HEAD, handler_of(house, number)})
        assert all(one.state != "held" for one in rows)


def test_a_closed_or_approved_case_is_not_told_as_owed(house, clock):
    number = awaiting_approval(house)
    at_night(house, clock, number)
    move(house, SUPERVISOR, "approve", number, no_attachment=True)
    move(house, handler_of(house, number), "record_feedback", number, channel="电话", remark="已告知")

    assert in_the_morning(house, clock) == {}
