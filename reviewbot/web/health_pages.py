"""/health for administrators and supervisors: every sign with what to do about it (W26)."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from reviewbot.errors import NotAllowed
from reviewbot.queries.scope import Viewer
from reviewbot.vitals import Level, look
from reviewbot.web import views
from reviewbot.web.guards import guarded, signed_in
from reviewbot.web.login import HEALTH_ROLES, house_of

_WORDS = {Level.BAD: "须处理", Level.WARN: "请留意", Level.GOOD: "正常"}
_BADGES = {Level.BAD: "s-overdue", Level.WARN: "r-set_aside", Level.GOOD: "ok"}


def health_routes() -> list[BaseRoute]:
    return [Route("/health", guarded(signed_in(health)), methods=["GET"])]


def health(request: Request, viewer: Viewer) -> Response:
    """The worst first."""
    if not viewer.roles & HEALTH_ROLES:
        raise NotAllowed("运行状况只对管理员和督办开放。")
    house = house_of(request)
    signs = sorted(look(house), key=lambda sign: -list(Level).index(sign.level))
    rows = [
        {
            "badge": _BADGES[sign.level], "word": _WORDS[sign.level], "what": sign.what, "advice": sign.advice,
            "lines": sign.lines,
        }
        for sign in signs
    ]  # fmt: skip
    return views.render(request, "health.html", rows=rows, now=views.moment(house.clock.now()))
