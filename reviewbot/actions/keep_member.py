"""A member's own row: confirmed, renamed; his userid changes everywhere that a right hangs on it."""

from collections.abc import Mapping

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from reviewbot.models.message import Message
from reviewbot.models.people import Staff
from reviewbot.models.procedure import Application, Decision
from reviewbot.queries.contacts import contact_of, latest_event


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
    for holder in holders:
        contact_of(session, holder).base_userid = holder.userid = freed(holder.userid, holder.id)
    for ident, userid in changing.items():
        session.get_one(Staff, ident).userid = freed(userid, ident)
    session.flush()
    for ident, userid in changing.items():
        session.get_one(Staff, ident).userid = userid
        session.execute(
            update(Message)
            .where(Message.userid == before[ident], Message.state.in_(("owed", "held", "sending")))
            .values(userid=userid)
        )
        # Nobody decides twice, or on his own application, because his account was renamed in between.
        session.execute(update(Decision).where(Decision.actor == before[ident]).values(actor=userid))
        session.execute(
            update(Application).where(Application.asked_by == before[ident]).values(asked_by=userid)
        )
    session.flush()


def freed(userid: str, ident: int) -> str:
    """A userid nobody can have: WeCom allows no ~ in one."""
    return f"{userid}~{ident}"
