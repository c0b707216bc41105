"""公文: drafts and issued letters, who has to act on each, and the document itself."""

from datetime import date
from functools import partial
from typing import Any
from urllib.parse import quote

from sqlalchemy.orm import Session
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from reviewbot.actions.draft_by_hand import DRAFTERS, draft_ledger, draft_on_case
from reviewbot.actions.letter_rights import possible_acts, why_unwanted
from reviewbot.actions.move_letter import (
    REASON_LIMIT,
    find_letter,
    issue_letter,
    receive_letter,
    review_letter,
    withdraw_letter,
)
from reviewbot.actions.report_rates import this_month
from reviewbot.actions.staff_words import explained
from reviewbot.actions.waiting_work import letters_waiting_for, waiting_letters
from reviewbot.documents.enclosures import enclose
from reviewbot.documents.letters import file_name, letter_bytes, stationery_of
from reviewbot.documents.preview import Part, parts_of
from reviewbot.errors import InvalidInput, NotFound, ReviewbotError
from reviewbot.models.oversight import Letter, LetterKind
from reviewbot.models.people import Department
from reviewbot.queries.letters import letters_seen_by, names_by_userid
from reviewbot.queries.scope import Viewer
from reviewbot.queue import TaskName
from reviewbot.web import login, paging, views
from reviewbot.web.login import house_of, poster
from reviewbot.web.paging import case_number, next_page, number_in
from reviewbot.wiring import House

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_ACTS = {"review": "审核", "issue": "签发", "receive": "签收", "withdraw": "撤回"}
_DONE = {"review": "已审核，待签发。", "issue": "已签发。", "receive": "已签收。", "withdraw": "已撤回。"}
_STEPS = (
    ("drafted", "拟稿"),
    ("reviewed", "审核"),
    ("issued", "签发"),
    ("received", "签收"),
    ("withdrawn", "撤回"),
)


def letter_list(request: Request, viewer: Viewer) -> Response:
    return _list(request, viewer)


def _list(
    request: Request,
    viewer: Viewer,
    *,
    wrong: ReviewbotError | None = None,
    kept: dict[str, str] | None = None,
) -> Response:
    house, waits = house_of(request), request.query_params.get("waiting") == "1"
    now, skip = house.clock.now(), number_in(request, "skip") or 0
    with house.database.begin() as session:
        if waits:
            found = letters_waiting_for(session, viewer, now)[skip:]
            following = f"/letters?waiting=1&skip={skip + paging.PAGE}" if found[paging.PAGE :] else None
        else:
            found = letters_seen_by(session, viewer, after=number_in(request, "after"), limit=paging.PAGE + 1)
            following = next_page("/letters", found)
        shown = found[: paging.PAGE]
        rows = [_line(house, letter) for letter in shown]
        for row, one in zip(rows, waiting_letters(shown, now) if waits else (), strict=False):
            row["waits"] = f"{one.kind.removeprefix('公文')} · {one.age}"
    first, last = this_month(now)
    return views.render(
        request, "letters.html", status=wrong.status if wrong else 200, rows=rows,
        may_draft=bool(viewer.roles & DRAFTERS),
        kinds=[(kind.value, kind.label) for kind in LetterKind if kind is not LetterKind.LEDGER],
        kept={"first": str(first), "last": str(last)} | (kept or {}), wrong=wrong.sentence if wrong else None,
        next=following, waits=waits,
    )  # fmt: skip


def draft(request: Request, form: FormData) -> Response:
    """拟稿 by a person: on a case, or the ledger of a period."""
    house, viewer = house_of(request), poster(request, form)
    try:
        with house.database.begin() as session:
            ident = _drafted(session, house, viewer, form).id
    except ReviewbotError as wrong:
        kept = {name: word for name, word in form.items() if isinstance(word, str) and name != "csrf"}
        return _list(request, viewer, wrong=wrong, kept=kept)
    return RedirectResponse(f"/letters/{ident}", status_code=303)


def _drafted(session: Session, house: House, viewer: Viewer, form: FormData) -> Letter:
    now, told = house.clock.now(), login.text_of(form, "kind")
    if told not in {kind.value for kind in LetterKind}:
        raise InvalidInput("请选择文种。")
    kind = LetterKind(told)
    if kind is LetterKind.LEDGER:
        try:
            first, last = (date.fromisoformat(login.text_of(form, name)) for name in ("first", "last"))
        except ValueError:
            raise InvalidInput("日期应写作 2026-11-30。") from None
        return draft_ledger(session, first, last, viewer, at=now)

    number, reason = case_number(login.text_of(form, "number")), login.text_of(form, "reason")
    return draft_on_case(session, kind, number, reason, viewer, at=now, explain=partial(explained, session))


