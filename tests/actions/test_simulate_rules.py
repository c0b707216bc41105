"""The past once more: under the rules in force it reproduces what really happened, under others it writes nothing."""

import json
from collections import Counter
from datetime import datetime, timedelta

import pytest
from case_kit import (
    DESK,
    HEAD,
    SECOND_SUPERVISOR,
    SUPERVISOR,
    case_of,
    handler_of,
    move,
    opened,
    photograph,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ladder_kit import rows, sweep
from rules_kit import NATIONAL, decree, local_days, policy_text, proclaim
from sqlalchemy import text
from sqlalchemy.exc import InternalError

from reviewbot.actions.simulate_rules import BY_CALENDAR, simulate_rules
from reviewbot.clock import CHINA
from reviewbot.errors import Conflict
from reviewbot.models.oversight import Card, Letter, LetterKind
from reviewbot.models.people import Department
from reviewbot.rules.calendar import Calendar
from reviewbot.rules.lifecycle import Conclusion
from reviewbot.rules.policy import Policy, parse

SHORTER = ("[limits.handling]\nvalue = 5", "[limits.handling]\nvalue = 2")


def simulated(house, policy_text_=None, calendar=None):
    policy = Policy.from_table(parse(policy_text_ or policy_text("draft"), "draft"))
    with house.database.begin() as session:
        return simulate_rules(
            session, house.rulebooks, policy, calendar, first=datetime(2026, 1, 1, tzinfo=CHINA),
            until=house.clock.now(),
        )  # fmt: skip


def pass_days(house, clock, days):
    """Half-days with a sweep each: the system was never down."""
    for _ in range(2 * days):
        clock.moment += timedelta(hours=12)
        sweep(house)


def extend(house, number, who):
    move(house, who, "request_extension", number, days=3, remark="须外调")
    move(house, SUPERVISOR, "agree", number)


def close(house, number, who):
    move(house, who, "submit_measures", number, remark="增设窗口")
    photograph(house, who, number)
    move(house, HEAD, "approve", number)
    move(house, who, "record_feedback", number, channel="电话", remark="已告知")


def uphold(house, number, _):
    for who in (SUPERVISOR, SECOND_SUPERVISOR):
        move(house, who, "agree", number, remark="经查", no_attachment=True)


def by(who, verb, **asked):
    """A deed of one move, by this person or (None) by whoever handles the case."""
    return lambda house, number, handler: move(house, who or handler, verb, number, **asked)


DEEDS = {
    "sign": by(None, "sign"), "call": by(None, "record_call", reached=True, remark="已致歉"),
    "complex": by(None, "conclude", conclusion=Conclusion.JUSTIFIED, complex=True),
    "conclude": by(None, "conclude", conclusion=Conclusion.JUSTIFIED),
    "appeal": by(None, "conclude", conclusion=Conclusion.MISRATED, remark="评价人称点错"),
    "return": by(HEAD, "return", remark="应由医保分局办理，依据三定方案"),
    "dispatch": by(DESK, "dispatch", department="MED"),
    "convene": by(DESK, "convene", remark="两家各执一词"),
    "refuse": by(SUPERVISOR, "disagree", remark="经查属实"),
    "reopen": by(SUPERVISOR, "reopen", remark="评价人反映未解决"),
    "instruct": by(SUPERVISOR, "instruct", remark="请抓紧办理"),
    "extend": extend, "close": close, "uphold": uphold,
}  # fmt: skip


def act(house, number, deed):
    holds = case_of(house, number).handler_id is not None
    DEEDS[deed](house, number, handler_of(house, number) if holds else None)


LIVES = [
    [],
    ["sign", "call"],
    ["sign", "extend"],
    ["sign", "call", "complex", "close"],
    ["instruct", "sign", "call", "complex", "close", "reopen"],
    ["return"],
    ["instruct", "return"],
    ["return", "dispatch", "sign", "call"],
    ["return", "convene"],
    ["sign", "call", "appeal"],
    ["sign", "call", "appeal", "refuse", "close"],
    ["sign", "call", "appeal", "uphold"],
]
EARLY = {"extend", "complex", "return", "appeal"}
"""What may be done in time only: more time before the due time (F16), a return and an appeal in their windows."""


def by_unit(house):
    """What the database says was issued, by unit."""
    names = {unit.id: unit.short_name for unit in rows(house, Department)}
    found = Counter()
    for card in rows(house, Card):
        if not (card.withdrawn_reason or "").startswith(BY_CALENDAR):
            found[names[card.department_id], card.colour] += 1
    return found


def assert_reproduced(house):
    told = simulated(house)
    assert told.replayed == told.issued
    counted = Counter(
        {(unit, key): row[key] for unit, row in told.in_force.items() for key in ("yellow", "red")}
    )
    assert told.issued["reports"] == len([one for one in rows(house, Letter) if one.department_id is None])
    assert +counted == by_unit(house)
    assert {unit: row["letters"] for unit, row in told.in_force.items() if row["letters"]} == letters_by_unit(
        house
    )
    return told


def letters_by_unit(house):
    names = {unit.id: unit.short_name for unit in rows(house, Department)}
    return dict(
        Counter(names[one.department_id] for one in rows(house, Letter) if one.kind is LetterKind.SUPERVISION)
    )


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.sampled_from(LIVES), st.integers(0, 6)), min_size=1, max_size=3),
    st.sampled_from([0, 5, 20, 120]),
)
def test_the_rules_in_force_reproduce_the_cards_and_letters_really_issued(house, clock, lives, rest):
    plans = [(opened(house), list(deeds), pause) for deeds, pause in lives]
    for number, deeds, pause in plans:
        for deed in deeds:
            pass_days(house, clock, pause)
            try:
                act(house, number, deed)
            except Conflict:
                assert deed in EARLY, deed
                break
    pass_days(house, clock, 3)
    clock.moment += timedelta(days=rest)
    sweep(house)

    told = assert_reproduced(house)
    assert told.in_force == told.draft  # the draft is the policy in force under another name


