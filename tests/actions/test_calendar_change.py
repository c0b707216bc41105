"""A changed calendar is a fact of the world: every limit that runs follows it, and what became wrong is undone (B2)."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from functools import partial

import pytest
from case_kit import (
    HEAD,
    SUPERVISOR,
    case_of,
    closed,
    conclude,
    due_times,
    events,
    handler_of,
    messages,
    move,
    opened,
    verifying,
    viewer,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ladder_kit import delivered, rows, sweep
from rules_kit import LOCAL, NATIONAL, local_days, proclaim

from reviewbot.actions.appeal_card import withdraw_card
from reviewbot.actions.follow_calendar import MOVED, follow_by_id
from reviewbot.actions.take_rules import take_calendar
from reviewbot.clock import CHINA
from reviewbot.errors import SettingError
from reviewbot.models.chain import first_break
from reviewbot.models.oversight import Card
from reviewbot.models.procedure import Assistance
from reviewbot.queries.cases import cases_behind
from reviewbot.queries.rulebooks import applied_calendar
from reviewbot.rules.deadlines import working_from_data

WEDNESDAY = "2026-12-02"
STORM = local_days("storm", off=[WEDNESDAY])


def china(text):
    return datetime.fromisoformat(text).replace(tzinfo=CHINA)


def follow(house):
    """What the sweep does: every case behind follows in a transaction of its own."""
    with house.database.begin() as session:
        behind = cases_behind(session, applied_calendar(session))
    done = []
    for case_id in behind:
        with house.database.begin() as session:
            done.append(follow_by_id(session, case_id, now=house.clock.now(), rulebooks=house.rulebooks))
    return done


def apply(house, local=LOCAL, national=NATIONAL):
    proclaim(house, local, national)
    return follow(house)


def handling(house, number):
    return [due for due in due_times(house, number) if due.stage.startswith("handling")][-1]


def test_a_day_off_moves_the_running_limits_with_their_working_and_keeps_the_old_one(house):
    number = opened(house)
    before, working = handling(house, number), handling(house, number).working
    (done,) = apply(house, STORM)

    after = handling(house, number)
    assert (before.due_at, after.due_at) == (china("2026-12-07T17:30"), china("2026-12-08T17:30"))
    assert case_of(house, number).due_at == case_of(house, number).original_due_at == after.due_at
    assert after.calendar_version == "national-2026.1+storm"
    assert working_from_data(after.working).due == after.due_at
    assert [(shift.stage, shift.days) for shift in done.shifts] == [
        ("handling", ("12-02 周三 工作日改为台风停工休",))
    ]
    event = events(house, number)[-1]
    assert (event.move, event.actor) == ("follow_calendar", "system")
    assert "2026-12-07 17:30 → 2026-12-08 17:30" in event.remark
    (kept,) = [one for one in event.data["limits"] if one["stage"] == "handling"]
    assert (kept["working"], kept["calendar_version"]) == (working, "national-2026.1+local-1")
    assert first_break(events(house, number)) is None


def test_the_holder_hears_of_it_once_and_the_rater_where_his_day_moved(house):
    number = opened(house)
    apply(house, STORM)

    (told,) = messages(house, kind="reminder_handling/calendar")
    assert told.userid == handler_of(house, number)
    assert "12-02" in told.body["desc"]
    (text,) = messages(house, kind="rescheduled")
    assert "预计 2026-12-08 前办结" in text.body["content"]


def test_a_rater_who_was_told_no_day_hears_nothing_and_one_told_anew_hears_of_the_way_back(house):
    opened(house, rater={"kind": "person", "anonymous": True})
    opened(house, department="无此单位", item="无此事项")  # at the desk: no day yet
    number = opened(house)
    apply(house, STORM)
    apply(house, LOCAL)

    told = messages(house, kind="rescheduled")
    assert {one.case_id for one in told} == {case_of(house, number).id}
    assert ["12-08" in one.body["content"] for one in told] == [True, False]


def test_applying_again_changes_nothing(house):
    number = opened(house)
    apply(house, STORM)
    before = (len(events(house, number)), len(messages(house)))
    assert not proclaim(house, STORM)
    assert apply(house, STORM) == []

    assert (len(events(house, number)), len(messages(house))) == before


def test_cards_that_became_wrong_are_withdrawn_with_the_reason_and_come_once_on_the_new_day(house, clock):
    number = opened(house)
    clock.moment = china("2026-12-07T17:31")
    sweep(house)
    assert [card.colour for card in rows(house, Card)] == ["yellow"]
    apply(house, STORM)

    (card,) = rows(house, Card)
    assert "national-2026.1+storm" in card.withdrawn_reason
    assert "handling" not in [due.stage for due in due_times(house, number) if "yellow" in due.rungs_done]
    assert any(one.kind == "card_settled" and one.userid == HEAD for one in messages(house))
    sweep(house)
    assert len(rows(house, Card)) == 1
    clock.moment = china("2026-12-08T17:31")
    sweep(house)
    sweep(house)
    standing = [card for card in rows(house, Card) if card.withdrawn_at is None]
    assert [card.colour for card in standing] == ["yellow"]
    issued = [event for event in events(house, number) if event.move == "issue_card"]
    assert len(issued) == 2


def test_a_rung_whose_day_only_lies_after_the_due_time_follows_too(house, clock):
    """Wednesday off after a Monday due time: the red card of Thursday becomes Friday's."""
    opened(house)
    clock.moment = china("2026-12-10T17:31")
    sweep(house)
    assert sorted(card.colour for card in rows(house, Card)) == ["red", "yellow"]
    (done,) = apply(house, local_days("storm", off=["2026-12-09"]))

    assert (done.cards, done.shifts) == (["red"], [])
    assert [card.colour for card in rows(house, Card) if card.withdrawn_at is None] == ["yellow"]


