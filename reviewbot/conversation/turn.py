"""One thing said by one person: who, when, with what; which case is meant (P3), and what is answered."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy.orm import Session

from reviewbot.database.session import Database
from reviewbot.errors import NotFound
from reviewbot.models.case import Case
from reviewbot.models.people import Staff
from reviewbot.queries.cases import find_case
from reviewbot.queries.rulebooks import Rulebooks
from reviewbot.queries.scope import Viewer
from reviewbot.rules.notices import Body, text


@dataclass(frozen=True)
class Talk:
    """What an answer needs, whoever speaks."""

    database: Database
    now: Callable[[], datetime]
    rulebooks: Rulebooks
    folder: Path
    focus: timedelta
    """How long the case of the last act needs no number."""
    download: Callable[[str], tuple[bytes, str]] | None
    """Media id -> (bytes, file name); it may raise ChannelError."""
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


@dataclass(frozen=True)
class Said:
    """The one answer: words, or a card; nothing at all where nothing need be said."""

    words: str
    card: Body | None = None
    case_id: int | None = None
    """Of a card about a case: it lives like any other."""
    picture: Body | None = None
    """A chart that goes with the words, sent after them."""

    @property
    def body(self) -> Body:
        return self.card or text(self.words)


def visible(turn: Turn, number: str) -> Case:
    case = find_case(turn.session, number, turn.viewer)
    if case is None:
        raise NotFound(f"没有工单 {number}，或您无权查看。")
    return case


def focus(turn: Turn, case_id: int) -> None:
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
