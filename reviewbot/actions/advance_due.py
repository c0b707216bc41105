"""Time passes: the rungs of one case whose moment has come; reminders, cards, drafts of letters."""

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, joinedload

from reviewbot.actions.draft_letter import addressee, draft_letter
from reviewbot.actions.effects.joint import SUB_TASK
from reviewbot.actions.letter_facts import letter_facts
from reviewbot.actions.notify import facts_of, handler_of, next_hands, tell, worker_of
from reviewbot.actions.start_clock import next_rung, running
from reviewbot.clock import CHINA
from reviewbot.models.case import Case, DueTime
from reviewbot.models.chain import append_event
from reviewbot.models.oversight import Card, LetterKind
from reviewbot.models.procedure import Assistance
from reviewbot.queries.delegates import acting_heads
from reviewbot.queries.directory import userids_with_role
from reviewbot.rules.ladder import Act, Rung, owed
from reviewbot.rules.lifecycle import CaseStatus, Move, Role
from reviewbot.rules.notices import reminder
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


def advance_due(session: Session, case_id: int, *, now: datetime, rulebook: Rulebook) -> bool:
    """Record every rung that has come and let only the gravest speak (R5); False if nothing was due.

    A case locked by a move is left to the next sweep; two schedulers at once are harmless (R7). Cards are issued
    and letters drafted for every rung that was missed, after downtime as for an old order that came late: that
    spares nobody, it only speaks once, to everybody whom a missed rung would have told.
    """
    case = session.scalar(
        select(Case)
        .where(Case.id == case_id, Case.next_action_at <= now, Case.status != CaseStatus.CLOSED)
        .options(joinedload(Case.review))
        .with_for_update(of=Case, skip_locked=True)
    )
    if case is None:
        return False
    speaking: list[tuple[Rung, DueTime]] = []
    receivers: list[str] = []
    for due in running(session, case):
        ladder = rulebook.rungs(due.stage, due.started_at, due.due_at)
        owes = owed(ladder, frozenset(due.rungs_done), now)
        for rung in owes.missed:
            _act(session, case, due, rung, now)
            if owes.speaks:
                receivers += _receivers(session, case, due, rung, now)
        if owes.speaks:
            speaking.append((owes.speaks, due))
        due.rungs_done = [*due.rungs_done, *(rung.key for rung in owes.missed)]
    if speaking:
        rung, due = max(speaking, key=lambda each: each[0].gravity)
        _speak(session, case, due, rung, receivers, now, rulebook)
    case.next_action_at = next_rung(session, case, rulebook)
    return True


def _act(session: Session, case: Case, due: DueTime, rung: Rung, now: datetime) -> None:
    """What the rung leaves behind, and its event."""
    data: dict[str, Any] = {"stage": due.stage, "rung": rung.key, "round": due.round}
    if rung.act in (Act.YELLOW_CARD, Act.RED_CARD) and case.department_id is not None:
        data["card"] = _issue_card(session, case, due, rung, now)
    if rung.act in _LETTERS:
        kind = _LETTERS[rung.act]
        letter = draft_letter(
            session, kind, origin=f"{case.number}-r{due.round}-{due.stage}-{rung.key}", case=case,
            department_id=addressee(kind, case), at=now, by="system",
            facts=letter_facts(session, case, stage=stage_name(due.stage), due_at=due.due_at, now=now),
        )  # fmt: skip
        data["letter"] = letter.id
    append_event(
        session, case, at=now, actor="system", actor_name="系统", move=_MOVES[rung.act].value,
        before=case.status.value, remark=f"{stage_name(due.stage)}{rung.label}", data=data,
    )  # fmt: skip


def _issue_card(session: Session, case: Case, due: DueTime, rung: Rung, now: datetime) -> str:
    colour = "yellow" if rung.act is Act.YELLOW_CARD else "red"
    session.execute(
        insert(Card)
        .values(
            case_id=case.id, due_time_id=due.id, department_id=case.department_id, handler_id=case.handler_id,
            colour=colour, reason=f"{stage_label(due.stage)} {_moment(due.due_at)} 已过", issued_at=now,
        )
        .on_conflict_do_nothing(index_elements=["due_time_id", "colour"])
    )  # fmt: skip
    return colour


def _moment(at: datetime) -> str:
    return f"{at.astimezone(CHINA):%Y-%m-%d %H:%M}"


def _speak(
    session: Session, case: Case, due: DueTime, rung: Rung, receivers: list[str], now: datetime,
    rulebook: Rulebook,
) -> None:  # fmt: skip
    label = f"{stage_name(due.stage)}{rung.label}"
    title = {Act.REMIND: "催办", Act.MARK_OVERDUE: "超期"}.get(rung.act, rung.label)
    body = reminder(facts_of(session, case), label, title=title)
    tell(
        session, case, f"reminder_{due.stage}_{rung.key}", body, receivers, at=now,
        held_until=rulebook.may_speak_at(rung, now),
    )  # fmt: skip


def _receivers(session: Session, case: Case, due: DueTime, rung: Rung, now: datetime) -> list[str]:
    """Whom the ladder names; where it names nobody, or the bureau has the case, who owes the next step.

    What is overdue also reaches the head of the unit."""
    if due.stage.startswith(SUB_TASK):
        return _helpers(session, due, rung, now)
    found = _places(session, case, rung, now)
    if not found or case.status.awaits_bureau:
        found += next_hands(session, case, now)
    if rung.act is Act.MARK_OVERDUE and case.status.awaits_handler:
        found += acting_heads(session, case.department_id, now)
    return found


def _places(session: Session, case: Case, rung: Rung, now: datetime) -> list[str]:
    found: list[str] = []
    for place in rung.to:
        match place:
            case "handler":
                found += handler_of(session, case, now)
            case "head":
                found += acting_heads(session, case.department_id, now)
            case _:
                found += userids_with_role(session, Role(place))
    return found


def _helpers(session: Session, due: DueTime, rung: Rung, now: datetime) -> list[str]:
    """Who has the sub-task of a joint case; when it is overdue the head of his unit too (F15)."""
    task = session.get_one(Assistance, int(due.stage.removeprefix(SUB_TASK)))
    heads = acting_heads(session, task.department_id, now) if rung.act is Act.MARK_OVERDUE else []
    return worker_of(session, task.handler_id, task.department_id, now) + heads
