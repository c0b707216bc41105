"""The directory as administrators keep it: changes that wait for a word, people to be bound, units and numbers."""

import re
from collections.abc import Callable
from typing import Any

from sqlalchemy.orm import Session
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from reviewbot.actions.bind_member import begin_number, bind_by_number, release_try
from reviewbot.actions.decide_change import Word, decide_change, map_party, take_units
from reviewbot.actions.invite import give_code, invite_by_hand, withdraw_invitation
from reviewbot.errors import ChannelError, InvalidInput, NotAllowed, ReviewbotError, Unavailable
from reviewbot.models.contacts import DirectoryChange, DirectorySync
from reviewbot.queries import contacts as contact_queries
from reviewbot.queries.directory import staff_names_by_userid, unit_labels
from reviewbot.queries.scope import Viewer
from reviewbot.queue import TaskName
from reviewbot.rules.contacts import wrong_numbers_left
from reviewbot.rules.directory_plan import ChangeKind, describe
from reviewbot.rules.lifecycle import Role
from reviewbot.web import login, paging, views
from reviewbot.web.guards import guarded, posted, signed_in
from reviewbot.web.login import house_of, poster
from reviewbot.web.paging import next_page, number_in

_MOBILE = re.compile(r"1[0-9]{10}")
_ASKS_PERSON = (ChangeKind.JOINED, ChangeKind.REJOINED, ChangeKind.MOVED)
_ASKS_UNIT = (ChangeKind.UNIT_NEW, ChangeKind.UNIT_CHANGED)
_STATES = {"done": "已更改", "dismissed": "不予采纳", "past": "已不再如此"}
_SOURCES = {"sync": "通讯录核对", "event": "通讯录推送", "admin": "管理员"}
_WAYS = {
    "list_id": "通讯录同步密钥", "simplelist": "应用可见范围", "none": "没有读到", "": "正在读取或中断",
}  # fmt: skip


_BLANK: dict[str, Any] = {
    "form": "", "name": "", "number": "", "party": "", "department_id": None, "roles": (Role.HANDLER.value,),
}  # fmt: skip


def directory_routes() -> list[BaseRoute]:
    """The page of administrators, its forms, and the form of who has a one-time code."""
    get, post = ["GET"], ["POST"]
    return [
        Route("/directory", guarded(signed_in(directory)), methods=get),
        Route("/directory/changes/{ident:ident}", posted(decide), methods=post),
        Route("/directory/invitations", posted(invite), methods=post),
        Route("/directory/invitations/{ident:ident}", posted(bind), methods=post),
        Route("/directory/parties", posted(party), methods=post),
        Route("/login/bind", posted(login.bind), methods=post),
    ]


def directory(request: Request, viewer: Viewer) -> Response:
    return _show(request, viewer)


def _show(
    request: Request,
    viewer: Viewer,
    *,
    wrong: ReviewbotError | None = None,
    typed: dict[str, Any] | None = None,
    said: str = "",
    code: str = "",
) -> Response:
    """The page; ``typed``: a refused form, shown again as filled; ``code``: a one-time code, shown this once."""
    if Role.ADMIN not in viewer.roles:
        raise NotAllowed("人员目录由管理员维护。")
    house = house_of(request)
    now = house.clock.now()
    with house.database.begin() as session:
        names = unit_labels(session)
        people = staff_names_by_userid(session)
        sync = contact_queries.last_sync(session)
        waiting = [_waiting(one, names) for one in contact_queries.waiting_changes(session)]
        past = contact_queries.past_changes(session, after=number_in(request, "after"), limit=paging.PAGE + 1)
        done = [_done(one, names, people) for one in past[: paging.PAGE]]
        invited = [
            {
                "id": one.id, "name": one.name, "number": one.number or "", "unit": unit.short_name,
                "roles": "、".join(Role(role).label for role in one.roles), "by": people.get(one.made_by, one.made_by),
                "until": views.moment(one.code_until) if one.code_until and one.code_until > now else "",
            }
            for one, unit in contact_queries.open_invitations(session)
        ]  # fmt: skip
        parties = [
            {"id": row.id, "name": row.name or "（无名）", "unit": unit}
            for row, unit in contact_queries.party_units(session) if unit
        ]  # fmt: skip
        wrong_today = contact_queries.wrong_numbers_today(session, now)
        left = wrong_numbers_left(contact_queries.head_count(session), wrong_today)
    return views.render(
        request, "directory.html", status=wrong.status if wrong else 200, waiting=waiting, done=done,
        next=next_page("/directory", past),
        invited=invited, parties=parties, units=[*names.items()], numbers_left=left, sync=_sync(sync),
        roles=[(role.value, role.label) for role in Role], wrong=wrong.sentence if wrong else None, said=said,
        blank=_BLANK, typed=typed or _BLANK, code=code, hours=f"{house.settings.directory.code_hours:g}",
    )  # fmt: skip


def _sync(told: DirectorySync | None) -> dict[str, Any] | None:
    if told is None:
        return None
    return {
        "at": views.moment(told.at), "way": _WAYS[told.way], "complete": told.complete, "members": told.members,
        "done": told.done, "notes": told.notes,
    }  # fmt: skip


