"""What each move asks for, changes and owes: its conditions before the status changes, its messages after."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from reviewbot.actions.notify import facts_of, handler_of, tell
from reviewbot.actions.open_case import dispatch, is_the_rated
from reviewbot.actions.start_clock import next_rung, running, start_clock
from reviewbot.errors import InvalidInput
from reviewbot.models.case import Call, Evidence
from reviewbot.models.people import Staff
from reviewbot.queries.directory import find_department, userids_with_role
from reviewbot.rules import notices
from reviewbot.rules.lifecycle import ClosingKind, Conclusion, Move, Role

if TYPE_CHECKING:
    from reviewbot.actions.make_move import Step


def _nothing(_: Step) -> None:
    return


@dataclass(frozen=True)
class Effect:
    """``prepare`` runs before the status changes and may refuse; ``finish`` owes the messages."""

    prepare: Callable[[Step], None]
    finish: Callable[[Step], None] = _nothing


def _dispatch(step: Step) -> None:
    department = find_department(step.session, step.asked.department)
    if department is None:
        raise InvalidInput(f"目录中没有单位“{step.asked.department or ''}”，请写单位的简称、全称或代码。")
    if department.role == "bureau":
        raise InvalidInput("派单应派给承办单位，不能派给派单台自己。")
    step.case.route_reason = f"派单员指定：{department.short_name}"
    dispatch(
        step.session, step.case, department.id, step.asked.remark or step.case.route_reason, at=step.at,
        rulebook=step.rulebook, actor=step.viewer.actor, actor_name=step.viewer.name,
    )  # fmt: skip
    step.said = f"派给{department.short_name}"


def _sign(step: Step) -> None:
    step.case.signed_at = step.case.signed_at or step.at
    if step.viewer.staff_id is not None:
        step.case.handler_id = step.viewer.staff_id


def _return(step: Step) -> None:
    _need(step.asked.remark, f"退回须写明原因：退回 {step.case.number} 原因。")
    case = step.case
    step.data["from_department"] = case.department_id
    case.return_count += 1
    case.department_id = None
    case.handler_id = None


def _after_return(step: Step) -> None:
    # Every stay at the desk has a limit of its own; the citizen's clock runs on meanwhile (law 3).
    stage = f"dispatch_{step.case.return_count}"
    start_clock(step.session, step.case, stage, step.at, step.rulebook, limit="dispatch")
    step.case.next_action_at = next_rung(step.session, step.case, step.rulebook)
    notice = notices.returned(facts_of(step.session, step.case), step.asked.remark)
    _tell(step, "returned", notice, userids_with_role(step.session, Role.DESK))


def _record_call(step: Step) -> None:
    case = step.case
    if step.asked.reached is None:
        raise InvalidInput(
            f"请写明是否接通：回访 {case.number} 已接通 说明，或 回访 {case.number} 未接通 说明。"
        )
    if step.asked.reached:
        _need(step.asked.remark, f"接通的回访须写明评价人说了什么：回访 {case.number} 已接通 说明。")
    case.call_count += 1
    step.session.add(
        Call(
            case_id=case.id, round=case.round, attempt=case.call_count, at=step.at,
            staff_id=step.viewer.staff_id, reached=step.asked.reached, note=step.asked.remark,
        )
    )  # fmt: skip
    step.data |= {"attempt": case.call_count, "reached": step.asked.reached}
    step.said = f"第{case.call_count}次，{'已接通' if step.asked.reached else '未接通'}"
    if step.asked.reached:
        case.contacted_at = case.contacted_at or step.at
        case.next_action_at = next_rung(step.session, case, step.rulebook, met="contact", at=step.at)


def _conclude(step: Step) -> None:
    case, conclusion = step.case, step.asked.conclusion
    if conclusion is None:
        raise InvalidInput(
            f"请写明认定：认定 {case.number} 属实（或 不合理、无法定依据、政策不支持、误评）。"
        )
    called = step.session.scalar(
        select(func.count()).where(Call.case_id == case.id, Call.round == case.round)
    )
    if case.real_name and not called:
        raise InvalidInput(f"工单 {case.number} 是实名差评，须先回访再认定：回访 {case.number} 已接通 说明。")
    case.conclusion = conclusion
    step.data |= {"conclusion": conclusion.value, "complex": step.asked.complex}
    step.said = conclusion.label
    if conclusion is Conclusion.JUSTIFIED and step.asked.complex and not case.complex:
        _extend_as_complex(step)


def _extend_as_complex(step: Step) -> None:
    """A complex matter has its own limit, counted from the same dispatch; the original due time stays."""
    case = step.case
    case.complex = True
    for due in running(step.session, case):
        if due.stage == "handling":
            due.met_at = step.at
    case.due_at = start_clock(
        step.session, case, "handling_complex", case.dispatched_at or step.at, step.rulebook
    )
    case.next_action_at = next_rung(step.session, case, step.rulebook)
    step.said += "，按复杂事项时限"


def _submit_measures(step: Step) -> None:
    _need(step.asked.remark, f"请写明整改措施：整改 {step.case.number} 措施。")
    step.data["evidence"] = _evidence_count(step)


def _submit_explanation(step: Step) -> None:
    hint = f"解释 {step.case.number} 依据：文件名称、文号、条款 说明：…"
    _need(step.asked.basis, f"解释说明须引用依据：{hint}。")
    _need(step.asked.remark, f"解释说明须写明向评价人怎样解释：{hint}。")
    step.data |= {"basis": step.asked.basis, "evidence": _evidence_count(step)}


def _to_approve(step: Step) -> None:
    case = step.case
    misrated = case.conclusion is Conclusion.MISRATED
    if misrated:
        approvers = userids_with_role(step.session, Role.SUPERVISOR)
    else:
        handler = step.session.get(Staff, case.handler_id) if case.handler_id else None
        approvers = [
            userid
            for userid in userids_with_role(step.session, Role.HEAD, case.department_id)
            if (handler is None or userid != handler.userid) and not is_the_rated(step.session, userid, case)
        ] or userids_with_role(step.session, Role.SUPERVISOR)
    explains = case.conclusion and case.conclusion.move is Move.CONCLUDE_UNJUSTIFIED
    what = "单位认定为误评" if misrated else "已提交解释说明" if explains else "已提交整改措施"
    notice = notices.to_approve(
        facts_of(step.session, case), what=what, with_evidence=bool(_evidence_count(step))
    )
    _tell(step, "to_approve", notice, approvers)


def _approve(step: Step) -> None:
    evidence = _evidence_count(step)
    if not evidence and not step.asked.no_attachment:
        raise InvalidInput(
            f"工单 {step.case.number} 没有附件；确认无附件也通过的，请回复「通过 {step.case.number} 无附件」。"
        )
    step.case.without_attachment = not evidence
    step.data |= {"evidence": evidence, "without_attachment": not evidence}
    step.said = "" if evidence else "无附件"


def _after_approve(step: Step) -> None:
    _tell(step, "approved", notices.approved(facts_of(step.session, step.case)))


def _send_back(step: Step) -> None:
    _need(step.asked.remark, f"重办须写明原因：重办 {step.case.number} 原因。")
    if step.case.conclusion is Conclusion.MISRATED:
        step.case.conclusion = Conclusion.JUSTIFIED  # a refused misrating is to be rectified (F13)


def _after_send_back(step: Step) -> None:
    _tell(step, "sent_back", notices.sent_back(facts_of(step.session, step.case), step.asked.remark))


def _record_feedback(step: Step) -> None:
    hint = f"反馈 {step.case.number} 电话 说明"
    _need(step.asked.channel, f"请写明怎样告知评价人：{hint}。")
    _need(step.asked.remark, f"请写明告知了什么：{hint}。")
    case = step.case
    step.data["channel"] = step.asked.channel
    case.closed_at = step.at
    case.first_closed_at = case.first_closed_at or step.at
    match case.conclusion:
        case Conclusion.JUSTIFIED | None:
            case.closing_kind = ClosingKind.RECTIFIED
        case Conclusion.MISRATED:
            case.closing_kind = ClosingKind.MISRATED
        case _:
            case.closing_kind = ClosingKind.EXPLAINED
    for due in running(step.session, case):
        due.met_at = step.at
    case.next_action_at = None
    step.said = case.closing_kind.label


def _reopen(step: Step) -> None:
    _need(step.asked.remark, f"重开须写明原因：重开 {step.case.number} 原因。")
    case = step.case
    case.round += 1
    case.reopen_count += 1
    case.conclusion = None
    case.closing_kind = None
    case.closed_at = None
    case.complex = False
    case.due_at = start_clock(step.session, case, "handling", step.at, step.rulebook)
    case.next_action_at = next_rung(step.session, case, step.rulebook)


def _after_reopen(step: Step) -> None:
    _tell(step, "reopened", notices.reopened(facts_of(step.session, step.case), step.asked.remark))


def _need(words: str, sentence: str) -> None:
    if not words.strip():
        raise InvalidInput(sentence)


def _evidence_count(step: Step) -> int:
    """Photographs and files of this round."""
    return (
        step.session.scalar(
            select(func.count()).where(Evidence.case_id == step.case.id, Evidence.round == step.case.round)
        )
        or 0
    )


def _tell(step: Step, kind: str, body: notices.Body, userids: list[str] | None = None) -> None:
    receivers = handler_of(step.session, step.case) if userids is None else userids
    tell(step.session, step.case, kind, body, receivers, at=step.at)


EFFECTS: dict[Move, Effect] = {
    Move.DISPATCH: Effect(_dispatch),
    Move.SIGN: Effect(_sign),
    Move.RETURN: Effect(_return, _after_return),
    Move.RECORD_CALL: Effect(_record_call),
    Move.CONCLUDE_JUSTIFIED: Effect(_conclude),
    Move.CONCLUDE_UNJUSTIFIED: Effect(_conclude),
    Move.CONCLUDE_MISRATED: Effect(_conclude, _to_approve),
    Move.SUBMIT_MEASURES: Effect(_submit_measures, _to_approve),
    Move.SUBMIT_EXPLANATION: Effect(_submit_explanation, _to_approve),
    Move.APPROVE: Effect(_approve, _after_approve),
    Move.SEND_BACK_MEASURES: Effect(_send_back, _after_send_back),
    Move.SEND_BACK_EXPLANATION: Effect(_send_back, _after_send_back),
    Move.RECORD_FEEDBACK: Effect(_record_feedback),
    Move.REOPEN: Effect(_reopen, _after_reopen),
}
