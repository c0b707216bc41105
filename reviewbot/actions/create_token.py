"""Make an API token; the token itself is shown once and only its hash is kept."""

import hashlib
import secrets
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from reviewbot.errors import InvalidInput
from reviewbot.models.people import ApiToken
from reviewbot.queries.directory import find_department
from reviewbot.queries.scope import Viewer
from reviewbot.rules.lifecycle import CITY_WIDE, Role


def create_token(session: Session, role: str, name: str, *, department: str | None, at: datetime) -> str:
    """The new token. Unit roles (handler, head) need the department they act for."""
    if role not in {known.value for known in Role}:
        raise InvalidInput(f"没有角色“{role}”；可用：{'、'.join(known.value for known in Role)}。")
    unit = find_department(session, department)
    if department and unit is None:
        raise InvalidInput(f"目录中没有单位“{department}”。")
    if unit is None and Role(role) not in CITY_WIDE:
        raise InvalidInput(f"角色 {role} 须指明单位（--department）。")
    token = "rb_" + secrets.token_urlsafe(32)
    session.add(
        ApiToken(
            name=name, role=role, department_id=unit.id if unit else None, digest=digest(token), created_at=at
        )
    )
    return token


def digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def viewer_of_token(session: Session, token: str) -> Viewer | None:
    """Who acts with this token, or None."""
    found = session.scalar(select(ApiToken).where(ApiToken.digest == digest(token)))
    if found is None:
        return None
    return Viewer(
        name=found.name,
        actor=f"token:{found.name}",
        roles=frozenset({Role(found.role)}),
        department_id=found.department_id,
    )
