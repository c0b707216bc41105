"""Signing in through WeCom: one OAuth round, then a signed cookie; the directory is asked on every request."""

import hmac
import secrets
from collections.abc import Mapping
from urllib.parse import quote, urlencode, urlsplit

from itsdangerous import BadSignature, URLSafeTimedSerializer
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from reviewbot.actions.answer_once import KeyReused, use_once
from reviewbot.actions.bind_member import bind_by_code
from reviewbot.errors import InvalidInput, NotAllowed, NotSignedIn, ReviewbotError, Unavailable
from reviewbot.queries.contacts import contact_of
from reviewbot.queries.delegates import acting_roles
from reviewbot.queries.directory import staff_by_userid
from reviewbot.queries.health import open_alerts
from reviewbot.queries.scope import SUPERVISION, Viewer, viewer_of_staff
from reviewbot.rules.lifecycle import CITY_WIDE, Role
from reviewbot.settings import Settings
from reviewbot.vitals import alarms
from reviewbot.web.views import render
from reviewbot.wiring import House

SESSION = "reviewbot_session"
PENDING = "reviewbot_login"
BINDING = "reviewbot_binding"
SESSION_SECONDS = 12 * 3600
PENDING_SECONDS = 600
HEALTH_ROLES = frozenset({Role.SUPERVISOR, Role.ADMIN})
INTAKE_ROLES = frozenset({Role.DESK, Role.SUPERVISOR, Role.AUDITOR, Role.ADMIN})
_TITLES = {401: "请登录", 403: "没有权限", 404: "没有找到", 413: "文件太大", 503: "暂时不可用"}
_ADVICE = {
    401: "重新登录后会回到这一页；写过的话还在本机，不用重写。",
    403: "如确应由您办理，请联系本单位负责人或派单员。",
    404: "工单可能已改派到别的单位，或链接不完整。请从「我的待办」进入。",
    413: "请少选几张照片，分几次提交。",
    503: "请过几分钟再试；写过的话还在本机，不用重写。",
}


def house_of(request: Request) -> House:
    house: House = request.app.state.house
    return house


def viewer_of(request: Request) -> Viewer | None:
    """Who asks, as the directory knows him now; None when nobody is signed in or he has been removed."""
    if not hasattr(request.state, "viewer"):
        request.state.viewer = _look_up(request)
    found: Viewer | None = request.state.viewer
    return found


def _look_up(request: Request) -> Viewer | None:
    session_facts = _unsign(request, SESSION, SESSION_SECONDS)
    if not session_facts:
        return None
    house = house_of(request)
    with house.database.begin() as session:
        staff = staff_by_userid(session, session_facts.get("userid", ""))
        if staff is None:
            return None
        return viewer_of_staff(staff, acting_roles(session, staff, house.clock.now()))


def csrf_token(request: Request, salt: str = "") -> str:
    """A token only the pages of this very session carry; salted anew for every page, since pages are compressed and
    a secret that stays the same could be guessed from their length."""
    salt = salt or secrets.token_hex(8)
    key = house_of(request).settings.signing_key().encode()
    about = _unsign(request, SESSION, SESSION_SECONDS).get("sid", "")
    return salt + hmac.new(key, f"csrf:{salt}:{about}".encode(), "sha256").hexdigest()


def check_csrf(request: Request, token: str) -> None:
    """Raises NotAllowed unless the form came from a page of this session."""
    signed_in = _unsign(request, SESSION, SESSION_SECONDS).get("sid")
    if not signed_in or not hmac.compare_digest(csrf_token(request, token[:16]).encode(), token.encode()):
        raise NotAllowed("页面已过期，请刷新后再提交。")


def shown_to(request: Request, viewer: Viewer) -> Request:
    """Tell the templates who is signed in."""
    roles = "、".join(role.label for role in Role if role in viewer.roles)
    request.state.shown = {
        "viewer": {
            "name": viewer.name,
            "roles": roles,
            "intake": bool(viewer.roles & INTAKE_ROLES),
            "supervision": bool(viewer.roles & SUPERVISION),
            "routing": bool(viewer.roles & CITY_WIDE),
            "admin": Role.ADMIN in viewer.roles,
            "health": bool(viewer.roles & HEALTH_ROLES),
            "alarms": _alarms(request) if viewer.roles & HEALTH_ROLES else [],
        },
        "csrf": csrf_token(request),
    }
    return request


