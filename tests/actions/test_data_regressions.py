"""What other products got wrong about data, figures and rights, each by its number in the list of regressions.

Those of clocks and reminders stand in ``test_ladder_regressions``, R20 in ``test_erase_rater``, R17 in
``test_delegates``, R15 in ``test_moves``, R10 in ``test_callback_door``.
"""

import json
import threading
from datetime import UTC, date, datetime, timedelta

import pytest
from alembic import command
from case_kit import (
    DESK,
    HEAD,
    SUPERVISOR,
    call,
    case_of,
    closed,
    conclude,
    due_times,
    handler_of,
    messages,
    move,
    opened,
    opened_all,
    record,
    viewer,
)
from ladder_kit import Carried, Wire
from rules_kit import today
from sqlalchemy import text, update

from reviewbot.actions.create_token import create_token, viewer_of_token
from reviewbot.actions.deliver_messages import deliver_messages
from reviewbot.actions.receive_reviews import Delivery
from reviewbot.actions.report_rates import report_rates
from reviewbot.clock import CHINA
from reviewbot.database.schema import alembic_config, migrate
from reviewbot.errors import ChannelError
from reviewbot.models.message import Message
from reviewbot.models.people import ApiToken
from reviewbot.queries.audit import case_records
from reviewbot.queries.cases import find_case, list_cases
from reviewbot.queries.cohorts import cohort
from reviewbot.queries.pages import cohort_cases
from reviewbot.queries.scope import SYSTEM
from reviewbot.rules.calendar import add_working_hours
from reviewbot.rules.rates import METRICS
from reviewbot.sources.split import split_body
from reviewbot.web.intake import receive_and_commit, to_record


def test_r02_a_limit_swapped_after_a_stay_at_the_desk_counts_from_the_first_dispatch(house, clock):
    """Nothing pauses a clock here; what must survive a swap is the time that has run, wherever the case lay."""
    number = opened(house)
    first = case_of(house, number).dispatched_at
    move(house, handler_of(house, number), "return", number, remark="应由医保分局办理")
    clock.moment += timedelta(days=2)
    move(house, DESK, "dispatch", number, department="MED")
    move(house, handler_of(house, number), "sign", number)
    call(house, number)
    conclude(house, number, complex=True)

    case = case_of(house, number)
    assert case.due_at == today(house).due("handling_complex", first).due_at
    swapped = {due.stage: due.replaced_by for due in due_times(house, number)}
    assert swapped["handling"] == "handling_complex"


def test_r03_working_hours_over_the_national_day_and_its_make_up_saturday_are_counted_right(house):
    """From Wednesday 2026-09-30 16:30 the office has one hour, then eight days off, two days, and Saturday 10-10."""
    start = datetime(2026, 9, 30, 16, 30, tzinfo=CHINA)

    found = add_working_hours(today(house).calendar, start, 1 + 2 * 6.5 + 2)

    assert found.due == datetime(2026, 10, 10, 10, 30, tzinfo=CHINA)
    days = {interval.start.date(): interval.reason for interval in found.intervals if interval.counted}
    assert set(days) == {date(2026, 9, 30), date(2026, 10, 8), date(2026, 10, 9), date(2026, 10, 10)}
    assert days[date(2026, 10, 10)] == "调休上班"


def test_r11_a_report_over_everything_does_not_hold_up_intake(house):
    opened_all(house, [record() for _ in range(30)])
    today = house.clock.now().date()
    with house.database.begin() as reporting:
        report_rates(reporting, SYSTEM, first=today, last=today, now=house.clock.now(), by_department=True)
        assert len(list(case_records(reporting))) == 30
        # the report's transaction is still open
        received = receive_and_commit(house, delivery(house, record()))

    assert [one.result for one in received.results[0]] == ["accepted"]


def delivery(house, *records):
    body = "\n".join(json.dumps(one, ensure_ascii=False) for one in records).encode()
    profile = house.profiles["standard"]
    pieces = split_body(body, max_records=100)
    return Delivery("standard", "webhook", [to_record(house, profile, piece) for piece in pieces])


def _go_back(engine, revision):
    """The schema as an older release left it."""
    with engine.connect() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
        command.upgrade(alembic_config(connection), revision)
        connection.commit()


def test_r12_a_migration_behind_a_long_transaction_does_not_stop_the_workers(house):
    """The table lock it waits for would make every later statement wait behind it."""
    engine = house.database.engine
    _go_back(engine, "0008")
    gone = []
    migrating = threading.Thread(target=lambda: (migrate(engine), gone.append(True)))
    with engine.connect() as long, engine.connect() as watching:
        long.execute(text("SELECT count(*) FROM reviews"))
        migrating.start()
        waits = text("SELECT count(*) FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock'")
        while not watching.scalar(waits):
            watching.rollback()
        with engine.connect() as worker:
            worker.execute(text("SET statement_timeout = '20s'"))
            assert worker.scalar(text("SELECT count(*) FROM reviews")) == 0
        assert not gone
        long.rollback()
        migrating.join(60)
    assert gone == [True]
    assert receive_and_commit(house, delivery(house, record())).bad_review_ids


def test_r12_two_processes_that_start_together_migrate_once(house):
    engine = house.database.engine
    _go_back(engine, "0008")
    starting = [threading.Thread(target=migrate, args=(engine,)) for _ in range(2)]
    for one in starting:
        one.start()
    for one in starting:
        one.join(60)

    assert receive_and_commit(house, delivery(house, record())).bad_review_ids


