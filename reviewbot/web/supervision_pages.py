"""What supervisors have to look into because a rater said so: the list, and the finding that settles each."""

from typing import Any

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from reviewbot.actions.settle_concern import FINDING_LIMIT, settle_concern
from reviewbot.errors import NotAllowed, NotFound, ReviewbotError
from reviewbot.models.case import Case
from reviewbot.models.oversight import SupervisionEvent
from reviewbot.queries.pages import department_by_code
from reviewbot.queries.raters import concerns
from reviewbot.queries.scope import SUPERVISION, Viewer
from reviewbot.rules.lifecycle import Role
from reviewbot.rules.masking import mask_personal
from reviewbot.rules.raters import Concern
from reviewbot.web import login, paging, views
from reviewbot.web.login import house_of, poster
from reviewbot.web.paging import next_page, number_in


def supervision(request: Request, viewer: Viewer) -> Response:
    return _show(request, viewer)


def _show(
    request: Request,
    viewer: Viewer,
    *,
    wrong: ReviewbotError | None = None,
    refused: int | None = None,
    typed: str = "",
) -> Response:
    """The page; ``typed``: a finding that was refused, shown again as it was written, its row ``refused`` first."""
    if not viewer.roles & SUPERVISION:
        raise NotAllowed("督办事项只对督办、领导、审计和管理员开放。")
    query = request.query_params
    settled = query.get("settled", "") == "1" and wrong is None
    after = number_in(request, "after") if refused is None else refused - 1
    with house_of(request).database.begin() as session:
        unit = department_by_code(session, query.get("department", ""))
        if unit is None and query.get("department"):
            raise NotFound("没有这个单位。")
        found = concerns(
            session,
            settled=settled,
            department_id=unit.id if unit else None,
            after=after,
            limit=paging.PAGE + 1,
        )
        rows = [_row(event, case) for event, case in found[: paging.PAGE]]
    more = {"settled": "1"} if settled else {}
    more |= {"department": unit.code} if unit else {}
    return views.render(
        request, "supervision.html", status=wrong.status if wrong else 200, rows=rows, settled=settled,
        may_settle=Role.SUPERVISOR in viewer.roles, typed=typed, refused=refused,
        adrift=bool(typed) and refused not in [row["id"] for row in rows], limit=FINDING_LIMIT,
        wrong=wrong.sentence if wrong else None, done="done" in query and wrong is None,
        unit=unit.short_name if unit else "",
        next=next_page("/supervision", [event for event, _ in found], **more),
    )  # fmt: skip


def _row(event: SupervisionEvent, case: Case) -> dict[str, Any]:
    rater = case.review.rater_name
    return {
        "id": event.id,
        "what": Concern(event.kind).label if event.kind in {known.value for known in Concern} else event.kind,
        "number": case.number,
        "item": mask_personal(case.review.item or "未写明事项", rater),
        "unit": case.department.short_name if case.department else "未派单",
        "round": event.round,
        "said": mask_personal(event.said, rater),
        "opened": views.moment(event.opened_at),
        "settled": views.moment(event.settled_at) if event.settled_at else "",
        "by": event.settled_by or "",
        "finding": mask_personal(event.finding or "", rater),
    }


def settle(request: Request, form: FormData) -> Response:
    """One finding."""
    house, ident = house_of(request), min(request.path_params["ident"], 2**31 - 1)
    viewer = poster(request, form)
    finding = login.text_of(form, "finding").replace("\x00", "")
    try:
        with house.database.begin() as session:
            settle_concern(session, ident, finding, viewer, at=house.clock.now())
    except NotAllowed:
        raise
    except ReviewbotError as wrong:
        return _show(request, viewer, wrong=wrong, refused=ident, typed=finding)
    return RedirectResponse("/supervision?done=1", status_code=303)
