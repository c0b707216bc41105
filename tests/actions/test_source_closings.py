"""What a closing by the source does to cards, reminders, letters and shares of time that were under way."""

from datetime import timedelta

import pytest
from case_kit import messages
from ladder_kit import delivered, rows, sweep
from order_kit import cases, order, sound, taken
from sqlalchemy import text

from reviewbot.models.oversight import Card, Letter
from reviewbot.queries.time_shares import time_shares


def test_staff_hear_by_the_cards_they_hold_and_nothing_that_still_waited_is_sent(house, clock):
    taken(house, order("G1"), order("G2"))
    seen = delivered(house)
    assert len(seen) == 2
    first = cases(house)[0]
    with house.database.begin() as session:  # the first card lives on a phone
        session.execute(
            text("UPDATE messages SET response_code = 'c', code_expires_at = :until WHERE case_id = :case"),
            {"until": clock.moment + timedelta(days=3), "case": first.id},
        )
    clock.moment += timedelta(days=40)  # past every rung, in the evening: reminders wait for the office
    clock.moment = clock.moment.replace(hour=14)
    sweep(house)
    assert [one for one in messages(house) if one.state == "held"]
    clock.moment += timedelta(minutes=1)

    taken(house, order("G1", closed_at="2027-01-09 10:00:00"), order("G2", closed_at="2027-01-09 10:00:00"))

    assert [one.kind for one in messages(house) if one.state in ("owed", "held")] == []
    assert {one.reason for one in messages(house, state="suppressed")} == {"来源已办结，不再发送"}
    clock.moment += timedelta(days=1)
    assert delivered(house)[2:] == []


def test_a_living_card_shows_that_the_source_has_closed_the_order(house, clock):
    taken(house, order())
    delivered(house)
    (case,) = cases(house)
    with house.database.begin() as session:
        session.execute(
            text("UPDATE messages SET response_code = 'c', code_expires_at = :until"),
            {"until": clock.moment + timedelta(days=3)},
        )

    taken(house, order(closed_at="2026-11-30 08:30:00"))

    (update,) = messages(house, kind="card_update")
    assert (update.case_id, update.body["card"]["buttons"]) == (case.id, [])
    assert "已由系统 11-30 09:00 来源办结" in update.body["card"]["note"]


@pytest.mark.parametrize(("closed", "stands"), [("2026-12-15 10:00:00", 0), ("2026-12-22 10:00:00", 1)])
def test_a_card_whose_rung_came_when_its_source_had_closed_the_order_is_withdrawn(
    house, clock, closed, stands
):
    """The export comes on the 24th; the order was due on the 18th."""
    taken(house, order())
    clock.moment += timedelta(days=24)
    sweep(house)
    (card,) = [one for one in rows(house, Card) if one.colour == "yellow"]

    taken(house, order(closed_at=closed))

    kept = [one for one in rows(house, Card) if one.withdrawn_at is None]
    assert len([one for one in kept if one.id == card.id]) == stands
    assert not [one for one in rows(house, Letter) if one.state != "withdrawn"]
    assert sound(house)


def test_nobody_is_charged_with_the_time_after_its_source_had_closed_the_order(house, clock):
    taken(house, order(dispatched_at="2026-11-30 09:00:00"))
    clock.moment += timedelta(days=30)
    taken(house, order(dispatched_at="2026-11-30 09:00:00", closed_at="2026-12-01 09:00:00"))
    (case,) = cases(house)

    with house.database.begin() as session:
        calendar = house.rulebooks.of(session, case).calendar
        (share,) = time_shares(session, case, calendar, clock.now())

    assert (share.time, share.late) == (timedelta(hours=6.5), timedelta())
