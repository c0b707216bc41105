"""A reading of the address book against our own table: what would change, and what may change by itself.

Our table stays the truth for roles and units. By itself only that happens which takes nothing from anybody who is
there: a new userid, a new name, somebody who is gone. The rest waits for an administrator.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, assert_never

from reviewbot.rules.contacts import Party, one_unit, real_name


class ChangeKind(StrEnum):
    LEFT = "left"
    RENAMED = "renamed"
    NAMED = "named"
    JOINED = "joined"
    REJOINED = "rejoined"
    MOVED = "moved"
    UNIT_NEW = "unit_new"
    UNIT_CHANGED = "unit_changed"
    UNIT_GONE = "unit_gone"
    BOUND = "bound"
    RETURNED = "returned"

    @property
    def label(self) -> str:
        return _LABELS[self]


K = ChangeKind
_LABELS = {
    K.LEFT: "离开", K.RENAMED: "账号变更", K.NAMED: "姓名变更", K.JOINED: "新成员", K.REJOINED: "重新加入",
    K.MOVED: "部门变更", K.UNIT_NEW: "新部门", K.UNIT_CHANGED: "部门改名", K.UNIT_GONE: "部门撤销",
    K.BOUND: "绑定账号", K.RETURNED: "恢复",
}  # fmt: skip


@dataclass(frozen=True)
class Member:
    """Somebody in the address book; ``name`` and ``departments`` only where they were told."""

    userid: str
    name: str | None = None
    departments: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Ours:
    """Somebody in our table."""

    staff_id: int
    userid: str
    name: str
    department_id: int
    active: bool


@dataclass(frozen=True)
class Seen:
    """One reading. Not ``complete``: who is missing in it may still be there."""

    way: str
    complete: bool
    members: Sequence[Member] = ()
    parties: Mapping[int, Party] = field(default_factory=dict)
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class Change:
    """One difference. ``subject``: a lower-case userid or ``party:ID``; ``facts``: before and after, as told."""

    kind: ChangeKind
    subject: str
    staff_id: int | None
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class Plan:
    """``safe``: done by itself. ``waiting``: for an administrator."""

    safe: Sequence[Change]
    waiting: Sequence[Change]


@dataclass(frozen=True)
class Known:
    """What we have: our people, the WeCom departments we know, which unit of ours each stands for, and our units by
    name and short name."""

    staff: Sequence[Ours]
    parties: Mapping[int, Party]
    units: Mapping[int, int]
    names: Mapping[str, int] = field(default_factory=dict)


def compare(known: Known, seen: Seen, *, leave_share: float) -> Plan:
    """What this reading would change. ``leave_share``: part of the active people beyond which many missing at once
    looks like a narrowed range rather than like people leaving, and waits for an administrator."""
    there = {one.userid.lower(): one for one in seen.members}
    ours = {one.userid.lower(): one for one in known.staff}
    missing = [one for key, one in ours.items() if one.active and key not in there] if seen.complete else []
    fresh = [one for key, one in there.items() if key not in ours]
    renamed = _renamed(missing, fresh, known.units)
    safe = [_renaming(old, new.userid) for old, new in renamed]
    missing = [one for one in missing if one not in [old for old, _ in renamed]]
    fresh = [one for one in fresh if one not in [new for _, new in renamed]]
    left = [
        Change(K.LEFT, one.userid.lower(), one.staff_id, {"name": one.name, "userid": one.userid})
        for one in missing
    ]
    active = sum(1 for one in known.staff if one.active)
    many = len(left) > max(1, leave_share * active)
    waiting = _party_changes(known, seen) + (left if many else [])
    safe += [] if many else left
    for key, member in there.items():
        if (mine := ours.get(key)) is None:
            continue
        if not mine.active:
            waiting.append(came(K.REJOINED, member, known.units, staff_id=mine.staff_id, name=mine.name))
            continue
        if member.userid != mine.userid:
            safe.append(_renaming(mine, member.userid))
        if (name := real_name(member.name, member.userid)) and name != mine.name:
            safe.append(Change(K.NAMED, key, mine.staff_id, {"before": mine.name, "after": name}))
        if moved := moving(mine, member.departments, known.units):
            waiting.append(moved)
    waiting += [
        came(K.JOINED, one, known.units) for one in fresh
        if seen.way == IN_RANGE or one_unit(one.departments, known.units)
    ]  # fmt: skip
    return Plan(safe, waiting)


IN_RANGE = "simplelist"
"""A reading of what the application may see; the other way reads a whole corp, most of which is none of ours."""


def likely_units(known: Known, seen: Seen) -> dict[int, int]:
    """Which unit a WeCom department probably stands for: of the same name, or of most of our people in it (two at
    least), since a new application is told no names."""
    found = {
        ident: known.names[party.name]
        for ident, party in seen.parties.items()
        if party.name and party.name in known.names
    }
    unit_of = {one.userid.lower(): one.department_id for one in known.staff if one.active}
    people: dict[int, Counter[int]] = {}
    for member in seen.members:
        if (unit := unit_of.get(member.userid.lower())) is not None:
            for party in member.departments or ():
                people.setdefault(party, Counter())[unit] += 1
    for party, counts in people.items():
        unit, most = counts.most_common(1)[0]
        if party not in found and most >= 2 and most * 2 > counts.total():
            found[party] = unit
    return found


def came(
    kind: ChangeKind, member: Member, units: Mapping[int, int], *, staff_id: int | None = None, name: str = ""
) -> Change:
    """Somebody new, or back: the unit is only proposed, the role is not even that."""
    facts = {
        "userid": member.userid, "name": real_name(member.name, member.userid) or name,
        "parties": list(member.departments or ()), "department_id": one_unit(member.departments, units),
    }  # fmt: skip
    return Change(kind, member.userid.lower(), staff_id, facts)


def moving(mine: Ours, departments: Sequence[int] | None, units: Mapping[int, int]) -> Change | None:
    """Somebody whose WeCom departments mean another unit of ours than he has."""
    unit = one_unit(departments, units)
    if unit is None or unit == mine.department_id:
        return None
    facts = {"name": mine.name, "before": mine.department_id, "department_id": unit}
    return Change(K.MOVED, mine.userid.lower(), mine.staff_id, facts)


def _renaming(mine: Ours, userid: str) -> Change:
    facts = {"name": mine.name, "before": mine.userid, "after": userid}
    return Change(K.RENAMED, mine.userid.lower(), mine.staff_id, facts)


def _renamed(
    missing: Sequence[Ours], fresh: Sequence[Member], units: Mapping[int, int]
) -> list[tuple[Ours, Member]]:
    """A list shows no renaming, only one gone and one new: the same person where name and unit are the same and
    nobody else of either list bears them."""
    gone = {(one.name, one.department_id): one for one in missing}
    gone_times = Counter((one.name, one.department_id) for one in missing)
    told = [((real_name(one.name, one.userid), one_unit(one.departments, units)), one) for one in fresh]
    times = Counter(mark for mark, _ in told)
    return [
        (gone[name, unit], one) for (name, unit), one in told
        if name and unit and (name, unit) in gone and gone_times[name, unit] == times[name, unit] == 1
    ]  # fmt: skip


def _party_changes(known: Known, seen: Seen) -> list[Change]:
    """Only what touches a unit of ours: departments that probably stand for one, and those that do."""
    found = []
    for ident, unit in sorted(likely_units(known, seen).items()):
        if ident not in known.units:
            told = seen.parties.get(ident, Party()).name
            found.append(party_change(K.UNIT_NEW, ident, None, told, unit))
    for ident, unit in sorted(known.units.items()):
        old, new = known.parties[ident], seen.parties.get(ident)
        if new is not None and new.name and new.name != old.name:
            found.append(party_change(K.UNIT_CHANGED, ident, old.name, new.name, unit))
        elif new is None and seen.complete and seen.parties:
            found.append(party_change(K.UNIT_GONE, ident, old.name, None, unit))
    return found


def party_change(
    kind: ChangeKind, ident: int, before: str | None, after: str | None, unit: int | None
) -> Change:
    facts = {"party": ident, "before": before, "after": after, "department_id": unit}
    return Change(kind, f"party:{ident}", None, facts)


def describe(kind: ChangeKind, facts: Mapping[str, Any], units: Mapping[int, str]) -> str:
    """One change in one line; ``units``: short names by id."""

    def unit(key: str = "department_id") -> str:
        return units.get(facts.get(key) or 0, "未定单位")

    name = f"{facts.get('name') or '（无姓名）'}"
    party = f"企业微信部门 {facts.get('party')}"
    match kind:
        case K.LEFT | K.RETURNED:
            what = f"{name}（{facts.get('userid')}）"
        case K.RENAMED:
            what = f"{name}：{facts['before']} → {facts['after']}"
        case K.NAMED:
            what = f"{facts['before']} → {facts['after']}"
        case K.JOINED | K.REJOINED:
            what = f"{name}（{facts['userid']}），{unit()}"
        case K.MOVED:
            what = f"{name}：{unit('before')} → {unit()}"
        case K.UNIT_NEW:
            what = f"{party} {facts.get('after') or ''}对应{unit()}"
        case K.UNIT_CHANGED:
            what = f"{party}：{facts['before'] or '（无名）'} → {facts['after']}"
        case K.UNIT_GONE:
            what = f"{party} 不再对应{unit()}"
        case K.BOUND:
            how = {"mobile": "按手机号", "code": "凭绑定码"}[str(facts["how"])]
            what = f"{name}（{facts['userid']}），{how}"
        case _:
            assert_never(kind)
    return f"{kind.label} {what}"
