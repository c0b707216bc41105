"""A rater's consent to be told in WeChat: one OAuth round of the 公众号 behind his signed link, erasable at a tap."""

import hmac
import secrets

from itsdangerous import BadSignature, URLSafeTimedSerializer
from sqlalchemy.orm import Session
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from reviewbot.actions.keep_openid import forget_openid, keep_openid
from reviewbot.errors import NotFound, NotSignedIn
from reviewbot.links import RaterLink
from reviewbot.queries.raters import openid_of_case
from reviewbot.web.login import house_of

BAD_LINK = "链接无效或已过期。请使用最近一条短信中的链接，或拨打 12345 查询。"
COOKIE = "reviewbot_consent"
SECONDS = 600


def link_of(request: Request, token: str | None = None) -> RaterLink:
    """What the token stands for. A forged, altered and expired one get the same answer."""
    house = house_of(request)
    with house.database.begin() as session:
        days = house.today(session).policy.raters.link_days
    found = house.links.read(
        token or request.path_params["token"],
        now=house.clock.now(),
        days=days,
    )
    if found is None:
        raise NotFound(BAD_LINK)
    return found


def offer(request: Request, session: Session, case_id: int) -> dict[str, object] | None:
    """What the page says of it; None where there is no 公众号, or nothing chosen and this is not WeChat."""
    chosen = openid_of_case(session, case_id) is not None
    inside = "micromessenger" in request.headers.get("user-agent", "").lower()
    if house_of(request).official is None or not (chosen or inside):
        return None
    return {"chosen": chosen, "token": request.path_params["token"]}


def consent(request: Request) -> Response:
    """Off to WeChat with a state that only this browser knows."""
    house, token = house_of(request), request.path_params["token"]
    link_of(request)
    if house.official is None:
        raise NotFound("本单位没有开通公众号通知。")
    state = secrets.token_hex(16)
    back = house.settings.address + "/r/consent/back"
    answer = RedirectResponse(house.official.consent_url(back, state), status_code=302)
    answer.set_cookie(
        COOKIE, _signer(request).dumps([state, token]), max_age=SECONDS, path="/r", httponly=True,
        samesite="lax", secure=house.settings.address.startswith("https://"),
    )  # fmt: skip
    return answer


def consented(request: Request) -> Response:
    """The way back: the state once, the code exchanged, the openid kept apart."""
    house = house_of(request)
    try:
        state, token = _signer(request).loads(request.cookies.get(COOKIE, ""), max_age=SECONDS)
    except (BadSignature, ValueError, TypeError):
        raise NotSignedIn("页面已过期，请从短信中的链接重新打开。") from None
    told, code = request.query_params.get("state", ""), request.query_params.get("code", "")
    if house.official is None or not code or not hmac.compare_digest(state.encode(), told.encode()):
        raise NotSignedIn("微信没有确认，请从短信中的链接重新打开。")
    link = link_of(request, token)
    openid = house.official.openid(code)
    with house.database.begin() as session:
        keep_openid(session, link, openid, at=house.clock.now())
    answer = RedirectResponse(f"/r/{token}", status_code=303)
    answer.delete_cookie(COOKIE, path="/r", httponly=True, samesite="lax")
    return answer


def forget(request: Request, _: FormData) -> Response:
    """The token in the address is the right to it, as for an answer."""
    link = link_of(request)
    with house_of(request).database.begin() as session:
        forget_openid(session, link)
    return RedirectResponse(f"/r/{request.path_params['token']}", status_code=303)


def _signer(request: Request) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(house_of(request).settings.signing_key(), salt=COOKIE)
