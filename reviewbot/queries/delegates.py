"""Who is away, who acts for them, and cases that nobody holds."""

from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from reviewbot.models.case import Case
from reviewbot.models.people import Delegation, Staff
from reviewbot.rules.delegation import acting, represented
from reviewbot.rules.lifecycle import CaseStatus


def stands_in(session: Session, today: date) -> dict[int, int]:
    """{absent: delegate} on this day; the latest word counts."""
    rows = session.execute(
        select(Delegation.staff_id, Delegation.delegate_id)
        .where(Delegation.date_from <= today, Delegation.date_to >= today)
        .order_by(Delegation.id)
    )
    return {absent: delegate for absent, delegate in rows}


def acts_for(session: Session, staff_id: int | None, today: date) -> list[int]:
    """The ids whose work this person does today; nothing for a program."""
    if staff_id is None:
        return []
    return sorted({staff_id, *represented(staff_id, stands_in(session, today))})


def acting_member(session: Session, staff_id: int, today: date) -> Staff | None:
    """The active person who does this person's work today, or None."""
    found = session.get(Staff, acting(staff_id, stands_in(session, today)))
    return found if found is not None and found.active else None


def cases_without_holder(session: Session) -> list[str]:
    """Numbers of open cases that nobody active holds: the proof that this list is empty is B22.

    A case at the desk or in arbitration is the bureau's. Any other needs an active handler, or an active head of
    the unit that holds it.
    """
    bureau = (CaseStatus.AWAITING_DISPATCH, CaseStatus.IN_ARBITRATION)
    handler = select(Staff.id).where(Staff.id == Case.handler_id, Staff.active).exists()
    head = (
        select(Staff.id)
        .where(Staff.department_id == Case.department_id, Staff.active, Staff.roles.contains(["head"]))
        .exists()
    )
    desk = select(Staff.id).where(Staff.active, Staff.roles.contains(["desk"])).exists()
    held = Case.status.in_(bureau) & desk | Case.status.not_in(bureau) & (handler | head)
    return list(
        session.scalars(select(Case.number).where(Case.status != CaseStatus.CLOSED, ~held).order_by(Case.id))
    )
