"""The API over real HTTP: who gets in, what is shown to whom, moves exactly once, figures that add up."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
import requests
from door_kit import record, route_all, send, serving

from reviewbot.actions.create_token import create_token
from reviewbot.database.session import Database

PROVINCE = Path(__file__).parents[1] / "data" / "province_a.ndjson"


class Caller:
    """A program with a token."""

    def __init__(self, house, url, role, department=None):
        with house.database.begin() as session:
            token = create_token(
                session, role, f"{role}-{department}", department=department, at=house.clock.now()
            )
        self.url, self.headers = f"{url}/api/v1", {"Authorization": f"Bearer {token}"}

    def get(self, path, **params):
        return requests.get(self.url + path, params=params, headers=self.headers, timeout=30)

    def move(self, number, key="k1", **body):
        headers = self.headers | ({"Idempotency-Key": key} if key else {})
        return requests.post(f"{self.url}/cases/{number}/moves", json=body, headers=headers, timeout=30)

    def numbers(self, **params):
        return {case["number"] for case in self.get("/cases", limit=200, **params).json()["cases"]}


@pytest.fixture
def url(house):
    with serving(house) as address:
        yield address


@pytest.fixture
def supervisor(house, url):
    return Caller(house, url, "supervisor")


@pytest.fixture
def clerk(house, url):
    """A program of the social insurance unit."""
    return Caller(house, url, "handler", "SOC")


@pytest.fixture
def province(house, url):
    """The province's file taken in and routed: 24 cases."""
    send(url, PROVINCE.read_bytes(), source="province_a")
    return route_all(house)


@pytest.fixture
def number(house, url):
    """One case of the social insurance unit, waiting to be signed."""
    send(url, record(rater={"kind": "person", "name": "张三", "phone": "13812345678"}))
    return route_all(house)[0]


PATHS = ["/cases", "/cases/A1000", "/rates", "/balance"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "told", [None, "", "Bearer", "Bearer ", "Bearer rb_wrong", "Basic cm9vdDo=", "rb_x", "Bearer a b c"]
)
def test_without_a_valid_token_everything_is_401(url, path, told):
    headers = {} if told is None else {"Authorization": told}

    answer = requests.get(f"{url}/api/v1{path}", headers=headers, timeout=30)

    assert answer.status_code == 401
    assert answer.json()["error"] == "not_signed_in"


def test_a_move_without_a_token_is_401(url, number):
    path, headers = f"{url}/api/v1/cases/{number}/moves", {"Idempotency-Key": "k1"}

    answer = requests.post(path, json={"move": "sign"}, headers=headers, timeout=30)

    assert (answer.status_code, answer.json()["error"]) == (401, "not_signed_in")


def test_a_unit_sees_its_own_cases_only_and_lists_and_pages_agree(supervisor, clerk, province):
    own, every = clerk.numbers(), supervisor.numbers()

    assert every == set(province)
    assert own == supervisor.numbers(department="SOC")
    assert 0 < len(own) < 24
    assert {number: clerk.get(f"/cases/{number}").status_code for number in every} == {
        number: 200 if number in own else 404 for number in every
    }


def test_a_programs_token_takes_no_case_without_a_handler_for_its_own(house, url, supervisor, clerk):
    """A token is nobody of the staff: "handled by nobody" was read as "handled by me"."""
    send(url, record(department=None, item="不存在的事项"))
    (number,) = route_all(house)

    assert supervisor.numbers() == {number}
    assert clerk.numbers() == set()
    assert clerk.get(f"/cases/{number}").status_code == 404
    dispatched = {"metric": "completion_rate", "from": "2026-11-01", "to": "2026-12-31"}
    assert clerk.get("/rates", **dispatched).json()["rates"][0]["denominator"] == 0


