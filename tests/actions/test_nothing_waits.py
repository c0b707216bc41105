"""What is asked of somebody is asked of somebody who is there and can answer, and ends when the case goes on."""

from datetime import date, timedelta

import pytest
from case_kit import (
    DESK,
    HEAD,
    SECOND_SUPERVISOR,
    SUPERVISOR,
    awaiting_approval,
    call,
    case_of,
    conclude,
    due_times,
    events,
    handler_of,
    messages,
    move,
    opened,
    opened_all,
    record,
    verifying,
    viewer,
)
from ladder_kit import delivered, sweep
from sqlalchemy import select, update

from reviewbot.actions.advance_due import advance_due
from reviewbot.actions.delegate import delegate
from reviewbot.actions.faces import buttons_of
from reviewbot.errors import NotAllowed
from reviewbot.models.people import Staff
from reviewbot.models.procedure import Application, ApplicationKind, ApplicationState, Assistance
from reviewbot.queries.cases import find_case, list_cases, owed_by
from reviewbot.queries.directory import staff_by_userid
from reviewbot.queries.handovers import cases_without_holder
from reviewbot.queries.listings import Wanted, count_listed
from reviewbot.queries.scope import SYSTEM
from reviewbot.rules.lifecycle import CaseStatus, Conclusion

MED_HEAD, LEADER = "zengjiabin01", "zhouzhidong01"
LAST = date(2026, 12, 31)


def away(house, absent, to):
    with house.database.begin() as session:
        delegate(
            session, staff_by_userid(session, absent), staff_by_userid(session, to),
            house.clock.now().date(), LAST, "休假", viewer(house, absent), at=house.clock.now(),
        )  # fmt: skip


def colleague(house, *others):
    """Somebody of 社保局 who is none of these."""
    with house.database.begin() as session:
        unit = staff_by_userid(session, HEAD).department_id
        members = session.scalars(select(Staff).where(Staff.department_id == unit).order_by(Staff.id))
        return next(one.userid for one in members if one.userid not in (HEAD, *others))


def owed(house, userid):
    with house.database.begin() as session:
        return [case.number for case in owed_by(session, viewer(house, userid), house.clock.now())]


def rectifying(house, **facts):
    number = verifying(house, **facts)
    call(house, number)
    conclude(house, number)
    return number


def told(house, kind):
    return {one.userid for one in messages(house) if one.kind == kind}


# The head is away


def test_what_an_absent_head_approves_falls_to_his_delegate_and_back_when_he_returns(house, clock):
    number = rectifying(house)
    deputy = colleague(house, handler_of(house, number))
    away(house, HEAD, deputy)
    move(house, handler_of(house, number), "submit_measures", number, remark="增设窗口")

    assert told(house, "to_approve") == {deputy}
    assert number in owed(house, deputy)
    clock.moment = case_of(house, number).due_at
    sweep(house)
    assert deputy in told(house, "reminder_handling/yellow")
    move(house, deputy, "approve", number, no_attachment=True)
    assert case_of(house, number).status is CaseStatus.AWAITING_FEEDBACK

    second = awaiting_approval(house)
    clock.moment += timedelta(days=60)
    with pytest.raises(NotAllowed):
        move(house, deputy, "approve", second, no_attachment=True)


def test_a_delegate_who_handled_the_case_does_not_approve_it_the_supervisors_do(house):
    number = rectifying(house)
    handler = handler_of(house, number)
    away(house, HEAD, handler)
    move(house, handler, "submit_measures", number, remark="增设窗口")

    assert told(house, "to_approve") == {SUPERVISOR, SECOND_SUPERVISOR}
    with pytest.raises(NotAllowed, match="另一人"):
        move(house, handler, "approve", number, no_attachment=True)
    move(house, SUPERVISOR, "approve", number, no_attachment=True)


# Nothing is left waiting that nobody can settle


def everything_asked(house):
    """A case with an extension and a ledger asked for, and another unit asked to help."""
    number = rectifying(house)
    handler = handler_of(house, number)
    move(house, handler, "request_extension", number, days=3, remark="需核对")
    move(house, handler, "request_ledger", number, until=date(2027, 2, 1), remark="待系统改造")
    move(house, DESK, "ask_assistance", number, department="MED", remark="请核对参保状态")
    return number


