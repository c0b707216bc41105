"""From rows to what the clerk's phone shows: times as people say them, what a sheet has to know."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from reviewbot.actions.choose_evidence import chosen_evidence
from reviewbot.actions.reveal_phone import may_reveal
from reviewbot.clock import CHINA
from reviewbot.models.case import Case
from reviewbot.queries import cases as case_queries
from reviewbot.queries import pages as page_queries
from reviewbot.queries.calls import called_unseen
from reviewbot.queries.scope import Viewer
from reviewbot.rules import notices
from reviewbot.rules.lifecycle import CaseStatus
from reviewbot.rules.raters import Purpose
from reviewbot.rules.routing import is_rated
from reviewbot.rules.rulebook import Rulebook
from reviewbot.web import views
from reviewbot.web.bases import bases_for
from reviewbot.web.beside import beside_view
from reviewbot.web.h5_sheets import Sheet
from reviewbot.web.lines import case_line

_WEEKDAYS = "一二三四五六日"
_PURPOSES = {"call": Purpose.CALL_BACK, "record_feedback": Purpose.FEEDBACK}
_HANDED_IN = ("submit_measures", "submit_explanation", "appeal")
_DECIDED_BY_OTHERS = (CaseStatus.AWAITING_APPROVAL, CaseStatus.AWAITING_FEEDBACK, CaseStatus.APPEALED)
_ON_WHICH_OTHERS_DECIDE = frozenset({"approve", "send_back", "agree", "disagree", "record_feedback"})
REASON = "〔您写的原因〕"


def spoken(at: datetime | None) -> str:
    """12月7日（周一）17:30."""
    if at is None:
        return ""
    here = at.astimezone(CHINA)
    return f"{here.month}月{here.day}日（周{_WEEKDAYS[here.weekday()]}）{here:%H:%M}"


def todo_row(case: Case, now: datetime, desk_limit: datetime | None) -> dict[str, Any]:
    return {"line": case_line(case, now, desk_limit), "due": spoken(desk_limit or case.due_at)}


def head_values(session: Session, case: Case, now: datetime) -> dict[str, Any]:
    """Which case, where it stands, by when."""
    desk_limit = case_queries.desk_limits(session, [case.id]).get(case.id)
    return {
        "line": case_line(case, now, desk_limit, unseen=bool(called_unseen(session, [case.id]))),
        "spoken_due": spoken(desk_limit or case.due_at),
    }


def case_values(
    session: Session, case: Case, viewer: Viewer, now: datetime, *, scanning: bool
) -> dict[str, Any]:
    """The case at a glance; its running limits in plain words, each with its working (B1)."""
    rater = case.review.rater_name
    calls, files = case_queries.calls_of(session, case.id), case_queries.evidence_of(session, case.id)
    people = {call.staff_id for call in calls if call.staff_id} | {file.staff_id for file in files}
    names = page_queries.names_of(session, people)
    running = [
        due for due in case_queries.due_times_of(session, case.id)
        if due.round == case.round and due.replaced_by is None
    ]  # fmt: skip
    events = [views.event_view(one, rater) for one in reversed(case_queries.events_of(session, case.id))]
    return head_values(session, case, now) | {
        "handed_in": _handed_in(events) if case.status in _DECIDED_BY_OTHERS else None,
        "beside": beside_view(session, case, viewer, now),
        "review": views.review_view(case.review),
        "limits": [
            views.due_view(due, now) | {"words": _limit_words(due.due_at, due.met_at, now)} for due in running
        ],
        "calls": [views.call_view(call, names, rater) for call in calls],
        "evidence": [views.evidence_view(file, names, rater, scanning=scanning) for file in files],
        "events": events,
    }


def _handed_in(events: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """What the unit handed in last: whoever decides on it, or tells the rater, has to read it."""
    return next((event for event in events if event["move"] in _HANDED_IN), None)


def _limit_words(due: datetime, met: datetime | None, now: datetime) -> str:
    if met is not None:
        return f"{spoken(met)} 已完成" + ("，晚于期限" if met > due else "")
    left = due - now
    words = f"已超过 {views.span(left)}" if due < now else f"还剩 {views.span(left)}"
    return f"{spoken(due)} 前，{words}"


def idle_words(session: Session, case: Case, viewer: Viewer) -> str:
    """Why somebody who may look at a case has nothing to do about it."""
    if is_rated(case.review.handled_by, viewer.name, viewer.actor):
        return "这张工单评价的正是您本人，不能由您办理。"
    if not case.status.is_open:
        return "工单已办结，没有要办的事。"
    return f"工单现为「{case.status.label}」，现在没有要您办的事。"


def advice(anything_else: bool) -> str:
    return (
        "工单的情况已经变化，您现在可以办：" if anything_else else "工单的情况已经变化，现在没有要您办的事。"
    )


def sheet_values(
    session: Session, case: Case, sheet: Sheet, viewer: Viewer, now: datetime, rulebook: Rulebook, *,
    scanning: bool,
) -> dict[str, Any]:  # fmt: skip
    """What one sheet needs beside its fields."""
    purpose, rater = _PURPOSES.get(sheet.address), case.review.rater_name
    chosen = chosen_evidence(session, case.id, viewer) if sheet.takes_files else []
    told = sheet.address in _ON_WHICH_OTHERS_DECIDE
    events = case_queries.events_of(session, case.id) if told else []
    return {
        "handed_in": _handed_in([views.event_view(one, rater) for one in reversed(events)]),
        "beside": beside_view(session, case, viewer, now) if told else [],
        "purpose": purpose if purpose and may_reveal(session, case, viewer, now) else None,
        "attached": case_queries.count_evidence(session, case) if sheet.takes_files else 0,
        "chosen": [views.evidence_view(file, {}, rater, scanning=scanning) for file in chosen],
        "bases": bases_for(session, case) if sheet.address == "explain" else [],
        "extension": _extension(case, rulebook) if sheet.address == "extend" else None,
    }


def _extension(case: Case, rulebook: Rulebook) -> dict[str, Any]:
    """For every number of days one may ask for: the new due time, and what the rater would be told (F16)."""
    choices = []
    if case.due_at is not None:
        for days in range(1, rulebook.policy.extensions.most_days + 1):
            due = rulebook.extended(case.due_at, days).due_at
            told = notices.rater_extended(case.number, due.astimezone(CHINA), REASON)
            choices.append({"days": days, "due": spoken(due), "told": told["content"]})
    tells = case.real_name
    intro = (
        "督办同意后，评价人会收到这样一条短信，原因会原样告诉他："
        if tells
        else "这是匿名评价，没有号码，不会给评价人发短信。"
    )
    return {"choices": choices, "tells": tells, "intro": intro, "mark": REASON}
