"""A problem gets an owner, a root cause and measures; only the figure of recurrence closes it (B16)."""

from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from reviewbot.actions.find_problems import gather
from reviewbot.clock import CHINA, check_days
from reviewbot.errors import Conflict, InvalidInput, NotAllowed, NotFound
from reviewbot.models.oversight import Problem, ProblemAttempt, ProblemHandover
from reviewbot.models.people import Department, Staff
from reviewbot.outbox import owe
from reviewbot.queries.directory import member_of
from reviewbot.queries.problems import attempts_at, count_like, course_of, handovers_of_problem
from reviewbot.queries.scope import Viewer
from reviewbot.rules.lifecycle import Role
from reviewbot.rules.policy import ProblemRules
from reviewbot.rules.problems import Course, Span
from reviewbot.rules.waiting import problem_given


def plan(
    session: Session, ident: int, viewer: Viewer, *, now: datetime, owner: str, root_cause: str, measures: str,
    measures_from: date,
) -> str:  # fmt: skip
    """Say why it happens, who mends it, what is done and from which day; the sentence told.

    Measures whose day has come are not rewritten: others begin a new attempt, and the old one is kept with its
    figure. A supervisor may break one off; the unit's head waits until the figure speaks. Measures begin within the
    days the rules said when it was opened.
    """
    problem = _locked(session, ident, viewer)
    if not may_plan(problem, viewer):
        raise NotAllowed("共性问题由单位负责人、确定的负责人或督办填写。")
    if not root_cause.strip() or not measures.strip():
        raise InvalidInput("请写明根本原因和整改措施。")
    person = member_of(session, problem.department_id, owner)
    if person is None:
        raise InvalidInput(f"该单位没有（或不止一位）“{owner}”，请写姓名或账号。")
    check_days(measures_from, measures_from)
    told, course = (root_cause, measures, measures_from), course_of(session, problem)
    if told != (problem.root_cause, problem.measures, problem.measures_from):
        judged = course.after()
        if judged is not None and under_way(problem, now):
            _give_way(session, problem, viewer, now, course, judged)
            if measures_from < _day(now):
                raise InvalidInput("新一轮措施的起始日期不能早于今天。")
        elif measures_from < _day(problem.opened_at):
            raise InvalidInput("措施起始日期不能早于问题立项之日。")
        if measures_from > (last := course_of(session, problem).last_first_day(now)):
            raise InvalidInput(f"措施最迟须自 {last} 起实施，不能更晚。")
        problem.root_cause, problem.measures, problem.measures_from = told
    _name(session, problem, person, viewer, now)
    return f"共性问题 {problem.id} 由{person.name}负责，措施自 {measures_from} 起。"


def _name(session: Session, problem: Problem, person: Staff, viewer: Viewer, now: datetime) -> None:
    """Make somebody its owner; he is told once, unless he has named himself."""
    if problem.owner_id == person.id:
        return
    if problem.owner_id is not None:
        session.add(
            ProblemHandover(
                problem_id=problem.id, at=now, from_id=problem.owner_id, to_id=person.id, why="另定负责人",
                actor=viewer.actor, actor_name=viewer.name,
            )
        )  # fmt: skip
        session.flush()
    problem.owner_id = person.id
    if person.userid == viewer.actor:
        return
    unit = session.get_one(Department, problem.department_id)
    times = len(handovers_of_problem(session, problem.id))
    owe(
        session, key=f"problem-{problem.id}-named-{times}-{person.userid.lower()}", kind="problem",
        userid=person.userid, at=now, body=problem_given(problem.id, unit.short_name, problem.item, viewer.name),
    )  # fmt: skip


def may_plan(problem: Problem, viewer: Viewer) -> bool:
    """Whether this person writes down what is done about it: who answers for it, or a supervisor."""
    return answers_for(problem, viewer) or Role.SUPERVISOR in viewer.roles


