"""Every card of a case shows what became of it, whoever did it and by whichever door (B9, P6, W21, W22).

A card lives while its ``response_code`` is unused and younger than 72 hours; each copy has its own. One whose code a
press or a change has spent keeps its buttons on the phone: when they grow stale a fresh card takes its place and it is
taken back (W22). A card of somebody who no longer holds the case is taken back, or he is told so (P8).
"""

from dataclasses import dataclass
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
from reviewbot.rules.notices import (
    Body,
    Done,
    cancelled,
    gone,
    in_place_of,
    not_recalled,
    recall,
    says_old_stays,
    text,
)
from reviewbot.rules.notices import card_update as update_body

FRESH = "fresh_card"

RECALL_WITHIN = timedelta(hours=24)
"""WeCom takes a message back this long after it was sent, and no longer (wecom §2.3)."""
NO_LONGER_HIS = "工单已转出，不再发送"
"""Why a card that was still on its way is not sent."""


@dataclass(frozen=True)
class HeldCard:
    """A card of a case in the hands of one person. ``newest``: his newest one of this case, where buttons live, perhaps
    this very one; ``update``: a change of it that nobody has begun to send."""

    case: Case
    row: Message
    viewer: Viewer
    newest: Message | None
    update: Message | None = None


def living_until(at: datetime) -> datetime:
    """How long a code that came at this moment can be used."""
    return at + CODE_LIFE


def show_everyone(
    session: Session, case: Case, move: Move, actor: Viewer, *, at: datetime, former: str | None = None,
    typed: bool = False,
) -> None:  # fmt: skip
    """After a move, let every living card of this case show it. ``former``: who handled it until now. ``typed``: the
    actor said it in words, and one message answers him: no fresh card comes beside it."""
    done = done_by(move, actor.name, at)
    rows = cards_of(session, case.id)
    newest = {row.userid: row for row in rows if row.body.get("state")}
    updates = unsent_updates(session, case.id) if rows else {}
    told: set[str] = set()
    for row in rows:
        viewer = viewer_by_userid(session, row.userid, at)
        if viewer is None or _has_lost_it(session, case, viewer, actor, former):
            withdraw(session, case, row, str(done), at, told if viewer else None)
            continue
        held = HeldCard(case, row, viewer, newest.get(row.userid), updates.get(row.id))
        answered = typed and viewer.actor == actor.actor
        show(session, held, done, at=at, fresh=not answered)


def _has_lost_it(session: Session, case: Case, holder: Viewer, actor: Viewer, former: str | None) -> bool:
    """Whether this person no longer holds the case; who gave it away himself need not be told."""
    if holder.actor == actor.actor:
        return False
    if former is not None and holder.actor == former and holder.staff_id != case.handler_id:
        return True
    return not may_see(session, case.id, holder)


def show(session: Session, held: HeldCard, done: Done | None, *, at: datetime, fresh: bool = True) -> None:
    """Give one card the face of the present state, or replace it where it cannot change.

    ``fresh``: whether another card may come for it; one without a button to press never does."""
    row = held.row
    if not row.body.get("state"):
        return  # nothing on it that could grow stale
    face = _face(session, held, done)
    if row.body["state"] == face.get("state") and row.body["buttons"] == face["buttons"]:
        return
    if is_unsent(row):
        row.body = in_place_of(face) if says_old_stays(row.body) else face
    elif held.update is not None:
        row.body = face
        held.update.body = held.update.body | {"card": face}
    elif _is_living(row, at):
        change(session, row, row.response_code or "", face, at=at)
    elif row.state == "sent" and row.response_code and (row.body["buttons"] or face["buttons"]):
        supersede(session, held, face, at=at, fresh=fresh and bool(face["buttons"]))


def _face(session: Session, held: HeldCard, done: Done | None) -> Body:
    case, row = held.case, held.row
    if may_see(session, case.id, held.viewer):
        return face_for(session, case, held.viewer, done, act=row is held.newest)
    return gone(case.number, case.round, row.body["link"], str(done or ""))


def supersede(
    session: Session, held: HeldCard, face: Body, *, at: datetime, held_until: datetime | None = None,
    fresh: bool = True,
) -> None:  # fmt: skip
    """Replace a card that cannot change: a fresh one comes where it was the newest, and it is taken back within its
    day. After that it stays on the phone, and the card in its place says so.

    ``face``: what a fresh one shows; one without a state is of somebody who gave the case away, and needs none.
    """
    case, row, newest = held.case, held.row, held.newest
    stays = not is_recallable(row, at)
    if fresh and row is newest and face.get("state"):
        owe(
            session, key=f"{FRESH}-{row.id}", kind=FRESH, userid=row.userid,
            body=in_place_of(face) if stays else face, at=at, case_id=case.id, held_until=held_until,
        )  # fmt: skip
    elif stays and newest is not None and is_unsent(newest):
        newest.body = in_place_of(newest.body)
    if stays:
        row.withdrawn_at = at
        row.code_used_at = row.code_used_at or at
    else:
        _recall(session, row, not_recalled(case.number), at)


def is_unsent(row: Message) -> bool:
    """Whether nobody has begun to send a message: it may still say something else."""
    return row.state in ("owed", "held") and row.attempts == 0


def is_recallable(row: Message, at: datetime) -> bool:
    return bool(row.msgid) and row.sent_at is not None and at - row.sent_at < RECALL_WITHIN


def take_back(session: Session, row: Message, why: str, words: str, at: datetime) -> None:
    """A card that asks for what is no longer to be done: not sent, or taken back within its day."""
    if is_unsent(row):
        row.state, row.reason = "suppressed", why
    elif is_recallable(row, at):
        _recall(session, row, words, at)


def _recall(session: Session, row: Message, words: str, at: datetime) -> None:
    """Owe the recall of one card; ``words`` are told where the platform does not take it back."""
    row.withdrawn_at = at
    row.code_used_at = row.code_used_at or at
    owe(
        session, key=f"{RECALL}-{row.id}", kind=RECALL, userid=row.userid,
        body=recall(row.id, row.msgid or "", words), at=at, case_id=row.case_id,
    )  # fmt: skip


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


def withdraw(
    session: Session, case: Case, row: Message, why: str, at: datetime, told: set[str] | None = None
) -> None:
    """Take back a card within its day, else say once that it is no longer his; None: nobody is to be told."""
    if row.state != "sent":
        if row.state in ("owed", "held"):
            row.state, row.reason = "suppressed", NO_LONGER_HIS
        return
    words = cancelled(case.number, why)
    if is_recallable(row, at):
        _recall(session, row, words, at)
        return
    row.withdrawn_at = at
    if _is_living(row, at):
        face = gone(case.number, case.round, row.body["link"], why)
        change(session, row, row.response_code or "", face, at=at)
    if told is not None and row.userid not in told:
        told.add(row.userid)
        cancel(session, case, row.userid, words, at=at)


def cancel(session: Session, case: Case, userid: str, words: str, *, at: datetime) -> None:
    """Say in words that a case is no longer somebody's."""
    owe(
        session, key=f"{case.number}-r{case.round}-cancelled-{case.event_count}-{userid.lower()}",
        kind="cancelled", userid=userid, body=text(words), at=at, case_id=case.id,
    )  # fmt: skip
