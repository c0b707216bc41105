"""Remove the bytes of evidence that no row refers to any more: photographs taken back, refused or never committed.

A file is named by its content and may serve several rows. Whoever adds one holds its content from before he looks
for the file until his row is committed (``hold_content``); the sweep passes over what somebody holds.
"""

import re
import time
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from reviewbot.database.session import Database
from reviewbot.models.case import Evidence

DRAFT_SECONDS = 3600
"""A draft as old as this has lost its writer."""
_NAME = re.compile(r"([0-9a-f]{64})(\..+)?")
_WHOLE = (None, ".plain")
"""What follows the hash in the name of a file that is no draft."""


def hold_content(session: Session, sha256: str) -> None:
    """Until the end of this transaction the file of this content is not swept away; others may add the same."""
    session.execute(select(func.pg_advisory_xact_lock_shared(_lock_of(sha256))))


def _lock_of(sha256: str) -> ColumnElement[int]:
    return func.hashtextextended(f"evidence {sha256}", 0)


def sweep_files(database: Database, folder: Path) -> int:
    """``folder``: ``data_dir``. The number of files removed; copies made for showing go with their original."""
    with database.begin() as session:
        known = set(session.scalars(select(Evidence.sha256).distinct()))
    gone = 0
    for sha256, suffix, file in _kept(folder):
        if suffix not in _WHOLE:
            gone += _is_abandoned(file) and _unlink(file)
        elif sha256 not in known:
            gone += _remove(database, sha256, file)
    return gone


def _kept(folder: Path) -> Iterator[tuple[str, str | None, Path]]:
    for file in (*(folder / "evidence").glob("*/*"), *(folder / "quarantine").glob("*")):
        if name := _NAME.fullmatch(file.name):
            yield name[1], name[2], file


def _is_abandoned(draft: Path) -> bool:
    try:
        return time.time() - draft.stat().st_mtime > DRAFT_SECONDS
    except FileNotFoundError:
        return False


def _remove(database: Database, sha256: str, file: Path) -> bool:
    """Unless a row came meanwhile, or somebody is about to write one."""
    with database.begin() as session:
        free = session.scalar(select(func.pg_try_advisory_xact_lock(_lock_of(sha256))))
        used = select(Evidence.id).where(Evidence.sha256 == sha256).limit(1)
        return bool(free) and session.scalar(used) is None and _unlink(file)


def _unlink(file: Path) -> bool:
    file.unlink(missing_ok=True)
    return True
