"""What a letter says of a case, frozen when it is drafted; nothing of the rater (F19)."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from reviewbot.clock import CHINA
from reviewbot.models.case import Case
from reviewbot.models.people import Department
from reviewbot.queries.letters import calls_of, issued_letters, returns_of


def letter_facts(
    session: Session, case: Case, *, stage: str, due_at: datetime | None, now: datetime
) -> dict[str, Any]:
    """``stage`` and ``due_at``: the limit the letter is about. Returns and calls are those of the unit that has the
    case: what others did before is not held against it (F14)."""
    unit = session.get(Department, case.department_id) if case.department_id else None
    return {
        "number": case.number,
        "item": case.review.item or "未写明事项",
        "department": unit.name if unit else "派单台",
        "status": case.status.label,
        "stage": stage,
        "dispatched_at": moment(case.dispatched_at),
        "assigned_at": moment(case.assigned_at),
        "due_at": moment(due_at),
        "original_due_at": moment(case.original_due_at),
        "overdue_days": days_late(due_at, now),
        "returns": returns_of(session, case),
        "calls": calls_of(session, case),
        "letters": issued_letters(session, case.id),
        "drafted_at": moment(now),
    }


def days_late(due_at: datetime | None, ended: datetime) -> int:
    """Calendar days past a due time, a part of a day counting as one; 0 if in time."""
    late = ended - due_at if due_at else timedelta()
    return -(-late // timedelta(days=1)) if late > timedelta() else 0


def moment(at: datetime | None) -> str:
    """As it stands in an official document: 2026年12月7日17:30."""
    if at is None:
        return "（无）"
    here = at.astimezone(CHINA)
    return f"{here.year}年{here.month}月{here.day}日{here:%H:%M}"
