"""One line of a list: a case, and the card or sub-task of it that is listed."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from reviewbot.models.case import Case
from reviewbot.queries.listings import Entry
from reviewbot.rules.call_back import UNSEEN
from reviewbot.rules.lifecycle import CaseStatus
from reviewbot.rules.masking import mask_personal
from reviewbot.web.views import moment, span

_DESK_LIMITS = {CaseStatus.AWAITING_DISPATCH: "派单时限", CaseStatus.IN_ARBITRATION: "会商裁定时限"}
TASK_STATES = {"open": "待答复", "done": "已答复", "withdrawn": "已撤销"}


@dataclass(frozen=True)
class CaseLine:
    """One case in a list; ``urgency``: overdue, soon, late (closed after its time) or empty."""

    id: int
    number: str
    status: str
    status_key: str
    item: str
    department: str
    handler: str
    grade: str
    opened: str
    due_label: str
    due: str
    urgency: str
    urgency_text: str
    about: str = ""
    """Of a list of cards or sub-tasks: which one."""
    href: str = ""
    """Where it opens: the case, or where that is not the viewer's to see his unit's card; nowhere for a sub-task."""
    warning: str = ""
    """What whoever decides on it should not overlook."""


def entry_line(
    entry: Entry, now: datetime, desk_limit: datetime | None = None, *, unseen: bool = False
) -> CaseLine:
    """One line of a list: a case, or a card or sub-task of one; no more than that to a unit the case has left."""
    line = replace(
        case_line(entry.case, now, desk_limit, unseen=unseen), id=entry.id, about=_about(entry, now)
    )
    if entry.open_to:
        return line
    return replace(
        line, status="已不在本单位", status_key="", department="—", handler="—", due="—", urgency="",
        urgency_text="", warning="", href=f"/cards/{entry.card.id}" if entry.card else "",
    )  # fmt: skip


def _about(entry: Entry, now: datetime) -> str:
    if entry.card:
        return f"{entry.unit} {moment(entry.card.issued_at)} {entry.card.label}"
    task = entry.task
    if task is None:
        return ""
    late = (task.answered_at or now) > task.due_at
    if task.state == "open":
        said = f"超期 {span(now - task.due_at)}未答复" if late else "待答复"
    else:
        said = TASK_STATES[task.state] + ("（超期）" if late else "")
    return f"{entry.unit}协办，期限 {moment(task.due_at)}，{said}"


def case_line(
    case: Case, now: datetime, desk_limit: datetime | None = None, *, unseen: bool = False
) -> CaseLine:
    """``desk_limit``: the limit that runs while the case waits for a unit; it is shown before the case's own.
    ``unseen``: it was called back without a look at the number (``queries.calls``)."""
    due = desk_limit or case.due_at
    urgency, words = _urgency(case, due, now)
    return CaseLine(
        id=case.id,
        number=case.number,
        status=case.status.label,
        status_key=case.status.value,
        item=mask_personal(case.review.item or "未写明事项", case.review.rater_name),
        department=case.department.short_name if case.department else "未派单",
        handler=case.handler.name if case.handler else "—",
        grade=case.review.grade,
        opened=moment(case.opened_at),
        due_label=_DESK_LIMITS.get(case.status, "办理期限") if desk_limit else "办理期限",
        due=moment(due),
        urgency=urgency,
        urgency_text=words,
        href=f"/cases/{case.number}",
        warning=f"回访{UNSEEN}" if unseen else "",
    )


def _urgency(case: Case, due: datetime | None, now: datetime) -> tuple[str, str]:
    if due is None:
        return "", ""
    if case.closed_at and not case.status.is_open:
        late = case.closed_at > due
        return ("late", f"超期 {span(case.closed_at - due)} 办结") if late else ("", "")
    left = due - now
    if left < timedelta(0):
        return "overdue", f"已超期 {span(left)}"
    return ("soon" if left < timedelta(days=1) else ""), f"剩余 {span(left)}"
