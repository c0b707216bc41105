"""The ledger of intake: the balance, every record that did not become a review, and what is done about it."""

from datetime import datetime
from urllib.parse import quote, urlencode

import msgspec
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from reviewbot.actions.settle_record import SETTLERS, dismiss, set_aside_record, take_in
from reviewbot.clock import CHINA
from reviewbot.errors import InvalidInput, NotAllowed, ReviewbotError
from reviewbot.models.review import KeptRecord
from reviewbot.queries import pages as page_queries
from reviewbot.queries.counts import intake_balance
from reviewbot.queries.scope import Viewer
from reviewbot.queue import TaskName
from reviewbot.rules.grading import GRADE_NAMES
from reviewbot.sources.masking import mask_personal
from reviewbot.sources.record import Correction, TextRow
from reviewbot.sources.split import Piece
from reviewbot.web import login, views
from reviewbot.web.intake import to_record
from reviewbot.web.login import house_of, poster

PAGE = 50
KINDS = ("set_aside", "refused", "altered")


def intake(request: Request, viewer: Viewer) -> Response:
    """The balance of intake, and every record that did not become a review, with its reason (law 6)."""
    return _show(request, viewer, done=request.query_params.get("done", "")[:200])


def _show(
    request: Request, viewer: Viewer, *, done: str = "", wrong: ReviewbotError | None = None
) -> Response:
    if not viewer.roles & login.INTAKE_ROLES:
        raise NotAllowed("接收台账只对派单员、督办、审计和管理员开放。")
    query = request.query_params
    kind = query.get("kind", "") if query.get("kind") in KINDS else ""
    after = int(query["after"]) if query.get("after", "").isdecimal() and len(query["after"]) < 10 else None
    house = house_of(request)
    with house.database.begin() as session:
        balance = intake_balance(session, house.clock.now())
        if kind == "altered":
            copies = page_queries.altered_copies(session, after=after, limit=PAGE + 1)
            rows = [
                _row(copy.id, copy.received_at, review.source, "altered", "同一评价再次送达而内容不同，以首次为准",
                     f"{review.external_id} / {review.round}", copy.raw)
                for copy, review in copies
            ]  # fmt: skip
        else:
            found = page_queries.kept_records(session, result=kind or None, after=after, limit=PAGE + 1)
            rows = [
                _row(row.id, row.received_at, row.source, row.result, row.reason,
                     f"{row.external_id or '—'} / {row.round or '—'}", row.raw)
                | {"settled": _settled(row)}
                for row in found
            ]  # fmt: skip
    more = urlencode({"kind": kind, "after": rows[PAGE - 1]["id"]}) if len(rows) > PAGE else None
    return views.render(
        request, "intake.html", status=wrong.status if wrong else 200, balance=balance,
        labels=views.RESULT_LABELS, rows=rows[:PAGE], kind=kind, next=f"/intake?{more}" if more else None,
        may_settle=bool(viewer.roles & SETTLERS), grades=GRADE_NAMES, done=done,
        wrong=wrong.sentence if wrong else None,
    )  # fmt: skip


def _row(
    ident: int, at: datetime, source: str, result: str, reason: str, about: str, raw: bytes
) -> dict[str, object]:
    return {
        "id": ident, "at": views.moment(at), "source": source, "key": result, "about": about, "settled": None,
        "result": views.RESULT_LABELS.get(result, result), "reason": mask_personal(reason),
        "raw": views.raw_view(raw),
    }  # fmt: skip


def _settled(row: KeptRecord) -> str | None:
    if row.settled_at is None:
        return None
    how = {"taken_in": "补正接收", "dismissed": "不予接收"}[row.settlement or "dismissed"]
    return (
        f"{views.moment(row.settled_at)} {row.settled_by}{how}：{mask_personal(row.settlement_reason or '')}"
    )


def settle(request: Request, form: FormData) -> Response:
    """补正接收 or 不予接收 of one record that was set aside."""
    house, ident = house_of(request), min(request.path_params["ident"], 2**31 - 1)
    viewer = poster(request, form)
    reason, now = login.text_of(form, "reason")[:1000], house.clock.now()
    try:
        with house.database.begin() as session:
            kept = set_aside_record(session, ident, viewer)
            if login.text_of(form, "act") == "take_in":
                record = to_record(house, house.profiles[kept.source], _piece(kept), _correction(form))
                done = take_in(session, kept, record, reason, viewer, at=now)
            else:
                done = dismiss(session, kept, reason, viewer, at=now)
    except ReviewbotError as wrong:
        return _show(request, viewer, wrong=wrong)
    if done.bad_review_ids:
        house.ring(TaskName.ROUTE, done.bad_review_ids)
    return RedirectResponse(f"/intake?kind=set_aside&done={quote(done.sentence)}", status_code=303)


def _piece(kept: KeptRecord) -> Piece:
    """The record as it came; a row of a table file is all text."""
    try:
        value = msgspec.json.decode(kept.raw)
    except ValueError:
        raise InvalidInput("原始记录不完整，不能补正，请发送方改正后重发。") from None
    if isinstance(value, dict) and all(isinstance(each, str) for each in value.values()):
        value = TextRow(value)
    return Piece(kept.raw, value, None)


def _correction(form: FormData) -> Correction:
    grade, moment = login.text_of(form, "rating"), login.text_of(form, "reviewed_at")
    try:
        at = datetime.fromisoformat(moment).replace(tzinfo=CHINA) if moment else None
    except ValueError:
        raise InvalidInput("评价时间无法识别，请按 2026-11-30 09:00 的样子填写。") from None
    if grade and grade not in {str(each) for each in GRADE_NAMES}:
        raise InvalidInput("评价等级应为五级之一。")
    return Correction(rating=int(grade) if grade else None, reviewed_at=at)
