"""Moves through the one door: what each needs, what each leaves behind, and who is turned away."""

from datetime import timedelta

import psycopg
import pytest
from case_kit import (
    COMMENT,
    DESK,
    FOREIGN_HEAD,
    HEAD,
    PHONE,
    RATER,
    SECOND_SUPERVISOR,
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
    opened,
    photograph,
    verifying,
)
from rules_kit import today
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from reviewbot.clock import CHINA
from reviewbot.errors import Conflict, InvalidInput, NotAllowed, NotFound
from reviewbot.models.chain import first_break
from reviewbot.models.people import Staff
from reviewbot.queries.scope import SYSTEM
from reviewbot.rules.lifecycle import CaseStatus, ClosingKind, Conclusion, IllegalMove

COLLEAGUE = "chenwei02"  # 陈伟, a handler of 社保局


def test_a_real_name_review_is_not_judged_before_somebody_called(house):
    number = verifying(house)

    with pytest.raises(InvalidInput, match="须先回访再认定"):
        conclude(house, number)

    assert case_of(house, number).status is CaseStatus.VERIFYING
    call(house, number)
    conclude(house, number)
    assert case_of(house, number).status is CaseStatus.RECTIFYING


def test_an_anonymous_review_may_be_judged_without_a_call(house):
    number = verifying(house, rater={"kind": "person", "anonymous": True})

    conclude(house, number)

    assert case_of(house, number).status is CaseStatus.RECTIFYING


def test_a_call_says_whether_it_reached_anybody_and_what_was_said(house):
    number = verifying(house)
    handler = handler_of(house, number)

    with pytest.raises(InvalidInput, match="是否接通"):
        move(house, handler, "record_call", number, remark="说过了")
    with pytest.raises(InvalidInput, match="说了什么"):
        move(house, handler, "record_call", number, reached=True)
    said = move(house, handler, "record_call", number, reached=False).sentence

    assert "第1次，无人接听" in said
    assert case_of(house, number).contacted_at is None


@pytest.mark.parametrize(
    "conclusion", [Conclusion.UNREASONABLE, Conclusion.NO_LEGAL_BASIS, Conclusion.POLICY_UNSUPPORTED]
)
def test_an_explanation_needs_its_basis(house, conclusion):
    number = verifying(house)
    call(house, number)
    conclude(house, number, conclusion)
    handler = handler_of(house, number)

    with pytest.raises(InvalidInput, match="须引用依据"):
        move(house, handler, "submit_explanation", number, remark="规定如此")
    with pytest.raises(IllegalMove, match="不能提交整改"):
        move(house, handler, "submit_measures", number, remark="x")
    move(house, handler, "submit_explanation", number, remark="规定如此", basis="国发〔2019〕1号第三条")

    assert case_of(house, number).status is CaseStatus.AWAITING_APPROVAL
    assert events(house, number)[-1].data["basis"] == "国发〔2019〕1号第三条"


def test_an_approval_without_evidence_has_to_say_so(house):
    number = awaiting_approval(house)

    with pytest.raises(InvalidInput, match="须确认没有附件也通过"):
        move(house, HEAD, "approve", number)
    moved = move(house, HEAD, "approve", number, no_attachment=True)

    assert "无附件" in moved.sentence
    assert case_of(house, number).without_attachment


def test_an_approval_with_a_photograph_is_not_marked(house):
    number = awaiting_approval(house)
    photograph(house, handler_of(house, number), number)

    move(house, HEAD, "approve", number, no_attachment=True)

    assert not case_of(house, number).without_attachment


def test_evidence_of_an_earlier_round_does_not_count_for_the_next(house):
    number = closed(house)
    move(house, SUPERVISOR, "reopen", number, remark="群众反映未整改")
    call(house, number)
    conclude(house, number)
    move(house, handler_of(house, number), "submit_measures", number, remark="再整改")

    with pytest.raises(InvalidInput, match="没有附件"):
        move(house, HEAD, "approve", number)


def test_nobody_approves_what_he_handled_himself(house):
    number = opened(house)
    move(house, HEAD, "sign", number)
    call(house, number)
    conclude(house, number)
    move(house, HEAD, "submit_measures", number, remark="增设窗口")

    with pytest.raises(NotAllowed, match="须由另一人"):
        move(house, HEAD, "approve", number, no_attachment=True)
    with pytest.raises(NotAllowed, match="须由另一人"):
        move(house, HEAD, "send_back", number, remark="重做")
    move(house, SUPERVISOR, "approve", number, no_attachment=True)

    assert {one.userid for one in messages(house, kind="to_approve")} >= {SUPERVISOR}
    assert case_of(house, number).status is CaseStatus.AWAITING_FEEDBACK


