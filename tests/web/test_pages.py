"""The pages over a real database: who gets in, what is shown, what a form does."""

import json
import tomllib
from pathlib import Path
from typing import cast
from urllib.parse import parse_qs, urlsplit

import pytest
from order_kit import cases, order, taken
from page_kit import Browser, enter, new_case, token_in
from sqlalchemy import select
from starlette.applications import Starlette

from reviewbot.actions.make_move import make_move
from reviewbot.actions.receive_reviews import Delivery, Rejected, receive_reviews
from reviewbot.actions.step import MoveIn, Verb
from reviewbot.models.message import Message
from reviewbot.models.people import Staff
from reviewbot.queries.cases import find_case
from reviewbot.queries.directory import staff_by_userid
from reviewbot.queries.scope import SYSTEM, viewer_of_staff
from reviewbot.rules.kinds import BOTH
from reviewbot.rules.rates import metrics_of
from reviewbot.settings import ROOT
from reviewbot.web.api import case_row
from reviewbot.web.login import safe_next
from reviewbot.web.pages import page_routes
from reviewbot.web.views import raw_view
from reviewbot.wiring import House


def test_strangers_are_sent_to_login_and_come_back(pages: Browser) -> None:
    sent = pages.get("/cases?open=1")
    assert sent.headers["location"] == "/login?next=%2Fcases%3Fopen%3D1"
    assert enter(pages, "WANGHAILING01", "/cases?open=1").headers["location"] == "/cases?open=1"
    answer = pages.get("/cases")
    assert answer.status_code == 200
    assert "王海玲" in answer.text
    assert "script-src 'self'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize(("code", "words"), [("outsider", "不是本单位"), ("nobody99", "目录中没有账号")])
def test_w23_outsiders_and_unknown_people_are_refused(pages: Browser, code: str, words: str) -> None:
    answer = enter(pages, code)
    assert answer.status_code == 403
    assert words in answer.text
    assert pages.get("/").status_code == 303


def test_w23_a_state_is_good_for_one_sign_in_of_one_browser(pages: Browser) -> None:
    state = parse_qs(urlsplit(pages.get("/login").headers["location"]).query)["state"][0]
    back = {"code": "wanghailing01", "state": state}
    assert pages.get("/login/callback", params=back).status_code == 303
    assert pages.get("/login/callback", params=back).status_code == 401


def test_a_removed_member_is_out_at_once(pages: Browser, house: House) -> None:
    enter(pages, "wanghailing01")
    with house.database.begin() as session:
        staff = staff_by_userid(session, "wanghailing01")
        assert staff is not None
        staff.active = False
    assert pages.get("/").headers["location"].startswith("/login")


def test_the_login_page_says_when_there_is_no_wecom(house: House) -> None:
    app = Starlette(routes=page_routes())
    app.state.house = house
    assert "尚未配置企业微信" in Browser(app).get("/login").text


def test_a_case_shows_no_rater_and_moves_by_its_form(pages: Browser, house: House) -> None:
    number = new_case(house)
    enter(pages, "wangzehao01")
    page = pages.get(f"/cases/{number}").text
    assert "张三丰" not in page
    assert "13800000001" not in page
    assert "&lt;b&gt;太慢&lt;/b&gt; 138****5678" in page
    form = {"csrf": token_in(page), "verb": "sign", "round": "1"}
    assert pages.post(f"/cases/{number}/moves", data=form | {"csrf": "x"}).status_code == 403
    done = pages.post(f"/cases/{number}/moves", data=form)
    assert done.headers["location"] == f"/cases/{number}?done=sign"
    assert "回访核实" in pages.get(done.headers["location"]).text
    refused = pages.post(f"/cases/{number}/moves", data=form | {"verb": "record_call", "remark": "他说很慢"})
    assert refused.status_code == 422
    assert 'role="alert"' in refused.text
    assert "他说很慢</textarea>" in refused.text


