"""Owe the messages that a case's new state asks for, to whoever holds the next step."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy.orm import Session

from reviewbot.clock import CHINA
from reviewbot.models.case import Case
from reviewbot.models.people import Department, Staff
from reviewbot.outbox import owe
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
        due_at=case.due_at.astimezone(CHINA) if case.due_at else None,
        link=f"/cases/{case.number}",
    )


def tell(
    session: Session, case: Case, kind: str, body: Body, userids: Iterable[str], *, at: datetime
) -> None:
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
    """Owe the rater a message; his number is looked up only when it is sent. Anonymous: a suppressed row says so."""
    owe(
        session,
        key=f"{case.number}-r{case.round}-{kind}-{case.event_count}-rater",
        kind=kind,
        userid="",
        channel="rater",
        body=body,
        at=at,
        case_id=case.id,
        suppressed=None if case.real_name else "评价人匿名或没有留下号码",
    )


def handler_of(session: Session, case: Case) -> list[str]:
    """The person who holds the case, else everyone who heads its department."""
    handler = session.get(Staff, case.handler_id) if case.handler_id else None
    if handler and handler.active:
        return [handler.userid]
    return userids_with_role(session, Role.HEAD, case.department_id) if case.department_id else []
