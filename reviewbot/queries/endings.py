"""What the source of a work order has said of its ending, record by record."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import exists, select
from sqlalchemy.orm import Session, joinedload

from reviewbot.models.case import Case, CaseEvent
from reviewbot.models.review import Review, ReviewCopy
from reviewbot.rules.endings import Ending, Outcome
from reviewbot.rules.lifecycle import Move

_NOT_COMPARED = frozenset({"closed_at", "satisfaction", "flags", "fingerprint"})
_OF_THE_RATER = frozenset({"comment", "rater_name", "rater_phone"})
"""What an erasure takes away."""
_FACTS = [column for column in Review.__table__.columns if column.name != "raw"]
_BY_SOURCE = (Move.TAKE_HISTORY, Move.CLOSE_BY_SOURCE)
_WAITS = ReviewCopy.outcome == Outcome.WAITING


@dataclass
class Known:
    """A work order that stands, and what its source has said so far of its ending."""

    facts: Mapping[str, Any]
    ending: Ending
    outcomes: dict[str, str | None]
    """Of each later copy, by its fingerprint."""

    def differs_in_ending_alone(self, facts: Mapping[str, Any]) -> bool:
        left = _NOT_COMPARED | (_OF_THE_RATER if self.facts["erased_at"] else frozenset())
        return all(self.facts[name] == told for name, told in facts.items() if name not in left)


def known_endings(session: Session, review_ids: Collection[int]) -> dict[int, Known]:
    """By review. What contradicted an earlier word is no word of the source; people look into it."""
    if not review_ids:
        return {}
    rows = session.execute(select(*_FACTS).where(Review.id.in_(review_ids))).mappings()
    found = {
        row["id"]: Known(dict(row), Ending.told(row["closed_at"], row["satisfaction"]), {}) for row in rows
    }
    copies = select(ReviewCopy).where(ReviewCopy.review_id.in_(review_ids)).order_by(ReviewCopy.id)
    for copy in session.scalars(copies):
        known = found[copy.review_id]
        known.outcomes[copy.fingerprint] = copy.outcome
        if agrees(copy):
            known.ending = known.ending.with_later(ending_of(copy))
    return found


def ending_of(copy: ReviewCopy) -> Ending:
    return Ending.told(copy.closed_at, copy.satisfaction)


def agrees(copy: ReviewCopy) -> bool:
    """Whether a copy went on from what its source had said before."""
    return copy.result == "duplicate"


def waiting_copies(session: Session, review_id: int) -> Sequence[ReviewCopy]:
    """Copies whose ending the case has not taken up, what agrees before what contradicts."""
    return session.scalars(
        select(ReviewCopy)
        .where(ReviewCopy.review_id == review_id, _WAITS)
        .order_by(ReviewCopy.result.desc(), ReviewCopy.id)
    ).all()


def waiting_review_ids(session: Session, limit: int) -> list[int]:
    """Reviews with a case that has such copies, oldest first."""
    return list(
        session.scalars(
            select(ReviewCopy.review_id)
            .join(Case, Case.review_id == ReviewCopy.review_id)
            .where(_WAITS)
            .distinct()
            .order_by(ReviewCopy.review_id)
            .limit(limit)
        )
    )


def lock_case_with_news(session: Session, review_id: int) -> Case | None:
    """The case of a review with such copies, locked; None where there is nothing to do (yet)."""
    return session.scalar(
        select(Case)
        .where(Case.review_id == review_id, exists().where(ReviewCopy.review_id == review_id, _WAITS))
        .options(joinedload(Case.review))
        .with_for_update(of=Case)
    )


def turns(session: Session, case_id: int) -> tuple[datetime | None, bool]:
    """When people last opened the case again (None: never); whether its last closing was its source's."""
    moves = [move.value for move in (*_BY_SOURCE, Move.RECORD_FEEDBACK, Move.REOPEN)]
    rows = session.execute(
        select(CaseEvent.move, CaseEvent.at)
        .where(CaseEvent.case_id == case_id, CaseEvent.move.in_(moves))
        .order_by(CaseEvent.seq)
    ).all()
    reopened_at = max((at for move, at in rows if move == Move.REOPEN), default=None)
    return reopened_at, bool(rows) and rows[-1].move in _BY_SOURCE
