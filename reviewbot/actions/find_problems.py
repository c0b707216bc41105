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
from reviewbot.queries.problems import Cluster, clusters, open_problem_like
from reviewbot.rules.lifecycle import Role
from reviewbot.rules.notices import problem_opened
from reviewbot.rules.policy import ProblemRules


def find_problems(session: Session, *, now: datetime, rules: ProblemRules) -> list[int]:
    """Open a problem for every cluster that has none, add reviews to those that have; ids of the new ones."""
    since = now - timedelta(days=rules.window_days)
    opened = []
    for cluster in clusters(session, since, now, least=rules.count):
        problem = open_problem_like(session, cluster)
        if problem is None:
            if not _has_news(session, cluster):
                continue
            problem = _open(session, cluster, now, rules)
            opened.append(problem.id)
        session.execute(
            insert(ProblemReview)
            .values([{"problem_id": problem.id, "review_id": ident} for ident in cluster.review_ids])
            .on_conflict_do_nothing()
        )
    return opened


def _has_news(session: Session, cluster: Cluster) -> bool:
    """Whether a review of the cluster belongs to no problem yet: a closed one is not opened by what closed it."""
    known = select(ProblemReview.review_id).where(ProblemReview.review_id.in_(cluster.review_ids))
    return len(set(session.scalars(known))) < len(cluster.review_ids)


def _open(session: Session, cluster: Cluster, now: datetime, rules: ProblemRules) -> Problem:
    problem = Problem(
        department_id=cluster.department_id, item=cluster.item, reason_code=cluster.reason_code,
        object=cluster.object, opened_at=now, window_days=rules.window_days, root_cause="", measures="",
        before_count=len(cluster.review_ids),
    )  # fmt: skip
    session.add(problem)
    session.flush()
    unit = session.get_one(Department, cluster.department_id)
    body = problem_opened(problem.id, unit.short_name, problem.item, problem.before_count, rules.window_days)
    receivers = {
        *acting_heads(session, unit.id, now),
        *userids_with_role(session, Role.SUPERVISOR),
    }
    for userid in sorted(receivers):
        owe(
            session, key=f"problem-{problem.id}-{userid.lower()}", kind="problem", userid=userid, body=body, at=now
        )  # fmt: skip
    return problem
