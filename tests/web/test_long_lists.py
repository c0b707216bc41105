"""No list ends in silence: what does not fit on its page stands on the next, each thing once, or is counted."""

import html
import re

import pytest
from ask_kit import plain, said
from case_kit import DESK, SUPERVISOR, opened_all, record
from page_kit import enter
from sqlalchemy import select

from reviewbot.actions.draft_letter import draft_letter
from reviewbot.actions.receive_reviews import Delivery, Rejected, receive_reviews
from reviewbot.actions.record_change import record_change
from reviewbot.models.case import Case
from reviewbot.models.oversight import LetterKind, Problem, SupervisionEvent
from reviewbot.queries.directory import find_department
from reviewbot.rules.directory_plan import Change, ChangeKind
from reviewbot.rules.raters import Concern
from reviewbot.web import paging

ADMIN = "huangjingyan01"
MANY = 7


def letters(session, house):
    for serial in range(MANY):
        draft_letter(
            session, LetterKind.LEDGER, origin=f"o{serial}", case=None, department_id=None, facts={},
            at=house.clock.now(), by="system",
        )  # fmt: skip


def problems(session, house, closed=False):
    unit = find_department(session, "SOC").id
    for serial in range(MANY):
        session.add(Problem(
            department_id=unit, item=f"事项{serial}", reason_code="", object="", opened_at=house.clock.now(),
            window_days=30, opened_with=3, plan_days=10, begin_within=30,
            closed_at=house.clock.now() if closed else None,
        ))  # fmt: skip


def closed_problems(session, house):
    problems(session, house)
    session.flush()
    problems(session, house, closed=True)


def changes(session, house):
    for serial in range(MANY):
        facts = {"name": f"某{serial}", "before": f"a{serial}", "after": f"改名{serial}"}
        change = Change(ChangeKind.RENAMED, f"a{serial}", None, facts)
        record_change(session, change, source="event", at=house.clock.now(), actor="system")


def concerns(session, house):
    for ident in session.scalars(select(Case.id)).all():
        session.add(SupervisionEvent(
            case_id=ident, round=1, kind=Concern.NOBODY_CALLED.value, said="", opened_at=house.clock.now()
        ))  # fmt: skip


def refused(session, house):
    records = [Rejected("refused", "不是记录", f"R{serial}", 1, b"{}") for serial in range(MANY)]
    receive_reviews(session, [Delivery("standard", "webhook", records)], at=house.clock.now())


def set_aside(session, house):
    records = [Rejected("set_aside", "评分不在对照表中", f"S{serial}", 1, b"{}") for serial in range(MANY)]
    receive_reviews(session, [Delivery("standard", "webhook", records)], at=house.clock.now())


LISTS = {
    "letters": (letters, "/letters", r'href="(/letters/[0-9]+)"'),
    "problems": (problems, "/problems", r'href="(/problems/[0-9]+)"'),
    "closed problems": (closed_problems, "/problems?closed=1", r'href="(/problems/[0-9]+)"'),
    "directory": (changes, "/directory", r"(改名[0-9])"),
    "supervision": (concerns, "/supervision", r'href="(/cases/A[0-9]+)"'),
    "refused": (refused, "/intake?kind=refused", r"(R[0-9]) /"),
    "set aside": (set_aside, "/intake?kind=set_aside", r"(S[0-9]) /"),
    "cases": (None, "/cases", r'href="(/cases/A[0-9]+)"'),
    "mine": (None, "/cases?mine=1", r'href="(/cases/A[0-9]+)"'),
    "mine on the phone": (None, "/h5", r'href="(/h5/cases/A[0-9]+)"'),
}


def walked(pages, there, row):
    """What each page of a list shows."""
    found = []
    while there:
        page = pages.get(there)
        assert page.status_code == 200, there
        found.append(re.findall(row, page.text))
        following = re.search(r'<p class="more"><a[^>]* href="([^"]+)"', page.text)
        there = html.unescape(following[1]) if following else None
    return found


@pytest.mark.parametrize("name", LISTS)
def test_every_list_goes_on_to_its_end(house, pages, monkeypatch, name):
    fill, there, row = LISTS[name]
    monkeypatch.setattr(paging, "PAGE", 3)
    if name in ("supervision", "cases", "mine", "mine on the phone"):
        opened_all(house, [record(department=None, item=None) for _ in range(MANY)])
    if fill:
        with house.database.begin() as session:
            fill(session, house)
    who = ADMIN if name == "directory" else DESK if "mine" in name or name == "set aside" else SUPERVISOR
    enter(pages, who)

    shown = walked(pages, there, row)

    assert [len(page) for page in shown] == [3, 3, 1]
    assert len({one for page in shown for one in page}) == MANY


def test_the_phone_says_how_many_there_are_in_all(house, pages, monkeypatch):
    monkeypatch.setattr(paging, "PAGE", 3)
    opened_all(house, [record(department=None, item=None) for _ in range(MANY)])
    enter(pages, DESK)

    assert f'<span class="count">{MANY}</span>' in pages.get("/h5").text


def test_the_chat_counts_what_it_does_not_even_fetch(house):
    many = 203
    opened_all(house, [record(department=None, item=None) for _ in range(many)])

    told = plain(said(house, DESK, "我的待办"))

    assert f"您有 {many} 张待办工单" in told
    (left,) = re.findall(r"其余 ([0-9]+) 件", told)
    assert int(left) + len(re.findall(r"^A[0-9]+ ", told, re.MULTILINE)) == many
    assert f"等 {many} 件" in plain(said(house, DESK, "签收"))
