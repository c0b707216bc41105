"""Reading the address book over HTTP as a new application may, and the command that lays it beside our table (Q20)."""

import io
import json
from dataclasses import replace

import pytest
from rich.console import Console
from sqlalchemy import select

from reviewbot.commands import directory
from reviewbot.models.contacts import DirectoryChange, DirectorySync, WeComDepartment
from reviewbot.models.people import Staff
from reviewbot.rules.contacts import Party
from reviewbot.rules.directory_plan import Member
from reviewbot.wecom.address_book import read_address_book

OK = {"errcode": 0, "errmsg": "ok"}


@pytest.fixture
def book(fake, reply):
    """A small corp; ``refused`` maps a path to an errcode."""

    class Book:
        people = {"Zhang": ("张三", [2]), "li": ("", [2, 3]), "wang": ("wang", [3])}  # noqa: RUF012
        parties = {1: 0, 2: 1, 3: 1}  # noqa: RUF012
        refused: dict = {}  # noqa: RUF012

    book = Book()

    def answer(path, make):
        def give(query, body, headers):
            told = json.loads(body or b"{}")
            code = book.refused.get((path, query.get("department_id"))) or book.refused.get(path)
            return reply({"errcode": code, "errmsg": "no"} if code else OK | make(query, told))

        fake.answers[path] = give

    answer("department/simplelist", lambda query, told: {
        "department_id": [{"id": one, "parentid": parent, "order": 1} for one, parent in book.parties.items()]
    })  # fmt: skip
    answer("user/simplelist", lambda query, told: {
        "userlist": [
            {"userid": userid, "department": units} | ({"name": name} if name else {})
            for userid, (name, units) in book.people.items() if int(query["department_id"]) in units
        ]
    })  # fmt: skip
    answer("user/get", lambda query, told: {"userid": query["userid"], "department": [2], "name": "李四"})
    answer("user/list_id", lambda query, told: {
        "dept_user": [
            {"userid": userid, "department": unit}
            for userid, (_, units) in book.people.items() for unit in units
        ][(start := int(told.get("cursor") or 0)): start + 2],
        "next_cursor": str(start + 2) if start + 2 < 4 else "",
    })  # fmt: skip
    return book


def test_the_visible_range_is_read_department_by_department_and_a_missing_name_is_asked_once(
    book, client, fake
):
    seen = read_address_book(client, None)

    assert (seen.way, seen.complete, list(seen.notes)) == ("simplelist", True, [])
    assert seen.members == [
        Member("Zhang", "张三", (2,)), Member("li", "李四", (2,)), Member("wang", "wang", (3,)),
    ]  # fmt: skip
    assert seen.parties[2] == Party(parent=1)
    assert fake.count("user/get") == 1


def test_the_contacts_secret_reads_the_whole_corp_page_by_page(book, client, build, fake):
    seen = read_address_book(client, build(secret="the contacts secret", agent_id=0))

    assert (seen.way, seen.complete) == ("list_id", True)
    assert seen.members == [
        Member("Zhang", None, (2,)),
        Member("li", None, (2, 3)),
        Member("wang", None, (3,)),
    ]
    assert fake.count("user/list_id") == 2
    assert fake.count("user/simplelist") == 0


@pytest.mark.parametrize("code", [96067, 90344, 96302, 60011])
def test_a_refused_list_is_a_note_and_the_visible_range_is_read_instead(book, client, build, code):
    book.refused = {"user/list_id": code}

    seen = read_address_book(client, build(secret="the contacts secret", agent_id=0))

    assert (seen.way, seen.complete, len(seen.members)) == ("simplelist", True, 3)
    assert str(code) in seen.notes[0]


def test_a_department_that_may_not_be_seen_makes_the_reading_incomplete(book, client):
    book.refused = {("user/simplelist", "3"): 60011}

    seen = read_address_book(client, None)

    assert (seen.way, seen.complete, len(seen.members)) == ("simplelist", False, 2)


def test_an_error_that_is_no_lawful_refusal_ends_the_reading_with_nothing(book, client):
    book.refused = {("user/simplelist", "3"): 45009}

    seen = read_address_book(client, None)

    assert (seen.way, seen.complete, list(seen.members)) == ("none", False, [])
    assert "频率" in seen.notes[0]


def test_a_name_that_is_refused_is_no_reason_to_leave_anybody_out(book, client):
    book.refused = {"user/get": 60011}

    assert Member("li", None, (2, 3)) in read_address_book(client, None).members


@pytest.fixture
def wired(house, client, book):
    """A WeCom that has everybody of ours but two, and one more."""
    with house.database.begin() as session:
        people = session.scalars(select(Staff).where(Staff.active).order_by(Staff.id)).all()
        units = sorted({one.department_id for one in people})
        book.parties = {1: 0} | {unit + 100: 1 for unit in units}
        book.people = {
            one.userid.upper() if one is people[0] else one.userid: (one.name, [one.department_id + 100])
            for one in people[:-2]
        } | {"fresh": ("新同事", [people[0].department_id + 100])}
        session.add(WeComDepartment(id=people[0].department_id + 100, present=True,
                                    department_id=people[0].department_id))  # fmt: skip
        book.first, book.gone = people[0].userid, [one.userid for one in people[-2:]]
    return replace(house, wecom=client)


def run(wired, *, yes):
    screen = io.StringIO()
    directory.sync(wired, Console(file=screen, width=200), yes=yes)
    return screen.getvalue()


def test_the_command_shows_what_would_change_and_then_changes_it(wired, book, monkeypatch):
    monkeypatch.setattr("typer.confirm", lambda *_: False)
    said = run(wired, yes=False)
    assert f"→ {book.first.upper()}" in said
    assert said.count("更改　离开") == 2
    assert "待定　新成员 新同事（fresh）" in said
    with wired.database.begin() as session:
        assert session.scalar(select(Staff.active).where(Staff.userid == book.gone[0]))
        assert session.scalars(select(DirectoryChange)).all() == []

    said = run(wired, yes=True)

    assert "已更改 3 处。" in said
    with wired.database.begin() as session:
        assert not session.scalar(select(Staff.active).where(Staff.userid == book.gone[0]))
        assert session.scalar(select(Staff.id).where(Staff.userid == book.first.upper()))
        waiting = session.scalars(select(DirectoryChange).where(DirectoryChange.state == "waiting")).all()
        assert {one.kind for one in waiting} >= {"joined", "unit_new"}
        told = session.scalars(select(DirectorySync).order_by(DirectorySync.id)).all()
        assert [(one.actor, one.done, one.notes) for one in told] == [
            ("cli", 0, ["未确认，没有更改"]), ("cli", 3, []),
        ]  # fmt: skip

    again = run(wired, yes=True)
    assert "更改　" not in again
