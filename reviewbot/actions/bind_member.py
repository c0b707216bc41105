"""Bind a userid to somebody the directory knows by name: once, by a number an administrator types or a one-time code.

Both ways are rationed, and a try is written down as wrong before it is made: wrong numbers beyond a fifth of the
head-count shut WeCom's call for a day (§2.5, Q20), and a code of eight digits must not be guessed.
"""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from reviewbot.actions.decide_change import only_admins
from reviewbot.actions.invite import digest, open_invitation
from reviewbot.actions.keep_member import confirm
from reviewbot.actions.record_change import record_change
from reviewbot.actions.settle_contacts import lock_directory
from reviewbot.errors import Conflict, NotFound, ReviewbotError
from reviewbot.models.contacts import BindingTry, Invitation
from reviewbot.models.people import Department, Staff
from reviewbot.queries.contacts import (
    head_count,
    invitation_by_code,
    today_of,
    wrong_numbers_today,
    wrong_tries,
)
from reviewbot.queries.scope import Viewer
from reviewbot.rules.contacts import wrong_numbers_left
from reviewbot.rules.directory_plan import Change, ChangeKind

CODES_A_DAY = 5
NOT_YET = "您不在本系统的人员名录中。请向管理员索取绑定码，然后回复「绑定 绑定码」。"


def begin_number(session: Session, ident: int, viewer: Viewer, *, at: datetime) -> int:
    """Before WeCom is asked for the userid of a number: the id of the try. Raises Conflict when the day's ration of
    wrong ones is used up, or somebody is bound already; NotAllowed, NotFound."""
    only_admins(viewer)
    lock_directory(session)
    open_invitation(session, ident)
    wrong = wrong_numbers_today(session, at)
    if wrong_numbers_left(head_count(session), wrong) == 0:
        raise Conflict(f"今天查错的号码已有 {wrong} 个，为免企业微信停用查询，请明天再试，或改用绑定码。")
    return _try(session, "mobile", viewer.actor, at)


def bind_by_number(
    session: Session, ident: int, try_id: int, userid: str, viewer: Viewer, *, at: datetime
) -> str:
    """WeCom knew the number. The number itself is kept nowhere."""
    only_admins(viewer)
    lock_directory(session)
    session.get_one(BindingTry, try_id).wrong = False
    return _bind(session, open_invitation(session, ident), userid, "mobile", viewer.actor, at)


def release_try(session: Session, try_id: int) -> None:
    """The call failed before WeCom looked: it does not count against the ration."""
    session.get_one(BindingTry, try_id).wrong = False


def bind_by_code(session: Session, code: str, userid: str, *, at: datetime) -> str | ReviewbotError:
    """What to tell the member. A refusal is returned, not raised: the wrong try must stay written down."""
    lock_directory(session)
    if wrong_tries(session, "code", today_of(at), actor=userid.lower()) >= CODES_A_DAY:
        return Conflict("今天输错的绑定码太多，请明天再试，或请管理员按手机号绑定。")
    ident = _try(session, "code", userid.lower(), at)
    found = invitation_by_code(session, digest(code.strip()), at)
    if found is None:
        return NotFound("绑定码不对、已用过或已过期，请向管理员索取新的绑定码。")
    session.get_one(BindingTry, ident).wrong = False
    try:
        return _bind(session, found, userid, "code", userid, at)
    except Conflict as refused:
        return refused


def _try(session: Session, how: str, actor: str, at: datetime) -> int:
    made = BindingTry(at=at, how=how, actor=actor)
    session.add(made)
    session.flush()
    return made.id


def _bind(session: Session, found: Invitation, userid: str, how: str, actor: str, at: datetime) -> str:
    known = session.scalar(select(Staff).where(func.lower(Staff.userid) == userid.lower()))
    if known is not None:
        raise Conflict(f"账号 {userid} 已属于{known.name}，一个账号只绑定一人。")
    one = Staff(
        userid=userid, name=found.name, department_id=found.department_id, roles=found.roles, active=True
    )
    session.add(one)
    session.flush()
    confirm(session, one)
    found.staff_id, found.bound_at, found.bound_how = one.id, at, how
    found.code_digest = found.code_until = None
    facts = {"name": found.name, "userid": userid, "how": how}
    change = Change(ChangeKind.BOUND, userid.lower(), one.id, facts)
    record_change(session, change, source="admin", at=at, actor=actor)
    unit = session.get_one(Department, found.department_id).short_name
    return f"{found.name}（{unit}）已绑定，账号 {userid}。"
