"""After a move made on a page, its maker finds the case as it now stands in his chat (P6).

His card changes by itself while its code lives. One whose code a press has spent cannot change (W22): a fresh one
comes, once, and lives on from there.
"""

from datetime import datetime

from sqlalchemy.orm import Session

from reviewbot.actions.faces import face_for, last_done
from reviewbot.actions.renew_cards import FRESH
from reviewbot.models.case import Case
from reviewbot.outbox import owe
from reviewbot.queries.scope import Viewer
from reviewbot.queries.sent_cards import card_by_id, newest_card


def echo_card(session: Session, case: Case, viewer: Viewer, *, at: datetime) -> None:
    """Owe this person a fresh card where his newest one is spent and shows less than what is so."""
    ident = newest_card(session, case.id, viewer.actor)
    row = card_by_id(session, ident) if ident else None
    if row is None or row.code_used_at is None:
        return
    face = face_for(session, case, viewer, last_done(session, case))
    if (row.body["state"], row.body["buttons"]) != (face["state"], face["buttons"]):
        owe(
            session, key=f"{FRESH}-{row.id}", kind=FRESH, userid=row.userid, body=face, at=at, case_id=case.id
        )
