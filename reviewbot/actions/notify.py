"""Owe the messages that a case's new state asks for, to whoever holds the next step."""

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from reviewbot.actions.faces import facts_of, with_buttons
from reviewbot.actions.rights import submitter_of
from reviewbot.clock import CHINA
from reviewbot.models.case import Case
from reviewbot.models.people import Staff
from reviewbot.models.procedure import Assistance
from reviewbot.models.review import Review
from reviewbot.outbox import NO_NUMBER, RATER, owe
from reviewbot.queries.deciders import appeal_lies_with
from reviewbot.queries.delegates import acting_heads, acting_member, who_answers
from reviewbot.queries.directory import userids_with_role
from reviewbot.rules.lifecycle import CaseStatus, Role
from reviewbot.rules.masking import mask_personal
from reviewbot.rules.notices import Body
from reviewbot.rules.routing import is_rated

__all__ = ["facts_of", "handler_of", "tell", "tell_rater"]


class Held(Protocol):
    """A case as it is held: the row of now, or what it was at a moment that is replayed."""

    @property
    def status(self) -> CaseStatus: ...
    @property
    def department_id(self) -> int | None: ...
    @property
    def handler_id(self) -> int | None: ...
    @property
    def review(self) -> Review: ...


def tell(
    session: Session, case: Case, kind: str, body: Body, userids: Iterable[str], *, at: datetime,
    held_until: datetime | None = None,
) -> None:  # fmt: skip
    """Owe one message to each, or to the delegate who has his post today; where nobody can receive it, a suppressed row
    says so. The person rated hears nothing by way of a delegation (F10)."""
    asked = set(userids)
    heirs = who_answers(session, asked, at)
    heirs = {absent: heir for absent, heir in heirs.items() if not is_the_rated(session, heir, case)}
    receivers = sorted({heirs.get(userid, userid) for userid in asked})
    for userid in receivers:
        owe(
            session,
            key=f"{case.number}-r{case.round}-{kind}-{case.event_count}-{userid.lower()}",
            kind=kind,
            userid=userid,
            body=with_buttons(session, case, body, userid, at),
            at=at,
            case_id=case.id,
            held_until=held_until,
        )
    if not receivers:
        owe(
            session,
            key=f"{case.number}-r{case.round}-{kind}-{case.event_count}-nobody",
            kind=kind,
            userid="",
            body=body,
            at=at,
            case_id=case.id,
            suppressed="没有可接收的人员",
        )


def tell_rater(session: Session, case: Case, kind: str, body: Body, *, at: datetime) -> None:
    """Owe the rater a message of ``notices.rater_*``; his number is looked up, and his link made, only when it is
    sent. Anonymous: a suppressed row says so."""
    about = body["about"] | {
        "item": mask_personal(case.review.item or "政务服务事项", case.review.rater_name)
    }
    about["date"] = about["date"] or f"{at.astimezone(CHINA):%Y-%m-%d}"
    owe(
        session,
        key=f"{case.number}-r{case.round}-{kind}-{case.event_count}-rater",
        kind=kind,
        userid="",
        channel=RATER,
        body=body | {"about": about, "case": case.id, "round": case.round, "at": int(at.timestamp())},
        at=at,
        case_id=case.id,
        suppressed=None if case.real_name else NO_NUMBER,
    )


def next_hands(session: Session, case: Held, at: datetime) -> list[str]:
    """Whoever owes the next step: the desk, who rules or may still decide, who approves, or who handles it."""
    match case.status:
        case CaseStatus.AWAITING_DISPATCH:
            return userids_with_role(session, Role.DESK)
        case CaseStatus.IN_ARBITRATION:
            return ruling_members(session)
        case CaseStatus.APPEALED:  # where nobody is left to decide, supervisors have to see to it
            return appeal_lies_with(session, case.review.id) or userids_with_role(session, Role.SUPERVISOR)
        case CaseStatus.AWAITING_APPROVAL:
            return approvers_of(session, case, at)
        case _:
            return handler_of(session, case, at)


def handler_of(session: Session, case: Held, at: datetime) -> list[str]:
    """Who does the handler's work today."""
    return worker_of(session, case.handler_id, case.department_id, at)


def worker_of(session: Session, staff_id: int | None, department_id: int | None, at: datetime) -> list[str]:
    """Who does this person's work today (himself, or his delegate), else everyone who heads the department."""
    acting = acting_member(session, staff_id, at.astimezone(CHINA).date()) if staff_id else None
    return [acting.userid] if acting is not None else acting_heads(session, department_id, at)


def ruling_members(session: Session) -> list[str]:
    """Who is asked for a ruling: the supervisors; where there is none, the leaders."""
    return userids_with_role(session, Role.SUPERVISOR) or userids_with_role(session, Role.LEADER)


def helpers_of(session: Session, task: Assistance, at: datetime) -> list[str]:
    """Who has the sub-task of a joint case today; where the helping unit has nobody left, the desk, which may withdraw
    it."""
    return worker_of(session, task.handler_id, task.department_id, at) or userids_with_role(
        session, Role.DESK
    )


def approvers_of(session: Session, case: Held, at: datetime) -> list[str]:
    """Who approves today: the unit's head or his delegate, unless he handled it, handed it in or was rated; else the
    supervisors."""
    handler = session.get(Staff, case.handler_id) if case.handler_id else None
    own = {handler.userid if handler else None, submitter_of(session, case.review.id)}
    for asked in (acting_heads(session, case.department_id, at), userids_with_role(session, Role.SUPERVISOR)):
        if others := [one for one in asked if one not in own and not is_the_rated(session, one, case)]:
            return others
    return []


def is_the_rated(session: Session, userid: str, case: Held) -> bool:
    """Whether this member is the person the review is about (F10)."""
    name = session.scalar(select(Staff.name).where(Staff.userid == userid))
    return is_rated(case.review.handled_by, name or "", userid)
