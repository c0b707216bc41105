"""Joint cases (牵头/协办): one lead and one due time; every other unit has a sub-task of its own (F15)."""

from reviewbot.actions.effects.applications import lapse
from reviewbot.actions.notify import facts_of, helpers_of
from reviewbot.actions.start_clock import next_rung, start_clock
from reviewbot.actions.step import Effect, Step, need, owe_notice
from reviewbot.clock import CHINA
from reviewbot.errors import Conflict, InvalidInput
from reviewbot.models.people import Department
from reviewbot.models.procedure import ApplicationKind, Assistance
from reviewbot.queries.directory import choose_from, find_department
from reviewbot.queries.procedure import open_assistances
from reviewbot.rules import notices
from reviewbot.rules.lifecycle import Move
from reviewbot.rules.stages import SUB_TASK


def _ask(step: Step) -> None:
    case = step.case
    hint = f"协办 {case.number} 税务局 请提供缴费记录"
    unit = find_department(step.session, step.asked.department)
    if unit is None or unit.role == "bureau":
        raise InvalidInput("请写明由哪个单位协办。", typed=hint)
    need(step.asked.remark, "请写明要协办什么。", hint)
    if unit.id == case.department_id:
        raise InvalidInput(f"{unit.short_name}是牵头单位，不必请求协办。")
    if any(one.department_id == unit.id for one in open_assistances(step.session, case.id)):
        raise Conflict(f"已请{unit.short_name}协办工单 {case.number}，尚未答复。")
    person = choose_from(step.session, unit.id, step.at, rated=case.review.handled_by)
    task = Assistance(
        case_id=case.id, round=case.round, department_id=unit.id, handler_id=person.id if person else None,
        task=step.asked.remark, asked_by=step.viewer.actor, asked_at=step.at,
        due_at=step.rulebook.due("assistance", step.at).due_at,
    )  # fmt: skip
    step.session.add(task)
    step.session.flush()
    start_clock(step.session, case, f"{SUB_TASK}{task.id}", step.at, step.rulebook, limit="assistance")
    case.next_action_at = next_rung(step.session, case, step.rulebook)
    by = task.due_at.astimezone(CHINA)
    step.data |= {"department": unit.code, "due_at": task.due_at.isoformat()}
    step.said = f"请{unit.short_name}于 {by:%m-%d %H:%M} 前答复"
    body = notices.assist(facts_of(step.session, case), unit.short_name, step.asked.remark, by)
    owe_notice(step, "assist", body, helpers_of(step.session, task, step.at))


def _assist(step: Step) -> None:
    need(step.asked.remark, "请写明协办结果。", f"协办答复 {step.case.number} 结果")
    mine = [
        one
        for one in open_assistances(step.session, step.case.id)
        if one.department_id == step.viewer.department_id
    ]
    if not mine:
        raise Conflict(f"工单 {step.case.number} 没有等您单位答复的协办事项。")
    task = mine[0]
    task.answer, task.answered_by = step.asked.remark, step.viewer.actor
    _end(step, task, "done")
    unit = step.session.get_one(Department, task.department_id)
    step.data |= {"department": unit.code, "late": step.at > task.due_at}
    step.said = f"{unit.short_name}已答复"


def _after_assist(step: Step) -> None:
    body = notices.assisted(facts_of(step.session, step.case), step.said, step.asked.remark)
    owe_notice(step, "assisted", body)


def _withdraw(step: Step) -> None:
    hint = f"撤销协办 {step.case.number} 税务局 原因"
    unit = find_department(step.session, step.asked.department)
    need(step.asked.remark, "撤销协办须写明原因。", hint)
    tasks = [
        one
        for one in open_assistances(step.session, step.case.id)
        if unit is not None and one.department_id == unit.id
    ]
    if not tasks or unit is None:
        raise InvalidInput("请写明撤销哪个单位的协办。", typed=hint)
    _withdraw_task(step, tasks[0])
    step.data |= {"department": unit.code}
    step.said = f"不再请{unit.short_name}协办"


def _withdraw_task(step: Step, task: Assistance) -> None:
    _end(step, task, "withdrawn")
    unit = step.session.get_one(Department, task.department_id)
    body = notices.text(f"工单 {step.case.number} 不再需要{unit.short_name}协办，请停止办理。")
    owe_notice(step, f"assist_withdrawn_{task.id}", body, helpers_of(step.session, task, step.at))


def _end(step: Step, task: Assistance, state: str) -> None:
    """A sub-task is over, and with it its limit; the case's own runs on."""
    task.state, task.answered_at = state, step.at
    step.case.next_action_at = next_rung(
        step.session, step.case, step.rulebook, met=(f"{SUB_TASK}{task.id}",), at=step.at
    )


def leave_nothing_waiting(step: Step) -> None:
    """The case leaves the unit's hands: what was asked of others for it is settled by nobody any more (L5)."""
    lapse(step, ApplicationKind.EXTENSION, ApplicationKind.LEDGER)
    for task in open_assistances(step.session, step.case.id):
        _withdraw_task(step, task)


def check_nobody_is_waited_for(step: Step) -> None:
    """What other units were asked for belongs to what the approver sees; a lead hands in once they have answered."""
    waiting = open_assistances(step.session, step.case.id)
    if waiting:
        names = "、".join(step.session.get_one(Department, one.department_id).short_name for one in waiting)
        raise Conflict(
            f"工单 {step.case.number} 还在等{names}协办答复；不再需要的请先撤销协办。",
            typed=f"撤销协办 {step.case.number} 单位 原因",
        )


JOINT: dict[Move, Effect] = {
    Move.ASK_ASSISTANCE: Effect(_ask),
    Move.ASSIST: Effect(_assist, _after_assist),
    Move.WITHDRAW_ASSISTANCE: Effect(_withdraw),
}
