"""The sample of a month: committed to beforehand, drawn once, given to somebody independent, provable."""

from datetime import UTC, datetime, timedelta

import pytest
from case_kit import (
    DESK,
    HEAD,
    SECOND_SUPERVISOR,
    SUPERVISOR,
    awaiting_approval,
    case_of,
    closed,
    conclude,
    handler_of,
    messages,
    move,
    opened_all,
    photograph,
    record,
    verifying,
    viewer,
)  # fmt: skip
from recall_kit import (
    CALLERS,
    FIRST_WORKING_DAY,
    MONTH,
    caller_of,
    commit,
    draw,
    draw_row,
    drawn_month,
    number_of,
    recalls,
    report,
    sweep,
)
from rich.console import Console
from sqlalchemy import text

from reviewbot.actions.report_recalls import verify_recalls
from reviewbot.commands.recalls import SampleAltered, verify
from reviewbot.errors import Conflict, NotAllowed, NotFound
from reviewbot.models.people import Delegation
from reviewbot.rules.lifecycle import Conclusion
from reviewbot.rules.recall import digest, draw_sample, population_of, population_text


def population(house):
    return [one.number for one in population_of(draw_row(house).population)]


def verified(house):
    with house.database.begin() as session:
        return verify_recalls(session, MONTH)


def alter(house, statement, **values):
    with house.database.begin() as session:
        session.execute(text(statement), values)


def test_the_commitment_is_told_before_the_month_and_the_secret_stays(house):
    assert sweep(house)
    assert not sweep(house)

    told = messages(house, kind="recall_commitment", userid=SUPERVISOR)
    rows = [draw_row(house, month) for month in ("2026-11", "2026-12")]
    assert [digest(row.secret) for row in rows] == [row.commitment for row in rows]
    assert all(row.commitment in one.body["content"] for row, one in zip(rows, told, strict=True))
    assert not any(row.secret in str(one.body) for row in rows for one in told)


def test_the_sample_is_drawn_in_office_hours_of_the_first_working_day_and_only_once(house, clock):
    commit(house)
    number = closed(house)
    for moment in (datetime(2026, 11, 30, 15, 59, tzinfo=UTC), datetime(2026, 11, 30, 16, 1, tzinfo=UTC)):
        clock.moment = moment  # one minute before and after midnight in China
        assert not sweep(house)
    assert recalls(house) == []
    clock.moment = FIRST_WORKING_DAY
    assert sweep(house)
    first = draw_row(house)

    assert population(house) == [number]
    assert [number_of(house, one) for one in recalls(house)] == [number]
    assert not sweep(house)
    assert not draw(house)
    assert draw_row(house).seed == first.seed


def test_a_month_that_runs_or_was_not_committed_to_is_not_drawn(house, clock):
    commit(house)
    with pytest.raises(Conflict, match="还没有结束"):
        draw(house)
    clock.moment = FIRST_WORKING_DAY
    with pytest.raises(Conflict, match="没有公布承诺值"):
        draw(house, "2026-10")
    alter(
        house,
        "UPDATE recall_draws SET committed_at = :at WHERE period = :month",
        at=FIRST_WORKING_DAY,
        month=MONTH,
    )
    with pytest.raises(Conflict, match="没有公布承诺值"):
        draw(house)


def test_the_population_is_what_claims_a_call_back_and_counts(house, clock):
    commit(house)
    good = closed(house)
    anonymous = closed(house, rater={"kind": "person", "anonymous": True})
    awaiting_approval(house)
    reopened = closed(house)
    move(house, SUPERVISOR, "reopen", reopened, remark="没有补发")
    appealed = verifying(house)
    move(house, handler_of(house, appealed), "record_call", appealed, reached=True, remark="点错了")
    conclude(house, appealed, Conclusion.MISRATED)
    for who in (SUPERVISOR, SECOND_SUPERVISOR):
        move(house, who, "agree", appealed, no_attachment=True)
    move(house, handler_of(house, appealed), "record_feedback", appealed, channel="电话", remark="已告知")
    missed = verifying(house)
    handler = handler_of(house, missed)
    for half_day in (0, 5, 24):
        clock.moment = datetime(2026, 11, 26, 1, tzinfo=UTC) + timedelta(hours=half_day)
        move(house, handler, "record_call", missed, reached=False, remark="无人接听")
    clock.moment = datetime(2026, 11, 30, 8, tzinfo=UTC)
    conclude(house, missed)
    move(house, handler, "submit_measures", missed, remark="增设窗口")
    move(house, HEAD, "approve", missed, no_attachment=True)
    move(house, handler, "record_feedback", missed, channel="短信", remark="已告知")
    clock.moment = FIRST_WORKING_DAY
    later = closed(house)
    sweep(house)

    assert case_of(house, appealed).closing_kind.is_excluded
    assert population(house) == sorted([good, missed])
    assert not {anonymous, later} & set(population(house))


def test_a_case_closed_or_reopened_later_changes_nothing_in_a_drawn_sample(house):
    numbers = drawn_month(house, 3)
    before = (draw_row(house).population, [number_of(house, one) for one in recalls(house)])
    move(house, SUPERVISOR, "reopen", numbers[0], remark="没有补发")
    closed(house)

    assert not sweep(house)
    assert (draw_row(house).population, [number_of(house, one) for one in recalls(house)]) == before
    assert verified(house) == []


