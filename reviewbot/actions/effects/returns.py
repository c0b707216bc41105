"""Not ours: the desk decides on a return, the second one is ruled upon, and a ruling is final (F14)."""

from datetime import datetime

from reviewbot.actions.effects.joint import leave_nothing_waiting
from reviewbot.actions.notify import facts_of, ruling_members
from reviewbot.actions.open_case import dispatch
from reviewbot.actions.start_clock import next_rung, start_clock
from reviewbot.actions.step import Effect, Step, need, owe_notice
from reviewbot.clock import CHINA
from reviewbot.errors import Conflict, InvalidInput
from reviewbot.models.people import Department, RoutingException
from reviewbot.queries.directory import (
    find_department,
    routing_exception,
    units_named_in,
    userids_with_role,
)
from reviewbot.rules import notices
from reviewbot.rules.lifecycle import Move, Role


def _return(step: Step) -> None:
    """The unit gives the ground and, where it knows it, the better unit; the clock runs on (law 3)."""
    case = step.case
    need(step.asked.remark, "退回须写明原因。", f"退回 {case.number} 原因")
    if case.ruled:
        raise Conflict(f"工单 {case.number} 已经会商裁定由贵单位办理，不能再退回。")
    if (
        step.viewer.department_id == case.department_id
    ):  # the desk may give back at any time what it only keeps
        _check_window(step, case.assigned_at)
    better = _better_unit(step)
    if better is None and step.rulebook.policy.returns.name_the_unit:
        raise InvalidInput(
            "退回须写明应由哪个单位办理。", typed=f"退回 {case.number} 应由社保局办理，依据三定方案第二条"
        )
    leave_nothing_waiting(step)
    step.data |= {"from_department": case.department_id, "better": better.code if better else None}
    step.said = f"建议改派{better.short_name}" if better else ""
    case.return_count += 1
    case.returned_from_id = case.department_id
    case.department_id = None
    case.handler_id = None


def _check_window(step: Step, since: datetime | None) -> None:
    limit = step.rulebook.policy.limits.get("return")
    if limit is None or since is None:
        return
    until = step.rulebook.due("return", since).due_at
    if step.at > until:
        raise Conflict(
            f"工单 {step.case.number} 的退回期限已过（{until.astimezone(CHINA):%m-%d %H:%M}），请办理；"
            "确不属本单位的，请联系派单员。"
        )


def _better_unit(step: Step) -> Department | None:
    """The unit named in its own field or, alone, in the reason."""
    own = step.case.department_id
    if step.asked.department:
        named = find_department(step.session, step.asked.department)
        if named is None:
            raise InvalidInput(f"目录中没有单位“{step.asked.department}”，请写单位的简称、全称或代码。")
        if named.id == own:
            raise InvalidInput(f"{named.short_name}就是退回的单位，请写明应由哪个单位办理。")
        return named
    found = [unit for unit in units_named_in(step.session, step.asked.remark) if unit.id != own]
    return found[0] if len(found) == 1 else None


def _after_return(step: Step) -> None:
    # Every stay at the desk has a limit of its own; the citizen's clock runs on meanwhile (law 3).
    _start_stay(step, f"dispatch_{step.case.return_count}", "dispatch")
    notice = notices.returned(facts_of(step.session, step.case), _ground(step))
    owe_notice(step, "returned", notice, userids_with_role(step.session, Role.DESK))


def _after_return_again(step: Step) -> None:
    _convened(step, _ground(step))


def _ground(step: Step) -> str:
    return f"{step.asked.remark}（{step.said}）" if step.said else step.asked.remark


def _convene(step: Step) -> None:
    need(step.asked.remark, "会商须写明争议。", f"会商 {step.case.number} 争议")


def _after_convene(step: Step) -> None:
    _convened(step, step.asked.remark)


def _convened(step: Step, ground: str) -> None:
    next_rung(step.session, step.case, step.rulebook, met=("dispatch",), at=step.at)
    _start_stay(step, f"arbitration_{step.case.return_count}", "arbitration")
    body = notices.to_rule(facts_of(step.session, step.case), ground)
    owe_notice(step, "to_rule", body, ruling_members(step.session))


