"""What somebody can no longer hold goes to others at once: he left, moved or lost his role; no clock moves (W25, B22).

Whoever changes people looks first (``standing``), changes everybody, and hands on at the end, so that nothing goes
by way of somebody who is going too.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, select, true, update
from sqlalchemy.orm import Session, joinedload

from reviewbot.actions.hand_on_problems import hand_on_problems
from reviewbot.actions.live_cards import show_everyone
from reviewbot.actions.notify import facts_of, helpers_of, tell
from reviewbot.clock import CHINA
from reviewbot.models.case import Case
from reviewbot.models.chain import append_event
from reviewbot.models.message import Message
from reviewbot.models.people import Delegation, Department, Staff
from reviewbot.models.procedure import Assistance
from reviewbot.outbox import owe
from reviewbot.queries.delegates import acting_member, first_circle
from reviewbot.queries.directory import choose_from, choose_holder, userids_with_role
from reviewbot.queries.handovers import Before, cases_losing_holder, tasks_losing_holder, works_in
from reviewbot.queries.scope import Viewer
from reviewbot.rules import directory_words as words
from reviewbot.rules.lifecycle import Move, Role
from reviewbot.rules.notices import assist
from reviewbot.rules.routing import is_rated

NO_LONGER_WORKS = "不再任经办或单位负责人"


@dataclass
class _Handover:
    """One person's going, as far as it has come."""

    session: Session
    before: Before
    why: str
    at: datetime
    actor: str
    actor_name: str
    given: list[tuple[Case, Staff | None]] = field(default_factory=list)
    tasks: list[Assistance] = field(default_factory=list)

    @property
    def left(self) -> Staff:
        return self.before.staff


def standing(session: Session, staff: Staff, *, at: datetime) -> Before:
    """Somebody as he stands now, to be kept until he has been changed."""
    acting = acting_member(session, staff.id, at.astimezone(CHINA).date()) if staff.active else None
    return Before(
        staff,
        staff.department_id,
        worked=works_in(staff, staff.department_id),
        headed=staff.active and Role.HEAD in staff.roles,
        delegate=acting if acting is not staff else None,
    )


def hand_on(
    session: Session,
    before: Before,
    why: str,
    *,
    at: datetime,
    actor: str = "system",
    actor_name: str = "系统",
) -> list[str]:
    """Give to others what he cannot hold as he stands now; the numbers of the cases. His problems go the same way.

    Each goes to his delegate, else to whom the unit's rule chooses (duty roster, load, head), else to the bureau's
    desk, and never to the person rated (F10). Where he can hold all that he has, nothing happens.
    """
    session.flush()
    going = _Handover(session, before, why, at, actor, actor_name)
    for case in cases_losing_holder(session, before):
        _give(going, case)
    for task in tasks_losing_holder(session, before):
        _give_task(going, task)
    hand_on_problems(session, before, why, at=at, actor=actor, actor_name=actor_name)
    if before.stands_in_no_more:
        _replace_as_delegate(going)
    _silence(going)
    _tell(going)
    session.flush()
    by = Viewer(name=actor_name, actor=actor, roles=frozenset())
    for case, _ in going.given:
        show_everyone(session, case, Move.HAND_OVER, by, at=at, former=going.left.userid)
    return [case.number for case, _ in going.given]


def _give(going: _Handover, case: Case) -> None:
    session, rated, heir = going.session, case.review.handled_by, going.before.delegate
    if heir is None or not works_in(heir, case.department_id) or is_rated(rated, heir.name, heir.userid):
        heir = choose_holder(session, case.department_id or 0, going.at, rated=rated)
    case.handler_id = heir.id if heir else None
    append_event(
        session, case, at=going.at, actor=going.actor, actor_name=going.actor_name, move=Move.HAND_OVER.value,
        before=case.status.value, remark=f"{going.left.name}{going.why}",
        data={"from": going.left.userid, "to": heir.userid if heir else None},
    )  # fmt: skip
    session.flush()  # the next choice counts this one as load
    going.given.append((case, heir))


def _give_task(going: _Handover, task: Assistance) -> None:
    """A sub-task of another unit's case: who has it now is told as when it was asked for (F15)."""
    session, at = going.session, going.at
    case = session.get_one(Case, task.case_id, options=[joinedload(Case.review)], populate_existing=True)
    person = choose_from(session, task.department_id, at, rated=case.review.handled_by)
    task.handler_id = person.id if person else None
    going.tasks.append(task)
    unit = session.get_one(Department, task.department_id)
    body = assist(facts_of(session, case), unit.short_name, task.task, task.due_at.astimezone(CHINA))
    tell(session, case, "assist", body, helpers_of(session, task, at), at=at)


def _replace_as_delegate(going: _Handover) -> None:
    """Whoever had named him gets another delegate of the unit to the same day, his own before others, or nobody; who
    went to another unit is represented there by nobody of the old one."""
    session, left, today = going.session, going.left, going.at.astimezone(CHINA).date()
    if going.before.moved:
        for one in _delegations(session, Delegation.staff_id == left.id, today):
            _end(session, one, today)
    for one in _delegations(session, Delegation.delegate_id == left.id, today):
        absent = session.get_one(Staff, one.staff_id)
        first, last = max(one.date_from, today), one.date_to
        _end(session, one, today)
        other = _other_delegate(going, absent, first, last)
        if absent.active and other is not None:
            session.add(
                Delegation(
                    staff_id=absent.id, delegate_id=other, date_from=first, date_to=last,
                    reason=f"{left.name}{going.why}", made_by=going.actor, made_at=going.at,
                )
            )  # fmt: skip
            session.flush()


def _delegations(session: Session, whose: ColumnElement[bool], today: date) -> Sequence[Delegation]:
    return session.scalars(
        select(Delegation).where(whose, Delegation.date_to >= today).order_by(Delegation.id)
    ).all()


def _end(session: Session, one: Delegation, today: date) -> None:
    if one.date_from >= today:
        session.delete(one)
    else:
        one.date_to = today - timedelta(days=1)
    session.flush()


def _other_delegate(going: _Handover, absent: Staff, first: date, last: date) -> int | None:
    """Somebody of the absent one's unit by whom his work comes back to him on no day of the whole stretch (R17)."""
    session, own = going.session, going.before.delegate
    candidate = own.id if own is not None and works_in(own, absent.department_id) else None
    tried = {absent.id}
    while True:
        if candidate is None or candidate in tried:
            chosen = choose_from(session, absent.department_id, going.at, rated=None, without=tried)
            if chosen is None:
                return None
            candidate = chosen.id
        if first_circle(session, absent.id, candidate, first, last) is None:
            return candidate
        tried.add(candidate)


def _silence(going: _Handover) -> None:
    """What still waits to be told him of what he no longer has is told to nobody; the row says so."""
    left = going.left
    lost = [case.id for case, _ in going.given] + [task.case_id for task in going.tasks]
    of_it = Message.case_id.in_(lost) if left.active else true()
    going.session.execute(
        update(Message)
        .where(Message.userid == left.userid, Message.state.in_(("owed", "held")), of_it)
        .values(state="suppressed", reason=f"{left.name}{going.why}")
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