def waiting(house, number):
    with house.database.begin() as session:
        case = case_of(house, number)
        applications = session.scalars(select(Application).where(Application.case_id == case.id)).all()
        tasks = session.scalars(select(Assistance).where(Assistance.case_id == case.id)).all()
        return [one.kind for one in applications if one.state is ApplicationState.PENDING] + [
            one.id for one in tasks if one.state == "open"
        ]


def test_on_the_ledger_helpers_still_answer_and_the_case_can_go_on(house):
    number = everything_asked(house)
    move(house, SUPERVISOR, "agree", number, application="extension")
    move(house, SUPERVISOR, "agree", number)
    assert case_of(house, number).status is CaseStatus.ON_LEDGER

    move(house, next(iter(told(house, "assist"))), "assist", number, remark="参保状态正常")
    move(house, handler_of(house, number), "submit_measures", number, remark="已改正")

    assert case_of(house, number).status is CaseStatus.AWAITING_APPROVAL
    assert waiting(house, number) == []


def test_an_extension_nobody_decided_lapses_when_the_case_goes_to_the_ledger(house):
    number = rectifying(house)
    handler = handler_of(house, number)
    move(house, handler, "request_ledger", number, until=date(2027, 2, 1), remark="待系统改造")
    move(house, handler, "request_extension", number, days=3, remark="需核对")
    move(house, SUPERVISOR, "agree", number, application="ledger")

    assert waiting(house, number) == []
    assert events(house, number)[-1].data["lapsed"]


@pytest.mark.parametrize("leaving", ["return", "appeal"])
def test_a_case_that_leaves_its_unit_leaves_no_application_and_no_sub_task_behind(house, leaving):
    number = verifying(house)
    handler = handler_of(house, number)
    call(house, number)
    move(house, handler, "request_extension", number, days=3, remark="需核对")
    move(house, DESK, "ask_assistance", number, department="MED", remark="请核对参保状态")
    helper = next(iter(told(house, "assist")))
    if leaving == "return":
        move(house, handler, "return", number, remark="应由税务局办理")
    else:
        conclude(house, number, Conclusion.MALICIOUS)

    assert [kind for kind in waiting(house, number) if kind is not ApplicationKind.APPEAL] == []
    assert owed(house, helper) == []
    stopped = [one for one in messages(house, userid=helper) if one.kind.startswith("assist_withdrawn")]
    assert len(stopped) == 1
    assert {due.stage for due in due_times(house, number) if due.met_at} >= {f"assistance_{1}"}


def pressable(house, who, number):
    """The buttons his card of the case has now."""
    with house.database.begin() as session:
        case = find_case(session, number, viewer(house, who))
        return [button[0] for button in buttons_of(session, case, viewer(house, who))]


def test_the_second_decider_is_somebody_who_exists_where_one_supervisor_is_alone(house, clock):
    with house.database.begin() as session:
        session.execute(update(Staff).where(Staff.userid == SECOND_SUPERVISOR).values(active=False))
    number = verifying(house)
    call(house, number)
    conclude(house, number, Conclusion.MALICIOUS)
    assert told(house, "to_decide_appeal") == {SUPERVISOR}
    move(house, SUPERVISOR, "agree", number, no_attachment=True)

    assert LEADER in told(house, "to_decide_appeal")
    assert (owed(house, SUPERVISOR), owed(house, LEADER)) == ([], [number])
    assert not {"同意", "不同意"} & set(pressable(house, SUPERVISOR, number))
    assert {"同意", "不同意"} <= set(pressable(house, LEADER, number))
    clock.moment = next(one for one in due_times(house, number) if one.stage.startswith("appeal")).due_at
    sweep(house)
    reminded = {one.userid for one in messages(house) if one.kind.startswith("reminder_appeal_decision")}
    assert reminded == {LEADER}
    move(house, LEADER, "agree", number, no_attachment=True)
    assert case_of(house, number).status is CaseStatus.AWAITING_FEEDBACK


