"""Tries and pauses of one message (W9), for every course of failures."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from reviewbot.rules.delivery import MOST_TRIES, REPEAT_WITHIN, TRIES, may_repeat, next_pause

NOW = datetime(2026, 11, 30, 1, 0, tzinfo=UTC)
ASKED = st.none() | st.floats(0, 3600)


@given(st.lists(ASKED, min_size=TRIES))
def test_w09_while_others_get_through_a_message_is_tried_three_times(asked):
    pauses = [
        next_pause(attempts, asked=wish, away=False) for attempts, wish in enumerate(asked[:TRIES], start=1)
    ]

    assert [pause is None for pause in pauses] == [False, False, True]
    assert all(pause >= (wish or 0) for pause, wish in zip(pauses[:-1], asked, strict=False))


@given(st.lists(st.booleans(), min_size=MOST_TRIES, max_size=MOST_TRIES))
def test_w09_goes_of_three_follow_only_upon_an_outage_and_end(aways):
    tries = next(
        attempts
        for attempts, away in enumerate(aways, start=1)
        if next_pause(attempts, asked=None, away=away) is None
    )

    assert tries % TRIES == 0
    assert tries <= MOST_TRIES
    assert all(aways[attempts - 1] for attempts in range(TRIES, tries, TRIES))


@given(st.timedeltas(timedelta(0), timedelta(days=3)))
def test_w09_a_repeat_is_safe_only_while_wecom_would_recognise_it(age):
    assert may_repeat(NOW - age, NOW) == (age < REPEAT_WITHIN)
    assert may_repeat(None, NOW)
    assert timedelta(hours=3) < REPEAT_WITHIN < timedelta(hours=4)
