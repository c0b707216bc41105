"""One case counted again from its events and limits alone: in which rates it stands, and whether above the line."""

from collections import Counter
from datetime import UTC, datetime

from case_kit import case_of, due_times, events
from sqlalchemy import func, or_, select, true

from reviewbot.models.case import Case
from reviewbot.queries.cohorts import cohort
from reviewbot.rules.lifecycle import Move

EVER = (datetime(2026, 1, 1, tzinfo=UTC), datetime(2099, 1, 1, tzinfo=UTC))
_ANSWERS = (Move.SUBMIT_MEASURES, Move.SUBMIT_EXPLANATION, Move.UPHOLD_APPEAL, Move.REOPEN)


def every_figure_equals_a_recount_from_the_events(house, number):
    told, now = events(house, number), house.clock.now()
    made = Counter(Move(event.move) for event in told)
    sent = bool(made[Move.DISPATCH] + made[Move.RULE] + made[Move.CLOSE_BY_SOURCE])
    first = next(due.due_at for due in due_times(house, number) if due.stage == "handling")
    closings = [_closed_at(event) for event in told if event.before != "closed" and event.after == "closed"]
    ended = closings[-1] if told[-1].after == "closed" else None
    due = sent and first <= now and not _was_upheld(told)

    assert case_of(house, number).original_due_at == first
    assert _counts(house, number, "return_rate") == (made[Move.RETURN] + made[Move.RETURN_AGAIN] > 0, sent)
    assert _counts(house, number, "extension_rate") == (due and made[Move.GRANT_EXTENSION] > 0, due)
    on_time = due and ended is not None and ended <= first
    assert _counts(house, number, "on_time_rectification_rate_original_due") == (on_time, due)
    assert _counts(house, number, "completion_rate") == (ended is not None, sent)


def _closed_at(event):
    by_source = event.move == Move.CLOSE_BY_SOURCE
    return datetime.fromisoformat(event.data["closed_at"]) if by_source else event.at


def _was_upheld(told):
    last = next((event.move for event in reversed(told) if event.move in _ANSWERS), None)
    return last == Move.UPHOLD_APPEAL and told[-1].after in ("awaiting_feedback", "closed")


def _counts(house, number, metric):
    """(above the line, at all)."""
    found = cohort(metric, *EVER, house.clock.now(), [case_of(house, number).kind])
    with house.database.begin() as session:
        return tuple(
            session.scalar(select(func.count()).where(Case.number == number, found.members, which)) == 1
            for which in (or_(*found.parts.values()), true())
        )
