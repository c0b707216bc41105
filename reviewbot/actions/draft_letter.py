"""Draft a letter once: the system drafts, only people review and issue (F18)."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from reviewbot.actions.letter_facts import moment
from reviewbot.actions.start_clock import running
from reviewbot.clock import CHINA
from reviewbot.errors import Conflict, InvalidInput
from reviewbot.models.case import Case, DueTime
from reviewbot.models.oversight import Letter, LetterKind, LetterState
from reviewbot.queries.letters import drafted_before, letter_that_lists
from reviewbot.queries.scope import SYSTEM
from reviewbot.rules.ladder import Rung
from reviewbot.rules.lifecycle import Conclusion


def addressee(kind: LetterKind, case: Case) -> int | None:
    """The unit a letter about a case goes to; a report goes to the leaders above it."""
    return None if kind is LetterKind.SPECIAL_REPORT else case.department_id


def rung_origin(case: Case, limit: DueTime, rung: Rung) -> str:
    """What makes a letter of the ladder owed, once."""
    return f"{case.number}-r{limit.round}-{limit.stage}-{rung.key}"


def limit_of(session: Session, letter: Letter, case: Case) -> DueTime | None:
    """The limit whose rung has drafted a letter, while it runs: not met, not replaced, of this round."""
    return next((limit for limit in running(session, case) if drafted_for(letter, case, limit)), None)


def drafted_for(letter: Letter, case: Case, limit: DueTime) -> bool:
    """Whether a rung of this limit has drafted the letter."""
    return letter.origin.startswith(f"{case.number}-r{limit.round}-{limit.stage}-")


def check_cause(case: Case, kind: LetterKind, due_at: datetime | None, *, at: datetime) -> None:
    """A letter says nothing that is not so. Raises Conflict where the limit it would tell of has not passed, or where
    nobody has concluded that the complaint it would have rectified is justified (no conclusion before a call-back)."""
    if kind.tells_of_delay and (due_at is None or due_at >= at):
        until = f"（至{moment(due_at)}）" if due_at else ""
        raise Conflict(f"工单 {case.number} 的时限{until}还没有过，不能发{kind.label}。")
    if kind is LetterKind.RECTIFICATION_NOTICE and case.conclusion is not Conclusion.JUSTIFIED:
        raise Conflict(f"工单 {case.number} 还没有认定属实，不能发{kind.label}。")


def draft_letter(
    session: Session, kind: LetterKind, *, origin: str, case: Case | None, department_id: int | None,
    facts: dict[str, Any], at: datetime, by: str, title: str | None = None,
) -> Letter:  # fmt: skip
    """The draft of this origin; one that stands already is left as it is. ``facts`` are frozen now."""
    title = title or (f"{facts['number']} {kind.label}" if "number" in facts else kind.label)
    session.execute(
        insert(Letter)
        .values(
            kind=kind, origin=origin, case_id=case.id if case else None, department_id=department_id,
            title=title, facts=facts, state=LetterState.DRAFT, drafted_at=at, drafted_by=by,
        )
        .on_conflict_do_nothing(index_elements=["origin"])
    )  # fmt: skip
    return session.scalars(select(Letter).where(Letter.origin == origin)).one()


def draft_that_lists(session: Session, kind: LetterKind, *, case: Case, unit: str, at: datetime) -> Letter:
    """The draft that takes up a case whose rung had passed when it came: one for each unit and day, however many came;
    another once that one has been reviewed. The event of the rung puts the case on it."""
    addressed = addressee(kind, case)
    day = case.opened_at.astimezone(CHINA).date()
    stem = f"late-{kind.value}-{addressed or 'all'}-{day}"
    if known := letter_that_lists(session, stem):
        return known
    title = f"{unit}迟到工单{kind.label}" if addressed else f"迟到工单{kind.label}"
    return draft_letter(
        session, kind, origin=f"{stem}-{len(drafted_before(session, stem)) + 1}", case=None,
        department_id=addressed, facts={"department": unit, "came": f"{day.year}年{day.month}月{day.day}日"},
        at=at, by=SYSTEM.actor, title=title,
    )  # fmt: skip


def explanation_of(case: Case, explain: Callable[[Case], dict[str, str]]) -> dict[str, str]:
    """What a notice to the rater explains, and on which basis. Raises InvalidInput where nothing stands explained."""
    found = explain(case)
    if not found["explanation"] or not found["basis"]:
        raise InvalidInput(f"工单 {case.number} 还没有提交解释说明，不能拟发告知书。")
    return found
