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
    handler_of,
    messages,
    move,
    verifying,
)
from rules_kit import decree, today

from reviewbot.errors import Conflict, InvalidInput, NotAllowed
from reviewbot.rules.lifecycle import CaseStatus


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
