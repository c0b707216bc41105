"""公文: drafts and issued letters, who has to act on each, and the document itself."""

from typing import Any
from urllib.parse import quote

from sqlalchemy.orm import Session
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from reviewbot.actions.move_letter import (
    find_letter,
    issue_letter,
    receive_letter,
    review_letter,
    withdraw_letter,
)
from reviewbot.documents.letters import file_name, letter_docx, mark_of
from reviewbot.errors import InvalidInput, NotFound, ReviewbotError
from reviewbot.models.oversight import Letter
from reviewbot.queries.letters import letters_seen_by
from reviewbot.queries.scope import Viewer
from reviewbot.queue import TaskName
from reviewbot.settings import CONFIG
from reviewbot.web import login, views
from reviewbot.web.login import house_of, poster
from reviewbot.wiring import House

TEMPLATES = CONFIG / "documents"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_ACTS = {"review": "审核", "issue": "签发", "receive": "签收", "withdraw": "撤回"}
_NEXT = {
    "draft": ("review", "withdraw"),
    "reviewed": ("issue", "withdraw"),
    "issued": ("receive", "withdraw"),
}


def letter_list(request: Request, viewer: Viewer) -> Response:
    house = house_of(request)
    with house.database.begin() as session:
        rows = [_line(house, letter) for letter in letters_seen_by(session, viewer)]
    return views.render(request, "letters.html", rows=rows)


def letter_page(request: Request, viewer: Viewer) -> Response:
    return _show(request, viewer, done=request.query_params.get("done", "")[:200])


def _show(
    request: Request, viewer: Viewer, *, done: str = "", wrong: ReviewbotError | None = None
) -> Response:
    house, ident = house_of(request), min(request.path_params["ident"], 2**31 - 1)
    with house.database.begin() as session:
        letter = find_letter(session, ident, viewer)
        line = _line(house, letter)
        facts = [(name, str(value)) for name, value in letter.facts.items() if name != "events"]
        events = letter.facts.get("events", [])
    acts = [(act, _ACTS[act]) for act in _NEXT.get(letter.state.value, ())]
    return views.render(
        request, "letter.html", status=wrong.status if wrong else 200, letter=letter, line=line, facts=facts,
        events=events, acts=acts, done=done, wrong=wrong.sentence if wrong else None,
    )  # fmt: skip


def _line(house: House, letter: Letter) -> dict[str, Any]:
    return {
        "id": letter.id,
        "title": letter.title,
        "kind": letter.kind.label,
        "mark": mark_of(letter, house.settings.documents.prefix),
        "state": letter.state.label,
        "state_key": letter.state.value,
        "drafted": views.moment(letter.drafted_at),
        "issued": views.moment(letter.issued_at),
        "reason": letter.withdrawn_reason or "",
    }


def act(request: Request, form: FormData) -> Response:
    """审核, 签发, 签收 or 撤回."""
    house, ident = house_of(request), min(request.path_params["ident"], 2**31 - 1)
    viewer = poster(request, form)
    try:
        with house.database.begin() as session:
            said = _acted(session, house, ident, viewer, form)
    except NotFound:
        raise
    except ReviewbotError as wrong:
        return _show(request, viewer, wrong=wrong)
    house.ring(TaskName.DELIVER)
    return RedirectResponse(f"/letters/{ident}?done={quote(said)}", status_code=303)


def _acted(session: Session, house: House, ident: int, viewer: Viewer, form: FormData) -> str:
    now = house.clock.now()
    match login.text_of(form, "act"):
        case "review":
            return review_letter(session, ident, viewer, at=now)
        case "issue":
            letter = issue_letter(session, ident, viewer, at=now)
            return f"已签发：{mark_of(letter, house.settings.documents.prefix)}。"
        case "receive":
            return receive_letter(session, ident, viewer, at=now)
        case "withdraw":
            return withdraw_letter(session, ident, login.text_of(form, "reason")[:500], viewer, at=now)
        case _:
            raise InvalidInput("提交的内容无法识别，请刷新页面后再试。")


def letter_file(request: Request, viewer: Viewer) -> Response:
    """The document, to those who may see the letter."""
    house = house_of(request)
    told = house.settings.documents
    with house.database.begin() as session:
        letter = find_letter(session, min(request.path_params["ident"], 2**31 - 1), viewer)
        data = letter_docx(TEMPLATES, letter, prefix=told.prefix, sender=told.sender)
        name = file_name(letter)
    header = f"attachment; filename*=UTF-8''{quote(name)}"
    return Response(data, media_type=DOCX, headers={"Content-Disposition": header})
