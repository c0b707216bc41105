"""Messages owed: written in the transaction that makes them owed, delivered later."""

from datetime import UTC, datetime

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from reviewbot.models.message import Message
from reviewbot.rules.notices import Body

RATER = "rater"
"""The channel of messages to raters; every other message goes to a member of staff by WeCom."""
NO_NUMBER = "评价人匿名或没有留下号码"
"""Why a rater is lawfully not told: nobody can be."""


def owe(
    session: Session,
    *,
    key: str,
    kind: str,
    userid: str,
    body: Body,
    at: datetime,
    case_id: int | None = None,
    suppressed: str | None = None,
    channel: str = "wecom",
    held_until: datetime | None = None,
) -> None:
    """Owe one message once: a second one with the same key is the same message.

    ``held_until``: not before; who releases it decides whether it goes alone or with others.
    ``suppressed`` keeps the row with the reason instead of sending it (law 6: nothing is silently dropped).
    """
    session.execute(
        insert(Message)
        .values(
            key=key,
            kind=kind,
            case_id=case_id,
            userid=userid,
            channel=channel,
            body=body,
            state="suppressed" if suppressed else "held" if held_until else "owed",
            held_until=held_until,
            reason=suppressed,
            attempts=0,
            created_at=at,
            next_try_at=datetime.now(UTC),  # real time: the channel takes no part in rehearsals
        )
        .on_conflict_do_nothing(index_elements=["key"])
    )