def test_a_leader_owes_rulings_and_appeals_until_he_has_said_his_word_and_nothing_else(house):
    ruled, appealed, applied = opened(house), verifying(house), rectifying(house)
    call(house, appealed)
    conclude(house, appealed, Conclusion.MALICIOUS)
    move(house, handler_of(house, applied), "request_extension", applied, days=2, remark="须现场核对")
    awaiting_approval(house)
    assert owed(house, LEADER) == [appealed]

    move(house, handler_of(house, ruled), "return", ruled, remark="应由医保分局办理")
    move(house, DESK, "dispatch", ruled, department="MED")
    move(house, handler_of(house, ruled), "return", ruled, remark="应由社保局办理")

    assert sorted(owed(house, LEADER)) == sorted([ruled, appealed])
    assert sorted(owed(house, SUPERVISOR))[:2] == sorted([ruled, appealed])
    move(house, LEADER, "agree", appealed, no_attachment=True)
    assert owed(house, LEADER) == [ruled]
    move(house, LEADER, "rule", ruled, department="SOC", remark="在社保局权责清单内")
    assert owed(house, LEADER) == []


def test_without_anybody_to_rule_or_decide_the_query_names_the_case(house):
    number = verifying(house)
    call(house, number)
    conclude(house, number, Conclusion.MALICIOUS)
    with house.database.begin() as session:
        assert cases_without_holder(session) == []
        session.execute(
            update(Staff).where(Staff.userid.in_([SUPERVISOR, SECOND_SUPERVISOR])).values(active=False)
        )
        assert cases_without_holder(session) == []  # a leader and the desk are two
        session.execute(update(Staff).where(Staff.roles.contains(["desk"])).values(active=False))

    with house.database.begin() as session:
        assert cases_without_holder(session) == [number]  # one alone cannot decide it


# Helpers


def test_a_helper_has_a_limit_of_his_own_is_reminded_and_his_head_hears_when_it_is_over(house, clock):
    number = rectifying(house)
    before = case_of(house, number)
    move(house, DESK, "ask_assistance", number, department="MED", remark="请核对参保状态")
    helper = next(iter(told(house, "assist")))
    limit = due_times(house, number)[-1]
    assert limit.stage.startswith("assistance_")
    assert limit.working

    clock.moment = limit.due_at - timedelta(seconds=1)
    sweep(house)
    clock.moment = limit.due_at
    sweep(house)

    assert told(house, f"reminder_{limit.stage}/overdue") >= {helper, MED_HEAD}
    assert handler_of(house, number) not in told(house, f"reminder_{limit.stage}/overdue")
    move(house, helper, "assist", number, remark="参保状态正常")
    after = case_of(house, number)
    assert (after.due_at, after.original_due_at) == (before.due_at, before.original_due_at)
    assert due_times(house, number)[-1].met_at == clock.moment


def test_the_sub_task_of_somebody_who_has_left_is_the_heads(house):
    number = rectifying(house)
    move(house, DESK, "ask_assistance", number, department="MED", remark="请核对参保状态")
    helper = next(iter(told(house, "assist")))
    assert owed(house, MED_HEAD) == []
    with house.database.begin() as session:
        session.execute(update(Staff).where(Staff.userid == helper).values(active=False))

    assert owed(house, MED_HEAD) == [number]
    move(house, MED_HEAD, "assist", number, remark="参保状态正常")


# Limits that end, limits that are watched


def test_the_limit_to_call_ends_with_the_conclusion_whoever_could_not_be_called(house, clock):
    number = opened(house, rater={"kind": "person", "anonymous": True})
    handler = handler_of(house, number)
    move(house, handler, "sign", number)
    conclude(house, number)
    clock.moment = case_of(house, number).contact_due_at + timedelta(hours=1)
    sweep(house)

    assert not [event for event in events(house, number) if event.data.get("stage") == "contact"]