def _start_stay(step: Step, stage: str, limit: str) -> None:
    start_clock(step.session, step.case, stage, step.at, step.rulebook, limit=limit)
    step.case.next_action_at = next_rung(step.session, step.case, step.rulebook)


def _refuse_return(step: Step) -> None:
    case = step.case
    if case.returned_from_id is None:
        raise Conflict(f"工单 {case.number} 不是退回的工单，请派单。")
    need(step.asked.remark, "驳回退回须写明理由。", f"驳回 {case.number} 理由")
    unit = step.session.get_one(Department, case.returned_from_id)
    case.route_reason = f"驳回退回：仍由{unit.short_name}办理"
    dispatch(
        step.session, case, unit.id, step.asked.remark, at=step.at, rulebook=step.rulebook,
        actor=step.viewer.actor, actor_name=step.viewer.name, move=Move.REFUSE_RETURN, data=step.data,
    )  # fmt: skip
    step.said = f"仍由{unit.short_name}办理"


def _rule(step: Step) -> None:
    """Name the unit for good; as a rule it holds for every later case of the item (or window)."""
    case, asked = step.case, step.asked
    hint = f"裁定 {case.number} 社保局 理由"
    unit = find_department(step.session, asked.department)
    if unit is None or unit.role == "bureau":
        raise InvalidInput("请写明裁定由哪个承办单位办理。", typed=hint)
    need(asked.remark, "裁定须写明理由。", hint)
    case.ruled = True
    case.route_reason = f"会商裁定：{unit.short_name}"
    if asked.as_rule:
        _keep_as_rule(step, unit)
    dispatch(
        step.session, case, unit.id, asked.remark, at=step.at, rulebook=step.rulebook,
        actor=step.viewer.actor, actor_name=step.viewer.name, move=Move.RULE, data=step.data,
    )  # fmt: skip
    step.said = f"由{unit.short_name}办理" + ("，今后同类照此派单" if asked.as_rule else "")


def _keep_as_rule(step: Step, unit: Department) -> None:
    kind, value = _ruled_by(step)
    reason = f"会商裁定 {step.case.number}：{step.asked.remark}"
    known = routing_exception(step.session, kind, value)
    if known is None:
        known = RoutingException(kind=kind, value=value)
        step.session.add(known)
    known.department_id, known.reason, known.case_id = unit.id, reason, step.case.id
    known.ended_at = known.ended_by = known.ended_reason = None
    step.data |= {"as_rule": f"{kind}:{value}"}


def _ruled_by(step: Step) -> tuple[str, str]:
    """By what later cases would be known: the item, else the window."""
    review = step.case.review
    if review.item:
        return "item", review.item
    if review.window:
        return "window", review.window
    raise InvalidInput("评价没有写明事项和窗口，裁定不能作为今后的派单规则。")


def _keep_ruling(step: Step) -> None:
    """The desk makes a rule of what was ruled; the last one of an item stands."""
    case = step.case
    if not case.ruled or case.department_id is None:
        raise Conflict(f"工单 {case.number} 没有经过会商裁定，不能作为今后的派单规则。")
    need(step.asked.remark, "照此派单须写明原因。", f"照此派单 {case.number} 原因")
    unit = step.session.get_one(Department, case.department_id)
    kind, value = _ruled_by(step)
    known = routing_exception(step.session, kind, value)
    if known and known.ended_at is None and (known.case_id, known.department_id) == (case.id, unit.id):
        raise Conflict(f"「{value}」已照此派单给{unit.short_name}，无须重复。")
    _keep_as_rule(step, unit)
    step.said = f"今后同类派给{unit.short_name}"


RETURNS: dict[Move, Effect] = {
    Move.RETURN: Effect(_return, _after_return),
    Move.RETURN_AGAIN: Effect(_return, _after_return_again),
    Move.CONVENE: Effect(_convene, _after_convene),
    Move.REFUSE_RETURN: Effect(_refuse_return),
    Move.RULE: Effect(_rule),
    Move.KEEP_AS_RULE: Effect(_keep_ruling),
}