def _alarms(request: Request) -> list[str]:
    """What must be mended at once is said on every page: the chat may be what is broken (W26)."""
    house = house_of(request)
    with house.database.begin() as session:
        known = [(alert.code, alert.said) for alert in open_alerts(session)]
    return alarms(house, known)


def poster(request: Request, form: FormData) -> Viewer:
    """Who sent this form. A page, not a redirect, for the signed out: form-action forbids leaving the site."""
    viewer = viewer_of(request)
    if viewer is None:
        raise NotSignedIn("登录已过期，请重新登录后再提交。")
    check_csrf(shown_to(request, viewer), text_of(form, "csrf"))
    return viewer


def text_of(form: FormData, name: str) -> str:
    """What a field says. A line break is one character, as ``maxlength`` counts it and no browser sends it; half a
    character, which no page and no column can hold, is dropped."""
    found = form.get(name, "")
    if not isinstance(found, str):
        return ""
    return found.replace("\r\n", "\n").encode(errors="ignore").decode().strip()


def words_of(form: FormData, name: str, label: str, most: int) -> str:
    """What was written in a field. Raises InvalidInput where it is longer than ``most``: nothing is cut in silence."""
    found = text_of(form, name).replace("\x00", "")
    if len(found) > most:
        raise InvalidInput(f"{label}不能超过 {most} 字，现有 {len(found)} 字。")
    return found


def login(request: Request) -> Response:
    """Send the person to WeCom, or say that there is no WeCom."""
    house = house_of(request)
    if house.wecom is None:
        missing = "尚未配置企业微信，不能登录。请管理员在设置中填写 wecom 各项后重新启动。"
        return render(request, "message.html", title="登录", message=missing, status=503)
    state = secrets.token_hex(16)
    answer = RedirectResponse(_authorize_url(request, house.settings, state), status_code=302)
    facts = {"state": state, "next": safe_next(request.query_params.get("next", "/"))}
    _put(request, answer, _pending(state), facts, PENDING_SECONDS)
    return answer


def _pending(state: str) -> str:
    """The cookie of one sign-in: two cards opened one after the other must not spoil each other's."""
    return f"{PENDING}_{''.join(letter for letter in state[:8] if letter.isalnum() and letter.isascii())}"


def _authorize_url(request: Request, settings: Settings, state: str) -> str:
    told = settings.wecom
    back = settings.address + "/login/callback"
    inside = "wxwork" in request.headers.get("user-agent", "").lower()
    if inside or _is_simulator(told.login_url):
        query = {
            "appid": told.corp_id,
            "redirect_uri": back,
            "response_type": "code",
            "scope": "snsapi_base",
            "state": state,
            "agentid": str(told.agent_id),
        }
        return f"{told.login_url}/connect/oauth2/authorize?{urlencode(query)}#wechat_redirect"
    query = {"appid": told.corp_id, "agentid": str(told.agent_id), "redirect_uri": back, "state": state}
    return f"{told.scan_url}/wwopen/sso/qrConnect?{urlencode(query)}"


def _is_simulator(root: str) -> bool:
    """The simulator lives on this machine or under a bare name; no real platform does."""
    host = urlsplit(root).hostname or ""
    return host in {"127.0.0.1", "::1"} or "." not in host


