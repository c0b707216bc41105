"""Which document a letter is: its template, its number, its date; and the ledger of all cases."""

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from reviewbot.clock import CHINA
from reviewbot.documents.render import render
from reviewbot.models.case import Case
from reviewbot.models.oversight import Letter, LetterKind
from reviewbot.queries.cases import evidence_of, list_cases
from reviewbot.queries.scope import Viewer
from reviewbot.sources.masking import mask_personal

DRAFT = "（草稿，未签发）"


def mark_of(letter: Letter, prefix: str) -> str:
    """文号, or that there is none yet."""
    return f"{prefix}〔{letter.year}〕{letter.serial}号" if letter.serial else DRAFT


def letter_docx(folder: Path, letter: Letter, *, prefix: str, sender: str) -> bytes:
    """The letter as it stands: a draft says so where its number would be."""
    issued = letter.issued_at.astimezone(CHINA) if letter.issued_at else None
    facts = letter.facts | {
        "mark": mark_of(letter, prefix),
        "sender": sender,
        "issued_on": f"{issued.year}年{issued.month}月{issued.day}日" if issued else "",
    }
    return render(folder, letter.kind.value, facts)


def file_name(letter: Letter) -> str:
    state = f"{letter.year}-{letter.serial:03}" if letter.serial else f"草稿{letter.id}"
    return f"{letter.kind.label}-{state}-{letter.facts.get('number', '')}.docx".replace("/", "-")


def ledger_docx(folder: Path, session: Session, viewer: Viewer, first: date, now: datetime) -> bytes:
    """整改台账: every case opened from a day until now, oldest first; nothing of the raters."""
    last = now.astimezone(CHINA).date()
    found = [
        case
        for case in list_cases(session, viewer, limit=100_000)
        if first <= case.opened_at.astimezone(CHINA).date() <= last
    ]
    rows = [_row(session, case, now) for case in reversed(found)]
    return render(folder, LetterKind.LEDGER.value, {"first": str(first), "last": str(last), "rows": rows})


def _row(session: Session, case: Case, now: datetime) -> dict[str, Any]:
    late = (case.closed_at or now) - case.due_at if case.due_at else timedelta()
    return {
        "number": case.number,
        "item": mask_personal(case.review.item or "未写明事项"),
        "department": case.department.short_name if case.department else "派单台",
        "opened": f"{case.opened_at.astimezone(CHINA):%m-%d}",
        "due": f"{case.due_at.astimezone(CHINA):%m-%d}" if case.due_at else "—",
        "status": case.status.label,
        "conclusion": case.conclusion.label if case.conclusion else "—",
        "evidence": str(len(evidence_of(session, case.id))),
        "closed": f"{case.closed_at.astimezone(CHINA):%m-%d}" if case.closed_at else "—",
        "overdue": str(max(1, late.days)) if late > timedelta() else "—",
    }
