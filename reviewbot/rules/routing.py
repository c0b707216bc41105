"""谁办理、谁负责: which department handles a bad review, and why (domain F6, F10).

The order is fixed: a routing exception that has been ruled, the handling department named in the record,
the item's department, the window's, and last the dispatch desk, where nothing is ever dropped.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class RouteRule(StrEnum):
    EXCEPTION = "exception"
    DEPARTMENT = "department"
    ITEM = "item"
    WINDOW = "window"
    DESK = "desk"


@dataclass(frozen=True)
class Candidates:
    """What the directory knows about the names in a record: (department id, short name) or None."""

    exception: tuple[int, str, str] | None
    """Department id, short name and the ground of a ruling."""
    department: tuple[int, str] | None
    item: tuple[int, str] | None
    window: tuple[int, str] | None


@dataclass(frozen=True)
class Route:
    """The chosen department (None = the dispatch desk) and the reason shown to people."""

    department_id: int | None
    rule: RouteRule
    reason: str


def choose_department(found: Candidates, *, department: str | None, item: str | None) -> Route:
    """Pick the department; the reason names the fact that decided, as the record put it."""
    if found.exception:
        ident, name, ground = found.exception
        return Route(ident, RouteRule.EXCEPTION, f"按派单规则：{name}（{ground}）")
    if found.department:
        ident, name = found.department
        return Route(ident, RouteRule.DEPARTMENT, f"按办理单位：{name}")
    if found.item:
        ident, name = found.item
        return Route(ident, RouteRule.ITEM, f"按事项归属：{name}（{item}）")
    if found.window:
        ident, name = found.window
        return Route(ident, RouteRule.WINDOW, f"按受理窗口：{name}")
    named = "、".join(f"“{word}”" for word in (department, item) if word)
    if named:
        return Route(None, RouteRule.DESK, f"转派单台：目录中没有{named}")
    return Route(None, RouteRule.DESK, "转派单台：评价未写明办理单位和事项")


@dataclass(frozen=True)
class Person:
    """A member of the department who could verify the case."""

    id: int
    name: str
    userid: str
    on_duty: bool
    open_cases: int
    may_handle: bool
    is_head: bool


def choose_person(people: Sequence[Person], *, rated: str | None) -> Person | None:
    """The verifier: never the person rated (F10); duty roster first, then fewest open cases, then by id.

    Where no ordinary handler is left the unit's head takes it; None when nobody but the rated is there.
    """
    free = [person for person in people if not is_rated(rated, person.name, person.userid)]
    for group in (
        [p for p in free if p.on_duty and p.may_handle],
        [p for p in free if p.may_handle and not p.is_head],
        [p for p in free if p.is_head],
    ):
        if group:
            return min(group, key=lambda p: (p.open_cases, p.id))
    return None


def is_rated(rated: str | None, *names: str) -> bool:
    """Whether one of these names is the person the review is about."""
    return bool(rated) and any(rated.strip() == name for name in names) if rated else False
