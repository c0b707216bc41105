"""A person drafts a letter: on a case, or the ledger of a period. Another one reviews it."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from reviewbot.actions.draft_letter import addressee, check_cause, draft_letter, explanation_of
from reviewbot.actions.letter_facts import letter_facts
from reviewbot.clock import CHINA, check_days
from reviewbot.errors import Conflict, InvalidInput, NotAllowed, NotFound
from reviewbot.models.case import Case
from reviewbot.models.chain import append_event
from reviewbot.models.oversight import Letter, LetterKind, LetterState
from reviewbot.queries.cases import find_case, lock_case
from reviewbot.queries.letters import drafted_before
from reviewbot.queries.scope import Viewer
from reviewbot.rules.lifecycle import Move, Role

DRAFTERS = frozenset({Role.DESK, Role.SUPERVISOR, Role.LEADER})


def draft_on_case(
    session: Session, kind: LetterKind, number: str, reason: str, viewer: Viewer, *, at: datetime,
    explain: Callable[[Case], dict[str, str]],
) -> Letter:  # fmt: skip
    """A letter about one case. ``explain``: what its unit submitted, for the notice to the rater."""
    _check_drafter(viewer)
    if kind is LetterKind.LEDGER:
        raise InvalidInput("台账按期间拟制，不按工单。")
    case = lock_case(session, number)
    if case is None or find_case(session, number, viewer) is None:
        if not number:
            raise InvalidInput(f"{kind.label}须写明工单编号。")
        raise NotFound(f"没有工单 {number[:20]}，或您无权查看。")
    facts = letter_facts(session, case, stage="办理", due_at=case.due_at, now=at)
    if kind is LetterKind.EXPLANATION_NOTICE:
        facts |= explanation_of(case, explain)
    else:
        _check_unit(case, kind)
        check_cause(case, kind, case.due_at, at=at)
        _check_reason(kind, reason)
        facts["reason"] = reason.strip()
    letter = _draft(session, kind, f"{case.number}-r{case.round}-{kind.value}", case, facts, viewer, at)
    append_event(
        session, case, at=at, actor=viewer.actor, actor_name=viewer.name, move=Move.DRAFT_LETTER.value,
        before=case.status.value, remark=letter.title, data={"letter": letter.id, "kind": kind.value},
    )  # fmt: skip
    return letter


def draft_ledger(session: Session, first: date, last: date, viewer: Viewer, *, at: datetime) -> Letter:
    """整改台账 of a period."""
    _check_drafter(viewer)
    check_days(first, last)
    if first > at.astimezone(CHINA).date():
        raise InvalidInput(f"期间从 {first} 起，还没有开始，没有可列的工单。")
    facts = {"first": first.isoformat(), "last": last.isoformat()}
    return _draft(session, LetterKind.LEDGER, f"ledger-{first}-{last}", None, facts, viewer, at)


def _check_drafter(viewer: Viewer) -> None:
    if viewer.staff_id is None or not viewer.roles & DRAFTERS:
        raise NotAllowed("公文由派单员、督办或领导拟稿。")


def _check_unit(case: Case, kind: LetterKind) -> None:
    if not case.status.is_open:
        raise Conflict(f"工单 {case.number} 已办结，不再发{kind.label}。")
    if case.department_id is None:
        raise Conflict(f"工单 {case.number} 还没有承办单位，不能发{kind.label}。")


def _check_reason(kind: LetterKind, reason: str) -> None:
    if kind is LetterKind.RECTIFICATION_NOTICE and not reason.strip():
        raise InvalidInput("整改通知须写明核实的问题。")
    if len(reason) > 1000 or "\0" in reason:
        raise InvalidInput("事由请控制在 1000 字以内，且不含不能保存的字符。")


def _draft(
    session: Session, kind: LetterKind, stem: str, case: Case | None, facts: dict[str, Any], viewer: Viewer,
    at: datetime,
) -> Letter:  # fmt: skip
    """One draft of an origin at a time; another once it was issued or withdrawn."""
    before = drafted_before(session, stem)
    waiting = next((one for one in before if one.state in (LetterState.DRAFT, LetterState.REVIEWED)), None)
    if waiting is not None:
        raise Conflict(f"{waiting.title}已有一份「{waiting.state.label}」，尚未签发；要重拟请先撤回。")
    return draft_letter(
        session, kind, origin=f"{stem}-{len(before) + 1}", case=case, at=at, by=viewer.actor, facts=facts,
        department_id=addressee(kind, case) if case else None,
    )  # fmt: skip