def callback(request: Request) -> Response:
    """The way back: check the state, good for one use (W23), exchange the code, find the person in the directory."""
    house = house_of(request)
    state, code = request.query_params.get("state", ""), request.query_params.get("code", "")
    name = _pending(state)
    pending = _unsign(request, name, PENDING_SECONDS)
    try:
        if not pending or not hmac.compare_digest(pending.get("state", "").encode(), state.encode()):
            raise NotSignedIn("登录已过期或不是从本页面发起，请重新登录。")
        if not code:
            raise NotSignedIn("企业微信没有确认您的身份，请重新登录。")
        if house.wecom is None:
            raise Unavailable("尚未配置企业微信，不能登录。")
        _spend(house, state)
        userid = house.wecom.oauth_userid(code)
        with house.database.begin() as session:
            staff = staff_by_userid(session, userid)
            if staff is not None:
                contact_of(session, staff).seen_at = house.clock.now()
    except ReviewbotError as wrong:
        return forget(error_page(request, wrong.sentence, wrong.status), name)
    if staff is None:
        return forget(_offer_binding(request, userid[:64]), name)
    answer = RedirectResponse(pending.get("next", "/"), status_code=303)
    _put(request, answer, SESSION, {"userid": staff.userid, "sid": secrets.token_hex(16)}, SESSION_SECONDS)
    return forget(answer, name)


def _spend(house: House, state: str) -> None:
    with house.database.begin() as session:
        try:
            use_once(session, f"login {state}", at=house.clock.now())
        except KeyReused:
            raise NotSignedIn("这次登录已经用过，请重新登录。") from None


def _offer_binding(request: Request, userid: str, wrong: str | None = None) -> Response:
    """A member of the corp whom the directory does not know: he may have a one-time code (wecom §2.5)."""
    page = render(request, "bind.html", userid=userid, wrong=wrong, status=403)
    _put(request, page, BINDING, {"userid": userid}, PENDING_SECONDS)
    return page


def bind(request: Request, form: FormData) -> Response:
    """The one-time code of somebody who has just proved his userid to us."""
    userid = _unsign(request, BINDING, PENDING_SECONDS).get("userid", "")
    if not userid:
        raise NotSignedIn("登录已过期，请重新登录。")
    house = house_of(request)
    with house.database.begin() as session:
        told = bind_by_code(session, text_of(form, "code"), userid, at=house.clock.now())
    if not isinstance(told, str):
        return _offer_binding(request, userid, told.sentence)
    answer = render(request, "message.html", title="绑定成功", message=told, login="/login")
    return forget(answer, BINDING)


def sign_out(request: Request, token: str) -> Response:
    check_csrf(request, token)
    request.state.viewer = None
    message = "您已退出登录。"
    return forget(render(request, "message.html", title="已退出", message=message, login="/login"), SESSION)


def error_page(request: Request, sentence: str, status: int) -> Response:
    """The page behind every refusal: the sentence, what to do now, and a way on."""
    title = _TITLES.get(status, "没有办成")
    way = "/login" if status == 401 else None
    if not request.url.path.startswith("/h5"):
        return render(request, "message.html", title=title, message=sentence, status=status, login=way)
    if way:
        way += "?next=" + quote(request.url.path, safe="")
    advice = _ADVICE.get(status, "请返回上一页再试；仍不行的，请联系管理员。")
    return render(
        request, "h5_message.html", title=title, message=sentence, advice=advice, status=status, login=way
    )


def login_address(request: Request) -> str:
    """Where somebody who is not signed in goes first, and comes back from."""
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return "/login?next=" + quote(here, safe="")


def safe_next(target: str) -> str:
    """Only a path of this site; anything else leads home."""
    plain = target.startswith("/") and not target.startswith(("//", "/\\"))
    return target if plain and target.isprintable() and "\\" not in target else "/"


def forget(answer: Response, name: str) -> Response:
    answer.delete_cookie(name, path="/", httponly=True, samesite="lax")
    return answer


def _signer(request: Request, name: str) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(house_of(request).settings.signing_key(), salt=name)


def _unsign(request: Request, name: str, max_age: int) -> dict[str, str]:
    try:
        found = _signer(request, name).loads(request.cookies.get(name, ""), max_age=max_age)
    except BadSignature:
        return {}
    return found if isinstance(found, dict) else {}


def _put(request: Request, answer: Response, name: str, facts: Mapping[str, str], seconds: int) -> None:
    answer.set_cookie(
        name,
        _signer(request, name).dumps(dict(facts)),
        max_age=seconds,
        path="/",
        httponly=True,
        samesite="lax",
        secure=house_of(request).settings.address.startswith("https://"),
    )
