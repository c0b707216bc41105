"""``reviewbot city load`` changes people: what they had goes on with others, at once or not at all (W25, B22)."""

import csv
import shutil
from datetime import date

import pytest
from case_kit import (
    DESK,
    HEAD,
    case_of,
    events,
    handler_of,
    messages,
    move,
    opened,
    opened_all,
    record,
    verifying,
    viewer,
)
from contact_kit import anybody, person, unit_people
from ladder_kit import rows
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from reviewbot.actions.delegate import delegate
from reviewbot.actions.load_city import load_city
from reviewbot.actions.settle_contacts import lock_directory
from reviewbot.models.people import Delegation, Duty
from reviewbot.models.procedure import Assistance
from reviewbot.queries.delegates import stands_in
from reviewbot.queries.directory import staff_by_userid
from reviewbot.queries.handovers import cases_without_holder
from reviewbot.settings import ROOT

LAST = date(2026, 12, 31)


@pytest.fixture
def city(tmp_path):
    """Writes the demonstration's city with these people changed: None strikes somebody out."""
    folder = tmp_path / "city"
    shutil.copytree(ROOT / "config" / "city" / "demo", folder)

    def write(people, **files):
        with (folder / "staff.csv").open(encoding="utf-8-sig", newline="") as file:
            lines = {row["userid"]: row for row in csv.DictReader(file)}
        for userid, changed in people.items():
            lines[userid] = None if changed is None else lines.get(userid, {"userid": userid}) | changed
        with (folder / "staff.csv").open("w", encoding="utf-8", newline="") as file:
            table = csv.DictWriter(file, ["userid", "name", "department", "roles"])
            table.writeheader()
            table.writerows(row for row in lines.values() if row)
        for name, content in files.items():
            (folder / f"{name}.csv").write_text(content, encoding="utf-8")
        return folder

    return write


def loaded(house, folder):
    with house.database.begin() as session:
        return load_city(session, folder, at=house.clock.now()).lines


def holderless(house):
    with house.database.begin() as session:
        return cases_without_holder(session)


def handed_over(house, number):
    return [event.data["to"] for event in events(house, number) if event.move == "hand_over"]


def stand_in(house, absent, to, first=date(2026, 11, 30)):
    with house.database.begin() as session:
        delegate(
            session, staff_by_userid(session, absent), staff_by_userid(session, to), first, LAST, "培训",
            viewer(house, HEAD), at=house.clock.now(),
        )  # fmt: skip


def test_who_is_moved_by_the_file_leaves_his_cases_with_the_unit(house, city, command):
    number = verifying(house)
    before = case_of(house, number)
    gone = handler_of(house, number)
    folder = city({gone: {"department": "MED"}})

    asked = command("city", "load", folder)
    assert "名下 1 件未办结工单转交他人" in asked.stdout
    assert case_of(house, number).handler_id == before.handler_id
    done = command("city", "load", folder, "--yes")

    assert done.stdout.endswith("已更改。\n"), done.stderr
    assert gone in unit_people(house, "医保分局")
    assert handler_of(house, number) in unit_people(house, "社保局")
    assert (case_of(house, number).due_at, case_of(house, number).status) == (before.due_at, before.status)
    last = events(house, number)[-1]
    assert (last.data["from"], last.data["to"]) == (gone, handler_of(house, number))
    assert "转到其他单位" in last.remark
    assert [one.userid for one in messages(house, kind="taken_over")] == [handler_of(house, number)]
    assert command("city", "load", folder, "--yes").stdout.strip() == "没有变化。"


def test_nothing_goes_by_way_of_somebody_who_goes_too_and_nothing_past_who_comes(house, city):
    """A whole unit is exchanged, its head too: what it holds goes to the new people in one step, not to the desk."""
    numbers = opened_all(house, [record() for _ in range(12)])
    old = [*unit_people(house, "社保局"), HEAD]
    folder = city(dict.fromkeys(old[:3]) | {userid: {"department": "MED"} for userid in old[3:]}
                  | {"newhead01": {"name": "新负责", "department": "SOC", "roles": "head"},
                     "newhand01": {"name": "新经办", "department": "SOC", "roles": "handler"}})  # fmt: skip

    loaded(house, folder)

    assert {tuple(handed_over(house, number)) for number in numbers} == {("newhand01",)}
    assert holderless(house) == []
    move(house, "newhand01", "sign", numbers[0])


def test_a_new_head_in_the_same_file_holds_what_the_last_handlers_leave(house, city):
    number = verifying(house)
    handlers = unit_people(house, "社保局")
    folder = city({HEAD: {"roles": "handler", "department": "MED"}} | dict.fromkeys(handlers)
                  | {"newhead01": {"name": "新负责", "department": "SOC", "roles": "head"}})  # fmt: skip

    loaded(house, folder)

    assert handed_over(house, number) == ["newhead01"]


def test_who_loses_his_role_keeps_nothing_he_may_not_work_on(house, city):
    number = verifying(house)
    gone = handler_of(house, number)

    loaded(house, city({gone: {"roles": "auditor"}}))

    assert handler_of(house, number) in unit_people(house, "社保局")
    assert "不再任经办" in events(house, number)[-1].remark
    assert person(house, gone).active


