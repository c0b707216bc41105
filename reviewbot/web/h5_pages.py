"""The clerk's pages on a phone: what he owes, a case at a glance, and a sheet for what needs words or files.

A link grants nothing: who may look and who may act is asked of the case as it is now, on every request (P2, W21).
"""

import hashlib
import json
import re
import secrets
from datetime import datetime
from urllib.parse import quote

from sqlalchemy.orm import Session
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from reviewbot.actions.add_evidence import MAX_BYTES, add_evidence
from reviewbot.actions.answer_once import Answer, KeyReused, answer_once
from reviewbot.actions.choose_evidence import MOST_FILES, choose_evidence, drop_chosen, hand_in_chosen
from reviewbot.actions.make_move import make_move
from reviewbot.actions.reveal_phone import Revealed, reveal_phone
from reviewbot.actions.waiting_work import work_of
from reviewbot.errors import InvalidInput, NotFound, ReviewbotError
from reviewbot.models.case import Case
from reviewbot.queries import cases as case_queries
from reviewbot.queries.directory import handling_units
from reviewbot.queries.recalls import recalls_seen_by
from reviewbot.queries.scope import Viewer
from reviewbot.queue import TaskName
from reviewbot.rules.raters import Purpose
from reviewbot.rules.waiting import by_kind
from reviewbot.web import forms, h5_views, login, paging, views
from reviewbot.web.guards import guarded, posted, signed_in
from reviewbot.web.h5_sheets import ADDRESSES, Sheet, sheets_of, why_not
from reviewbot.web.login import house_of, poster
from reviewbot.web.paging import case_number, number_in
from reviewbot.wiring import House

FORM_BYTES = 60 * 1024 * 1024
"""Of a sheet sent without a script, with its photographs in it."""
_KEY = re.compile(r"[0-9A-Za-z]{16,64}")


def h5_routes() -> list[BaseRoute]:
    """The addresses that cards open."""
    sheet = "/h5/cases/{number}/{address}"
    return [
        Route("/h5", guarded(signed_in(todo)), methods=["GET"]),
        Route("/h5/cases/{number}", guarded(signed_in(glance)), methods=["GET"]),
        Route(sheet, guarded(signed_in(sheet_page)), methods=["GET"]),
        Route(sheet, posted(fill_in, files=MOST_FILES, most=FORM_BYTES), methods=["POST"]),
    ]


def todo(request: Request, viewer: Viewer) -> Response:
    """What this person owes now, the case soonest due first."""
    house, number = house_of(request), case_number(request.query_params.get("number", ""))
    if number:
        return RedirectResponse(f"/h5/cases/{quote(number, safe='')}", status_code=303)
    now, skip = house.clock.now(), number_in(request, "skip") or 0
    with house.database.begin() as session:
        found = case_queries.owed_by(session, viewer, now, skip=skip, limit=paging.PAGE)
        count = case_queries.count_owed(session, viewer, now)
        limits = case_queries.desk_limits(session, [case.id for case in found])
        recalls = len(recalls_seen_by(session, viewer, now, owed=True))
        beside = work_of(session, viewer, now)
    rows = [h5_views.todo_row(case, now, limits.get(case.id)) for case in found]
    left = request.query_params.get("left", "")
    return views.render(
        request,
        "h5_todo.html",
        rows=rows,
        recalls=recalls,
        beside=by_kind(beside),
        count=count + len(beside),
        next=f"/h5?skip={skip + paging.PAGE}" if found and count > skip + paging.PAGE else None,
        left=left if re.fullmatch(r"[A-Z]\d{3,8}", left) else "",
    )


def glance(request: Request, viewer: Viewer) -> Response:
    """The case with what this person may do about it now."""
    house = house_of(request)
    now = house.clock.now()
    with house.database.begin() as session:
        case = _case(session, request, viewer)
        sheets = _sheets(session, house, case, viewer)
        shown = h5_views.case_values(session, case, viewer, now, scanning=house.scanner is not None)
        idle = h5_views.idle_words(session, case, viewer)
        done = request.query_params.get("done", "")
        done = forms.done_words(case, case_queries.events_of(session, case.id), done) if done else ""
    wrong = _stale(request, case)
    return views.render(
        request, "h5_case.html", status=409 if wrong else 200, case=case, wrong=wrong, done=done, idle=idle,
        main=[sheet for sheet in sheets.values() if sheet.is_main],
        others=[sheet for sheet in sheets.values() if not sheet.is_main], key=_new_key(), **shown,
    )  # fmt: skip


