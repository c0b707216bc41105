"""举一反三: the problems that like bad reviews opened, their plan, and the figure that closes them."""

from datetime import date
from typing import Any

from sqlalchemy.orm import Session
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from reviewbot.actions.work_on_problem import close_problem, may_plan, plan, recurrence, under_way
from reviewbot.clock import CHINA
from reviewbot.errors import InvalidInput, NotFound, ReviewbotError
from reviewbot.models.oversight import Problem, ProblemAttempt, ProblemHandover
from reviewbot.models.people import Department, Staff
from reviewbot.queries.problems import attempts_at, cases_of_problem, handovers_of_problem, problems_seen_by
from reviewbot.queries.scope import Viewer
from reviewbot.rules.lifecycle import Role
from reviewbot.rules.masking import mask_personal
from reviewbot.web import login, paging, views
from reviewbot.web.forms import REMARK_LIMIT, kept_words
from reviewbot.web.login import house_of, poster
from reviewbot.web.paging import next_page, number_in


def problem_list(request: Request, viewer: Viewer) -> Response:
    closed = request.query_params.get("closed") == "1"
    after = number_in(request, "after")
    with house_of(request).database.begin() as session:
        found = problems_seen_by(session, viewer, closed=closed, after=after, limit=paging.PAGE + 1)
        rows = [_line(session, problem) for problem in found[: paging.PAGE]]
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
        line = _line(session, problem)
        stored = {
            "owner": line["owner"] if problem.owner_id else "", "root_cause": problem.root_cause,
            "measures": problem.measures, "measures_from": problem.measures_from or now.astimezone(CHINA).date(),
        }  # fmt: skip
        handovers = [_handover(session, one) for one in handovers_of_problem(session, ident)]
        attempts = [_attempt(session, one) for one in attempts_at(session, ident)]
        after = problem.after_count if problem.closed_at else recurrence(session, problem, now)
        cases = [
            {"number": case.number, "status": case.status.label} for case in cases_of_problem(session, ident)
        ]
    open_ = problem.closed_at is None
    return views.render(
        request, "problem.html", status=wrong.status if wrong else 200, problem=problem, line=line, after=after,
        cases=cases, may_plan=open_ and may_plan(problem, viewer), attempts=attempts, done=done,
        handovers=handovers,
        may_close=open_ and Role.SUPERVISOR in viewer.roles, begun=under_way(problem, now),
        filled=kept or stored, wrong=wrong.sentence if wrong else None,
    )  # fmt: skip


def _attempt(session: Session, one: ProblemAttempt) -> dict[str, Any]:
    return {
        "measures_from": one.measures_from, "ended": views.moment(one.ended_at), "ended_by": one.ended_by,
        "owner": session.get_one(Staff, one.owner_id).name, "root_cause": one.root_cause, "measures": one.measures,
        "after": one.after_count, "days": one.days,
    }  # fmt: skip


def _handover(session: Session, one: ProblemHandover) -> dict[str, Any]:
    taker = session.get_one(Staff, one.to_id).name if one.to_id else "（无人）"
    giver = session.get_one(Staff, one.from_id).name
    return {"at": views.moment(one.at), "from": giver, "to": taker, "why": one.why, "by": one.actor_name}


def _line(session: Session, problem: Problem) -> dict[str, Any]:
    owner = session.get(Staff, problem.owner_id) if problem.owner_id else None
    return {
        "id": problem.id,
        "unit": session.get_one(Department, problem.department_id).short_name,
        "item": mask_personal(problem.item),
        "reason": views.reason_word(problem.reason_code) if problem.reason_code else "未写明原因",
        "object": mask_personal(problem.object),
        "before": problem.before_count,
        "opened": views.moment(problem.opened_at),
        "owner": owner.name if owner else "—",
        "state": "已销号" if problem.closed_at else "措施实施中" if problem.measures_from else "待查明原因",
        "state_key": "closed" if problem.closed_at else "rectifying" if problem.measures_from else "overdue",
    }


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
