"""A yellow or red card contested: appealed by its unit, decided by people outside it, or taken back (F13, F18)."""

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from reviewbot.actions.notify import facts_of, tell, worker_of
from reviewbot.actions.start_clock import meet, next_rung, start_clock
from reviewbot.errors import Conflict, InvalidInput, NotAllowed, NotFound
from reviewbot.models.case import Case
from reviewbot.models.chain import append_event
from reviewbot.models.oversight import Card
from reviewbot.models.people import Department
from reviewbot.models.procedure import Application, ApplicationKind, ApplicationState, Decision
from reviewbot.queries.cards import appeal_of_card, find_card
from reviewbot.queries.cases import lock_case
from reviewbot.queries.deciders import IN_TURN, lies_with, may_speak
from reviewbot.queries.delegates import acting_heads
from reviewbot.queries.directory import staff_by_userid
from reviewbot.queries.rulebooks import Rulebooks
from reviewbot.queries.scope import Viewer
from reviewbot.rules.lifecycle import Move, Role
from reviewbot.rules.notices import card_appealed, card_settled
from reviewbot.rules.stages import CARD_DECISION

REASON_LIMIT = 500
APPEALING = frozenset({Role.HANDLER, Role.HEAD})
DECIDING = frozenset(IN_TURN)


def appeal_card(
    session: Session, ident: int, reason: str, viewer: Viewer, *, at: datetime, rulebooks: Rulebooks
) -> str:
    """The carded unit says why; the card stands until as many people outside the unit
    agree as the case's policy says, and one appeal
    is all there is. Raises NotFound, NotAllowed, InvalidInput, Conflict."""
    card, case = _lock(session, ident, viewer)
    if not may_appeal(card, viewer):
        raise NotAllowed(f"{card.label}由被发牌单位的经办或负责人申诉。")
    reason = _written(reason, "申诉须写明理由。")
    _standing(card, case)
    if (earlier := appeal_of_card(session, card.id)) is not None:
        raise Conflict(f"工单 {case.number} 的{card.label}已申诉过（{earlier.state.label}），不能再次申诉。")
    rulebook = rulebooks.of(session, case)
    deciders = rulebook.policy.appeals.deciders
    application = Application(
        case_id=case.id, round=case.round, kind=ApplicationKind.CARD_APPEAL, subject=card.id, ground="",
        reason=reason, data={"colour": card.colour}, asked_by=viewer.actor, asked_name=viewer.name,
        department_id=card.department_id, asked_at=at, deciders=deciders, state=ApplicationState.PENDING,
        decisions=[],
    )  # fmt: skip
    session.add(application)
    session.flush()
    start_clock(session, case, f"{CARD_DECISION}{application.id}", at, rulebook, limit="decision")
    case.next_action_at = next_rung(session, case, rulebook)
    _event(session, card, case, Move.APPEAL_CARD, reason, viewer, at, application=application.id)
    _ask_deciders(session, card, case, application, reason, at)
    return f"工单 {case.number} 的{card.label}已申诉，须由单位以外 {deciders} 人同意。"


def decide_card_appeal(
    session: Session, ident: int, agreed: bool, remark: str, viewer: Viewer, *, at: datetime
) -> str:
    """One person's word: one refusal and the card stays, the last agreement needed and it is withdrawn."""
    card, case = _lock(session, ident, viewer)
    appeal = appeal_of_card(session, card.id)
    if appeal is None or appeal.state is not ApplicationState.PENDING:
        raise Conflict(f"工单 {case.number} 的{card.label}没有待决定的申诉。")
    if not may_decide(appeal, viewer):
        raise NotAllowed(f"{card.label}申诉须由被发牌单位以外的督办、领导或派单员决定，每人一次。")
    if not agreed:
        remark = _written(remark, "不同意申诉须写明原因。")
    appeal.decisions.append(
        Decision(actor=viewer.actor, actor_name=viewer.name, at=at, agreed=agreed, remark=remark.strip())
    )
    if not agreed:
        _settle(session, case, appeal, ApplicationState.REFUSED, at)
        _event(session, card, case, Move.KEEP_CARD, remark, viewer, at, application=appeal.id)
        _tell_unit(session, card, case, "申诉未获同意", remark, at, appeal)
        return f"工单 {case.number} 的{card.label}维持不变。"
    left = appeal.deciders - len(appeal.decisions)
    if left > 0:
        _event(
            session, card, case, Move.SUPPORT_CARD_APPEAL, remark.strip(), viewer, at, application=appeal.id
        )
        _ask_deciders(session, card, case, appeal, f"{viewer.name}已同意，请作第二人复核", at)
        return f"您已同意工单 {case.number} 的{card.label}申诉，还须另外 {left} 人同意。"
    _settle(session, case, appeal, ApplicationState.GRANTED, at)
    _withdraw(session, card, case, f"申诉成立：{appeal.reason}", viewer, at, appeal)
    return f"工单 {case.number} 的{card.label}申诉成立，已撤回。"


