"""Whether a call-back can have been made: had anybody looked at the rater's number before it was recorded (B15)."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from reviewbot.models.case import Call, Case
from reviewbot.models.rater import PhoneReveal
from reviewbot.rules.raters import Purpose

_OF_THE_ROUND = (Call.case_id == Case.id, Call.round == Case.round)
CALLED_UNSEEN = and_(
    select(Call.id).where(*_OF_THE_ROUND, Call.completes, Call.number_unseen).exists(),
    ~select(Call.id).where(*_OF_THE_ROUND, Call.reached, ~Call.number_unseen).exists(),
)
"""The call-back of the present round stands on a record made before anybody had looked at the number. Not refused, for
the rater may have rung himself; one that reached him after a look puts it right."""


def called_unseen(session: Session, case_ids: Collection[int]) -> set[int]:
    """Which of these cases were called back so."""
    return set(session.scalars(select(Case.id).where(Case.id.in_(case_ids), CALLED_UNSEEN)))


def looked_at_number(session: Session, case: Case, since: datetime | None) -> bool:
    """Whether somebody has looked at the rater's number to handle the case; an independent re-call is none of it."""
    wanted = select(PhoneReveal.id).where(
        PhoneReveal.case_id == case.id, PhoneReveal.purpose != Purpose.RECALL.value
    )
    if since is not None:
        wanted = wanted.where(PhoneReveal.at >= since)
    return session.scalar(wanted.limit(1)) is not None
