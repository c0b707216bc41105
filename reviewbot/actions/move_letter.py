"""A letter from draft to receipt: reviewed by one, issued by another, received by its addressee, or withdrawn (B7)."""

import hashlib
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from reviewbot.actions.draft_letter import explanation_of
from reviewbot.actions.letter_facts import letter_facts
from reviewbot.actions.letter_rights import (
    ISSUING,
    check_issue,
    check_receive,
    check_review,
    check_wanted,
    check_withdraw,
    due_it_presses,
)
from reviewbot.actions.live_cards import take_back
from reviewbot.clock import CHINA
from reviewbot.errors import InvalidInput, NotFound
from reviewbot.files.store import write_once
from reviewbot.models.case import Case
from reviewbot.models.chain import append_event
from reviewbot.models.oversight import Letter, LetterKind, LetterState
from reviewbot.outbox import owe
from reviewbot.queries.cases import lock_case_by_id
from reviewbot.queries.delegates import acting_heads
from reviewbot.queries.directory import userids_with_role
from reviewbot.queries.letters import listed_cases, visible_letter
from reviewbot.queries.scope import Viewer
from reviewbot.queries.sent_cards import notices_to_receive
from reviewbot.rules.lifecycle import Move, Role
from reviewbot.rules.notices import letter_moved, letter_not_recalled

REASON_LIMIT = 500


def letter_path(folder: Path, sha256: str) -> Path:
    """Where an issued document lies, by its content."""
    return folder / "letters" / sha256[:2] / f"{sha256}.docx"


def find_letter(session: Session, ident: int, viewer: Viewer, *, lock: bool = False) -> Letter:
    """The letter, if this viewer may see it."""
    found = visible_letter(session, ident, viewer, lock=lock)
    if found is None:
        raise NotFound("没有这份公文，或您无权查看。")
    return found


def review_letter(
    session: Session, ident: int, viewer: Viewer, *, at: datetime, enclose: Callable[[Letter], dict[str, Any]],
    explain: Callable[[Case], dict[str, str]],
) -> str:  # fmt: skip
    """Figures, explanation and enclosures are those of now, and frozen: what the reviewer saw is what can be issued."""
    letter, case = _lock(session, ident, viewer, at)
    check_review(letter, viewer)
    check_wanted(session, letter, case, explain, at)
    letter.facts = _as_of(session, letter, case, at) | {"enclosed": enclose(letter)}
    if case is not None and letter.kind is LetterKind.EXPLANATION_NOTICE:
        letter.facts = letter.facts | explanation_of(case, explain)
    letter.state, letter.reviewed_at, letter.reviewed_by = LetterState.REVIEWED, at, viewer.actor
    letter.asked_at = None
    return f"{letter.title}已审核，待签发。"


def issue_letter(
    session: Session, ident: int, viewer: Viewer, *, at: datetime, folder: Path,
    number: Callable[[Letter], dict[str, str]], write: Callable[[Letter], bytes],
    explain: Callable[[Case], dict[str, str]],
) -> Letter:  # fmt: skip
    """Give it its number and keep the document by its content hash.

    The next serial of its kind and year, without gaps however many issue at once: the lock is held to the end of
    the transaction, and one that fails gives its serial back. ``number``: the facts that numbering adds.
    ``write``: the document.
    """
    letter, case = _lock(session, ident, viewer, at)
    check_issue(letter, viewer)
    check_wanted(session, letter, case, explain, at)
    year = at.astimezone(CHINA).year
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"{letter.kind}{year}", 0))))
    last = select(func.coalesce(func.max(Letter.serial), 0)).where(
        Letter.kind == letter.kind, Letter.year == year
    )
    letter.year, letter.serial = year, (session.scalar(last) or 0) + 1
    letter.state, letter.issued_at, letter.issued_by = LetterState.ISSUED, at, viewer.actor
    letter.facts = letter.facts | number(letter) | {"signer": viewer.name}
    letter.sha256 = _keep(folder, write(letter))
    session.flush()
    _record(session, letter, case, Move.ISSUE_LETTER, viewer, at)
    _tell(session, letter, at, "已签发，请签收")
    return letter


