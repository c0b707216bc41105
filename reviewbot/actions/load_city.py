"""Load a city's directory from a folder of CSV files: what is new is added, what differs is changed."""

import csv
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from reviewbot.actions.hand_on import NO_LONGER_WORKS, hand_on, standing
from reviewbot.actions.invite import invite
from reviewbot.actions.keep_member import confirm
from reviewbot.actions.let_go import retire
from reviewbot.actions.settle_contacts import lock_directory
from reviewbot.errors import InvalidInput
from reviewbot.models.people import Department, Duty, Item, RoutingException, Staff, Window
from reviewbot.queries.handovers import Before
from reviewbot.rules.contacts import Left
from reviewbot.rules.lifecycle import Role

Row = dict[str, str]


@dataclass
class CityChange:
    """What loading a folder changes: lines a person can read, and how many rows of each table it holds. ``notes``: what
    stays as it is because the folder says nothing of it."""

    lines: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)


def load_city(session: Session, folder: Path, *, at: datetime) -> CityChange:
    """Bring the directory to what the folder says. Nobody is deleted: who is missing becomes inactive. What somebody
    cannot hold any more, because he is gone, in another unit or without his role, goes to others (W25, B22): at the
    end, when everybody stands where the folder puts him. A line without a userid is somebody still to be bound
    (``bind_member``). An optional file that is not there leaves what it would say as it is; an empty roster empties.

    Raises InvalidInput naming the file and line of the first mistake; nothing is loaded then.
    """
    lock_directory(session)
    change = CityChange()
    departments = _load_departments(session, folder / "departments.csv", change)
    _load_items(session, folder / "items.csv", departments, change)
    staff, changed = _load_staff(session, folder / "staff.csv", departments, change, at)
    _load_windows(session, folder / "windows.csv", departments, change)
    _load_exceptions(session, folder / "routing.csv", departments, change)
    _load_roster(session, folder / "roster.csv", departments, staff, change)
    for before, why in changed:
        if given := hand_on(session, before, why, at=at):
            change.lines.append(f"{before.staff.name}名下 {len(given)} 件未办结工单转交他人")
    session.flush()
    return change


def city_is_empty(session: Session) -> bool:
    return not session.scalar(select(func.count()).select_from(Department))


def _is_there(path: Path, what: str, change: CityChange) -> bool:
    """Whether an optional file is in the folder; where it is not, that is said."""
    if not path.exists():
        change.notes.append(f"没有 {path.name}，{what}保持原样")
    return path.exists()


def _rows(path: Path, needed: set[str], *, optional: bool = False) -> Iterator[tuple[str, Row]]:
    """Each row with its place ("staff.csv 第 3 行") for messages; ``optional``: it may be without a line at all."""
    if not path.exists():
        raise InvalidInput(f"城市目录缺少文件 {path.name}。")
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        if optional and reader.fieldnames is None:
            return
        if missing := needed - set(reader.fieldnames or ()):
            raise InvalidInput(f"{path.name} 缺少列 {'、'.join(sorted(missing))}。")
        for row in reader:
            yield f"{path.name} 第 {reader.line_num} 行", {k: (v or "").strip() for k, v in row.items() if k}


def _department(departments: dict[str, Department], code: str, place: str) -> Department:
    try:
        return departments[code]
    except KeyError:
        raise InvalidInput(f"{place}：没有代码为“{code}”的单位。") from None


def _load_departments(session: Session, path: Path, change: CityChange) -> dict[str, Department]:
    known = {row.code: row for row in session.scalars(select(Department))}
    parents: dict[str, str] = {}
    count = 0
    for place, row in _rows(path, {"code", "name", "short_name", "role"}):
        if row["role"] not in {"bureau", "handling"} or not row["code"]:
            raise InvalidInput(f"{place}：code 不能为空，role 只能是 bureau 或 handling。")
        facts = {
            "credit_code": row.get("credit_code") or None,
            "name": row["name"],
            "short_name": row["short_name"],
            "zone": row.get("zone") or None,
            "role": row["role"],
        }
        found = known.get(row["code"])
        if found is None:
            found = known[row["code"]] = Department(code=row["code"], **facts)
            session.add(found)
            change.lines.append(f"新增单位 {row['short_name']}")
        elif differs := [name for name, value in facts.items() if getattr(found, name) != value]:
            change.lines.append(f"单位 {row['short_name']} 变更：{'、'.join(differs)}")
            for name, value in facts.items():
                setattr(found, name, value)
        parents[row["code"]] = row.get("parent", "")
        count += 1
    session.flush()
    for code, parent in parents.items():
        known[code].parent_id = _department(known, parent, path.name).id if parent else None
    session.flush()
    change.counts["departments"] = count
    return known


def _load_items(session: Session, path: Path, departments: dict[str, Department], change: CityChange) -> None:
    known = {(row.department_id, row.name) for row in session.scalars(select(Item))}
    count = 0
    for place, row in _rows(path, {"department", "item"}):
        owner = _department(departments, row["department"], place)
        if (owner.id, row["item"]) not in known:
            known.add((owner.id, row["item"]))
            session.add(Item(name=row["item"], code=row.get("code") or None, department_id=owner.id))
            change.lines.append(f"新增事项 {row['item']}")
        count += 1
    change.counts["items"] = count


