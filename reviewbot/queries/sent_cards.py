"""The cards people hold of a case, and what became of changing or taking them back."""

from datetime import datetime

from sqlalchemy import Text, cast, func, select
from sqlalchemy.orm import Session

from reviewbot.models.case import Case
from reviewbot.models.message import Message
from reviewbot.models.oversight import Letter, LetterState

CARD = "card"
"""By ``body["type"]``; the kind of such a message says what it is about."""
UPDATE, RECALL = "card_update", "card_recall"
"""By ``Message.kind``."""


def cards_of(session: Session, case_id: int) -> list[Message]:
    """Every card of a case that is out or on its way, oldest first, locked against the delivery."""
    return list(
        session.scalars(
            select(Message)
            .where(
                Message.case_id == case_id,
                Message.body["type"].astext == CARD,
                Message.state.in_(("owed", "held", "sending", "sent")),
                Message.withdrawn_at.is_(None),
            )
            .order_by(Message.id)
            .with_for_update()
        )
    )


def unsent_updates(session: Session, case_id: int) -> dict[int, Message]:
    """{card: the update of it that nobody has begun to send}."""
    rows = session.scalars(
        select(Message)
        .where(
            Message.case_id == case_id,
            Message.kind == UPDATE,
            Message.state == "owed",
            Message.attempts == 0,
        )
        .with_for_update(skip_locked=True)
    )
    return {row.body["of"]: row for row in rows}


def notices_to_receive(session: Session, letter: Letter) -> list[Message]:
    """The cards, out or on their way, that ask somebody to receive a letter, locked against the delivery."""
    return list(
        session.scalars(
            select(Message)
            .where(
                Message.case_id.is_not_distinct_from(letter.case_id),
                Message.key.startswith(f"letter-{letter.id}-{LetterState.ISSUED.value}-", autoescape=True),
                Message.state.in_(("owed", "held", "sent")),
                Message.withdrawn_at.is_(None),
            )
            .order_by(Message.id)
            .with_for_update()
        )
    )


def card_by_id(session: Session, message_id: int) -> Message | None:
    """The card that was sent or changed by this message, locked."""
    row = session.scalar(select(Message).where(Message.id == message_id).with_for_update())
    if row is not None and row.kind == UPDATE:
        return card_by_id(session, row.body.get("of") or 0)
    return row if row is not None and row.body["type"] == CARD else None


def newest_card(session: Session, case_id: int, userid: str) -> Message | None:
    """The newest card with his steps that this person holds, or will get, of a case."""
    return session.scalar(
        select(Message)
        .where(
            Message.case_id == case_id,
            Message.userid == userid,
            Message.body["type"].astext == CARD,
            Message.body["state"].astext.is_not(None),
            Message.state.in_(("owed", "held", "sending", "sent")),
            Message.withdrawn_at.is_(None),
        )
        .order_by(Message.id.desc())
        .limit(1)
    )


def failed_changes(session: Session, limit: int) -> list[Message]:
    """Updates and recalls that WeCom refused for good and that nothing has replaced yet."""
    return list(
        session.scalars(
            select(Message)
            .where(
                Message.kind.in_((UPDATE, RECALL)),
                Message.state == "suppressed",
                Message.settled_at.is_(None),
            )
            .order_by(Message.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
    )


def expired_cards(session: Session, at: datetime, limit: int) -> list[Message]:
    """Cards that nobody pressed or changed while their code was good."""
    return list(
        session.scalars(
            select(Message)
            .where(
                Message.response_code.is_not(None),
                Message.code_used_at.is_(None),
                Message.code_expires_at <= at,
            )
            .order_by(Message.code_expires_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
    )


def stale_cards(session: Session, limit: int) -> list[Message]:
    """Living cards that show another state than their case has: it moved while they were on their way."""
    state = func.concat_ws(
        ":", cast(Case.status, Text), cast(Case.round, Text),
        func.coalesce(cast(Case.department_id, Text), "None"), func.coalesce(cast(Case.handler_id, Text), "None"),
    )  # fmt: skip
    return list(
        session.scalars(
            select(Message)
            .join(Case, Case.id == Message.case_id)
            .where(
                Message.response_code.is_not(None),
                Message.code_used_at.is_(None),
                Message.withdrawn_at.is_(None),
                Message.body["state"].astext != state,
            )
            .order_by(Message.id)
            .limit(limit)
            .with_for_update(of=Message, skip_locked=True)
        )
    )