def test_a_card_that_people_took_back_does_not_come_again(house, clock):
    opened(house)
    clock.moment = china("2026-12-07T17:31")
    sweep(house)
    with house.database.begin() as session:
        withdraw_card(
            session, rows(house, Card)[0].id, "系统故障", viewer(house, SUPERVISOR), at=clock.moment
        )
    apply(house, STORM)
    clock.moment = china("2026-12-08T17:31")
    sweep(house)

    (card,) = rows(house, Card)
    assert card.withdrawn_reason == "系统故障"


def test_a_reminder_that_waits_for_the_office_is_void_when_its_limit_moves(house, clock):
    number = opened(house)
    clock.moment = china("2026-12-07T18:00")
    sweep(house)
    assert messages(house, kind="reminder_handling/yellow", state="held")
    apply(house, STORM)

    assert {one.reason for one in messages(house, kind="reminder_handling/yellow")} == {MOVED}
    clock.moment = china("2026-12-08T09:00")
    assert not [body for _, body in delivered(house) if body.get("title") == f"黄牌 {number}"]


def test_an_extension_starts_from_the_due_time_that_moved(house):
    number = verifying(house)
    move(house, handler_of(house, number), "request_extension", number, days=5, remark="须外调")
    move(house, SUPERVISOR, "agree", number)
    assert case_of(house, number).due_at == china("2026-12-14T17:30")
    apply(house, STORM)

    case = case_of(house, number)
    assert (case.original_due_at, case.due_at) == (china("2026-12-08T17:30"), china("2026-12-15T17:30"))
    assert handling(house, number).started_at == case.original_due_at


def test_a_helpers_sub_task_follows_and_its_person_hears_of_it(house):
    number = verifying(house)
    move(house, "chenjiafeng01", "ask_assistance", number, department="税务局", remark="请提供记录")
    helper = messages(house, kind="assist")[0].userid
    apply(house, STORM)

    assert helper in {one.userid for one in messages(house, kind="reminder_handling/calendar")}
    assert "协办" in events(house, number)[-1].remark
    (task,) = rows(house, Assistance)
    assert task.due_at == china("2026-12-04T17:30")


def test_closed_cases_keep_their_history(house):
    number = closed(house)
    before = [(due.stage, due.due_at, due.calendar_version) for due in due_times(house, number)]

    assert apply(house, STORM) == []
    assert [(due.stage, due.due_at, due.calendar_version) for due in due_times(house, number)] == before


def test_a_move_made_before_the_sweep_is_made_by_the_new_days(house):
    number = verifying(house)
    proclaim(house, STORM)
    move(house, handler_of(house, number), "record_call", number, reached=True, remark="已致歉")
    conclude(house, number, complex=True)

    stages = {due.stage: due for due in due_times(house, number)}
    assert {due.calendar_version for due in stages.values() if due.met_at is None} == {
        "national-2026.1+storm"
    }
    assert stages["handling"].due_at == china("2026-12-08T17:30")
    assert follow(house) == []


def test_no_card_is_issued_by_a_day_that_is_off(house, clock):
    """The deadline sweep comes before the calendar's: the case follows first."""
    opened(house)
    proclaim(house, STORM)
    clock.moment = china("2026-12-07T17:31")
    sweep(house)

    assert rows(house, Card) == []


