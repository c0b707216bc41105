"""Letters as lists."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from reviewbot.models.oversight import Letter, LetterState
from reviewbot.queries.scope import Viewer


def letters_seen_by(session: Session, viewer: Viewer, limit: int = 500) -> list[Letter]:
    """Newest first: the bureau sees all, a unit what was issued to it."""
    wanted = select(Letter).order_by(Letter.id.desc()).limit(limit)
    if not viewer.sees_all:
        sent = Letter.state.in_((LetterState.ISSUED, LetterState.RECEIVED))
        wanted = wanted.where(Letter.department_id == viewer.department_id, sent)
    return list(session.scalars(wanted))


def every_letter(session: Session) -> list[Letter]:
    """All that were not withdrawn, oldest first."""
    return list(
        session.scalars(select(Letter).where(Letter.state != LetterState.WITHDRAWN).order_by(Letter.id))
    )
