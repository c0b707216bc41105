"""A refusal speaks of what is in front of whoever is refused: the fields of a sheet, or in chat the words to type."""

import re

import pytest
from ask_kit import said
from case_kit import (
    HEAD,
    SUPERVISOR,
    awaiting_approval,
    call,
    conclude,
    handler_of,
    verifying,
)
from page_kit import Browser, enter, token_in

from reviewbot.actions.step import Verb
from reviewbot.rules.lifecycle import Conclusion
from reviewbot.web.forms import form_of

TYPED = re.compile("|".join(("回复", r"[:：]\s*[一-鿿]{2,4} ?[A-Z]\d{4}", r"「[一-鿿]+ [A-Z]\d{4}")))
"""The words of a chat, which are no words of a page."""


def called(house):
    number = verifying(house)
    call(house, number)
    return number


def rectifying(house):
    number = called(house)
    conclude(house, number)
    return number


def appealed(house):
    number = called(house)
    conclude(house, number, Conclusion.MISRATED, remark="评价人说点错了")
    return number


def refusal(answer):
    assert answer.status_code in (409, 422), answer.text
    return re.search(r'role="alert"[^>]*>([^<]*)<', answer.text)[1]


def on_sheet(pages, house, who, number, address, **fields):
    enter(pages, who)
    place = f"/h5/cases/{number}/{address}"
    page = pages.get(place).text
    hidden = {name: re.search(rf'name="{name}" value="([^"]*)"', page)[1] for name in ("key", "round")}
    return refusal(pages.post(place, data={"csrf": token_in(page)} | hidden | fields))


def on_page(pages, house, who, number, verb, **fields):
    enter(pages, who)
    page = pages.get(f"/cases/{number}").text
    return refusal(pages.post(f"/cases/{number}/moves", data={"csrf": token_in(page), "verb": verb} | fields))


DOORS = (on_sheet, on_page)


def test_an_appeal_without_a_ground_is_told_the_grounds_of_its_own_sheet(house, pages: Browser) -> None:
    number = called(house)
    told = on_sheet(pages, house, handler_of(house, number), number, "appeal", remark="评价人说点错了")

    assert told == "请选择「申诉理由」：误评、恶意差评、非本单位原因、无效评价。"


@pytest.mark.parametrize("door", DOORS)
def test_what_a_sheet_lacks_is_called_as_the_sheet_calls_it(house, pages: Browser, door) -> None:
    number = rectifying(house)
    who = handler_of(house, number)
    extend = "extend" if door is on_sheet else "request_extension"
    measures = "measures" if door is on_sheet else "submit_measures"
    for address, fields, says in (
        (extend, {"remark": "等材料"}, "请填写「延几个工作日」。"),
        (extend, {"days": "3"}, "请填写「原因」。"),
        (measures, {}, "请填写「整改措施」。"),
        ("hand_over", {}, "请填写「接办人（姓名或账号）」。"),
        ("request_ledger", {"remark": "分步"}, "请填写「计划完成日期」。"),
        ("hand_over", {"person": "没有这个人"}, "承办单位没有（或不止一位）“没有这个人”，请写姓名或账号。"),
        (extend, {"days": "99", "remark": "等材料"}, "一次最多延期 10 个工作日。"),
    ):
        assert door(pages, house, who, number, address, **fields) == says


@pytest.mark.parametrize("door", DOORS)
def test_without_a_file_one_confirms_what_one_does(house, pages: Browser, door) -> None:
    """Who decides an appeal is not asked for the word of approval."""
    appeal, measures = appealed(house), awaiting_approval(house)

    assert (
        door(pages, house, SUPERVISOR, appeal, "agree") == f"工单 {appeal} 没有附件，须确认没有附件也同意。"
    )
    assert (
        door(pages, house, HEAD, measures, "approve") == f"工单 {measures} 没有附件，须确认没有附件也通过。"
    )
    for number, word, who in ((appeal, "同意", SUPERVISOR), (measures, "通过", HEAD)):
        assert f"「{word} {number} 无附件」" in said(house, who, f"{word} {number}")
        assert f"「{'同意' if word == '通过' else '通过'}" not in said(house, who, f"{word} {number}")


def test_no_form_left_empty_is_answered_in_words_to_type(house, pages: Browser) -> None:
    """Every form that this clerk, his head and a supervisor find on the page, handed in as it stands."""
    seen = set()
    for make in (verifying, called, rectifying, awaiting_approval, appealed):
        number = make(house)
        for who in (handler_of(house, number), HEAD, SUPERVISOR):
            enter(pages, who)
            page = pages.get(f"/cases/{number}").text
            for verb in re.findall(r'name="verb" value="(\w+)"', page):
                if not any(field.required for field in form_of(Verb(verb)).fields):
                    continue
                seen.add(verb)
                told = on_page(pages, house, who, number, verb)
                assert not TYPED.search(told), (verb, told)
                assert re.fullmatch("请(填写|选择)「.+」.*。", told), (verb, told)
    assert len(seen) >= 10


def test_in_chat_the_words_to_type_are_told_as_before(house) -> None:
    new, number = verifying(house), rectifying(house)
    for typed, says in (
        (f"延期 {number} 99 等材料", f"一次最多延期 10 个工作日：延期 {number} 5 原因。"),
        (f"移交 {number} 没有这个人", f"请写姓名或账号：移交 {number} 李敏 原因。"),
        (f"认定 {new} 属实", f"工单 {new} 是实名差评，须先回访再认定：回访 {new} 已接通 说明。"),
    ):
        assert said(house, handler_of(house, number), typed).endswith(says)
