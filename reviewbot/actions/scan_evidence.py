"""Let the virus scanner look at every new file; an infected one is put away, named, and its sender told.

Until a file has passed it is not shown (``is_shown``). A scanner that is away leaves everything as it is: the next
sweep asks again.
"""

from datetime import datetime
from pathlib import Path

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from reviewbot.actions.add_evidence import evidence_path, quarantine_path
from reviewbot.actions.notify import handler_of
from reviewbot.database.session import Database
from reviewbot.models.case import Case, Evidence, Safety
from reviewbot.models.chain import append_event
from reviewbot.models.people import Staff
from reviewbot.outbox import owe
from reviewbot.queries.cases import lock_case
from reviewbot.rules.lifecycle import Move
from reviewbot.rules.notices import text
from reviewbot.scanner import Scanner, ScannerAway

log = structlog.get_logger()


def is_shown(evidence: Evidence, *, scanning: bool) -> bool:
    """Whether a file may be opened: looked at and clean, or nobody is there to look."""
    return evidence.safety is Safety.CLEAN or (evidence.safety is Safety.UNSCANNED and not scanning)


def scan_evidence(
    database: Database, scanner: Scanner, folder: Path, *, at: datetime, limit: int = 20
) -> int:
    """Scan up to ``limit`` files that nobody has looked at, oldest first; the number settled."""
    with database.begin() as session:
        waiting = session.execute(
            select(Evidence.id, Evidence.sha256)
            .where(Evidence.safety == Safety.UNSCANNED)
            .order_by(Evidence.id)
            .limit(limit)
        ).all()
    for done, (ident, sha256) in enumerate(waiting):
        file = evidence_path(folder, sha256)
        try:
            found = scanner.scan(file)
        except ScannerAway as wrong:
            log.warning("virus scanner gave no verdict", evidence=ident, why=str(wrong))
            return done
        with database.begin() as session:
            _settle(session, ident, found, folder, at)
    return len(waiting)


def _settle(session: Session, ident: int, found: str | None, folder: Path, at: datetime) -> None:
    evidence = session.scalar(select(Evidence).where(Evidence.id == ident).with_for_update())
    if evidence is None or evidence.safety is not Safety.UNSCANNED:
        return
    if found is None:
        evidence.safety = Safety.CLEAN
        return
    evidence.safety, evidence.finding = Safety.INFECTED, found
    file, away = evidence_path(folder, evidence.sha256), quarantine_path(folder, evidence.sha256)
    if file.exists():
        away.parent.mkdir(parents=True, exist_ok=True)
        file.replace(away)
    _tell(session, evidence, at)


def _tell(session: Session, evidence: Evidence, at: datetime) -> None:
    """The sender, and whoever handles the case, hear which file it was and what was found in it."""
    known = session.get(Case, evidence.case_id) if evidence.case_id else None
    case = lock_case(session, known.number) if known else None
    people = {session.get_one(Staff, evidence.staff_id).userid}
    about = ""
    if case is not None:
        append_event(
            session, case, at=at, actor="system", actor_name="系统", move=Move.QUARANTINE.value,
            before=case.status.value, remark=evidence.filename,
            data={"sha256": evidence.sha256, "finding": evidence.finding},
        )  # fmt: skip
        people |= set(handler_of(session, case, at))
        about = f"工单 {case.number} 的"
    words = f"{about}附件“{evidence.filename}”查出病毒（{evidence.finding}），已隔离，不作为附件；请换一份重新提交。"
    for userid in sorted(people):
        owe(
            session, key=f"infected-{evidence.id}-{userid.lower()}", kind="infected", userid=userid,
            body=text(words), at=at, case_id=case.id if case else None,
        )  # fmt: skip