def test_the_case_of_an_inactive_handler_follows_when_the_last_head_loses_his_role(house, city):
    number = verifying(house)
    handlers = unit_people(house, "社保局")
    with house.database.begin() as session:
        for userid in handlers:
            staff_by_userid(session, userid).active = False

    loaded(house, city({HEAD: {"roles": "auditor"}} | dict.fromkeys(handlers)))

    assert "desk" in person(house, handler_of(house, number)).roles
    assert holderless(house) == []


def test_sub_tasks_delegates_and_what_waits_to_be_told_go_the_same_way(house, city):
    number = verifying(house)
    move(house, DESK, "ask_assistance", number, department="税务局", remark="请提供缴费记录")
    (task,) = rows(house, Assistance)
    helper = anybody(house, task.handler_id).userid
    gone, other, absent = unit_people(house, "社保局")[:3]
    stand_in(house, absent, gone)
    stand_in(house, gone, other, first=date(2026, 12, 10))

    loaded(house, city({helper: {"department": "MED"}, gone: {"department": "MED"}}))

    (task,) = rows(house, Assistance)
    assert anybody(house, task.handler_id).userid in unit_people(house, "税务局")
    assert {one.state for one in messages(house, userid=helper, kind="assist")} == {"suppressed"}
    with house.database.begin() as session:
        ids = {userid: staff_by_userid(session, userid).id for userid in (gone, absent)}
        for day in (date(2026, 11, 30), date(2026, 12, 15)):
            acting = stands_in(session, day)
            assert ids[gone] not in acting  # in the new unit he is not away
            assert anybody(house, acting[ids[absent]]).userid in unit_people(house, "社保局")
        assert all(one.delegate_id != ids[gone] for one in session.query(Delegation))


def test_a_file_with_a_mistake_in_its_last_line_hands_nothing_on(house, city, command):
    number = verifying(house)
    gone = handler_of(house, number)
    count = len(events(house, number))
    folder = city(
        {gone: None}, roster="date_from,date_to,department,userid\n2026-12-02,2026-12-01,SOC,limin02\n"
    )

    told = command("city", "load", folder, "--yes")

    assert (told.returncode, "roster.csv 第 2 行" in told.stderr) == (1, True)
    assert (handler_of(house, number), len(events(house, number))) == (gone, count)


def test_it_waits_for_whoever_changes_the_directory_just_now(house, city):
    folder = city({})
    with house.database.begin() as busy:
        lock_directory(busy)
        with house.database.begin() as session:
            session.execute(text("SET LOCAL lock_timeout = '200ms'"))
            with pytest.raises(OperationalError, match="lock timeout"):
                load_city(session, folder, at=house.clock.now())
            session.rollback()


def test_a_unit_renamed_keeps_its_people_and_cases(house, city):
    number = verifying(house)
    holder = handler_of(house, number)
    folder = city({})
    path = folder / "departments.csv"
    path.write_text(path.read_text(encoding="utf-8-sig").replace(",社保局,", ",社保中心,"), encoding="utf-8")

    loaded(house, folder)

    assert handler_of(house, number) == holder
    assert handler_of(house, opened(house)) in unit_people(house, "社保中心")
    assert holderless(house) == []


ROSTER = "date_from,date_to,department,userid\n2026-12-01,2026-12-31,SOC,hongyongchun01\n"


def on_duty(house):
    return [(str(one.date_from), str(one.date_to)) for one in rows(house, Duty)]


def test_a_roster_is_shown_and_loaded_though_nothing_else_changes(house, city, command):
    asked = command("city", "load", city({}, roster=ROSTER))
    assert "值班表由 0 行改为 1 行" in asked.stdout
    assert on_duty(house) == []

    command("city", "load", city({}, roster=ROSTER), "--yes")
    assert on_duty(house) == [("2026-12-01", "2026-12-31")]
    assert command("city", "load", city({}), "--yes").stdout.strip() == "没有变化。"


def test_a_missing_optional_file_leaves_what_is_there_and_that_is_said(house, city, command):
    loaded(house, city({}, roster=ROSTER))
    folder = city({})
    for name in ("roster", "windows", "routing"):
        (folder / f"{name}.csv").unlink()

    told = command("city", "load", folder, "--yes")

    assert on_duty(house) == [("2026-12-01", "2026-12-31")]
    assert "没有变化。" in told.stdout
    for name, what in (("windows", "窗口"), ("routing", "派单规则"), ("roster", "值班表")):
        assert f"没有 {name}.csv，{what}保持原样" in told.stdout


@pytest.mark.parametrize("empty", ["date_from,date_to,department,userid\n", ""])
def test_an_empty_roster_empties_and_that_is_said(house, city, command, empty):
    loaded(house, city({}, roster=ROSTER))

    told = command("city", "load", city({}, roster=empty), "--yes")

    assert on_duty(house) == []
    assert "值班表清空（原 1 行）" in told.stdout
