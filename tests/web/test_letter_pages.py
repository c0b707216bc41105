"""The pages of letters: a draft goes its way by its forms, and the document is for those it concerns."""

from page_kit import Browser, enter, token_in

from reviewbot.actions.draft_letter import draft_letter
from reviewbot.models.oversight import LetterKind
from reviewbot.queries.directory import find_department

FACTS = {
    "number": "A1000", "item": "<b>申领", "department": "社保局", "status": "待签收", "stage": "办理",
    "dispatched_at": "x", "due_at": "x", "original_due_at": "x", "overdue_days": 6, "returns": 0, "calls": 0,
    "drafted_at": "x", "events": [],
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
