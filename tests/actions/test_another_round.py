"""A complex matter and a further round: what each of them gives, and what of the time before counts no more."""

from datetime import timedelta

import pytest
from case_kit import (
    HEAD,
    SUPERVISOR,
    awaiting_approval,
    call,
    case_of,
    closed,
    conclude,
    due_times,
    events,
    handler_of,
    messages,
    move,
    verifying,
)
from ladder_kit import rows, sweep
from rules_kit import decree, local_days, proclaim, today

from reviewbot.actions.take_answer import take_answer
from reviewbot.errors import Conflict, InvalidInput, NotAllowed
from reviewbot.links import RaterLink
from reviewbot.models.oversight import Letter
from reviewbot.models.people import Staff
from reviewbot.queries.directory import staff_by_userid
from reviewbot.rules.lifecycle import CaseStatus
from reviewbot.rules.raters import Answer

LEADER = "zhouzhidong01"


def test_complex_is_said_before_the_due_time_or_not_at_all(house, clock):
    number = verifying(house)
    call(house, number)
    due = case_of(house, number).due_at
    clock.moment = due + timedelta(minutes=1)

    with pytest.raises(Conflict, match="须在到期之前"):
        conclude(house, number, complex=True)
    conclude(house, number)

    case = case_of(house, number)
    assert (case.due_at, case.complex, case.status) == (due, False, CaseStatus.RECTIFYING)


def test_a_complex_matter_never_gets_less_time_than_it_had(house):
    decree(house, "generous", ("most_days = 10", "most_days = 20"))
    number = verifying(house)
    call(house, number)
    handler = handler_of(house, number)
    move(house, handler, "request_extension", number, days=12, remark="需核对数据")
    move(house, SUPERVISOR, "agree", number)
    extended = case_of(house, number)
    assert extended.due_at > today(house).due("handling_complex", extended.dispatched_at).due_at

    conclude(house, number, complex=True)

    case = case_of(house, number)
    assert (case.due_at, case.complex) == (extended.due_at, True)
    assert len(messages(house, kind="extended")) == 1  # the day he was told stands


def test_a_card_of_an_earlier_round_is_stale(house):
    number = awaiting_approval(house)
    move(house, HEAD, "approve", number, no_attachment=True)
    move(house, handler_of(house, number), "record_feedback", number, channel="电话", remark="已告知")
    move(house, SUPERVISOR, "reopen", number, remark="群众反映未整改")

    with pytest.raises(Conflict, match="已过时"):
        move(house, handler_of(house, number), "sign", number, round=1)


def test_r15_reopening_keeps_the_first_closing_apart_from_the_last_and_starts_a_new_limit(house, clock):
    number = closed(house)
    first = case_of(house, number)
    clock.moment += timedelta(days=30)

    with pytest.raises(InvalidInput, match="写明原因"):
        move(house, SUPERVISOR, "reopen", number)
    with pytest.raises(NotAllowed, match="督办"):
        move(house, HEAD, "reopen", number, remark="再看")
    move(house, SUPERVISOR, "reopen", number, remark="群众反映未整改")

    case = case_of(house, number)
    assert (case.status, case.round, case.closed_at) == (CaseStatus.VERIFYING, 2, None)
    assert case.first_closed_at == first.closed_at
    assert case.due_at > clock.moment
    assert case.next_action_at is not None


def test_a_call_made_before_the_reopening_is_none_of_the_new_round(house, clock):
    number = closed(house)
    clock.moment += timedelta(minutes=2)
    move(house, SUPERVISOR, "reopen", number, remark="群众反映未整改")
    reopened, handler = clock.moment, handler_of(house, number)
    clock.moment += timedelta(minutes=2)
    said = {"reached": True, "remark": "已致歉"}

    with pytest.raises(InvalidInput, match="重开）之后"):
        move(house, handler, "record_call", number, called_at=reopened - timedelta(minutes=1), **said)
    move(house, handler, "record_call", number, called_at=reopened + timedelta(minutes=1), **said)


def reopened(house, clock, number):
    clock.moment += timedelta(days=1)
    move(house, SUPERVISOR, "reopen", number, remark="评价人反映未解决")


def nobody_called(house, number):
    link = RaterLink(case_of(house, number).id, case_of(house, number).round, 0)
    with house.database.begin() as session:
        return take_answer(
            session, link, Answer.NOBODY_CALLED, "", at=house.clock.now(), rulebooks=house.rulebooks
        )


