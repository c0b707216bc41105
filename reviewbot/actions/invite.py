"""Somebody known by name or number and not yet by userid: invited, given a one-time code, bound once (wecom §2.5)."""

import hashlib
import secrets
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from reviewbot.actions.decide_change import checked_roles, only_admins, unit_of
from reviewbot.errors import Conflict, InvalidInput, NotFound
from reviewbot.models.contacts import Invitation
from reviewbot.models.people import Department
from reviewbot.queries.scope import Viewer

DIGITS = 8


def invite(
    session: Session, name: str, number: str | None, unit: Department, roles: list[str], *, actor: str,
    at: datetime,
) -> Invitation | None:  # fmt: skip
    """The new invitation; None where the same person of the same unit has one, open or bound."""
    known = session.scalar(
        select(Invitation.id).where(
            Invitation.name == name,
            Invitation.number.is_not_distinct_from(number),
            Invitation.department_id == unit.id,
            Invitation.withdrawn_at.is_(None),
        )
    )
    if known is not None:
        return None
    made = Invitation(name=name, number=number, department_id=unit.id, roles=roles, made_by=actor, made_at=at)
    session.add(made)
    session.flush()
    return made


def invite_by_hand(
    session: Session, name: str, number: str, department_id: int | None, roles: tuple[str, ...], viewer: Viewer,
    *, at: datetime,
) -> Invitation:  # fmt: skip
    """An administrator's own entry. Raises NotAllowed, InvalidInput, Conflict."""
    only_admins(viewer)
    if not name.strip():
        raise InvalidInput("请填写姓名。")
    made = invite(
        session, name.strip(), number.strip() or None, unit_of(session, department_id), checked_roles(roles),
        actor=viewer.actor, at=at,
    )  # fmt: skip
    if made is None:
        raise Conflict(f"{name.strip()}已经登记过；同名的人请填写工号区分。")
    return made


def give_code(session: Session, ident: int, viewer: Viewer, *, at: datetime, hours: float) -> str:
    """A fresh one-time code, shown to the administrator now and never again; an earlier one is void."""
    only_admins(viewer)
    found = open_invitation(session, ident)
    code = f"{secrets.randbelow(10**DIGITS):0{DIGITS}d}"
    found.code_digest, found.code_until = digest(code), at + timedelta(hours=hours)
    session.flush()
    return code


def withdraw_invitation(session: Session, ident: int, viewer: Viewer, *, at: datetime) -> None:
    only_admins(viewer)
    found = open_invitation(session, ident)
    found.withdrawn_at, found.code_digest, found.code_until = at, None, None


def open_invitation(session: Session, ident: int) -> Invitation:
    """The invitation, locked, while nobody is bound by it."""
    found = session.scalar(select(Invitation).where(Invitation.id == ident).with_for_update())
    if found is None or found.withdrawn_at is not None:
        raise NotFound("没有这项待绑定登记，或已撤销。")
    if found.bound_at is not None:
        raise Conflict(f"{found.name}已经绑定，一人只绑定一次。")
    return found


def digest(code: str) -> str:
    """What is kept of a code. It lives for hours and five wrong ones a day are allowed, so a plain hash will do."""
    return hashlib.sha256(f"reviewbot:{code}".encode()).hexdigest()