def test_a_unit_can_neither_move_nor_detect_a_foreign_case(supervisor, clerk, province):
    foreign = min(supervisor.numbers() - clerk.numbers())

    answers = [clerk.move(foreign, move="sign"), clerk.move("Z9999", key="k2", move="sign")]

    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].json()["message"].replace(foreign, "X") == answers[1].json()["message"].replace(
        "Z9999", "X"
    )


def test_a_unit_gets_its_own_figures_and_no_balance(clerk, supervisor, province):
    own = clerk.get("/rates", by="department", metric="completion_rate").json()["rates"]

    assert {row["department"] for row in own} == {"社保局"}
    assert own[0]["denominator"] == len(clerk.numbers())
    assert clerk.get("/balance").status_code == 404


def test_a_case_shows_its_events_and_the_working_of_its_due_times(supervisor, number):
    case = supervisor.get(f"/cases/{number}").json()

    assert case["status_name"] == "待签收"
    assert case["route_reason"] == "按办理单位：社保局"
    assert [event["move"] for event in case["events"]] == ["open", "dispatch"]
    assert [event["seq"] for event in case["events"]] == [1, 2]
    assert {due["stage"] for due in case["due_times"]} >= {"contact", "handling"}
    for due in case["due_times"]:
        assert due["working"]
        assert all(row["reason"] for row in due["working"])


def test_a_case_shows_nothing_of_the_rater(supervisor, number):
    told = supervisor.get(f"/cases/{number}").text

    assert "张三" not in told
    assert "13812345678" not in told


def test_a_repeated_move_answers_the_same_and_makes_one_event(clerk, number):
    answers = [clerk.move(number, move="sign") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200] * 3
    assert len({answer.text for answer in answers}) == 1
    assert answers[0].json()["status"] == "verifying"
    assert signs(clerk, number) == 1


def test_a_move_repeated_while_the_first_still_runs_gets_the_same_answer(clerk, number):
    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(lambda _: clerk.move(number, move="sign"), range(12)))

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    assert signs(clerk, number) == 1


def signs(caller, number):
    events = caller.get(f"/cases/{number}").json()["events"]
    return sum(event["move"] == "sign" for event in events)


def test_a_key_used_for_another_request_is_a_conflict(clerk, number):
    clerk.move(number, move="sign")

    answer = clerk.move(number, move="record_call", reached=True, remark="已致歉")

    assert (answer.status_code, answer.json()["error"]) == (409, "conflict")
    assert "Idempotency-Key" in answer.json()["message"]


def test_a_key_belongs_to_the_one_who_used_it(house, url, clerk, number):
    head = Caller(house, url, "head", "SOC")
    clerk.move(number, move="sign")

    answer = head.move(number, move="record_call", reached=True, remark="已致歉")

    assert answer.status_code == 200


def test_a_refused_move_leaves_its_key_free(clerk, number):
    early = clerk.move(number, move="record_call", reached=True, remark="已致歉")
    clerk.move(number, key="k2", move="sign")
    again = clerk.move(number, move="record_call", reached=True, remark="已致歉")

    assert [early.status_code, again.status_code] == [409, 200]


def test_a_move_the_state_does_not_allow_is_409_and_says_what_is_possible(supervisor, number):
    answer = supervisor.move(number, move="approve")

    assert (answer.status_code, answer.json()["error"]) == (409, "illegal_move")
    assert answer.json()["message"] == f"工单 {number} 现为「待签收」，不能通过；现在可以：签收、退回。"


@pytest.mark.parametrize("key", [None, "", "k" * 201])
def test_a_move_without_a_usable_key_is_422_and_moves_nothing(clerk, number, key):
    headers = clerk.headers | ({} if key is None else {"Idempotency-Key": key})
    path = f"{clerk.url}/cases/{number}/moves"

    answer = requests.post(path, json={"move": "sign"}, headers=headers, timeout=30)

    assert answer.status_code == 422
    assert signs(clerk, number) == 0


