"""Applications, joint work and delegates of cases."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, or_, select, true
from sqlalchemy.orm import Session

from reviewbot.models.procedure import Application, ApplicationKind, ApplicationState, Assistance
from reviewbot.queries.directory import unit_names
from reviewbot.queries.scope import Viewer


def pending_application(session: Session, case_id: int, kind: ApplicationKind) -> Application | None:
    """The one that waits for a decision."""
    return session.scalar(
        select(Application).where(
            Application.case_id == case_id,
            Application.kind == kind,
            Application.state == ApplicationState.PENDING,
        )
    )


def pending_applications(session: Session, case_id: int) -> list[Application]:
    """What waits for a decision about a case, oldest first."""
    return list(
        session.scalars(
            select(Application)
            .where(Application.case_id == case_id, Application.state == ApplicationState.PENDING)
            .order_by(Application.id)
        )
    )


def granted_applications(
    session: Session, case_id: int, kind: ApplicationKind, *, round_: int | None = None
) -> list[Application]:
    """What was granted of a kind, oldest first: ever, or in one round."""
    wanted = select(Application).where(
        Application.case_id == case_id,
        Application.kind == kind,
        Application.state == ApplicationState.GRANTED,
    )
    if round_ is not None:
        wanted = wanted.where(Application.round == round_)
    return list(session.scalars(wanted.order_by(Application.id)))


def decided_appeal(session: Session, case_id: int, ground: str) -> Application | None:
    """The last appeal of this ground that people have decided, in whichever round."""
    return session.scalar(
        select(Application)
        .where(
            Application.case_id == case_id,
            Application.kind == ApplicationKind.APPEAL,
            Application.ground == ground,
            Application.state.in_((ApplicationState.GRANTED, ApplicationState.REFUSED)),
        )
        .order_by(Application.id.desc())
        .limit(1)
    )


def applications_of(session: Session, case_id: int) -> list[Application]:
    return list(
        session.scalars(select(Application).where(Application.case_id == case_id).order_by(Application.id))
    )


def assistances_of(session: Session, case_id: int) -> list[Assistance]:
    return list(
        session.scalars(select(Assistance).where(Assistance.case_id == case_id).order_by(Assistance.id))
    )


def open_assistances(session: Session, case_id: int) -> list[Assistance]:
    """The sub-tasks that nobody has answered or withdrawn."""
    return [one for one in assistances_of(session, case_id) if one.state == "open"]


@dataclass(frozen=True)
class Assisted:
    """What a unit was asked to help with: its sub-tasks, those ended after their limit, those open beyond it."""

    unit: str
    code: str
    tasks: int
    late: int
    overdue: int


ENDED_LATE = Assistance.answered_at > Assistance.due_at
"""Answered after its limit, or withdrawn only after it: a withdrawal does not undo a delay (F15)."""
IS_TOLD = or_(Assistance.state != "withdrawn", ENDED_LATE)
"""Of sub-tasks, those that count; one withdrawn in time was never owed."""


def is_overdue_task(now: datetime) -> ColumnElement[bool]:
    """A sub-task nobody has answered by its limit."""
    return and_(Assistance.state == "open", Assistance.due_at < now)


def visible_tasks(viewer: Viewer) -> ColumnElement[bool]:
    """The whole city's, or those the viewer's unit was asked for, also where the case is gone from it."""
    return true() if viewer.sees_all else Assistance.department_id == viewer.department_id


def assisted_by_unit(
    session: Session, viewer: Viewer, start: datetime, end: datetime, now: datetime
) -> list[Assisted]:
    """Sub-tasks with their limit in ``start <= it < end``, by the unit that was asked, in directory order (F15).

    A unit sees its own row, which counts what the city's counts: also one withdrawn late, whose case is gone from it.
    """
    rows = session.execute(
        select(
            Assistance.department_id, func.count(), func.count().filter(ENDED_LATE),
            func.count().filter(is_overdue_task(now)),
        )
        .where(visible_tasks(viewer), IS_TOLD, Assistance.due_at >= start, Assistance.due_at < end)
        .group_by(Assistance.department_id)
        .order_by(Assistance.department_id)
    )  # fmt: skip
    names = unit_names(session)
    return [Assisted(names[ident].label, names[ident].code, *counts) for ident, *counts in rows]
