"""A work order's later records held against what is known: the first word stands, what only adds is taken."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from reviewbot.rules.endings import Ending, Outcome, outcome

DAY = datetime(2026, 11, 28, 1, tzinfo=UTC)
TIMES = st.none() | st.sampled_from([DAY, DAY + timedelta(days=1), DAY + timedelta(days=2)])
ANSWERS = st.sampled_from([None, "satisfied", "dissatisfied"])
ENDINGS = st.builds(Ending.told, TIMES, ANSWERS)


@given(ENDINGS, st.lists(ENDINGS, max_size=6))
def test_what_a_source_has_said_is_only_added_to(known, records):
    for told in records:
        if not known.goes_on_to(told):
            continue
        before, known = known, known.with_later(told)
        assert before.closed_at in (None, known.closed_at)
        assert before.satisfaction in (None, known.satisfaction)


@given(ENDINGS)
def test_saying_it_again_goes_on_and_changes_nothing(known):
    assert known.goes_on_to(known)
    assert known.with_later(known) == known


@given(ENDINGS, ENDINGS, st.booleans(), TIMES)
def test_a_record_never_opens_a_case_or_replaces_what_it_has(case, told, by_source, reopened_at):
    made = outcome(case, told, by_source=by_source and case.closed_at is not None, reopened_at=reopened_at)

    assert made is not Outcome.WAITING
    if made is Outcome.CLOSED:
        assert case.closed_at is None
        assert told.closed_at > (reopened_at or told.closed_at - timedelta(1))
    if made is Outcome.SATISFACTION:
        assert case.closed_at is not None
        assert (case.satisfaction, bool(told.satisfaction)) == (None, True)
    if case == told:
        late = reopened_at is not None and told.closed_at is not None and told.closed_at <= reopened_at
        closes = told.closed_at is not None and case.closed_at is None
        assert made in ({Outcome.CONTRADICTS} if late else {Outcome.CLOSED} if closes else {Outcome.KNOWN})


def test_an_answer_before_the_closing_says_nothing():
    assert Ending.told(None, "satisfied") == Ending()
