"""Every card of a case shows what became of it, whoever did it and by whichever door (B9, P6, W21, W22).

A card lives while its ``response_code`` is unused and younger than 72 hours; each copy has its own. A card of
somebody who no longer holds the case is taken back, or he is told so (P8).
"""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from reviewbot.actions.deliver_messages import CODE_LIFE
from reviewbot.actions.faces import done_by, face_for
from reviewbot.models.case import Case
from reviewbot.models.message import Message
from reviewbot.outbox import owe
from reviewbot.queries.cases import may_see
from reviewbot.queries.directory import viewer_by_userid
from reviewbot.queries.scope import Viewer
from reviewbot.queries.sent_cards import RECALL, UPDATE, cards_of, unsent_updates
from reviewbot.rules.lifecycle import Move
from reviewbot.rules.notices import Body, Done, cancelled, gone, recall, text
from reviewbot.rules.notices import card_update as update_body

RECALL_WITHIN = timedelta(hours=24)
"""WeCom takes a message back this long after it was sent, and no longer (wecom §2.3)."""
NO_LONGER_HIS = "工单已转出，不再发送"
"""Why a card that was still on its way is not sent."""


def living_until(at: datetime) -> datetime:
    """How long a code that came at this moment can be used."""
    return at + CODE_LIFE


def show_everyone(
    session: Session, case: Case, move: Move, actor: Viewer, *, at: datetime, former: str | None = None
) -> None:
    """After a move, let every living card of this case show it. ``former``: who handled it until now."""
    done = done_by(move, actor.name, at)
    rows = cards_of(session, case.id)
    newest = {row.userid: row.id for row in rows if row.body.get("state")}
    updates = unsent_updates(session, case.id) if rows else {}
    told: set[str] = set()
    for row in rows:
        viewer = viewer_by_userid(session, row.userid, at)
        if viewer is None or _has_lost_it(session, case, viewer, actor, former):
            _withdraw(session, case, row, done, at, told if viewer else None)
            continue
        show(session, case, row, viewer, done, at=at, newest=newest.get(row.userid), updates=updates)


def _has_lost_it(session: Session, case: Case, holder: Viewer, actor: Viewer, former: str | None) -> bool:
    """Whether this person no longer holds the case; who gave it away himself need not be told."""
    if holder.actor == actor.actor:
        return False
    if former is not None and holder.actor == former and holder.staff_id != case.handler_id:
        return True
    return not may_see(session, case.id, holder)


def show(
    session: Session,
    case: Case,
    row: Message,
    viewer: Viewer,
    done: Done | None,
    *,
    at: datetime,
    newest: int | None,
    updates: dict[int, Message] | None = None,
) -> None:
    """Give one card the face of the present state, where it still can change. Buttons live on the newest card."""
    if not row.body.get("state"):
        return  # nothing on it that could grow stale
    if may_see(session, case.id, viewer):
        face = face_for(session, case, viewer, done, act=row.id == newest)
    else:
        face = gone(case.number, case.round, row.body["link"], str(done or ""))
    if row.body["state"] == face.get("state") and row.body["buttons"] == face["buttons"]:
        return
    if row.state in ("owed", "held") and row.attempts == 0:
        row.body = face
    elif waiting := (updates or {}).get(row.id):
        row.body = face
        waiting.body = waiting.body | {"card": face}
    elif _is_living(row, at):
        change(session, row, row.response_code or "", face, at=at)


def _is_living(row: Message, at: datetime) -> bool:
    good = row.code_expires_at is not None and row.code_expires_at > at
    return row.state == "sent" and bool(row.response_code) and row.code_used_at is None and good


def change(session: Session, row: Message, code: str, face: Body, *, at: datetime) -> None:
    """Owe the update of one card by this code, used from now on."""
    if code == row.response_code:
        row.code_used_at = at
    row.body = face
    owe(
        session, key=f"{UPDATE}-{row.id}-{code}", kind=UPDATE, userid=row.userid,
        body=update_body(row.id, code, face), at=at, case_id=row.case_id,
    )  # fmt: skip


def _withdraw(
    session: Session, case: Case, row: Message, done: Done, at: datetime, told: set[str] | None
) -> None:
    """Take back a card within its day, else say once that it is no longer his; None: he has left, nobody to tell."""
    if row.state != "sent":
        if row.state in ("owed", "held"):
            row.state, row.reason = "suppressed", NO_LONGER_HIS
        return
    row.withdrawn_at = at
    words = cancelled(case.number, str(done))
    if row.msgid and row.sent_at is not None and at - row.sent_at < RECALL_WITHIN:
        row.code_used_at = row.code_used_at or at
        owe(
            session, key=f"{RECALL}-{row.id}", kind=RECALL, userid=row.userid,
            body=recall(row.id, row.msgid, words), at=at, case_id=case.id,
        )  # fmt: skip
        return
    if _is_living(row, at):
        change(
            session,
            row,
            row.response_code or "",
            gone(case.number, case.round, row.body["link"], str(done)),
            at=at,
        )
    if told is not None and row.userid not in told:
        told.add(row.userid)
        cancel(session, case, row.userid, words, at=at)


def cancel(session: Session, case: Case, userid: str, words: str, *, at: datetime) -> None:
    """Say in words that a case is no longer somebody's."""
    owe(
        session, key=f"{case.number}-r{case.round}-cancelled-{case.event_count}-{userid.lower()}",
        kind="cancelled", userid=userid, body=text(words), at=at, case_id=case.id,
    )  # fmt: skip
