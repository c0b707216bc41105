"""What the chat answers with: a case in a few lines, what one owes, a rate with its fraction."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

from sqlalchemy.orm import Session

from reviewbot.actions.report_rates import report_rates
from reviewbot.clock import CHINA
from reviewbot.conversation.periods import parse_period
from reviewbot.errors import InvalidInput
from reviewbot.models.case import Case
from reviewbot.queries.directory import find_department
from reviewbot.queries.recalls import RecallRow
from reviewbot.queries.scope import Viewer
from reviewbot.rules.lifecycle import CaseStatus, next_steps
from reviewbot.rules.notices import when
from reviewbot.rules.rates import METRICS, display
from reviewbot.rules.rulebook import Rulebook


def case_lines(case: Case, at: datetime, desk_limit: datetime | None = None) -> str:
    """One case: state, unit, handler, time limit (``desk_limit`` while it waits there), why here, what is possible."""
    possible = "、".join(move.label for move in next_steps(case.status)) or "无"
    return "\n".join(
        [
            f"工单 {case.number} 现为「{case.status.label}」",
            f"事项：{case.review.item or '（未写明事项）'}",
            f"单位：{case.department.short_name if case.department else '派单台'}"
            f"　经办：{case.handler.name if case.handler else '—'}",
            f"时限：{_due(case, at, desk_limit)}",
            case.route_reason,
            f"可以：{possible}",
        ]
    )


def todo_lines(
    cases: Sequence[Case],
    at: datetime,
    recalls: Sequence[RecallRow] = (),
    desk_limits: Mapping[int, datetime] = MappingProxyType({}),
) -> str:
    """What one person owes, most urgent first; then whom he has to call for the independent sample."""
    lines = [f"您有 {len(cases)} 张待办工单："] if cases else ["您现在没有待办工单。"]
    lines += [
        f"{case.number} {case.status.label}　{case.review.item or ''}　{_due(case, at, desk_limits.get(case.id))}"
        for case in cases
    ]
    if recalls:
        lines.append(f"您有 {len(recalls)} 件抽查回访，号码在网页「抽查回访」中查看：")
        lines += [f"{row.number} {row.unit}　回复「抽查 {row.number} 属实 说明」" for row in recalls]
    return "\n".join(lines)


def rate_sentence(
    session: Session, viewer: Viewer, args: dict[str, str], at: datetime, rulebook: Rulebook
) -> str:
    """整改率 with numerator, denominator and both parts (F12, F20)."""
    today = at.astimezone(CHINA).date()
    period = parse_period(args.get("period") or "本月", today)
    if period is None:
        raise InvalidInput(f"不明白“{args.get('period')}”是哪段时间；例如：整改率 本月、整改率 2026-10。")
    department = None
    if word := args.get("department"):
        department = find_department(session, word)
        if department is None:
            raise InvalidInput(f"目录中没有单位“{word}”；例如：整改率 社保局 本月。")
    first, last = period
    (row,) = report_rates(
        session, viewer, first=first, last=last, now=at, metrics=["rectification_rate"],
        department_id=department.id if department else None,
    )  # fmt: skip
    parts = row.figure.parts
    whose = department.short_name if department else ("全部单位" if viewer.sees_all else "本单位")
    return (
        f"{METRICS['rectification_rate'].name} {whose} {first:%Y-%m-%d} 至 {last:%Y-%m-%d}："
        f"{display(row.figure, rulebook.policy.rounding)}，"
        f"其中整改办结 {parts['rectified']}、解释办结 {parts['explained']}；"
        f"分母为到期应办结的差评工单，截至 {at.astimezone(CHINA):%m-%d %H:%M}。"
    )


def _due(case: Case, at: datetime, desk_limit: datetime | None) -> str:
    due = desk_limit or case.due_at
    if case.status is CaseStatus.CLOSED or due is None:
        return "—"
    late = "（已超期）" if due < at else ""
    return f"{when(due.astimezone(CHINA))}{late}"
