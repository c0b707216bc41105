"""派单规则: the rulings that later cases are routed by, each with its ground, and the form that ends it."""

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from reviewbot.actions.end_rule import ENDING, REASON_LIMIT, end_rule
from reviewbot.errors import NotAllowed, ReviewbotError
from reviewbot.queries.directory import routing_rules
from reviewbot.queries.scope import Viewer
from reviewbot.rules.lifecycle import CITY_WIDE
from reviewbot.rules.masking import mask_personal
from reviewbot.web import login, paging, views
from reviewbot.web.login import house_of, poster
from reviewbot.web.paging import next_page, number_in

_WHAT = {"item": "事项", "window": "窗口"}


def routing(request: Request, viewer: Viewer) -> Response:
    return _show(request, viewer)


def _show(
    request: Request, viewer: Viewer, *, wrong: ReviewbotError | None = None, refused: int | None = None,
    typed: str = "",
) -> Response:  # fmt: skip
    """The page; ``typed``: a reason that was refused, shown again as it was written, its row ``refused`` first."""
    if not viewer.roles & CITY_WIDE:
        raise NotAllowed("派单规则只对派单员、督办、领导、审计和管理员开放。")
    ended = request.query_params.get("ended", "") == "1" and wrong is None
    after = number_in(request, "after") if refused is None else refused + 1
    with house_of(request).database.begin() as session:
        found = routing_rules(session, ended=ended, after=after, limit=paging.PAGE + 1)
        rows = [
            {
                "id": rule.id, "what": _WHAT[rule.kind], "value": mask_personal(rule.value), "unit": unit,
                "reason": mask_personal(rule.reason), "number": number or "", "by": rule.ended_by or "",
                "ended": views.moment(rule.ended_at) if rule.ended_at else "",
                "why": mask_personal(rule.ended_reason or ""),
            }
            for rule, unit, number in found[: paging.PAGE]
        ]  # fmt: skip
    return views.render(
        request, "routing.html", status=wrong.status if wrong else 200, rows=rows, ended=ended,
        may_end=bool(viewer.roles & ENDING), limit=REASON_LIMIT, refused=refused, typed=typed,
        wrong=wrong.sentence if wrong else None, done="done" in request.query_params and wrong is None,
        next=next_page("/routing", [rule for rule, _, _ in found], **({"ended": "1"} if ended else {})),
    )  # fmt: skip


def end(request: Request, form: FormData) -> Response:
    """One rule ended."""
    house, ident = house_of(request), min(request.path_params["ident"], 2**31 - 1)
    viewer, reason = poster(request, form), login.text_of(form, "reason")
    try:
        with house.database.begin() as session:
            end_rule(session, ident, reason, viewer, at=house.clock.now())
    except NotAllowed:
        raise
    except ReviewbotError as wrong:
        return _show(request, viewer, wrong=wrong, refused=ident, typed=reason)
    return RedirectResponse("/routing?done=1", status_code=303)
