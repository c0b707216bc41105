"""举一反三: the problems that like bad reviews opened, their plan, and the figure that closes them."""

from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from reviewbot.actions.work_on_problem import close_problem, figure_of, may_plan, plan, recurrence, under_way
from reviewbot.clock import CHINA
from reviewbot.errors import InvalidInput, NotFound, ReviewbotError
from reviewbot.models.oversight import Problem, ProblemAttempt, ProblemHandover
from reviewbot.models.people import Department, Staff
from reviewbot.queries.problems import (
    attempts_at,
    cases_of_problem,
    course_of,
    handovers_of_problem,
    problems_seen_by,
)
from reviewbot.queries.scope import Viewer
from reviewbot.rules.calendar import Calendar
from reviewbot.rules.lifecycle import Role
from reviewbot.rules.masking import mask_personal
from reviewbot.rules.problems import Course, by_part
from reviewbot.web import login, paging, views
from reviewbot.web.forms import REMARK_LIMIT, kept_words
from reviewbot.web.login import house_of, poster
from reviewbot.web.paging import next_page, number_in


def problem_list(request: Request, viewer: Viewer) -> Response:
    closed = request.query_params.get("closed") == "1"
    after = number_in(request, "after")
    house = house_of(request)
    now = house.clock.now()
    with house.database.begin() as session:
        calendar = house.today(session).calendar
        found = problems_seen_by(session, viewer, closed=closed, after=after, limit=paging.PAGE + 1)
        rows = [_line(session, problem, now, calendar) for problem in found[: paging.PAGE]]
    following = next_page("/problems", found, **({"closed": "1"} if closed else {}))
    return views.render(request, "problems.html", rows=rows, closed=closed, next=following)


def problem_page(request: Request, viewer: Viewer) -> Response:
    return _show(request, viewer, done=_DONE.get(request.query_params.get("done", ""), ""))


_DONE = {"plan": "原因和措施已保存。", "close": "这个共性问题已销号。"}


def _show(
    request: Request,
    viewer: Viewer,
    *,
    done: str = "",
    wrong: ReviewbotError | None = None,
    kept: dict[str, str] | None = None,
) -> Response:
    house, ident = house_of(request), min(request.path_params["ident"], 2**31 - 1)
    now = house.clock.now()
    with house.database.begin() as session:
        problem = session.get(Problem, ident)
        if problem is None or not (viewer.sees_all or viewer.department_id == problem.department_id):
            raise NotFound("没有这个共性问题，或您无权查看。")
        calendar = house.today(session).calendar
        line = _line(session, problem, now, calendar)
        course = course_of(session, problem)
        stored = {
            "owner": line["owner"] if problem.owner_id else "", "root_cause": problem.root_cause,
            "measures": problem.measures, "measures_from": problem.measures_from or now.astimezone(CHINA).date(),
        }  # fmt: skip
        handovers = [_handover(session, one) for one in handovers_of_problem(session, ident)]
        attempts = [_attempt(session, one) for one in attempts_at(session, ident)]
        before, after = recurrence(session, problem, now)
        cases, parts = _cases(session, problem, course, now)
        due = views.moment(course.plan_due_at(calendar))
    open_ = problem.closed_at is None
    return views.render(
        request, "problem.html", status=wrong.status if wrong else 200, problem=problem, line=line,
        before=before, after=after, cases=cases, parts=parts, due=due, begin_by=course.begin_by,
        last=course.last_first_day(now), started=course.has_begun(now),
        waiting=sum(case["open"] for case in cases.values()),
        may_plan=open_ and may_plan(problem, viewer), attempts=attempts, done=done,
        handovers=handovers,
        may_close=open_ and Role.SUPERVISOR in viewer.roles, begun=under_way(problem, now),
        filled=kept or stored, wrong=wrong.sentence if wrong else None,
    )  # fmt: skip


