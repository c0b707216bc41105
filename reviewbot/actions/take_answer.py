"""The rater's one tap on his page: kept once a round, and acted upon by the doors that staff use."""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from reviewbot.actions.make_move import make_move
from reviewbot.actions.raise_concern import raise_concern
from reviewbot.actions.step import MoveIn, Verb
from reviewbot.errors import Conflict, InvalidInput, NotFound
from reviewbot.links import RaterLink
from reviewbot.models.case import Case
from reviewbot.models.chain import append_event
from reviewbot.models.rater import RaterAnswer
from reviewbot.queries.cases import lock_case
from reviewbot.queries.raters import ACTOR, answer_of, call_due_at, number_behind_link, reopened_by_rater
from reviewbot.queries.rulebooks import Rulebooks
from reviewbot.queries.scope import Viewer
from reviewbot.rules.lifecycle import CaseStatus, Move, Role
from reviewbot.rules.raters import Answer, Concern, open_answers

RATER = Viewer(name="评价人", actor=ACTOR, roles=frozenset({Role.SUPERVISOR}))
"""The table lets a supervisor reopen; the rater's word does it in his place, under a name of its own."""
WORDS = 500


@dataclass(frozen=True)
class Taken:
    """What is kept. ``again``: the round had it already, and nothing happened now."""

    number: str
    answer: Answer
    words: str
    again: bool


def take_answer(
    session: Session, link: RaterLink, answer: Answer, words: str, *, at: datetime, rulebooks: Rulebooks
) -> Taken:
    """Keep what the rater says about the round of his link.

    1. Lock the case. 2. The same round answered already: nothing again. 3. Only what is open now may be said.
    4. The row and one event. 5. 不满意 reopens within the limit, beyond it and after an upheld appeal a supervisor
    looks into it; 没人联系我 always goes to the supervisors. Raises NotFound, Conflict, InvalidInput.
    """
    number = number_behind_link(session, link.case_id)
    case = lock_case(session, number) if number else None
    if case is None:
        raise NotFound("链接无效或已过期。")
    known = answer_of(session, case.id, link.round)
    if known is not None and not _open(session, case, link, known, at):
        return Taken(case.number, Answer(known.answer), known.words, again=True)
    if answer not in _open(session, case, link, known, at):
        raise Conflict("现在还不能这样回答；办结后我们会再发短信请您评价。")
    said = words.strip()
    if len(said) > WORDS:
        raise InvalidInput(f"想补充的话请写在 {WORDS} 字以内，现有 {len(said)} 字。")
    if known is None:
        session.add(RaterAnswer(case_id=case.id, round=case.round, at=at, answer=answer.value, words=said))
    else:  # a word before the closing gives way; the chain of events keeps both
        known.at, known.answer, known.words = at, answer.value, said
    append_event(
        session, case, at=at, actor=ACTOR, actor_name=RATER.name, move=Move.RATER_ANSWERED.value,
        before=case.status.value, data={"answer": answer.value, "round": case.round} | _print_of(said),
    )  # fmt: skip
    session.flush()
    _act_upon(session, case, answer, said, at, rulebooks)
    return Taken(case.number, answer, said, again=False)


def _print_of(said: str) -> dict[str, str]:
    """The chain proves his words by their hash and does not carry them: they can be erased and it cannot (B14)."""
    return {"words_sha256": hashlib.sha256(said.encode()).hexdigest()} if said else {}


def _open(
    session: Session, case: Case, link: RaterLink, known: RaterAnswer | None, at: datetime
) -> tuple[Answer, ...]:
    if case.round != link.round:
        return ()
    return open_answers(
        closed_at=case.closed_at if case.status is CaseStatus.CLOSED else None,
        contact_due_at=call_due_at(session, case),
        answered_at=known.at if known else None,
        now=at,
    )


def _act_upon(
    session: Session, case: Case, answer: Answer, said: str, at: datetime, rulebooks: Rulebooks
) -> None:
    rulebook = rulebooks.of(session, case)
    if answer is Answer.NOBODY_CALLED:
        raise_concern(session, case, case.round, Concern.NOBODY_CALLED, said, at=at, rulebook=rulebook)
        return
    case.satisfaction = answer.value
    if answer is not Answer.DISSATISFIED:
        return
    # Two people outside the unit upheld an appeal: one tap does not undo their decision.
    most = rulebook.policy.raters.reopenings
    settled = case.closing_kind is not None and case.closing_kind.is_excluded
    if settled or reopened_by_rater(session, case.id) >= most:
        raise_concern(session, case, case.round, Concern.DISSATISFIED, said, at=at, rulebook=rulebook)
        return
    # His own words stay on the case page: the reason travels in a message to staff (F19).
    asked = MoveIn(Verb.REOPEN, case.number, remark="评价人对办理结果不满意")
    make_move(session, asked, RATER, at=at, rulebooks=rulebooks)