def _stale(request: Request, case: Case) -> str:
    """A card may say which round it is of; one of an earlier round shows the case as it is now (W21)."""
    told = request.query_params.get("round", "")
    if told in ("", str(case.round)):
        return ""
    return f"这张卡片已过时：工单 {case.number} 已是第 {case.round} 轮，现为「{case.status.label}」。"


def sheet_page(request: Request, viewer: Viewer) -> Response:
    return _show_sheet(request, viewer)


def _show_sheet(
    request: Request,
    viewer: Viewer,
    *,
    wrong: ReviewbotError | None = None,
    kept: dict[str, str] | None = None,
    revealed: Revealed | None = None,
) -> Response:
    """The sheet, empty or with what was typed; where it is not this person's to fill in now, why, and what is."""
    house, address = house_of(request), request.path_params["address"]
    now = house.clock.now()
    kept = kept or {}
    with house.database.begin() as session:
        case = _case(session, request, viewer)
        sheets = _sheets(session, house, case, viewer)
        sheet = sheets.get(address)
        stale = _stale(request, case) if wrong is None else ""
        if sheet is None and wrong is None:
            wrong = why_not(session, case, address, viewer)
        values = h5_views.head_values(session, case, now)
        if sheet is not None:
            values |= h5_views.sheet_values(
                session, case, sheet, viewer, now, house.rulebooks.of(session, case),
                scanning=house.scanner is not None,
            )  # fmt: skip
    status = wrong.status if wrong else 409 if stale else 200
    return views.render(
        request, "h5_sheet.html", status=status, case=case, sheet=sheet, address=address,
        title=sheet.title if sheet else "现在不能办这一项", advice=h5_views.advice(bool(sheets)),
        possible=[one for one in sheets.values() if one.is_main and not one.waits],
        wrong=wrong.sentence if wrong else stale, kept=kept, revealed=revealed, viewer_id=viewer.staff_id,
        key=_key_for(wrong, kept), most_files=MOST_FILES, **values,
    )  # fmt: skip


def _key_for(wrong: ReviewbotError | None, kept: dict[str, str]) -> str:
    """The key of the next hand-in: the same one while nothing was handed in under it."""
    known = kept.get("key", "")
    return known if _KEY.fullmatch(known) and not isinstance(wrong, KeyReused) else _new_key()


def _new_key() -> str:
    return secrets.token_hex(16)


def fill_in(request: Request, form: FormData) -> Response:
    """What a sheet sends: a look at the number, a photograph chosen or taken back, or the sheet itself."""
    house, number = house_of(request), _number(request)
    viewer = poster(request, form)
    kept = forms.kept_words(form)
    at = house.clock.now()
    revealed = None
    try:
        if wanted := login.text_of(form, "reveal"):
            revealed = _reveal(house, number, wanted, viewer, at)
        elif "add" in form:
            _choose(house, number, form, viewer, at)
        elif "drop" in form:
            with house.database.begin() as session:
                drop_chosen(session, number, _ident(login.text_of(form, "drop")), viewer)
        else:
            return _hand_in(request, form, viewer, at)
    except NotFound:
        raise
    except ReviewbotError as wrong:
        return _show_sheet(request, viewer, wrong=_in_words(wrong), kept=kept)
    return _show_sheet(request, viewer, kept=kept, revealed=revealed)


def _in_words(wrong: ReviewbotError) -> ReviewbotError:
    if isinstance(wrong, KeyReused):
        return KeyReused("这张表刚才已经提交成功，后来改动的内容没有提交。确要再提交一次的，请再按一次。")
    return wrong


