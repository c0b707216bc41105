"""Photographs chosen on a page: sent at once, shown with the form, part of the case only when it is handed in."""

import hashlib
from collections.abc import Collection
from datetime import datetime
from pathlib import Path

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from reviewbot.actions.add_evidence import attach, keep_file
from reviewbot.actions.rights import check_right
from reviewbot.errors import Conflict, NotFound
from reviewbot.models.case import Case, Evidence, Safety
from reviewbot.queries.cases import find_case, lock_case
from reviewbot.queries.scope import Viewer
from reviewbot.rules.lifecycle import Move, next_status

MOST_FILES = 9
"""As many as a WeCom album lets one choose at a time."""


def choose_evidence(
    session: Session,
    number: str,
    data: bytes,
    filename: str,
    viewer: Viewer,
    *,
    at: datetime,
    folder: Path,
) -> Evidence:
    """Keep one file for this person's next form about this case; the same bytes again are the same choice, so that
    an upload may be repeated until it is answered. Raises NotFound, Conflict, NotAllowed, InvalidInput, TooLarge."""
    case = _lock(session, number, viewer)
    next_status(case.number, case.status, Move.ADD_EVIDENCE)
    check_right(session, case, Move.ADD_EVIDENCE, viewer)
    known = chosen_evidence(session, case.id, viewer)
    digest = hashlib.sha256(data).hexdigest()
    if again := next((each for each in known if each.sha256 == digest), None):
        return again
    if len(known) >= MOST_FILES:
        raise Conflict(f"一次最多提交 {MOST_FILES} 个附件，请先提交或删去几个。")
    evidence = keep_file(session, data, filename, viewer, at=at, folder=folder)
    evidence.chosen_for_id = case.id
    session.flush()
    return evidence


def drop_chosen(session: Session, number: str, ident: int, viewer: Viewer) -> None:
    """Take back one file that was not handed in; one that is gone already is no error."""
    case = _lock(session, number, viewer)
    session.execute(
        delete(Evidence).where(
            Evidence.id == ident,
            Evidence.case_id.is_(None),
            Evidence.chosen_for_id == case.id,
            Evidence.staff_id == viewer.staff_id,
        )
    )


def hand_in_chosen(
    session: Session, number: str, idents: Collection[int], viewer: Viewer, *, at: datetime
) -> None:
    """The files that the form shows become evidence of the present round. Raises Conflict where one is not there or was
    found infected."""
    case = _lock(session, number, viewer)
    known = {each.id: each for each in chosen_evidence(session, case.id, viewer)}
    if missing := set(idents) - known.keys():
        raise Conflict(f"有 {len(missing)} 个附件已不在，请重新选择后再提交。")
    if bad := [
        each.filename for each in known.values() if each.id in idents and each.safety is Safety.INFECTED
    ]:
        raise Conflict(f"附件“{'、'.join(bad)}”查出病毒，已隔离，请删去后再提交。")
    for ident in sorted(set(idents)):
        attach(session, number, known[ident], viewer, at=at)


def chosen_evidence(session: Session, case_id: int, viewer: Viewer) -> list[Evidence]:
    """What this person has chosen for this case and not handed in."""
    return list(
        session.scalars(
            select(Evidence)
            .where(
                Evidence.chosen_for_id == case_id,
                Evidence.staff_id == viewer.staff_id,
                Evidence.case_id.is_(None),
            )
            .order_by(Evidence.id)
        )
    )


def _lock(session: Session, number: str, viewer: Viewer) -> Case:
    case = lock_case(session, number)
    if case is None or find_case(session, number, viewer) is None:
        raise NotFound(f"没有工单 {number[:20]}，或您无权查看。")
    return case
