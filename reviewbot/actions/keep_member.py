"""A member's own row: confirmed, renamed; his userid changes everywhere that a right hangs on it."""

from collections.abc import Mapping

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from reviewbot.models.message import Message
from reviewbot.models.oversight import Letter
from reviewbot.models.people import Staff
from reviewbot.models.procedure import Application, Decision
from reviewbot.queries.contacts import contact_of, latest_event

_WORDS = (Decision.actor, Application.asked_by, Letter.drafted_by, Letter.reviewed_by)
"""Where a right hangs on who it was."""


def confirm(session: Session, staff: Staff) -> None:
    """What the table says of him now is the truth; events pushed until now are history."""
    contact = contact_of(session, staff)
    contact.base_userid, contact.base_name = staff.userid, staff.name
    contact.base_after = latest_event(session)
    if staff.active:
        contact.left_how = contact.left_at = None
        contact.refused_since = contact.refused_code = contact.refused_why = None


def rename(session: Session, wanted: Mapping[int, str]) -> None:
    """Give these members (by id) new userids, also where two change places.

    A userid still held by somebody who is gone is freed: WeCom gives none twice, so it is not his any more.
    """
    before = {one.id: one.userid for one in session.scalars(select(Staff).where(Staff.id.in_(wanted.keys())))}
    changing = {ident: userid for ident, userid in wanted.items() if before.get(ident) != userid}
    if not changing:
        return
    names = [userid.lower() for userid in changing.values()]
    holders = session.scalars(
        select(Staff).where(func.lower(Staff.userid).in_(names), Staff.id.not_in(changing.keys()))
    )
    aside = {one.id: freed(one.userid, one.id) for one in holders}
    for ident in aside:
        contact_of(session, session.get_one(Staff, ident)).base_userid = aside[ident]
    before |= {ident: session.get_one(Staff, ident).userid for ident in aside}
    aside |= {ident: freed(before[ident], ident) for ident in changing}
    # First everybody steps aside: while two hold one name, what is written under it cannot be told apart.
    for ident, name in aside.items():
        _rewrite(session, ident, before[ident], name)
    for ident, userid in changing.items():
        _rewrite(session, ident, aside[ident], userid)


def _rewrite(session: Session, ident: int, old: str, new: str) -> None:
    """His row, what waits to be told him, and what he has said: nobody decides or reviews twice, or on what is his
    own, because his account was renamed in between."""
    session.get_one(Staff, ident).userid = new
    session.execute(
        update(Message)
        .where(Message.userid == old, Message.state.in_(("owed", "held", "sending")))
        .values(userid=new)
    )
    for column in _WORDS:
        session.execute(update(column.class_).where(column == old).values({column: new}))
    session.flush()


def freed(userid: str, ident: int) -> str:
    """A userid nobody can have: WeCom allows no ~ in one."""
    return f"{userid}~{ident}"
