"""Who may still decide what a unit asks for, and whom it lies with: one answer for telling, reminding and lists (F13).

More time and the ledger are decided by supervisors; an appeal, of a rating or of a card, by supervisors, else by
leaders, else by the desk. Each person speaks once: two words are the words of two people.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session

from reviewbot.models.case import Case
from reviewbot.models.people import Staff
from reviewbot.models.procedure import Application, ApplicationKind, ApplicationState, Decision
from reviewbot.models.review import Review
from reviewbot.queries.scope import Viewer
from reviewbot.rules.lifecycle import Role

IN_TURN = (Role.SUPERVISOR, Role.LEADER, Role.DESK)
OF_APPEALS = frozenset({ApplicationKind.APPEAL, ApplicationKind.CARD_APPEAL})
_LISTED = IN_TURN[:2]
"""Supervisors and leaders have before them whatever they may decide; the desk only what is left to it."""
_RATED = func.coalesce(func.trim(Review.handled_by), "")
MAY_STILL_DECIDE: ColumnElement[bool] = and_(
    Application.state == ApplicationState.PENDING,
    Staff.active,
    Staff.department_id != Application.department_id,
    Staff.userid != Application.asked_by,
    Staff.name != _RATED,
    Staff.userid != _RATED,
    ~select(Decision.id)
    .where(Decision.application_id == Application.id, Decision.actor == Staff.userid)
    .correlate(Application, Staff)
    .exists(),
)
"""Of an application and a member: he is outside the asking unit, did not ask, has not spoken and is not the person
rated (F10). His role is asked besides."""


def voices(application: Application, viewer: Viewer) -> set[str]:
    """His own, and those in whose place alone he could decide this: a supervisor and his delegate are one voice."""
    deciding = IN_TURN if application.kind in OF_APPEALS else IN_TURN[:1]
    return {viewer.actor, *viewer.in_place_of(deciding)}


def may_speak(application: Application, viewer: Viewer) -> bool:
    """Of somebody with the role for it: he is outside the asking unit, did not ask, and has not spoken yet (F13);
    nor has the one in whose place he acts."""
    own = voices(application, viewer)
    return (
        viewer.department_id != application.department_id
        and application.asked_by not in own
        and own.isdisjoint(known.actor for known in application.decisions)
    )


@dataclass(frozen=True)
class Undecided:
    """An application that waits. ``free``: by role, who may still decide it, in the order of whom it lies with."""

    application_id: int
    case_id: int
    number: str
    free: Sequence[tuple[Role, Sequence[str]]]

    @property
    def lies_with(self) -> Sequence[str]:
        """Whom it is asked of now, and who is reminded: the first role with anybody left."""
        return next((userids for _, userids in self.free if userids), ())

    @property
    def listed(self) -> frozenset[str]:
        """Whose lists it stands in."""
        overseers = frozenset(userid for role, userids in self.free if role in _LISTED for userid in userids)
        return overseers or frozenset(self.lies_with)


def undecided(session: Session, *of_which: ColumnElement[bool]) -> list[Undecided]:
    """What waits for a decision, oldest first, with who may still give it."""
    waiting = session.execute(
        select(Application.id, Application.kind, Case.id, Case.number)
        .join(Case, Case.id == Application.case_id)
        .where(Application.state == ApplicationState.PENDING, *of_which)
        .order_by(Application.id)
    ).all()
    if not waiting:
        return []
    people = session.execute(
        select(Application.id, Staff.userid, Staff.roles)
        .select_from(Application)
        .join(Case, Case.id == Application.case_id)
        .join(Review, Review.id == Case.review_id)
        .join(Staff, MAY_STILL_DECIDE)
        .where(Staff.roles.overlap([role.value for role in IN_TURN]), *of_which)
        .order_by(Application.id, Staff.id)
    ).all()
    able: dict[int, list[tuple[str, list[str]]]] = {}
    for application_id, userid, roles in people:
        able.setdefault(application_id, []).append((userid, roles))
    return [
        Undecided(ident, case_id, number, _by_role(kind, able.get(ident, ())))
        for ident, kind, case_id, number in waiting
    ]


def _by_role(
    kind: ApplicationKind, able: Sequence[tuple[str, list[str]]]
) -> list[tuple[Role, Sequence[str]]]:
    return [
        (role, [userid for userid, roles in able if role.value in roles])
        for role in (IN_TURN if kind in OF_APPEALS else IN_TURN[:1])
    ]


def lies_with(session: Session, application_id: int) -> list[str]:
    """Whom this application is asked of now; nobody where none is left, or it does not wait."""
    return [
        userid for one in undecided(session, Application.id == application_id) for userid in one.lies_with
    ]


def waiting_for(session: Session, viewer: Viewer) -> list[int]:
    """The ids of the cases in which something waits for this person's word."""
    if not viewer.roles & set(IN_TURN):
        return []
    own = {viewer.actor, *viewer.in_place_of(IN_TURN)}
    return [one.case_id for one in undecided(session) if not own.isdisjoint(one.listed)]


def appeal_lies_with(session: Session, review_id: int) -> list[str]:
    """Whom the pending appeal of a review's case is asked of now."""
    of_the_case = (Case.review_id == review_id, Application.kind == ApplicationKind.APPEAL)
    return [userid for one in undecided(session, *of_the_case) for userid in one.lies_with]
