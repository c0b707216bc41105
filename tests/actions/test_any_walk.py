"""Whatever people do in whatever order while time passes: the case stays whole, held, and its clocks unmoved."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest
from case_kit import (
    DESK,
    HEAD,
    SECOND_SUPERVISOR,
    SUPERVISOR,
    case_of,
    due_times,
    events,
    messages,
    move,
    opened,
    photograph,
)
from hypothesis import HealthCheck
from hypothesis import settings as trying
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from recount_kit import every_figure_equals_a_recount_from_the_events
from rules_kit import decree, today
from sqlalchemy import select
from ways_kit import AS_SAID, EXPLAINED, FIRST, WAY_ON, WAY_TO, S

from reviewbot.actions.advance_due import advance_due
from reviewbot.actions.step import Verb
from reviewbot.commands.audit import altered_case
from reviewbot.errors import ReviewbotError
from reviewbot.models.case import Call, Evidence
from reviewbot.models.chain import first_break
from reviewbot.models.oversight import Card, Letter
from reviewbot.models.people import Department, Staff
from reviewbot.models.procedure import (
    Application,
    ApplicationKind,
    ApplicationState,
    Assistance,
)
from reviewbot.queries.audit import case_records
from reviewbot.queries.handovers import cases_without_holder
from reviewbot.rules.call_back import Outcome
from reviewbot.rules.ladder import NOT_HELD, OF_A_UNIT
from reviewbot.rules.lifecycle import ROLES, TRANSITIONS, CaseStatus, Conclusion, Move, Role, moves_from

LEADER, MED_HEAD = "zhouzhidong01", "zengjiabin01"
OUTSIDE = [HEAD, DESK, SUPERVISOR, SECOND_SUPERVISOR, LEADER, MED_HEAD]
MAY_MOVE_THE_DUE_TIME = {Move.GRANT_EXTENSION, Move.CONCLUDE_JUSTIFIED, Move.REOPEN}
MOVES_IT_WHERE_APPEALS_STOP_THE_CLOCK = {Move.APPEAL, Move.UPHOLD_APPEAL, Move.REFUSE_APPEAL}
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
GIVING = {Move.DISPATCH, Move.REFUSE_RETURN, Move.RULE, Move.UPHOLD_APPEAL, Move.REFUSE_APPEAL}
"""After these a unit can act, and before them it could not."""
WORKING = {S.VERIFYING, S.RECTIFYING, S.EXPLAINING}
WHERE_DECIDED = {
    ApplicationKind.EXTENSION: WORKING,
    ApplicationKind.LEDGER: {S.RECTIFYING},
    ApplicationKind.APPEAL: {S.APPEALED},
}
MADE = Counter()
"""Which moves were made from which status, by every walk of this module."""


class Walk(RuleBasedStateMachine):
    house, clock, movers = None, None, MAY_MOVE_THE_DUE_TIME  # given by the test

    @initialize()
    def open(self):
        self.clock.moment = max(self.clock.moment, datetime(2026, 11, 30, 1, tzinfo=UTC))
        self.number = opened(self.house)
        self.limits = {}

    def state(self):
        case = case_of(self.house, self.number)
        return {name: value for name, value in vars(case).items() if not name.startswith("_")}

    def handler(self):
        with self.house.database.begin() as session:
            ident = case_of(self.house, self.number).handler_id
            return session.scalar(select(Staff.userid).where(Staff.id == ident)) if ident else None

    def of_the_unit(self, role):
        """The first of the unit that holds the case with this role who is not its handler."""
        case = case_of(self.house, self.number)
        with self.house.database.begin() as session:
            found = select(Staff.userid).where(
                Staff.department_id == case.department_id, Staff.id != case.handler_id, Staff.active,
                Staff.roles.contains([role]),
            )  # fmt: skip
            return session.scalar(found.order_by(Staff.id))

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
            return refused
        after = case_of(self.house, self.number)
        made = Move(events(self.house, self.number)[-1].move)
        MADE[before["status"], made] += 1
        if made not in self.movers and before["due_at"] is not None:
            assert after.due_at == before["due_at"], f"{made} moved the due time"
        if after.status is not S.APPEALED and after.dispatched_at is not None:
            assert after.due_at is not None, "a clock stands still, and nobody decides on it any more"
        if before["original_due_at"] is not None:
            assert after.original_due_at == before["original_due_at"]
            assert after.contact_due_at == before["contact_due_at"]
            assert after.dispatched_at == before["dispatched_at"]
        return None

    @rule(who=st.sampled_from(OUTSIDE), verb=st.sampled_from(list(Verb)), asked=ASKED)
    def anybody_tries_anything(self, who, verb, asked):
        self.attempt(who, verb, asked)

    @rule(index=st.integers(0, 30), second=st.booleans(), more=ASKED)
    def the_right_person_makes_a_lawful_move(self, index, second, more):
        """Most walks would otherwise never leave the first status."""
        open_to_all = moves_from(self.state()["status"])
        self.make(open_to_all[index % len(open_to_all)], second=second, more=more if index > 27 else {})

    def make(self, made, *, second=False, more=None):
        """One move of the table by somebody who may; the refusal, if its own conditions are not met."""
        if made is Move.ADD_EVIDENCE:
            return self.photographed()
        verb, conclusion = AS_SAID.get(made, (made.value, None))
        asked = HELPFUL | {"person": self.of_the_unit("handler") or ""}
        asked |= {"conclusion": conclusion} if conclusion else {}
        asked |= {"department": None} if verb == "return" else {}  # the case may lie with the unit of HELPFUL
        if made is Move.WITHDRAW_ASSISTANCE:  # whoever was asked, not only the unit of HELPFUL
            asked |= {"department": self.asked_unit()}
        return self.attempt(self.right_person(made, second), Verb(verb), asked | (more or {}))

    def asked_unit(self):
        """Code of a unit whose help is waited for."""
        waited = [one.department_id for one in self.mine(Assistance) if one.state == "open"]
        with self.house.database.begin() as session:
            return session.get_one(Department, waited[0]).code if waited else "MED"

    def right_person(self, made, second):
        needed = ROLES[made]
        if made in APPROVING:
            return SUPERVISOR if second else self.of_the_unit("head") or SUPERVISOR
        if made is Move.ASSIST:
            return MED_HEAD
        if Role.HANDLER in needed and (self.handler() or Role.DESK not in needed):
            return self.handler() or HEAD
        if Role.SUPERVISOR in needed:
            return SECOND_SUPERVISOR if second else SUPERVISOR
        return DESK if Role.DESK in needed else SUPERVISOR

    @rule()
    def a_photograph_comes(self):
        self.photographed()

    def photographed(self):
        before = self.state()["status"]
        if who := self.handler():
            try:
                photograph(self.house, who, self.number)
            except ReviewbotError as refused:
                return refused.sentence
            MADE[before, Move.ADD_EVIDENCE] += 1
        return None

    @rule(hours=st.one_of(st.integers(1, 100), st.just(2_500)), sweeps=st.integers(1, 3))
    def time_passes(self, hours, sweeps):
        self.clock.moment += timedelta(hours=hours)
        before = self.state()
        for _ in range(sweeps):
            with self.house.database.begin() as session:
                advance_due(session, before["id"], now=self.clock.moment, rulebooks=self.house.rulebooks)
        after = self.state()
        for name in ("status", "due_at", "original_due_at", "contact_due_at", "handler_id", "round"):
            assert after[name] == before[name], f"time alone changed {name}"

    def mine(self, model):
        ident = case_of(self.house, self.number).id
        with self.house.database.begin() as session:
            return list(session.scalars(select(model).where(model.case_id == ident)))

    @invariant()
    def every_counter_equals_a_recount_from_the_events(self):
        if not hasattr(self, "number"):
            return
        case, told = case_of(self.house, self.number), events(self.house, self.number)
        made = Counter(Move(event.move) for event in told)
        assert first_break(told) is None
        assert case.event_count == len(told)
        assert case.call_count == made[Move.RECORD_CALL] == len(self.mine(Call))
        assert case.return_count == made[Move.RETURN] + made[Move.RETURN_AGAIN]
        assert case.reopen_count == made[Move.REOPEN] == case.round - 1
        assert len(self.mine(Evidence)) == made[Move.ADD_EVIDENCE]
        asked = Counter(one.kind for one in self.mine(Application))
        assert asked[ApplicationKind.EXTENSION] == made[Move.REQUEST_EXTENSION]
        assert made[Move.GRANT_EXTENSION] <= today(self.house).policy.extensions.most
        assert asked[ApplicationKind.LEDGER] == made[Move.REQUEST_LEDGER]
        assert asked[ApplicationKind.APPEAL] == made[Move.APPEAL]
        said = sum(len(one.decisions) for one in self.mine(Application))
        assert said == sum(count for move_, count in made.items() if move_ in DECIDING)
        assert len(self.mine(Assistance)) == made[Move.ASK_ASSISTANCE]
        cards = Counter(event.data.get("card") for event in told if event.move == Move.ISSUE_CARD)
        assert Counter(card.colour for card in self.mine(Card)) == +Counter(
            {colour: cards[colour] for colour in ("yellow", "red")}
        )
        assert len(self.mine(Letter)) == made[Move.DRAFT_LETTER]
        assert told[-1].after == case.status.value
        assert (case.closed_at is not None) == (case.status is S.CLOSED)
        if case.status is S.CLOSED:
            assert case.next_action_at is None

    @invariant()
    def somebody_holds_it_and_whatever_waits_can_be_settled(self):
        if not hasattr(self, "number"):
            return
        case = case_of(self.house, self.number)
        with self.house.database.begin() as session:
            assert cases_without_holder(session) == []
            records = list(case_records(session))
            found = [line for each in records for line in altered_case(each, self.house.settings.data_dir)]
            assert found == []
        for one in self.mine(Application):
            if one.state is ApplicationState.PENDING:
                assert case.status in WHERE_DECIDED[one.kind], f"{one.kind} waits in {case.status}"
        if any(one.state == "open" for one in self.mine(Assistance)):
            assert case.status in WORKING | {S.ON_LEDGER}, f"a helper is waited for in {case.status}"
        assert not [one for one in messages(self.house, case_id=case.id) if one.reason == "没有可接收的人员"]

    @invariant()
    def no_limit_is_ever_changed_and_every_rung_comes_once_and_in_order(self):
        if not hasattr(self, "number"):
            return
        told = events(self.house, self.number)
        for due in due_times(self.house, self.number):
            stands = (due.started_at, due.due_at, due.limit_text, due.working, due.calendar_version)
            assert self.limits.setdefault(due.id, stands) == stands, f"the limit {due.stage} was changed"
            recorded = [
                event.data["rung"] for event in told
                if event.data.get("stage") == due.stage and event.data.get("round") == due.round
            ]  # fmt: skip
            assert recorded == due.rungs_done
            assert len(set(recorded)) == len(recorded)
            for part in self.parts_of_the_ladder(
                due
            ):  # to the unit, to whoever has it instead, above them all
                mine = [key for key in recorded if key in part]
                assert mine == part[: len(mine)]

    def parts_of_the_ladder(self, due):
        rules = today(self.house)
        held = rules.rungs(due.stage, due.started_at, due.due_at, due.started_at)
        bare = rules.rungs(due.stage, due.started_at, due.due_at, None)
        yield [rung.key for rung in held if rung.act in OF_A_UNIT]
        yield [rung.key for rung in held if rung.act not in OF_A_UNIT]
        yield [rung.key for rung in bare if rung.key.endswith(NOT_HELD)]

    @invariant()
    def a_unit_is_pressed_for_what_it_can_do_and_never_left_in_peace(self):
        if not hasattr(self, "number"):
            return
        case, told = case_of(self.house, self.number), events(self.house, self.number)
        since = {}
        for event in told:
            if event.move in GIVING:
                since[event.seq] = event.at
            if event.move in (Move.ISSUE_CARD, Move.DRAFT_LETTER) and event.data["rung"] != "report":
                assert CaseStatus(event.before).is_with_unit
                got = since[max(since)]
                stage = event.data["stage"], event.data["round"]
                (due,) = [
                    one for one in due_times(self.house, self.number) if (one.stage, one.round) == stage
                ]
                if got > due.started_at:
                    assert event.at >= today(self.house).due("received_late", got).due_at
        overdue = case.due_at is not None and case.due_at <= self.clock.now()
        if case.status.is_open and case.status.is_with_unit and overdue and case.next_action_at is None:
            assert any("rung" in event.data and event.at >= case.held_since for event in told) or any(
                "接到时已逾期" in one.body["note"] and one.created_at >= case.held_since
                for one in messages(self.house, case_id=case.id) if "note" in one.body
            )  # fmt: skip

    def teardown(self):
        """Wherever the walk has ended, people can bring the case to its end."""
        if hasattr(self, "number"):
            every_figure_equals_a_recount_from_the_events(self.house, self.number)
            self.come_to_the_end()
            every_figure_equals_a_recount_from_the_events(self.house, self.number)

    def come_to_the_end(self):
        for _ in range(4 * len(WAY_ON)):
            if (status := self.state()["status"]) is S.CLOSED:
                return
            for made in WAY_ON[status]:
                for second in (False, True):
                    self.make(made, second=second)
        raise AssertionError(f"no way out of {self.state()['status']}")


DECIDING = {
    Move.GRANT_EXTENSION, Move.REFUSE_EXTENSION, Move.GRANT_LEDGER, Move.REFUSE_LEDGER, Move.SUPPORT_APPEAL,
    Move.UPHOLD_APPEAL, Move.REFUSE_APPEAL,
}  # fmt: skip


def walk_with(machine, house, clock):
    return type("ThisWalk", (machine,), {"house": house, "clock": clock})


def walk_through(machine, house, clock, *, stops, walks, steps):
    """``stops``: under a policy by which an appeal stops the clock."""
    kind = walk_with(machine, house, clock)
    if stops:
        decree(house, "stopping", ("stop_clock = false", "stop_clock = true"))
        kind.movers = MAY_MOVE_THE_DUE_TIME | MOVES_IT_WHERE_APPEALS_STOP_THE_CLOCK
    run_state_machine_as_test(
        kind,
        settings=trying(
            max_examples=walks,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.parametrize(("stops", "walks"), [(False, 8), (True, 5)])
def test_no_walk_breaks_a_case(house, clock, stops, walks):
    walk_through(Walk, house, clock, stops=stops, walks=walks, steps=50)


@pytest.mark.parametrize("status", list(CaseStatus))
def test_every_move_of_the_table_is_walked_from_every_status_it_starts_from(house, clock, status):
    """What a walk of fifty steps reaches by chance is made sure of here; every invariant holds after each."""
    for made in moves_from(status):
        walk = walk_with(Walk, house, clock)()
        clock.moment = datetime(2026, 11, 30, 1, tzinfo=UTC)
        walk.open()
        way = WAY_TO[status]
        if made is Move.SEND_BACK_EXPLANATION:
            way = (*EXPLAINED, Move.SUBMIT_EXPLANATION)
        if made is Move.KEEP_AS_RULE:
            way = (Move.RETURN, Move.CONVENE, Move.RULE, *way)
        if made is Move.RETURN_AGAIN:
            way = (Move.RETURN, Move.DISPATCH, *way)
        for number, step in enumerate((*way, *FIRST.get(made, ()), made)):
            second = step is Move.UPHOLD_APPEAL
            assert walk.make(step, second=second) is None, (made, number, step)
        walk.every_counter_equals_a_recount_from_the_events()
        walk.somebody_holds_it_and_whatever_waits_can_be_settled()
        walk.no_limit_is_ever_changed_and_every_rung_comes_once_and_in_order()
        assert MADE[status, made], (status, made)
        assert walk.state()["status"] is TRANSITIONS[status, made]
    walk.teardown()


def test_from_every_status_there_is_a_way_to_the_end():
    reached = {S.CLOSED}
    while more := {start for (start, _), after in TRANSITIONS.items() if after in reached} - reached:
        reached |= more

    assert reached == set(CaseStatus)
    assert set(WAY_ON) == reached - {S.CLOSED}
