"""A letter from draft to receipt: reviewed by one, issued by another, received by the unit, or withdrawn (B7)."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from reviewbot.clock import CHINA
from reviewbot.errors import Conflict, InvalidInput, NotAllowed, NotFound
from reviewbot.models.oversight import Letter, LetterState
from reviewbot.outbox import owe
from reviewbot.queries.directory import userids_with_role
from reviewbot.queries.scope import Viewer
from reviewbot.rules.lifecycle import Role
from reviewbot.rules.notices import letter_issued


def find_letter(session: Session, ident: int, viewer: Viewer, *, lock: bool = False) -> Letter:
    """The letter, if this viewer may see it: the bureau all, a unit what was issued to it."""
    wanted = select(Letter).where(Letter.id == ident)
    found = session.scalar(wanted.with_for_update() if lock else wanted)
    sent = found is not None and found.state in (LetterState.ISSUED, LetterState.RECEIVED)
    if found is None or not (viewer.sees_all or (sent and found.department_id == viewer.department_id)):
        raise NotFound("没有这份公文，或您无权查看。")
    return found


def review_letter(session: Session, ident: int, viewer: Viewer, *, at: datetime) -> str:
    letter = find_letter(session, ident, viewer, lock=True)
    _need(viewer, Role.SUPERVISOR)
    _from(letter, LetterState.DRAFT)
    if letter.drafted_by == viewer.actor:
        raise NotAllowed("拟稿人不能审核自己的稿件。")
    letter.state, letter.reviewed_at, letter.reviewed_by = LetterState.REVIEWED, at, viewer.actor
    return f"{letter.title}已审核，待签发。"


def issue_letter(session: Session, ident: int, viewer: Viewer, *, at: datetime) -> Letter:
    """Give it its number: the next of its kind and year, without gaps however many issue at once."""
    letter = find_letter(session, ident, viewer, lock=True)
    _need(viewer, Role.LEADER, Role.SUPERVISOR)
    _from(letter, LetterState.REVIEWED)
    if letter.reviewed_by == viewer.actor:
        raise NotAllowed("审核和签发须由两人分别作出。")
    year = at.astimezone(CHINA).year
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"{letter.kind}{year}", 0))))
    last = select(func.coalesce(func.max(Letter.serial), 0)).where(
        Letter.kind == letter.kind, Letter.year == year
    )
    letter.year, letter.serial = year, (session.scalar(last) or 0) + 1
    letter.state, letter.issued_at, letter.issued_by = LetterState.ISSUED, at, viewer.actor
    session.flush()
    _tell_unit(session, letter, at, "已签发")
    return letter


def receive_letter(session: Session, ident: int, viewer: Viewer, *, at: datetime) -> str:
    letter = find_letter(session, ident, viewer, lock=True)
    if Role.HEAD not in viewer.roles or viewer.department_id != letter.department_id:
        raise NotAllowed("公文由收文单位负责人签收。")
    _from(letter, LetterState.ISSUED)
    letter.state, letter.received_at, letter.received_by = LetterState.RECEIVED, at, viewer.actor
    return f"{letter.title}已签收。"


def withdraw_letter(session: Session, ident: int, reason: str, viewer: Viewer, *, at: datetime) -> str:
    """Withdrawn, never deleted; a number once given is not given again."""
    letter = find_letter(session, ident, viewer, lock=True)
    _need(viewer, Role.SUPERVISOR, Role.LEADER)
    if letter.state is LetterState.WITHDRAWN:
        raise Conflict("这份公文已撤回。")
    if not reason.strip():
        raise InvalidInput("撤回须写明原因。")
    was_sent = letter.issued_at is not None
    letter.state, letter.withdrawn_at, letter.withdrawn_by = LetterState.WITHDRAWN, at, viewer.actor
    letter.withdrawn_reason = reason
    if was_sent:
        _tell_unit(session, letter, at, f"已撤回：{reason}")
    return f"{letter.title}已撤回。"


def _tell_unit(session: Session, letter: Letter, at: datetime, what: str) -> None:
    if letter.department_id is None:
        return
    body = letter_issued(letter.kind.label, letter.id, what)
    for userid in userids_with_role(session, Role.HEAD, letter.department_id):
        key = f"letter-{letter.id}-{letter.state.value}-{userid.lower()}"
        owe(session, key=key, kind="letter", userid=userid, body=body, at=at)


def _need(viewer: Viewer, *roles: Role) -> None:
    if not viewer.roles & set(roles):
        raise NotAllowed(f"须由{'、'.join(role.label for role in roles)}办理。")


def _from(letter: Letter, state: LetterState) -> None:
    if letter.state is not state:
        raise Conflict(f"{letter.title}现为「{letter.state.label}」，不能这样办理。")
