"""晨报: once, when the office opens on a working day, to who is there, only where something waits."""

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from case_kit import (
    DESK,
    FOREIGN_HEAD,
    HEAD,
    SUPERVISOR,
    awaiting_approval,
    closed,
    handler_of,
    messages,
    move,
    opened,
    verifying,
    viewer,
)
from hypothesis import given
from hypothesis import strategies as st
from rules_kit import today

from reviewbot.actions.delegate import delegate
from reviewbot.actions.tell_morning import tell_morning
from reviewbot.clock import CHINA
from reviewbot.queries.directory import staff_by_userid
from reviewbot.rules.morning import (
    City,
    Desk,
    Mine,
    Unit,
    city_lines,
    desk_lines,
    mine_lines,
    morning_text,
    unit_lines,
)

OPENING = datetime(2026, 12, 7, 8, 30, tzinfo=CHINA)
"""A Monday: what was dispatched on 2026-11-30 is due on it at 17:30."""


def tell(house, at=OPENING, **rules):
    house.clock.moment = at
    rulebook = today(house)
    if rules:
        policy = rulebook.policy
        rulebook = replace(rulebook, policy=replace(policy, morning=replace(policy.morning, **rules)))
    with house.database.begin() as session:
        return tell_morning(session, now=at, rulebook=rulebook)


def told(house):
    return {row.userid: row.body["content"] for row in messages(house, kind="morning")}


def test_each_role_is_told_what_waits_for_it(house):
    mine, waits = verifying(house), awaiting_approval(house)
    undispatched = opened(house, department=None, item=None)
    assert closed(house)
    tell(house)

    found = told(house)
    assert f"今日到期 1：{mine}" in found[handler_of(house, mine)]
    head = found[HEAD]
    assert "社保局：" in head
    assert f"待审核 1：{waits}" in head
    assert f"下一个工作日前到期 2：{mine}、{waits}" in head
    assert f"待派单 1：{undispatched}" in found[DESK]
    city = found[SUPERVISOR]
    assert "在办 3，超期 1：派单台 1" in city
    assert "本月差评整改率 —（0/0）（整改 0 / 解释 0）" in city
    assert all("晨报 2026-12-07" in words for words in found.values())
    assert not any("欧阳" in words or "138" in words for words in found.values())


def test_a_monday_tells_of_the_weekend_and_a_tuesday_of_yesterday(house):
    opened(house)  # received on Monday 2026-11-30
    tell(house, datetime(2026, 12, 1, 9, 0, tzinfo=CHINA))
    assert "昨日（11-30）收到评价 1，差评 1" in told(house)[SUPERVISOR]
    tell(house)
    assert (
        "12-04 至 12-06收到评价 0，差评 0"
        in messages(house, kind="morning", userid=SUPERVISOR)[-1].body["content"]
    )


def test_who_has_nothing_gets_nothing(house):
    assert tell(house) == 0
    assert told(house) == {}
    number = opened(house)
    tell(house, OPENING + timedelta(days=1))
    assert {handler_of(house, number), SUPERVISOR} <= set(told(house))
    assert not {HEAD, FOREIGN_HEAD, DESK} & set(told(house))  # nothing due before Wednesday evening


@pytest.mark.parametrize(
    ("at", "people"),
    [
        (datetime(2026, 12, 7, 8, 29, tzinfo=CHINA), False),
        (datetime(2026, 12, 7, 8, 30, tzinfo=CHINA), True),
        (datetime(2026, 12, 7, 17, 30, tzinfo=CHINA), False),
        (datetime(2026, 12, 5, 9, 0, tzinfo=CHINA), False),  # a Saturday
        (datetime(2026, 10, 1, 9, 0, tzinfo=CHINA), False),  # a Thursday, and a holiday
    ],
)
def test_it_goes_by_the_working_calendar(house, at, people):
    opened(house)
    assert bool(tell(house, at)) is people


def test_it_is_told_once_a_day_to_each(house):
    opened(house)
    first = tell(house)
    assert first
    assert tell(house, OPENING + timedelta(hours=2)) == 0
    assert len(messages(house, kind="morning")) == first == len(told(house))
    assert tell(house, OPENING + timedelta(days=1)) >= first


def test_two_workers_at_once_tell_once(house):
    opened(house)
    house.clock.moment = OPENING
    with house.database.begin() as one:
        assert tell_morning(one, now=OPENING, rulebook=today(house))
    with house.database.begin() as two:
        assert tell_morning(two, now=OPENING, rulebook=today(house)) == 0


def test_the_hour_and_the_roles_are_settings(house):
    number = opened(house)
    assert tell(house, after_minutes=10) == 0
    assert tell(house, OPENING + timedelta(minutes=10), after_minutes=10, roles=frozenset({"head"}))
    assert set(told(house)) == {HEAD}
    assert handler_of(house, number) not in told(house)


def test_whoever_is_away_is_told_of_by_his_delegate(house):
    number = verifying(house)
    absent = handler_of(house, number)
    with house.database.begin() as session:
        person, head = staff_by_userid(session, absent), staff_by_userid(session, HEAD)
        delegate(
            session,
            person,
            head,
            date(2026, 12, 7),
            date(2026, 12, 8),
            "外出",
            viewer(house, absent),
            at=OPENING,
        )
        name = person.name
    tell(house)
    found = told(house)
    assert absent not in found
    assert f"含代 {name}" in found[HEAD]
    assert f"今日到期 1：{number}" in found[HEAD]


def test_a_decision_already_given_waits_for_him_no_more(house):
    number = verifying(house)
    move(house, handler_of(house, number), "request_extension", number, days=3, remark="需核对数据")
    tell(house, datetime(2026, 12, 1, 9, 0, tzinfo=CHINA))
    assert f"待您决定 1：{number}" in told(house)[SUPERVISOR]


numbers = st.lists(st.from_regex("[A-Z][0-9]{4}", fullmatch=True), max_size=300)


@given(numbers, numbers, numbers, st.integers(0, 999))
def test_a_digest_fits_one_message_and_counts_what_it_names(one, two, three, count):
    lines = mine_lines(Mine(one, two, three)) + unit_lines(Unit("社保局", one, two, three))
    lines += desk_lines(Desk(one, two, count))
    lines += city_lines(
        City(date(2026, 12, 4), date(2026, 12, 6), count, count, count, count, count,
             [("社保局", count)] * len(one), count, count, count, "—（0/0）", "整改 0 / 解释 0"), two,
    )  # fmt: skip
    content = morning_text(date(2026, 12, 7), lines, ["李敏"])
    assert len(content.encode()) <= 2048
    if one:
        assert f"今日到期 {len(one)}：" in content


def test_a_quiet_city_is_no_news():
    quiet = City(date(2026, 12, 4), date(2026, 12, 6), 0, 0, 0, 0, 0, [], 0, 0, 0, "—（0/0）", "")
    assert city_lines(quiet, []) == []
    assert city_lines(quiet, ["A1000"])
    assert unit_lines(Unit("社保局")) == []
