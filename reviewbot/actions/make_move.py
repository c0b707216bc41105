"""The one door through which people move a case: checked by the table, stored with its event and messages."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy.orm import Session

from reviewbot.actions.move_effects import EFFECTS
from reviewbot.errors import Conflict, NotAllowed, NotFound
from reviewbot.models.case import Case
from reviewbot.models.chain import append_event
from reviewbot.queries.cases import find_case, lock_case
from reviewbot.queries.scope import Viewer
from reviewbot.rules.lifecycle import (
    CITY_WIDE,
    ROLES,
    CaseStatus,
    Conclusion,
    Move,
    Role,
    next_status,
)
from reviewbot.rules.routing import is_rated
from reviewbot.rules.rulebook import Rulebook


class Verb(StrEnum):
    """What people say; some verbs split into two moves of the table by what they carry."""

    DISPATCH = "dispatch"
    SIGN = "sign"
    RETURN = "return"
    RECORD_CALL = "record_call"
    CONCLUDE = "conclude"
    SUBMIT_MEASURES = "submit_measures"
    SUBMIT_EXPLANATION = "submit_explanation"
    APPROVE = "approve"
    SEND_BACK = "send_back"
    RECORD_FEEDBACK = "record_feedback"
    REOPEN = "reopen"


@dataclass(frozen=True)
class MoveIn:
    """A move as asked for. ``round``: the round of the card that was pressed, None when typed."""

    verb: Verb
    number: str
    remark: str = ""
    department: str | None = None
    conclusion: Conclusion | None = None
    complex: bool = False
    reached: bool | None = None
    basis: str = ""
    channel: str = ""
    no_attachment: bool = False
    round: int | None = None


@dataclass(frozen=True)
class Moved:
    """What came of a move: the sentence echoes the case and its new state."""

    case_id: int
    number: str
    status: CaseStatus
    sentence: str


@dataclass
class Step:
    """One move under way: what the effects of a move may look at and add to."""

    session: Session
    case: Case
    asked: MoveIn
    viewer: Viewer
    at: datetime
    rulebook: Rulebook
    data: dict[str, Any] = field(default_factory=dict)
    said: str = ""


def make_move(session: Session, asked: MoveIn, viewer: Viewer, *, at: datetime, rulebook: Rulebook) -> Moved:
    """Make one move on one case.

    1. Lock the case; who may not see it learns nothing of it. 2. A card of an earlier round is stale.
    3. The table says whether the status allows the move. 4. The actor's right. 5. The move's own conditions
    and effects. 6. One event; the messages owed. Raises NotFound, Conflict, IllegalMove, NotAllowed,
    InvalidInput, each with one Chinese sentence.
    """
    case = lock_case(session, asked.number)
    if case is None or find_case(session, asked.number, viewer) is None:
        raise NotFound(f"没有工单 {asked.number}，或您无权查看。")
    if asked.round is not None and asked.round != case.round:
        raise Conflict(f"这张卡片已过时：工单 {case.number} 现为「{case.status.label}」。")
    before = case.status
    move = _table_move(case, asked)
    after = next_status(case.number, before, move)
    check_right(case, move, viewer)
    step = Step(session, case, asked, viewer, at, rulebook)
    EFFECTS[move].prepare(step)
    if move is not Move.DISPATCH:  # dispatching writes its own event: routing does it without a person too
        case.status = after
        append_event(
            session, case, at=at, actor=viewer.actor, actor_name=viewer.name, move=move.value,
            before=before.value, remark=asked.remark, data=step.data,
        )  # fmt: skip
    EFFECTS[move].finish(step)
    session.flush()
    extra = f"（{step.said}）" if step.said else ""
    return Moved(
        case.id,
        case.number,
        case.status,
        f"工单 {case.number} 已{move.label}，现为「{case.status.label}」{extra}。",
    )


def _table_move(case: Case, asked: MoveIn) -> Move:
    match asked.verb:
        case Verb.CONCLUDE:
            return (asked.conclusion or Conclusion.JUSTIFIED).move
        case Verb.SEND_BACK:
            explains = case.conclusion and case.conclusion.move is Move.CONCLUDE_UNJUSTIFIED
            return Move.SEND_BACK_EXPLANATION if explains else Move.SEND_BACK_MEASURES
        case _:
            return Move(asked.verb.value)


def check_right(case: Case, move: Move, viewer: Viewer) -> None:
    """The actor needs a role for the move; unit roles count only in the department that holds the case now."""
    needed = ROLES[move] & viewer.roles
    own_unit = viewer.department_id is not None and viewer.department_id == case.department_id
    if not (needed & CITY_WIDE) and not (needed and own_unit):
        who = "、".join(role.label for role in Role if role in ROLES[move])
        raise NotAllowed(f"您不能{move.label}工单 {case.number}：须由该单位的{who}办理。")
    if is_rated(case.review.handled_by, viewer.name, viewer.actor):
        raise NotAllowed(f"工单 {case.number} 评价的正是您本人，不能由您办理。")
    approving = move in {Move.APPROVE, Move.SEND_BACK_MEASURES, Move.SEND_BACK_EXPLANATION}
    if approving and viewer.staff_id is not None and viewer.staff_id == case.handler_id:
        raise NotAllowed(f"工单 {case.number} 由您经办，审核须由另一人作出。")
    if approving and case.conclusion is Conclusion.MISRATED and Role.SUPERVISOR not in viewer.roles:
        raise NotAllowed(f"工单 {case.number} 认定为误评，须由督办复核。")
