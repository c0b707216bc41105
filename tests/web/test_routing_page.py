"""A ruling becomes a rule when the desk says so (F14): by chat, page and API; seen and ended on a page."""

import pytest
from ask_kit import said
from case_kit import DESK, HEAD, SUPERVISOR, case_of, events, handler_of, move, opened
from door_kit import serving
from page_kit import enter, token_in
from test_api_door import Caller

from reviewbot.actions.load_city import load_city
from reviewbot.errors import Conflict, InvalidInput, NotAllowed
from reviewbot.models.people import Department

LEADER = "zhouzhidong01"


def ruled(house, item="城乡居民养老保险缴费"):
    """A case of this item that two units bounced and a supervisor gave to 税务局."""
    number = opened(house, item=item)
    move(house, handler_of(house, number), "return", number, remark="应由税务局办理")
    move(house, DESK, "convene", number, remark="两单位均称不属其职责")
    move(house, SUPERVISOR, "rule", number, department="TAX", remark="征缴由税务负责")
    return number


def unit_of_the_next(house, item="城乡居民养老保险缴费"):
    case = case_of(house, opened(house, item=item))
    with house.database.begin() as session:
        return session.get_one(Department, case.department_id).code


def test_the_desk_makes_a_rule_of_a_ruling_later_by_chat_and_ends_it_on_a_page(pages, house):
    number = ruled(house)
    assert unit_of_the_next(house) == "SOC"

    assert "今后同类派给税务局" in said(house, DESK, f"照此派单 {number} 每月都有同样的件")
    assert unit_of_the_next(house) == "TAX"
    last = events(house, number)[-1]
    assert (last.move, last.actor, last.data["as_rule"]) == (
        "keep_as_rule", DESK, "item:城乡居民养老保险缴费",
    )  # fmt: skip

    enter(pages, HEAD)
    assert pages.get("/routing").status_code == 403
    enter(pages, LEADER)
    shown = pages.get("/routing").text
    assert "城乡居民养老保险缴费" in shown
    assert 'action="/routing/' not in shown
    enter(pages, DESK)
    shown = pages.get("/routing").text
    assert f'href="/cases/{number}"' in shown
    assert "每月都有同样的件" in shown
    place = shown.split('action="')[-1].split('"')[0]
    assert pages.post(place, data={"csrf": token_in(shown), "reason": " "}).status_code == 422
    form = {"csrf": token_in(shown), "reason": "省里已调整征缴职责"}
    assert pages.post(place, data=form).status_code == 303
    assert pages.post(place, data=form).status_code == 409

    assert unit_of_the_next(house) == "SOC"
    assert "没有派单规则" in pages.get("/routing").text
    assert "省里已调整征缴职责" in pages.get("/routing?ended=1").text
    last = events(house, number)[-1]
    assert (last.move, last.actor, last.remark) == ("end_rule", DESK, "省里已调整征缴职责")


def test_it_is_offered_on_the_page_of_a_ruled_case_to_the_desk_alone(pages, house):
    plain, number = opened(house), ruled(house)
    enter(pages, SUPERVISOR)
    assert 'value="keep_as_rule"' not in pages.get(f"/cases/{number}").text
    enter(pages, DESK)
    assert 'value="keep_as_rule"' not in pages.get(f"/cases/{plain}").text
    page = pages.get(f"/cases/{number}").text
    form = {"csrf": token_in(page), "verb": "keep_as_rule", "remark": "今后同样办理"}
    assert pages.post(f"/cases/{number}/moves", data=form).status_code == 303

    assert unit_of_the_next(house) == "TAX"
    with pytest.raises(Conflict, match="没有经过会商裁定"):
        move(house, DESK, "keep_as_rule", plain, remark="照此")
    with pytest.raises(NotAllowed):
        move(house, SUPERVISOR, "keep_as_rule", number, remark="照此")
    with pytest.raises(InvalidInput, match="原因"):
        move(house, DESK, "keep_as_rule", number, remark=" ")


def test_the_last_rule_of_an_item_stands_and_an_ended_one_can_be_made_again(pages, house):
    first = ruled(house)
    move(house, DESK, "keep_as_rule", first, remark="照此")
    with pytest.raises(Conflict, match="无须重复"):
        move(house, DESK, "keep_as_rule", first, remark="照此")
    second = opened(house, item="城乡居民养老保险缴费")
    move(house, handler_of(house, second), "return", second, remark="应由医保分局办理")
    move(house, DESK, "convene", second, remark="再议")
    move(house, SUPERVISOR, "rule", second, department="MED", remark="已划转", as_rule=True)
    assert unit_of_the_next(house) == "MED"

    enter(pages, DESK)
    shown = pages.get("/routing").text
    assert shown.count('action="/routing/') == 1
    place = shown.split('action="/routing/')[-1].split('"')[0]
    pages.post(f"/routing/{place}", data={"csrf": token_in(shown), "reason": "有误"})
    assert unit_of_the_next(house) == "SOC"
    move(house, DESK, "keep_as_rule", first, remark="仍照第一次裁定")
    assert unit_of_the_next(house) == "TAX"


def test_a_city_loaded_again_does_not_bring_back_what_the_desk_has_ended(pages, house, tmp_path):
    for name in ("departments.csv", "staff.csv", "items.csv"):
        source = house.settings.city / name
        (tmp_path / name).write_bytes(source.read_bytes())
    words = "kind,value,department,reason\nitem,失业保险金申领,TAX,市府会议纪要\n"
    (tmp_path / "routing.csv").write_text(words, encoding="utf-8")

    def load():
        with house.database.begin() as session:
            return load_city(session, tmp_path, at=house.clock.now()).lines

    load()
    assert unit_of_the_next(house, "失业保险金申领") == "TAX"
    enter(pages, DESK)
    shown = pages.get("/routing").text
    place = shown.split('action="')[-1].split('"')[0]
    assert pages.post(place, data={"csrf": token_in(shown), "reason": "纪要已废止"}).status_code == 303

    assert [line for line in load() if "不恢复" in line]
    assert unit_of_the_next(house, "失业保险金申领") == "SOC"


def test_a_program_says_it_by_the_api(house):
    number = ruled(house)
    with serving(house) as url:
        desk, supervisor = Caller(house, url, "desk"), Caller(house, url, "supervisor")
        assert supervisor.move(number, move="照此派单", remark="照此").status_code == 403
        assert desk.move(number, move="照此派单", remark="照此").status_code == 200

    assert unit_of_the_next(house) == "TAX"
