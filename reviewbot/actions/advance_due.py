"""Time passes: the rungs of one case whose moment has come; reminders, cards, drafts of letters."""

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, joinedload

from reviewbot.actions.draft_letter import addressee, draft_letter, draft_that_lists, rung_origin
from reviewbot.actions.follow_calendar import follow_calendar
from reviewbot.actions.letter_facts import letter_facts
from reviewbot.actions.notify import tell
from reviewbot.actions.receivers import reminder_of, told_of_rung
from reviewbot.actions.reminded import reminder_kind
from reviewbot.actions.start_clock import ladder_of, next_rung, running
from reviewbot.clock import minute
from reviewbot.models.case import Case, DueTime
from reviewbot.models.chain import append_event
from reviewbot.models.oversight import Card, Letter, LetterKind
from reviewbot.queries.rulebooks import Rulebooks
from reviewbot.rules.ladder import Act, Rung, owed
from reviewbot.rules.lifecycle import Move
from reviewbot.rules.rulebook import Rulebook
from reviewbot.rules.stages import stage_label, stage_name

_MOVES = {
    Act.REMIND: Move.REMIND,
    Act.MARK_OVERDUE: Move.MARK_OVERDUE,
    Act.YELLOW_CARD: Move.ISSUE_CARD,
    Act.RED_CARD: Move.ISSUE_CARD,
    Act.LETTER: Move.DRAFT_LETTER,
    Act.REPORT: Move.DRAFT_LETTER,
}
_LETTERS = {Act.LETTER: LetterKind.SUPERVISION, Act.REPORT: LetterKind.SPECIAL_REPORT}


def advance_due(session: Session, case_id: int, *, now: datetime, rulebooks: Rulebooks) -> bool:
    """Record every rung that has come and let only the gravest speak (R5); False if nothing was due.

    A case locked by a move is left to the next sweep; two schedulers at once are harmless (R7). Cards are issued
    and letters drafted for every rung that was missed, after downtime as for an old order that came late: that
    spares nobody, it only speaks once, to everybody whom a missed rung would have told. The rungs are those of the
    policy the case was born with, in the hands it is in (``ladder_of``); the quiet hours are those in force.
    """
    case = session.scalar(
        select(Case)
        .where(Case.id == case_id, Case.next_action_at <= now)
        .options(joinedload(Case.review))
        .with_for_update(of=Case, skip_locked=True)
    )
    if case is None:
        return False
    follow_calendar(session, case, rulebooks, now=now)
    rulebook, today = rulebooks.of(session, case), rulebooks.on(session, now)
    speaking: list[tuple[Rung, DueTime]] = []
    receivers: list[str] = []
    for due in running(session, case):
        owes = owed(ladder_of(case, due, rulebook), frozenset(due.rungs_done), now)
        for rung in owes.missed:
            _act(session, case, due, rung, now)
            if owes.speaks:
                receivers += told_of_rung(session, case, due.stage, rung, now)
        if owes.speaks:
            speaking.append((owes.speaks, due))
        due.rungs_done = [*due.rungs_done, *(rung.key for rung in owes.missed)]
    if speaking:
        rung, due = max(speaking, key=lambda each: each[0].gravity)
        _speak(session, case, due, rung, receivers, now, today)
    case.next_action_at = next_rung(session, case, rulebook)
    return True


def _act(session: Session, case: Case, due: DueTime, rung: Rung, now: datetime) -> None:
    """What the rung leaves behind, and its event."""
    data: dict[str, Any] = {"stage": due.stage, "rung": rung.key, "round": due.round}
    if rung.act in (Act.YELLOW_CARD, Act.RED_CARD):
        data["card"] = _issue_card(session, case, due, rung, now)
    if rung.act in _LETTERS:
        kind = _LETTERS[rung.act]
        data |= {"letter": _draft(session, case, due, rung, kind, now).id, "kind": kind.value}
    append_event(
        session, case, at=now, actor="system", actor_name="系统", move=_MOVES[rung.act].value,
        before=case.status.value, remark=f"{stage_name(due.stage)}{rung.label}", data=data,
    )  # fmt: skip


def _draft(session: Session, case: Case, due: DueTime, rung: Rung, kind: LetterKind, now: datetime) -> Letter:
    """A letter of its own; of what had passed its rung when it came, one for all that came so that day."""
    facts = letter_facts(session, case, stage=stage_name(due.stage), due_at=due.due_at, now=now)
    if rung.at <= case.opened_at:
        return draft_that_lists(session, kind, case=case, unit=facts["department"], at=now)
    return draft_letter(
        session, kind, origin=rung_origin(case, due, rung), case=case, department_id=addressee(kind, case),
        at=now, by="system", facts=facts,
    )  # fmt: skip


def _issue_card(session: Session, case: Case, due: DueTime, rung: Rung, now: datetime) -> str:
    colour = "yellow" if rung.act is Act.YELLOW_CARD else "red"
    session.execute(
        insert(Card)
        .values(
            case_id=case.id, due_time_id=due.id, department_id=case.department_id, handler_id=case.handler_id,
            colour=colour, reason=f"{stage_label(due.stage)} {minute(due.due_at)} 已过", issued_at=now,
        )
        .on_conflict_do_nothing(index_elements=["due_time_id", "colour"], index_where=Card.withdrawn_at.is_(None))
    )  # fmt: skip
    return colour


def _speak(
    session: Session, case: Case, due: DueTime, rung: Rung, receivers: list[str], now: datetime,
    today: Rulebook,
) -> None:  # fmt: skip
    tell(
        session, case, reminder_kind(due.stage, rung.key), reminder_of(session, case, due.stage, rung), receivers,
        at=now, held_until=today.may_speak_at(rung, now),
    )  # fmt: skip
