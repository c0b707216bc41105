"""The pages of letters: a draft goes its way by its forms, and the document is for those it concerns."""

from case_kit import DESK, call, conclude, handler_of, move, overdue
from page_kit import Browser, enter, new_case, token_in

from reviewbot.actions.draft_letter import draft_letter
from reviewbot.models.oversight import LetterKind
from reviewbot.queries.directory import find_department

FACTS = {
    "number": "A1000", "item": "<b>申领", "department": "社保局", "status": "待签收", "stage": "办理",
    "dispatched_at": "x", "due_at": "x", "original_due_at": "x", "overdue_days": 6, "returns": 0, "calls": 0,
    "drafted_at": "x",
}  # fmt: skip


def test_a_draft_is_reviewed_issued_and_received_on_its_page(pages: Browser, house) -> None:
    with house.database.begin() as session:
        unit = find_department(session, "SOC").id
        ident = draft_letter(
            session, LetterKind.SUPERVISION, origin="o", case=None, department_id=unit, facts=FACTS,
            at=house.clock.now(), by="system",
        ).id  # fmt: skip
    place = f"/letters/{ident}"
    enter(pages, "wangzehao01")
    assert pages.get(place).status_code == 404  # a draft is the bureau's own
    for who, act, said in (("wanghailing01", "review", "待签发"), ("zhouzhidong01", "issue", "〔2026〕1号")):
        enter(pages, who)
        page = pages.get(place).text
        assert "&lt;b&gt;申领" in page
        assert pages.post(place, data={"act": act}).status_code == 403  # no token of this session
        sent = pages.post(place, data={"act": act, "csrf": token_in(page)})
        assert said in pages.get(sent.headers["location"]).text
    enter(pages, "wangzehao01")
    assert "督办函" in pages.get("/letters").text
    file = pages.get(f"{place}/file")
    assert file.content.startswith(b"PK")
    assert "attachment" in file.headers["content-disposition"]
    page = pages.get(place).text
    assert pages.post(place, data={"act": "receive", "csrf": token_in(page)}).status_code == 303
    assert "已签收" in pages.get(place).text

    enter(pages, "zengjiabin01")
    assert pages.get(f"{place}/file").status_code == 404


def test_only_what_one_may_do_is_offered_and_the_page_shows_what_the_document_says(
    pages: Browser, house
) -> None:
    number = new_case(house)
    move(house, handler_of(house, number), "sign", number)
    enter(pages, "wanghailing01")
    token = token_in(pages.get("/letters").text)
    form = {
        "csrf": token,
        "kind": "rectification_notice",
        "number": f"＃{number.lower()}",
        "reason": "<i>窗口未叫号</i>",
    }
    early = pages.post("/letters", data=form)
    assert (early.status_code, "还没有认定属实" in early.text) == (409, True)
    call(house, number)
    conclude(house, number)
    place = pages.post("/letters", data=form).headers["location"]
    again = pages.post("/letters", data=form)
    mine = pages.get(place).text

    assert (again.status_code, "尚未签发" in again.text) == (409, True)
    assert "&lt;i&gt;窗口未叫号&lt;/i&gt;</textarea>" in again.text
    assert "经核实应予整改：&lt;i&gt;窗口未叫号&lt;/i&gt;" in mine
    assert 'value="withdraw"' in mine
    assert 'value="review"' not in mine  # his own draft
    enter(pages, "pengxiaohui01")
    assert 'value="review"' in pages.get(place).text
    enter(pages, "fanglifeng01")
    assert '<form method="post" action="/letters' not in pages.get(place).text
    assert "拟稿</button>" not in pages.get("/letters").text


def test_a_ledger_is_drafted_for_a_period_and_a_withdrawn_letter_stays_readable_to_its_unit(
    pages: Browser, house
) -> None:
    number = new_case(house)
    enter(pages, "wanghailing01")
    token = token_in(pages.get("/letters").text)
    bad = pages.post("/letters", data={"csrf": token, "kind": "ledger", "first": "x", "last": "2026-11-30"})
    told = pages.post(
        "/letters", data={"csrf": token, "kind": "ledger", "first": "2026-11-01", "last": "2026-11-30"}
    )
    odd = pages.post("/letters", data={"csrf": token, "kind": "decree"})
    assert (bad.status_code, odd.status_code) == (422, 422)
    assert number in pages.get(told.headers["location"]).text

    assert f"<td>{number}</td>" in pages.get(told.headers["location"]).text
    overdue(house, number)
    letter = pages.post("/letters", data={"csrf": token, "kind": "supervision", "number": number}).headers[
        "location"
    ]
    for who, act in (("pengxiaohui01", "review"), ("zhouzhidong01", "issue"), ("wanghailing01", "withdraw")):
        enter(pages, who)
        page = pages.get(letter).text
        sent = pages.post(letter, data={"act": act, "csrf": token_in(page), "reason": "事实有误"})
        assert sent.status_code == 303
    enter(pages, "wangzehao01")
    page = pages.get(letter).text
    assert "本公文已撤回，不再执行。撤回原因：事实有误" in page
    assert 'value="receive"' not in page
    assert pages.get(f"{letter}/file").content.startswith(b"PK")
    assert (
        pages.post(
            "/letters", data={"csrf": token_in(page), "kind": "supervision", "number": number}
        ).status_code
        == 403
    )


def test_a_draft_whose_case_is_elsewhere_says_so_and_offers_no_review(pages: Browser, house) -> None:
    number = overdue(house, new_case(house))
    enter(pages, "wanghailing01")
    form = {"csrf": token_in(pages.get("/letters").text), "kind": "supervision", "number": number}
    place = pages.post("/letters", data=form).headers["location"]
    enter(pages, "pengxiaohui01")
    stale = token_in(pages.get(place).text)
    move(house, handler_of(house, number), "return", number, remark="应由医保分局办理")
    move(house, DESK, "dispatch", number, department="MED")

    page = pages.get(place).text
    assert f"工单 {number} 已不由收文单位办理" in page
    assert ('value="review"' in page, 'value="withdraw"' in page) == (False, True)
    pressed = pages.post(place, data={"act": "review", "csrf": stale})
    assert (pressed.status_code, 'value="review"' in pressed.text) == (409, False)
