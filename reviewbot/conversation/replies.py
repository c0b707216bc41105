"""What the chat answers with: a case in a few lines, what one owes."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from reviewbot.clock import CHINA
from reviewbot.models.case import Case
from reviewbot.queries.cases import desk_limits, provisional_cases
from reviewbot.queries.recalls import RecallRow
from reviewbot.rules.lifecycle import CaseStatus
from reviewbot.rules.notices import fit, when


def case_lines(case: Case, limit: str, may: Sequence[str]) -> str:
    """One case: state, unit, handler, time limit as ``limits_told`` says it, why it came here, and what who asks
    ``may`` type about it."""
    return "\n".join(
        [
            f"工单 {case.number} 现为「{case.status.label}」",
            f"事项：{case.review.item or '（未写明事项）'}",
            f"单位：{case.department.short_name if case.department else '派单台'}"
            f"　经办：{case.handler.name if case.handler else '—'}",
            f"时限：{limit}",
            f"派单依据：{case.route_reason}",
            "您可以回复：" if may else "现在没有要您办的事。",
            *(f"「{words}」" for words in may),
        ]
    )


def todo_lines(
    cases: Sequence[Case], limits: Mapping[int, str], recalls: Sequence[RecallRow], count: int,
    beside: Sequence[str],
) -> str:  # fmt: skip
    """What one person owes, most urgent first; then whom he has to call for the independent sample. ``count``: of all
    the cases, of which ``cases`` are the first; ``beside``: a line for each kind of letters and problems that wait."""
    head = f"您有 {count} 张待办工单，回复编号查看：" if cases else "您现在没有待办工单。"
    rows = [
        f"{case.number} {case.status.label}　{case.review.item or ''}　{limits[case.id]}" for case in cases
    ]
    calls = [f"{row.number} {row.unit}　回复「抽查 {row.number} 属实 说明」" for row in recalls]
    if calls:
        calls[0] = f"您有 {len(calls)} 件抽查回访，号码在网页「抽查回访」中查看：\n{calls[0]}"
    return fit(
        [*beside, head],
        [*rows, *calls],
        more="其余 {} 件请在网页「我的待办」中查看。",
        beyond=count - len(cases),
    )


def limits_told(session: Session, cases: Sequence[Case], at: datetime) -> dict[int, str]:
    """By when whoever owes the next step of each case has to take it: at the desk its limit, else the unit's (B2)."""
    idents = [case.id for case in cases]
    at_desk, unsettled = desk_limits(session, idents), provisional_cases(session, idents)
    told = {}
    for case in cases:
        due = at_desk.get(case.id) or case.due_at
        if case.status is CaseStatus.CLOSED or due is None:
            told[case.id] = "—"
            continue
        marks = ("（暂定）" if case.id in unsettled else "") + ("（已超期）" if due < at else "")
        told[case.id] = when(due.astimezone(CHINA)) + marks
    return told
