"""Events are appended here and nowhere else; each carries the hash of the one before it."""

import hashlib
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.orm import Session

from reviewbot.models.case import Case, CaseEvent


def append_event(
    session: Session,
    case: Case,
    *,
    at: datetime,
    actor: str,
    actor_name: str,
    move: str,
    before: str | None,
    remark: str = "",
    data: dict[str, Any] | None = None,
) -> CaseEvent:
    """Add the next event of a case whose row is locked by this transaction."""
    case.event_count += 1
    event = CaseEvent(
        case_id=case.id,
        seq=case.event_count,
        at=at,
        actor=actor,
        actor_name=actor_name,
        move=move,
        before=before,
        after=case.status.value,
        remark=remark,
        data=data or {},
        previous_hash=case.last_hash,
    )
    event.hash = case.last_hash = event_hash(event)
    session.add(event)
    return event


def event_hash(event: CaseEvent) -> str:
    """SHA-256 over everything the event says and the hash before it."""
    said = [
        event.previous_hash, event.case_id, event.seq, event.at.astimezone(UTC).isoformat(), event.actor,
        event.actor_name, event.move, event.before, event.after, event.remark, event.data,
    ]  # fmt: skip
    text = json.dumps(said, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def first_break(events: Iterable[CaseEvent]) -> int | None:
    """The sequence number of the first event that does not follow from the one before, or None."""
    previous = ""
    for position, event in enumerate(events, start=1):
        if event.seq != position or event.previous_hash != previous or event.hash != event_hash(event):
            return position
        previous = event.hash
    return None
