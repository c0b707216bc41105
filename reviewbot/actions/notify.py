"""Owe the messages that a case's new state asks for, to whoever holds the next step."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from reviewbot.clock import CHINA
from reviewbot.models.case import Case, DueTime
from reviewbot.models.people import Department
from reviewbot.outbox import NO_NUMBER, RATER, owe
from reviewbot.queries.delegates import acting_member
from reviewbot.queries.directory import userids_with_role
from reviewbot.rules.lifecycle import Role
from reviewbot.rules.notices import Body, Facts


def facts_of(session: Session, case: Case) -> Facts:
    """What may travel in a message about this case (F19)."""
    department = session.get(Department, case.department_id) if case.department_id else None
    return Facts(
        number=case.number,
        round=case.round,
        item=case.review.item or "（未写明事项）",
        department=department.short_name if department else "派单台",
        status=case.status.label,
        due_at=due.astimezone(CHINA) if (due := _limit_of(session, case)) else None,
        link=f"/cases/{case.number}",
    )


def _limit_of(session: Session, case: Case) -> datetime | None:
    """The time limit of whoever owes the next step: at the desk its own, else the handling unit's."""
    if case.status.awaits_bureau:
        return session.scalar(
            select(func.max(DueTime.due_at)).where(
                DueTime.case_id == case.id,
                DueTime.met_at.is_(None),
                DueTime.stage.op("~")("^(dispatch|arbitration)"),
            )
        )
    return case.due_at


def tell(
    session: Session, case: Case, kind: str, body: Body, userids: Iterable[str], *, at: datetime,
    held_until: datetime | None = None,
) -> None:  # fmt: skip
    """Owe one message to each; where nobody can receive it, a suppressed row says so."""
    receivers = sorted(set(userids))
    for userid in receivers:
        owe(
            session,
            key=f"{case.number}-r{case.round}-{kind}-{case.event_count}-{userid.lower()}",
            kind=kind,
            userid=userid,
            body=body,
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
    owe(
        session,
        key=f"{case.number}-r{case.round}-{kind}-{case.event_count}-rater",
        kind=kind,
        userid="",
        channel=RATER,
        body=body | {"case": case.id, "round": case.round, "at": int(at.timestamp())},
        at=at,
        case_id=case.id,
        suppressed=None if case.real_name else NO_NUMBER,
    )


def handler_of(session: Session, case: Case, at: datetime) -> list[str]:
    """Who does the handler's work today (himself, or his delegate), else everyone who heads the department."""
    if case.handler_id:
        acting = acting_member(session, case.handler_id, at.astimezone(CHINA).date())
        if acting is not None:
            return [acting.userid]
    return userids_with_role(session, Role.HEAD, case.department_id) if case.department_id else []
