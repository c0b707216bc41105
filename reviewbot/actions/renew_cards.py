"""What cards still owe: a fresh one for a dead one, words for a recall that failed, a change that came too late.

Run by the beat. Each row is settled once: two sweeps at once are harmless.
"""

from datetime import datetime

from sqlalchemy.orm import Session

from reviewbot.actions.faces import face_for, last_done
from reviewbot.actions.live_cards import HeldCard, cancel, show, supersede, withdraw
from reviewbot.models.case import Case
from reviewbot.models.message import Message
from reviewbot.queries.cases import case_by_id, may_see
from reviewbot.queries.directory import viewer_by_userid
from reviewbot.queries.scope import Viewer
from reviewbot.queries.sent_cards import (
    RECALL,
    card_by_id,
    expired_cards,
    failed_changes,
    newest_card,
    stale_cards,
)
from reviewbot.rules.notices import Body
from reviewbot.rules.rulebook import Rulebook

BATCH = 200
REPLACED = "卡片未能更新，以新卡片代替"
TOLD = "消息未能撤回，已另行告知"
NOT_NEEDED = "卡片未能更新，收件人已不办理此件"
SETTLED_REASONS = (REPLACED, TOLD, NOT_NEEDED)
"""Why an update or a recall was not made, where something else took its place."""


def renew_cards(session: Session, *, at: datetime, rulebook: Rulebook) -> int:
    """Owe what is owed in the place of dead cards; the number of cards looked at."""
    rows = failed_changes(session, BATCH)
    for row in rows:
        _replace_failed(session, row, at)
    expired = expired_cards(session, at, BATCH)
    for row in expired:
        row.code_used_at = at
        _replace_expired(session, row, at, rulebook)
    session.flush()
    stale = stale_cards(session, BATCH)
    for row in stale:
        _catch_up(session, row, at)
    return len(rows) + len(expired) + len(stale)


def _holder(session: Session, row: Message, at: datetime) -> tuple[Case, Viewer] | None:
    """The case of a card and its receiver, while he may still see it."""
    case = case_by_id(session, row.case_id) if row.case_id is not None else None
    viewer = viewer_by_userid(session, row.userid, at)
    if case is None or viewer is None:
        return None
    return (case, viewer) if may_see(session, case.id, viewer) else None


def _replace_failed(session: Session, row: Message, at: datetime) -> None:
    row.settled_at = at
    held = _holder(session, row, at)
    if row.kind == RECALL:
        row.reason = TOLD
        case = case_by_id(session, row.case_id) if row.case_id is not None else None
        if case is not None:
            cancel(session, case, row.userid, row.body["cancelling"], at=at)
        return
    card = card_by_id(session, row.body.get("of") or 0)
    if held is None or card is None or card.withdrawn_at is not None:
        row.reason = NOT_NEEDED
        return
    row.reason = REPLACED
    case, viewer = held
    replaced = HeldCard(case, card, viewer, newest_card(session, case.id, row.userid))
    supersede(session, replaced, _face(session, case, viewer), at=at)


def _replace_expired(session: Session, row: Message, at: datetime, rulebook: Rulebook) -> None:
    """Whoever still owes the step gets a card that lives; in quiet hours when the office opens."""
    held = _holder(session, row, at)
    if held is None or row.withdrawn_at is not None:
        return
    case, viewer = held
    face = _face(session, case, viewer)
    if case.status.is_open and face["buttons"] and newest_card(session, case.id, row.userid) is row:
        supersede(
            session, HeldCard(case, row, viewer, row), face, at=at, held_until=rulebook.office_opens(at)
        )


def _face(session: Session, case: Case, viewer: Viewer) -> Body:
    return face_for(session, case, viewer, last_done(session, case))


def _catch_up(session: Session, row: Message, at: datetime) -> None:
    """A card that was on its way while its case moved shows what it missed, or is taken back."""
    case = session.get_one(Case, row.case_id)
    done, held = last_done(session, case), _holder(session, row, at)
    if held is None:
        withdraw(session, case, row, str(done or ""), at)
        return
    card = HeldCard(case, row, held[1], newest_card(session, case.id, row.userid))
    show(session, card, done, at=at)
