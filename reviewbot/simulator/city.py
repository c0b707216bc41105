"""The demonstration city: a district's busiest items grown to the size its own plan states."""

import csv
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Final

from reviewbot.errors import SettingError
from reviewbot.simulator.city_seeds import (
    ENTERPRISE_ZONE,
    ENTERPRISES,
    GIVEN_FIRST,
    GIVEN_SECOND,
    LICENCE_ACTIONS,
    MORE_ITEMS,
    SERVICE_ACTIONS,
    SURNAMES,
    UNITS,
    Unit,
)

SEEDS: Final = Path(__file__).parents[2] / "config" / "city" / "jiedong"
ITEM_COUNT: Final = 922
BUREAU: Final = "GSDA"
BUREAU_ROLES: Final = ("desk", "desk", "supervisor", "supervisor", "leader", "auditor", "admin")
SAMPLE_DEPARTMENTS: Final = frozenset({"SOC", "MED", "MKT", "LND", "SEC-HJ", "SEC-CRJ"})
SAMPLE_PEOPLE: Final = (("陈伟", "chenwei"), ("黄洁", "huangjie"), ("林涛", "lintao"), ("李敏", "limin"))
DEPARTMENT_COLUMNS: Final = ("code", "credit_code", "name", "short_name", "zone", "parent", "role")
ITEM_COLUMNS: Final = ("zone", "department", "item")
WINDOW_PREFIXES: Final = {
    "MED": "医保",
    "SOC": "社保",
    "MKT": "市监",
    "LND": "不动产",
    "SEC": "公安",
    "SEC-HJ": "户政",
    "SEC-CRJ": "出入境",
}
_DISTRICT: Final = "揭东区"
_CREDIT_SIGNS: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"

Row = dict[str, str]


@dataclass
class _Names:
    """Invented people, none twice; a user id is the name in letters and a number."""

    dice: random.Random

    def __post_init__(self) -> None:
        parts = [
            [(each[0], each[1:]) for each in names.split()] for names in (SURNAMES, GIVEN_FIRST, GIVEN_SECOND)
        ]
        self._people = [
            ("".join(sign for sign, _ in person), "".join(sound for _, sound in person))
            for person in product(*parts)
        ]
        self.dice.shuffle(self._people)
        self._ids: Counter[str] = Counter()

    def next(self) -> tuple[str, str]:
        """A name not used yet and its user id."""
        name, letters = self._people.pop()
        return name, self.userid(letters)

    def userid(self, letters: str) -> str:
        self._ids[letters] += 1
        return f"{letters}{self._ids[letters]:02d}"


def write_city(folder: Path, seed: int = 1, *, seeds: Path = SEEDS) -> None:
    """Write the city's tables into ``folder``; the same seed gives the same bytes."""
    dice = random.Random(seed)
    departments = _departments(_read(seeds / "departments.csv"))
    items = _items(departments, _read(seeds / "items.csv"), dice)
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / "departments.csv", DEPARTMENT_COLUMNS, departments)
    _write(folder / "items.csv", ITEM_COLUMNS, items)
    _write(folder / "staff.csv", ("userid", "name", "department", "roles"), _staff(departments, dice))
    _write(folder / "windows.csv", ("window", "department"), _windows(departments, dice))
    _write(folder / "roster.csv", ("date_from", "date_to", "department", "userid"), ())
    _write(folder / "routing.csv", ("kind", "value", "department", "reason"), ())


def _departments(known: Sequence[Row]) -> list[Row]:
    rows = list(known)
    for unit in UNITS:
        rows.append(_department(unit, len(rows), "11", _business(unit.short) + "服务区"))
    for enterprise in ENTERPRISES:
        rows.append(_department(enterprise, len(rows), "91", ENTERPRISE_ZONE))
    return rows


def _department(unit: Unit, number: int, kind: str, zone: str) -> Row:
    check = _CREDIT_SIGNS[(9 + number) % len(_CREDIT_SIGNS)]
    values = (
        unit.code,
        f"{kind}445203MB2C{number:04d}X{check}",
        _DISTRICT + unit.name,
        unit.short,
        zone,
        "",
        "handling",
    )
    return dict(zip(DEPARTMENT_COLUMNS, values, strict=True))


def _items(departments: Sequence[Row], known: Sequence[Row], dice: random.Random) -> list[Row]:
    """The real items stay; of the plausible others as many are drawn as the plan counts."""
    zones = {row["code"]: row["zone"] for row in departments}
    taken = {row["item"] for row in known}
    pool = [pair for pair in dict.fromkeys(_possible_items()) if pair[1] not in taken]
    missing = ITEM_COUNT - len(known)
    if len(pool) < missing:
        raise SettingError(f"演示城市的事项种子不足：需要 {missing} 项，只有 {len(pool)} 项")
    chosen = set(dice.sample(range(len(pool)), missing))
    order = {code: position for position, code in enumerate(zones)}
    drawn = [pool[position] for position in sorted(chosen)]
    rows = [dict(zip(ITEM_COLUMNS, (zones[code], code, item), strict=True)) for code, item in drawn]
    return sorted([*known, *rows], key=lambda row: order[row["department"]])


def _possible_items() -> Iterator[tuple[str, str]]:
    business = [(unit.code, unit.licences, unit.services) for unit in (*UNITS, *ENTERPRISES)]
    business += [(code, licences, services) for code, (licences, services) in MORE_ITEMS.items()]
    for code, licences, services in business:
        for topics, actions in ((licences, LICENCE_ACTIONS), (services, SERVICE_ACTIONS)):
            for topic, action in product(topics.split(), actions):
                yield code, topic + ("" if topic.endswith(action) else action)


def _staff(departments: Sequence[Row], dice: random.Random) -> Iterator[Row]:
    names = _Names(dice)
    for department in departments:
        code = department["code"]
        if code == BUREAU:
            for role in BUREAU_ROLES:
                yield _person(*names.next(), code, role)
            continue
        yield _person(*names.next(), code, "head")
        if code in SAMPLE_DEPARTMENTS:
            for name, letters in SAMPLE_PEOPLE:
                yield _person(name, names.userid(letters), code, "handler")
        for _ in range(dice.randint(2, 4)):
            yield _person(*names.next(), code, "handler")


def _person(name: str, userid: str, department: str, role: str) -> Row:
    return {"userid": userid, "name": name, "department": department, "roles": role}


def _windows(departments: Sequence[Row], dice: random.Random) -> Iterator[Row]:
    """The hall numbers its windows through; the name says the zone as well, so no two are alike."""
    number = 0
    for department in departments:
        code = department["code"]
        if code == BUREAU:
            continue
        prefix = WINDOW_PREFIXES.get(code, _business(department["short_name"]))
        for _ in range(dice.randint(2, 5) if code in WINDOW_PREFIXES else dice.randint(1, 2)):
            number += 1
            yield {"window": f"{prefix}{number}号窗口", "department": code}


def _business(short_name: str) -> str:
    """税务局 -> 税务: what zones and windows are called after."""
    for ending in ("分局", "局", "管理部"):
        short_name = short_name.removesuffix(ending)
    return short_name


def _read(path: Path) -> list[Row]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return list(csv.DictReader(file))
    except OSError as error:
        raise SettingError(f"演示城市的种子 {path} 无法读取：{type(error).__name__}") from error


def _write(path: Path, columns: Sequence[str], rows: Iterable[Row]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, columns, lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
