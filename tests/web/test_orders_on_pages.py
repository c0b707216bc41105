"""A work order of the hotline is nobody's rating: its pages speak of what was asked, and by whom."""

import pytest
from order_kit import cases, order, taken
from page_kit import enter

from reviewbot.links import RaterLink


@pytest.fixture
def case(house):
    taken(house, order())
    return cases(house)[0]


def test_staff_read_of_a_matter_asked_not_of_a_rating(pages, case):
    enter(pages, "wanghailing01")
    page = pages.get(f"/cases/{case.number}").text
    for words in ("<h2>诉求</h2>", "派发 · 诉求人 实名", "来件编号"):
        assert words in page
    assert "评价编号" not in page
    assert "<h2>诉求</h2>" in pages.get(f"/h5/cases/{case.number}").text


def test_who_asked_reads_of_his_matter(pages, house, clock, case):
    place = house.links.make(RaterLink(case.id, 1, int(clock.moment.timestamp())))
    page = pages.get("/r/" + place.rpartition("/r/")[2]).text

    assert "您反映的事项办到哪一步了" in page
    assert "您反映了“养老金未到账”（投诉）" in page
    assert "已收到您反映的事项" in page
    assert "您的评价" not in page
