"""Let reminders go: one by one up to a rate a person, above it as one message; cards with buttons never merge (B10)."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from reviewbot.actions.address_reminders import address_reminders
from reviewbot.actions.reminded import REMINDER, SETTLED, is_settled, reminds_of
from reviewbot.models.case import Case
from reviewbot.models.message import Message
from reviewbot.outbox import owe
from reviewbot.queries.rulebooks import Rulebooks
from reviewbot.rules.notices import digest

MERGED = "已并入汇总"
"""The reason of a reminder that went into a digest; its ``msgid`` is the digest's key."""
WINDOW = timedelta(hours=1)
DIGEST = "digest"


def release_reminders(
    session: Session, *, at: datetime, above: int, rulebooks: Rulebooks, urgent: Collection[str] = ()
) -> int:
    """Release every held reminder whose time has come, to whom it concerns by now; the number of digests owed.

    Nobody gets more than ``above`` single reminders and one digest an hour, however many cases come due together
    or are imported late (R5, R21): what exceeds that waits for the next digest. ``urgent``: rungs that never wait.
    One process at a time does it; another one finds nothing to do.
    """
    if not session.scalar(select(func.pg_try_advisory_xact_lock(func.hashtextextended("release", 0)))):
        return 0
    address_reminders(session, at=at, rulebooks=rulebooks)
    waiting: dict[str, list[Message]] = {}
    for row in session.scalars(
        select(Message)
        .where(Message.state == "held", Message.held_until <= at)
        .order_by(Message.id)
        .with_for_update(skip_locked=True)
    ):
        about = reminds_of(row)
        if about is not None and is_settled(
            session, about
        ):  # nobody is reminded of what has been done since (R9)
            row.state, row.reason = "suppressed", SETTLED
        elif not row.kind.startswith(REMINDER) or (about is not None and about.rung in urgent):
            row.state = "owed"  # a fresh card waited for the office to open; it never merges
        else:
            waiting.setdefault(row.userid, []).append(row)
    return sum(_release(session, userid, rows, at, above) for userid, rows in waiting.items())


def _release(session: Session, userid: str, rows: Sequence[Message], at: datetime, above: int) -> bool:
    """Whether a digest was made of them."""
    told = _told_lately(session, userid, at)
    if len(rows) + len([one for one in told if one.kind != DIGEST]) <= above:
        for row in rows:
            row.state = "owed"
        return False
    last = max((one.created_at for one in told if one.kind == DIGEST), default=None)
    if last is not None:
        for row in rows:
            row.held_until = last + WINDOW
        return False
    _merge(session, userid, rows, at)
    return True


def _told_lately(session: Session, userid: str, at: datetime) -> list[Message]:
    """Reminders and digests that this person got within the window, or gets in a moment."""
    return list(
        session.scalars(
            select(Message).where(
                Message.userid == userid,
                or_(Message.kind == DIGEST, Message.kind.startswith(REMINDER)),
                or_(
                    Message.state.in_(("owed", "sending")),
                    (Message.state == "sent") & (Message.sent_at > at - WINDOW),
                ),
            )
        )
    )


def _merge(session: Session, userid: str, rows: Sequence[Message], at: datetime) -> None:
    numbers = {
        ident: number
        for ident, number in session.execute(
            select(Case.id, Case.number).where(Case.id.in_({row.case_id for row in rows}))
        )
    }
    lines = [f"{numbers.get(row.case_id or 0, '')} {row.body['desc']}" for row in rows]
    key = f"digest-{rows[0].id}-{rows[-1].id}"
    owe(session, key=key, kind=DIGEST, userid=userid, body=digest(lines), at=at)
    for row in rows:
        row.state, row.reason, row.msgid = "suppressed", MERGED, key
