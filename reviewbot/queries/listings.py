"""The lists of ``rules.listings`` as cases and as counts: what a number says and what its link opens are one query."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, joinedload

from reviewbot.clock import span
from reviewbot.models.case import Case
from reviewbot.models.oversight import Card
from reviewbot.models.procedure import Assistance
from reviewbot.queries.cases import is_overdue
from reviewbot.queries.procedure import ENDED_LATE, IS_TOLD, is_overdue_task
from reviewbot.queries.scope import Viewer, lies_with, visible_cases
from reviewbot.rules.lifecycle import CaseStatus
from reviewbot.rules.listings import LISTINGS

_OPEN = Case.status != CaseStatus.CLOSED
_DATES = {
    "opened": Case.opened_at, "due": Case.due_at, "closed": Case.closed_at, "issued": Card.issued_at,
    "assisted": Assistance.due_at,
}  # fmt: skip
_UNITS = {"issued": Card.department_id, "assisted": Assistance.department_id}


@dataclass(frozen=True)
class Wanted:
    """One list: its key, whose cases, dated within which days (both included; None: at any time)."""

    key: str
    department_id: int | None = None
    period: tuple[date, date] | None = None


def _listed(wanted: Wanted, viewer: Viewer, now: datetime) -> Select[int, int | None]:
    """(case, unit) of a list. A card belongs to the unit that got it, whoever has the case now; a sub-task to the
    unit that was asked to help."""
    listing = LISTINGS[wanted.key]
    unit = _UNITS.get(listing.dated, Case.department_id)
    found = select(Case.id, unit).where(visible_cases(viewer))
    match wanted.key:
        case "overdue":
            found = found.where(is_overdue(now))
        case "due":
            found = found.where(_OPEN, Case.due_at >= now)
        case "open":
            found = found.where(_OPEN)
        case "opened":
            pass
        case "closed":
            found = found.where(~_OPEN)
        case "yellow" | "red":
            standing = (Card.colour == wanted.key) & Card.withdrawn_at.is_(None)
            found = found.join(Card, Card.case_id == Case.id).where(standing).distinct()
        case "assisted" | "late_assistance":
            told = IS_TOLD if wanted.key == "assisted" else ENDED_LATE | is_overdue_task(now)
            found = found.join(Assistance, Assistance.case_id == Case.id).where(told).distinct()
        case _:
            found = found.where(Case.status == CaseStatus(wanted.key))
    if wanted.department_id is not None:
        found = found.where(lies_with(wanted.department_id, unit))
    if wanted.period is not None:
        start, end = span(*wanted.period)
        dated = _DATES[listing.dated]
        found = found.where(dated >= start, dated < end)
    return found


def count_listed(session: Session, wanted: Wanted, viewer: Viewer, now: datetime) -> int:
    """How many cases a list has."""
    ids = _listed(wanted, viewer, now).subquery().c[0]
    return session.scalar(select(func.count(ids.distinct()))) or 0


def count_by_unit(
    session: Session, wanted: Wanted, viewer: Viewer, now: datetime
) -> list[tuple[int | None, int]]:
    """(unit's id or None for no unit yet, cases), most first."""
    found = _listed(wanted, viewer, now).subquery()
    count = func.count()
    rows = session.execute(select(found.c[1], count).group_by(found.c[1]).order_by(count.desc(), found.c[1]))
    return [(unit, number) for unit, number in rows]


def listed_cases(
    session: Session,
    wanted: Wanted,
    viewer: Viewer,
    now: datetime,
    *,
    after: int | None = None,
    limit: int = 50,
    most_urgent: bool = False,
) -> Sequence[Case]:
    """The cases of a list: newest first for pages (``after`` is the last id before), or most urgent first."""
    ids = _listed(wanted, viewer, now).subquery()
    order = (Case.due_at.asc().nulls_last(), Case.id) if most_urgent else (Case.id.desc(),)
    found = (
        select(Case)
        .options(joinedload(Case.review), joinedload(Case.department), joinedload(Case.handler))
        .where(Case.id.in_(select(ids.c[0])))
        .order_by(*order)
        .limit(limit)
    )
    if after is not None:
        found = found.where(Case.id < after)
    return session.scalars(found).all()
