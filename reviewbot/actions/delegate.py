"""Leave: a delegate for some days."""

from datetime import date, datetime

from sqlalchemy.orm import Session

from reviewbot.clock import CHINA
from reviewbot.errors import Conflict, InvalidInput, NotAllowed
from reviewbot.models.people import Delegation, Staff
from reviewbot.queries.delegates import first_circle
from reviewbot.queries.scope import Viewer
from reviewbot.rules.lifecycle import Role


def delegate(
    session: Session, absent: Staff, to: Staff, first: date, last: date, reason: str, viewer: Viewer, *,
    at: datetime,
) -> str:  # fmt: skip
    """``to`` does the work of ``absent`` from ``first`` to ``last`` (both included). The sentence told.

    Both are of one unit; a circle is refused on every day it would close (R17). No due time moves (B22).
    """
    own = viewer.staff_id == absent.id
    head = Role.HEAD in viewer.roles and viewer.department_id == absent.department_id
    if not (own or head or viewer.roles & {Role.SUPERVISOR, Role.ADMIN}):
        raise NotAllowed("请假代办由本人、单位负责人、督办或管理员登记。")
    if first > last or last < at.astimezone(CHINA).date():
        raise InvalidInput("请假的起止日期不对。")
    if (last - first).days > 366:
        raise InvalidInput("代办一次最长一年。")
    if to.department_id != absent.department_id or not to.active:
        raise InvalidInput("代办人须是同一单位的在职人员。")
    if day := first_circle(session, absent.id, to.id, first, last):
        raise Conflict(f"{to.name}在 {day} 也由他人代办并最终回到{absent.name}，不能互相代办。")
    session.add(
        Delegation(
            staff_id=absent.id, delegate_id=to.id, date_from=first, date_to=last, reason=reason,
            made_by=viewer.actor, made_at=at,
        )
    )  # fmt: skip
    session.flush()
    return f"{absent.name} {first} 至 {last} 的工单由{to.name}代办，时限不变。"
