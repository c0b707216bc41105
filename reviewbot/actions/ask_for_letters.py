"""Whoever may review a draft, or issue what was reviewed, is told once when it has come to that: one card for all that
came within the hour (F18, R5)."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from reviewbot.actions.waiting_work import KINDS, NEXT, WaitingWork, waiting_letters
from reviewbot.models.oversight import Letter, LetterState
from reviewbot.outbox import owe
from reviewbot.queries.letters import asked_since, letters_unasked
from reviewbot.queries.morning import active_staff
from reviewbot.queries.scope import viewer_of_staff
from reviewbot.rules.rulebook import Rulebook
from reviewbot.rules.waiting import letters_asked

WINDOW = timedelta(hours=1)


def ask_for_letters(session: Session, *, at: datetime, rulebook: Rulebook) -> int:
    """The number of letters asked for, in office hours. Who is to receive a letter is told when it is issued."""
    if rulebook.office_opens(at) > at:
        return 0
    return sum(_ask(session, state, at) for state in (LetterState.DRAFT, LetterState.REVIEWED))


def _ask(session: Session, state: LetterState, at: datetime) -> int:
    act = NEXT[state]
    if asked_since(session, _kind(act), at - WINDOW):
        return 0
    unasked = {letter.id for letter in letters_unasked(session, state)}
    if not unasked:
        return 0
    work, told = WaitingWork(session, at), set[int]()
    for viewer in map(viewer_of_staff, active_staff(session)):
        mine = [letter for letter in work.letters_of(viewer) if letter.id in unasked]
        if mine:
            _owe(session, act, mine, viewer.actor, at)
        told |= {letter.id for letter in mine}
    going = [letter for letter in work.going() if letter.id in unasked]
    if left := [letter for letter in going if letter.id not in told]:
        _owe(session, act, left, "", at)
    for letter in going:
        letter.asked_at = at
    return len(going)


def _owe(session: Session, act: str, letters: Sequence[Letter], userid: str, at: datetime) -> None:
    """Where nobody may take the step, a suppressed row says so."""
    owe(
        session, key=f"{_kind(act)}-{letters[0].id}-{int(at.timestamp())}-{userid.lower() or 'nobody'}",
        kind=_kind(act), userid=userid, body=letters_asked(KINDS[act], waiting_letters(letters, at)), at=at,
        suppressed=None if userid else "没有可接收的人员",
    )  # fmt: skip


def _kind(act: str) -> str:
    return f"letters_{act}"
