"""The ledger of intake: the balance, every record that did not become a review, and what is done about it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import msgspec
from sqlalchemy.exc import DataError
from sqlalchemy.orm import Session
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from reviewbot.actions.receive_reviews import TAKES_BACK
from reviewbot.actions.settle_record import (
    REASON_LIMIT,
    SETTLERS,
    Settled,
    dismiss,
    set_aside_record,
    take_in,
)
from reviewbot.clock import CHINA
from reviewbot.errors import Conflict, InvalidInput, NotAllowed, ReviewbotError
from reviewbot.models.review import KeptRecord
from reviewbot.queries import kept as kept_queries
from reviewbot.queries import pages as page_queries
from reviewbot.queries.counts import intake_balance
from reviewbot.queries.scope import Viewer
from reviewbot.queue import TaskName
from reviewbot.rules.grading import GRADE_NAMES
from reviewbot.rules.masking import mask_personal
from reviewbot.sources.mapping import map_record
from reviewbot.sources.record import Correction, Refusal, TextRow
from reviewbot.sources.split import Piece, split_body
from reviewbot.web import login, paging, views
from reviewbot.web.intake import to_record
from reviewbot.web.login import house_of, poster
from reviewbot.web.paging import number_in
from reviewbot.wiring import House

KINDS = ("set_aside", "refused", "altered")
Rows = list[dict[str, Any]]
_MOMENT = re.compile(r"[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2})?", re.ASCII)
"""As a browser sends a moment; in China, because that is what the page shows."""
_UNREADABLE = "评价时间无法识别，请按 2026-11-30 09:00 的样子填写。"


@dataclass(frozen=True)
class _Place:
    """Which records, and where the page before ended; ``settled``: past those that wait for the desk."""

    kind: str
    after: int | None
    settled: bool


def intake(request: Request, viewer: Viewer) -> Response:
    """The balance of intake, and every record that did not become a review, with its reason (law 6)."""
    return _show(request, viewer, done=number_in(request, "done"))


def _show(
    request: Request,
    viewer: Viewer,
    *,
    done: int | None = None,
    wrong: ReviewbotError | None = None,
    typed: dict[str, str] | None = None,
) -> Response:
    """The page; ``typed``: a form that was refused, shown again as it was filled in."""
    if not viewer.roles & login.INTAKE_ROLES:
        raise NotAllowed("接收台账只对派单员、督办、审计和管理员开放。")
    house, query = house_of(request), request.query_params
    wanted = query.get("kind", "") if query.get("kind") in KINDS else ""
    place = _Place(wanted, number_in(request, "after"), query.get("part") == "rest")
    if wrong:
        place = _Place("set_aside", int(typed["ident"]) - 1 if typed else None, settled=False)
    may_settle = bool(viewer.roles & SETTLERS)
    with house.database.begin() as session:
        balance = intake_balance(session, house.clock.now())
        rows = _altered(session, place) if place.kind == "altered" else _kept(session, place)
        for row in rows:
            if row["open"] and may_settle:
                row.update(_asks(house, row["kept"]))
        told = kept_queries.find_kept(session, done) if done else None
        said = _settled_rows(session, [told]) if told and told.settled_at else []
    shown = rows[: paging.PAGE]
    return views.render(
        request, "intake.html", status=wrong.status if wrong else 200, balance=balance,
        labels=views.RESULT_LABELS, kind=place.kind, next=_next(place.kind, shown) if len(rows) > paging.PAGE else None,
        waiting=[row for row in shown if row["open"]], others=[row for row in shown if not row["open"]],
        may_settle=may_settle, grades=GRADE_NAMES, done=said[0] if said else None, typed=typed or {},
        reason_limit=REASON_LIMIT, wrong=_words(wrong) if wrong else None,
    )  # fmt: skip


def _words(wrong: ReviewbotError) -> str:
    """The sentence; what a record says may carry personal data, what stands against it is named in full."""
    return wrong.sentence if isinstance(wrong, Conflict) else mask_personal(wrong.sentence)


def _next(kind: str, shown: Rows) -> str:
    part = "open" if shown[-1]["open"] else "rest"
    return "/intake?" + urlencode({"kind": kind, "after": shown[-1]["id"], "part": part})


def _kept(session: Session, place: _Place) -> Rows:
    """What waits for the desk first, longest waiting first; then the others, newest first."""
    opened: list[KeptRecord] = []
    past_open = place.settled or place.kind == "refused"
    if not past_open:
        opened = kept_queries.open_set_aside(session, after=place.after, limit=paging.PAGE + 1)
    others = kept_queries.other_records(
        session,
        result=place.kind or None,
        after=place.after if past_open else None,
        limit=paging.PAGE + 1 - len(opened),
    )
    return [*map(_row, opened), *_settled_rows(session, others)]


def _row(row: KeptRecord) -> dict[str, Any]:
    about = f"{row.external_id or '—'} / {row.round or '—'}"
    line = _line(row.id, row.received_at, row.source, row.result, row.reason, about, row.raw)
    return line | {"open": row.result == "set_aside" and row.settled_at is None, "kept": row}


def _line(
    ident: int, at: datetime, source: str, result: str, reason: str, about: str, raw: bytes
) -> dict[str, Any]:
    return {
        "id": ident, "at": views.moment(at), "source": source, "key": result, "about": about,
        "result": views.RESULT_LABELS.get(result, result), "reason": mask_personal(reason),
        "raw": views.raw_view(raw), "settled": None, "open": False,
    }  # fmt: skip


def _altered(session: Session, place: _Place) -> Rows:
    return [
        _line(copy.id, copy.received_at, review.source, "altered",
              TAKES_BACK if copy.outcome else "同一评价再次送达而内容不同，以首次为准",
              f"{review.external_id} / {review.round}", copy.raw)
        for copy, review in page_queries.altered_copies(session, after=place.after, limit=paging.PAGE + 1)
    ]  # fmt: skip


def _settled_rows(session: Session, records: Sequence[KeptRecord]) -> Rows:
    numbers = kept_queries.case_numbers(session, [row.review_id for row in records if row.review_id])
    return [
        _row(row)
        | {"settled": views.settlement_view(row) if row.settled_at else None,
           "case": numbers.get(row.review_id or 0)}
        for row in records
    ]  # fmt: skip


def _asks(house: House, kept: KeptRecord) -> dict[str, Any]:
    """What a person would have to put right today; a table or a clock may have caught up meanwhile."""
    profile = house.profiles.get(kept.source)
    try:
        piece = _piece(kept)
    except InvalidInput as wrong:
        return {"asks": (), "blocked": wrong.sentence}
    if profile is None:
        return {"asks": (), "blocked": f"来源“{kept.source}”已不在配置中，不能补正接收。"}
    told = map_record(profile, piece.value, now=house.clock.now(), limits=house.date_limits)
    return {"asks": told.correctable if isinstance(told, Refusal) else (), "blocked": None}


def settle(request: Request, form: FormData) -> Response:
    """补正接收 or 不予接收 of one record that was set aside."""
    house, ident = house_of(request), min(request.path_params["ident"], 2**31 - 1)
    viewer = poster(request, form)
    try:
        with house.database.begin() as session:
            done = _settle(house, session, ident, viewer, form)
    except NotAllowed:
        raise
    except ReviewbotError as wrong:
        typed = {name: word for name, word in form.items() if isinstance(word, str) and name != "csrf"}
        return _show(request, viewer, wrong=wrong, typed=typed | {"ident": str(ident)})
    if done.bad_review_ids:
        house.ring(TaskName.ROUTE, done.bad_review_ids)
    return RedirectResponse(f"/intake?kind=set_aside&done={ident}", status_code=303)


def _settle(house: House, session: Session, ident: int, viewer: Viewer, form: FormData) -> Settled:
    reason, now = login.text_of(form, "reason"), house.clock.now()
    kept = set_aside_record(session, ident, viewer)
    match login.text_of(form, "act"):
        case "take_in":
            profile = house.profiles.get(kept.source)
            if profile is None:
                raise InvalidInput(f"来源“{kept.source}”已不在配置中，不能补正接收。")
            correction = _correction(form)
            record = to_record(house, profile, _piece(kept), correction)
            told = msgspec.to_builtins(correction)
            try:
                return take_in(session, kept, record, reason, viewer, at=now, correction=told)
            except DataError:
                raise InvalidInput("记录中含有不能保存的字符或数字，不能补正接收。") from None
        case "dismiss":
            return dismiss(session, kept, reason, viewer, at=now)
        case _:
            raise InvalidInput("请选择补正接收或不予接收。")


def _piece(kept: KeptRecord) -> Piece:
    """The record as it came, read as it was read then; a row of a table file is all text, without its blanks."""
    pieces = split_body(kept.raw)
    if len(pieces) != 1 or pieces[0].error is not None:
        raise InvalidInput("留存的原始记录不完整，不能补正接收，请发送方改正后重发。")
    value = pieces[0].value
    if isinstance(value, dict) and all(isinstance(each, str) for each in value.values()):
        value = TextRow({name: text for name, text in value.items() if name and text})
    return Piece(kept.raw, value, None)


def _correction(form: FormData) -> Correction:
    grade, moment = login.text_of(form, "rating"), login.text_of(form, "reviewed_at")
    if moment and not _MOMENT.fullmatch(moment):
        raise InvalidInput(_UNREADABLE)
    try:
        at = datetime.fromisoformat(moment).replace(tzinfo=CHINA) if moment else None
    except ValueError:
        raise InvalidInput(_UNREADABLE) from None
    if grade and grade not in {str(each) for each in GRADE_NAMES}:
        raise InvalidInput("评价等级应为五级之一。")
    answers = {"yes": True, "no": False}
    return Correction(
        rating=int(grade) if grade else None,
        reviewed_at=at,
        is_default=answers.get(login.text_of(form, "is_default")),
        rater_anonymous=answers.get(login.text_of(form, "rater_anonymous")),
    )
