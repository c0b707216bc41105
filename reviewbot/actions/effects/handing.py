"""A case changes hands within its unit, or somebody writes on it; neither moves a clock (R1, B22)."""

from dataclasses import asdict
from datetime import datetime, time

from reviewbot.actions.notify import facts_of, next_hands
from reviewbot.actions.start_clock import instructed_in_round, next_rung, round_began, running, start_clock
from reviewbot.actions.step import Effect, Step, need, owe_notice
from reviewbot.clock import CHINA
from reviewbot.errors import Conflict, InvalidInput
from reviewbot.models.people import Staff
from reviewbot.queries.directory import member_of
from reviewbot.rules import notices
from reviewbot.rules.lifecycle import Move, Role
from reviewbot.rules.routing import is_rated

INSTRUCTION = "instruction"


def _hand_over(step: Step) -> None:
    case = step.case
    hint = f"移交 {case.number} 李敏 原因"
    need(step.asked.person, "请写明移交给谁。", hint)
    taker = member_of(step.session, case.department_id, step.asked.person)
    if taker is None:
        raise InvalidInput(f"承办单位没有（或不止一位）“{step.asked.person}”，请写姓名或账号。", typed=hint)
    if taker.id == case.handler_id:
        raise Conflict(f"工单 {case.number} 现在就由{taker.name}经办。")
    if not {Role.HANDLER.value, Role.HEAD.value} & set(taker.roles):
        raise InvalidInput(f"{taker.name}不是经办人员，不能接办。")
    if is_rated(case.review.handled_by, taker.name, taker.userid):
        raise InvalidInput(f"工单 {case.number} 评价的正是{taker.name}，不能移交给本人。")
    before = step.session.get(Staff, case.handler_id) if case.handler_id else None
    step.data |= {"from": before.userid if before else None, "to": taker.userid}
    case.handler_id = taker.id
    step.said = f"由{taker.name}经办，时限不变"


def _after_hand_over(step: Step) -> None:
    body = notices.handed_over(facts_of(step.session, step.case), step.viewer.name, step.asked.remark)
    owe_notice(step, "handed_over", body)


def _instruct(step: Step) -> None:
    """A leader's instruction, once a round: one month to a letter, three months to a report (S4)."""
    case = step.case
    need(step.asked.remark, "请写明批示内容。", f"批示 {case.number} 内容")
    if instructed_in_round(step.session, case):
        raise Conflict(f"工单 {case.number} 已有领导批示。")
    case.instructed_at = _written(step)
    step.data |= {"leader": step.asked.person} if step.asked.person else {}
    if step.asked.on is not None:
        step.data["on"] = step.asked.on.isoformat()
        step.said = f"自 {step.asked.on} 批示之日起计"


def _written(step: Step) -> datetime:
    """When the leader wrote it: its month runs from there, however late it is recorded (S4); within this round."""
    on, began = step.asked.on, round_began(step.session, step.case) if step.case.round > 1 else None
    if on is None or on == step.at.astimezone(CHINA).date():
        return step.at
    if on > step.at.astimezone(CHINA).date():
        raise InvalidInput(f"批示日期 {on} 还没有到；要求办结的日期请写在批示内容里。")
    first = began or step.case.review.reviewed_at
    if on < first.astimezone(CHINA).date():
        what = "本轮重开" if began else "评价"
        raise InvalidInput(f"批示日期 {on} 早于{what}之日 {first.astimezone(CHINA):%Y-%m-%d}，请核对。")
    return max(datetime.combine(on, time(12), CHINA), first)


def _after_instruct(step: Step) -> None:
    """On a reopened case the clock of an earlier instruction has run since the reopening; no later word puts it off."""
    if any(limit.stage == INSTRUCTION for limit in running(step.session, step.case)):
        step.said = "批示件时限自重开之日起在计，不因再次批示后延"
    else:
        start_clock(step.session, step.case, INSTRUCTION, step.case.instructed_at or step.at, step.rulebook)
        step.case.next_action_at = next_rung(step.session, step.case, step.rulebook)
    body = notices.instructed(facts_of(step.session, step.case))
    owe_notice(step, "instructed", body, next_hands(step.session, step.case, step.at))


def _remark(step: Step) -> None:
    need(step.asked.remark, "请写明备注内容。", f"备注 {step.case.number} 内容")
    if step.asked.place is not None:
        step.data["place"] = asdict(step.asked.place)


HANDING: dict[Move, Effect] = {
    Move.HAND_OVER: Effect(_hand_over, _after_hand_over),
    Move.INSTRUCT: Effect(_instruct, _after_instruct),
    Move.REMARK: Effect(_remark),
}
