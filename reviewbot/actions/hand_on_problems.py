"""An open problem whose owner cannot answer for it any more goes to others at once, as his cases do (B16, B22)."""

from datetime import datetime

from sqlalchemy.orm import Session

from reviewbot.models.oversight import Problem, ProblemHandover
from reviewbot.models.people import Department, Staff
from reviewbot.outbox import owe
from reviewbot.queries.delegates import acting_heads
from reviewbot.queries.directory import choose_holder, staff_by_userid, userids_with_role
from reviewbot.queries.handovers import Before
from reviewbot.queries.problems import problems_losing_owner
from reviewbot.rules.directory_words import problem_handed_on
from reviewbot.rules.lifecycle import Role


def hand_on_problems(
    session: Session, before: Before, why: str, *, at: datetime, actor: str, actor_name: str
) -> list[int]:
    """Each goes to who heads its unit today, else to whom the unit's rule chooses, else to the bureau's desk; the new
    owner and the supervisors are told, and the handing over is kept. The ids."""
    given = []
    for problem in problems_losing_owner(session, before.staff):
        heir = _heir(session, problem, at)
        problem.owner_id = heir.id if heir else None
        record = ProblemHandover(
            problem_id=problem.id, at=at, from_id=before.staff.id, to_id=problem.owner_id,
            why=f"{before.staff.name}{why}", actor=actor, actor_name=actor_name,
        )  # fmt: skip
        session.add(record)
        session.flush()
        _tell(session, problem, record, heir, at)
        given.append(problem.id)
    return given


def _heir(session: Session, problem: Problem, at: datetime) -> Staff | None:
    for userid in acting_heads(session, problem.department_id, at):
        return staff_by_userid(session, userid)
    return choose_holder(session, problem.department_id, at, rated=None)


def _tell(
    session: Session, problem: Problem, record: ProblemHandover, heir: Staff | None, at: datetime
) -> None:
    unit = session.get_one(Department, problem.department_id)
    body = problem_handed_on(
        problem.id, unit.short_name, problem.item, record.why, heir.name if heir else "（无人）"
    )
    receivers = {*([heir.userid] if heir else []), *userids_with_role(session, Role.SUPERVISOR)}
    for userid in sorted(receivers):
        owe(
            session, key=f"problem-{problem.id}-given-{record.id}-{userid.lower()}", kind="problem", userid=userid,
            body=body, at=at,
        )  # fmt: skip