@pytest.mark.parametrize(
    "body",
    [
        {}, {"\ud800": 1}, {"move": "fly"}, {"move": ""}, {"move": "sign", "extra": 1}, {"move": 5}, [], "sign", None,
        {"move": "conclude", "conclusion": "?"}, {"move": "sign", "remark": "x" * 10_001},
    ],
)  # fmt: skip
def test_a_request_that_is_no_move_is_422_with_a_message(clerk, number, body):
    headers = clerk.headers | {"Idempotency-Key": "k"}

    answer = requests.post(f"{clerk.url}/cases/{number}/moves", json=body, headers=headers, timeout=30)

    assert answer.status_code == 422
    assert answer.json()["message"]


def test_moves_may_be_named_as_staff_type_them(clerk, number):
    assert clerk.move(number, move="签收").json()["status"] == "verifying"


@pytest.mark.parametrize(
    ("said", "status"), [("属实", "rectifying"), ("政策不支持", "explaining"), ("诉求不合理", "explaining")]
)
def test_a_conclusion_may_be_named_as_staff_type_it(clerk, number, said, status):
    clerk.move(number, key="sign", move="签收")
    clerk.move(number, key="call", move="回访", reached=True, remark="说排队久")

    assert clerk.move(number, key="end", move="认定", conclusion=said).json()["status"] == status


ODD = ["\0", "a\0b", "\ud800", "%", "'", "😡", "9" * 5_000]


@pytest.mark.parametrize("odd", ODD)
def test_odd_text_in_a_move_is_never_a_server_error(clerk, number, odd):
    clerk.move(number, key="sign", move="sign")

    answers = [
        clerk.move(number, key="a", move="record_call", reached=True, remark=odd),
        clerk.move(number, key="b", move="record_call", reached=True, remark="x", channel=odd[:50]),
        clerk.move(number, key="c", move=odd),
        clerk.move(number, key="d", move="dispatch", department=odd),
    ]

    assert all(answer.status_code < 500 for answer in answers), [answer.text[:200] for answer in answers]


@pytest.mark.parametrize("odd", ODD)
def test_odd_text_in_an_address_is_never_a_server_error(supervisor, number, odd):
    odd = odd.encode("utf-8", "replace")

    answers = [
        supervisor.get("/cases/" + requests.utils.quote(odd, safe="")),
        supervisor.get("/cases", department=odd),
        supervisor.get("/cases", status=odd),
        supervisor.get("/rates", metric=odd),
        supervisor.get("/rates", department=odd),
        supervisor.get("/rates", by=odd),
    ]

    assert all(400 <= answer.status_code < 500 for answer in answers), [
        answer.text[:200] for answer in answers
    ]


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/cases", {"limit": 0}), ("/cases", {"limit": 10**6}), ("/cases", {"after": 10**30}),
        ("/cases", {"after": -(10**30)}), ("/cases", {"after": "x"}),
        ("/rates", {"from": "2026-13-45"}), ("/rates", {"from": "0001-01-01", "to": "9999-12-31"}),
        ("/rates", {"from": "2026-12-01", "to": "2026-11-01"}),
    ],
)  # fmt: skip
def test_absurd_limits_and_dates_are_never_a_server_error(supervisor, path, asked):
    assert supervisor.get(path, **asked).status_code < 500


def test_a_period_that_ends_before_it_begins_is_422_and_says_so(supervisor):
    answer = supervisor.get("/rates", **{"from": "2026-12-01", "to": "2026-11-30"})

    assert answer.status_code == 422
    assert answer.json()["message"] == "起始日期 2026-12-01 晚于截止日期 2026-11-30。"
    assert supervisor.get("/rates", **{"from": "2026-11-30", "to": "2026-11-30"}).status_code == 200


