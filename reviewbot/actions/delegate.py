"""Leave and its end: a delegate for some days, the open cases of somebody who has left."""

from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from reviewbot.actions.notify import facts_of, tell
from reviewbot.clock import CHINA
from reviewbot.errors import Conflict, InvalidInput, NotAllowed
from reviewbot.models.case import Case
from reviewbot.models.chain import append_event
from reviewbot.models.people import Delegation, Staff
from reviewbot.queries.delegates import stands_in
from reviewbot.queries.directory import choose_from, userids_with_role
from reviewbot.queries.scope import Viewer
from reviewbot.rules import notices
from reviewbot.rules.delegation import closes_a_circle
from reviewbot.rules.lifecycle import CaseStatus, Move, Role


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
    for day in _days_of_change(session, first, last):
        if closes_a_circle(absent.id, to.id, stands_in(session, day)):
            raise Conflict(f"{to.name}在 {day} 也由他人代办并最终回到{absent.name}，不能互相代办。")
    session.add(
        Delegation(
            staff_id=absent.id, delegate_id=to.id, date_from=first, date_to=last, reason=reason,
            made_by=viewer.actor, made_at=at,
        )
    )  # fmt: skip
    session.flush()
    return f"{absent.name} {first} 至 {last} 的工单由{to.name}代办，时限不变。"


def _days_of_change(session: Session, first: date, last: date) -> list[date]:
    """The days within which who-acts-for-whom can differ: enough to look at those."""
    starts = session.scalars(
        select(Delegation.date_from).where(Delegation.date_from > first, Delegation.date_from <= last)
    )
    return sorted({first, *starts})


def reassign_cases(session: Session, left: Staff, *, at: datetime, actor: str, actor_name: str) -> list[str]:
    """Give the open cases of somebody who has left to others of the unit; numbers of the cases moved (W25)."""
    cases = session.scalars(
        select(Case)
        .where(Case.handler_id == left.id, Case.status != CaseStatus.CLOSED)
        .order_by(Case.id)
        .with_for_update()
    ).all()
    for case in cases:
        _reassign(session, case, left, at=at, actor=actor, actor_name=actor_name)
    return [case.number for case in cases]


def _reassign(
    session: Session, case: Case, left: Staff, *, at: datetime, actor: str, actor_name: str
) -> None:
    session.refresh(case, ["review"])
    person = choose_from(session, case.department_id or left.department_id, at, rated=case.review.handled_by)
    case.handler_id = person.id if person else None
    append_event(
        session, case, at=at, actor=actor, actor_name=actor_name, move=Move.HAND_OVER.value,
        before=case.status.value, remark=f"{left.name}已离岗",
        data={"from": left.userid, "to": person.userid if person else None},
    )  # fmt: skip
    heads = userids_with_role(session, Role.HEAD, case.department_id)
    receivers = [person.userid] if person else heads or userids_with_role(session, Role.SUPERVISOR)
    body = notices.handed_over(facts_of(session, case), actor_name, f"{left.name}已离岗")
    tell(session, case, "handed_over", body, receivers, at=at)