def test_files_go_in_and_come_out_only_with_the_right(pages: Browser, house: House) -> None:
    number = new_case(house)
    enter(pages, "wangzehao01")
    token = token_in(pages.get(f"/cases/{number}").text)
    pages.post(f"/cases/{number}/moves", data={"csrf": token, "verb": "sign"})
    picture = (Path(__file__).parents[1] / "data" / "photo.png").read_bytes()
    sent = {"file": ("现场.png", picture, "text/html")}
    assert pages.post(f"/cases/{number}/evidence", data={"csrf": token}, files=sent).status_code == 303
    got = pages.get("/evidence/1")
    assert got.headers["content-type"] == "image/png"
    assert got.headers["content-disposition"].startswith("attachment")
    broken = {"file": ("x.png", b"\x89PNG\r\n\x1a\n<script>", "text/html")}
    assert pages.post(f"/cases/{number}/evidence", data={"csrf": token}, files=broken).status_code == 303
    assert pages.get("/evidence/2").status_code == 422, "what cannot be stripped is not shown as it came"
    enter(pages, "zengjiabin01")
    assert pages.get("/evidence/1").status_code == 404
    assert pages.get(f"/cases/{number}").status_code == 404


def test_overview_links_each_figure_to_its_cases(pages: Browser, house: House) -> None:
    number = new_case(house)
    enter(pages, "wanghailing01")
    assert "—（0/0）" in pages.get("/").text
    assert '0.00%<span class="of">（0/1）</span>' in pages.get("/fragments/overview").text
    assert number in pages.get("/cases?metric=completion_rate&department=SOC").text
    assert pages.get("/?from=2026-13-01").status_code == 422


def test_overview_tells_ratings_and_orders_apart_and_defines_both(pages: Browser, house: House) -> None:
    new_case(house)
    enter(pages, "wanghailing01")
    assert "本期没有应计的12345等工单，各项均为 —（0/0）" in pages.get("/").text
    taken(house, order("G1"), order("G2", closed_at="2026-11-28 09:00:00", satisfaction="1"))

    page = pages.get("/", params={"from": "2026-11-01", "to": "2026-11-30"}).text
    ratings, orders = (page.split(f'id="{kind}"')[1].split("</section>")[0] for kind in ("rating", "orders"))
    assert "差评各单位指标" in ratings
    assert "12345等工单各单位指标" in orders
    assert "kind=rating" in ratings
    assert "kind=orders" not in ratings
    assert "kind=rating" not in orders
    assert '50.00%<span class="of">（1/2）</span>' in orders
    assert "差评整改率" not in orders
    assert "在办：" in page
    assert '<a href="/cases?list=open&amp;kind=orders">12345等工单 1</a>' in page
    assert "其中差评 1 条，12345等工单 2 条" in page
    defined = page.split("指标口径")[1]
    for family in BOTH:
        for metric in metrics_of(family).values():
            for what, words in metric.definition:
                assert f"{what}：{words}" in defined


def test_a_list_can_be_kept_to_one_kind(pages: Browser, house: House) -> None:
    rating = new_case(house)
    taken(house, order("G1"))
    number = cases(house)[-1].number
    enter(pages, "wanghailing01")
    assert number in pages.get("/cases?open=1").text
    for kind, there in (("orders", number), ("complaint", number), ("rating", rating)):
        page = pages.get(f"/cases?open=1&kind={kind}").text
        assert f'href="/cases/{there}"' in page
        assert page.count('<tr class="u-') == 1
    assert 'class="u-' not in pages.get("/cases?open=1&kind=help").text


def test_intake_is_for_few_and_covers_personal_data(pages: Browser, house: House) -> None:
    new_case(house)
    enter(pages, "wanghailing01")
    page = pages.get("/intake").text
    assert "评分不在对照表中" in page
    assert "李四" not in page
    assert "13812345678" not in page
    enter(pages, "wangzehao01")
    assert pages.get("/intake").status_code == 403


