"""Whether a member can be reached, as WeCom answers with every message; and what it tells of the application itself."""

from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from reviewbot.models.contacts import Alert, Contact
from reviewbot.models.people import Staff
from reviewbot.queries.contacts import contact_of
from reviewbot.queries.directory import staff_by_userid

REOPENED = "reopen_inactive_agent"
"""The application is on again: whatever the platform had warned of is over."""


def note_refused(session: Session, userid: str, code: int | None, why: str, *, at: datetime) -> None:
    """WeCom says that he cannot be reached: since when is kept, the latest reason counts (W11)."""
    staff = staff_by_userid(session, userid)
    if staff is None:
        return
    contact = contact_of(session, staff)
    contact.refused_since = contact.refused_since or at
    contact.refused_code, contact.refused_why = code, why


def note_reached(session: Session, userid: str) -> None:
    """A message was taken for him."""
    session.execute(
        update(Contact)
        .where(
            Contact.refused_since.is_not(None),
            Contact.staff_id.in_(select(Staff.id).where(func.lower(Staff.userid) == userid.lower())),
        )
        .values(refused_since=None, refused_code=None, refused_why=None)
    )


def note_platform_event(session: Session, event: str, said: str | None, *, at: datetime) -> None:
    """Open what the platform warns of (``said``: the sentence, None for any other event), or close it all."""
    if event == REOPENED:
        session.execute(update(Alert).where(Alert.closed_at.is_(None)).values(closed_at=at))
    if said is None:
        return
    session.execute(
        insert(Alert)
        .values(code=event, said=said, opened_at=at, last_at=at, times=1)
        .on_conflict_do_update(
            index_elements=["code"], index_where=Alert.closed_at.is_(None),
            set_={"last_at": at, "times": Alert.times + 1},
        )
    )  # fmt: skip
