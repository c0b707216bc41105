"""What is enclosed with a letter, taken from its case: the course, the limits, the evidence, the calls.

Nothing of the rater (F19): no name, no number, no comment, and no remark on what he said; free words of staff are
covered before they enter a document.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy.orm import Session

from reviewbot.actions.letter_facts import days_late, moment
from reviewbot.actions.staff_words import cover, cover_remark
from reviewbot.clock import CHINA, minute
from reviewbot.models.case import Case, CaseEvent, DueTime, Safety
from reviewbot.models.oversight import Letter, LetterKind
from reviewbot.models.review import Review
from reviewbot.queries.cases import calls_of, due_times_of, events_of, evidence_of
from reviewbot.queries.letters import evidence_counts, last_submissions, ledger_cases, listed_cases
from reviewbot.queries.pages import names_of
from reviewbot.queries.scope import SYSTEM, Viewer
from reviewbot.rules.call_back import Outcome
from reviewbot.rules.deadlines import DueTime as Reckoned
from reviewbot.rules.deadlines import describe, working_from_data
from reviewbot.rules.lifecycle import Move
from reviewbot.rules.stages import ENDED_UNMET, stage_label

_UNTOLD = frozenset({Move.REVEAL_PHONE.value, Move.RATER_ANSWERED.value})
"""Events about the rater, not about the handling."""
_RUNGS = frozenset({Move.REMIND, Move.MARK_OVERDUE, Move.ISSUE_CARD, Move.DRAFT_LETTER})


def enclose(session: Session, letter: Letter, now: datetime) -> dict[str, Any]:
    """The enclosures of a letter as they are now, ready for JSON."""
    facts = letter.facts
    if letter.kind is LetterKind.LEDGER:
        first, last = date.fromisoformat(facts["first"]), date.fromisoformat(facts["last"])
        return ledger(session, SYSTEM, first, last, now)
    if letter.lists_cases:
        return _of_many(listed_cases(session, letter, now), now)
    told = {"as_of": moment(now), "events": [], "limits": [], "evidence": [], "attempts": []}
    case = session.get(Case, letter.case_id) if letter.case_id else None
    return told | (_of_case(session, case, now) if case else {})


def _of_many(cases: Sequence[Case], now: datetime) -> dict[str, Any]:
    """The cases of a letter that lists many, longest overdue first."""
    rows = [
        {
            "place": place, "number": case.number, "item": cover(case.review.item or "未写明事项", case.review),
            "department": case.department.short_name if case.department else "派单台",
            "sent": _day(case.dispatched_at), "due": _day(case.due_at), "status": case.status.label,
            "overdue": days_late(case.due_at, now) or "—",
        }
        for place, case in enumerate(cases, start=1)
    ]  # fmt: skip
    oldest = moment(cases[0].due_at) if cases else "（无）"
    return {"as_of": moment(now), "rows": rows, "count": len(rows), "oldest": oldest}


def _of_case(session: Session, case: Case, now: datetime) -> dict[str, Any]:
    review = session.get_one(Review, case.review_id)
    calls, files = calls_of(session, case.id), evidence_of(session, case.id)
    names = names_of(session, [call.staff_id for call in calls if call.staff_id])
    return {
        "events": [
            {"at": minute(event.at), "what": _what(event), "who": cover(event.actor_name, review)}
            for event in events_of(session, case.id)
            if event.move not in _UNTOLD
        ],
        "limits": [_limit(due, now) for due in due_times_of(session, case.id)],
        "evidence": [
            {"name": cover_remark(file.filename, review), "at": minute(file.at), "sha256": file.sha256}
            for file in files
            if file.safety is not Safety.INFECTED
        ],
        "attempts": [
            {
                "attempt": call.attempt, "at": minute(call.at), "outcome": Outcome(call.outcome).label,
                "who": names.get(call.staff_id or 0, "—"),
            }
            for call in calls
        ],
    }  # fmt: skip


def _limit(due: DueTime, now: datetime) -> dict[str, Any]:
    ended = due.met_at or now
    if due.replaced_by in ENDED_UNMET:
        state = ENDED_UNMET[due.replaced_by]
    elif due.replaced_by:
        state = "已由其他时限取代"
    elif due.met_at:
        state = "按期完成" if due.met_at <= due.due_at else "超期完成"
    else:
        state = "已超期" if ended > due.due_at else "计时中"
    stage = stage_label(due.stage)
    return {
        "stage": f"第{due.round}轮{stage}" if due.round > 1 else stage,
        "state": state,
        "working": _working(due),
    }


def _working(due: DueTime) -> list[str]:
    """The stored working in a clerk's lines (B1); a limit taken over from elsewhere has only its two ends."""
    if not due.working:
        return [f"{moment(due.started_at)}起算，{moment(due.due_at)}到期"]
    basis = f"规则{due.policy_version}，日历{due.calendar_version}"
    return describe(
        Reckoned(
            stage=due.stage, started_at=due.started_at.astimezone(CHINA), due_at=due.due_at.astimezone(CHINA),
            reckoning=working_from_data(due.working), limit=replace(due.limit, basis=basis),
            provisional=due.provisional,
        )
    )  # fmt: skip


def ledger(session: Session, viewer: Viewer, first: date, last: date, now: datetime) -> dict[str, Any]:
    """整改台账: the cases opened or closed from ``first`` to ``last``, or still open then, oldest first."""
    start, end = (datetime.combine(day, time(), CHINA) for day in (first, last + timedelta(days=1)))
    cases = ledger_cases(session, viewer, start, end)
    return {"as_of": moment(now), "rows": _rows(session, cases, now)}


def _rows(session: Session, cases: Sequence[Case], now: datetime) -> list[dict[str, Any]]:
    idents = [case.id for case in cases]
    files, said = evidence_counts(session, idents), last_submissions(session, idents)
    return [
        {
            "place": place, "number": case.number, "item": cover(case.review.item or "未写明事项", case.review),
            "department": case.department.short_name if case.department else "派单台",
            "opened": _day(case.opened_at), "due": _day(case.due_at), "status": case.status.label,
            "conclusion": case.conclusion.label if case.conclusion else "—",
            "measures": cover_remark(said[case.id].remark, case.review) if case.id in said else "—",
            "evidence": files.get(case.id, 0), "closed": _day(case.closed_at),
            "overdue": days_late(case.due_at, case.closed_at or now) or "—",
        }
        for place, case in enumerate(cases, start=1)
    ]  # fmt: skip


def _what(event: CaseEvent) -> str:
    """Of a rung the ladder's own words too: of which limit, and a card of which colour."""
    label = _label(event.move)
    return f"{label}：{event.remark}" if event.move in _RUNGS and event.actor == "system" else label


def _label(move: str) -> str:
    return Move(move).label if move in {known.value for known in Move} else move


def _day(at: datetime | None) -> str:
    return f"{at.astimezone(CHINA):%Y-%m-%d}" if at else "—"