def _ask_deciders(
    session: Session, card: Card, case: Case, appeal: Application, what: str, at: datetime
) -> None:
    """Whoever the appeal lies with now: those of the first role with anybody left."""
    unit = session.get_one(Department, card.department_id).short_name
    body = card_appealed(facts_of(session, case), card.label, unit, what)
    tell(session, case, "card_appealed", body, lies_with(session, appeal.id), at=at)


def withdraw_card(session: Session, ident: int, reason: str, viewer: Viewer, *, at: datetime) -> str:
    """A supervisor takes a card back with a reason; the row stays, and an appeal that still waits lapses."""
    card, case = _lock(session, ident, viewer)
    if not may_withdraw(card, viewer):
        raise NotAllowed(f"{card.label}由被发牌单位以外的督办人员撤回。")
    reason = _written(reason, "撤回须写明原因。")
    _standing(card, case)
    take_back(session, card, case, reason, viewer, at=at)
    return f"工单 {case.number} 的{card.label}已撤回。"


def take_back(session: Session, card: Card, case: Case, reason: str, viewer: Viewer, *, at: datetime) -> None:
    """Withdraw a standing card of a locked case; its unit hears why."""
    appeal = appeal_of_card(session, card.id)
    if appeal is not None and appeal.state is ApplicationState.PENDING:
        _settle(session, case, appeal, ApplicationState.LAPSED, at)
    _withdraw(session, card, case, reason, viewer, at, appeal)


def _settle(session: Session, case: Case, appeal: Application, state: ApplicationState, at: datetime) -> None:
    appeal.state, appeal.settled_at = state, at
    meet(session, case, f"{CARD_DECISION}{appeal.id}", at)


def may_appeal(card: Card, viewer: Viewer) -> bool:
    """Whether this person speaks for the carded unit."""
    return bool(viewer.roles & APPEALING) and viewer.department_id == card.department_id


def may_decide(appeal: Application, viewer: Viewer) -> bool:
    """Somebody outside the carded unit who has not spoken yet (F13)."""
    return bool(viewer.roles & DECIDING) and may_speak(appeal, viewer)


def may_withdraw(card: Card, viewer: Viewer) -> bool:
    """A supervisor, but not of the carded unit."""
    return Role.SUPERVISOR in viewer.roles and viewer.department_id != card.department_id


def _lock(session: Session, ident: int, viewer: Viewer) -> tuple[Card, Case]:
    """The card under the lock of its case: whoever comes second sees what the first has done."""
    found = find_card(session, ident, viewer)
    case = lock_case(session, found[1]) if found else None
    if found is None or case is None:
        raise NotFound("没有这张警示牌，或您无权查看。")
    card = found[0]
    session.refresh(card)
    return card, case


def _written(words: str, sentence: str) -> str:
    words = words.strip()
    if not words:
        raise InvalidInput(sentence)
    if len(words) > REASON_LIMIT:
        raise InvalidInput(f"理由不能超过 {REASON_LIMIT} 字。")
    return words


def _standing(card: Card, case: Case) -> None:
    if card.withdrawn_at is not None:
        raise Conflict(f"工单 {case.number} 的{card.label}已经撤回。")


def _withdraw(
    session: Session, card: Card, case: Case, reason: str, viewer: Viewer, at: datetime,
    appeal: Application | None,
) -> None:  # fmt: skip
    card.withdrawn_at, card.withdrawn_reason = at, reason
    _event(session, card, case, Move.WITHDRAW_CARD, reason, viewer, at)
    _tell_unit(session, card, case, "已撤回", reason, at, appeal)


def _event(
    session: Session, card: Card, case: Case, move: Move, remark: str, viewer: Viewer, at: datetime,
    **more: int,
) -> None:  # fmt: skip
    data: dict[str, Any] = {"card": card.colour, "card_id": card.id, **more}
    if absent := viewer.in_place_of([Role.HEAD] if move is Move.APPEAL_CARD else DECIDING):
        data["in_place_of"] = absent
    append_event(
        session, case, at=at, actor=viewer.actor, actor_name=viewer.name, move=move.value,
        before=case.status.value, remark=remark, data=data,
    )  # fmt: skip
    session.flush()


def _tell_unit(
    session: Session, card: Card, case: Case, outcome: str, reason: str, at: datetime,
    appeal: Application | None,
) -> None:  # fmt: skip
    """The heads of the carded unit, who had the case then, and whoever appealed."""
    holder = worker_of(session, card.handler_id, card.department_id, at)
    receivers = [*acting_heads(session, card.department_id, at), *holder]
    if appeal is not None and staff_by_userid(session, appeal.asked_by) is not None:
        receivers.append(appeal.asked_by)
    body = card_settled(facts_of(session, case), card.label, outcome, reason)
    tell(session, case, "card_settled", body, receivers, at=at)
