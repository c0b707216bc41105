"""Beyond the core path: joint work, more time, ledger, appeals."""

from datetime import date, timedelta

import pytest
from case_kit import (
    DESK,
    HEAD,
    SUPERVISOR,
    case_of,
    due_times,
    events,
    handler_of,
    justified,
    messages,
    move,
    viewer,
)
from rules_kit import today
from sqlalchemy import text

from reviewbot.actions.report_rates import report_assistance
from reviewbot.clock import CHINA
from reviewbot.errors import Conflict, InvalidInput, NotAllowed, NotFound
from reviewbot.queries.procedure import applications_of, assistances_of
from reviewbot.queries.scope import SYSTEM
from reviewbot.rules.lifecycle import CaseStatus

MED_HEAD = "zengjiabin01"


def test_a_joint_case_has_one_lead_one_due_time_and_waits_for_its_helpers(house, clock):
    number = justified(house)
    before = case_of(house, number)

    move(house, DESK, "ask_assistance", number, department="医保分局", remark="请核对参保状态")
    with pytest.raises(Conflict, match="等医保分局协办"):
        move(house, handler_of(house, number), "submit_measures", number, remark="已改正")
    (asked,) = messages(house, kind="assist")
    with pytest.raises(NotAllowed):
        move(house, HEAD, "assist", number, remark="我们自己答")
    clock.moment += timedelta(days=5)
    move(house, asked.userid, "assist", number, remark="参保状态正常")

    with house.database.begin() as session:
        (task,) = assistances_of(session, case_of(house, number).id)
    assert (task.state, task.answer, task.answered_at > task.due_at) == ("done", "参保状态正常", True)
    assert events(house, number)[-1].data["late"] is True
    after = case_of(house, number)
    assert (after.department_id, after.due_at) == (before.department_id, before.due_at)
    move(house, handler_of(house, number), "submit_measures", number, remark="已改正")


def test_the_end_of_a_sub_task_ends_no_other_whose_number_begins_alike(house):
    number = justified(house)
    with house.database.begin() as session:
        session.execute(text("ALTER SEQUENCE assistances_id_seq RESTART WITH 1"))
    move(house, DESK, "ask_assistance", number, department="MED", remark="请核对")
    with house.database.begin() as session:
        session.execute(text("ALTER SEQUENCE assistances_id_seq RESTART WITH 12"))
    move(house, DESK, "ask_assistance", number, department="TAX", remark="请核对")

    move(house, DESK, "withdraw_assistance", number, department="MED", remark="已自行取得")

    met = {due.stage: due.met_at is not None for due in due_times(house, number)}
    assert (met["assistance_1"], met["assistance_12"]) == (True, False)


def test_a_helper_sees_the_case_and_nothing_more_than_his_answer(house):
    number = justified(house)
    with pytest.raises(NotFound):
        move(house, MED_HEAD, "assist", number, remark="路过")
    move(house, DESK, "ask_assistance", number, department="MED", remark="请核对")

    with pytest.raises(NotAllowed):
        move(house, MED_HEAD, "submit_measures", number, remark="代办")
    with pytest.raises(Conflict, match="尚未答复"):
        move(house, DESK, "ask_assistance", number, department="MED", remark="再问")
    with pytest.raises(InvalidInput, match="牵头单位"):
        move(house, DESK, "ask_assistance", number, department="SOC", remark="自己")
    move(house, DESK, "withdraw_assistance", number, department="MED", remark="已自行取得")
    with pytest.raises(NotFound):
        move(house, MED_HEAD, "assist", number, remark="迟到的答复")


def test_a_unit_sees_its_own_delays_as_the_city_does_and_nobody_elses(house, clock):
    number = justified(house)
    move(house, DESK, "ask_assistance", number, department="MED", remark="请核对")
    clock.moment += timedelta(days=5)
    move(house, DESK, "withdraw_assistance", number, department="MED", remark="已自行取得")
    span = {"first": date(2026, 11, 1), "last": date(2026, 12, 31), "now": clock.now()}

    with house.database.begin() as session:
        city, own, asking = (
            report_assistance(session, who, **span)
            for who in (SYSTEM, viewer(house, MED_HEAD), viewer(house, HEAD))
        )

    assert [(row.code, row.tasks, row.late) for row in city] == [("MED", 1, 1)]
    assert own == city
    assert asking == []


