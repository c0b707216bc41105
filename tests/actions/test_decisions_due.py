"""Whoever has to decide is pressed like everybody else: by when, reminded, until he has decided (B8)."""

import tomllib
from datetime import timedelta

import pytest
from case_kit import (
    HEAD,
    SECOND_SUPERVISOR,
    SUPERVISOR,
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
    viewer,
)
from ladder_kit import delivered, rows, sweep
from rules_kit import POLICY, local_days, policy_text
from test_calendar_change import apply

from reviewbot.actions.appeal_card import appeal_card, decide_card_appeal, withdraw_card
from reviewbot.actions.settle_concern import settle_concern
from reviewbot.actions.take_answer import take_answer
from reviewbot.links import RaterLink
from reviewbot.models.chain import first_break
from reviewbot.models.oversight import Card, SupervisionEvent
from reviewbot.queries.calendars import unmet_limits
from reviewbot.queries.cases import cases_behind
from reviewbot.queries.rulebooks import applied_calendar
from reviewbot.rules.lifecycle import CaseStatus
from reviewbot.rules.policy import Policy
from reviewbot.rules.raters import Answer

RUNGS = ["half", "overdue"]
"""Of two working days; the reminder three office days before would stand before the start."""


def days_pass(house, clock, days=60):
    for _ in range(days * 4):
        clock.moment += timedelta(hours=6)
        sweep(house)


def limit(house, number, start):
    """The one limit whose stage begins so."""
    (found,) = [due for due in due_times(house, number) if due.stage.startswith(start)]
    return found


def reminded(house, start):
    """(who, rung) of every reminder of limits that begin so."""
    kinds = [(one.userid, one.kind) for one in messages(house) if one.kind.startswith(f"reminder_{start}")]
    return sorted((userid, kind.rpartition("/")[2]) for userid, kind in kinds)


def everyone(*userids):
    return sorted((userid, rung) for userid in userids for rung in RUNGS)


def rectifying(house):
    number = verifying(house)
    call(house, number)
    conclude(house, number)
    return number


@pytest.mark.parametrize("asked", [{"verb": "request_extension", "days": 3}, {"verb": "request_ledger"}])
def test_an_application_nobody_decides_reminds_whoever_may_until_it_is_decided(house, clock, asked):
    number = rectifying(house)
    verb = asked.pop("verb")
    if verb == "request_ledger":
        asked = {"until": clock.now().date() + timedelta(days=60)}
    move(house, handler_of(house, number), verb, number, remark="待省厅批复", **asked)
    due = limit(house, number, "decision_")
    assert (due.limit_text, due.met_at) == ("2 工作日", None)

    days_pass(house, clock, 3)
    assert limit(house, number, "decision_").rungs_done == RUNGS
    told = reminded(house, "decision_")
    assert told == everyone(SUPERVISOR, SECOND_SUPERVISOR)
    assert any("申请决定已逾期" in one.body["desc"] for one in messages(house) if one.userid == SUPERVISOR)

    move(house, SUPERVISOR, "disagree", number, remark="材料不全")
    assert limit(house, number, "decision_").met_at == clock.now()
    days_pass(house, clock, 3)
    assert reminded(house, "decision_") == told
    assert first_break(events(house, number)) is None


def test_it_is_no_longer_owed_when_the_case_goes_on_without_it(house, clock):
    number = rectifying(house)
    handler = handler_of(house, number)
    move(house, handler, "request_extension", number, days=3, remark="待省厅批复")
    clock.moment += timedelta(days=1)
    sweep(house)
    move(house, handler, "submit_measures", number, remark="增设窗口")

    assert limit(house, number, "decision_").met_at == clock.now()
    days_pass(house, clock, 5)
    assert "overdue" not in {rung for _, rung in reminded(house, "decision_")}
    delivered(house)


def carded(house, clock):
    """A case that ran into its yellow card, and the card."""
    number = rectifying(house)
    clock.moment = case_of(house, number).due_at
    sweep(house)
    (card,) = rows(house, Card)
    with house.database.begin() as session:
        appeal_card(
            session, card.id, "系统停机两天", viewer(house, HEAD), at=clock.now(), rulebooks=house.rulebooks
        )
    return number, card


def close(house, number):
    move(house, handler_of(house, number), "submit_measures", number, remark="增设窗口")
    move(house, HEAD, "approve", number, no_attachment=True)
    move(house, handler_of(house, number), "record_feedback", number, channel="电话", remark="已告知")


