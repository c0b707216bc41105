"""Who is not in the directory yet: his one-time code binds him; and who is, has given a sign of life."""

import re
from datetime import datetime

from sqlalchemy.orm import Session

from reviewbot.actions.bind_member import NOT_YET, bind_by_code
from reviewbot.conversation.words import fold
from reviewbot.models.message import InboxItem
from reviewbot.models.people import Staff
from reviewbot.queries.contacts import contact_of

_CODE = re.compile(r"绑定[\s:]*([0-9]{4,12})")
_OF_RANGE = frozenset({"subscribe", "unsubscribe"})
"""Told by the address book about him, not by him."""


def answer_stranger(session: Session, item: InboxItem, *, at: datetime) -> str:
    """What somebody outside the directory is told; "" for what he did not say himself."""
    if item.kind in ("event", "enter_agent", "unknown"):
        return ""
    found = _CODE.fullmatch(fold(item.body.get("content") or "").strip())
    if item.kind != "text" or found is None:
        return NOT_YET
    told = bind_by_code(session, found[1], item.userid, at=at)
    return told if isinstance(told, str) else told.sentence


def note_sign_of_life(session: Session, staff: Staff, item: InboxItem, *, at: datetime) -> None:
    """He opened the application, pressed or wrote something (W25)."""
    if item.body.get("event") not in _OF_RANGE:
        contact_of(session, staff).seen_at = at
