"""One yellow or red card, and what is said about it: on its case's page, or on its own where the case has gone."""

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from reviewbot.actions.appeal_card import appeal_card, decide_card_appeal, withdraw_card
from reviewbot.errors import InvalidInput, NotFound, ReviewbotError
from reviewbot.queries.cards import list_cards
from reviewbot.queries.cases import find_case
from reviewbot.queries.scope import Viewer
from reviewbot.web import login, views
from reviewbot.web.case_pages import show_case
from reviewbot.web.login import house_of, poster


def card_page(request: Request, viewer: Viewer) -> Response:
    """A card of the viewer's unit, also when its case is another's: it can still be appealed (F13, F18)."""
    return _show(request, viewer)


def _show(
    request: Request,
    viewer: Viewer,
    *,
    wrong: ReviewbotError | None = None,
    kept: dict[str, str] | None = None,
) -> Response:
    with house_of(request).database.begin() as session:
        found = list_cards(session, viewer, ident=_ident(request))
        if not found:
            raise NotFound("没有这张警示牌，或您无权查看。")
        seen = find_case(session, found[0].number, viewer) is not None
    return views.render(
        request, "card.html", status=wrong.status if wrong else 200, case={"number": found[0].number}, seen=seen,
        cards=[views.card_view(found[0], viewer)], kept=kept or {}, wrong=wrong.sentence if wrong else None,
    )  # fmt: skip


def _ident(request: Request) -> int:
    return min(int(request.path_params["ident"]), 2**31 - 1)


def card(request: Request, form: FormData) -> Response:
    """An appeal against a card, a word on one, or its withdrawal."""
    house, number = house_of(request), request.path_params["number"].upper()
    ident, at = _ident(request), house.clock.now()
    viewer, act = poster(request, form), login.text_of(form, "act")
    reason = login.text_of(form, "reason").replace("\x00", "")
    with house.database.begin() as session:
        seen = find_case(session, number, viewer) is not None
    try:
        with house.database.begin() as session:
            match act:
                case "appeal":
                    appeal_card(session, ident, reason, viewer, at=at, rulebooks=house.rulebooks)
                case "agree" | "disagree":
                    decide_card_appeal(session, ident, act == "agree", reason, viewer, at=at)
                case "withdraw":
                    withdraw_card(session, ident, reason, viewer, at=at)
                case _:
                    raise InvalidInput("提交的内容无法识别，请刷新页面后再试。")
    except NotFound:
        raise
    except ReviewbotError as wrong:
        kept = {"card": str(ident), "act": act, "reason": reason}
        show = show_case if seen else _show
        return show(request, viewer, wrong=wrong, kept=kept)
    house.ring("reviewbot.deliver")
    there = f"/cases/{number}#cards" if seen else f"/cards/{ident}"
    return RedirectResponse(there, status_code=303)
