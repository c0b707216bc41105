"""Give every open re-call without an active caller to somebody independent, and tell him."""

from dataclasses import replace
from datetime import datetime

from sqlalchemy.orm import Session

from reviewbot.clock import CHINA
from reviewbot.errors import NotAllowed, NotFound
from reviewbot.models.case import Case
from reviewbot.models.oversight import Recall
from reviewbot.outbox import owe
from reviewbot.queries.cases import lock_case
from reviewbot.queries.directory import userids_with_role
from reviewbot.queries.recalls import (
    caller_pool,
    case_of_recall,
    find_draw,
    hands_on,
    involved_units,
    recall_of_caller,
    without_caller,
)
from reviewbot.queries.scope import Viewer
from reviewbot.rules.lifecycle import Role
from reviewbot.rules.notices import recalls_assigned, recalls_unassigned
from reviewbot.rules.recall import choose_caller
from reviewbot.rules.routing import is_rated
from reviewbot.rules.rulebook import Rulebook


def assign_recalls(session: Session, *, now: datetime, rulebook: Rulebook) -> int:
    """How many were given to somebody. What nobody independent can take stays open; supervisors are told once."""
    waiting = without_caller(session)
    if not waiting:
        return 0
    pool = caller_pool(session, rulebook.policy.recalls.callers, now.astimezone(CHINA).date())
    given: dict[tuple[str, str], list[tuple[int, str]]] = {}
    nobody: dict[str, list[tuple[int, str]]] = {}
    for recall in waiting:
        case, draw = case_of_recall(session, recall), find_draw(session, recall.period)
        rated = {one.userid for one in pool if is_rated(case.review.handled_by, one.name, one.userid)}
        chosen = choose_caller(
            pool, units=involved_units(session, recall), people=hands_on(session, case.id) | rated,
            key=f"{draw.seed if draw else ''}{case.number}",
        )  # fmt: skip
        if chosen is None:
            recall.caller_id = None
            nobody.setdefault(recall.period, []).append((recall.id, case.number))
            continue
        recall.caller_id = chosen.id
        pool = [replace(one, assigned=one.assigned + 1) if one is chosen else one for one in pool]
        given.setdefault((recall.period, chosen.userid), []).append((recall.id, case.number))
    for (period, userid), mine in given.items():
        numbers = [number for _, number in mine]
        owe(
            session, key=f"recalls-{mine[0][0]}-{mine[-1][0]}-{userid.lower()}", kind="recalls",
            userid=userid, body=recalls_assigned(period, numbers), at=now,
        )  # fmt: skip
    for period, left in nobody.items():
        for userid in userids_with_role(session, Role.SUPERVISOR):
            owe(
                session, key=f"recalls-nobody-{period}-{left[-1][0]}-{userid.lower()}", kind="recalls_unassigned",
                userid=userid, body=recalls_unassigned(period, [number for _, number in left]), at=now,
            )  # fmt: skip
    session.flush()
    return sum(map(len, given.values()))


def is_independent(session: Session, recall: Recall, case: Case, viewer: Viewer) -> bool:
    """Outside every unit that had a part in the case, and none of those who answer for its record. Asked again when
    somebody acts: he may stand in for the caller, or have changed units since."""
    return (
        viewer.department_id not in involved_units(session, recall)
        and viewer.actor not in hands_on(session, case.id)
        and not is_rated(case.review.handled_by, viewer.name, viewer.actor)
    )


def lock_recall(session: Session, ident: int, viewer: Viewer, at: datetime) -> tuple[Recall, Case]:
    """A re-call of this person under the lock of its case. Raises NotFound, NotAllowed (he has a part in the case)."""
    found = recall_of_caller(session, ident, viewer, at)
    case = lock_case(session, found[1]) if found else None
    if found is None or case is None:
        raise NotFound("没有这件抽查回访，或不由您回访。")
    recall = found[0]
    session.refresh(recall)
    if not is_independent(session, recall, case, viewer):
        raise NotAllowed(f"您或您的单位办理过工单 {case.number}，不能由您抽查回访。")
    return recall, case
