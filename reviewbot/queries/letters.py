"""Letters as lists and one by one, and what the ledger counts."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import BigInteger, ColumnElement, any_, bindparam, case, false, func, or_, select, true
from sqlalchemy.dialects.postgresql import ARRAY, distinct_on
from sqlalchemy.orm import Session, aliased, joinedload
from sqlalchemy.sql.elements import CollectionAggregate

from reviewbot.models.case import Call, Case, CaseEvent, Evidence
from reviewbot.models.message import Message
from reviewbot.models.oversight import Letter, LetterKind, LetterState
from reviewbot.models.people import Staff
from reviewbot.queries.cases import APPEAL_UPHELD, IS_SOUND
from reviewbot.queries.scope import Viewer, visible_cases
from reviewbot.rules.kinds import Kind
from reviewbot.rules.lifecycle import CaseStatus, Move

SUBMISSIONS = (Move.SUBMIT_MEASURES.value, Move.SUBMIT_EXPLANATION.value)


def _visible(viewer: Viewer) -> ColumnElement[bool]:
    """The bureau sees all; a unit what was once issued to it, withdrawn or not."""
    if viewer.sees_all:
        return true()
    return (Letter.department_id == viewer.department_id) & Letter.issued_at.is_not(None)


def visible_letter(session: Session, ident: int, viewer: Viewer, *, lock: bool = False) -> Letter | None:
    """``lock``: nobody else can act on it until this transaction ends."""
    wanted = select(Letter).where(Letter.id == ident, _visible(viewer))
    if lock:
        wanted = wanted.with_for_update().execution_options(populate_existing=True)
    return session.scalar(wanted)


def letters_seen_by(
    session: Session, viewer: Viewer, *, after: int | None = None, limit: int = 50
) -> list[Letter]:
    """Newest first; ``after`` is the id of the last one of the page before."""
    wanted = select(Letter).where(_visible(viewer)).order_by(Letter.id.desc()).limit(limit)
    if after is not None:
        wanted = wanted.where(Letter.id < after)
    return list(session.scalars(wanted))


def letters_under_way(session: Session, viewer: Viewer) -> list[Letter]:
    """Drafts, reviewed ones and those not yet received, longest in this state first."""
    since = case(
        (Letter.state == LetterState.DRAFT, Letter.drafted_at),
        (Letter.state == LetterState.REVIEWED, Letter.reviewed_at),
        else_=Letter.issued_at,
    )
    moving = (LetterState.DRAFT, LetterState.REVIEWED, LetterState.ISSUED)
    wanted = select(Letter).where(_visible(viewer), Letter.state.in_(moving))
    return list(session.scalars(wanted.order_by(since, Letter.id)))


def cases_of_letters(session: Session, letters: Iterable[Letter]) -> list[Case]:
    """The cases of unissued letters."""
    idents = {one.case_id for one in letters if one.case_id and one.issued_at is None}
    return list(session.scalars(select(Case).where(Case.id == _any_of(idents))))


def letters_unasked(session: Session, state: LetterState) -> list[Letter]:
    """Of this state, those for which nobody has been told yet, locked."""
    wanted = select(Letter).where(Letter.state == state, Letter.asked_at.is_(None))
    return list(session.scalars(wanted.order_by(Letter.id).with_for_update(skip_locked=True)))


def asked_since(session: Session, kind: str, moment: datetime) -> bool:
    """Whether anybody was told so of letters after this moment."""
    told = select(Message.id).where(Message.kind == kind, Message.created_at > moment).limit(1)
    return session.scalar(told) is not None


def readable_letters(session: Session, idents: Iterable[int], viewer: Viewer) -> set[int]:
    """Which of these letters this viewer may open."""
    return set(session.scalars(select(Letter.id).where(Letter.id.in_(list(idents)), _visible(viewer))))


def every_letter(session: Session) -> list[Letter]:
    """Drafts and whatever was issued, oldest first; a draft that was withdrawn never was a letter."""
    kept = or_(Letter.state != LetterState.WITHDRAWN, Letter.issued_at.is_not(None))
    return list(session.scalars(select(Letter).where(kept).order_by(Letter.id)))


def drafted_before(session: Session, stem: str) -> list[Letter]:
    """Letters whose origin begins with ``stem-``, oldest first."""
    wanted = select(Letter).where(Letter.origin.startswith(f"{stem}-", autoescape=True))
    return list(session.scalars(wanted.order_by(Letter.id)))


def letters_with_origin(session: Session, origins: Iterable[str]) -> list[Letter]:
    return list(session.scalars(select(Letter).where(Letter.origin.in_(list(origins)))))


def unissued_letters(session: Session, case_id: int) -> list[Letter]:
    """Drafts of a case, reviewed or not, that nobody can act on until this transaction ends."""
    wanted = select(Letter).where(
        Letter.case_id == case_id, Letter.state.in_((LetterState.DRAFT, LetterState.REVIEWED))
    )
    return list(session.scalars(wanted.order_by(Letter.id).with_for_update()))


def letter_that_lists(session: Session, stem: str) -> Letter | None:
    """The draft under this origin that still takes cases up; nobody can review it until this transaction ends."""
    found = session.scalars(
        select(Letter)
        .where(Letter.origin.startswith(f"{stem}-", autoescape=True), Letter.state == LetterState.DRAFT)
        .order_by(Letter.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return found.first()


def listed_cases(session: Session, letter: Letter, now: datetime, *, lock: bool = False) -> list[Case]:
    """Of the cases whose rung drafted a letter that lists many, those it still presses, longest overdue first; with
    ``lock`` in the order of their rows. What was closed, went elsewhere or got more time drops out."""
    drafted = select(CaseEvent.id).where(
        CaseEvent.case_id == Case.id,
        CaseEvent.move == Move.DRAFT_LETTER.value,
        CaseEvent.data["letter"].as_integer() == letter.id,
    )
    wanted = select(Case).where(
        drafted.exists(), Case.status != CaseStatus.CLOSED, ~APPEAL_UPHELD,
        or_(Case.due_at < now, Case.instructed_at.is_not(None)),
    )  # fmt: skip
    if letter.department_id is not None:
        wanted = wanted.where(Case.department_id == letter.department_id)
    if lock:
        return list(session.scalars(wanted.order_by(Case.id).with_for_update()))
    return list(
        session.scalars(
            wanted.options(joinedload(Case.review), joinedload(Case.department)).order_by(
                Case.due_at, Case.id
            )
        )
    )


def names_by_userid(session: Session, userids: Iterable[str | None]) -> dict[str, str]:
    known = {one for one in userids if one}
    rows = session.execute(select(Staff.userid, Staff.name).where(Staff.userid.in_(known)))
    return {userid: name for userid, name in rows}


def ledger_cases(session: Session, viewer: Viewer, start: datetime, end: datetime) -> list[Case]:
    """Cases of ratings opened or closed within ``start <= … < end`` or still open at its end, oldest first."""
    wanted = select(Case).options(joinedload(Case.review), joinedload(Case.department))
    wanted = wanted.where(
        visible_cases(viewer),
        Case.kind == Kind.RATING,
        Case.opened_at < end,
        or_(Case.closed_at.is_(None), Case.closed_at >= start),
    )
    return list(session.scalars(wanted.order_by(Case.opened_at, Case.id)))


def _any_of(case_ids: Iterable[int]) -> CollectionAggregate[bool]:
    """All of them as one parameter: a statement takes at most 65,535, a ledger of all years has more cases."""
    return any_(bindparam(None, list(case_ids), ARRAY(BigInteger)))


def evidence_counts(session: Session, case_ids: Iterable[int]) -> dict[int, int]:
    rows = session.execute(
        select(Evidence.case_id, func.count())
        .where(Evidence.case_id == _any_of(case_ids), IS_SOUND)
        .group_by(Evidence.case_id)
    )
    return {case_id: count for case_id, count in rows if case_id is not None}


def last_submissions(session: Session, case_ids: Iterable[int]) -> dict[int, CaseEvent]:
    """The latest measures or explanation of each case that has any since it was last reopened: what the rater was
    not satisfied with is no answer to him."""
    later = aliased(CaseEvent)
    reopened = select(later.id).where(
        later.case_id == CaseEvent.case_id, later.move == Move.REOPEN.value, later.seq > CaseEvent.seq
    )
    rows = session.scalars(
        select(CaseEvent)
        .where(CaseEvent.case_id == _any_of(case_ids), CaseEvent.move.in_(SUBMISSIONS), ~reopened.exists())
        .ext(distinct_on(CaseEvent.case_id))
        .order_by(CaseEvent.case_id, CaseEvent.seq.desc())
    )
    return {event.case_id: event for event in rows}


def returns_of(session: Session, case: Case) -> int:
    """How often the unit that has the case now returned it."""
    by = CaseEvent.data["from_department"].as_integer() == case.department_id
    returned = CaseEvent.move.in_([Move.RETURN, Move.RETURN_AGAIN])
    return _count(session, CaseEvent.case_id == case.id, returned, by)


def calls_of(session: Session, case: Case) -> int:
    """Calls since the unit was given the case, and those its people had made before it returned it."""
    own = Call.staff_id.in_(select(Staff.id).where(Staff.department_id == case.department_id))
    since = Call.at >= case.assigned_at if case.assigned_at else false()
    return _count(session, Call.case_id == case.id, or_(own, since))


def issued_letters(session: Session, case_id: int) -> int:
    """督办函 that were issued about a case, or list it with others, and stand: each has told the case's own story."""
    issued = (LetterState.ISSUED, LetterState.RECEIVED)
    kind = Letter.kind == LetterKind.SUPERVISION
    told = select(CaseEvent.data["letter"].as_integer()).where(
        CaseEvent.case_id == case_id, CaseEvent.move == Move.ISSUE_LETTER.value
    )
    return _count(session, Letter.id.in_(told), kind, Letter.state.in_(issued))


def _count(session: Session, *conditions: ColumnElement[bool]) -> int:
    return session.scalar(select(func.count()).where(*conditions)) or 0
