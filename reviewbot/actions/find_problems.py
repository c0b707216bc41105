"""举一反三: like bad reviews over a window open a problem; the unit is told once (domain §10)."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from reviewbot.models.oversight import Problem, ProblemReview
from reviewbot.models.people import Department
from reviewbot.outbox import owe
from reviewbot.queries.delegates import acting_heads
from reviewbot.queries.directory import userids_with_role
from reviewbot.queries.problems import (
    Cluster,
    clusters,
    course_of,
    like_open_problems,
    open_problem_like,
    open_problems,
)
from reviewbot.rules.lifecycle import Role
from reviewbot.rules.notices import Body
from reviewbot.rules.problem_words import problem_opened, problem_overdue
from reviewbot.rules.rulebook import Rulebook


def find_problems(session: Session, *, now: datetime, rulebook: Rulebook) -> list[int]:
    """Open a problem for every cluster that has none, add to every open one what is like it; ids of the new ones."""
    rules = rulebook.policy.problems
    since = now - timedelta(days=rules.window_days)
    opened = [
        _open(session, cluster, now, rulebook).id
        for cluster in clusters(session, since, now, least=rules.count)
        if open_problem_like(session, cluster) is None and _has_news(session, cluster)
    ]
    gather(session, now)
    return opened


def gather(session: Session, now: datetime, ident: int | None = None) -> None:
    """Add to the open problems, or to one, every review that is like theirs, be it a single one."""
    columns = ["problem_id", "review_id"]
    found = insert(ProblemReview).from_select(columns, like_open_problems(now, ident))
    session.execute(found.on_conflict_do_nothing())


def remind_of_plans(session: Session, *, now: datetime, rulebook: Rulebook) -> int:
    """Tell once who owes a plan that is overdue, and the supervisors, when the office is open; how many problems."""
    told = 0
    for problem in open_problems(session):
        course = course_of(session, problem)
        if problem.reminded_at is None and course.is_overdue(now, rulebook.calendar):
            problem.reminded_at = now
            unit = session.get_one(Department, problem.department_id).short_name
            due = course.plan_due_at(rulebook.calendar)
            body = problem_overdue(problem.id, unit, problem.item, due, course.begin_by)
            _tell(session, problem, f"problem-{problem.id}-overdue", body, now, rulebook.office_opens(now))
            told += 1
    return told


def _has_news(session: Session, cluster: Cluster) -> bool:
    """Whether a review of the cluster belongs to no problem yet: a closed one is not opened by what closed it."""
    known = select(ProblemReview.review_id).where(ProblemReview.review_id.in_(cluster.review_ids))
    return len(set(session.scalars(known))) < len(cluster.review_ids)


def _open(session: Session, cluster: Cluster, now: datetime, rulebook: Rulebook) -> Problem:
    rules = rulebook.policy.problems
    problem = Problem(
        department_id=cluster.department_id, item=cluster.item, reason_code=cluster.reason_code,
        object=cluster.object, opened_at=now, opened_with=len(cluster.review_ids), window_days=rules.window_days,
        plan_days=rules.plan_days, begin_within=rules.begin_within, root_cause="", measures="",
    )  # fmt: skip
    session.add(problem)
    session.flush()
    unit, course = session.get_one(Department, cluster.department_id), course_of(session, problem)
    body = problem_opened(
        problem.id, unit.short_name, problem.item, problem.opened_with, rules.window_days,
        course.plan_due_at(rulebook.calendar), course.begin_by,
    )  # fmt: skip
    _tell(session, problem, f"problem-{problem.id}", body, now)
    return problem


def _tell(
    session: Session, problem: Problem, key: str, body: Body, now: datetime, opens: datetime | None = None
) -> None:
    """To who heads the unit today and to the supervisors; ``opens``: not before."""
    receivers = {
        *acting_heads(session, problem.department_id, now),
        *userids_with_role(session, Role.SUPERVISOR),
    }
    for userid in sorted(receivers):
        owe(
            session, key=f"{key}-{userid.lower()}", kind="problem", userid=userid, body=body, at=now,
            held_until=opens if opens and opens > now else None,
        )  # fmt: skip
