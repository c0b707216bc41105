"""The same walks while the people themselves come and go: a case is held, and its time is somebody's."""

from datetime import timedelta

from case_kit import case_of, events
from hypothesis import HealthCheck
from hypothesis import settings as trying
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule, run_state_machine_as_test
from rules_kit import today
from sqlalchemy import select
from test_any_walk import OUTSIDE, Walk

from reviewbot.actions.let_go import let_go
from reviewbot.models.people import Staff
from reviewbot.queries.directory import staff_by_userid
from reviewbot.queries.time_shares import time_shares
from reviewbot.rules.contacts import Left
from reviewbot.rules.lifecycle import CaseStatus


class Going(Walk):
    """Anybody may leave but those who must be there for the walk to end."""

    def leaver(self, nth):
        """Every second time the handler himself."""
        handler = self.handler()
        if nth % 2 and handler not in OUTSIDE:
            return handler
        with self.house.database.begin() as session:
            there = session.scalars(select(Staff.userid).where(Staff.active).order_by(Staff.id))
            may_go = [userid for userid in there if userid not in OUTSIDE]
        return may_go[nth % len(may_go)] if may_go else None

    @rule(nth=st.integers(0, 40), how=st.sampled_from(list(Left)))
    def somebody_leaves(self, nth, how):
        who, before = self.leaver(nth), self.state()
        if who is None:
            return
        with self.house.database.begin() as session:
            let_go(session, staff_by_userid(session, who), how, at=self.clock.now())
        after = self.state()
        for name in ("status", "due_at", "original_due_at", "contact_due_at", "round", "department_id"):
            assert after[name] == before[name], f"a leaving changed {name}"

    @rule(nth=st.integers(0, 40))
    def somebody_comes_back(self, nth):
        with self.house.database.begin() as session:
            if gone := list(session.scalars(select(Staff).where(~Staff.active).order_by(Staff.id))):
                gone[nth % len(gone)].active = True

    @invariant()
    def who_handles_it_is_there(self):
        if not hasattr(self, "number"):
            return
        case = case_of(self.house, self.number)
        if case.status is not CaseStatus.CLOSED and case.handler_id is not None:
            with self.house.database.begin() as session:
                assert session.get_one(Staff, case.handler_id).active

    @invariant()
    def all_the_time_it_was_open_is_somebodys(self):
        if not hasattr(self, "number"):
            return
        calendar, now = today(self.house).calendar, self.clock.now()
        told = [(event.at, event.after) for event in events(self.house, self.number)]
        ends = [*(at for at, _ in told[1:]), now]
        was_open = sum(
            (
                calendar.working_hours_between(at, end)
                for (at, after), end in zip(told, ends, strict=True)
                if after != CaseStatus.CLOSED
            ),
            timedelta(),
        )
        with self.house.database.begin() as session:
            rows = time_shares(session, case_of(self.house, self.number), calendar, now)
        assert sum((row.time for row in rows if not row.helps), timedelta()) == was_open


def test_no_going_breaks_a_case(house, clock):
    run_state_machine_as_test(
        type("ThisGoing", (Going,), {"house": house, "clock": clock}),
        settings=trying(
            max_examples=5, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
