"""What waits for a person besides cases: letters by the rights of each letter, problems by who answers for them."""

from collections.abc import Iterable
from datetime import date, datetime
from functools import partial

from sqlalchemy.orm import Session

from reviewbot.actions.letter_rights import acts_by_right, why_unwanted
from reviewbot.actions.staff_words import explained
from reviewbot.actions.work_on_problem import answers_for
from reviewbot.clock import CHINA
from reviewbot.models.oversight import Letter, LetterState, Problem
from reviewbot.queries.letters import cases_of_letters, letters_under_way
from reviewbot.queries.problems import problems_without_cause
from reviewbot.queries.scope import SYSTEM, Viewer
from reviewbot.rules.masking import mask_personal
from reviewbot.rules.waiting import Waiting

NEXT = {LetterState.DRAFT: "review", LetterState.REVIEWED: "issue", LetterState.ISSUED: "receive"}
"""What a letter waits for."""
KINDS = {"review": "公文待审核", "issue": "公文待签发", "receive": "公文待签收"}
NO_CAUSE = "共性问题待查明原因"
ITEM = 20
"""Characters told of an item's name."""


class WaitingWork:
    """Fetched once for however many people; each letter is asked once whether its case still wants it."""

    def __init__(self, session: Session, at: datetime, seen_by: Viewer = SYSTEM) -> None:
        self._session, self._at = session, at
        self._letters = letters_under_way(session, seen_by)
        self._cases = cases_of_letters(session, self._letters)  # kept, so that none is fetched by itself
        self._problems = problems_without_cause(session, seen_by)
        self._unwanted: dict[int, bool] = {}

    def letters_of(self, viewer: Viewer) -> list[Letter]:
        """The letters whose next step this person may take, longest waiting first."""
        return [
            letter
            for letter in self._letters
            if NEXT[letter.state] in acts_by_right(letter, viewer) and not self._is_unwanted(letter)
        ]

    def going(self) -> list[Letter]:
        """All that can take their next step, whoever takes it."""
        return [letter for letter in self._letters if not self._is_unwanted(letter)]

    def problems_of(self, viewer: Viewer) -> list[Problem]:
        """The problems whose cause this person has to find, oldest first."""
        return [problem for problem in self._problems if answers_for(problem, viewer)]

    def of(self, viewer: Viewer) -> list[Waiting]:
        return [*waiting_letters(self.letters_of(viewer), self._at), *self._waiting_problems(viewer)]

    def _waiting_problems(self, viewer: Viewer) -> list[Waiting]:
        return [
            Waiting(
                NO_CAUSE, f"{problem.id}（{mask_personal(problem.item)[:ITEM]}）", f"/problems/{problem.id}",
                "/problems", *_age(problem.opened_at, self._at),
            )
            for problem in self.problems_of(viewer)
        ]  # fmt: skip

    def _is_unwanted(self, letter: Letter) -> bool:
        if letter.id not in self._unwanted:
            explain = partial(explained, self._session)
            self._unwanted[letter.id] = bool(why_unwanted(self._session, letter, explain, self._at))
        return self._unwanted[letter.id]


def work_of(session: Session, viewer: Viewer, at: datetime) -> list[Waiting]:
    """What waits for this person besides cases."""
    return WaitingWork(session, at, viewer).of(viewer)


def letters_waiting_for(session: Session, viewer: Viewer, at: datetime) -> list[Letter]:
    return WaitingWork(session, at, viewer).letters_of(viewer)


def waiting_letters(letters: Iterable[Letter], at: datetime) -> list[Waiting]:
    return [
        Waiting(
            KINDS[NEXT[letter.state]], letter.title, f"/letters/{letter.id}", "/letters?waiting=1",
            *_age(since(letter), at),
        )
        for letter in letters
    ]  # fmt: skip


def since(letter: Letter) -> datetime:
    """When the letter came to its next step."""
    return letter.issued_at or letter.reviewed_at or letter.drafted_at


def _age(since: datetime, at: datetime) -> tuple[date, int]:
    first = since.astimezone(CHINA).date()
    return first, (at.astimezone(CHINA).date() - first).days
