"""Departments and members as WeCom knows them, as far as an application may still read them (wecom §2.5)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from reviewbot.rules.directory_plan import Member
from reviewbot.wecom.connection import WeComConnection, not_wecom
from reviewbot.wecom.errors import Kind, WeComError

PAGE = 10_000
PAGES = 100
"""A cursor that never ends is a fault of the platform; a million members are more than any corp has."""
UNKNOWN_NUMBER = frozenset({46004, 60111, 40003})


@dataclass(frozen=True, slots=True)
class Unit:
    """A department by number; new applications get no name."""

    id: int
    parent_id: int


class DirectoryCalls(WeComConnection):
    """Thin reads; each raises WeComError. An answer without its list is an error, never an empty corp (W6).

    No mobile number: an application made since 2022 does not get one, so none is ever expected (W25).
    """

    def user_get(self, userid: str) -> Member:
        """One member. Kind recipient when WeCom does not know him or the application may not see him (W8)."""
        return _member(self._request("get", "user/get", params={"userid": userid}))

    def user_list_id(self) -> Iterator[tuple[str, int]]:
        """Every (userid, department) of the corp, page by page; the contacts-sync secret only (W12)."""
        cursor = ""
        for _ in range(PAGES):
            asked = {"limit": PAGE, **({"cursor": cursor} if cursor else {})}
            answer = self._request("post", "user/list_id", data=asked)
            for row in _rows(answer, "dept_user"):
                yield _text(row, "userid"), _number(row.get("department"))
            cursor = str(answer.get("next_cursor") or "")
            if not cursor:
                return
        raise WeComError("企业微信的成员列表没有尽头", kind=Kind.permanent)

    def department_simplelist(self, parent_id: int | None = None) -> list[Unit]:
        """The departments the application may see, below ``parent_id`` or all (W25)."""
        answer = self._request("get", "department/simplelist", params={"id": parent_id})
        return [
            Unit(_number(row.get("id")), _number(row.get("parentid")))
            for row in _rows(answer, "department_id")
        ]

    def user_simplelist(self, department_id: int) -> list[Member]:
        """The members of one department: userid, name, departments (W25)."""
        answer = self._request("get", "user/simplelist", params={"department_id": department_id})
        return [_member(row) for row in _rows(answer, "userlist")]

    def getuserid(self, mobile: str) -> str | None:
        """The userid of a number, None when nobody visible has it. One-off binding only (W25).

        More than a fifth of the head-count asked in vain blocks the call for a day (45009, kind throttled).
        """
        try:
            answer = self._request("post", "user/getuserid", data={"mobile": mobile})
        except WeComError as exc:
            if exc.errcode in UNKNOWN_NUMBER:
                return None
            raise
        return _text(answer, "userid")


def _rows(answer: Mapping[str, object], name: str) -> list[Mapping[str, object]]:
    found = answer.get(name)
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise not_wecom()
    return found


def _member(row: Mapping[str, object]) -> Member:
    listed, name = row.get("department"), row.get("name")
    departments = tuple(_number(one) for one in listed) if isinstance(listed, list) else None
    return Member(_text(row, "userid"), str(name) if name else None, departments)


def _text(row: Mapping[str, object], name: str) -> str:
    value = row.get(name)
    if not isinstance(value, str) or not value:
        raise not_wecom()
    return value


def _number(value: object) -> int:
    """Numbers come as numbers or, from some releases, as text."""
    try:
        return int(str(value))
    except ValueError:
        pass
    raise not_wecom()