def receive_letter(session: Session, ident: int, viewer: Viewer, *, at: datetime) -> str:
    letter, case = _lock(session, ident, viewer, at)
    check_receive(letter, viewer)
    letter.state, letter.received_at, letter.received_by = LetterState.RECEIVED, at, viewer.actor
    _take_back_notices(session, letter, at, but=viewer.actor)
    _record(session, letter, case, Move.RECEIVE_LETTER, viewer, at)
    return f"{letter.title}已签收。"


def withdraw_letter(session: Session, ident: int, reason: str, viewer: Viewer, *, at: datetime) -> str:
    """Withdrawn, never deleted; a number once given is not given again."""
    letter, case = _lock(session, ident, viewer, at)
    check_withdraw(letter, viewer)
    reason = reason.strip()
    if not reason or len(reason) > REASON_LIMIT or "\0" in reason:
        raise InvalidInput(f"撤回须写明原因，不超过 {REASON_LIMIT} 字。")
    letter.state, letter.withdrawn_at, letter.withdrawn_by = LetterState.WITHDRAWN, at, viewer.actor
    letter.withdrawn_reason = reason
    _record(session, letter, case, Move.WITHDRAW_LETTER, viewer, at, reason)
    if letter.issued_at is not None:
        _take_back_notices(session, letter, at)
        _tell(session, letter, at, "已撤回，请停止执行")
    return f"{letter.title}已撤回。"


def _as_of(session: Session, letter: Letter, case: Case | None, at: datetime) -> dict[str, Any]:
    """The facts of a letter, those that press brought up to now: an old draft tells of days and a status long gone."""
    if case is None or not letter.kind.presses:
        return letter.facts
    due_at = due_it_presses(session, letter, case, at)
    return letter.facts | letter_facts(session, case, stage=letter.facts["stage"], due_at=due_at, now=at)


def _keep(folder: Path, data: bytes) -> str:
    digest = hashlib.sha256(data).hexdigest()
    write_once(letter_path(folder, digest), data)
    return digest


def _lock(session: Session, ident: int, viewer: Viewer, at: datetime) -> tuple[Letter, Case | None]:
    """The case before its letter, as whoever moves the case takes them: in another order the two would deadlock."""
    letter = find_letter(session, ident, viewer)
    case = lock_case_by_id(session, letter.case_id) if letter.case_id else None
    if letter.lists_cases:
        listed_cases(session, letter, at, lock=True)
    return find_letter(session, ident, viewer, lock=True), case


def _record(
    session: Session,
    letter: Letter,
    case: Case | None,
    move: Move,
    viewer: Viewer,
    at: datetime,
    remark: str = "",
) -> None:
    """The case's own story tells of its letters, one that lists cases to each of them; the ledger keeps its own dates
    only."""
    data: dict[str, Any] = {"letter": letter.id, "kind": letter.kind.value, "mark": letter.facts.get("mark")}
    if letter.sha256:
        data["sha256"] = letter.sha256
    if absent := viewer.in_place_of([Role.HEAD] if move is Move.RECEIVE_LETTER else ISSUING):
        data["in_place_of"] = absent
    about = [case] if case else listed_cases(session, letter, at) if letter.lists_cases else []
    for each in about:
        append_event(
            session, each, at=at, actor=viewer.actor, actor_name=viewer.name, move=move.value,
            before=each.status.value, remark=remark or str(letter.facts.get("mark", "")), data=data,
        )  # fmt: skip


def _tell(session: Session, letter: Letter, at: datetime, what: str) -> None:
    """The unit's heads, or the leaders where it went to no unit; where there is nobody, a row says so."""
    if letter.department_id is None:
        receivers = userids_with_role(session, Role.LEADER)
    else:
        receivers = acting_heads(session, letter.department_id, at)
    body = letter_moved(letter.id, f"{letter.kind.label} {letter.facts.get('mark', '')}", what)
    for userid in receivers or [""]:
        owe(
            session, key=f"letter-{letter.id}-{letter.state.value}-{userid.lower() or 'nobody'}", kind="letter",
            userid=userid, body=body, at=at, case_id=letter.case_id,
            suppressed=None if userid else "没有可接收的人员",
        )  # fmt: skip


def _take_back_notices(session: Session, letter: Letter, at: datetime, *, but: str = "") -> None:
    """Nobody is asked any more to receive what was received or withdrawn; ``but``: whose own card stays with him."""
    for row in notices_to_receive(session, letter):
        if row.userid != but:
            take_back(session, row, f"{letter.title}已不须签收", letter_not_recalled(letter.title), at)
