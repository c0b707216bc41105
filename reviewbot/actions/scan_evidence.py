"""Let the virus scanner look at every new file; an infected one is put away, named, and its sender told.

Until a file has passed it is not shown (``is_shown``). A scanner that is away leaves everything as it is: the next
sweep asks again.
"""

from datetime import datetime
from pathlib import Path

import structlog
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from reviewbot.actions.add_evidence import evidence_path, quarantine_path
from reviewbot.actions.notify import handler_of
from reviewbot.database.session import Database
from reviewbot.files.scanner import Scanner, ScannerAway
from reviewbot.models.case import Case, Evidence, Safety
from reviewbot.models.chain import append_event
from reviewbot.models.people import Staff
from reviewbot.outbox import owe
from reviewbot.queries.cases import lock_case_by_id
from reviewbot.rules.lifecycle import Move
from reviewbot.rules.notices import text

log = structlog.get_logger()


def is_shown(evidence: Evidence, *, scanning: bool) -> bool:
    """Whether a file may be opened: looked at and clean, or nobody is there to look."""
    return evidence.safety is Safety.CLEAN or (evidence.safety is Safety.UNSCANNED and not scanning)


def scan_evidence(database: Database, scanner: Scanner, folder: Path, *, at: datetime) -> int:
    """Scan every file that nobody has looked at, oldest first; the number of rows settled.

    Several rows may share one file: what is found in it is so for all of them.
    """
    with database.begin() as session:
        waiting = session.scalars(
            select(Evidence.sha256)
            .where(Evidence.safety == Safety.UNSCANNED)
            .group_by(Evidence.sha256)
            .order_by(func.min(Evidence.id))
        ).all()
    settled = 0
    for sha256 in waiting:
        file, away = evidence_path(folder, sha256), quarantine_path(folder, sha256)
        lies = next((place for place in (file, away) if place.exists()), None)
        if lies is None:  # it must not keep those behind it waiting
            log.error("file of evidence is not in the store", sha256=sha256)
            continue
        try:
            found = scanner.scan(lies)
        except ScannerAway as wrong:
            log.warning("virus scanner gave no verdict", sha256=sha256, why=str(wrong))
            break
        target = away if found else file
        target.parent.mkdir(parents=True, exist_ok=True)
        lies.replace(target)
        for ident in _rows_of(database, sha256, found):
            with database.begin() as session:
                settled += _settle(session, ident, found, at)
    return settled


def _rows_of(database: Database, sha256: str, found: str | None) -> list[int]:
    """What passed before with the same bytes has not passed any more once something is found in them."""
    unsettled = Evidence.safety != Safety.INFECTED if found else Evidence.safety == Safety.UNSCANNED
    with database.begin() as session:
        rows = session.scalars(
            select(Evidence.id).where(Evidence.sha256 == sha256, unsettled).order_by(Evidence.id)
        )
        return list(rows)


def _settle(session: Session, ident: int, found: str | None, at: datetime) -> bool:
    """Locks the case before the row, as whoever hands it in does; a row that changed its case meanwhile waits."""
    known = session.get(Evidence, ident)
    case = lock_case_by_id(session, known.case_id) if known and known.case_id else None
    evidence = session.scalar(
        select(Evidence)
        .where(Evidence.id == ident)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if evidence is None or evidence.case_id != (case.id if case else None):
        return False
    if found is None:
        evidence.safety = Safety.CLEAN
        return True
    evidence.safety, evidence.finding = Safety.INFECTED, found
    _tell(session, evidence, case, at)
    return True


def _tell(session: Session, evidence: Evidence, case: Case | None, at: datetime) -> None:
    """The sender, and whoever handles the case, hear which file it was and what was found in it."""
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
