"""Who is away, who acts for them, and cases that nobody holds."""

from datetime import date, datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from reviewbot.clock import CHINA
from reviewbot.models.case import Case
from reviewbot.models.people import Delegation, Staff
from reviewbot.rules.delegation import acting, represented
from reviewbot.rules.lifecycle import CaseStatus, Role


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


def acting_heads(session: Session, department_id: int | None, at: datetime) -> list[str]:
    """The userids of who heads a unit today: its heads, and for one who is away whoever acts for him (R17)."""
    heads = session.scalars(
        select(Staff.id)
        .where(Staff.department_id == department_id, Staff.roles.contains([Role.HEAD.value]), Staff.active)
        .order_by(Staff.id)
    )
    away = stands_in(session, at.astimezone(CHINA).date())
    acting_ones = [session.get_one(Staff, acting(head, away)) for head in heads]
    return list(dict.fromkeys(person.userid for person in acting_ones if person.active))


def acting_roles(session: Session, staff: Staff, at: datetime) -> frozenset[Role]:
    """What this person may do today in the place of an absent head of his unit, besides his own roles."""
    heads = acting_heads(session, staff.department_id, at)
    return frozenset({Role.HEAD}) if staff.userid in heads else frozenset()


def cases_without_holder(session: Session) -> list[str]:
    """Numbers of open cases that nobody active holds: the proof that this list is empty is B22.

    A case at the desk, in arbitration or under appeal is the bureau's: somebody active must dispatch, rule or decide.
    Any other needs an active handler, or an active head of the unit that holds it.
    """
    handler = select(Staff.id).where(Staff.id == Case.handler_id, Staff.active).exists()
    head = (
        select(Staff.id)
        .where(Staff.department_id == Case.department_id, Staff.active, Staff.roles.contains(["head"]))
        .exists()
    )
    of_the_bureau = {
        CaseStatus.AWAITING_DISPATCH: Role.DESK,
        CaseStatus.IN_ARBITRATION: Role.SUPERVISOR,
        CaseStatus.APPEALED: Role.SUPERVISOR,
    }
    held = or_(
        Case.status.not_in(of_the_bureau) & (handler | head),
        *(
            (Case.status == status)
            & select(Staff.id).where(Staff.active, Staff.roles.contains([role.value])).exists()
            for status, role in of_the_bureau.items()
        ),
    )
    return list(
        session.scalars(select(Case.number).where(Case.status != CaseStatus.CLOSED, ~held).order_by(Case.id))
    )