def _reveal(house: House, number: str, wanted: str, viewer: Viewer, at: datetime) -> Revealed:
    try:
        purpose = Purpose(wanted)
    except ValueError:
        raise InvalidInput("请选择查看联系方式的用途。") from None
    with house.database.begin() as session:
        return reveal_phone(session, number, purpose, viewer, at=at)


def _choose(house: House, number: str, form: FormData, viewer: Viewer, at: datetime) -> None:
    sent = _files(form)
    if not sent:
        raise InvalidInput("请先选择照片或文件。")
    with house.database.begin() as session:
        for file in sent:
            choose_evidence(
                session, number, file.file.read(MAX_BYTES + 1), file.filename or "附件", viewer,
                at=at, folder=house.settings.data_dir,
            )  # fmt: skip
    house.ring(TaskName.MEDIA)  # scanned before somebody wants to look at them


def _files(form: FormData) -> list[UploadFile]:
    return [one for one in form.getlist("files") if isinstance(one, UploadFile) and one.size]


def _hand_in(request: Request, form: FormData, viewer: Viewer, at: datetime) -> Response:
    """Every move of the sheet with its files, in one transaction, once for its key however often it is sent."""
    house, key = house_of(request), login.text_of(form, "key")
    if not _KEY.fullmatch(key):
        raise InvalidInput("页面已过期，请刷新后再提交。")
    with house.database.begin() as session:

        def act() -> Answer:
            return 303, {"to": _filled(session, house, request, form, viewer, at)}

        _, answer = answer_once(session, f"h5 {viewer.actor} {key}", _print(request, form), act, at=at)
    house.ring(TaskName.DELIVER)
    return RedirectResponse(answer["to"], status_code=303)


def _print(request: Request, form: FormData) -> str:
    """What is handed in, in short: the words, and the files by name and size."""
    said = sorted(
        (name, f"{value.filename} {value.size}" if isinstance(value, UploadFile) else value)
        for name, value in form.multi_items()
        if name not in ("csrf", "key")
    )
    return hashlib.sha256(json.dumps([request.url.path, said]).encode()).hexdigest()


def _filled(
    session: Session, house: House, request: Request, form: FormData, viewer: Viewer, at: datetime
) -> str:
    number, address = _number(request), request.path_params["address"]
    case = _case(session, request, viewer)
    sheet = _sheets(session, house, case, viewer).get(address)
    if sheet is None:
        raise why_not(session, case, address, viewer)
    if sheet.takes_files:
        chosen = [_ident(word) for word in form.getlist("chosen") if isinstance(word, str)]
        hand_in_chosen(session, number, chosen, viewer, at=at)
        for file in _files(form):
            add_evidence(
                session, number, file.file.read(MAX_BYTES + 1), file.filename or "附件", viewer,
                at=at, folder=house.settings.data_dir,
            )  # fmt: skip
    try:
        for asked in sheet.asked(form, number):
            moved = make_move(session, asked, viewer, at=at, rulebooks=house.rulebooks)
    except InvalidInput as wrong:
        raise forms.by_its_fields(wrong, sheet.form, forms.kept_words(form)) from None
    stays = case_queries.find_case(session, number, viewer) is not None
    return f"/h5/cases/{number}?done={moved.move.value}" if stays else f"/h5?left={number}"


def _sheets(session: Session, house: House, case: Case, viewer: Viewer) -> dict[str, Sheet]:
    units = handling_units(session)
    has_evidence = case_queries.count_evidence(session, case) > 0
    own = house.rulebooks.of(session, case)
    return sheets_of(session, case, viewer, own, units, has_evidence=has_evidence)


def _case(session: Session, request: Request, viewer: Viewer) -> Case:
    number = _number(request)
    case = case_queries.find_case(session, number, viewer)
    if case is None or request.path_params.get("address", "sign") not in ADDRESSES:
        raise NotFound(f"没有工单 {number[:20]}，或您无权查看。")
    return case


def _number(request: Request) -> str:
    number: str = request.path_params["number"]
    return number.upper()


def _ident(word: str) -> int:
    """Ids are 32 bits wide; what is beyond names nothing."""
    return min(int(word), 2**31 - 1) if word.isdecimal() and len(word) < 12 else 0