def test_a_head_does_not_approve_what_he_handed_in_for_the_handler(house):
    number = verifying(house)
    call(house, number)
    conclude(house, number)
    move(house, HEAD, "submit_measures", number, remark="增设窗口")

    with pytest.raises(NotAllowed, match="由您提交，审核须由另一人"):
        move(house, HEAD, "approve", number, no_attachment=True)
    assert HEAD not in {one.userid for one in messages(house, kind="to_approve")}
    move(house, SUPERVISOR, "send_back", number, remark="请写明时间")
    move(house, handler_of(house, number), "submit_measures", number, remark="下周一增设窗口")
    move(house, HEAD, "approve", number, no_attachment=True)

    assert {one.userid for one in messages(house, kind="to_approve")} == {
        SUPERVISOR, SECOND_SUPERVISOR, HEAD,
    }  # fmt: skip
    assert case_of(house, number).status is CaseStatus.AWAITING_FEEDBACK


@pytest.mark.parametrize("named", ["陈伟", " 陈伟 ", COLLEAGUE])
def test_the_person_rated_neither_gets_nor_takes_the_case(house, named):
    number = opened(house, handled_by=named)

    assert handler_of(house, number) != COLLEAGUE
    assert COLLEAGUE not in {one.userid for one in messages(house, kind="new_case")}
    with pytest.raises(NotAllowed, match="正是您本人"):
        move(house, COLLEAGUE, "sign", number)


def test_a_rated_head_hears_of_his_case_from_nobody_and_cannot_approve_it(house):
    number = awaiting_approval(house, handled_by="王泽豪")

    with pytest.raises(NotAllowed, match="正是您本人"):
        move(house, HEAD, "approve", number, no_attachment=True)

    asked = {one.userid for one in messages(house, kind="to_approve")}
    assert HEAD not in asked
    assert SUPERVISOR in asked


def test_a_misrating_is_the_supervisors_to_decide_and_a_refusal_means_rectifying(house):
    number = verifying(house)
    call(house, number)
    conclude(house, number, Conclusion.MISRATED)

    with pytest.raises(NotAllowed, match="不能"):
        move(house, HEAD, "approve", number, no_attachment=True)
    move(house, SUPERVISOR, "send_back", number, remark="评价人明确表示不满")

    case = case_of(house, number)
    assert (case.status, case.conclusion) == (CaseStatus.RECTIFYING, Conclusion.JUSTIFIED)
    assert {one.userid for one in messages(house, kind="to_decide_appeal")} >= {SUPERVISOR}


def test_a_confirmed_misrating_closes_as_one(house):
    number = verifying(house)
    call(house, number)
    conclude(house, number, Conclusion.MISRATED)
    move(house, SUPERVISOR, "approve", number, no_attachment=True)
    assert case_of(house, number).status is CaseStatus.APPEALED  # one alone does not decide
    with pytest.raises(Conflict, match="另一人"):
        move(house, SUPERVISOR, "approve", number, no_attachment=True)
    move(house, SECOND_SUPERVISOR, "approve", number, no_attachment=True)

    move(house, handler_of(house, number), "record_feedback", number, channel="电话", remark="已告知")

    assert case_of(house, number).closing_kind is ClosingKind.MISRATED


def test_a_return_needs_a_reason_and_moves_no_due_time(house, clock):
    number = opened(house)
    handler, before = handler_of(house, number), case_of(house, number)
    clock.moment += timedelta(hours=3)

    with pytest.raises(InvalidInput, match="写明原因"):
        move(house, handler, "return", number, remark="  ")
    move(house, handler, "return", number, remark="应由医保办理")

    case = case_of(house, number)
    assert case.status is CaseStatus.AWAITING_DISPATCH
    assert (case.due_at, case.dispatched_at) == (before.due_at, before.dispatched_at)
    assert case.department_id is None
    assert {one.userid for one in messages(house, kind="returned")} == {DESK, "liuwenpeng01"}


def test_a_second_dispatch_keeps_the_citizens_due_time(house, clock):
    number = opened(house)
    before = case_of(house, number)
    move(house, handler_of(house, number), "return", number, remark="应由医保办理")
    clock.moment += timedelta(days=2)

    moved = move(house, DESK, "dispatch", number, department="医保分局")

    case = case_of(house, number)
    assert "派给医保分局" in moved.sentence
    assert (case.due_at, case.original_due_at) == (before.due_at, before.due_at)
    assert case.contact_due_at == before.contact_due_at
    assert sorted(due.stage for due in due_times(house, number)) == ["contact", "dispatch_1", "handling"]
    stay = next(due for due in due_times(house, number) if due.stage == "dispatch_1")
    assert stay.met_at == clock.moment


@pytest.mark.parametrize(("words", "why"), [("火星局", "没有单位“火星局”"), ("区政数局", "不能派给派单台")])
def test_the_desk_dispatches_only_to_a_unit_that_handles(house, words, why):
    number = opened(house, department="火星局", item="火星移民")

    with pytest.raises(InvalidInput, match=why):
        move(house, DESK, "dispatch", number, department=words)