def answers_for(problem: Problem, viewer: Viewer) -> bool:
    """The unit's head, and its owner: whom the head has named, or who keeps it for a unit without anybody."""
    heads = Role.HEAD in viewer.roles and viewer.department_id == problem.department_id
    return heads or (viewer.staff_id is not None and viewer.staff_id == problem.owner_id)


def under_way(problem: Problem, now: datetime) -> bool:
    """Whether its measures have begun: on their first day they may still be corrected."""
    return problem.measures_from is not None and problem.measures_from < _day(now)


def _give_way(
    session: Session, problem: Problem, viewer: Viewer, now: datetime, course: Course, judged: Span
) -> None:
    """Keep the attempt under way with the figure it has come to: broken off, over as many days before as after."""
    start, end = judged
    if now < end and Role.SUPERVISOR not in viewer.roles:
        raise NotAllowed(
            f"措施自 {problem.measures_from} 起实施，满 {problem.window_days} 天前另换措施由督办决定。"
        )
    end = min(end, now)
    session.add(
        ProblemAttempt(
            problem_id=problem.id, owner_id=problem.owner_id, root_cause=problem.root_cause,
            measures=problem.measures, measures_from=problem.measures_from, days=(end - start).days,
            before_count=count_like(session, problem, course.before(now, end - start)),
            after_count=count_like(session, problem, (start, end)), ended_at=now, ended_by=viewer.name,
        )
    )  # fmt: skip
    session.flush()


def _day(at: datetime) -> date:
    return at.astimezone(CHINA).date()


def recurrence(session: Session, problem: Problem, now: datetime) -> tuple[int, int | None]:
    """Like reviews in the window before the measures, and in as many days from then on; None while those still run.

    Before the measures have begun the first is of the days up to now. Both are counted by what is known at this
    moment (what came late, which appeals were upheld), so that neither side has an advantage; a closed problem
    keeps the figure it was closed by.
    """
    if problem.closed_at is not None and problem.before_count is not None:
        return problem.before_count, problem.after_count
    course = course_of(session, problem)
    before, after = count_like(session, problem, course.before(now)), course.after()
    return before, count_like(session, problem, after) if after and now >= after[1] else None


def close_problem(session: Session, ident: int, viewer: Viewer, *, now: datetime, rules: ProblemRules) -> str:
    """Close it by the figure: recurrence after against before; refused while it is too high or not yet known."""
    problem = _locked(session, ident, viewer)
    if Role.SUPERVISOR not in viewer.roles:
        raise NotAllowed("共性问题由督办销号。")
    before, after = recurrence(session, problem, now)
    if after is None:
        raise Conflict(f"共性问题 {ident} 的措施须实施满 {problem.window_days} 天，才能看出是否不再发生。")
    if after > rules.recurrence_at_most * before:
        raise Conflict(f"共性问题 {ident} 措施前 {before} 件、措施后 {after} 件，仍在发生，不能销号。")
    gather(session, now, ident)
    problem.before_count, problem.after_count = before, after
    problem.closed_at, problem.closed_by = now, viewer.name
    earlier = "".join(f"此前的{figure_of(one)}。" for one in attempts_at(session, ident))
    return f"共性问题 {ident} 已销号：措施前 {before} 件，措施后 {after} 件。{earlier}"


def figure_of(one: ProblemAttempt) -> str:
    """What came of measures that gave way; the days before are not said of those that gave way uncounted."""
    before = f"措施前 {one.days} 天 {one.before_count} 件，" if one.before_count is not None else ""
    return f"{before}措施后 {one.days} 天 {one.after_count} 件"


def _locked(session: Session, ident: int, viewer: Viewer) -> Problem:
    problem = session.scalar(select(Problem).where(Problem.id == ident).with_for_update())
    if problem is None or not (viewer.sees_all or viewer.department_id == problem.department_id):
        raise NotFound("没有这个共性问题，或您无权查看。")
    if problem.closed_at is not None:
        raise Conflict(f"共性问题 {ident} 已销号。")
    return problem
