"""Whatever people do in whatever order while time passes: the case stays whole, held, and its clocks unmoved."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta

from case_kit import (
    DESK,
    HEAD,
    SECOND_SUPERVISOR,
    SUPERVISOR,
    case_of,
    due_times,
    events,
    move,
    opened,
    photograph,
)
from hypothesis import HealthCheck
from hypothesis import settings as trying
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import select

from reviewbot.actions.advance_due import advance_due
from reviewbot.actions.step import Verb
from reviewbot.errors import ReviewbotError
from reviewbot.models.chain import first_break
from reviewbot.models.people import Staff
from reviewbot.queries.delegates import cases_without_holder
from reviewbot.rules.call_back import Outcome
from reviewbot.rules.lifecycle import ROLES, CaseStatus, Conclusion, Move, Role, moves_from

LEADER, MED_HEAD = "zhouzhidong01", "zengjiabin01"
OUTSIDE = [HEAD, DESK, SUPERVISOR, SECOND_SUPERVISOR, LEADER, MED_HEAD]
MAY_MOVE_THE_DUE_TIME = {Move.GRANT_EXTENSION, Move.CONCLUDE_JUSTIFIED, Move.REOPEN}
ASKED = st.fixed_dictionaries(
    {},
    optional={
        "remark": st.sampled_from(["已核实情况", "应由医保分局办理", " "]),
        "department": st.sampled_from(["SOC", "MED", "税务局", "没有这个局"]),
        "conclusion": st.sampled_from(list(Conclusion)),
        "complex": st.booleans(),
        "reached": st.booleans(),
        "outcome": st.sampled_from(list(Outcome)),
        "basis": st.sampled_from(["", "办事指南第三条"]),
        "channel": st.sampled_from(["", "电话"]),
        "no_attachment": st.booleans(),
        "days": st.integers(0, 12),
        "until": st.dates(date(2026, 12, 1), date(2027, 6, 1)),
        "person": st.sampled_from(["", "hongyongchun01", "洪永纯"]),
        "as_rule": st.just(False),
    },
)
HELPFUL = {
    "until": date(2027, 2, 1),
    "remark": "已核实情况", "department": "MED", "conclusion": Conclusion.JUSTIFIED, "reached": True,
    "basis": "办事指南第三条", "channel": "电话", "no_attachment": True, "days": 3, "person": "hongyongchun01",
}  # fmt: skip


APPROVING = {Move.APPROVE, Move.SEND_BACK_MEASURES, Move.SEND_BACK_EXPLANATION}
AS_SAID = {
    Move.CONCLUDE_JUSTIFIED: ("conclude", Conclusion.JUSTIFIED),
    Move.CONCLUDE_UNJUSTIFIED: ("conclude", Conclusion.NO_LEGAL_BASIS),
    Move.APPEAL: ("conclude", Conclusion.MALICIOUS),
    Move.SEND_BACK_MEASURES: ("send_back", None),
    Move.SEND_BACK_EXPLANATION: ("send_back", None),
    Move.RETURN_AGAIN: ("return", None),
    Move.ADD_EVIDENCE: ("sign", None),  # carries a file: it has a rule of its own
    **{move: ("agree", None) for move in Move if move.value.startswith(("grant", "support", "uphold"))},
    **dict.fromkeys((Move.REFUSE_EXTENSION, Move.REFUSE_LEDGER, Move.REFUSE_APPEAL), ("disagree", None)),
}
"""The table's moves as people say them."""


