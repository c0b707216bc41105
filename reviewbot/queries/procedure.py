"""Applications, joint work and delegates of cases."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from reviewbot.models.case import Case
from reviewbot.models.procedure import Application, ApplicationKind, ApplicationState, Assistance
from reviewbot.queries.scope import Viewer, visible_cases


def pending_application(session: Session, case_id: int, kind: ApplicationKind) -> Application | None:
    """The one that waits for a decision."""
    return session.scalar(
        select(Application).where(
            Application.case_id == case_id,
            Application.kind == kind,
            Application.state == ApplicationState.PENDING,
        )
    )


def pending_kinds(session: Session, case_id: int) -> list[ApplicationKind]:
    """What waits for a decision about a case, oldest first."""
    return list(
        session.scalars(
            select(Application.kind)
            .where(Application.case_id == case_id, Application.state == ApplicationState.PENDING)
            .order_by(Application.id)
        )
    )


def granted_applications(
    session: Session, case_id: int, round_: int, kind: ApplicationKind
) -> list[Application]:
    """What was granted in this round."""
    return list(
        session.scalars(
            select(Application).where(
                Application.case_id == case_id,
                Application.round == round_,
                Application.kind == kind,
                Application.state == ApplicationState.GRANTED,
            )
        )
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


def applications_to_decide(
    session: Session, viewer: Viewer, limit: int = 20
) -> list[tuple[Case, Application]]:
    """What this viewer may decide and has not, oldest first."""
    rows = session.execute(
        select(Case, Application)
        .join(Application, Application.case_id == Case.id)
        .where(
            visible_cases(viewer),
            Application.state == ApplicationState.PENDING,
            Application.department_id != (viewer.department_id or 0),
        )
        .order_by(Application.id)
        .limit(limit)
    )
    return [
        (case, application)
        for case, application in rows
        if all(known.actor != viewer.actor for known in application.decisions)
    ]
