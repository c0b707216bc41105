"""The limits on a case's page: which runs, which gave way to which, and by what rule a clock stands still."""

from datetime import timedelta

import pytest
from case_kit import SUPERVISOR, call, conclude, move, verifying
from page_kit import enter
from rules_kit import decree

from reviewbot.rules.lifecycle import Conclusion


@pytest.mark.parametrize("stops", [False, True])
def test_the_case_page_tells_whether_an_appeal_stops_the_clock(house, clock, pages, stops):
    """L4: it is a setting, and whoever reads a due time has to know by which rule it stands."""
    if stops:
        decree(house, "stopping", ("stop_clock = false", "stop_clock = true"))
    number = verifying(house)
    call(house, number)
    conclude(house, number, Conclusion.MISRATED, remark="评价人说点错了")
    clock.moment += timedelta(hours=1)
    enter(pages, SUPERVISOR)
    page = pages.get(f"/cases/{number}").text

    assert ("申诉复核期间办理时限停计" in page, "停计（申诉复核）" in page) == (stops, stops)
    assert ("退回、会商和申诉期间时限照走" in page) is not stops
    clock.moment += timedelta(days=2)
    move(house, SUPERVISOR, "disagree", number, remark="经查属实")
    assert ("申诉后办理时限" in pages.get(f"/cases/{number}").text) is stops


def test_a_limit_that_gave_way_is_not_shown_as_running_or_late(house, clock, pages):
    number = verifying(house)
    call(house, number)
    conclude(house, number, complex=True)
    clock.moment += timedelta(days=10)
    enter(pages, SUPERVISOR)

    page = pages.get(f"/cases/{number}").text
    assert "起改按复杂事项办理时限" in page
    assert "已超期" not in page
