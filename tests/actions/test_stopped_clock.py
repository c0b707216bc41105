"""An appeal and the clock: by default it runs on, and where the policy says so what was left runs after it (L4)."""

from datetime import date, timedelta

from case_kit import (
    HEAD,
    SECOND_SUPERVISOR,
    SUPERVISOR,
    call,
    case_of,
    conclude,
    due_times,
    events,
    handler_of,
    messages,
    move,
    verifying,
)
from ladder_kit import rows, sweep
from rules_kit import decree, local_days, proclaim

from reviewbot.actions.report_rates import report_rates
from reviewbot.clock import CHINA
from reviewbot.models.oversight import Card
from reviewbot.queries.scope import SYSTEM
from reviewbot.rules.lifecycle import CaseStatus, Conclusion, Move

STOPPING = ("stop_clock = false", "stop_clock = true")
"""The setting that an appeal stops the clock; by default it runs on (L4)."""


def appealed(house):
    number = verifying(house)
    call(house, number)
    conclude(house, number, Conclusion.MISRATED, remark="评价人说点错了")
    return number


def rate(house, metric):
    now = house.clock.now()
    with house.database.begin() as session:
        (row,) = report_rates(
            session, SYSTEM, first=date(2026, 11, 1), last=date(2026, 12, 31), now=now, metrics=[metric]
        )
    return row.figure.numerator, row.figure.denominator


def test_by_default_the_clock_runs_while_an_appeal_is_decided(house, clock):
    number = appealed(house)
    due = case_of(house, number).due_at
    clock.moment = due + timedelta(days=1)
    sweep(house)
    move(house, SUPERVISOR, "disagree", number, remark="经查属实")

    assert case_of(house, number).due_at == due
    assert events(house, number)[-2].move == Move.MARK_OVERDUE
    assert rate(house, "rectification_rate") == (0, 1)


def test_where_the_policy_says_so_an_appeal_stops_the_clock_and_what_was_left_runs_on_after_it(house, clock):
    """Four of five working days are left on Tuesday; refused on Wednesday of the next week they run from there."""
    decree(house, "stopping", STOPPING)
    opened_on_monday = verifying(house)
    original = case_of(house, opened_on_monday).due_at
    clock.moment += timedelta(days=1)
    call(house, opened_on_monday)
    told = move(
        house, handler_of(house, opened_on_monday), "conclude", opened_on_monday, conclusion=Conclusion.MISRATED,
        remark="评价人说点错了",
    ).sentence  # fmt: skip
    assert "复核期间办理时限停计" in told
    assert case_of(house, opened_on_monday).due_at is None

    clock.moment += timedelta(days=8)
    sweep(house)
    assert rows(house, Card) == []
    assert rate(house, "rectification_rate") == (0, 0)  # nothing is due while the clock stands
    assert "续计至 12-15" in move(house, SUPERVISOR, "disagree", opened_on_monday, remark="经查属实").sentence
    case = case_of(house, opened_on_monday)
    assert (f"{case.due_at.astimezone(CHINA):%m-%d %H:%M}", case.original_due_at) == ("12-15 17:30", original)
    resumed = due_times(house, opened_on_monday)[-1]
    assert (resumed.limit_text, resumed.started_at) == ("4 工作日", clock.now())
    told = [one.body["content"] for one in messages(house, case_id=case.id) if one.body["type"] == "rater"]
    assert "2026-12-15" in told[-1]

    clock.moment += timedelta(days=5)  # inside what was left, beyond the original
    move(house, handler_of(house, opened_on_monday), "submit_measures", opened_on_monday, remark="增设窗口")
    move(house, HEAD, "approve", opened_on_monday, no_attachment=True)
    move(
        house,
        handler_of(house, opened_on_monday),
        "record_feedback",
        opened_on_monday,
        channel="电话",
        remark="好",
    )
    clock.moment += timedelta(days=5)
    assert rate(house, "on_time_rectification_rate") == (1, 1)
    assert rate(house, "on_time_rectification_rate_original_due") == (0, 1)


def test_what_is_left_has_its_own_ladder_and_its_rungs_come_once(house, clock):
    decree(house, "stopping", STOPPING)
    number = appealed(house)
    clock.moment += timedelta(days=30)
    sweep(house)
    move(house, SUPERVISOR, "disagree", number, remark="经查属实")
    clock.moment += timedelta(days=30)
    sweep(house)

    assert [card.colour for card in rows(house, Card)] == ["yellow", "red"]
    ladder = [
        event.data["rung"] for event in events(house, number) if "handling" in event.data.get("stage", "")
    ]
    assert ladder == ["before", "half", "overdue", "yellow", "red", "letter"]


def test_an_appeal_makes_no_limit_whole_that_has_passed_and_upholding_it_lets_the_feedback_have_its_time(
    house, clock
):
    decree(house, "stopping", ("[limits.appeal] # 派到单位后多久之内可以申诉（北京为 3 个工作日）\nvalue = 3",
                               "[limits.appeal]\nvalue = 30"), STOPPING)  # fmt: skip
    late = verifying(house)
    due = case_of(house, late).due_at
    clock.moment = due + timedelta(days=1)
    call(house, late)
    conclude(house, late, Conclusion.MISRATED, remark="评价人说点错了")
    assert case_of(house, late).due_at == due

    number = appealed(house)
    clock.moment += timedelta(days=10)
    for who in (SUPERVISOR, SECOND_SUPERVISOR):
        move(house, who, "agree", number, no_attachment=True)
    assert case_of(house, number).due_at > clock.now()
    assert case_of(house, number).status is CaseStatus.AWAITING_FEEDBACK


def test_a_case_born_before_the_setting_keeps_the_rule_it_was_born_with(house, clock):
    number = verifying(house)
    decree(house, "stopping", STOPPING)
    call(house, number)
    conclude(house, number, Conclusion.MISRATED, remark="评价人说点错了")

    assert case_of(house, number).due_at is not None


def test_another_calendar_is_followed_while_the_clock_stands(house, clock):
    """Two of the days that were left become days off: as many working days are left as before, from the decision on."""
    decree(house, "stopping", STOPPING)
    number = appealed(house)
    proclaim(house, local_days("storm", off=["2026-12-02", "2026-12-03"]))
    clock.moment += timedelta(days=14)
    move(house, SUPERVISOR, "disagree", number, remark="经查属实")

    assert due_times(house, number)[-1].limit_text == "5 工作日"
    assert f"{case_of(house, number).due_at.astimezone(CHINA):%m-%d}" == "12-21"
