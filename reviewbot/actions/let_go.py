"""A member of staff leaves: his open cases go to others at once, no clock moves, nobody is told twice (W25, B22)."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session, joinedload

from reviewbot.actions.live_cards import show_everyone
from reviewbot.actions.notify import facts_of, tell, worker_of
from reviewbot.clock import CHINA
from reviewbot.models.case import Case
from reviewbot.models.chain import append_event
from reviewbot.models.message import Message
from reviewbot.models.people import Delegation, Department, Staff
from reviewbot.models.procedure import Assistance
from reviewbot.outbox import owe
from reviewbot.queries.contacts import contact_of
from reviewbot.queries.delegates import acting_member, stands_in
from reviewbot.queries.directory import bureau_member, choose_from, userids_with_role
from reviewbot.queries.handovers import cases_losing_holder
from reviewbot.queries.scope import Viewer
from reviewbot.rules import directory_words as words
from reviewbot.rules.contacts import Left
from reviewbot.rules.delegation import closes_a_circle
from reviewbot.rules.lifecycle import Move, Role
from reviewbot.rules.notices import assist
from reviewbot.rules.routing import is_rated


@dataclass
class _Handover:
    """One person's going, as far as it has come."""

    session: Session
    left: Staff
    why: str
    at: datetime
    actor: str
    actor_name: str
    given: list[tuple[Case, Staff | None]] = field(default_factory=list)


def let_go(
    session: Session, left: Staff, how: Left, *, at: datetime, actor: str = "system", actor_name: str = "系统"
) -> list[str]:
    """Take somebody out of service; the numbers of the cases that went to others.

    Each goes to his delegate, else to whom the unit's rule chooses (duty roster, load, head), else to the bureau's
    desk, and never to the person rated (F10). A repeat finds nobody to let go and does nothing.
    """
    if not left.active:
        return []
    today = at.astimezone(CHINA).date()
    delegate = acting_member(session, left.id, today)
    left.active = False
    contact = contact_of(session, left)
    contact.left_how, contact.left_at = how.value, at
    session.flush()
    going = _Handover(session, left, how.label, at, actor, actor_name)
    for case in cases_losing_holder(session, left):
        _give(going, case, delegate if delegate is not left else None)
    for task in session.scalars(
        select(Assistance).where(Assistance.handler_id == left.id, Assistance.state == "open")
    ):
        _give_task(session, task, at)
    _replace_as_delegate(going)
    _silence(going)
    _tell(going)
    session.flush()
    by = Viewer(name=actor_name, actor=actor, roles=frozenset())
    for case, _ in going.given:
        show_everyone(session, case, Move.HAND_OVER, by, at=at, former=left.userid)
    return [case.number for case, _ in going.given]


def _give(going: _Handover, case: Case, delegate: Staff | None) -> None:
    session = going.session
    rated = case.review.handled_by
    heir = delegate
    if heir is None or heir.department_id != case.department_id or is_rated(rated, heir.name, heir.userid):
        chosen = (
            choose_from(session, case.department_id, going.at, rated=rated) if case.department_id else None
        )
        heir = session.get_one(Staff, chosen.id) if chosen else bureau_member(session, rated=rated)
    case.handler_id = heir.id if heir else None
    append_event(
        session, case, at=going.at, actor=going.actor, actor_name=going.actor_name, move=Move.HAND_OVER.value,
        before=case.status.value, remark=f"{going.left.name}{going.why}",
        data={"from": going.left.userid, "to": heir.userid if heir else None},
    )  # fmt: skip
    session.flush()  # the next choice counts this one as load
    going.given.append((case, heir))


def _give_task(session: Session, task: Assistance, at: datetime) -> None:
    """A sub-task of another unit's case: who has it now is told as when it was asked for (F15)."""
    case = session.get_one(Case, task.case_id, options=[joinedload(Case.review)], populate_existing=True)
    person = choose_from(session, task.department_id, at, rated=case.review.handled_by)
    task.handler_id = person.id if person else None
    unit = session.get_one(Department, task.department_id)
    body = assist(facts_of(session, case), unit.short_name, task.task, task.due_at.astimezone(CHINA))
    tell(session, case, "assist", body, worker_of(session, task.handler_id, unit.id, at), at=at)


def _replace_as_delegate(going: _Handover) -> None:
    """Whoever is away and had named him gets another delegate of the unit to the same day, or nobody."""
    session, today = going.session, going.at.astimezone(CHINA).date()
    if going.left.id in stands_in(session, today):
        return  # his own delegate acts on: the chain goes through him (R17)
    for one in session.scalars(
        select(Delegation).where(Delegation.delegate_id == going.left.id, Delegation.date_to >= today)
    ):
        first, last = max(one.date_from, today), one.date_to
        absent = session.get_one(Staff, one.staff_id)
        chosen = choose_from(session, absent.department_id, going.at, rated=absent.name)
        if one.date_from >= today:
            session.delete(one)
        else:
            one.date_to = today - timedelta(days=1)
        session.flush()
        if chosen and not closes_a_circle(absent.id, chosen.id, stands_in(session, first)):
            session.add(
                Delegation(
                    staff_id=absent.id, delegate_id=chosen.id, date_from=first, date_to=last,
                    reason=f"{going.left.name}{going.why}", made_by=going.actor, made_at=going.at,
                )
            )  # fmt: skip


def _silence(going: _Handover) -> None:
    """What still waits to be told him has nobody to be told to; the row says so."""
    going.session.execute(
        update(Message)
        .where(Message.userid == going.left.userid, Message.state.in_(("owed", "held")))
        .values(state="suppressed", reason=f"{going.left.name}{going.why}")
    )


def _tell(going: _Handover) -> None:
    """One text to each new holder and one to each supervisor, whatever the number of cases."""
    if not going.given:
        return
    session, left = going.session, going.left
    holders = {heir.id: heir for _, heir in going.given if heir}
    mark = f"left-{left.id}-{int(going.at.timestamp())}"
    for heir in holders.values():
        mine = [(case.number, case.department_id) for case, taker in going.given if taker is heir]
        numbers = [number for number, _ in mine]
        body = words.taken_over(left.name, numbers)
        if heir.department_id != mine[0][1] and mine[0][1]:
            body = words.held_at_desk(session.get_one(Department, mine[0][1]).short_name, numbers)
        owe(
            session, key=f"{mark}-{heir.userid.lower()}", kind="taken_over", userid=heir.userid, body=body,
            at=going.at,
        )  # fmt: skip
    given = [(case.number, heir.name if heir else "（无人）") for case, heir in going.given]
    for userid in userids_with_role(session, Role.SUPERVISOR):
        owe(
            session, key=f"{mark}-supervisor-{userid.lower()}", kind="given_away", userid=userid,
            body=words.given_away(left.name, going.why, given), at=going.at,
        )  # fmt: skip