def test_the_desk_takes_in_what_was_set_aside_on_the_page(pages: Browser, house: House) -> None:
    raw = json.dumps(
        {"external_id": "E7", "rating": 9, "reviewed_at": "2026-11-27T10:00:00+08:00", "comment": "<b>慢"}
    ).encode()
    aside = Rejected("set_aside", "评分代码“9”不在来源的对照表中", "E7", 1, raw)
    with house.database.begin() as session:
        receive_reviews(session, [Delivery("standard", "webhook", [aside])], at=house.clock.now())
    enter(pages, "chenjiafeng01")
    page = pages.get("/intake?kind=set_aside").text
    assert "补正接收" in page
    form = {"act": "take_in", "rating": "2", "reason": "已核对"}

    assert pages.post("/intake/1", data=form).status_code == 403  # no token of this session
    ident = page.split('action="/intake/')[1].split('"')[0]
    sent = pages.post(f"/intake/{ident}", data=form | {"csrf": token_in(page)})

    assert sent.status_code == 303
    after = pages.get(sent.headers["location"]).text
    assert "编号 / 次数 E7 / 1 的记录已补正接收" in after
    assert "依据：已核对" in after
    again = pages.post(f"/intake/{ident}", data=form | {"csrf": token_in(page)})
    assert (again.status_code, "不能再次处理" in again.text) == (409, True)


def test_no_redirect_leaves_the_site() -> None:
    for target in ("//evil.cn", "https://evil.cn", "/\\evil.cn", "/a\n", ""):
        assert safe_next(target) == "/"
    assert raw_view(b'{"userName":"a\\"b"}') == '{"userName":"***"}'


@pytest.mark.parametrize(
    "profile", sorted(Path(ROOT / "config" / "sources").glob("*.toml")), ids=lambda file: file.stem
)
def test_the_raters_fields_of_every_source_are_covered_where_a_raw_record_is_shown(profile):
    fields = tomllib.loads(profile.read_text(encoding="utf-8"))["fields"]
    names = [fields[key].rpartition(".")[2] for key in ("rater_name", "rater_phone")]

    shown = raw_view(json.dumps(dict(zip(names, ("王小明", "2218866"), strict=True))).encode())

    assert "王小明" not in shown
    assert "2218866" not in shown


def test_applications_and_sub_tasks_stand_on_the_case_page(pages: Browser, house: House) -> None:
    number = new_case(house)
    with house.database.begin() as session:
        case = find_case(session, number, SYSTEM)
        assert case is not None
        handler = viewer_of_staff(session.get_one(Staff, case.handler_id))
        desk = viewer_of_staff(cast(Staff, staff_by_userid(session, "chenjiafeng01")))
        for actor, asked in (
            (handler, MoveIn(Verb.SIGN, number)),
            (handler, MoveIn(Verb.REQUEST_EXTENSION, number, days=3, remark="<i>核对")),
            (desk, MoveIn(Verb.ASK_ASSISTANCE, number, department="MED", remark="请核对参保")),
        ):
            make_move(session, asked, actor, at=house.clock.now(), rulebooks=house.rulebooks)

    enter(pages, "wanghailing01")
    page = pages.get(f"/cases/{number}").text

    for words in ("延期申请", "待决定", "3个工作日 &lt;i&gt;核对", "医保分局协办", "待答复"):
        assert words in page


def test_the_name_a_rater_typed_is_covered_at_every_door_of_the_one_he_rated(
    pages: Browser, house: House
) -> None:
    """F10: nobody rated learns who rated, not from the comment, nor from what staff wrote of him."""
    said = "我是张三丰，窗口态度差"
    number = new_case(house, comment=said, handled_by="陈伟", item="张三丰的失业保险金申领")
    with house.database.begin() as session:
        case = find_case(session, number, SYSTEM)
        assert case is not None
        assert case.handler is not None
        holder = viewer_of_staff(case.handler)
        for asked in (
            MoveIn(Verb.SIGN, number),
            MoveIn(Verb.RECORD_CALL, number, reached=True, remark="张三丰说排队久"),
            MoveIn(Verb.REQUEST_EXTENSION, number, days=2, remark="张三丰要求当面说明"),
        ):
            make_move(session, asked, holder, at=house.clock.now(), rulebooks=house.rulebooks)
        program = json.dumps(case_row(case), ensure_ascii=False, default=str)
        owed = [json.dumps(row.body, ensure_ascii=False) for row in session.scalars(select(Message))]
    enter(pages, "chenwei02")

    for address in (f"/cases/{number}", f"/h5/cases/{number}", "/cases"):
        shown = pages.get(address).text
        assert number in shown
        assert "张三丰" not in shown
    assert "我是评价人，窗口态度差" in pages.get(f"/cases/{number}").text
    assert "评价人说排队久" in pages.get(f"/cases/{number}").text
    assert "张三丰" not in program
    assert not any("张三丰" in body for body in owed)