def test_cases_of_several_versions_and_a_changed_calendar_are_reproduced_each_by_its_own(house, clock):
    opened(house)
    decree(house, "strict", SHORTER)
    opened(house)
    pass_days(house, clock, 8)
    proclaim(house, local_days("storm", off=["2026-12-08"]))
    pass_days(house, clock, 12)

    told = assert_reproduced(house)
    assert told.replayed == {"yellow": 2, "red": 2, "letters": 2, "reports": 0}


def test_nothing_is_counted_that_comes_while_no_unit_has_the_case(house, clock):
    """A card and a letter are a unit's: at the desk the case is late and no more, then as now."""
    number = opened(house)
    act(house, number, "return")
    pass_days(house, clock, 20)
    assert rows(house, Card) == rows(house, Letter) == []

    told = assert_reproduced(house)
    assert set(told.replayed.values()) == set(told.issued.values()) == {0}
    assert sum(row["overdue"] for row in told.in_force.values()) == 1


@pytest.mark.parametrize("way", [["return", "dispatch"], ["sign", "call", "appeal", "refuse"]])
def test_a_unit_that_got_it_late_is_carded_by_the_same_rule(house, clock, way):
    number = opened(house)
    for deed in way[:-1]:
        act(house, number, deed)
    pass_days(house, clock, 20)
    act(house, number, way[-1])
    pass_days(house, clock, 15)
    assert [card.colour for card in rows(house, Card)] == ["yellow", "red"]

    told = assert_reproduced(house)
    assert told.replayed == {"yellow": 1, "red": 1, "letters": 1, "reports": 0}


def test_a_stricter_draft_shows_the_cards_it_would_have_issued(house, clock):
    number = opened(house)
    act(house, number, "sign")
    pass_days(house, clock, 4)  # closed on Friday: inside five working days, outside two
    act(house, number, "call")
    act(house, number, "conclude")
    act(house, number, "close")
    pass_days(house, clock, 10)
    told = simulated(house, policy_text("draft", SHORTER))

    (unit,) = told.in_force
    assert (told.in_force[unit]["cases"], told.in_force[unit]["overdue"], told.in_force[unit]["yellow"]) == (
        1,
        0,
        0,
    )
    assert (told.draft[unit]["cases"], told.draft[unit]["overdue"], told.draft[unit]["yellow"]) == (1, 1, 1)


def test_a_draft_calendar_moves_the_past_and_loud_rules_speak_at_night(house, clock):
    opened(house)
    pass_days(house, clock, 8)
    off = [f"2026-12-{day:02}" for day in range(1, 9)]
    calendar = Calendar.from_texts(NATIONAL, local_days("storm", off=off))
    told = simulated(house, policy_text("loud", ("quiet = true", "quiet = false")), calendar)

    assert sum(row["yellow"] for row in told.in_force.values()) == 1
    assert sum(row["yellow"] for row in told.draft.values()) == 0
    assert sum(row["at_night"] for row in told.in_force.values()) == 0
    loud = simulated(house, policy_text("loud", ("quiet = true", "quiet = false")))
    assert sum(row["at_night"] for row in loud.draft.values()) > 0


def test_nothing_is_written_and_nothing_could_be(house, clock):
    number = opened(house)
    pass_days(house, clock, 9)
    before = _everything(house)
    simulated(house, policy_text("draft", SHORTER))
    assert _everything(house) == before
    policy = Policy.from_table(parse(policy_text("draft"), "draft"))
    with house.database.begin() as session:
        simulate_rules(
            session,
            house.rulebooks,
            policy,
            None,
            first=clock.moment - timedelta(days=30),
            until=clock.moment,
        )
        with pytest.raises(InternalError, match="read-only"):
            session.execute(text("UPDATE cases SET number = :number"), {"number": number})
        session.rollback()


def _everything(house):
    with house.database.begin() as session:
        tables = session.scalars(
            text("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename")
        ).all()
        return json.dumps({
            table: session.scalars(text(f'SELECT t::text FROM "{table}" AS t ORDER BY 1')).all() for table in tables
        })  # fmt: skip


@pytest.mark.parametrize("months", [1])
def test_older_cases_are_left_out(house, clock, months):
    opened(house)
    clock.moment += timedelta(days=60)
    policy = Policy.from_table(parse(policy_text("draft"), "draft"))
    with house.database.begin() as session:
        told = simulate_rules(
            session, house.rulebooks, policy, None, first=clock.moment - timedelta(days=30 * months),
            until=clock.moment,
        )  # fmt: skip

    assert told.in_force == {}
