"""Keep a photograph or file by its content hash, outside the database, and tie it to a case or let it wait."""

import hashlib
from datetime import datetime
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from reviewbot.actions.rights import check_right
from reviewbot.actions.sweep_files import hold_content
from reviewbot.errors import InvalidInput, NotFound, TooLarge
from reviewbot.files.store import write_once
from reviewbot.models.case import Case, Evidence, Safety
from reviewbot.models.chain import append_event
from reviewbot.queries.cases import lock_case
from reviewbot.queries.scope import Viewer
from reviewbot.rules.lifecycle import Move, next_status

MAX_BYTES = 20 * 1024 * 1024
KINDS = {
    b"\xff\xd8\xff": "image/jpeg",
    b"\x89PNG": "image/png",
    b"%PDF": "application/pdf",
    b"PK\x03\x04": "application/zip",
    b"#!AMR": "audio/amr",
}
"""What evidence may be, told by its first bytes, never by its name (docx and xlsx are zip files)."""


def evidence_path(folder: Path, sha256: str) -> Path:
    return folder / "evidence" / sha256[:2] / sha256


def quarantine_path(folder: Path, sha256: str) -> Path:
    """Where a file lies that the scanner has named; nothing is served from here."""
    return folder / "quarantine" / sha256


def add_evidence(
    session: Session,
    number: str | None,
    data: bytes,
    filename: str,
    viewer: Viewer,
    *,
    at: datetime,
    folder: Path,
) -> Evidence:
    """Store the bytes and one row; with a case it is a move of its own, without one it waits for its sender."""
    evidence = keep_file(session, data, filename, viewer, at=at, folder=folder)
    if number:
        attach(session, number, evidence, viewer, at=at)
    session.flush()
    return evidence


def keep_file(
    session: Session, data: bytes, filename: str, viewer: Viewer, *, at: datetime, folder: Path
) -> Evidence:
    """The bytes under their hash, and a row that belongs to nothing yet. Raises InvalidInput, TooLarge."""
    media_type = next((kind for start, kind in KINDS.items() if data.startswith(start)), None)
    if media_type is None:
        raise InvalidInput("附件须为 JPG、PNG 照片或 PDF、Word、Excel 文件。")
    if len(data) > MAX_BYTES:
        raise TooLarge("附件不能超过 20 MB。")
    if viewer.staff_id is None:
        raise InvalidInput("附件须由工作人员本人提交。")
    digest = hashlib.sha256(data).hexdigest()
    hold_content(session, digest)
    write_once(evidence_path(folder, digest), data)
    evidence = Evidence(
        staff_id=viewer.staff_id,
        at=at,
        sha256=digest,
        filename=filename[:200],
        media_type=media_type,
        size=len(data),
    )
    session.add(evidence)
    return evidence


def attach(session: Session, number: str, evidence: Evidence, viewer: Viewer, *, at: datetime) -> Case:
    """Tie evidence to the present round of a case."""
    case = lock_case(session, number)
    if case is None:
        raise NotFound(f"没有工单 {number}，或您无权查看。")
    next_status(case.number, case.status, Move.ADD_EVIDENCE)
    check_right(session, case, Move.ADD_EVIDENCE, viewer)
    evidence.case_id, evidence.round, evidence.chosen_for_id = case.id, case.round, None
    append_event(
        session, case, at=at, actor=viewer.actor, actor_name=viewer.name, move=Move.ADD_EVIDENCE.value,
        before=case.status.value, remark=evidence.filename, data={"sha256": evidence.sha256},
    )  # fmt: skip
    return case


def waiting_evidence(session: Session, viewer: Viewer, *, since: datetime) -> list[Evidence]:
    """What this person sent before naming a case, and not long ago."""
    return list(
        session.scalars(
            select(Evidence)
            .where(
                Evidence.staff_id == viewer.staff_id,
                Evidence.case_id.is_(None),
                Evidence.chosen_for_id.is_(None),
                Evidence.at >= since,
                Evidence.safety != Safety.INFECTED,
            )
            .order_by(Evidence.id)
        )
    )
