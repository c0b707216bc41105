"""The one door through which people move a case: checked by the table, stored with its event and messages."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from reviewbot.actions.effects import EFFECTS
from reviewbot.actions.follow_calendar import follow_calendar
from reviewbot.actions.live_cards import show_everyone
from reviewbot.actions.rights import check_right
from reviewbot.actions.step import MoveIn, Step, Verb
from reviewbot.errors import Conflict, InvalidInput, NotFound
from reviewbot.models.case import Case
from reviewbot.models.chain import append_event
from reviewbot.models.procedure import ApplicationKind
from reviewbot.queries.cases import find_case, lock_case
from reviewbot.queries.procedure import pending_application, pending_applications
from reviewbot.queries.rulebooks import Rulebooks
from reviewbot.queries.scope import Viewer
from reviewbot.rules.lifecycle import ROLES, CaseStatus, Conclusion, Move, next_status
from reviewbot.rules.rulebook import Rulebook


@dataclass(frozen=True)
class Moved:
    """What came of a move: the sentence echoes the case and its new state."""

    case_id: int
    number: str
    move: Move
    status: CaseStatus
    sentence: str


def make_move(
    session: Session, asked: MoveIn, viewer: Viewer, *, at: datetime, rulebooks: Rulebooks
) -> Moved:
    """Make one move on one case.

    1. Lock the case; who may not see it learns nothing of it. 2. A card of an earlier round is stale.
    3. The table says whether the status allows the move. 4. The actor's right. 5. The move's own conditions
    and effects. 6. One event; the messages owed; every card of this case shows it. The case's own policy decides
    throughout. Raises NotFound, Conflict, IllegalMove, NotAllowed, InvalidInput, each with one Chinese sentence.
    """
    case = lock_case(session, asked.number)
    if case is None or find_case(session, asked.number, viewer) is None:
        raise NotFound(f"没有工单 {asked.number}，或您无权查看。")
    if asked.round is not None and asked.round != case.round:
        raise Conflict(f"这张卡片已过时：工单 {case.number} 现为「{case.status.label}」。")
    follow_calendar(session, case, rulebooks, now=at)
    before, rulebook = case.status, rulebooks.of(session, case)
    move = _table_move(session, case, asked, rulebook)
    after = next_status(case.number, before, move)
    check_right(session, case, move, viewer)
    step = Step(session, case, asked, viewer, at, rulebook)
    if absent := viewer.in_place_of(ROLES[move]):
        step.data["in_place_of"] = absent
    EFFECTS[move].prepare(step)
    if move not in _DISPATCHING:  # dispatching writes its own event: routing does it without a person too
        case.status = after
        append_event(
            session, case, at=at, actor=viewer.actor, actor_name=viewer.name, move=move.value,
            before=before.value, remark=asked.remark, data=step.data,
        )  # fmt: skip
    EFFECTS[move].finish(step)
    session.flush()
    show_everyone(session, case, move, viewer, at=at, former=step.data.get("from"), typed=asked.round is None)
    extra = f"（{step.said}）" if step.said else ""
    return Moved(
        case.id,
        case.number,
        move,
        case.status,
        f"工单 {case.number} 已{move.label}，现为「{case.status.label}」{extra}。",
    )


_DISPATCHING = frozenset({Move.DISPATCH, Move.REFUSE_RETURN, Move.RULE})
_DECISIONS = {
    ApplicationKind.EXTENSION: (Move.GRANT_EXTENSION, Move.REFUSE_EXTENSION),
    ApplicationKind.LEDGER: (Move.GRANT_LEDGER, Move.REFUSE_LEDGER),
}
_SPOKEN = {ApplicationKind.EXTENSION: "延期", ApplicationKind.LEDGER: "台账"}


def _table_move(session: Session, case: Case, asked: MoveIn, rulebook: Rulebook) -> Move:
    """Which move of the table a verb means here."""
    verb = asked.verb
    if case.status is CaseStatus.APPEALED:  # approving an appeal is agreeing to it
        verb = {Verb.APPROVE: Verb.AGREE, Verb.SEND_BACK: Verb.DISAGREE}.get(verb, verb)
    match verb:
        case Verb.CONCLUDE:
            return (asked.conclusion or Conclusion.JUSTIFIED).move
        case Verb.SEND_BACK:
            explains = case.conclusion and case.conclusion.move is Move.CONCLUDE_UNJUSTIFIED
            return Move.SEND_BACK_EXPLANATION if explains else Move.SEND_BACK_MEASURES
        case Verb.RETURN:
            again = case.return_count >= rulebook.policy.returns.before_arbitration
            return Move.RETURN_AGAIN if again else Move.RETURN
        case Verb.AGREE | Verb.DISAGREE:
            return _decision(session, case, asked, agreed=verb is Verb.AGREE)
        case _:
            return Move(verb.value)


def _decision(session: Session, case: Case, asked: MoveIn, *, agreed: bool) -> Move:
    """Which of the applications that wait is meant; with two and no name the word is asked back, never guessed."""
    if case.status is CaseStatus.APPEALED:
        appeal = pending_application(session, case.id, ApplicationKind.APPEAL)
        last = appeal is None or len(appeal.decisions) + 1 >= appeal.deciders
        if not agreed:
            return Move.REFUSE_APPEAL
        return Move.UPHOLD_APPEAL if last else Move.SUPPORT_APPEAL
    waiting = [one.kind for one in pending_applications(session, case.id) if one.kind in _DECISIONS]
    if asked.application:
        named = ApplicationKind(asked.application)
        if named not in waiting:
            raise Conflict(f"工单 {case.number} 没有待决定的{named.label}。")
        waiting = [named]
    if not waiting:
        raise Conflict(f"工单 {case.number} 没有待决定的申请。")
    if len(waiting) > 1:
        word = "同意" if agreed else "不同意"
        names = "、".join(kind.label for kind in waiting)
        ways = "」或「".join(
            f"{word} {case.number} {_SPOKEN[kind]}{'' if agreed else ' 原因'}" for kind in waiting
        )
        raise InvalidInput(f"工单 {case.number} 有{names}待决定，请写明决定哪一项。", typed=f"「{ways}」")
    return _DECISIONS[waiting[0]][0 if agreed else 1]
