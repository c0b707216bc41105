"""A month with closed cases, its sample drawn, and callers to work it."""

from datetime import UTC, datetime

from case_kit import DESK, SECOND_SUPERVISOR, SUPERVISOR, closed, viewer
from sqlalchemy import select

from reviewbot.actions.draw_recalls import commit_months, draw_recalls, keep_recalls
from reviewbot.actions.record_recall import RecallIn, record_recall
from reviewbot.models.case import Case
from reviewbot.models.oversight import Recall, RecallDraw
from reviewbot.models.people import Staff
from reviewbot.rules.recall import Finding

MONTH = "2026-11"
FIRST_WORKING_DAY = datetime(2026, 12, 1, 1, 30, tzinfo=UTC)
"""Tuesday 2026-12-01 09:30 in China."""
CALLERS = {DESK, "liuwenpeng01", SUPERVISOR, SECOND_SUPERVISOR}


def commit(house):
    with house.database.begin() as session:
        commit_months(session, now=house.clock.now())


def sweep(house):
    with house.database.begin() as session:
        return keep_recalls(session, now=house.clock.now(), rulebook=house.today(session))


def draw(house, month=MONTH):
    with house.database.begin() as session:
        return draw_recalls(session, month, now=house.clock.now(), rulebook=house.today(session))


def drawn_month(house, count=1, **facts):
    """So many closed cases in November, and its sample on the first working day of December; the case numbers."""
    commit(house)
    numbers = [closed(house, **facts) for _ in range(count)]
    house.clock.moment = FIRST_WORKING_DAY
    sweep(house)
    return numbers


def draw_row(house, month=MONTH):
    with house.database.begin() as session:
        return session.get(RecallDraw, month)


def recalls(house):
    with house.database.begin() as session:
        return list(session.scalars(select(Recall).order_by(Recall.period, Recall.place)))


def number_of(house, recall):
    with house.database.begin() as session:
        return session.get_one(Case, recall.case_id).number


def caller_of(house, recall):
    with house.database.begin() as session:
        return session.get_one(Staff, recall.caller_id).userid


def report(house, recall, finding, note="", who=None):
    said = RecallIn(Finding(finding) if finding else None, note)
    with house.database.begin() as session:
        return record_recall(
            session, recall.id, said, viewer(house, who or caller_of(house, recall)), at=house.clock.now(),
            rulebooks=house.rulebooks,
        )  # fmt: skip
