"""Open what a supervisor has to look into, one at a time for a round and kind, and tell the supervisors."""

from datetime import datetime

from sqlalchemy.orm import Session

from reviewbot.actions.notify import facts_of, tell
from reviewbot.models.case import Case
from reviewbot.models.oversight import SupervisionEvent
from reviewbot.queries.directory import userids_with_role
from reviewbot.queries.raters import concern_of
from reviewbot.rules import notices
from reviewbot.rules.lifecycle import Role
from reviewbot.rules.raters import Concern


def raise_concern(
    session: Session, case: Case, round_: int, kind: Concern, said: str, *, at: datetime
) -> None:
    """``round_``: the round the words are about; ``case`` is locked by this transaction.

    One that was settled is opened again by new words; what was found the first time stays in the chain of events.
    """
    known = concern_of(session, case.id, round_, kind)
    if known is None:
        session.add(SupervisionEvent(case_id=case.id, round=round_, kind=kind.value, said=said, opened_at=at))
    elif known.settled_at is None:
        return
    else:
        known.said, known.opened_at = said, at
        known.settled_at = known.settled_by = known.finding = None
    body = notices.concern(facts_of(session, case), kind.label)
    tell(session, case, f"concern_{kind}", body, userids_with_role(session, Role.SUPERVISOR), at=at)
