"""One thing said by one person: who, when, with what; which case is meant (P3), and what is answered."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy.orm import Session

from reviewbot.charts import Chart
from reviewbot.database.session import Database
from reviewbot.errors import NotFound
from reviewbot.models.case import Case
from reviewbot.models.people import Staff
from reviewbot.queries.cases import find_case, in_hand
from reviewbot.queries.rulebooks import Rulebooks
from reviewbot.queries.scope import Viewer
from reviewbot.rules.notices import Body, text


@dataclass(frozen=True)
class Talk:
    """What an answer needs, whoever speaks."""

    database: Database
    now: Callable[[], datetime]
    rulebooks: Rulebooks
    focus: timedelta
    """How long the case of the last act needs no number."""
    choice: timedelta
    """How long what was sent without a case waits for one."""
    folder: Path
    """``data_dir``: where pictures of answers lie."""
    address: str = ""
    """Where the links of answers lead."""


@dataclass
class Turn:
    """One thing said by one person."""

    talk: Talk
    session: Session
    staff: Staff
    viewer: Viewer
    at: datetime
    about: int | None = None
    """The case his words turned out to be about."""


@dataclass(frozen=True)
class Said:
    """The one answer: words, or a card; nothing at all where nothing need be said."""

    words: str
    card: Body | None = None
    case_id: int | None = None
    """The case it is about; a card about it lives like any other."""
    chart: Chart | None = None
    """Goes with the words; still to be drawn."""

    @property
    def body(self) -> Body:
        return self.card or text(self.words)


def visible(turn: Turn, number: str) -> Case:
    case = find_case(turn.session, number, turn.viewer)
    if case is None:
        raise NotFound(f"没有工单 {number}，或您无权查看。")
    return case


def focus(turn: Turn, case_id: int) -> None:
    turn.about = case_id
    turn.staff.focus_case_id = case_id
    turn.staff.focus_until = turn.at + turn.talk.focus


def in_focus(turn: Turn) -> Case | None:
    """The case of this person's last act, while it is open and his to see."""
    staff = turn.staff
    if staff.focus_case_id is None or staff.focus_until is None or staff.focus_until <= turn.at:
        return None
    case = turn.session.get(Case, staff.focus_case_id)
    if case is None or not case.status.is_open:
        return None
    return find_case(turn.session, case.number, turn.viewer)


def the_case(turn: Turn) -> Case | None:
    """What is sent without a number belongs to the case in focus, else to the only one in hand; else asked (P3)."""
    if (case := in_focus(turn)) is not None:
        return case
    cases = in_hand(turn.session, turn.viewer, turn.at)
    return cases[0] if len(cases) == 1 else None
