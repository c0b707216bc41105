"""What a program may ask the API: a kind of figures, parameters somebody reads, fields that mean one thing."""

import pytest
from door_kit import record, route_all, send, serving
from test_api_door import Caller


@pytest.fixture
def url(house):
    with serving(house) as address:
        yield address


@pytest.fixture
def supervisor(house, url):
    return Caller(house, url, "supervisor")


def test_figures_of_work_orders_are_asked_for_by_kind_and_never_mixed_with_ratings(supervisor):
    asked = {"from": "2026-11-01", "to": "2026-11-30"}
    ratings, orders = (supervisor.get("/rates", kind=kind, **asked).json() for kind in ("rating", "orders"))

    assert ratings == supervisor.get("/rates", **asked).json()
    assert (ratings["kind"], orders["kind"]) == ("rating", "orders")
    assert "completion_rate" in {row["metric"] for row in orders["rates"]}
    assert "rectification_rate" not in {row["metric"] for row in orders["rates"]}
    assert supervisor.get("/rates", kind="orders", metric="rectification_rate").status_code == 422
    assert supervisor.get("/rates", kind="hotline").status_code == 422


@pytest.mark.parametrize("path", ["/rates", "/assistance", "/recalls"])
def test_a_parameter_of_a_figure_that_nobody_reads_is_refused_by_name(supervisor, path):
    """``?form=2026-10-01`` would answer with this month's figures."""
    told = supervisor.get(path, form="2026-10-01")

    assert told.status_code == 422
    assert "没有参数“form”" in told.text


def test_calls_are_a_list_and_their_number_has_a_name_of_its_own(supervisor, house, url):
    send(url, record(rating=1))
    route_all(house)
    (listed,) = supervisor.get("/cases").json()["cases"]
    told = supervisor.get(f"/cases/{listed['number']}").json()

    assert "calls" not in listed
    assert (listed["call_count"], told["call_count"], told["calls"]) == (0, 0, [])
