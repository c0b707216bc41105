"""谁办理、谁负责 on the real directory: which unit and which person get a bad review, and the reason shown."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest
from case_kit import case_of, closed, due_times, events, handler_of, messages, opened, opened_all, record
from sqlalchemy import any_, func, select

from reviewbot.actions.open_case import open_case
from reviewbot.actions.receive_reviews import Delivery, receive_reviews
from reviewbot.clock import CHINA
from reviewbot.models.case import Case
from reviewbot.models.people import Department, Duty, Item, RoutingException, Staff
from reviewbot.queries.cases import unrouted_review_ids
from reviewbot.queries.directory import find_department, staff_by_userid, userids_with_role
from reviewbot.rules.lifecycle import Role
from reviewbot.sources.split import split_body
from reviewbot.web.intake import to_record

NOWHERE = {"department": None, "item": None, "window": None, "handled_by": None}


def routed(house, **facts):
    """(department code, rule, reason) of a new case."""
    case = case_of(house, opened(house, **NOWHERE | facts))
    with house.database.begin() as session:
        unit = session.get(Department, case.department_id) if case.department_id else None
        return unit and unit.code, case.route_rule, case.route_reason


def add(house, *rows):
    with house.database.begin() as session:
        session.add_all(rows)


def unit(house, code):
    with house.database.begin() as session:
        return find_department(session, code).id


def on_duty(house, userid, first=date(2026, 11, 30), last=date(2026, 11, 30)):
    with house.database.begin() as session:
        person = staff_by_userid(session, userid)
        session.add(
            Duty(department_id=person.department_id, staff_id=person.id, date_from=first, date_to=last)
        )


def handlers(house, code="SOC"):
    with house.database.begin() as session:
        found = session.scalars(
            select(Staff).join(Department, Department.id == Staff.department_id)
            .where(Department.code == code, any_(Staff.roles) == Role.HANDLER.value).order_by(Staff.id)
        )  # fmt: skip
        return list(found)


@pytest.mark.parametrize(
    "word",
    [
        "SOC",
        "soc",
        "11445203MB2C0001XA",
        "11445203mb2c0001xa",
        "揭东区社会保险基金管理局",
        "社保局",
        " 社保局 ",
    ],
)
def test_the_unit_named_in_the_record_handles_it_however_it_is_named(house, word):
    assert routed(house, department=word) == ("SOC", "department", "按办理单位：社保局")


def test_the_named_unit_goes_before_item_and_window(house):
    told = routed(house, department="SOC", item="住院零星单据报销", window="医保1号窗口")

    assert told == ("SOC", "department", "按办理单位：社保局")


def test_without_a_unit_the_item_decides(house):
    assert routed(house, item="住院零星单据报销", window="税务1号窗口") == (
        "MED", "item", "按事项归属：医保分局（住院零星单据报销）",
    )  # fmt: skip


def test_an_unknown_unit_does_not_keep_the_item_from_deciding(house):
    assert routed(house, department="没有这个部门", item="住院零星单据报销")[:2] == ("MED", "item")


def test_an_item_that_two_units_own_decides_nothing(house):
    add(house, Item(name="同名事项", department_id=unit(house, "SOC")))
    add(house, Item(name="同名事项", department_id=unit(house, "MED")))

    assert routed(house, item="同名事项")[:2] == (None, "desk")


def test_without_unit_and_item_the_window_decides(house):
    assert routed(house, window="医保1号窗口") == ("MED", "window", "按受理窗口：医保分局")


@pytest.mark.parametrize(("kind", "fact"), [("item", "失业保险金申领"), ("window", "2号窗口")])
def test_a_ruling_of_the_desk_goes_before_everything(house, kind, fact):
    add(
        house,
        RoutingException(kind=kind, value=fact, department_id=unit(house, "TAX"), reason="联席会议纪要"),
    )

    code, rule, reason = routed(house, department="SOC", item="失业保险金申领", window="2号窗口")

    assert (code, rule) == ("TAX", "exception")
    assert reason.startswith("按派单规则：")
    assert "联席会议纪要" in reason


def test_a_ruling_touches_no_other_item(house):
    add(house, RoutingException(kind="item", value="甲", department_id=unit(house, "TAX"), reason="裁定"))

    assert routed(house, department="SOC", item="失业保险金申领")[0] == "SOC"


def test_unknown_names_go_to_the_desk_which_reads_them_as_they_were_written(house):
    number = opened(house, **NOWHERE | {"department": "不存在的单位", "item": "不存在的事项"})

    case = case_of(house, number)
    assert (case.status.value, case.department_id, case.handler_id) == ("awaiting_dispatch", None, None)
    assert case.route_reason == "转派单台：目录中没有“不存在的单位”、“不存在的事项”"
    with house.database.begin() as session:
        desk = userids_with_role(session, Role.DESK)
    assert {message.userid for message in messages(house, case_id=case.id, channel="wecom")} == set(desk)


def test_a_record_that_names_nothing_goes_to_the_desk(house):
    assert routed(house) == (None, "desk", "转派单台：评价未写明办理单位和事项")


def test_the_reason_is_also_the_first_event(house):
    number = opened(house)

    first = events(house, number)[0]
    assert (first.move, first.remark) == ("open", "按办理单位：社保局")


def test_the_person_rated_is_never_the_handler_nor_told(house):
    for person in handlers(house):
        for _ in range(3):
            number = opened(house, handled_by=person.name)
            assert handler_of(house, number) != person.userid
            assert person.userid not in {m.userid for m in messages(house, case_id=case_of(house, number).id)}


def test_the_person_rated_is_passed_over_even_when_alone_on_duty(house):
    on_duty(house, "chenwei02")

    assert handler_of(house, opened(house, handled_by="陈伟")) != "chenwei02"
    assert handler_of(house, opened(house, handled_by="黄洁")) == "chenwei02"


def test_with_every_handler_away_the_head_takes_it(house):
    with house.database.begin() as session:
        for person in handlers(house):
            session.get_one(Staff, person.id).active = False

    assert handler_of(house, opened(house)) == "wangzehao01"


def test_cases_go_round_by_least_open_cases(house):
    names = [person.userid for person in handlers(house)]

    numbers = opened_all(house, [record() for _ in range(2 * len(names))])

    taken = [handler_of(house, number) for number in numbers]
    assert {name: taken.count(name) for name in names} == dict.fromkeys(names, 2)


def test_a_closed_case_burdens_nobody(house):
    first = closed(house)

    assert handler_of(house, opened(house)) == handler_of(house, first)


def test_those_on_duty_today_come_first_and_share_by_least_open_cases(house):
    on_duty(house, "lintao02")
    on_duty(house, "limin02", date(2026, 11, 1), date(2026, 12, 31))
    on_duty(house, "chenwei02", date(2026, 11, 1), date(2026, 11, 29))
    on_duty(house, "huangjie02", date(2026, 12, 1), date(2026, 12, 31))

    taken = [handler_of(house, number) for number in opened_all(house, [record() for _ in range(6)])]

    assert sorted(taken) == ["limin02"] * 3 + ["lintao02"] * 3


@pytest.fixture
def review_id(house):
    """A bad review that has no case yet."""
    piece = split_body(json.dumps(record()).encode())[0]
    ready = to_record(house, house.profiles["standard"], piece)
    with house.database.begin() as session:
        received = receive_reviews(session, [Delivery("standard", "webhook", [ready])], at=house.clock.now())
    return received.bad_review_ids[0]


def test_a_worker_that_finds_a_review_in_other_hands_leaves_it(house, review_id):
    now = house.clock.now()
    with house.database.begin() as first:
        case = open_case(first, review_id, at=now, rulebooks=house.rulebooks)
        with house.database.begin() as second:
            assert open_case(second, review_id, at=now, rulebooks=house.rulebooks) is None
    with house.database.begin() as third:
        assert open_case(third, review_id, at=now, rulebooks=house.rulebooks) is None

    assert case is not None
    assert count(house) == 1


def test_many_workers_at_once_open_one_case(house, review_id):
    def work(_):
        with house.database.begin() as session:
            return open_case(session, review_id, at=house.clock.now(), rulebooks=house.rulebooks)

    with ThreadPoolExecutor(8) as workers:
        made = [case for case in workers.map(work, range(24)) if case is not None]

    assert len(made) == 1
    assert count(house) == 1
    assert [event.move for event in events(house, made[0].number)] == ["open", "dispatch"]


def test_a_worker_that_dies_half_way_leaves_the_review_to_the_next(house, review_id):
    def work():
        with house.database.begin() as session:
            open_case(session, review_id, at=house.clock.now(), rulebooks=house.rulebooks)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work()
    with house.database.begin() as session:
        assert unrouted_review_ids(session, 10) == [review_id]

    with house.database.begin() as session:
        assert open_case(session, review_id, at=house.clock.now(), rulebooks=house.rulebooks) is not None
    assert count(house) == 1


def count(house):
    with house.database.begin() as session:
        return session.scalar(select(func.count()).select_from(Case))


def test_the_desks_card_carries_the_desks_own_time_limit(house):
    number = opened(house, department="没有这个单位", item="没有这个事项")

    (card, *_) = messages(house, kind="to_dispatch")
    (stay,) = due_times(house, number)

    assert stay.stage == "dispatch"
    assert ["时限", f"{stay.due_at.astimezone(CHINA):%m-%d %H:%M}"] in card.body["rows"]