def _waiting(one: DirectoryChange, names: dict[int, str]) -> dict[str, Any]:
    kind = ChangeKind(one.kind)
    return {
        "id": one.id, "what": describe(kind, one.facts, names), "at": views.moment(one.at),
        "source": _SOURCES[one.source], "person": kind in _ASKS_PERSON, "unit": kind in _ASKS_UNIT,
        "department_id": one.facts.get("department_id"), "roles": _BLANK["roles"], "name": one.facts.get("name") or "",
        "moved": kind is ChangeKind.MOVED, "proposed": kind is ChangeKind.UNIT_NEW,
    }  # fmt: skip


def _done(one: DirectoryChange, names: dict[int, str], people: dict[str, str]) -> dict[str, str]:
    by = one.decided_by or one.actor
    return {
        "what": describe(ChangeKind(one.kind), one.facts, names), "state": _STATES[one.state],
        "at": views.moment(one.decided_at or one.at), "source": _SOURCES[one.source],
        "by": {"system": "系统", "cli": "命令行"}.get(by, people.get(by, by)),
    }  # fmt: skip


def decide(request: Request, form: FormData) -> Response:
    """A word on one change."""
    ident = min(request.path_params["ident"], 2**31 - 1)
    word = Word(
        login.text_of(form, "act") == "take", _unit(form), _roles(form),
        login.text_of(form, "name").replace("\x00", ""),
    )  # fmt: skip

    def act(session: Session, viewer: Viewer) -> str:
        return decide_change(session, ident, word, viewer, at=house_of(request).clock.now())

    return _acted(request, form, act)


def invite(request: Request, form: FormData) -> Response:
    """Somebody known by name, to be bound."""

    def act(session: Session, viewer: Viewer) -> str:
        now = house_of(request).clock.now()
        name, number = login.words_of(form, "name", "姓名", 60), login.words_of(form, "number", "工号", 60)
        invite_by_hand(session, name, number, _unit(form), _roles(form), viewer, at=now)
        return f"{name}已登记，请按手机号绑定或发给绑定码。"

    return _acted(request, form, act)


def bind(request: Request, form: FormData) -> Response:
    """A code, a number or the end of one invitation."""
    house, ident = house_of(request), min(request.path_params["ident"], 2**31 - 1)
    now, asked = house.clock.now(), login.text_of(form, "act")
    if asked == "mobile":
        return _by_number(request, form, ident)
    made: list[str] = []

    def act(session: Session, viewer: Viewer) -> str:
        if asked == "code":
            hours = house.settings.directory.code_hours
            made.append(give_code(session, ident, viewer, at=now, hours=hours))
            return "绑定码只显示这一次，请当面或以可靠方式交给本人。"
        withdraw_invitation(session, ident, viewer, at=now)
        return "已撤销。"

    return _acted(request, form, act, shown=made)


def _by_number(request: Request, form: FormData, ident: int) -> Response:
    """The try is written down first, then WeCom is asked outside any transaction, then the answer is kept."""
    house = house_of(request)
    now, mobile, viewer = house.clock.now(), login.text_of(form, "mobile"), poster(request, form)
    try:
        if house.wecom is None:
            raise Unavailable("没有配置企业微信，不能按手机号绑定。")
        if not _MOBILE.fullmatch(mobile):
            raise InvalidInput("手机号应为 11 位数字。")
        with house.database.begin() as session:
            tried = begin_number(session, ident, viewer, at=now)
        try:
            userid = house.wecom.getuserid(mobile)
        except ChannelError as wrong:
            if wrong.errcode is not None:  # WeCom answered, and has not looked the number up
                with house.database.begin() as session:
                    release_try(session, tried)
            raise
        if userid is None:
            raise InvalidInput("企业微信中没有这个手机号的成员，或不在应用可见范围内；查错的号码有每日限额。")
        with house.database.begin() as session:
            said = bind_by_number(session, ident, tried, userid, viewer, at=now)
    except ReviewbotError as wrong:
        return _show(request, viewer, wrong=wrong)
    return _show(request, viewer, said=said)


def party(request: Request, form: FormData) -> Response:
    """Which unit a WeCom department stands for."""
    word = login.text_of(form, "party")
    ident = int(word) if word.isascii() and word.isdecimal() and len(word) < 10 else 0

    def act(session: Session, viewer: Viewer) -> str:
        if login.text_of(form, "act") == "all":
            return take_units(session, viewer, at=house_of(request).clock.now())
        return map_party(session, ident, _unit(form), viewer, at=house_of(request).clock.now())

    return _acted(request, form, act)


def _acted(
    request: Request, form: FormData, act: Callable[[Session, Viewer], str], *, shown: list[str] | None = None
) -> Response:
    house, viewer = house_of(request), poster(request, form)
    try:
        with house.database.begin() as session:
            said = act(session, viewer)
    except NotAllowed:
        raise
    except ReviewbotError as wrong:
        return _show(request, viewer, wrong=wrong, typed=_typed(request, form))
    house.ring(TaskName.DELIVER)  # whoever takes over a leaver's cases is told
    return _show(request, viewer, said=said, code=shown[0] if shown else "")


def _typed(request: Request, form: FormData) -> dict[str, Any]:
    words = {name: login.text_of(form, name) for name in ("name", "number", "party")}
    return words | {"form": request.url.path, "department_id": _unit(form), "roles": _roles(form)}


def _unit(form: FormData) -> int | None:
    word = login.text_of(form, "department")
    return int(word) if word.isascii() and word.isdecimal() and len(word) < 10 else None


def _roles(form: FormData) -> tuple[str, ...]:
    return tuple(one for one in form.getlist("role") if isinstance(one, str))
