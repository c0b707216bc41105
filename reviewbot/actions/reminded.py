"""What a reminder is about, and whether anybody still owes it (R9)."""

from dataclasses import dataclass

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from reviewbot.models.case import Case, DueTime
from reviewbot.models.message import Message
from reviewbot.rules.lifecycle import CaseStatus

REMINDER = "reminder_"
_RUNG = "/"
"""Between stage and rung in a message's kind: no stage has it, while a rung bears whatever name a policy gives it."""
SETTLED = "已办理，不再催办"


@dataclass(frozen=True)
class About:
    """The limit of a case and the rung of its ladder that a reminder is about."""

    case_id: int
    stage: str
    rung: str

    @property
    def kind(self) -> str:
        return reminder_kind(self.stage, self.rung)


def reminder_kind(stage: str, rung: str) -> str:
    """The kind of the message that tells of a rung."""
    return f"{REMINDER}{stage}{_RUNG}{rung}"


def reminds_of(message: Message) -> About | None:
    """What a reminder is about; None for what nobody's act makes idle."""
    if message.case_id is None or not message.kind.startswith(REMINDER):
        return None
    stage, _, rung = message.kind.removeprefix(REMINDER).partition(_RUNG)
    return About(message.case_id, stage, rung)


def is_settled(session: Session, about: About) -> bool:
    """Whether nobody owes any more what a reminder asks for."""
    running = session.scalar(
        select(DueTime.id)
        .join(Case, Case.id == DueTime.case_id)
        .where(
            DueTime.case_id == about.case_id,
            DueTime.stage == about.stage,
            or_(DueTime.stands, and_(DueTime.round == Case.round, Case.status != CaseStatus.CLOSED)),
            DueTime.met_at.is_(None),
            DueTime.replaced_by.is_(None),
        )
    )
    return running is None
