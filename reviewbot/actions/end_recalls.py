"""A re-call comes to its end: with a finding, kept in the case's chain; or since nobody can be asked any more."""

from datetime import datetime

from sqlalchemy.orm import Session

from reviewbot.models.case import Case
from reviewbot.models.chain import append_event
from reviewbot.models.oversight import Recall
from reviewbot.queries.recalls import find_draw, open_recalls_of
from reviewbot.queries.scope import Viewer
from reviewbot.rules.lifecycle import Move
from reviewbot.rules.recall import Finding


def end_recalls(session: Session, case: Case, why: str, viewer: Viewer, *, at: datetime) -> None:
    """Nobody can be asked about this case any more: its open re-calls end as 联系不上, so that the sample can be
    concluded and its secret published."""
    for recall in open_recalls_of(session, case.id):
        data = conclude(session, recall, Finding.UNREACHABLE, why, viewer, at)
        keep_in_chain(session, recall, case, why, data, viewer, at)


def conclude(
    session: Session, recall: Recall, finding: Finding, note: str, viewer: Viewer, at: datetime
) -> dict[str, object]:
    """What its event says of it: with seed and population, so that the chain proves the draw."""
    draw = find_draw(session, recall.period)
    recall.concluded_at, recall.concluded_by = at, viewer.name
    recall.finding, recall.note = finding.value, note
    return {
        "finding": finding.value, "round": recall.round,
        "seed": draw.seed if draw else None, "population": draw.population_sha256 if draw else None,
    }  # fmt: skip


def keep_in_chain(
    session: Session,
    recall: Recall,
    case: Case,
    note: str,
    data: dict[str, object],
    viewer: Viewer,
    at: datetime,
) -> None:
    append_event(
        session, case, at=at, actor=viewer.actor, actor_name=viewer.name, move=Move.RECALL.value,
        before=case.status.value, remark=note, data={"recall": recall.period, "place": recall.place} | data,
    )  # fmt: skip
    session.flush()
