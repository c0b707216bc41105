"""A work order's case follows its source: closed there, closed here; what the citizen answered later is taken too.

The records stay as they came (F3): the first one stands, each later one is a row that its case takes up once. Ratings
have no such rows; no source closes them.
"""

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from reviewbot.actions.appeal_card import take_back
from reviewbot.actions.effects.appeals import end_unheard
from reviewbot.actions.effects.closing import close
from reviewbot.actions.effects.joint import leave_nothing_waiting
from reviewbot.actions.follow_calendar import follow_calendar, undue_cards
from reviewbot.actions.live_cards import is_unsent, show_everyone
from reviewbot.actions.open_case import sent_by_source
from reviewbot.actions.reminded import is_settled, reminds_of
from reviewbot.actions.step import MoveIn, Step, Verb
from reviewbot.clock import minute
from reviewbot.models.case import Case
from reviewbot.models.chain import append_event
from reviewbot.models.review import ReviewCopy
from reviewbot.queries.calendars import handling_limits
from reviewbot.queries.endings import ending_of, lock_case_with_news, turns, waiting_copies
from reviewbot.queries.rulebooks import Rulebooks
from reviewbot.queries.scope import SYSTEM
from reviewbot.queries.sent_cards import cards_of
from reviewbot.rules.endings import Ending, Outcome, outcome
from reviewbot.rules.kinds import SATISFACTION
from reviewbot.rules.lifecycle import CaseStatus, ClosingKind, Move, closing_kind, next_status

CLOSED_THERE = "来源已办结，不再发送"


def follow_source(session: Session, review_id: int, *, at: datetime, rulebooks: Rulebooks) -> Case | None:
    """Take up what later records of a work order say of its ending, each once; None where there is none or no case.

    1. Lock the case. 2. An open one is closed by the day its source gives, whatever was under way; nobody is told but
    by the cards they hold. 3. An answer that came after the closing is taken. 4. What contradicts an earlier word, or
    was closed before people opened the case again, changes nothing: an event says so.
    """
    case = lock_case_with_news(session, review_id)
    if case is None:
        return None
    follow_calendar(session, case, rulebooks, now=at)
    step = Step(session, case, MoveIn(Verb.REMARK, case.number), SYSTEM, at, rulebooks.of(session, case))
    for copy in waiting_copies(session, review_id):
        told = ending_of(copy)
        here = Ending(case.closed_at, case.satisfaction) if not case.status.is_open else Ending()
        reopened_at, by_source = turns(session, case.id)
        copy.outcome = made = outcome(here, told, by_source=by_source, reopened_at=reopened_at)
        step.data = {"copy": copy.id, "batch": copy.batch_id} | _as_data(told)
        match made:
            case Outcome.CLOSED if told.closed_at:
                _close(step, copy, told, told.closed_at)
            case Outcome.SATISFACTION:
                case.satisfaction = told.satisfaction
                _event(step, Move.TAKE_SATISFACTION, case.status, copy, told)
            case Outcome.CONTRADICTS:
                _event(step, Move.NOTE_SOURCE, case.status, copy, told)
        session.flush()
    return case


def _close(step: Step, copy: ReviewCopy, told: Ending, closed_at: datetime) -> None:
    case, before = step.case, step.case.status
    after = next_status(case.number, before, Move.CLOSE_BY_SOURCE)
    undue = undue_cards(step.session, case, handling_limits(step.session, case), step.rulebook, closed_at)
    if before is CaseStatus.APPEALED:
        end_unheard(step)
    leave_nothing_waiting(step)
    if case.dispatched_at is None:
        sent_by_source(case, step.rulebook)
    upheld = case.conclusion is not None and case.conclusion.is_appeal
    kind = closing_kind(case.conclusion) if upheld else ClosingKind.ANSWERED
    case.status = after
    close(step, kind, closed_at, told.satisfaction, quietly=True)
    step.data["closing_kind"] = kind.value
    _event(step, Move.CLOSE_BY_SOURCE, before, copy, told)
    for card in undue:  # its rung came when the order was closed already
        take_back(step.session, card, case, f"来源已于 {minute(closed_at)} 办结", SYSTEM, at=step.at)
    step.session.flush()
    _keep_back_what_is_idle(step)
    show_everyone(step.session, case, Move.CLOSE_BY_SOURCE, SYSTEM, at=step.at)


def _keep_back_what_is_idle(step: Step) -> None:
    """Cards that nobody has begun to send ask for nothing any more; a closing of a thousand orders tells nobody."""
    for row in cards_of(step.session, step.case.id):
        about = reminds_of(row)
        idle = is_settled(step.session, about) if about else bool(row.body.get("state"))
        if idle and is_unsent(row):
            row.state, row.reason = "suppressed", CLOSED_THERE
    step.session.flush()


def _event(step: Step, move: Move, before: CaseStatus, copy: ReviewCopy, told: Ending) -> None:
    """Names the delivery: which source, when it came, the number of its batch."""
    answer = f"，回访{SATISFACTION.get(told.satisfaction, told.satisfaction)}" if told.satisfaction else ""
    said = f"{minute(told.closed_at)} 办结{answer}" if told.closed_at else "未办结"
    came = f"{step.case.review.source} {minute(copy.received_at)} 送达的记录（第 {copy.batch_id} 批）"
    aside = "；与先前所报或本单办理情况不一致，未采用，请核实" if move is Move.NOTE_SOURCE else ""
    append_event(
        step.session, step.case, at=step.at, actor=SYSTEM.actor, actor_name=SYSTEM.name, move=move.value,
        before=before.value, data=step.data,
        remark=f"{came}：{said}{aside}",
    )  # fmt: skip


def _as_data(told: Ending) -> dict[str, Any]:
    closed_at = told.closed_at.isoformat() if told.closed_at else None
    return {"closed_at": closed_at, "satisfaction": told.satisfaction}
