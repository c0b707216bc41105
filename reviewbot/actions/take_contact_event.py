"""Keep one pushed change of the address book, once; working it is ``settle_contacts``."""

from datetime import datetime

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from reviewbot.models.contacts import ContactEvent
from reviewbot.rules.contacts import Event, real_name


def take_contact_event(session: Session, event: Event, *, received_at: datetime) -> bool:
    """Whether it is new: a repeated push is the same event (W17)."""
    taken = session.scalar(
        insert(ContactEvent)
        .values(
            key=event.key,
            kind=event.kind.value,
            at=event.at,
            userid=event.userid or None,
            new_userid=event.new_userid,
            name=event.name if event.party is not None else real_name(event.name, event.userid),
            departments=list(event.departments) if event.departments is not None else None,
            party=event.party,
            parent=event.parent,
            received_at=received_at,
            settled=False,
            absorbed=False,
        )
        .on_conflict_do_nothing(index_elements=["key"])
        .returning(ContactEvent.id)
    )
    return taken is not None
