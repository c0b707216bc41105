"""The schema goes back to an older release and forward again over real data, and nothing is lost on the way."""

from datetime import timedelta

import pytest
from alembic import command
from case_kit import (
    DESK,
    SUPERVISOR,
    call,
    case_of,
    closed,
    conclude,
    handler_of,
    move,
    opened,
    photograph,
    verifying,
)
from ladder_kit import sweep
from rules_kit import decree
from sqlalchemy import select, text
from test_calendar_change import STORM, apply, china

from reviewbot.database.base import Base
from reviewbot.database.schema import alembic_config, migrate
from reviewbot.inbox import take
from reviewbot.models.case import Case, DueTime, Evidence, MediaFetch, Safety
from reviewbot.models.chain import append_event
from reviewbot.models.oversight import Card
from reviewbot.queries.directory import staff_by_userid


def everything(house):
    """Every row of every table as it is stored."""
    with house.database.engine.connect() as connection:
        return {
            name: sorted(map(str, connection.scalars(text(f'SELECT to_jsonb(t)::text FROM "{name}" AS t'))))
            for name in Base.metadata.tables
        }


def back_to(house, revision):
    house.database.dispose()
    with house.database.engine.connect() as connection:
        command.downgrade(alembic_config(connection), revision)
        connection.commit()


def keep_media(house, number):
    """A photograph on its way, and one that the scanner refused."""
    photograph(house, handler_of(house, number), number)
    now = house.clock.now()
    with house.database.begin() as session:
        inbox = take(session, key="m1", kind="image", userid="u", body={"media_id": "M"}, at=now)
        staff = staff_by_userid(session, SUPERVISOR)
        session.add(
            MediaFetch(
                inbox_id=inbox, set_id=inbox, staff_id=staff.id, kind="image", media_id="M",
                case_id=case_of(house, number).id, received_at=now, next_try_at=now,
                expires_at=now + timedelta(days=3),
            )
        )  # fmt: skip
        file = session.scalars(text("SELECT id FROM evidence ORDER BY id LIMIT 1")).one()
        evidence = session.get_one(Evidence, file)
        evidence.safety, evidence.finding, evidence.set_id = Safety.INFECTED, "Eicar", inbox


@pytest.fixture
def lived(house, clock):
    """A house with some weeks behind it: versions of rules, replaced limits, a card that came twice, media."""
    decree(house, "2026-12", ("small_below = 5", "small_below = 7"))
    closed(house)
    opened(house)
    concluded = verifying(house)
    call(house, concluded)
    conclude(house, concluded, complex=True)
    extended = verifying(house)
    move(house, handler_of(house, extended), "request_extension", extended, days=2, remark="须现场勘查")
    move(house, SUPERVISOR, "agree", extended)
    clock.moment = china("2026-12-07T17:31")
    sweep(house)
    apply(house, STORM)
    clock.moment = china("2026-12-08T17:31")
    sweep(house)
    keep_media(house, extended)
    return house


@pytest.mark.parametrize("revision", ["0012", "0010"])
def test_a_schema_that_goes_back_and_forward_again_loses_nothing(lived, revision):
    before = everything(lived)
    with lived.database.begin() as session:
        cards = session.scalars(text("SELECT colour FROM cards WHERE colour = 'yellow'")).all()
    assert len(cards) > 1
    assert before["media_fetches"]

    back_to(lived, revision)
    with lived.database.engine.connect() as connection:
        if revision == "0010":
            limits = set(connection.scalars(text("SELECT limit_text FROM due_times")))
            assert {"1 工作日", "5 工作日"} <= limits
            kept = text("SELECT count(*), count(DISTINCT (due_time_id, colour)) FROM cards")
            assert len(set(connection.execute(kept).one())) == 1
        assert connection.scalar(text("SELECT to_regclass('media_fetches')")) is None
    migrate(lived.database.engine)

    assert everything(lived) == before
    with lived.database.engine.connect() as connection:
        command.check(alembic_config(connection))
        assert connection.scalar(text("SELECT to_regnamespace('kept')")) is None
    with lived.database.begin() as session:  # serials count on
        session.add(Card(**{
            name: getattr(session.get_one(Card, 1), name)
            for name in ("case_id", "due_time_id", "department_id", "colour", "reason", "issued_at")
        } | {"withdrawn_at": lived.clock.now()}))  # fmt: skip
        keep_another(session)


def test_what_passed_at_the_desk_before_this_release_presses_the_unit_after_it(house, clock):
    """An older release marked cards and letters as done while no unit had the case, and pressed nobody after that."""
    number = opened(house)
    move(house, handler_of(house, number), "return", number, remark="应由医保分局办理")
    clock.moment = china("2026-12-15T09:00")
    sweep(house)
    with house.database.begin() as session:
        case = session.get_one(Case, case_of(house, number).id)
        for due in session.scalars(select(DueTime).where(DueTime.stage == "handling")):
            due.rungs_done = ["before", "half", "overdue", "yellow", "red", "letter"]
        for rung in ("yellow", "red", "letter"):
            append_event(
                session, case, at=clock.moment, actor="system", actor_name="系统", move="mark_overdue",
                before=case.status.value, remark="办理仍未办理",
                data={"stage": "handling", "rung": rung, "round": 1},
            )  # fmt: skip
    move(house, DESK, "dispatch", number, department="MED")
    since = case_of(house, number).held_since
    back_to(house, "0019")
    migrate(house.database.engine)

    assert case_of(house, number).held_since == since
    sweep(house)
    clock.moment = china("2026-12-31T09:00")
    sweep(house)
    with house.database.begin() as session:
        assert set(session.scalars(select(Card.colour))) == {"yellow", "red"}


def keep_another(session):
    fetch = session.get_one(MediaFetch, 1)
    inbox = take(session, key="m2", kind="image", userid="u", body={}, at=fetch.received_at)
    session.add(
        MediaFetch(
            inbox_id=inbox, set_id=inbox, staff_id=fetch.staff_id, kind="image", media_id="N",
            received_at=fetch.received_at, next_try_at=fetch.received_at, expires_at=fetch.expires_at,
        )
    )  # fmt: skip