def test_a_complex_matter_gets_a_longer_limit_and_keeps_its_first_due_time(house):
    number = verifying(house)
    before = case_of(house, number)
    call(house, number)

    conclude(house, number, complex=True)

    case = case_of(house, number)
    assert case.due_at > before.due_at == case.original_due_at
    (told,) = messages(house, kind="extended")
    assert f"预计 {case.due_at.astimezone(CHINA):%Y-%m-%d} 前办结" in told.body["content"]


def test_a_complex_matter_of_a_later_round_counts_from_its_reopening(house, clock):
    number = closed(house)
    clock.moment += timedelta(days=60)
    move(house, SUPERVISOR, "reopen", number, remark="群众反映未整改")
    reopened = case_of(house, number)
    call(house, number)

    conclude(house, number, complex=True)

    case = case_of(house, number)
    assert case.due_at == today(house).due("handling_complex", clock.moment).due_at > reopened.due_at


def test_a_case_of_another_department_does_not_exist_for_a_stranger(house):
    number = opened(house)

    with pytest.raises(NotFound) as foreign:
        move(house, FOREIGN_HEAD, "sign", number)
    with pytest.raises(NotFound) as missing:
        move(house, FOREIGN_HEAD, "sign", "Z9999")

    assert foreign.value.sentence.replace(number, "Z9999") == missing.value.sentence
    assert len(events(house, number)) == 2


@pytest.mark.parametrize(
    ("who", "verb"),
    [(DESK, "sign"), (SUPERVISOR, "sign"), ("fanglifeng01", "sign"), ("zhouzhidong01", "sign")],
)
def test_who_sees_the_whole_city_may_still_not_do_a_units_work(house, who, verb):
    number = opened(house)

    with pytest.raises(NotAllowed, match="经办"):
        move(house, who, verb, number)


def test_an_illegal_move_leaves_nothing_behind(house):
    number = opened(house)
    owed, told = len(messages(house)), len(events(house, number))

    with pytest.raises(IllegalMove, match="待签收"):
        move(house, HEAD, "approve", number, no_attachment=True)

    assert (len(messages(house)), len(events(house, number))) == (owed, told)


def test_every_move_leaves_one_event_in_an_unbroken_chain(house):
    number = closed(house)

    told = events(house, number)
    assert [event.move for event in told] == [
        "open", "dispatch", "sign", "record_call", "conclude_justified", "submit_measures", "add_evidence",
        "approve", "record_feedback",
    ]  # fmt: skip
    assert first_break(told) is None
    assert [event.after for event in told[:-1]] == [event.before for event in told[1:]]
    assert case_of(house, number).last_hash == told[-1].hash
    told[3].remark = "改过"
    assert first_break(told) == 4


@pytest.mark.parametrize("statement", ["UPDATE case_events SET remark = ''", "DELETE FROM case_events"])
def test_the_database_itself_keeps_the_events(house, statement):
    opened(house)

    with pytest.raises(DBAPIError) as refused, house.database.begin() as session:
        session.execute(text(statement))

    assert isinstance(refused.value.orig, psycopg.errors.RaiseException)


def test_no_message_tells_who_rated_or_what_was_written(house):
    number = awaiting_approval(house)
    move(house, HEAD, "send_back", number, remark="照片不清楚")
    move(house, handler_of(house, number), "submit_measures", number, remark="增设窗口")
    move(house, HEAD, "approve", number, no_attachment=True)
    move(house, handler_of(house, number), "record_feedback", number, channel="电话", remark="已告知")
    move(house, SUPERVISOR, "reopen", number, remark="群众反映未整改")
    move(house, handler_of(house, number), "return", number, remark="应由医保办理")
    opened(house, department="火星局", item="火星移民")

    said = [str(one.body) for one in messages(house)]

    kinds = {one.kind for one in messages(house)}
    assert kinds >= {"new_case", "to_approve", "sent_back", "approved", "reopened", "returned", "to_dispatch"}
    assert not [words for words in said if RATER in words or PHONE in words or COMMENT in words]


def test_what_nobody_can_receive_is_kept_with_the_reason(house):
    with house.database.begin() as session:
        for person in session.scalars(select(Staff).where(Staff.userid.in_([DESK, "liuwenpeng01"]))):
            person.active = False

    opened(house, department="火星局", item="火星移民")

    (kept,) = messages(house, kind="to_dispatch")
    assert (kept.state, kept.reason) == ("suppressed", "没有可接收的人员")


def test_the_system_itself_holds_no_right_to_move_a_case_as_a_person():
    assert SYSTEM.staff_id is None
    assert SYSTEM.department_id is None


def test_a_number_that_somebody_typed_is_covered_in_every_card(house):
    """F19: staff type numbers into reasons, raters into the item."""
    number = awaiting_approval(house, item="查询 13700001234 的参保")
    move(house, HEAD, "send_back", number, remark="请再打13800001234")

    told = [str(one.body) for one in messages(house, channel="wecom")]
    assert any("请再打138****1234" in body for body in told)
    assert not any("13800001234" in body or "13700001234" in body for body in told)
