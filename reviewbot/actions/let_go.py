"""A member of staff leaves: he is out of service, and his open cases go to others at once (W25, B22)."""

from datetime import datetime

from sqlalchemy.orm import Session

from reviewbot.actions.hand_on import hand_on, standing
from reviewbot.models.people import Staff
from reviewbot.queries.contacts import contact_of
from reviewbot.rules.contacts import Left


def let_go(
    session: Session, left: Staff, how: Left, *, at: datetime, actor: str = "system", actor_name: str = "系统"
) -> list[str]:
    """Take somebody out of service; the numbers of the cases that went to others (``hand_on``).

    A repeat finds nobody to let go and does nothing.
    """
    if not left.active:
        return []
    before = standing(session, left, at=at)
    retire(session, left, how, at=at)
    return hand_on(session, before, how.label, at=at, actor=actor, actor_name=actor_name)


def retire(session: Session, left: Staff, how: Left, *, at: datetime) -> None:
    """Mark him as gone; what he has is handed on by whoever calls this."""
    left.active = False
    contact = contact_of(session, left)
    contact.left_how, contact.left_at = how.value, at
