"""The demonstration city has the size its plan states, and its citizens are the same on every run."""

import csv
import itertools
import re
from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from reviewbot.simulator.city import write_city
from reviewbot.simulator.stream import reviews
from reviewbot.sources.mapping import DateLimits, map_record
from reviewbot.sources.profile import load_profile
from reviewbot.sources.record import ReviewIn

CONFIG = Path(__file__).parents[2] / "config"
DEMO = CONFIG / "city/demo"
START = datetime(2026, 11, 6, 1, 0, tzinfo=UTC)


def rows(name: str, folder: Path = DEMO) -> list[dict[str, str]]:
    with (folder / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_making_the_city_again_gives_the_same_bytes(tmp_path):
    write_city(tmp_path)
    made = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert made == {path.name: path.read_bytes() for path in DEMO.iterdir()}
    assert set(made) == {
        f"{n}.csv" for n in ("departments", "items", "staff", "windows", "roster", "routing")
    }


def test_another_seed_gives_other_people(tmp_path):
    write_city(tmp_path, seed=2)
    assert rows("staff.csv", tmp_path) != rows("staff.csv")
    assert len(rows("items.csv", tmp_path)) == 922


def test_the_city_has_28_units_6_enterprises_and_922_items():
    handling = [row for row in rows("departments.csv") if row["role"] == "handling"]
    enterprises = [row for row in handling if row["zone"] == "公共服务企业"]
    assert len(enterprises) == 6
    assert len([row for row in handling if not row["parent"]]) - len(enterprises) == 28
    items = rows("items.csv")
    assert len(items) == len({row["item"] for row in items}) == 922
    known = {tuple(row.values()) for row in rows("items.csv", CONFIG / "city/jiedong")}
    assert len(known) == 37
    assert known <= {tuple(row.values()) for row in items}
    zones = {row["code"]: row["zone"] for row in rows("departments.csv")}
    assert all(zones[row["department"]] == row["zone"] for row in items)
    assert {row["department"] for row in items} == {row["code"] for row in handling}


@pytest.mark.parametrize("column", ["code", "credit_code", "name", "short_name"])
def test_departments_can_be_told_apart(column):
    values = [row[column] for row in rows("departments.csv")]
    assert len(values) == len(set(values))
    if column == "credit_code":
        assert all(re.fullmatch(r"[19]1445203MB2C[0-9]{4}X[0-9A-Y]", value) for value in values)


def test_every_department_has_a_head_and_handlers_and_the_bureau_its_offices():
    staff = rows("staff.csv")
    assert len({row["userid"] for row in staff}) == len(staff)
    assert all(re.fullmatch(r"[a-z]+[0-9]{2}", row["userid"]) for row in staff)
    roles: dict[str, Counter[str]] = {}
    for row in staff:
        roles.setdefault(row["department"], Counter()).update(row["roles"].split(";"))
    assert roles.pop("GSDA") == {"desk": 2, "supervisor": 2, "leader": 1, "auditor": 1, "admin": 1}
    assert len(roles) == 36
    assert all(count["head"] == 1 and count["handler"] >= 2 for count in roles.values())
    rated = {"陈伟", "黄洁", "林涛", "李敏"}
    for code in ("SOC", "MED", "MKT", "LND", "SEC-HJ", "SEC-CRJ"):
        names = {r["name"] for r in staff if r["department"] == code and r["roles"] == "handler"}
        assert rated < names
        assert len(names - rated) >= 2


def test_windows_are_unique_and_belong_to_departments():
    windows = rows("windows.csv")
    assert len({row["window"] for row in windows}) == len(windows)
    assert {row["department"] for row in windows} <= {row["code"] for row in rows("departments.csv")}


def test_the_stream_is_the_same_on_every_run_and_every_record_is_accepted():
    found = list(reviews(7, DEMO, START, 4000))
    assert found == list(reviews(7, DEMO, START, 4000))
    assert found[:50] != list(reviews(8, DEMO, START, 50))
    assert len({record["external_id"] for record in found}) == 4000
    profile = load_profile(CONFIG / "sources/standard.toml")
    limits = DateLimits(earliest=date(2020, 1, 1))
    read = [map_record(profile, r, now=datetime(2026, 12, 1, tzinfo=UTC), limits=limits) for r in found]
    assert all(isinstance(each, ReviewIn) for each in read)
    assert not any("reason_code" in flag for each in read for flag in each.flags)


def test_the_stream_is_mostly_good_and_keeps_office_hours():
    found = list(reviews(7, DEMO, START, 4000))
    bad = [record for record in found if record["rating"] <= 2]
    assert 20 <= len(bad) <= 65
    assert any(record["is_default"] for record in found)
    moments = [datetime.fromisoformat(record["reviewed_at"]) for record in found]
    assert all(a <= b for a, b in itertools.pairwise(moments))
    assert all(m.weekday() < 5 and (9 <= m.hour < 12 or 14 <= m.hour < 18) for m in moments)
    assert moments[0] >= START
    staff = {(row["department"], row["name"]) for row in rows("staff.csv") if row["roles"] == "handler"}
    assert all((record["department"], record["handled_by"]) in staff for record in found)


def test_the_share_of_bad_reviews_can_be_set():
    assert all(record["rating"] <= 2 for record in reviews(1, DEMO, START, 40, bad_share=1.0))