# More time (F16) and the ledger (F11)


def test_an_extension_moves_the_due_time_keeps_the_original_and_tells_the_rater(house):
    number = justified(house)
    before = case_of(house, number)
    move(house, handler_of(house, number), "request_extension", number, days=5, remark="需核对数据")
    assert case_of(house, number).due_at == before.due_at  # asking moves nothing

    with pytest.raises(NotAllowed):
        move(house, HEAD, "agree", number)
    move(house, SUPERVISOR, "agree", number)

    after = case_of(house, number)
    assert after.due_at > before.due_at
    assert after.original_due_at == before.due_at
    assert after.due_at == today(house).extended(before.due_at, 5).due_at
    old, new = (
        next(due for due in due_times(house, number) if due.stage == stage)
        for stage in ("handling", "handling_extended_1")
    )
    assert (old.replaced_by, old.met_at, new.started_at) == ("handling_extended_1", None, before.due_at)
    (told,) = messages(house, channel="rater", kind="extended")
    assert f"{after.due_at.astimezone(CHINA):%Y-%m-%d}" in told.body["content"]
    assert told.userid == ""


def test_an_extension_is_asked_for_before_the_due_time_once_and_within_limits(house, clock):
    number = justified(house)
    handler = handler_of(house, number)

    for days in (None, 0, 99):
        with pytest.raises(InvalidInput, match="工作日"):
            move(house, handler, "request_extension", number, days=days, remark="需核对")
    with pytest.raises(InvalidInput, match="原因"):
        move(house, handler, "request_extension", number, days=3)
    move(house, handler, "request_extension", number, days=3, remark="需核对")
    with pytest.raises(Conflict, match="待决定"):
        move(house, handler, "request_extension", number, days=3, remark="再来")
    move(house, SUPERVISOR, "agree", number)
    with pytest.raises(Conflict, match="已延期 1 次"):
        move(house, handler, "request_extension", number, days=3, remark="再来")

    late = justified(house)
    clock.moment += timedelta(days=30)
    with pytest.raises(Conflict, match="到期之前"):
        move(house, handler_of(house, late), "request_extension", late, days=3, remark="晚了")


def test_extensions_are_counted_by_case_so_that_reopening_it_buys_no_more(house):
    number = justified(house)
    handler = handler_of(house, number)
    move(house, handler, "request_extension", number, days=3, remark="需核对")
    move(house, SUPERVISOR, "agree", number)
    move(house, handler, "submit_measures", number, remark="增设窗口")
    move(house, HEAD, "approve", number, no_attachment=True)
    move(house, handler, "record_feedback", number, channel="电话", remark="已告知")
    move(house, SUPERVISOR, "reopen", number, remark="评价人反映未解决")

    with pytest.raises(Conflict, match="已延期 1 次，每件最多 1 次"):
        move(house, handler, "request_extension", number, days=3, remark="再来")


def test_a_refused_extension_leaves_everything_as_it_was(house):
    number = justified(house)
    before = case_of(house, number)
    move(house, handler_of(house, number), "request_extension", number, days=5, remark="需核对")

    with pytest.raises(InvalidInput, match="原因"):
        move(house, SUPERVISOR, "disagree", number)
    move(house, SUPERVISOR, "disagree", number, remark="理由不充分")

    assert case_of(house, number).due_at == before.due_at
    with pytest.raises(Conflict, match="没有待决定"):
        move(house, SUPERVISOR, "agree", number)


def test_the_ledger_takes_a_case_with_a_date_and_does_not_stop_its_clock(house, clock):
    number = justified(house)
    before = case_of(house, number)
    handler = handler_of(house, number)
    for until in (None, date(2026, 11, 1), date(2030, 1, 1)):
        with pytest.raises(InvalidInput, match="日期"):
            move(house, handler, "request_ledger", number, until=until, remark="要改系统")
    move(house, handler, "request_ledger", number, until=date(2027, 3, 31), remark="要改系统，分两步")
    move(house, SUPERVISOR, "agree", number)

    case = case_of(house, number)
    assert (case.status, case.due_at) == (CaseStatus.ON_LEDGER, before.due_at)
    clock.moment += timedelta(days=30)
    move(house, handler, "submit_measures", number, remark="系统已改造")
    assert case_of(house, number).status is CaseStatus.AWAITING_APPROVAL


