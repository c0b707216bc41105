"""Open what a supervisor has to look into, one at a time for a round and kind, and tell the supervisors."""

from datetime import datetime

from sqlalchemy.orm import Session

from reviewbot.actions.notify import facts_of, tell
from reviewbot.actions.start_clock import next_rung, start_clock
from reviewbot.models.case import Case
from reviewbot.models.oversight import SupervisionEvent
from reviewbot.queries.directory import userids_with_role
from reviewbot.queries.raters import concern_limits, concern_of
from reviewbot.rules import notices
from reviewbot.rules.lifecycle import Role
from reviewbot.rules.raters import Concern
from reviewbot.rules.rulebook import Rulebook
from reviewbot.rules.stages import CONCERN


def raise_concern(
    session: Session, case: Case, round_: int, kind: Concern, said: str, *, at: datetime, rulebook: Rulebook
) -> None:
    """``round_``: the round the words are about; ``case`` is locked by this transaction.

    One that was settled is opened again by new words; what was found the first time stays in the chain of events.
    """
    known = concern_of(session, case.id, round_, kind)
    if known is None:
        known = SupervisionEvent(case_id=case.id, round=round_, kind=kind.value, said=said, opened_at=at)
        session.add(known)
        session.flush()
    elif known.settled_at is None:
        return
    else:
        known.said, known.opened_at = said, at
        known.settled_at = known.settled_by = known.finding = None
    nth = len(concern_limits(session, known)) + 1
    start_clock(session, case, f"{CONCERN}{known.id}_{nth}", at, rulebook, limit="decision")
    case.next_action_at = next_rung(session, case, rulebook)
    body = notices.concern(facts_of(session, case), kind.label)
    tell(session, case, f"concern_{kind}", body, userids_with_role(session, Role.SUPERVISOR), at=at)