def test_rates_are_fractions_and_null_over_nothing(supervisor):
    told = supervisor.get("/rates", **{"from": "2026-11-01", "to": "2026-11-30"}).json()

    assert [row["metric"] for row in told["rates"]] == [
        "rectification_rate", "on_time_rectification_rate", "on_time_rectification_rate_original_due",
        "extension_rate", "return_rate", "call_back_rate", "response_rate",
        "completion_rate", "satisfaction_rate", "confirmed_rectification_rate", "call_back_satisfaction_rate",
        "recall_confirmed_rate",
    ]  # fmt: skip
    for row in told["rates"]:
        assert (row["numerator"], row["denominator"], row["value"]) == (0, 0, None)


def test_rates_of_the_departments_sum_to_the_rate_of_all(supervisor, province):
    asked = {"from": "2026-11-01", "to": "2026-11-30", "metric": "completion_rate"}

    [everybody] = supervisor.get("/rates", **asked).json()["rates"]
    units = supervisor.get("/rates", by="department", **asked).json()["rates"]

    assert (everybody["numerator"], everybody["denominator"], everybody["value"]) == (0, 24, 0.0)
    assert sum(unit["denominator"] for unit in units) == 24
    assert all(set(unit) >= {"numerator", "denominator", "value", "department"} for unit in units)


def test_the_balance_adds_up(supervisor, url, province):
    send(url, (PROVINCE.parent / "malformed.ndjson").read_bytes(), source="province_a")

    told = supervisor.get("/balance").json()

    parts = [told[name] for name in ("accepted", "duplicate", "altered", "refused", "set_aside")]
    assert told["received"] == sum(parts) == 44
    assert parts == [36, 1, 1, 4, 2]
    assert told["adds_up"] is True
    assert (told["cases"], told["unrouted"]) == (24, 3)


@pytest.mark.parametrize("size", [1, 5, 24, 50])
def test_paging_by_key_shows_every_case_once(supervisor, province, size):
    seen, after = [], None
    while True:
        page = supervisor.get("/cases", limit=size, **({"after": after} if after else {})).json()
        seen += [case["number"] for case in page["cases"]]
        after = page["next"]
        if after is None:
            break

    assert sorted(seen) == sorted(province)


def test_a_case_that_arrives_between_two_pages_moves_none_of_them(supervisor, house, url, province):
    first = supervisor.get("/cases", limit=12).json()
    send(url, record())
    route_all(house)

    second = supervisor.get("/cases", limit=50, after=first["next"]).json()

    seen = [case["number"] for case in first["cases"] + second["cases"]]
    assert sorted(seen) == sorted(province)


def test_lists_are_filtered_by_status_and_by_what_is_overdue(supervisor, clock, province):
    assert supervisor.numbers(status="awaiting_sign") == set(province)
    assert supervisor.numbers(status="closed") == set()
    assert supervisor.numbers(overdue="true") == set()
    clock.moment = clock.moment.replace(year=2027)
    assert supervisor.numbers(overdue="true", open="true") == set(province)


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/openapi.json"])
def test_programs_that_watch_the_system_get_an_answer(url, path):
    assert requests.get(url + path, timeout=30).status_code == 200


def test_the_description_names_the_calls_of_the_contract(url):
    told = requests.get(url + "/openapi.json", timeout=30).json()["paths"]

    assert set(told) >= {
        "/api/v1/cases", "/api/v1/cases/{number}", "/api/v1/cases/{number}/moves", "/api/v1/rates",
        "/api/v1/balance",
    }  # fmt: skip


def test_without_a_database_it_lives_but_is_not_ready_and_says_when_to_come_again(house):
    nowhere = replace(house, database=Database("postgresql://nobody@127.0.0.1:1/none"))
    with serving(nowhere) as url:
        alive = requests.get(url + "/healthz", timeout=30)
        ready = requests.get(url + "/readyz", timeout=30)
        asked = requests.get(url + "/api/v1/cases", headers={"Authorization": "Bearer rb_x"}, timeout=30)

    assert [alive.status_code, ready.status_code, asked.status_code] == [200, 503, 503]
    assert ready.headers["Retry-After"]
    assert asked.headers["Retry-After"]
