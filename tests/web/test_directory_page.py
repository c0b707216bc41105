"""/directory: an administrator decides what waits, and binds people once by a number or a code."""

import re
from dataclasses import replace

import pytest
from case_kit import HEAD
from contact_kit import changes, event, person, pushed
from page_kit import Browser, enter, token_in
from sqlalchemy import select
from starlette.applications import Starlette

from reviewbot.conversation.binding import answer_stranger
from reviewbot.models.contacts import BindingTry, Invitation, WeComDepartment
from reviewbot.models.message import InboxItem
from reviewbot.models.people import Department, Staff
from reviewbot.web.pages import page_routes
from reviewbot.wecom.errors import Kind, WeComError


class Corp:
    """Signs everybody in by his userid, and knows the numbers of some."""

    numbers = {"13800000001": "New.Member", "13800000002": HEAD}  # noqa: RUF012
    broken = None

    def __init__(self):
        self.asked = []

    def oauth_userid(self, code):
        return code

    def getuserid(self, mobile):
        self.asked.append(mobile)
        if self.broken:
            raise self.broken
        return self.numbers.get(mobile)


@pytest.fixture
def corp():
    return Corp()


@pytest.fixture
def browser(pages, house, corp):
    app = Starlette(routes=page_routes())
    told = house.settings.wecom.model_copy(
        update={"base_url": "http://127.0.0.1:9", "corp_id": "ww1", "agent_id": 7}
    )
    settings = house.settings.model_copy(update={"wecom": told})
    app.state.house = replace(house, settings=settings, wecom=corp)
    return Browser(app)


@pytest.fixture
def admin(house, browser):
    with house.database.begin() as session:
        userid = session.scalar(select(Staff.userid).where(Staff.roles.contains(["admin"])))
    enter(browser, userid)
    return userid


def unit(house, name="社保局"):
    with house.database.begin() as session:
        return session.scalar(select(Department.id).where(Department.short_name == name))


def post(browser, path, **fields):
    token = token_in(browser.get("/directory").text)
    return browser.post(path, data={"csrf": token} | fields)


def invited(house, browser, name="陈新"):
    answer = post(
        browser, "/directory/invitations", name=name, number="", department=unit(house), role="handler"
    )
    assert answer.status_code == 200
    with house.database.begin() as session:
        return session.scalar(select(Invitation.id).where(Invitation.name == name))


def tries(house):
    with house.database.begin() as session:
        return [one.wrong for one in session.scalars(select(BindingTry).order_by(BindingTry.id))]


def test_only_administrators_see_it(browser, house):
    enter(browser, HEAD)

    assert browser.get("/directory").status_code == 403


def test_a_new_member_is_taken_with_the_unit_and_role_that_the_administrator_gives(browser, house, admin):
    with house.database.begin() as session:
        session.add(WeComDepartment(id=5, present=True, department_id=unit(house)))
    pushed(house, event("create_user", "Fresh", departments=(5,), name="<新>同事"))
    (change,) = changes(house, state="waiting")
    page = browser.get("/directory").text
    assert "&lt;新&gt;同事" in page
    assert f'value="{unit(house)}" selected' in page

    refused = post(
        browser, f"/directory/changes/{change.id}", act="take", department=unit(house), name="新同事"
    )
    assert (refused.status_code, "请至少选择一个角色" in refused.text) == (422, True)
    taken = post(
        browser,
        f"/directory/changes/{change.id}",
        act="take",
        department=unit(house),
        name="新同事",
        role=["handler", "head"],
    )

    assert "新同事已登记为社保局人员" in taken.text
    one = person(house, "fresh")
    assert (one.roles, one.department_id) == (["handler", "head"], unit(house))


def test_by_a_number_typed_once_that_is_kept_nowhere(browser, house, admin, corp):
    ident = invited(house, browser)

    answer = post(browser, f"/directory/invitations/{ident}", act="mobile", mobile="13800000001")

    assert "陈新（社保局）已绑定，账号 New.Member" in answer.text
    assert person(house, "new.member").name == "陈新"
    assert tries(house) == [False]
    again = post(browser, f"/directory/invitations/{ident}", act="mobile", mobile="13800000001")
    assert again.status_code == 409
    assert corp.asked == ["13800000001"]
    assert "13800000001" not in browser.get("/directory").text
    assert [(one.kind, one.actor) for one in changes(house)] == [("bound", admin)]


def test_a_number_of_somebody_we_have_binds_nobody(browser, house, admin):
    ident = invited(house, browser)

    answer = post(browser, f"/directory/invitations/{ident}", act="mobile", mobile="13800000002")

    assert (answer.status_code, "一个账号只绑定一人" in answer.text) == (409, True)


