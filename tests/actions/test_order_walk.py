"""A work order on any walk, whose source may close it at any moment: it stays as whole as a rating's case does."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from case_kit import case_of, events, move
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule
from order_kit import cases, order, taken
from rules_kit import decree
from test_any_walk import (
    LEADER,
    MADE,
    MAY_MOVE_THE_DUE_TIME,
    MOVES_IT_WHERE_APPEALS_STOP_THE_CLOCK,
    Walk,
    walk_through,
    walk_with,
)
from ways_kit import WAY_TO

from reviewbot.clock import CHINA
from reviewbot.commands.audit import altered_case
from reviewbot.queries.audit import case_records
from reviewbot.rules.kinds import SATISFACTION
from reviewbot.rules.lifecycle import CaseStatus, ClosingKind, Move

S = CaseStatus
_serial = itertools.count(1)


class OrderWalk(Walk):
    @initialize()
    def open(self):
        self.clock.moment = max(self.clock.moment, datetime(2026, 11, 30, 1, tzinfo=UTC))
        self.record = order(
            f"V{next(_serial)}", order_type="求助", dispatched_at=self.said(self.clock.moment)
        )
        taken(self.house, self.record)
        self.number = cases(self.house)[-1].number
        self.limits = {}

    def said(self, moment):
        return f"{moment.astimezone(CHINA):%Y-%m-%d %H:%M:%S}"

    @rule(hours=st.integers(0, 30), answer=st.sampled_from(["", *SATISFACTION.values()]))
    def its_source_closes_it(self, hours, answer):
        before, told = self.state(), events(self.house, self.number)
        closed_at = max(self.clock.moment - timedelta(hours=hours), before["opened_at"])
        reopened = [event.at for event in told if event.move == Move.REOPEN]

        taken(self.house, self.record | {"closed_at": self.said(closed_at), "satisfaction": answer})

        case, known = case_of(self.house, self.number), before["satisfaction"]
        if before["status"] is not S.CLOSED and all(closed_at > at for at in reopened):
            assert (case.status, case.closed_at) == (S.CLOSED, closed_at)
            assert SATISFACTION.get(case.satisfaction, "") == answer
            upheld = (
                before["status"] is S.AWAITING_FEEDBACK
                and before["conclusion"]
                and before["conclusion"].is_appeal
            )
            kind = ClosingKind(before["conclusion"]) if upheld else ClosingKind.ANSWERED
            assert case.closing_kind is kind
            MADE[before["status"], Move.CLOSE_BY_SOURCE] += 1
        else:  # nothing is opened, and no answer replaced
            for name in ("status", "round", "closed_at", "closing_kind", "due_at", "handler_id"):
                assert getattr(case, name) == before[name]
            assert known is None or case.satisfaction == known
        assert case.original_due_at == before["original_due_at"]
        assert (case.dispatched_at, case.due_at is None) == (before["dispatched_at"], False)

    @invariant()
    def its_record_says_what_its_events_say(self):
        with self.house.database.begin() as session:
            for each in case_records(session):
                assert list(altered_case(each, self.house.settings.data_dir)) == []


@pytest.mark.parametrize(("stops", "walks"), [(False, 4), (True, 3)])
def test_no_walk_of_an_order_breaks_its_case(house, clock, stops, walks):
    walk_through(OrderWalk, house, clock, stops=stops, walks=walks, steps=40)


ON_THE_WAY = {
    S.VERIFYING: (Move.ASK_ASSISTANCE, Move.REQUEST_EXTENSION),
    S.RECTIFYING: (Move.ASK_ASSISTANCE, Move.REQUEST_LEDGER, Move.REQUEST_EXTENSION),
    S.APPEALED: (Move.SUPPORT_APPEAL,),
    S.ON_LEDGER: (Move.ASK_ASSISTANCE,),
}
"""What waits besides when the source closes it."""


@pytest.mark.parametrize("stops", [False, True])
@pytest.mark.parametrize("status", [status for status in S if status.is_open])
def test_from_every_status_and_with_all_that_waits_its_source_closes_it(house, clock, status, stops):
    if stops:
        decree(house, "stopping", ("stop_clock = false", "stop_clock = true"))
    walk = walk_with(OrderWalk, house, clock)()
    if stops:
        walk.movers = MAY_MOVE_THE_DUE_TIME | MOVES_IT_WHERE_APPEALS_STOP_THE_CLOCK
    walk.open()
    for step in (*WAY_TO[status], *ON_THE_WAY.get(status, ())):
        assert walk.make(step) is None, step
    assert walk.state()["status"] is status
    clock.moment += timedelta(days=60)
    walk.time_passes(1, 2)

    walk.its_source_closes_it(24, "满意")

    assert walk.state()["status"] is S.CLOSED
    walk.every_counter_equals_a_recount_from_the_events()
    walk.somebody_holds_it_and_whatever_waits_can_be_settled()
    walk.no_limit_is_ever_changed_and_every_rung_comes_once_and_in_order()
    walk.its_record_says_what_its_events_say()
    if not status.awaits_bureau:  # no unit had it, and nobody could take it up again
        move(house, LEADER, "reopen", walk.number, remark="群众反映未办结")
    walk.teardown()
