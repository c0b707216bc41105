"""A problem gets an owner, a root cause and measures; only the figure of recurrence closes it (B16)."""

from datetime import date, datetime, time, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from reviewbot.clock import CHINA, check_days
from reviewbot.errors import Conflict, InvalidInput, NotAllowed, NotFound
from reviewbot.models.oversight import Problem
from reviewbot.queries.directory import member_of
from reviewbot.queries.problems import count_like
from reviewbot.queries.scope import Viewer
from reviewbot.rules.lifecycle import Role
from reviewbot.rules.policy import ProblemRules


def plan(
    session: Session, ident: int, viewer: Viewer, *, owner: str, root_cause: str, measures: str, measures_from: date
) -> str:  # fmt: skip
    """Say why it happens, who mends it, what is done and from which day; the sentence told."""
    problem = _locked(session, ident, viewer)
    own_head = Role.HEAD in viewer.roles and viewer.department_id == problem.department_id
    if not (own_head or Role.SUPERVISOR in viewer.roles):
        raise NotAllowed("共性问题由单位负责人或督办填写。")
    if not root_cause.strip() or not measures.strip():
        raise InvalidInput("请写明根本原因和整改措施。")
    person = member_of(session, problem.department_id, owner)
    if person is None:
        raise InvalidInput(f"该单位没有（或不止一位）“{owner}”，请写姓名或账号。")
    if measures_from < problem.opened_at.astimezone(CHINA).date():
        raise InvalidInput("措施起始日期不能早于问题立项之日。")
    check_days(measures_from, measures_from)
    problem.owner_id, problem.root_cause, problem.measures = person.id, root_cause, measures
    problem.measures_from = measures_from
    return f"共性问题 {problem.id} 由{person.name}负责，措施自 {measures_from} 起。"


def recurrence(session: Session, problem: Problem, now: datetime) -> int | None:
    """Like reviews since the measures began, over as many days as before; None while that time still runs."""
    if problem.measures_from is None:
        return None
    start = max(datetime.combine(problem.measures_from, time(), CHINA), problem.opened_at)
    end = start + timedelta(days=problem.window_days)
    return count_like(session, problem, start, end) if now >= end else None


def close_problem(session: Session, ident: int, viewer: Viewer, *, now: datetime, rules: ProblemRules) -> str:
    """Close it by the figure: recurrence after against before; refused while it is too high or not yet known."""
    problem = _locked(session, ident, viewer)
    if Role.SUPERVISOR not in viewer.roles:
        raise NotAllowed("共性问题由督办销号。")
    after = recurrence(session, problem, now)
    if after is None:
        raise Conflict(f"共性问题 {ident} 的措施须实施满 {problem.window_days} 天，才能看出是否不再发生。")
    if after > rules.recurrence_at_most * problem.before_count:
        raise Conflict(
            f"共性问题 {ident} 措施前 {problem.before_count} 件、措施后 {after} 件，仍在发生，不能销号。"
        )
    problem.after_count, problem.closed_at, problem.closed_by = after, now, viewer.name
    return f"共性问题 {ident} 已销号：措施前 {problem.before_count} 件，措施后 {after} 件。"


def _locked(session: Session, ident: int, viewer: Viewer) -> Problem:
    problem = session.scalar(select(Problem).where(Problem.id == ident).with_for_update())
    if problem is None or not (viewer.sees_all or viewer.department_id == problem.department_id):
        raise NotFound("没有这个共性问题，或您无权查看。")
    if problem.closed_at is not None:
        raise Conflict(f"共性问题 {ident} 已销号。")
    return problem
