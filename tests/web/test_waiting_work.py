"""Letters and problems among one's tasks: on the phone's page, in the chat, on the overview; and from a case to its
letters."""

from datetime import timedelta

from ask_kit import SITE, said
from case_kit import HEAD, SUPERVISOR, handler_of, overdue
from page_kit import Browser, enter, new_case, token_in

from reviewbot.actions.draft_letter import draft_letter
from reviewbot.actions.find_problems import find_problems
from reviewbot.models.oversight import LetterKind
from reviewbot.queries.directory import find_department

LEADER, SECOND = "zhouzhidong01", "pengxiaohui01"


def drafted(house, place):
    facts = {
        "number": f"A{1000 + place}", "item": "申领", "department": "社保局", "status": "待签收", "stage": "办理",
        "dispatched_at": "x", "due_at": "x", "original_due_at": "x", "overdue_days": 6, "returns": 0, "calls": 0,
        "drafted_at": "x",
    }  # fmt: skip
    with house.database.begin() as session:
        return draft_letter(
            session, LetterKind.SUPERVISION, origin=f"o{place}", case=None, facts=facts, at=house.clock.now(),
            department_id=find_department(session, "SOC").id, by="system",
        ).id  # fmt: skip


def problem(house):
    for number in range(3):
        new_case(house, external_id=f"P{number}", reviewed_at=house.clock.now())
    house.clock.moment += timedelta(hours=1)
    with house.database.begin() as session:
        (ident,) = find_problems(session, now=house.clock.now(), rulebook=house.today(session))
    return ident


def act(pages, who, place, act):
    enter(pages, who)
    token = token_in(pages.get(place).text)
    assert pages.post(place, data={"act": act, "csrf": token}).status_code == 303


def test_drafts_are_counted_and_linked_wherever_a_supervisor_looks_oldest_first(
    pages: Browser, house, clock
) -> None:
    first = drafted(house, 0)
    clock.moment += timedelta(days=3)
    rest = [drafted(house, place) for place in range(1, 7)]

    enter(pages, SUPERVISOR)
    assert '<a href="/letters?waiting=1">公文待我办理 7 份</a>，最早11-30 起，已 3 天' in pages.get("/").text
    phone = pages.get("/h5").text
    assert '公文待审核 <span class="count">7</span>' in phone
    assert "11-30 起，已 3 天" in phone
    assert phone.index(f"/letters/{first}") < phone.index(f"/letters/{rest[0]}")
    assert f"/letters/{rest[-1]}" not in phone
    assert 'href="/letters?waiting=1">全部 7 项' in phone
    desk = pages.get("/cases?mine=1").text
    assert '<a href="/letters?waiting=1">公文待审核 7</a>' in desk
    page = pages.get("/letters?waiting=1").text
    assert page.index("A1000 督办函") < page.index("A1006 督办函")
    assert "待审核 · 11-30 起，已 3 天" in page
    words = said(house, SUPERVISOR, "我的待办")
    assert (
        f'<a href="{SITE}/letters?waiting=1">公文待审核 7</a>（最早11-30 起，已 3 天）：A1000 督办函、'
        in words
    )

    act(pages, SUPERVISOR, f"/letters/{first}", "review")
    assert "A1000 督办函" not in pages.get("/letters?waiting=1").text
    assert "公文待签发 1</a>（最早今天）：A1000 督办函" in said(house, LEADER, "我的待办")
    act(pages, LEADER, f"/letters/{first}", "issue")
    assert "公文" not in said(house, LEADER, "我的待办")
    assert "公文待签收 1</a>（最早今天）：A1000 督办函" in said(house, HEAD, "我的待办")
    enter(pages, HEAD)
    assert f'href="/letters/{first}"' in pages.get("/h5").text


def test_a_problem_without_a_cause_is_work_of_the_units_head(pages: Browser, house) -> None:
    ident = problem(house)

    words = said(house, HEAD, "我的待办")
    assert (
        f'<a href="{SITE}/problems">共性问题待查明原因 1</a>（最早今天）：{ident}（失业保险金申领）' in words
    )
    assert "共性问题" not in said(house, SUPERVISOR, "我的待办")
    enter(pages, HEAD)
    assert f'href="/problems/{ident}"' in pages.get("/h5").text
    page = pages.get(f"/problems/{ident}").text
    form = {
        "act": "plan", "owner": "hongyongchun01", "root_cause": "对账滞后", "measures": "每日对账",
        "measures_from": f"{house.clock.now():%Y-%m-%d}", "csrf": token_in(page),
    }  # fmt: skip
    assert pages.post(f"/problems/{ident}", data=form).status_code == 303
    assert "共性问题" not in said(house, HEAD, "我的待办")


def test_a_case_leads_to_its_letters_for_whoever_may_read_them(pages: Browser, house) -> None:
    number = overdue(house, new_case(house))
    enter(pages, SUPERVISOR)
    form = {"csrf": token_in(pages.get("/letters").text), "kind": "supervision", "number": number}
    place = pages.post("/letters", data=form).headers["location"]
    linked = f'<a href="{place}">查看公文</a>'
    assert linked in pages.get(f"/cases/{number}").text
    enter(pages, handler_of(house, number))
    assert "查看公文" not in pages.get(f"/cases/{number}").text  # a draft is the bureau's own

    act(pages, SECOND, place, "review")
    act(pages, LEADER, place, "issue")
    assert pages.get(f"/cases/{number}").text.count(linked) == 2  # drafted, issued
    enter(pages, handler_of(house, number))
    assert linked in pages.get(f"/cases/{number}").text