@pytest.mark.parametrize(
    "wrong", [date(2026, 12, 4), date(2026, 12, 7), date(2026, 12, 12), date(2027, 6, 1)]
)
def test_a_ledger_ends_on_a_working_day_after_the_due_time(house, wrong):
    """Before the due day (a plan that lengthens nothing), on it, on a Saturday, beyond the farthest day."""
    number = justified(house)
    handler = handler_of(house, number)

    with pytest.raises(InvalidInput, match=r"2026-12-08 至 2027-05-29 之间.*的工作日"):
        move(house, handler, "request_ledger", number, until=wrong, remark="要改系统")
    move(house, handler, "request_ledger", number, until=date(2026, 12, 8), remark="要改系统")


def test_a_ledger_overtaken_by_an_extension_is_not_granted(house):
    number = justified(house)
    handler = handler_of(house, number)
    move(house, handler, "request_ledger", number, until=date(2026, 12, 9), remark="要改系统")
    move(house, handler, "request_extension", number, days=5, remark="需核对")
    move(house, SUPERVISOR, "agree", number, application="extension")

    with pytest.raises(Conflict, match="不晚于办理期限（2026-12-14）"):
        move(house, SUPERVISOR, "agree", number, application="ledger")


def test_a_ledger_is_not_granted_after_the_day_it_was_asked_for(house, clock):
    number = justified(house)
    day = date(2026, 12, 8)
    move(house, handler_of(house, number), "request_ledger", number, until=day, remark="要改系统")
    clock.moment += timedelta(days=9)

    with pytest.raises(Conflict, match="已过"):
        move(house, SUPERVISOR, "agree", number)
    move(house, SUPERVISOR, "disagree", number, remark="日期已过")
    assert case_of(house, number).status is CaseStatus.RECTIFYING


def test_what_was_asked_for_lapses_when_the_case_goes_on(house):
    number = justified(house)
    move(house, handler_of(house, number), "request_extension", number, days=5, remark="需核对")
    move(house, handler_of(house, number), "submit_measures", number, remark="已改正")

    with house.database.begin() as session:
        (application,) = applications_of(session, case_of(house, number).id)
    assert application.state.value == "lapsed"


# Appeals (F13)


# Two applications at once


def waiting_for_two(house):
    number = justified(house)
    handler = handler_of(house, number)
    move(house, handler, "request_extension", number, days=5, remark="需核对数据")
    day = house.clock.now().date() + timedelta(days=60)
    move(house, handler, "request_ledger", number, until=day, remark="需改造系统")
    return number


def states(house, number):
    with house.database.begin() as session:
        return [one.state.value for one in applications_of(session, case_of(house, number).id)]


@pytest.mark.parametrize("verb", ["agree", "disagree"])
def test_a_plain_word_on_two_applications_is_asked_back(house, verb):
    number = waiting_for_two(house)

    with pytest.raises(InvalidInput, match="延期申请、台账申请") as refused:
        move(house, SUPERVISOR, verb, number, remark="理由")

    word = {"agree": "同意", "disagree": "不同意"}[verb]
    assert f"{word} {number} 延期" in refused.value.in_chat
    assert f"{word} {number} 台账" in refused.value.in_chat
    assert states(house, number) == ["pending", "pending"]


def test_the_word_names_which_application_is_decided(house):
    number = waiting_for_two(house)

    said = move(house, SUPERVISOR, "disagree", number, application="ledger", remark="可以整改").sentence
    assert "不列入台账" in said
    assert states(house, number) == ["pending", "refused"]
    with pytest.raises(Conflict, match="没有待决定的台账申请"):
        move(house, SUPERVISOR, "agree", number, application="ledger")
    said = move(house, SUPERVISOR, "agree", number).sentence  # only one waits now

    assert "同意延期" in said
    assert states(house, number) == ["granted", "refused"]
