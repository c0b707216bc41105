"""Many reminders waiting for one person become one message; cards with buttons never do (peers B10)."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from reviewbot.actions.deliver_messages import REMINDER, SETTLED, is_settled, reminds_of
from reviewbot.models.case import Case
from reviewbot.models.message import Message
from reviewbot.outbox import owe
from reviewbot.rules.notices import digest

MERGED = "已并入汇总"
"""The reason of a reminder that went into a digest; its ``msgid`` is the digest's key."""
_WAITING = ("owed", "held")


def digest_reminders(session: Session, *, at: datetime, above: int) -> int:
    """Merge for everybody with more than ``above`` reminders that may be sent now; the number of digests owed."""
    may_go = or_(Message.held_until.is_(None), Message.held_until <= at)
    reminders = (
        Message.state.in_(_WAITING),
        Message.kind.startswith(REMINDER),
        Message.attempts == 0,
        may_go,
    )
    crowded = session.scalars(
        select(Message.userid).where(*reminders).group_by(Message.userid).having(func.count() > above)
    ).all()
    merged = 0
    for userid in crowded:
        rows = session.scalars(
            select(Message)
            .where(*reminders, Message.userid == userid)
            .order_by(Message.id)
            .with_for_update(skip_locked=True)
        ).all()
        rows = _without_settled(session, rows)
        if len(rows) > above:
            _merge(session, userid, rows, at)
            merged += 1
    return merged


def _without_settled(session: Session, rows: Sequence[Message]) -> list[Message]:
    """Nobody is reminded, in a digest either, of what has been done since (R9)."""
    wanted = []
    for row in rows:
        about = reminds_of(row)
        if about is not None and is_settled(session, about):
            row.state, row.reason = "suppressed", SETTLED
        else:
            wanted.append(row)
    return wanted


def _merge(session: Session, userid: str, rows: Sequence[Message], at: datetime) -> None:
    numbers = {
        ident: number
        for ident, number in session.execute(
            select(Case.id, Case.number).where(Case.id.in_({row.case_id for row in rows}))
        )
    }
    lines = [f"{numbers.get(row.case_id or 0, '')} {row.body['desc']}" for row in rows]
    key = f"digest-{rows[0].id}-{rows[-1].id}"
    owe(session, key=key, kind="digest", userid=userid, body=digest(lines), at=at)
    for row in rows:
        row.state, row.reason, row.msgid = "suppressed", MERGED, key
