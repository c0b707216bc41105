"""Look-ups in the directory: departments, items, windows, people."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import func, literal, or_, select
from sqlalchemy.orm import Session

from reviewbot.clock import CHINA
from reviewbot.models.case import Case
from reviewbot.models.people import Department, Duty, Item, RoutingException, Staff, Window
from reviewbot.models.review import Review
from reviewbot.queries.delegates import acting_roles, stands_in
from reviewbot.queries.scope import DESK_ID, Viewer, viewer_of_staff
from reviewbot.rules.lifecycle import CaseStatus, Role
from reviewbot.rules.routing import Candidates, Person, choose_person, is_rated


def find_department(session: Session, *words: str | None) -> Department | None:
    """The one department with this code, credit code, name or short name."""
    for word in words:
        if not word:
            continue
        found = session.scalars(
            select(Department).where(
                or_(
                    func.upper(Department.code) == word.upper(),
                    func.upper(Department.credit_code) == word.upper(),
                    Department.name == word,
                    Department.short_name == word,
                )
            )
        ).all()
        if len(found) == 1:
            return found[0]
    return None


def every_department(session: Session) -> list[Department]:
    """The whole directory of units, in its order."""
    return list(session.scalars(select(Department).order_by(Department.id)))


def route_candidates(session: Session, review: Review) -> Candidates:
    """What the directory knows about the names in a review; an ambiguous name is no candidate."""
    department = find_department(session, review.department, review.department_name)
    if department and department.role == "bureau" and review.item:
        department = None  # the bureau runs the loop; a matter of its own still goes to its item's owner
    return Candidates(
        exception=_exception(session, review),
        department=(department.id, department.short_name) if department else None,
        item=_item_owner(session, review),
        window=_window_owner(session, review.window),
    )


def _exception(session: Session, review: Review) -> tuple[int, str, str] | None:
    row = session.execute(
        select(Department.id, Department.short_name, RoutingException.reason)
        .join(RoutingException, RoutingException.department_id == Department.id)
        .where(
            RoutingException.ended_at.is_(None),
            or_(
                (RoutingException.kind == "item") & (RoutingException.value == review.item),
                (RoutingException.kind == "window") & (RoutingException.value == review.window),
            ),
        )
        .order_by(RoutingException.kind)
        .limit(1)
    ).first()
    return (row[0], row[1], row[2]) if row else None


def _item_owner(session: Session, review: Review) -> tuple[int, str] | None:
    # Only what is given: a comparison with None would match every item that has no code.
    given = ((Item.name, review.item), (Item.code, review.item_code))
    matches = [column == value for column, value in given if value]
    if not matches:
        return None
    rows = session.execute(
        select(Department.id, Department.short_name)
        .join(Item, Item.department_id == Department.id)
        .where(or_(*matches))
        .distinct()
        .limit(2)
    ).all()
    return (rows[0][0], rows[0][1]) if len(rows) == 1 else None


def _window_owner(session: Session, name: str | None) -> tuple[int, str] | None:
    row = session.execute(
        select(Department.id, Department.short_name)
        .join(Window, Window.department_id == Department.id)
        .where(Window.name == name)
    ).first()
    return (row[0], row[1]) if row else None


def routing_exception(session: Session, kind: str, value: str) -> RoutingException | None:
    """The rule of an item or a window, in force or ended."""
    return session.scalar(
        select(RoutingException).where(RoutingException.kind == kind, RoutingException.value == value)
    )


def routing_rules(
    session: Session, *, ended: bool, after: int | None = None, limit: int = 50
) -> Sequence[tuple[RoutingException, str, str | None]]:
    """Rules in force, or those that were ended, newest first, with the unit's name and the number of the case ruled."""
    wanted = (
        select(RoutingException, Department.short_name, Case.number)
        .join(Department, Department.id == RoutingException.department_id)
        .outerjoin(Case, Case.id == RoutingException.case_id)
        .where(RoutingException.ended_at.is_not(None) if ended else RoutingException.ended_at.is_(None))
        .order_by(RoutingException.id.desc())
        .limit(limit)
    )
    if after is not None:
        wanted = wanted.where(RoutingException.id < after)
    return [(rule, unit, number) for rule, unit, number in session.execute(wanted)]


def units_named_in(session: Session, words: str) -> list[Department]:
    """The handling units whose name or short name stands in these words."""
    said = literal(words)
    return list(
        session.scalars(
            select(Department)
            .where(
                Department.role == "handling",
                or_(said.contains(Department.name), said.contains(Department.short_name)),
            )
            .order_by(Department.id)
        )
    )


def member_of(session: Session, department_id: int | None, word: str) -> Staff | None:
    """The one active member of a unit with this userid or name."""
    found = session.scalars(
        select(Staff).where(
            Staff.department_id == department_id,
            Staff.active,
            or_(func.lower(Staff.userid) == word.lower(), Staff.name == word),
        )
    ).all()
    return found[0] if len(found) == 1 else None


