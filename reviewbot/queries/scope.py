"""Who may see which cases, in one place: every list, page, figure and answer passes through here."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import ColumnElement, false, or_, select, true
from sqlalchemy.orm import InstrumentedAttribute

from reviewbot.models.case import Case
from reviewbot.models.people import Staff
from reviewbot.models.procedure import Assistance
from reviewbot.rules.lifecycle import CITY_WIDE, Role


@dataclass(frozen=True)
class Viewer:
    """Somebody who asks or acts: a member of staff, a program with a token, or the system itself."""

    name: str
    actor: str
    roles: frozenset[Role]
    department_id: int | None = None
    staff_id: int | None = None
    acting: frozenset[tuple[Role, str]] = frozenset()
    """Those of his roles that he has today only in the place of somebody who is away, with whose they are."""

    def in_place_of(self, roles: Collection[Role]) -> list[str]:
        """Whose delegate he is in what needs one of these roles; nobody where one of them is his own."""
        lent = {role for role, _ in self.acting}
        if self.roles & set(roles) - lent:
            return []
        return sorted({userid for role, userid in self.acting if role in roles})

    @property
    def sees_all(self) -> bool:
        return bool(self.roles & CITY_WIDE)


def viewer_of_staff(staff: Staff, acting: frozenset[tuple[Role, str]] = frozenset()) -> Viewer:
    """A member of staff as one who acts; ``acting``: roles he has today for somebody who is away (``acting_roles``)."""
    return Viewer(
        name=staff.name,
        actor=staff.userid,
        roles=frozenset(Role(role) for role in staff.roles) | {role for role, _ in acting},
        department_id=staff.department_id,
        staff_id=staff.id,
        acting=acting,
    )


SYSTEM = Viewer(name="系统", actor="system", roles=frozenset({Role.ADMIN}))


SUPERVISION = frozenset({Role.SUPERVISOR, Role.LEADER, Role.AUDITOR, Role.ADMIN})
"""Who sees what has to be looked into (督办事项)."""


DESK_ID = 0
"""Stands where a unit's id would for what lies with no unit: at the desk."""


def lies_with(
    department_id: int,
    column: InstrumentedAttribute[int | None] | ColumnElement[int | None] = Case.department_id,
) -> ColumnElement[bool]:
    """The condition that a case, or what ``column`` stands for, lies with this unit, or at the desk."""
    return column.is_(None) if department_id == DESK_ID else column == department_id


def visible_cases(viewer: Viewer) -> ColumnElement[bool]:
    """The condition on ``Case``: the whole city, or what the viewer's department holds, he handles, or it assists.

    A program's token is nobody of the staff: a case without a handler must not be taken for its own.
    """
    if viewer.sees_all:
        return true()
    own: list[ColumnElement[bool]] = []
    if viewer.staff_id is not None:
        own.append(Case.handler_id == viewer.staff_id)
    if viewer.department_id is not None:
        own.append(Case.department_id == viewer.department_id)
        own.append(
            select(Assistance.id)
            .where(
                Assistance.case_id == Case.id,
                Assistance.department_id == viewer.department_id,
                Assistance.state != "withdrawn",
            )
            .correlate(Case)  # also where the query around it is about sub-tasks itself
            .exists()
        )
    return or_(false(), *own)
