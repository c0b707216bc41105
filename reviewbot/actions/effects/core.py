"""The core path: dispatch, sign, call back, conclude, measures or explanation, approval, feedback, reopening."""

from datetime import datetime

from reviewbot.actions.effects.applications import lapse
from reviewbot.actions.effects.call_back import check_called_back, end_of_calling
from reviewbot.actions.effects.closing import close
from reviewbot.actions.effects.joint import check_nobody_is_waited_for
from reviewbot.actions.notify import approvers_of, facts_of, tell_rater
from reviewbot.actions.open_case import dispatch
from reviewbot.actions.start_clock import (
    clock_began,
    next_rung,
    replace_clock,
    round_began,
    start_clock,
)
from reviewbot.actions.step import Effect, Step, need, owe_notice
from reviewbot.clock import CHINA
from reviewbot.errors import Conflict, InvalidInput
from reviewbot.models.people import Staff
from reviewbot.models.procedure import ApplicationKind
from reviewbot.queries.calendars import was_told_day
from reviewbot.queries.calls import called_unseen
from reviewbot.queries.cases import count_evidence
from reviewbot.queries.directory import choose_holder, find_department
from reviewbot.queries.handovers import works_in
from reviewbot.rules import notices
from reviewbot.rules.lifecycle import Conclusion, Move, closing_kind


def _dispatch(step: Step) -> None:
    department = find_department(step.session, step.asked.department)
    if department is None:
        raise InvalidInput(f"目录中没有单位“{step.asked.department or ''}”，请写单位的简称、全称或代码。")
    if department.role == "bureau":
        raise InvalidInput("派单应派给承办单位，不能派给派单台自己。")
    if department.id == step.case.returned_from_id:  # it is owed a reason why its ground does not hold
        raise Conflict(
            f"{department.short_name}已退回工单 {step.case.number}；仍由其办理的，请驳回退回并写明理由。",
            typed=f"驳回 {step.case.number} 理由",
        )
    step.case.route_reason = f"派单员指定：{department.short_name}"
    dispatch(
        step.session, step.case, department.id, step.asked.remark or step.case.route_reason, at=step.at,
        rulebook=step.rulebook, actor=step.viewer.actor, actor_name=step.viewer.name, data=step.data,
    )  # fmt: skip
    step.said = f"派给{department.short_name}"


def _sign(step: Step) -> None:
    step.case.signed_at = step.case.signed_at or step.at
    if step.viewer.staff_id is not None:
        step.case.handler_id = step.viewer.staff_id


def _conclude(step: Step) -> None:
    case, conclusion = step.case, step.asked.conclusion
    if conclusion is None:
        raise InvalidInput(
            "请写明认定。", typed=f"认定 {case.number} 属实（或 不合理、无法定依据、政策不支持、误评）"
        )
    check_called_back(step)
    case.conclusion = conclusion
    step.data |= {"conclusion": conclusion.value, "complex": step.asked.complex}
    step.said = conclusion.label
    end_of_calling(step)
    if conclusion is Conclusion.JUSTIFIED and step.asked.complex and not case.complex:
        _extend_as_complex(step)


def _extend_as_complex(step: Step) -> None:
    """A complex matter has its own limit, counted from where this round's handling began; the original due time stays.

    It is more time that the unit gives itself: as any other it is taken before the due time (F16), and where the
    case already has longer, that stands."""
    case = step.case
    if case.due_at is not None and step.at > case.due_at:
        raise Conflict(f"工单 {case.number} 已到期，按复杂事项认定须在到期之前；请不加“复杂”再认定。")
    case.complex = True
    due = step.rulebook.due("handling_complex", _round_began(step))
    if case.due_at is not None and due.due_at <= case.due_at:
        step.said += "，期限不变"
        return
    if case.due_at is not None:
        step.data |= {"due_before": case.due_at.isoformat(), "due_after": due.due_at.isoformat()}
    replace_clock(step.session, case, "handling", "handling_complex", due, step.rulebook, at=step.at)
    case.due_at = due.due_at
    case.next_action_at = next_rung(step.session, case, step.rulebook)
    step.said += "，按复杂事项时限"


def _round_began(step: Step) -> datetime:
    """Where the clock of a complex matter starts: its policy says so of the first round, reopening it of a later."""
    case = step.case
    if case.round == 1 and case.dispatched_at is not None:
        return clock_began(case, step.rulebook.policy.limits["handling_complex"], case.dispatched_at)
    return round_began(step.session, case) or step.at


def _after_conclude(step: Step) -> None:
    tell_new_day(step, "情况复杂")


def tell_new_day(step: Step, why: str) -> None:
    """The rater hears of the new day where he was told one that is no longer so."""
    case, before = step.case, step.data.get("due_before")
    if before is None or case.due_at is None:
        return
    told, due = datetime.fromisoformat(before).astimezone(CHINA).date(), case.due_at.astimezone(CHINA)
    if told != due.date() and was_told_day(step.session, case, told):
        body = notices.rater_extended(case.number, due, why)
        tell_rater(step.session, case, "extended", body, at=step.at)


def _submit_measures(step: Step) -> None:
    check_nobody_is_waited_for(step)
    need(step.asked.remark, "请写明整改措施。", f"整改 {step.case.number} 措施")
    step.case.next_action_at = next_rung(step.session, step.case, step.rulebook, met=("ledger",), at=step.at)
    step.data["evidence"] = count_evidence(step.session, step.case)