def letter_page(request: Request, viewer: Viewer) -> Response:
    return _show(request, viewer, done=request.query_params.get("done", ""))


def _ident(request: Request) -> int:
    return min(int(request.path_params["ident"]), 2**31 - 1)


def _show(
    request: Request, viewer: Viewer, *, done: str = "", wrong: ReviewbotError | None = None
) -> Response:
    house = house_of(request)
    with house.database.begin() as session:
        letter = find_letter(session, _ident(request), viewer)
        names = names_by_userid(session, (getattr(letter, f"{step}_by") for step, _ in _STEPS))
        unit = session.get(Department, letter.department_id) if letter.department_id else None
        explain, now = partial(explained, session), house.clock.now()
        acts = [(act, _ACTS[act]) for act in possible_acts(session, letter, viewer, explain, now)]
        unwanted = why_unwanted(session, letter, explain, now)
        broken, parts = None, list[Part]()
        try:
            parts = parts_of(letter_bytes(house.settings, session, letter, now))
        except ReviewbotError as found:
            broken = found.sentence
    return views.render(
        request, "letter.html", status=wrong.status if wrong else 200, line=_line(house, letter), parts=parts,
        broken=broken, unwanted=unwanted if wrong is None else "", steps=_steps(letter, names), acts=acts,
        done=_DONE.get(done, ""),
        wrong=wrong.sentence if wrong else None, unit=unit.name if unit else "领导", limit=REASON_LIMIT,
    )  # fmt: skip


def _steps(letter: Letter, names: dict[str, str]) -> list[tuple[str, str, str]]:
    """Who did what when, as far as the letter has come."""
    found = []
    for step, label in _STEPS:
        by = getattr(letter, f"{step}_by")
        if by:
            who = "系统" if by == "system" else names.get(by, by)
            found.append((label, who, views.moment(getattr(letter, f"{step}_at"))))
    return found


def _line(house: House, letter: Letter) -> dict[str, Any]:
    return {
        "id": letter.id,
        "title": letter.title,
        "kind": letter.kind.label,
        "mark": stationery_of(house.settings).mark(letter),
        "state": letter.state.label,
        "state_key": letter.state.value,
        "drafted": views.moment(letter.drafted_at),
        "issued": views.moment(letter.issued_at),
        "number": letter.facts.get("number", ""),
        "sha256": letter.sha256 or "",
        "reason": letter.withdrawn_reason or "",
        "waits": "",
    }


def act(request: Request, form: FormData) -> Response:
    """审核, 签发, 签收 or 撤回."""
    house, viewer = house_of(request), poster(request, form)
    try:
        with house.database.begin() as session:
            done = _acted(session, house, _ident(request), viewer, form)
    except NotFound:
        raise
    except ReviewbotError as wrong:
        return _show(request, viewer, wrong=wrong)
    house.ring(TaskName.DELIVER)
    return RedirectResponse(f"/letters/{_ident(request)}?done={done}", status_code=303)


def _acted(session: Session, house: House, ident: int, viewer: Viewer, form: FormData) -> str:
    """Which of the acts was done."""
    now, paper = house.clock.now(), stationery_of(house.settings)
    match done := login.text_of(form, "act"):
        case "review":
            review_letter(
                session,
                ident,
                viewer,
                at=now,
                enclose=lambda letter: enclose(session, letter, now),
                explain=partial(explained, session),
            )
        case "issue":
            issue_letter(
                session, ident, viewer, at=now, folder=house.settings.data_dir, number=paper.numbered,
                write=lambda letter: paper.document(session, letter, now), explain=partial(explained, session),
            )  # fmt: skip
        case "receive":
            receive_letter(session, ident, viewer, at=now)
        case "withdraw":
            withdraw_letter(session, ident, login.text_of(form, "reason"), viewer, at=now)
        case _:
            raise InvalidInput("提交的内容无法识别，请刷新页面后再试。")
    return done


def letter_file(request: Request, viewer: Viewer) -> Response:
    """The document, to those who may see the letter."""
    house = house_of(request)
    with house.database.begin() as session:
        letter = find_letter(session, _ident(request), viewer)
        data = letter_bytes(house.settings, session, letter, house.clock.now())
        name = file_name(letter)
    header = f"attachment; filename*=UTF-8''{quote(name)}"
    return Response(data, media_type=DOCX, headers={"Content-Disposition": header})