def choose_from(
    session: Session, department_id: int, at: datetime, *, rated: str | None, without: Collection[int] = ()
) -> Person | None:
    """Whom a unit's next case goes to (``rules.routing.choose_person`` over its people, ``without`` some of them)."""
    today = at.astimezone(CHINA).date()
    people, away = people_of(session, department_id, today), stands_in(session, today)
    people = [one for one in people if one.id not in without]
    here = [one for one in people if one.id not in away]
    return choose_person(here, rated=rated) or choose_person(people, rated=rated)


def choose_holder(session: Session, department_id: int, at: datetime, *, rated: str | None) -> Staff | None:
    """Who holds a unit's case: one of its people, else who of the bureau keeps it for them; never the rated (B22)."""
    chosen = choose_from(session, department_id, at, rated=rated)
    return session.get_one(Staff, chosen.id) if chosen else bureau_member(session, rated=rated)


def bureau_member(session: Session, *, rated: str | None) -> Staff | None:
    """Who of the bureau holds what no unit can: the desk, else a supervisor, else an administrator; never the rated."""
    load = (
        select(func.count())
        .where(Case.handler_id == Staff.id, Case.status != CaseStatus.CLOSED)
        .scalar_subquery()
    )
    for role in (Role.DESK, Role.SUPERVISOR, Role.ADMIN):
        for one in session.scalars(
            select(Staff).where(Staff.active, Staff.roles.contains([role.value])).order_by(load, Staff.id)
        ):
            if not is_rated(rated, one.name, one.userid):
                return one
    return None


def people_of(session: Session, department_id: int, today: date) -> list[Person]:
    """Everybody in a department who could verify, with duty and load."""
    open_cases = (
        select(func.count())
        .where(Case.handler_id == Staff.id, Case.status != CaseStatus.CLOSED)
        .scalar_subquery()
    )
    on_duty = (
        select(Duty.id)
        .where(Duty.staff_id == Staff.id, Duty.date_from <= today, Duty.date_to >= today)
        .exists()
    )
    rows = session.execute(
        select(Staff, open_cases, on_duty).where(Staff.department_id == department_id, Staff.active)
    )
    return [
        Person(
            id=person.id,
            name=person.name,
            userid=person.userid,
            on_duty=duty,
            open_cases=count,
            may_handle=Role.HANDLER in person.roles,
            is_head=Role.HEAD in person.roles,
        )
        for person, count, duty in rows
    ]


def staff_by_userid(session: Session, userid: str) -> Staff | None:
    """The active member with this userid, whatever the case of its letters (W21)."""
    return session.scalar(select(Staff).where(func.lower(Staff.userid) == userid.lower(), Staff.active))


def viewer_by_userid(session: Session, userid: str, at: datetime) -> Viewer | None:
    """The active member with this userid as one who acts, with the roles of those he stands in for."""
    staff = staff_by_userid(session, userid)
    return viewer_of_staff(staff, acting_roles(session, staff, at)) if staff else None


def userids_with_role(session: Session, role: Role, department_id: int | None = None) -> list[str]:
    """Who is to be told when a role is addressed, in the whole city or in one department."""
    wanted = select(Staff.userid).where(Staff.roles.contains([role.value]), Staff.active)
    if department_id is not None:
        wanted = wanted.where(Staff.department_id == department_id)
    return list(session.scalars(wanted.order_by(Staff.id)))


def staff_names_by_userid(session: Session) -> dict[str, str]:
    """Names to show for the userids that records keep, of those who have left too."""
    return {userid: name for userid, name in session.execute(select(Staff.userid, Staff.name))}


def heads_by_unit(session: Session) -> dict[str, str]:
    """The first head of every unit, by unit code."""
    rows = session.execute(
        select(Department.code, Staff.userid)
        .join(Staff, Staff.department_id == Department.id)
        .where(Staff.roles.contains([Role.HEAD.value]), Staff.active)
        .order_by(Staff.id.desc())
    )
    return {code: userid for code, userid in rows}


@dataclass(frozen=True)
class UnitName:
    """A unit in a table; ``label``: its short name, with its code where another unit has the same."""

    id: int
    code: str
    label: str
    handles: bool


def unit_names(session: Session) -> dict[int, UnitName]:
    """Every unit by id, in directory order."""
    units = every_department(session)
    times = Counter(unit.short_name for unit in units)
    return {
        unit.id: UnitName(
            unit.id, unit.code,
            unit.short_name if times[unit.short_name] == 1 else f"{unit.short_name}（{unit.code}）",
            unit.role == "handling",
        )
        for unit in units
    }  # fmt: skip


DESK = UnitName(DESK_ID, "desk", "派单台", handles=False)


def handling_units(session: Session) -> list[UnitName]:
    """The units a case may be dispatched to, in directory order."""
    return [unit for unit in unit_names(session).values() if unit.handles]


def unit_labels(session: Session) -> dict[int, str]:
    """What to call every unit, by id, in directory order."""
    return {ident: unit.label for ident, unit in unit_names(session).items()}
