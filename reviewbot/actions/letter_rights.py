"""Who may review, issue, receive or withdraw a letter now, and whether its case still wants it (B7, F18)."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy.orm import Session

from reviewbot.actions.draft_letter import addressee, check_cause, explanation_of, limit_of
from reviewbot.actions.letter_facts import moment
from reviewbot.errors import Conflict, NotAllowed, ReviewbotError
from reviewbot.models.case import Case
from reviewbot.models.oversight import Letter, LetterKind, LetterState
from reviewbot.queries.letters import listed_cases
from reviewbot.queries.scope import SYSTEM, Viewer
from reviewbot.rules.lifecycle import CaseStatus, Role


def due_it_presses(session: Session, letter: Letter, case: Case, at: datetime) -> datetime | None:
    """The due time a pressing letter is about. Raises Conflict where it presses nothing any more, or another unit, or
    would say what is not so."""
    if not case.status.is_open:
        raise Conflict(f"工单 {case.number} 已办结，不再发{letter.kind.label}，请撤回。")
    if letter.department_id != addressee(letter.kind, case):
        raise Conflict(f"工单 {case.number} 已不由收文单位办理，{letter.title}请撤回。")
    if letter.drafted_by == SYSTEM.actor:
        limit = limit_of(session, letter, case)
        stands, due_at = limit is not None, limit.due_at if limit else None
    else:
        stands, due_at = letter.origin.startswith(f"{case.number}-r{case.round}-"), case.due_at
    if not stands:
        raise Conflict(f"{letter.title}所督办的时限已办结或已变更，请撤回。")
    check_cause(case, letter.kind, due_at, at=at)
    return due_at


def _check_explains(letter: Letter, case: Case) -> None:
    """Only what was approved (F17), and what no reopening has put in question, is told to the rater."""
    if not letter.origin.startswith(f"{case.number}-r{case.round}-"):
        raise Conflict(f"工单 {case.number} 已重新办理，{letter.title}请撤回。")
    if case.status not in (CaseStatus.AWAITING_FEEDBACK, CaseStatus.CLOSED):
        raise Conflict(f"工单 {case.number} 的解释说明还没有审核通过，不能审核、签发告知书。")


REVIEWING = (Role.SUPERVISOR,)
ISSUING = (Role.LEADER, Role.SUPERVISOR)


def possible_acts(
    session: Session, letter: Letter, viewer: Viewer, explain: Callable[[Case], dict[str, str]], at: datetime
) -> list[str]:
    """What this viewer may do with a letter now: review, issue, receive, withdraw. Nothing that would be refused."""
    may = acts_by_right(letter, viewer)
    return [act for act in may if act not in _UNISSUED or not why_unwanted(session, letter, explain, at)]


def acts_by_right(letter: Letter, viewer: Viewer) -> list[str]:
    """What this viewer may do with a letter in its state, whatever has become of its case."""
    return [act for act, check in _CHECKS.items() if not _refusal(check, letter, viewer)]


def why_unwanted(
    session: Session, letter: Letter, explain: Callable[[Case], dict[str, str]], at: datetime
) -> str:
    """Why a letter that is not issued yet can only be withdrawn, in a sentence; empty where it can go on."""
    if letter.state not in (LetterState.DRAFT, LetterState.REVIEWED):
        return ""
    case = session.get(Case, letter.case_id) if letter.case_id else None
    return _refusal(check_wanted, session, letter, case, explain, at)


def _refusal(check: Callable[..., None], *about: object) -> str:
    try:
        check(*about)
    except ReviewbotError as wrong:
        return wrong.sentence
    return ""


def check_wanted(
    session: Session,
    letter: Letter,
    case: Case | None,
    explain: Callable[[Case], dict[str, str]],
    at: datetime,
) -> None:
    """Whether its case still is as a draft or a reviewed letter says. Raises Conflict or InvalidInput."""
    if letter.lists_cases and not listed_cases(session, letter, at):
        raise Conflict(f"{letter.title}所列工单均已办结或不再由收文单位办理，请撤回。")
    if case is not None and letter.kind.presses:
        due_at = due_it_presses(session, letter, case, at)
        if letter.state is LetterState.REVIEWED and letter.facts["due_at"] != moment(due_at):
            raise Conflict(f"{letter.title}审核之后时限已变更，请撤回后重新拟稿。")
    if case is not None and letter.kind is LetterKind.EXPLANATION_NOTICE:
        _check_explains(letter, case)
        explanation_of(case, explain)


def check_review(letter: Letter, viewer: Viewer) -> None:
    _need(viewer, *REVIEWING)
    _from(letter, LetterState.DRAFT)
    if letter.drafted_by in (viewer.actor, *viewer.in_place_of(REVIEWING)):
        raise NotAllowed("拟稿人不能审核自己的稿件，其代办人也不能代审。")


def check_issue(letter: Letter, viewer: Viewer) -> None:
    _need(viewer, *ISSUING)
    _from(letter, LetterState.REVIEWED)
    if letter.reviewed_by in (viewer.actor, *viewer.in_place_of(ISSUING)):
        raise NotAllowed("审核和签发须由两人分别作出。")


def check_receive(letter: Letter, viewer: Viewer) -> None:
    """The head of the unit it went to; a report without a unit is received by a leader."""
    if letter.department_id is None:
        _need(viewer, Role.LEADER)
    elif Role.HEAD not in viewer.roles or viewer.department_id != letter.department_id:
        raise NotAllowed("公文由收文单位负责人签收。")
    _from(letter, LetterState.ISSUED)


def check_withdraw(letter: Letter, viewer: Viewer) -> None:
    """Supervisors and leaders; of what was not issued also whoever drafted it."""
    if letter.issued_at is not None or letter.drafted_by != viewer.actor:
        _need(viewer, Role.SUPERVISOR, Role.LEADER)
    if letter.state is LetterState.WITHDRAWN:
        raise Conflict("这份公文已撤回。")


def _need(viewer: Viewer, *roles: Role) -> None:
    if viewer.staff_id is None:
        raise NotAllowed("公文须由工作人员本人办理。")
    if not viewer.roles & set(roles):
        raise NotAllowed(f"须由{'、'.join(role.label for role in roles)}办理。")


def _from(letter: Letter, state: LetterState) -> None:
    if letter.state is not state:
        raise Conflict(f"{letter.title}现为「{letter.state.label}」，不能这样办理。")


_CHECKS = {
    "review": check_review,
    "issue": check_issue,
    "receive": check_receive,
    "withdraw": check_withdraw,
}
_UNISSUED = frozenset({"review", "issue"})