def test_a_reopened_case_is_called_within_a_limit_of_its_own_and_the_first_contact_stays(house, clock):
    number = closed(house)
    first = case_of(house, number)
    reopened(house, clock, number)

    case = case_of(house, number)
    assert (case.contacted_at, case.contact_due_at) == (first.contacted_at, first.contact_due_at)
    (limit,) = [due for due in due_times(house, number) if (due.stage, due.round) == ("contact", 2)]
    assert limit.due_at == today(house).due("contact", clock.moment).due_at
    clock.moment = limit.due_at
    sweep(house)
    assert handler_of(house, number) in {
        one.userid for one in messages(house, kind="reminder_contact/overdue", state="owed")
        + messages(house, kind="reminder_contact/overdue", state="held")
    }  # fmt: skip
    call(house, number)
    assert [due.met_at for due in due_times(house, number) if due.id == limit.id] == [clock.moment]


def test_a_rater_whose_case_was_reopened_says_that_nobody_called_when_the_limit_has_passed_not_before(
    house, clock
):
    number = closed(house)
    reopened(house, clock, number)
    (limit,) = [due for due in due_times(house, number) if (due.stage, due.round) == ("contact", 2)]

    with pytest.raises(Conflict, match="现在还不能这样回答"):
        nobody_called(house, number)
    clock.moment = limit.due_at + timedelta(minutes=1)

    assert nobody_called(house, number).answer is Answer.NOBODY_CALLED


def test_a_changed_calendar_moves_the_call_of_this_round_and_not_that_of_the_first(house, clock):
    number = closed(house)
    reopened(house, clock, number)
    first = case_of(house, number).contact_due_at
    (limit,) = [due for due in due_times(house, number) if (due.stage, due.round) == ("contact", 2)]
    proclaim(house, local_days("storm", off=[f"{limit.due_at:%Y-%m-%d}"]))
    move(house, SUPERVISOR, "remark", number, remark="台风停工")

    (after,) = [due for due in due_times(house, number) if due.id == limit.id]
    assert after.due_at > limit.due_at
    assert case_of(house, number).contact_due_at == first


def test_a_reopened_case_that_a_leader_wrote_on_has_its_month_again(house, clock):
    number = verifying(house)
    move(house, LEADER, "instruct", number, remark="限期办结")
    call(house, number)
    conclude(house, number)
    handler = handler_of(house, number)
    move(house, handler, "submit_measures", number, remark="增设窗口")
    move(house, HEAD, "approve", number, no_attachment=True)
    move(house, handler, "record_feedback", number, channel="电话", remark="已告知")
    reopened(house, clock, number)
    began = clock.moment

    clock.moment += timedelta(days=5)
    taken = move(house, LEADER, "instruct", number, remark="再批")
    assert "自重开之日起在计" in taken.sentence
    with pytest.raises(Conflict, match="已有领导批示"):
        move(house, LEADER, "instruct", number, remark="三批")
    clock.moment += timedelta(days=100)
    sweep(house)

    origins = {letter.origin for letter in rows(house, Letter)}
    assert {f"{number}-r2-instruction-letter", f"{number}-r2-instruction-report"} <= origins
    (limit,) = [due for due in due_times(house, number) if (due.stage, due.round) == ("instruction", 2)]
    assert limit.started_at == began
    told = [event.remark for event in events(house, number) if event.move == "instruct"]
    assert told == ["限期办结", "再批"]
    assert len(messages(house, kind="instructed")) == 2


def test_a_leader_writes_on_a_reopened_case_for_the_first_time_and_its_month_begins(house, clock):
    number = closed(house)
    reopened(house, clock, number)
    clock.moment += timedelta(days=1)
    move(house, LEADER, "instruct", number, remark="限期办结")

    (limit,) = [due for due in due_times(house, number) if due.stage == "instruction"]
    assert (limit.round, limit.started_at) == (2, clock.moment)


@pytest.mark.parametrize("left", [{"active": False}, {"department_id": 1}, {"roles": ["auditor"]}])
def test_a_reopened_case_does_not_go_back_to_somebody_who_left_its_unit_or_his_role(house, left):
    number = closed(house)
    before, unit = handler_of(house, number), case_of(house, number).department_id
    with house.database.begin() as session:
        person = staff_by_userid(session, before)
        for name, value in left.items():
            assert getattr(person, name) != value
            setattr(person, name, value)

    move(house, SUPERVISOR, "reopen", number, remark="群众反映未整改")

    with house.database.begin() as session:
        taker = session.get_one(Staff, case_of(house, number).handler_id)
        assert (taker.active, taker.department_id, taker.userid != before) == (True, unit, True)
    assert [one.userid for one in messages(house, kind="reopened")] == [taker.userid]