def _load_staff(
    session: Session, path: Path, departments: dict[str, Department], change: CityChange, at: datetime
) -> tuple[dict[str, Staff], list[tuple[Before, str]]]:
    """Everybody by userid in lower case, and how those stood whom this changes, with the reason."""
    known = {row.userid.lower(): row for row in session.scalars(select(Staff))}
    stood = {row.id: standing(session, row, at=at) for row in known.values()}
    changed: list[tuple[Before, str]] = []
    present: set[str] = set()
    for place, row in _rows(path, {"userid", "name", "department", "roles"}):
        roles = [role.strip() for role in row["roles"].split(";") if role.strip()]
        if wrong := [role for role in roles if role not in {known_role.value for known_role in Role}]:
            raise InvalidInput(f"{place}：没有角色“{wrong[0]}”。")
        unit = _department(departments, row["department"], place)
        if not row["userid"]:
            _invite(session, row, unit, roles, change, place, at)
            continue
        if row["userid"].lower() in present:
            raise InvalidInput(f"{place}：userid 重复。")
        present.add(row["userid"].lower())
        facts = {
            "name": row["name"],
            "department_id": unit.id,
            "roles": roles,
            "active": True,
        }
        found = known.get(row["userid"].lower())
        if found is None:
            found = known[row["userid"].lower()] = Staff(userid=row["userid"], **facts)
            session.add(found)
            change.lines.append(f"新增人员 {row['name']}（{row['userid']}）")
        elif differs := [name for name, value in facts.items() if getattr(found, name) != value]:
            change.lines.append(f"人员 {row['name']}（{row['userid']}）变更：{'、'.join(differs)}")
            changed.append(
                (stood[found.id], Left.MOVED.label if "department_id" in differs else NO_LONGER_WORKS)
            )
            for name, value in facts.items():
                setattr(found, name, value)
            session.flush()
            confirm(session, found)
    for key, person in known.items():
        if key not in present and person.active:
            changed.append((stood[person.id], Left.REMOVED.label))
            retire(session, person, Left.REMOVED, at=at)
            change.lines.append(f"停用人员 {person.name}（{person.userid}）")
    session.flush()
    change.counts["staff"] = len(present)
    return known, changed


def _invite(
    session: Session,
    row: Row,
    unit: Department,
    roles: list[str],
    change: CityChange,
    place: str,
    at: datetime,
) -> None:
    """Known by name or number only: to be bound."""
    if not row["name"]:
        raise InvalidInput(f"{place}：userid 和 name 不能都为空。")
    if invite(session, row["name"], row.get("number") or None, unit, roles, actor="system", at=at):
        change.lines.append(f"登记待绑定 {row['name']}（{unit.short_name}）")


def _load_windows(
    session: Session, path: Path, departments: dict[str, Department], change: CityChange
) -> None:
    if not _is_there(path, "窗口", change):
        return
    known = {row.name: row for row in session.scalars(select(Window))}
    for place, row in _rows(path, {"window", "department"}, optional=True):
        owner = _department(departments, row["department"], place)
        if row["window"] not in known:
            known[row["window"]] = Window(name=row["window"], department_id=owner.id)
            session.add(known[row["window"]])
            change.lines.append(f"新增窗口 {row['window']}")
        known[row["window"]].department_id = owner.id


def _load_exceptions(
    session: Session, path: Path, departments: dict[str, Department], change: CityChange
) -> None:
    if not _is_there(path, "派单规则", change):
        return
    known = {(row.kind, row.value): row for row in session.scalars(select(RoutingException))}
    for place, row in _rows(path, {"kind", "value", "department", "reason"}, optional=True):
        if row["kind"] not in {"item", "window"}:
            raise InvalidInput(f"{place}：kind 只能是 item 或 window。")
        owner = _department(departments, row["department"], place)
        found = known.get((row["kind"], row["value"]))
        if found is None:
            found = RoutingException(kind=row["kind"], value=row["value"])
            session.add(found)
            change.lines.append(f"新增派单规则 {row['value']}")
        if found.ended_at is not None and found.department_id == owner.id:
            change.lines.append(f"派单规则 {row['value']} 已由{found.ended_by}停用，不恢复")
            continue
        found.department_id, found.reason = owner.id, row["reason"]


def _load_roster(
    session: Session,
    path: Path,
    departments: dict[str, Department],
    staff: dict[str, Staff],
    change: CityChange,
) -> None:
    if not _is_there(path, "值班表", change):
        return
    told: list[tuple[int, int, date, date]] = []
    for place, row in _rows(path, {"date_from", "date_to", "department", "userid"}, optional=True):
        person = staff.get(row["userid"].lower())
        try:
            first, last = date.fromisoformat(row["date_from"]), date.fromisoformat(row["date_to"])
        except ValueError:
            raise InvalidInput(f"{place}：日期应写作 2026-11-30。") from None
        if person is None or last < first:
            raise InvalidInput(f"{place}：没有人员“{row['userid']}”，或止日早于起日。")
        told.append((_department(departments, row["department"], place).id, person.id, first, last))
    change.counts["roster"] = len(told)
    stood = [
        (one.department_id, one.staff_id, one.date_from, one.date_to) for one in session.scalars(select(Duty))
    ]
    if Counter(stood) == Counter(told):
        return
    session.execute(delete(Duty))
    for unit_id, staff_id, first, last in told:
        session.add(Duty(department_id=unit_id, staff_id=staff_id, date_from=first, date_to=last))
    change.lines.append(
        f"值班表由 {len(stood)} 行改为 {len(told)} 行" if told else f"值班表清空（原 {len(stood)} 行）"
    )