def _submit_explanation(step: Step) -> None:
    check_nobody_is_waited_for(step)
    hint = f"解释 {step.case.number} 依据：文件名称、文号、条款 说明：…"
    need(step.asked.basis, "解释说明须引用依据。", hint)
    need(step.asked.remark, "解释说明须写明向评价人怎样解释。", hint)
    step.data |= {"basis": step.asked.basis, "evidence": count_evidence(step.session, step.case)}


def _to_approve(step: Step) -> None:
    case = step.case
    lapse(step, ApplicationKind.EXTENSION, ApplicationKind.LEDGER)
    explains = case.conclusion and case.conclusion.move is Move.CONCLUDE_UNJUSTIFIED
    what = "已提交解释说明" if explains else "已提交整改措施"
    notice = notices.to_approve(
        facts_of(step.session, case), what=what, with_evidence=bool(count_evidence(step.session, step.case)),
        unseen=bool(called_unseen(step.session, [case.id])),
    )  # fmt: skip
    owe_notice(step, "to_approve", notice, approvers_of(step.session, case, step.at))


def require_evidence_or_say_so(step: Step, act: str) -> None:
    """Words alone are passed only by saying so expressly (F17); ``act``: what whoever passes them calls it."""
    evidence = count_evidence(step.session, step.case)
    if not evidence and not step.asked.no_attachment:
        raise InvalidInput(
            f"工单 {step.case.number} 没有附件，须确认没有附件也{act}。",
            typed=f"请回复「{act} {step.case.number} 无附件」",
        )
    step.case.without_attachment = not evidence
    step.data |= {"evidence": evidence, "without_attachment": not evidence}
    step.said = "" if evidence else "无附件"


def _approve(step: Step) -> None:
    require_evidence_or_say_so(step, "通过")


def _after_approve(step: Step) -> None:
    owe_notice(step, "approved", notices.approved(facts_of(step.session, step.case)))


def _send_back(step: Step) -> None:
    need(step.asked.remark, "重办须写明原因。", f"重办 {step.case.number} 原因")


def _after_send_back(step: Step) -> None:
    owe_notice(step, "sent_back", notices.sent_back(facts_of(step.session, step.case), step.asked.remark))


def _record_feedback(step: Step) -> None:
    hint = f"反馈 {step.case.number} 电话 说明"
    need(step.asked.channel, "请写明怎样告知评价人。", hint)
    need(step.asked.remark, "请写明告知了什么。", hint)
    case = step.case
    step.data["channel"] = step.asked.channel
    kind = closing_kind(case.conclusion)
    close(step, kind, step.at, None)
    step.said = kind.label


def _after_record_feedback(step: Step) -> None:
    body = notices.rater_closed(step.case.number)
    tell_rater(step.session, step.case, "closed", body, at=step.at)


def _reopen(step: Step) -> None:
    need(step.asked.remark, "重开须写明原因。", f"重开 {step.case.number} 原因")
    case = step.case
    if case.department_id is None:
        raise Conflict(f"工单 {case.number} 由来源办结，没有承办单位，不能重开。")
    _keep_or_choose_holder(step, case.department_id)
    case.round += 1
    case.reopen_count += 1
    case.conclusion = None
    case.closing_kind = None
    case.closed_at = None
    case.complex = False
    case.ledger_until = None
    # He is called anew, within a limit of this round; 及时响应率 asks for the first contact and keeps the first's.
    start_clock(step.session, case, "contact", step.at, step.rulebook)
    if case.instructed_at is not None:  # what a leader has written on it is not done (S4)
        start_clock(step.session, case, "instruction", step.at, step.rulebook)
    case.due_at = start_clock(step.session, case, "handling", step.at, step.rulebook, limit=case.kind.limit)
    case.next_action_at = next_rung(step.session, case, step.rulebook)


def _keep_or_choose_holder(step: Step, department_id: int) -> None:
    """Whoever has left the unit since, or works there no more, does not get the case back (B22)."""
    case = step.case
    before = step.session.get(Staff, case.handler_id) if case.handler_id else None
    if before is not None and works_in(before, department_id):
        return
    taker = choose_holder(step.session, department_id, step.at, rated=case.review.handled_by)
    case.handler_id = taker.id if taker else None
    step.data |= {"from": before.userid if before else None, "to": taker.userid if taker else None}


def _after_reopen(step: Step) -> None:
    case = step.case
    owe_notice(step, "reopened", notices.reopened(facts_of(step.session, case), step.asked.remark))
    if case.due_at is not None:
        body = notices.rater_reopened(case.number, case.due_at.astimezone(CHINA))
        tell_rater(step.session, case, "rater_reopened", body, at=step.at)


CORE: dict[Move, Effect] = {
    Move.DISPATCH: Effect(_dispatch),
    Move.SIGN: Effect(_sign),
    Move.CONCLUDE_JUSTIFIED: Effect(_conclude, _after_conclude),
    Move.CONCLUDE_UNJUSTIFIED: Effect(_conclude),
    Move.SUBMIT_MEASURES: Effect(_submit_measures, _to_approve),
    Move.SUBMIT_EXPLANATION: Effect(_submit_explanation, _to_approve),
    Move.APPROVE: Effect(_approve, _after_approve),
    Move.SEND_BACK_MEASURES: Effect(_send_back, _after_send_back),
    Move.SEND_BACK_EXPLANATION: Effect(_send_back, _after_send_back),
    Move.RECORD_FEEDBACK: Effect(_record_feedback, _after_record_feedback),
    Move.REOPEN: Effect(_reopen, _after_reopen),
}
