"""Which cases lose their holder when somebody goes."""

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from reviewbot.models.case import Case
from reviewbot.models.people import Staff
from reviewbot.rules.lifecycle import CaseStatus, Role

_BUREAU = tuple(status for status in CaseStatus if status.awaits_bureau)


def cases_losing_holder(session: Session, left: Staff) -> list[Case]:
    """Open cases of a unit that he handled; and, where he was its last head, those of the unit that no active
    person handles. Locked, oldest first. He is no longer active."""
    holder = select(Staff.id).where(Staff.id == Case.handler_id, Staff.active).exists()
    another_head = session.scalar(
        select(Staff.id)
        .where(
            Staff.department_id == left.department_id, Staff.active, Staff.roles.contains([Role.HEAD.value])
        )
        .limit(1)
    )
    mine = Case.handler_id == left.id
    if Role.HEAD.value in left.roles and another_head is None:
        mine |= (Case.department_id == left.department_id) & ~holder
    return list(
        session.scalars(
            select(Case)
            .where(mine, Case.status != CaseStatus.CLOSED, Case.status.not_in(_BUREAU))
            .options(joinedload(Case.review))
            .order_by(Case.id)
            .with_for_update(of=Case)
            .execution_options(populate_existing=True)
        )
    )