@pytest.mark.parametrize("metric", [key for key in METRICS if key != "recall_confirmed_rate"])
def test_r13_as_many_cases_stand_behind_a_figure_as_it_says(house, clock, metric):
    for _ in range(3):
        closed(house)
    opened_all(house, [record() for _ in range(4)])
    clock.moment += timedelta(days=20)
    now = house.clock.now()
    first, last = date(2026, 11, 1), date(2026, 12, 31)
    with house.database.begin() as session:
        (row,) = report_rates(session, SYSTEM, first=first, last=last, now=now, metrics=[metric])
        start = datetime(2026, 11, 1, tzinfo=CHINA)
        found = cohort(metric, start, datetime(2027, 1, 1, tzinfo=CHINA), now)
        shown = cohort_cases(session, found, SYSTEM, limit=1_000)

    assert len(shown) == row.figure.denominator


def test_r14_the_last_minute_of_the_year_belongs_to_december_in_china(house, clock):
    clock.moment = datetime(2026, 12, 31, 15, 59, tzinfo=UTC)  # 23:59 in China
    opened(house)
    clock.moment += timedelta(minutes=1)
    opened(house)

    def dispatched(first, last):
        with house.database.begin() as session:
            (row,) = report_rates(
                session, SYSTEM, first=first, last=last, now=house.clock.now(), metrics=["completion_rate"]
            )
        return row.figure.denominator

    assert dispatched(date(2026, 12, 1), date(2026, 12, 31)) == 1
    assert dispatched(date(2027, 1, 1), date(2027, 1, 31)) == 1
    assert dispatched(date(2026, 12, 31), date(2027, 1, 1)) == 2


class OneIsAway(Wire):
    """Carries to everybody but one."""

    away = DESK

    def deliver(self, receiver, body, message_id, /):
        if receiver == self.away:
            raise ChannelError("企业微信暂时不可用", errcode=-1, permanent=False)
        self.carried.append((receiver, body))
        return Carried("id")


def test_r16_one_failed_receiver_among_several_is_tried_again_alone(house):
    opened(house, department="火星局", item="火星移民")
    receivers = {one.userid for one in messages(house, kind="to_dispatch")}
    assert DESK in receivers
    assert len(receivers) > 1
    wire = OneIsAway([])
    deliver_messages(house.database, {"wecom": wire}, at=house.clock.now())
    assert {receiver for receiver, _ in wire.carried} == receivers - {DESK}

    with house.database.begin() as session:
        session.execute(update(Message).values(next_try_at=datetime.now(UTC)))
    again = Wire([])
    deliver_messages(house.database, {"wecom": again}, at=house.clock.now())

    assert [receiver for receiver, _ in again.carried] == [DESK]


def test_r18_whoever_sees_a_case_in_a_list_can_open_it_and_nobody_else_can(house):
    opened_all(house, [record(department=unit) for unit in ("SOC", "MED", "TAX", "SOC")])
    helped = opened(house)
    move(house, handler_of(house, helped), "sign", helped)
    move(house, DESK, "ask_assistance", helped, department="MED", remark="请核对")
    with house.database.begin() as session:
        everything = [record.case.number for record in case_records(session)]
        for userid in (HEAD, SUPERVISOR, DESK, "zengjiabin01", "chenwei01"):
            who = viewer(house, userid)
            listed = {case.number for case in list_cases(session, who, limit=200)}
            opened_ = {number for number in everything if find_case(session, number, who)}
            assert listed == opened_
    assert len(everything) == 5


def test_r19_the_token_shown_is_the_one_that_opens_and_it_is_kept_nowhere(house):
    with house.database.begin() as session:
        shown = create_token(session, "supervisor", "大屏", department=None, at=house.clock.now())

    with house.database.begin() as session:
        assert viewer_of_token(session, shown).name == "大屏"
        assert viewer_of_token(session, shown[:-1]) is None
        kept = session.query(ApiToken).one()
        assert shown not in str(vars(kept))


def test_limits_stored_before_versions_were_kept_know_their_value_their_rule_and_when_they_were_replaced(
    house,
):
    """What the migration makes of the words that an older release stored."""
    engine = house.database.engine
    _go_back(engine, "0010")
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))  # no reviews, no units here
        _insert(connection, "cases", id=1, kind="help", number="A1000")
        for stage, written, replaced in (
            ("handling", "10 工作日", "handling_extended_1"), ("handling_extended_1", "5 工作日", None),
            ("dispatch_1", "4 工作小时", None), ("instruction", "30 自然日", None), ("contact", "1 工作日", None),
        ):  # fmt: skip
            _insert(
                connection,
                "due_times",
                case_id=1,
                round=1,
                stage=stage,
                limit_text=written,
                replaced_by=replaced,
            )
        _insert(connection, "case_events", case_id=1, move="grant_extension", at="2026-12-03 09:00+08")
    migrate(engine)

    with engine.connect() as connection:
        found = connection.execute(
            text(
                "SELECT limit_name, limit_value, limit_unit, replaced_at IS NOT NULL FROM due_times ORDER BY id"
            )
        ).all()
    assert [tuple(row) for row in found] == [
        ("handling_help", 10, "working_day", True), ("extension", 5, "working_day", False),
        ("dispatch", 4, "working_hour", False), ("instruction", 30, "calendar_day", False),
        ("contact", 1, "working_day", False),
    ]  # fmt: skip


def _insert(connection, table, **values):
    """A row with something in every column that must not be empty."""
    columns = connection.execute(
        text(
            "SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = 'public' "
            "AND table_name = :table AND is_nullable = 'NO' AND column_default IS NULL"
        ),
        {"table": table},
    ).all()
    some = {
        "timestamp with time zone": "2026-12-01 09:00+08", "boolean": "false", "jsonb": "[]",
        "ARRAY": "{}", "text": "x",
    }  # fmt: skip
    row = {name: some.get(kind, "1") for name, kind in columns if name != "id"} | values
    names = ", ".join(row)
    marks = ", ".join(f":{name}" for name in row)
    connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({marks})"), row)
