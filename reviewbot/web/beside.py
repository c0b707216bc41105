"""What runs beside a case's own path: applications with their decisions, other units' sub-tasks, re-calls."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from reviewbot.models.case import Case
from reviewbot.models.people import Department
from reviewbot.models.procedure import Application, ApplicationKind, Assistance
from reviewbot.models.rater import RaterAnswer
from reviewbot.queries.deciders import may_speak
from reviewbot.queries.procedure import applications_of, assistances_of, pending_applications
from reviewbot.queries.raters import answers_of
from reviewbot.queries.recalls import RecallRow, recalls_seen_by
from reviewbot.queries.scope import Viewer
from reviewbot.rules.masking import mask_personal
from reviewbot.rules.raters import Answer
from reviewbot.rules.recall import Finding
from reviewbot.web.lines import TASK_STATES
from reviewbot.web.views import moment


@dataclass(frozen=True)
class Beside:
    """One line: what it is, where it stands, what was said."""

    title: str
    state: str
    lines: tuple[str, ...]


def beside_view(session: Session, case: Case, viewer: Viewer, at: datetime) -> list[Beside]:
    """Oldest first within each kind; nothing where a case is simple. Of re-calls what this viewer may know."""
    rater = case.review.rater_name
    return [
        *(
            _application(one, rater)
            for one in applications_of(session, case.id)
            if one.kind is not ApplicationKind.CARD_APPEAL  # stands with its card
        ),
        *(_task(session, one, rater) for one in assistances_of(session, case.id)),
        *(_said(one, rater) for one in answers_of(session, case.id)),
        *(_recall(row, rater) for row in recalls_seen_by(session, viewer, at, case_id=case.id)),
    ]


def waiting_words(session: Session, case: Case, viewer: Viewer) -> list[tuple[ApplicationKind, str]]:
    """What waits for this person's word about a case: kind, and who asks for what and why."""
    waiting = [one for one in pending_applications(session, case.id) if may_speak(one, viewer)]
    return [
        (one.kind, f"{one.kind.label}：{_asked(one, case.review.rater_name)}")
        for one in waiting
        if one.kind is not ApplicationKind.CARD_APPEAL
    ]


def _asked(one: Application, rater: str | None) -> str:
    asked = {"days": "个工作日", "until": ""}
    what = "、".join(f"{one.data[name]}{unit}" for name, unit in asked.items() if name in one.data)
    said = (moment(one.asked_at), one.asked_name, what, mask_personal(one.reason, rater))
    return " ".join(filter(None, said))


def _application(one: Application, rater: str | None) -> Beside:
    decisions = (
        f"{moment(each.at)} {each.actor_name}{'同意' if each.agreed else '不同意'} {mask_personal(each.remark, rater)}"
        for each in one.decisions
    )
    return Beside(one.kind.label, one.state.label, (_asked(one, rater), *decisions))


def _task(session: Session, one: Assistance, rater: str | None) -> Beside:
    unit = session.get_one(Department, one.department_id).short_name
    late = "（逾期答复）" if one.answered_at and one.answered_at > one.due_at else ""
    answer = f"{moment(one.answered_at)} {mask_personal(one.answer, rater)}{late}" if one.answered_at else ""
    return Beside(
        f"{unit}协办",
        TASK_STATES[one.state],
        (f"{moment(one.due_at)} 前：{mask_personal(one.task, rater)}", answer),
    )


def _said(one: RaterAnswer, rater: str | None) -> Beside:
    """What the rater answered on his page; his words stand here and not in the chain."""
    return Beside(
        f"评价人（第{one.round}轮）",
        Answer(one.answer).label,
        (f"{moment(one.at)} {mask_personal(one.words, rater)}",),
    )


def _recall(row: RecallRow, rater: str | None) -> Beside:
    one = row.recall
    title = f"抽查回访 {one.period}"
    if one.finding is None:
        return Beside(title, "待回访", (f"由{row.caller.name}回访" if row.caller else "还没有回访人",))
    told = f"{moment(one.concluded_at)} {one.concluded_by} {mask_personal(one.note, rater)}"
    return Beside(title, Finding(one.finding).label, (told,))
