"""What a unit's explanations have rested on."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from reviewbot.models.case import Case, CaseEvent
from reviewbot.rules.lifecycle import Move

LOOKED_AT = 500


def recent_bases(session: Session, department_id: int | None, limit: int = 6) -> list[str]:
    """The bases this unit cited in its newest cases, each once, the latest first."""
    newest = (
        select(Case.id).where(Case.department_id == department_id).order_by(Case.id.desc()).limit(LOOKED_AT)
    )
    basis = CaseEvent.data["basis"].astext
    rows = session.scalars(
        select(basis)
        .where(CaseEvent.case_id.in_(newest), CaseEvent.move == Move.SUBMIT_EXPLANATION.value, basis != "")
        .group_by(basis)
        .order_by(func.max(CaseEvent.id).desc())
        .limit(limit)
    )
    return list(rows)