def test_cases_opened_while_the_calendar_changes_all_end_on_the_new_one(house):
    with ThreadPoolExecutor(4) as pool:
        numbers = [pool.submit(opened, house) for _ in range(12)]
        changed = pool.submit(proclaim, house, STORM)
        numbers = [one.result() for one in numbers]
        changed.result()
    with ThreadPoolExecutor(2) as pool:  # two sweeps at once
        list(pool.map(lambda _: follow(house), range(2)))

    assert {handling(house, number).due_at for number in numbers} == {china("2026-12-08T17:30")}
    for number in numbers:
        assert len([one for one in events(house, number) if one.move == "follow_calendar"]) <= 1


def test_fifteen_working_days_from_18_december_are_flagged_provisional_and_become_final(house, clock):
    """T3: the year 2027 is not published when the case is opened."""
    clock.moment = china("2026-12-18T10:00")
    number = verifying(house)
    move(house, handler_of(house, number), "record_call", number, reached=True, remark="已致歉")
    conclude(house, number, complex=True)
    provisional = handling(house, number)
    assert (provisional.provisional, provisional.due_at) == (True, china("2027-01-08T17:30"))
    national = (
        NATIONAL.replace("national-2026.1", "national-2027.1")
        .replace("years = [2024, 2025, 2026]", "years = [2024, 2025, 2026, 2027]")
        .replace(
            "[holidays]", '[holidays]\n"2027-01-01" = "元旦"\n"2027-01-02" = "元旦"\n"2027-01-03" = "元旦"'
        )
    )
    (done,) = apply(house, national=national)

    final = handling(house, number)
    assert (final.provisional, final.due_at) == (False, china("2027-01-11T17:30"))
    assert [shift.became_final for shift in done.shifts if shift.stage == "handling_complex"] == [True]
    clock.moment = china("2026-12-21T10:00")
    other = opened(house)
    assert not handling(house, other).provisional


def test_a_due_time_that_becomes_final_without_moving_says_so(house, clock):
    clock.moment = china("2026-12-28T10:00")
    number = opened(house)
    assert handling(house, number).provisional
    national = NATIONAL.replace("national-2026.1", "national-2027.1").replace("2026]", "2026, 2027]")
    apply(house, national=national)

    assert "由暂定转为确定" in events(house, number)[-1].remark
    assert messages(house, kind="rescheduled") == []


def test_a_calendar_altered_under_a_known_version_is_refused(house):
    altered = LOCAL.replace("[local_off]", '[local_off]\n"2026-12-02" = "台风停工"')
    with house.database.begin() as session, pytest.raises(SettingError, match="改动日历请同时改 version"):
        take_calendar(session, NATIONAL, altered, at=house.clock.now(), by="测试")


days = st.dates(date(2026, 12, 1), date(2026, 12, 24)).filter(lambda day: day.weekday() < 5)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(off=st.sets(days, max_size=5), extended=st.booleans(), complex_=st.booleans())
def test_any_calendar_is_followed_once_and_taking_it_back_restores_every_due_time(
    house, off, extended, complex_
):
    """Idempotent and reversible, whatever days it closes and whatever limits run."""
    number = verifying(house)
    if extended:
        move(house, handler_of(house, number), "request_extension", number, days=3, remark="须外调")
        move(house, SUPERVISOR, "agree", number)
    if complex_:
        move(house, handler_of(house, number), "record_call", number, reached=True, remark="已致歉")
        conclude(house, number, complex=True)
    told = partial(_limits, house, number)
    before, version = told(), "+".join(sorted(day.isoformat() for day in off))
    apply(house, local_days(f"any-{version}", off=sorted(off)))
    there = told()
    assert apply(house, local_days(f"any-{version}", off=sorted(off))) == []
    assert told() == there
    assert all(there[stage][0] >= due for stage, (due, _, _) in before.items())
    apply(house, LOCAL)

    assert told() == before
    assert first_break(events(house, number)) is None


def _limits(house, number):
    return {
        due.stage: (due.due_at, due.started_at, json.dumps(due.working, ensure_ascii=False))
        for due in due_times(house, number)
        if due.met_at is None
    }


def test_the_old_card_reason_stands_where_the_card_stays_right(house, clock):
    opened(house)
    clock.moment = china("2026-12-08T17:31")
    sweep(house)
    apply(house, STORM)

    assert [card.withdrawn_at for card in rows(house, Card)] == [None]
    assert clock.moment - timedelta(minutes=1) == china("2026-12-08T17:30")
