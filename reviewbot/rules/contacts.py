"""What the address book says, reckoned from its pushed changes in whatever order they came (wecom §2.5, W25).

The events are a set. Sorted by the platform's own time they are played over the base, the directory as it was last
confirmed, and the standing of everybody follows; so that order of arrival and repeats change nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class Told(StrEnum):
    """What an event tells; later in this list wins within one second."""

    CREATE_USER = "create_user"
    UPDATE_USER = "update_user"
    SUBSCRIBE = "subscribe"
    UNSUBSCRIBE = "unsubscribe"
    DELETE_USER = "delete_user"
    CREATE_PARTY = "create_party"
    UPDATE_PARTY = "update_party"
    DELETE_PARTY = "delete_party"
    UPDATE_TAG = "update_tag"


class Left(StrEnum):
    """How somebody came to be no longer here."""

    DELETED = "deleted"
    UNSUBSCRIBED = "unsubscribed"
    MISSING = "missing"
    REMOVED = "removed"
    MOVED = "moved"

    @property
    def label(self) -> str:
        return {
            "deleted": "已从企业微信通讯录删除", "unsubscribed": "已不在应用可见范围内或账号停用",
            "missing": "企业微信通讯录中已没有此人", "removed": "由管理员停用",
            "moved": "已转到其他单位",
        }[self.value]  # fmt: skip


_RANK = {told: place for place, told in enumerate(Told)}


@dataclass(frozen=True)
class Event:
    """One change, as pushed. ``at``: the platform's seconds; ``key``: what makes it one event."""

    kind: Told
    at: int
    key: str
    userid: str = ""
    new_userid: str | None = None
    name: str | None = None
    departments: tuple[int, ...] | None = None
    party: int | None = None
    parent: int | None = None


@dataclass(frozen=True)
class Base:
    """A member of staff as last confirmed; events up to ``after`` are in it."""

    staff_id: int
    userid: str
    name: str
    after: int = 0


@dataclass
class Standing:
    """What the events make of one person. ``left`` stays once it is said: coming back is an administrator's word."""

    userid: str
    name: str | None
    staff_id: int | None = None
    exists: bool = True
    visible: bool | None = None
    """Within the application's range; None where nothing was said of it."""
    left: Left | None = None
    departments: tuple[int, ...] | None = None
    heard: bool = False
    """Something since the base says that he is there."""

    @property
    def is_back(self) -> bool:
        """He had left, and WeCom has him again."""
        return self.left is not None and self.exists and self.visible is not False


@dataclass(frozen=True)
class Standings:
    """``members`` by staff id; ``strangers`` by lower-case userid: there, and not in the directory."""

    members: Mapping[int, Standing]
    strangers: Mapping[str, Standing]


@dataclass(frozen=True)
class Party:
    """A department as WeCom tells of it; a new application is told the number and often nothing more."""

    name: str | None = None
    parent: int | None = None
    present: bool = True


def standings(bases: Iterable[Base], events: Iterable[Event], *, strangers_after: int = 0) -> Standings:
    """Play the events over the bases. The same set of events gives the same standings in every order.

    ``strangers_after``: of people outside the directory, events up to then say nothing new.
    """
    play = _Play(strangers_after)
    timeline: list[tuple[tuple[int, int, int, str], Base | Event]] = [
        ((one.after, 1, one.staff_id, ""), one) for one in bases
    ]
    unique = {event.key: event for event in events}.values()
    timeline += [((event.at, 0, _RANK[event.kind], event.key), event) for event in unique]
    for _, step in sorted(timeline, key=lambda entry: entry[0]):
        if isinstance(step, Base):
            play.enter(step)
        elif step.userid:
            play.hear(step)
    return Standings(play.members, play.strangers())


@dataclass
class _Play:
    strangers_after: int
    here: dict[str, Standing] = field(default_factory=dict)
    members: dict[int, Standing] = field(default_factory=dict)

    def enter(self, base: Base) -> None:
        self.members[base.staff_id] = known = Standing(base.userid, base.name, base.staff_id)
        self._claim(known)

    def hear(self, event: Event) -> None:
        key = event.userid.lower()
        known = self.here.get(key)
        if known is None:
            if event.at <= self.strangers_after or event.kind in (Told.DELETE_USER, Told.UNSUBSCRIBE):
                return
            known = self.here[key] = Standing(event.userid, None)
        known.heard = event.kind not in (Told.DELETE_USER, Told.UNSUBSCRIBE)
        match event.kind:
            case Told.DELETE_USER:
                known.exists, known.left = False, known.left or Left.DELETED
            case Told.UNSUBSCRIBE:
                known.visible, known.left = False, known.left or Left.UNSUBSCRIBED
            case Told.SUBSCRIBE:
                known.exists = known.visible = True
            case _:
                known.exists = True
                known.name = event.name or known.name
                known.departments = event.departments if event.departments is not None else known.departments
        if event.kind is Told.UPDATE_USER and event.new_userid:
            self._rename(key, known, event.new_userid)

    def _rename(self, key: str, known: Standing, userid: str) -> None:
        del self.here[key]
        known.userid = userid
        self._claim(known)

    def _claim(self, known: Standing) -> None:
        """WeCom gives no userid twice, so whoever had this one is gone and we were not told."""
        displaced = self.here.get(known.userid.lower())
        if displaced is not None:
            displaced.exists, displaced.left = False, displaced.left or Left.DELETED
        self.here[known.userid.lower()] = known

    def strangers(self) -> dict[str, Standing]:
        return {
            key: one for key, one in self.here.items()
            if one.staff_id is None and one.exists and one.visible is not False
        }  # fmt: skip


def parties(events: Iterable[Event]) -> dict[int, Party]:
    """The departments these events speak of; each fact as it was last told."""
    found: dict[int, Party] = {}
    unique = {event.key: event for event in events if event.party is not None}.values()
    for event in sorted(unique, key=lambda one: (one.at, _RANK[one.kind], one.key)):
        assert event.party is not None  # noqa: S101 - chosen above
        known = found.get(event.party, Party())
        found[event.party] = Party(
            name=event.name or known.name,
            parent=event.parent if event.parent is not None else known.parent,
            present=event.kind is not Told.DELETE_PARTY,
        )
    return found


def real_name(told: str | None, userid: str) -> str | None:
    """A name that WeCom really told: new applications get none, or the userid in its place."""
    name = (told or "").strip()
    return name if name and name.lower() != userid.lower() else None


def wrong_numbers_left(head_count: int, wrong_today: int) -> int:
    """How many numbers may still be looked up today.

    WeCom shuts the call for a day when wrong ones pass a fifth of the head-count (§2.5); we stop at a tenth. Below
    ten people one try is left as long as even that would not pass the fifth.
    """
    allowed = head_count // 10 or (1 if head_count >= 5 else 0)
    return max(allowed - wrong_today, 0)


def one_unit(departments: Sequence[int] | None, units: Mapping[int, int]) -> int | None:
    """Our unit that these WeCom departments mean; None where they mean none, or more than one."""
    meant = {units[party] for party in departments or () if party in units}
    return meant.pop() if len(meant) == 1 else None