def test_every_unit_is_served_and_everybody_called_by_somebody_independent(house):
    commit(house)
    records = [record(department=unit, item=None) for unit in ("SOC", "MED", "TAX", "MKT") for _ in range(2)]
    units = set()
    for number in opened_all(house, records):
        handler = handler_of(house, number)
        move(house, handler, "sign", number)
        move(house, handler, "record_call", number, reached=True, remark="已致歉")
        conclude(house, number)
        move(house, handler, "submit_measures", number, remark="增设窗口")
        photograph(house, handler, number)
        move(house, SUPERVISOR, "approve", number)
        move(house, handler, "record_feedback", number, channel="电话", remark="已告知")
        units.add(case_of(house, number).department_id)
    house.clock.moment = FIRST_WORKING_DAY
    sweep(house)

    found = recalls(house)
    assert len(found) == len(units) == 4
    assert {one.department_id for one in found} == units
    callers = [caller_of(house, one) for one in found]
    assert set(callers) <= CALLERS - {SUPERVISOR}  # he approved them all
    told = messages(house, kind="recalls")
    assert {one.userid for one in told} == set(callers)
    expected = draw_sample(population_of(draw_row(house).population), draw_row(house).seed, 5)
    assert [number_of(house, one) for one in found] == [one.number for one in expected]


def test_where_nobody_is_independent_the_supervisors_are_told_and_the_next_one_gets_it(house):
    alter(house, "UPDATE staff SET active = false WHERE userid = ANY(:all)", all=[*CALLERS - {SUPERVISOR}])
    commit(house)
    number = awaiting_approval(house)
    photograph(house, handler_of(house, number), number)
    move(house, SUPERVISOR, "approve", number)
    move(house, handler_of(house, number), "record_feedback", number, channel="电话", remark="已告知")
    house.clock.moment = FIRST_WORKING_DAY
    sweep(house)
    sweep(house)

    assert [one.caller_id for one in recalls(house)] == [None]
    (told,) = messages(house, kind="recalls_unassigned")
    assert (told.userid, number in told.body["content"]) == (SUPERVISOR, True)
    alter(house, "UPDATE staff SET active = true WHERE userid = :who", who=DESK)
    sweep(house)
    assert caller_of(house, recalls(house)[0]) == DESK


def test_a_caller_who_leaves_is_replaced_and_a_delegate_must_be_independent_too(house, clock):
    (number,) = drawn_month(house)
    (found,) = recalls(house)
    gone = caller_of(house, found)
    alter(house, "UPDATE staff SET active = false WHERE userid = :who", who=gone)
    sweep(house)
    (found,) = recalls(house)
    caller = caller_of(house, found)
    assert caller in CALLERS - {gone}

    handler = viewer(house, handler_of(house, number))
    with house.database.begin() as session:
        session.add(
            Delegation(
                staff_id=found.caller_id, delegate_id=handler.staff_id, date_from=clock.moment.date(),
                date_to=clock.moment.date(), reason="", made_by="test", made_at=clock.moment,
            )
        )  # fmt: skip
    with pytest.raises(NotAllowed, match="办理过"):
        report(house, found, "confirmed", "好的", who=handler.actor)
    with pytest.raises(NotFound, match="不由您回访"):
        report(house, found, "confirmed", "好的", who=HEAD)


def test_the_verification_finds_whatever_was_altered(house):
    numbers = drawn_month(house, 25)
    for one in recalls(house):
        report(house, one, "confirmed", "属实")
    console = Console(quiet=True)
    verify(house, MONTH, console)
    drawn = draw_row(house)
    spared = next(one for one in numbers if one not in {number_of(house, each) for each in recalls(house)})
    shorter = population_text(one for one in population_of(drawn.population) if one.number != spared)
    for statement, values, sentence in (
        ("UPDATE recall_draws SET secret = :it WHERE period = :month", {"it": digest("other")}, "承诺值"),
        ("UPDATE recall_draws SET population = :it WHERE period = :month", {"it": shorter}, "SHA-256"),
        ("UPDATE recall_draws SET seed = :it WHERE period = :month", {"it": digest("x")}, "种子"),
        (
            "UPDATE recalls SET case_id = (SELECT id FROM cases WHERE number = :it) "
            "WHERE period = :month AND place = 1", {"it": spared}, "样本与重算不符",
        ),
        ("UPDATE recalls SET finding = :it WHERE period = :month AND place = 1", {"it": "refused"}, "事件链"),
        (
            "UPDATE case_events SET hash = :it WHERE move = 'record_feedback' AND :month <> ''",
            {"it": digest("y")}, "办结记录",
        ),
    ):  # fmt: skip
        with house.database.begin() as session:
            session.execute(text("SET LOCAL session_replication_role = replica"))  # events are append-only
            session.execute(text(statement), values | {"month": MONTH})
            assert sentence in "".join(verify_recalls(session, MONTH))
            session.rollback()
    assert verified(house) == []

    alter(house, "UPDATE recalls SET finding = 'refused' WHERE place = 1")
    with pytest.raises(SampleAltered, match="事件链"):
        verify(house, MONTH, console)


def test_a_month_without_closings_has_an_empty_sample(house):
    commit(house)
    house.clock.moment = FIRST_WORKING_DAY
    sweep(house)

    assert recalls(house) == []
    assert draw_row(house).population == ""
    assert verified(house) == []
