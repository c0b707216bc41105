"""Who may make a move on a case now, and which moves that leaves somebody."""

from collections.abc import Set as AbstractSet

from sqlalchemy import select
from sqlalchemy.orm import Session

from reviewbot.actions.start_clock import instructed_in_round
from reviewbot.clock import CHINA
from reviewbot.errors import Conflict, NotAllowed, ReviewbotError
from reviewbot.models.case import Case, CaseEvent
from reviewbot.models.people import Staff
from reviewbot.models.procedure import ApplicationKind
from reviewbot.queries.deciders import may_speak
from reviewbot.queries.procedure import assistances_of, open_assistances, pending_applications
from reviewbot.queries.scope import Viewer
from reviewbot.rules.lifecycle import CITY_WIDE, HANDING_IN, ROLES, Move, Role, moves_from
from reviewbot.rules.routing import is_rated


def check_right(session: Session, case: Case, move: Move, viewer: Viewer) -> None:
    """The actor needs a role for the move; unit roles count only in the department that holds the case now."""
    allowed = ROLES[move]
    if move is Move.HAND_OVER and not _is_held_for_the_unit(session, case):
        allowed -= {Role.DESK}
    upheld = case.closing_kind is not None and case.closing_kind.is_excluded
    if move is Move.REOPEN and upheld and Role.LEADER not in viewer.roles:
        raise NotAllowed(f"工单 {case.number} 的申诉已认定成立，不能由一人推翻：须由领导写明原因重开。")
    if move is Move.ASSIST:
        _check_still_waited_for(session, case, viewer)
    needed = allowed & viewer.roles
    units: set[int | None] = set() if move is Move.ASSIST else {case.department_id}
    if move in (Move.ASSIST, Move.ADD_EVIDENCE):  # what a helper found belongs to the case
        units |= {one.department_id for one in open_assistances(session, case.id)}
    own_unit = viewer.department_id is not None and viewer.department_id in units
    if Role.HANDLER in allowed and _keeps(session, case, viewer):
        needed, own_unit = allowed, True
    if not (needed & CITY_WIDE) and not (needed and own_unit):
        raise NotAllowed(f"您不能对工单 {case.number} 办理「{move.label}」：须由{_who(allowed)}办理。")
    if is_rated(case.review.handled_by, viewer.name, viewer.actor):
        raise NotAllowed(f"工单 {case.number} 评价的正是您本人，不能由您办理。")
    approving = move in {Move.APPROVE, Move.SEND_BACK_MEASURES, Move.SEND_BACK_EXPLANATION}
    if approving and viewer.staff_id is not None and viewer.staff_id == case.handler_id:
        raise NotAllowed(f"工单 {case.number} 由您经办，审核须由另一人作出。")
    if approving and viewer.actor == submitter_of(session, case.review_id):
        raise NotAllowed(f"工单 {case.number} 由您提交，审核须由另一人作出。")


def _check_still_waited_for(session: Session, case: Case, viewer: Viewer) -> None:
    """Whose unit has answered, or is asked no more, is told that: not that somebody else has to do it."""
    mine = [one for one in assistances_of(session, case.id) if one.department_id == viewer.department_id]
    if not mine or any(one.state == "open" for one in mine):
        return
    last = max(mine, key=lambda one: one.id)
    at = f"{last.answered_at.astimezone(CHINA):%m-%d %H:%M}" if last.answered_at else ""
    what = f"您单位已于 {at} 协办答复" if last.state == "done" else f"请您单位的协办已于 {at} 撤销"
    raise Conflict(f"工单 {case.number} {what}，不必再答复。")


def _who(allowed: AbstractSet[Role]) -> str:
    """Those of the unit and those of the city, each by name."""
    groups = (("该单位的", allowed - CITY_WIDE), ("", allowed & CITY_WIDE))
    return "，或".join(
        whose + "、".join(role.label for role in Role if role in roles) for whose, roles in groups if roles
    )


def submitter_of(session: Session, review_id: int) -> str | None:
    """Who handed in, last of all, what the review's case waits to have approved; another approves it (F17)."""
    return session.scalar(
        select(CaseEvent.actor)
        .join(Case, Case.id == CaseEvent.case_id)
        .where(Case.review_id == review_id, CaseEvent.move.in_([move.value for move in HANDING_IN]))
        .order_by(CaseEvent.seq.desc())
        .limit(1)
    )


def _is_held_for_the_unit(session: Session, case: Case) -> bool:
    """Whether the unit had nobody left, so that the desk keeps the case until somebody of the unit can take it."""
    holder = session.get(Staff, case.handler_id) if case.handler_id else None
    return holder is None or holder.department_id != case.department_id


def _keeps(session: Session, case: Case, viewer: Viewer) -> bool:
    """Whoever keeps a case for a unit without anybody has its handler's moves: no unit is a dead end (B22)."""
    mine = viewer.staff_id is not None and viewer.staff_id == case.handler_id
    return mine and not case.status.awaits_bureau and _is_held_for_the_unit(session, case)


def possible_moves(session: Session, case: Case, viewer: Viewer) -> list[Move]:
    """What this person could do now: the table's moves, less those that have no object in this case or that he has no
    right to. What a move asks besides (its window, words, files) is found out only when it is made."""
    idle = _without_object(session, case, viewer)
    return [
        move
        for move in moves_from(case.status)
        if move not in idle and _has_right(session, case, move, viewer)
    ]


def _without_object(session: Session, case: Case, viewer: Viewer) -> set[Move]:
    """Moves the table allows here, but about something this case does not have, or that is not his to decide."""
    explains = case.conclusion is not None and case.conclusion.move is Move.CONCLUDE_UNJUSTIFIED
    idle = {Move.SEND_BACK_MEASURES if explains else Move.SEND_BACK_EXPLANATION}
    pending = {one.kind for one in pending_applications(session, case.id) if may_speak(one, viewer)}
    if ApplicationKind.EXTENSION not in pending:
        idle |= {Move.GRANT_EXTENSION, Move.REFUSE_EXTENSION}
    if ApplicationKind.LEDGER not in pending:
        idle |= {Move.GRANT_LEDGER, Move.REFUSE_LEDGER}
    if ApplicationKind.APPEAL not in pending:
        idle |= {Move.SUPPORT_APPEAL, Move.UPHOLD_APPEAL, Move.REFUSE_APPEAL}
    if case.returned_from_id is None:
        idle |= {Move.REFUSE_RETURN, Move.CONVENE}
    if not open_assistances(session, case.id):
        idle |= {Move.ASSIST, Move.WITHDRAW_ASSISTANCE}
    if not case.ruled:
        idle.add(Move.KEEP_AS_RULE)
    if instructed_in_round(session, case):
        idle.add(Move.INSTRUCT)
    if case.department_id is None:
        idle.add(Move.REOPEN)
    return idle


def _has_right(session: Session, case: Case, move: Move, viewer: Viewer) -> bool:
    try:
        check_right(session, case, move, viewer)
    except ReviewbotError:
        return False
    return True
