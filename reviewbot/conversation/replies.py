"""What the chat answers with: a case in a few lines, what one owes."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

from reviewbot.clock import CHINA
from reviewbot.models.case import Case
from reviewbot.queries.recalls import RecallRow
from reviewbot.rules.lifecycle import CaseStatus, next_steps
from reviewbot.rules.notices import when


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


def _due(case: Case, at: datetime, desk_limit: datetime | None) -> str:
    due = desk_limit or case.due_at
    if case.status is CaseStatus.CLOSED or due is None:
        return "—"
    late = "（已超期）" if due < at else ""
    return f"{when(due.astimezone(CHINA))}{late}"