def test_wrong_numbers_stop_at_a_tenth_of_the_head_count_before_wecom_is_asked(
    browser, house, admin, corp, clock
):
    ident = invited(house, browser)
    with house.database.begin() as session:
        for one in session.scalars(select(Staff).where(Staff.userid != admin).order_by(Staff.id).offset(19)):
            one.active = False

    answers = [
        post(
            browser, f"/directory/invitations/{ident}", act="mobile", mobile=f"1390000000{place}"
        ).status_code
        for place in range(4)
    ]

    assert answers == [422, 422, 409, 409]
    assert len(corp.asked) == 2
    clock.moment = clock.moment.replace(day=30, hour=16)  # midnight in China
    assert (
        post(browser, f"/directory/invitations/{ident}", act="mobile", mobile="13900000009").status_code
        == 422
    )


def test_a_call_that_wecom_refused_without_looking_does_not_count(browser, house, admin, corp):
    ident = invited(house, browser)
    corp.broken = WeComError("接口调用超过频率限制", kind=Kind.throttled, errcode=45009)
    assert (
        post(browser, f"/directory/invitations/{ident}", act="mobile", mobile="13900000001").status_code
        == 502
    )
    corp.broken = WeComError("没有答复", kind=Kind.retry)
    post(browser, f"/directory/invitations/{ident}", act="mobile", mobile="13900000001")

    assert tries(house) == [False, True]


def code_for(browser, ident):
    page = post(browser, f"/directory/invitations/{ident}", act="code").text
    return re.search(r"「绑定 (\d{8})」", page)[1]


def types(house, userid, words, kind="text"):
    item = InboxItem(kind=kind, userid=userid, body={"content": words})
    with house.database.begin() as session:
        return answer_stranger(session, item, at=house.clock.now())


def test_a_code_binds_in_the_chat_once_and_is_kept_nowhere(browser, house, admin):
    ident = invited(house, browser)
    code = code_for(browser, ident)
    with house.database.begin() as session:
        assert code not in str(vars(session.get_one(Invitation, ident)))

    assert "不在本系统的人员名录中" in types(house, "New.Member", "你好")
    assert "已绑定" in types(house, "New.Member", f"　绑定 {code}".replace("1", "１"))

    assert person(house, "new.member").roles == ["handler"]
    assert "绑定码不对" in types(house, "Other", f"绑定 {code}")
    assert types(house, "Other", "", kind="event") == ""


def test_codes_end_and_cannot_be_guessed(browser, house, admin, clock):
    ident = invited(house, browser)
    old, code = code_for(browser, ident), code_for(browser, ident)
    assert "绑定码不对" in types(house, "guesser", f"绑定 {old}")
    for place in range(4):
        types(house, "guesser", f"绑定 0000000{place}")

    assert "今天输错的绑定码太多" in types(house, "GUESSER", f"绑定 {code}")
    clock.moment = clock.moment.replace(year=2027)
    assert "绑定码不对" in types(house, "New.Member", f"绑定 {code}")


def test_a_code_binds_on_the_page_after_signing_in(browser, house, admin, pages):
    code = code_for(browser, invited(house, browser))
    page = enter(browser, "New.Member")
    assert (page.status_code, "绑定码" in page.text) == (403, True)

    wrong = browser.post("/login/bind", data={"code": "1"})
    assert "绑定码不对" in wrong.text
    done = browser.post("/login/bind", data={"code": code})

    assert "已绑定" in done.text
    assert enter(browser, "New.Member").status_code == 303
    assert browser.post("/login/bind", data={"code": code}).status_code == 401


def test_a_withdrawn_invitation_binds_nobody(browser, house, admin):
    ident = invited(house, browser)
    code = code_for(browser, ident)
    post(browser, f"/directory/invitations/{ident}", act="withdraw")

    assert "绑定码不对" in types(house, "New.Member", f"绑定 {code}")


def test_a_department_is_given_to_a_unit_by_hand(browser, house, admin):
    assert "现对应社保局" in post(browser, "/directory/parties", party="77", department=unit(house)).text
    assert "77" in browser.get("/directory").text
    assert post(browser, "/directory/parties", party="x", department=unit(house)).status_code == 422


def test_departments_whose_units_are_guessed_are_taken_in_one_word(browser, house, admin):
    pushed(
        house, event("create_party", party=5, name="社保局"), event("create_party", party=6, name="医保分局")
    )
    assert "全部采纳所推测的部门对应（2）" in browser.get("/directory").text

    assert "2 个企业微信部门" in post(browser, "/directory/parties", act="all").text

    with house.database.begin() as session:
        assert session.get_one(WeComDepartment, 5).department_id == unit(house)
    assert [one.state for one in changes(house, kind="unit_new")] == ["done", "done"]


def test_a_form_from_elsewhere_is_refused(browser, house, admin):
    answer = browser.post("/directory/parties", data={"csrf": "x", "party": "77", "department": unit(house)})

    assert answer.status_code == 403