def _cases(
    session: Session, problem: Problem, course: Course, now: datetime
) -> tuple[dict[str, dict[str, Any]], dict[str, list[str]]]:
    """What is said of each case, and which of them fall in each part of the time."""
    found = cases_of_problem(session, problem, now)
    at = problem.closed_at or now
    parts = {
        part.value: numbers
        for part, numbers in by_part(
            course, {case.number: rated for case, rated, counts in found if counts}, at
        ).items()
    }
    if left_out := [case.number for case, _, counts in found if not counts]:
        parts["申诉成立或已改派（不再计入）"] = left_out
    said = {
        case.number: {
            "status": case.status.label, "rated": f"{rated.astimezone(CHINA):%m-%d}",
            "open": case.status.is_open,
        }
        for case, rated, _ in found
    }  # fmt: skip
    return said, parts


def _attempt(session: Session, one: ProblemAttempt) -> dict[str, Any]:
    return {
        "measures_from": one.measures_from, "ended": views.moment(one.ended_at), "ended_by": one.ended_by,
        "owner": session.get_one(Staff, one.owner_id).name, "root_cause": one.root_cause, "measures": one.measures,
        "figure": figure_of(one),
    }  # fmt: skip


def _handover(session: Session, one: ProblemHandover) -> dict[str, Any]:
    taker = session.get_one(Staff, one.to_id).name if one.to_id else "（无人）"
    giver = session.get_one(Staff, one.from_id).name
    return {"at": views.moment(one.at), "from": giver, "to": taker, "why": one.why, "by": one.actor_name}


def _line(session: Session, problem: Problem, now: datetime, calendar: Calendar) -> dict[str, Any]:
    course = course_of(session, problem)
    state, key = _state(problem, course, now)
    owner = session.get(Staff, problem.owner_id) if problem.owner_id else None
    return {
        "id": problem.id,
        "unit": session.get_one(Department, problem.department_id).short_name,
        "item": mask_personal(problem.item),
        "reason": views.reason_word(problem.reason_code) if problem.reason_code else "未写明原因",
        "object": mask_personal(problem.object),
        "opened_with": problem.opened_with,
        "opened": views.moment(problem.opened_at),
        "owner": owner.name if owner else "—",
        "state": state,
        "state_key": key,
        "overdue": problem.closed_at is None and course.is_overdue(now, calendar),
    }


def _state(problem: Problem, course: Course, now: datetime) -> tuple[str, str]:
    """The word, and the colour of the badge."""
    if problem.closed_at is not None:
        return "已销号", "closed"
    if course.measures_from is None:
        return "待查明原因", "awaiting_sign"
    return ("措施实施中", "rectifying") if course.has_begun(now) else ("待实施", "awaiting_sign")


def act(request: Request, form: FormData) -> Response:
    """填写措施 or 销号."""
    house, ident = house_of(request), min(request.path_params["ident"], 2**31 - 1)
    viewer = poster(request, form)
    now = house.clock.now()
    done = "close" if login.text_of(form, "act") == "close" else "plan"
    try:
        with house.database.begin() as session:
            if done == "close":
                rules = house.today(session).policy.problems
                close_problem(session, ident, viewer, now=now, rules=rules)
            else:
                plan(
                    session, ident, viewer, now=now, owner=login.text_of(form, "owner"),
                    root_cause=login.words_of(form, "root_cause", "根本原因", REMARK_LIMIT),
                    measures=login.words_of(form, "measures", "措施", REMARK_LIMIT),
                    measures_from=_day(login.text_of(form, "measures_from")),
                )  # fmt: skip
    except NotFound:
        raise
    except ReviewbotError as wrong:
        return _show(request, viewer, wrong=wrong, kept=kept_words(form) if done == "plan" else None)
    return RedirectResponse(f"/problems/{ident}?done={done}", status_code=303)


def _day(word: str) -> date:
    try:
        return date.fromisoformat(word)
    except ValueError:
        raise InvalidInput("请写明措施从哪一天开始。") from None