def test_the_planned_day_of_the_ledger_is_watched_and_the_due_time_stands(house, clock):
    number = rectifying(house)
    before = case_of(house, number).due_at
    move(
        house,
        handler_of(house, number),
        "request_ledger",
        number,
        until=date(2027, 2, 1),
        remark="待系统改造",
    )
    move(house, SUPERVISOR, "agree", number)
    clock.moment = due_times(house, number)[-1].due_at

    sweep(house)

    assert case_of(house, number).due_at == before
    rungs = [event.data["rung"] for event in events(house, number) if event.data.get("stage") == "ledger_1"]
    assert rungs == ["half", "before", "overdue"]
    move(house, handler_of(house, number), "submit_measures", number, remark="已改正")
    assert due_times(house, number)[-1].met_at is not None


def test_what_waits_at_the_desk_is_overdue_by_the_desks_limit(house, clock):
    number = opened(house, department="火星局", item="火星移民")

    def overdue():
        with house.database.begin() as session:
            now = house.clock.now()
            found = [case.number for case in list_cases(session, SYSTEM, overdue_at=now)]
            assert count_listed(session, Wanted("overdue"), SYSTEM, now) == len(found)
            return found

    assert overdue() == []
    clock.moment = due_times(house, number)[0].due_at + timedelta(minutes=1)
    assert overdue() == [number]


# What the rater reads


def test_reasons_typed_for_supervisors_reach_the_rater_without_names_and_numbers(house):
    number = rectifying(house)
    handler = handler_of(house, number)
    with house.database.begin() as session:
        name = staff_by_userid(session, handler).name
    reason = f"需与{name}核对，电话13912345678"
    move(house, handler, "request_extension", number, days=3, remark=reason)
    move(house, SUPERVISOR, "agree", number)
    move(house, handler, "request_ledger", number, until=date(2027, 2, 1), remark=reason)
    move(house, SUPERVISOR, "agree", number)

    texts = [one.body["content"] for one in messages(house) if one.kind in ("extended", "ledger")]
    assert len(texts) == 2
    for text in texts:
        assert name not in text
        assert "13912345678" not in text
        assert "需与工作人员核对，电话139****5678" in text


# Many at once


def test_r05_old_orders_imported_late_are_told_once_a_case_and_in_digests_a_person(house, clock):
    numbers = opened_all(
        house, [record(handled_by=None, rater={"kind": "person", "anonymous": True}) for _ in range(60)]
    )
    delivered(house)
    clock.moment += timedelta(days=30)
    carried = []
    for _ in range(6):  # while the sweep is at work, deliveries go on
        with house.database.begin() as session:
            found = [case.number for case in list_cases(session, SYSTEM, limit=200)]
        assert len(found) == 60
        sweep(house)
        carried += delivered(house)
        clock.moment += timedelta(minutes=1)

    each = {}
    for receiver, body in carried:
        each.setdefault(receiver, []).append(body["type"])
    assert each
    assert all(kinds.count("card") <= 5 and kinds.count("text") <= 1 for kinds in each.values())
    for number in numbers:
        spoken = {one.kind for one in messages(house, case_id=case_of(house, number).id)}
        assert len([kind for kind in spoken if kind.startswith("reminder_")]) == 1


def test_reminders_that_trickle_in_are_held_to_a_rate_and_none_is_lost(house, clock):
    numbers = opened_all(house, [record(handled_by=None) for _ in range(200)])
    delivered(house)
    mine = [number for number in numbers if handler_of(house, number) == handler_of(house, numbers[0])][:9]
    handler = handler_of(house, mine[0])
    clock.moment = case_of(house, mine[0]).next_action_at
    got = []
    for number in mine:  # one comes due after the other
        with house.database.begin() as session:
            advance_due(session, case_of(house, number).id, now=clock.moment, rulebooks=house.rulebooks)
        got += [body for receiver, body in delivered(house) if receiver == handler]
    assert [body["type"] for body in got] == ["card"] * 5 + ["text"]

    clock.moment += timedelta(minutes=61)
    later = [body for receiver, body in delivered(house) if receiver == handler]
    named = "".join(str(body) for body in got + later)
    assert all(number in named for number in mine)