def decide(house, card, who, agreed=True):
    with house.database.begin() as session:
        decide_card_appeal(session, card.id, agreed, "停机属实", viewer(house, who), at=house.clock.now())


def test_an_appealed_card_is_decided_though_its_case_has_closed_and_was_opened_again(house, clock):
    number, card = carded(house, clock)
    close(house, number)
    assert case_of(house, number).next_action_at is not None
    days_pass(house, clock, 5)
    assert reminded(house, "card_decision_") == everyone(SUPERVISOR, SECOND_SUPERVISOR)
    assert case_of(house, number).status is CaseStatus.CLOSED

    move(house, SUPERVISOR, "reopen", number, remark="群众反映未改")
    decide(house, card, SUPERVISOR)
    assert limit(house, number, "card_decision_").met_at is None
    decide(house, card, SECOND_SUPERVISOR)
    assert limit(house, number, "card_decision_").met_at == clock.now()


@pytest.mark.parametrize("how", ["refused", "taken back"])
def test_a_card_appeal_ends_with_a_refusal_or_with_the_card(house, clock, how):
    number, card = carded(house, clock)
    if how == "refused":
        decide(house, card, SUPERVISOR, agreed=False)
    else:
        with house.database.begin() as session:
            withdraw_card(session, card.id, "发错", viewer(house, SUPERVISOR), at=clock.now())
    close(house, number)
    days_pass(house, clock, 5)

    assert reminded(house, "card_decision_") == []
    assert case_of(house, number).next_action_at is None


def nobody_called(house, number):
    case = case_of(house, number)
    with house.database.begin() as session:
        take_answer(
            session, RaterLink(case.id, case.round, 0), Answer.NOBODY_CALLED, "", at=house.clock.now(),
            rulebooks=house.rulebooks,
        )  # fmt: skip


def settle(house):
    (event,) = rows(house, SupervisionEvent)
    with house.database.begin() as session:
        settle_concern(session, event.id, "已约谈", viewer(house, SUPERVISOR), at=house.clock.now())


def test_what_supervisors_have_to_look_into_presses_them_though_the_case_is_closed(house, clock):
    number = closed(house)
    clock.moment += timedelta(days=1)
    nobody_called(house, number)
    days_pass(house, clock)

    assert reminded(house, "concern_") == everyone(SUPERVISOR, SECOND_SUPERVISOR)
    case = case_of(house, number)
    assert (case.status, case.next_action_at) == (CaseStatus.CLOSED, None)
    settle(house)
    assert limit(house, number, "concern_").met_at == clock.now()


def test_settled_in_time_nobody_is_pressed_and_raised_again_it_runs_anew(house, clock):
    number = closed(house)
    nobody_called(house, number)
    settle(house)
    days_pass(house, clock, 5)
    assert reminded(house, "concern_") == []
    move(house, SUPERVISOR, "reopen", number, remark="群众反映未改")
    assert case_of(house, number).next_action_at is not None


def test_a_reminder_that_waits_for_the_office_is_not_sent_once_it_was_looked_into(house, clock):
    number = closed(house)
    nobody_called(house, number)
    clock.moment = limit(house, number, "concern_").due_at + timedelta(hours=5)
    sweep(house)
    assert reminded(house, "concern_")
    settle(house)
    clock.moment += timedelta(days=1)

    assert not [body for _, body in delivered(house) if "督办事项核查" in str(body)]


def test_a_changed_calendar_moves_what_is_owed_about_a_closed_case_and_nothing_of_its_history(house, clock):
    number = closed(house)
    before = {due.stage: due.due_at for due in due_times(house, number)}
    nobody_called(house, number)
    day = limit(house, number, "concern_").due_at
    apply(house, local_days("storm", off=[str((clock.now() + timedelta(days=1)).date())]))

    assert limit(house, number, "concern_").due_at > day
    assert {due.stage: due.due_at for due in due_times(house, number) if due.stage in before} == before
    with house.database.begin() as session:
        assert cases_behind(session, applied_calendar(session)) == []
        assert [one.stands for one in unmet_limits(session, session.merge(case_of(house, number)))] == [True]


def test_a_policy_kept_by_an_older_release_gets_the_limit_it_does_not_know():
    shipped = tomllib.loads(POLICY)
    at = POLICY.index("[limits.decision]")
    old = policy_text("old").replace(POLICY[at : POLICY.index("[", at + 1)], "")
    assert "decision" not in tomllib.loads(old)["limits"]

    assert Policy.kept(old, shipped).limits["decision"].value == 2
