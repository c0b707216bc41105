"""各方用时 on the case page and in the API: the bounce and the helper each with their own time (B3, B20)."""

from datetime import timedelta

import pytest
from case_kit import DESK, SUPERVISOR, call, case_of, conclude, handler_of, move, opened
from door_kit import serving
from page_kit import enter
from test_api_door import Caller


@pytest.fixture
def url(house):
    with serving(house) as address:
        yield address


def bounced(house, clock):
    """09:00 to 社保局, back at 10:00, dispatched anew at 11:00; 税务局 asked for help at 11:30."""
    number = opened(house)
    clock.moment += timedelta(hours=1)
    move(house, handler_of(house, number), "return", number, remark="应由医保分局办理，见权责清单")
    clock.moment += timedelta(hours=1)
    move(house, DESK, "dispatch", number, department="医保分局", remark="同意改派")
    move(house, handler_of(house, number), "sign", number)
    call(house, number)
    conclude(house, number)
    clock.moment += timedelta(minutes=30)
    move(house, DESK, "ask_assistance", number, department="税务局", remark="请提供缴费记录")
    clock.moment += timedelta(minutes=30)
    return number


def test_the_api_tells_who_had_the_case_how_long(house, clock, url):
    number = bounced(house, clock)

    told = Caller(house, url, "supervisor").get(f"/cases/{number}").json()["time_shares"]

    assert [(one["name"], one["department_code"], one["office_minutes"], one["helps"]) for one in told] == [
        ("社保局", "SOC", 60, False), ("派单台", None, 60, False), ("医保分局", "MED", 60, False),
        ("税务局", "TAX", 30, True),
    ]  # fmt: skip
    assert {one["overdue_minutes"] for one in told} == {0}


def test_what_lies_beyond_the_due_time_is_told_of_each(house, clock, url):
    number = bounced(house, clock)
    clock.moment = case_of(house, number).due_at + timedelta(days=1)

    told = {
        one["name"]: one
        for one in Caller(house, url, "auditor").get(f"/cases/{number}").json()["time_shares"]
    }

    assert told["医保分局"]["overdue_minutes"] == 390
    assert told["社保局"]["overdue_minutes"] == told["派单台"]["overdue_minutes"] == 0
    assert told["税务局"]["overdue_minutes"] > 390


def test_the_page_shows_times_and_shares(pages, house, clock):
    number = bounced(house, clock)
    enter(pages, SUPERVISOR)

    page = pages.get(f"/cases/{number}").text.split("各方用时")[1].split("</table>")[0]

    assert "<td>派单台</td><td>1 小时 0 分</td><td>33.33%</td><td>—</td>" in page
    assert "<td>税务局（协办）</td><td>30 分</td><td></td><td>—</td>" in page