class Walk(RuleBasedStateMachine):
    house, clock = None, None  # given by the test

    @initialize()
    def open(self):
        self.clock.moment = max(self.clock.moment, datetime(2026, 11, 30, 1, tzinfo=UTC))
        self.number = opened(self.house)
        self.last = case_of(self.house, self.number)

    def state(self):
        case = case_of(self.house, self.number)
        return {name: value for name, value in vars(case).items() if not name.startswith("_")}

    def handler(self):
        with self.house.database.begin() as session:
            ident = case_of(self.house, self.number).handler_id
            return session.scalar(select(Staff.userid).where(Staff.id == ident)) if ident else None

    def refusal(self, who, verb, asked):
        try:
            move(self.house, who, verb.value, self.number, **asked)
        except ReviewbotError as refused:
            return refused.sentence
        return None

    def attempt(self, who, verb, asked):
        before = self.state()
        refused = self.refusal(who, verb, asked)
        if refused is not None:
            assert refused.endswith("。"), refused
            assert "\n" not in refused
            assert self.state() == before, "a refused move left something behind"
            return
        after = case_of(self.house, self.number)
        made = Move(events(self.house, self.number)[-1].move)
        if made not in MAY_MOVE_THE_DUE_TIME and before["due_at"] is not None:
            assert after.due_at == before["due_at"], f"{made} moved the due time"
        if before["original_due_at"] is not None:
            assert after.original_due_at == before["original_due_at"]
            assert after.contact_due_at == before["contact_due_at"]
            assert after.dispatched_at == before["dispatched_at"]

    @rule(who=st.sampled_from(OUTSIDE), verb=st.sampled_from(list(Verb)), asked=ASKED)
    def anybody_tries_anything(self, who, verb, asked):
        self.attempt(who, verb, asked)

    @rule(index=st.integers(0, 20), second=st.booleans(), more=ASKED)
    def the_right_person_makes_a_lawful_move(self, index, second, more):
        """Most walks would otherwise never leave the first status."""
        status = self.state()["status"]
        open_to_all = moves_from(status)
        made = open_to_all[index % len(open_to_all)]
        verb, conclusion = AS_SAID.get(made, (made.value, None))
        asked = HELPFUL | ({"conclusion": conclusion} if conclusion else {})
        if index > 17:
            asked |= more
        self.attempt(self.right_person(made, second), Verb(verb), asked)

    def right_person(self, made, second):
        needed = ROLES[made]
        if Role.HANDLER in needed:
            return MED_HEAD if made is Move.ASSIST else self.handler() or HEAD
        if Role.SUPERVISOR in needed and made not in APPROVING:
            return SECOND_SUPERVISOR if second else SUPERVISOR
        return DESK if Role.DESK in needed else SUPERVISOR if second else HEAD

    @rule()
    def a_photograph_comes(self):
        if who := self.handler():
            try:
                photograph(self.house, who, self.number)
            except ReviewbotError:
                return

    @rule(hours=st.integers(1, 100), sweeps=st.integers(1, 3))
    def time_passes(self, hours, sweeps):
        self.clock.moment += timedelta(hours=hours)
        before = self.state()
        for _ in range(sweeps):
            with self.house.database.begin() as session:
                advance_due(session, before["id"], now=self.clock.moment, rulebook=self.house.rulebook)
        after = self.state()
        for name in ("status", "due_at", "original_due_at", "contact_due_at", "handler_id", "round"):
            assert after[name] == before[name], f"time alone changed {name}"

    @invariant()
    def the_case_is_whole(self):
        if not hasattr(self, "number"):
            return
        case, told = case_of(self.house, self.number), events(self.house, self.number)
        made = Counter(event.move for event in told)
        assert first_break(told) is None
        assert case.event_count == len(told)
        assert case.call_count == made["record_call"]
        assert case.return_count == made["return"] + made["return_again"]
        assert case.reopen_count == made["reopen"]
        assert case.round == made["reopen"] + 1
        assert told[-1].after == case.status.value
        assert moves_from(case.status)
        assert (case.closed_at is not None) == (case.status is CaseStatus.CLOSED)
        if case.status is CaseStatus.CLOSED:
            assert case.next_action_at is None
        with self.house.database.begin() as session:
            assert cases_without_holder(session) == []

    @invariant()
    def every_rung_speaks_once_and_in_order(self):
        if not hasattr(self, "number"):
            return
        for due in due_times(self.house, self.number):
            assert len(due.rungs_done) == len(set(due.rungs_done))
            spoken = [
                event.data["rung"] for event in events(self.house, self.number)
                if event.data.get("stage") == due.stage and event.data.get("round", due.round) == due.round
            ]  # fmt: skip
            assert len(spoken) >= len(due.rungs_done)


def test_no_walk_breaks_a_case(house, clock):
    run_state_machine_as_test(
        type("ThisWalk", (Walk,), {"house": house, "clock": clock}),
        settings=trying(
            max_examples=20, stateful_step_count=50, deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip
