"""The lists of ``rules.listings``, as entries and as counts: a number and what its link opens are one query."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, Select, and_, func, select, true
from sqlalchemy.orm import InstrumentedAttribute, Session, joinedload

from reviewbot.clock import span
from reviewbot.models.case import Case
from reviewbot.models.oversight import Card
from reviewbot.models.people import Department
from reviewbot.models.procedure import Assistance
from reviewbot.queries.calls import CALLED_UNSEEN
from reviewbot.queries.cards import visible_cards
from reviewbot.queries.cases import is_overdue
from reviewbot.queries.procedure import ENDED_LATE, IS_TOLD, is_overdue_task, visible_tasks
from reviewbot.queries.scope import Viewer, lies_with, visible_cases
from reviewbot.rules.kinds import BOTH, Family, Kind
from reviewbot.rules.lifecycle import CaseStatus
from reviewbot.rules.listings import LISTINGS

_OPEN = Case.status != CaseStatus.CLOSED
_DATES = {
    "opened": Case.opened_at, "due": Case.due_at, "closed": Case.closed_at, "issued": Card.issued_at,
    "assisted": Assistance.due_at,
}  # fmt: skip


@dataclass(frozen=True)
class Wanted:
    """One list: its key, whose entries, dated within which days (both included; None: at any time), of which cases
    (None: of all)."""

    key: str
    department_id: int | None = None
    period: tuple[date, date] | None = None
    family: Family | None = None


@dataclass(frozen=True)
class Entry:
    """One line of a list: a case, or a card or a sub-task of a case. ``id`` and ``unit`` are of what is listed.

    ``open_to``: whether the case itself is the viewer's to see. A unit keeps its card and its sub-task in its lists,
    and the figures above them, when the case has gone elsewhere.
    """

    id: int
    case: Case
    open_to: bool
    unit: str = ""
    card: Card | None = None
    task: Assistance | None = None


def _listed(wanted: Wanted, viewer: Viewer, now: datetime) -> Select[int, int | None, Kind]:
    """(entry, unit, kind of its case) of a list. A card belongs to the unit that got it, whoever has the case now; a
    sub-task to the unit that was asked to help."""
    unit: InstrumentedAttribute[int] | InstrumentedAttribute[int | None]
    found: Select[int, int | None, Kind]
    match wanted.key:
        case "yellow" | "red":
            unit = Card.department_id
            standing = (Card.colour == wanted.key, Card.withdrawn_at.is_(None))
            found = select(Card.id, unit, Case.kind).where(visible_cards(viewer), *standing)
            found = found.join(Case, Case.id == Card.case_id)
        case "assisted" | "late_assistance":
            unit = Assistance.department_id
            told = IS_TOLD if wanted.key == "assisted" else ENDED_LATE | is_overdue_task(now)
            found = select(Assistance.id, unit, Case.kind).where(visible_tasks(viewer), told)
            found = found.join(Case, Case.id == Assistance.case_id)
        case _:
            unit = Case.department_id
            found = select(Case.id, unit, Case.kind).where(visible_cases(viewer), _which(wanted.key, now))
    if wanted.department_id is not None:
        found = found.where(lies_with(wanted.department_id, unit))
    if wanted.family is not None:
        found = found.where(Case.kind.in_(wanted.family.kinds))
    if wanted.period is not None:
        start, end = span(*wanted.period)
        dated = _DATES[LISTINGS[wanted.key].dated]
        found = found.where(dated >= start, dated < end)
    return found


def _which(key: str, now: datetime) -> ColumnElement[bool]:
    """The cases of a list of cases."""
    match key:
        case "overdue":
            return is_overdue(now)
        case "due":
            return and_(_OPEN, Case.due_at >= now)
        case "open":
            return _OPEN
        case "opened":
            return true()
        case "closed":
            return ~_OPEN
        case "unseen_calls":
            return CALLED_UNSEEN
    return Case.status == CaseStatus(key)


def count_listed(session: Session, wanted: Wanted, viewer: Viewer, now: datetime) -> int:
    """How many entries a list has."""
    found = _listed(wanted, viewer, now).subquery()
    return session.scalar(select(func.count()).select_from(found)) or 0


def count_by_family(session: Session, wanted: Wanted, viewer: Viewer, now: datetime) -> Mapping[Family, int]:
    """How many entries of a list are about bad ratings, and how many about work orders; both always there."""
    found = _listed(wanted, viewer, now).subquery()
    rows = session.execute(select(found.c[2], func.count()).group_by(found.c[2]))
    counts = {kind: number for kind, number in rows}
    return {family: sum(counts.get(kind, 0) for kind in family.kinds) for family in BOTH}


def count_by_unit(
    session: Session, wanted: Wanted, viewer: Viewer, now: datetime
) -> list[tuple[int | None, int]]:
    """(unit's id or None for no unit yet, entries), most first."""
    found = _listed(wanted, viewer, now).subquery()
    count = func.count()
    rows = session.execute(select(found.c[1], count).group_by(found.c[1]).order_by(count.desc(), found.c[1]))
    return [(unit, number) for unit, number in rows]


_BELOW: dict[str, type[Card] | type[Assistance]] = {"issued": Card, "assisted": Assistance}
"""What lists that are not of cases list, by how they are dated."""


def listed(
    session: Session,
    wanted: Wanted,
    viewer: Viewer,
    now: datetime,
    *,
    after: int | None = None,
    limit: int = 50,
    most_urgent: bool = False,
) -> list[Entry]:
    """The entries of a list: newest first for pages (``after`` is the last id before), or most urgent first."""
    below = _BELOW.get(LISTINGS[wanted.key].dated)
    kind = below or Case
    ids = _listed(wanted, viewer, now).subquery()
    order = (Case.due_at.asc().nulls_last(), kind.id) if most_urgent else (kind.id.desc(),)
    found = (
        select(kind, kind.id, Case, visible_cases(viewer), Department.short_name)
        .options(joinedload(Case.review), joinedload(Case.department), joinedload(Case.handler))
        .outerjoin(Department, Department.id == kind.department_id)
        .where(kind.id.in_(select(ids.c[0])))
        .order_by(*order)
        .limit(limit)
    )
    if below is not None:
        found = found.join(Case, Case.id == below.case_id)
    if after is not None:
        found = found.where(kind.id < after)
    return [
        Entry(
            ident, case, bool(seen), unit or "",
            one if isinstance(one, Card) else None, one if isinstance(one, Assistance) else None,
        )
        for one, ident, case, seen, unit in session.execute(found)
    ]  # fmt: skip
