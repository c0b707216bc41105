"""A server that is away for a while costs time, never a review, a case or a message."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
import requests
from fault_stage import AGENT, KEYS, Recorder, bad_reviews, free_port, push, secret_of, serving, staff
from pydantic import SecretStr
from sqlalchemy import select, update

from reviewbot.actions.deliver_messages import deliver_messages
from reviewbot.actions.open_case import open_case
from reviewbot.clock import Clock
from reviewbot.models.message import Message
from reviewbot.outbox import owe
from reviewbot.queries.cases import unrouted_review_ids
from reviewbot.queries.counts import intake_balance
from reviewbot.rules.notices import Facts, new_case
from reviewbot.settings import Settings
from reviewbot.web.app import create_app
from reviewbot.wiring import House, build_house

HANDLER = staff()[0]


@pytest.fixture
def wecom_port() -> int:
    return free_port()


@pytest.fixture
def wired(settings: Settings, clock: Clock, wecom_port: int) -> Iterator[House]:
    """A House whose WeCom is expected on a port of this machine, with one card owed to the handler."""
    told = settings.wecom.model_copy(
        update={
            **KEYS,
            "agent_id": AGENT,
            "base_url": f"http://127.0.0.1:{wecom_port}",
            "secret": SecretStr(KEYS["secret"]),
            "callback_aes_key": SecretStr(KEYS["callback_aes_key"]),
        }
    )
    built = replace(build_house(settings.model_copy(update={"wecom": told})), clock=clock)
    facts = Facts("A1000", 1, "社保卡申领", "社保局", "待签收", clock.now(), "/cases/A1000")
    with built.database.begin() as session:
        body = new_case(facts) | {"serial": 1, "kind": "new_case"}
        owe(session, key="A1000-new", kind="new_case", userid=HANDLER, body=body, at=clock.now())
    yield built
    built.database.dispose()


def the_message(house: House) -> Message:
    with house.database.begin() as session:
        return session.scalars(select(Message)).one()


def pretend(house: House, **facts: Any) -> None:
    """Put the message into the state that a fault leaves behind; its waiting time has passed."""
    with house.database.begin() as session:
        past = datetime.now(UTC) - timedelta(seconds=1)
        session.execute(update(Message).values(next_try_at=past, **facts))


def deliver(house: House) -> int:
    return deliver_messages(house.database, house.channels, at=house.clock.now())


# Redis


@pytest.mark.parametrize("kind", ["closed", "silent"])
def test_a_webhook_is_answered_while_redis_is_away_and_the_sweep_opens_the_cases_later(
    settings: Settings, clock: Clock, silent_port: int, kind: str
) -> None:
    port = silent_port if kind == "silent" else free_port()
    away = settings.model_copy(update={"redis_url": f"redis://127.0.0.1:{port}/0"})
    house = replace(build_house(away), clock=clock)
    took = []

    with serving(create_app(house)) as address:
        for seed in (1, 2):
            began = time.monotonic()
            answer = push(address, bad_reviews(seed, 3), secret_of(settings))
            took.append(time.monotonic() - began)
            assert answer.status_code == 202

    assert max(took) < 5
    with house.database.begin() as session:
        waiting = unrouted_review_ids(session, 200)
    assert len(waiting) == 6
    for review_id in waiting:
        with house.database.begin() as session:
            open_case(session, review_id, at=clock.now(), rulebooks=house.rulebooks)
    with house.database.begin() as session:
        balance = intake_balance(session, clock.now())
    assert balance.adds_up
    assert (balance.cases, balance.unrouted) == (6, 0)
    house.database.dispose()


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        yield listener.getsockname()[1]


# WeCom


def test_a_message_stays_owed_with_a_reason_while_wecom_is_away_and_goes_out_when_it_is_back(
    wired: House, wecom_port: int
) -> None:
    before = datetime.now(UTC)

    assert deliver(wired) == 1

    owed = the_message(wired)
    assert (owed.state, owed.attempts) == ("owed", 1)
    assert owed.reason == "无法连接企业微信"
    assert owed.next_try_at > before + timedelta(seconds=1)
    assert deliver(wired) == 0  # its time has not come

    pretend(wired)
    wecom = Recorder([HANDLER])
    with serving(wecom, wecom_port):
        assert deliver(wired) == 1

    sent = the_message(wired)
    assert (sent.state, sent.reason, sent.attempts) == ("sent", None, 2)
    assert sent.msgid
    assert sent.response_code
    assert len(wecom.phone(HANDLER)) == 1


def test_a_message_whose_sender_died_is_sent_again_with_the_same_bytes_and_shown_once(
    wired: House, wecom_port: int
) -> None:
    wecom = Recorder([HANDLER])
    with serving(wecom, wecom_port):
        deliver(wired)
        first = the_message(wired)
        # The platform took it, the sender died before it could say so, the lease ran out.
        pretend(wired, state="sending", msgid=None, response_code=None, sent_at=None)

        assert deliver(wired) == 1

    again = the_message(wired)
    assert len(wecom.bodies) == 2
    assert wecom.bodies[0] == wecom.bodies[1]
    assert json.loads(wecom.bodies[0])["enable_duplicate_check"] == 1
    assert len(wecom.phone(HANDLER)) == 1
    assert again.state == "sent"
    assert (again.msgid, again.response_code) == (first.msgid, first.response_code)


def test_a_message_that_is_being_sent_is_left_to_its_sender_until_the_lease_has_run_out(
    wired: House, wecom_port: int
) -> None:
    with wired.database.begin() as session:
        lease = datetime.now(UTC) + timedelta(seconds=60)
        session.execute(update(Message).values(state="sending", next_try_at=lease))

    assert deliver(wired) == 0

    assert the_message(wired).state == "sending"


def test_a_message_to_somebody_whom_the_platform_does_not_know_is_suppressed_with_a_reason(
    wired: House, wecom_port: int
) -> None:
    wecom = Recorder(["somebody-else"])
    with serving(wecom, wecom_port):
        assert deliver(wired) == 1
        assert deliver(wired) == 1  # what the head of the unit, or the desk, is told in its place
        assert deliver(wired) == 0

    with wired.database.begin() as session:
        message, *others = session.scalars(select(Message).order_by(Message.id))
    assert (message.state, message.kind) == ("suppressed", "new_case")
    assert message.reason
    assert {(one.kind, one.state) for one in others} == {("unreached", "suppressed")}
    assert HANDLER not in {one.userid for one in others}
    assert len(wecom.bodies) == 2


def test_a_message_waits_while_redis_which_keeps_the_token_is_away(wired: House, wecom_port: int) -> None:
    told = wired.settings.model_copy(update={"redis_url": f"redis://127.0.0.1:{free_port()}/0"})
    house = replace(build_house(told), clock=wired.clock)
    with serving(Recorder([HANDLER]), wecom_port):
        assert deliver(house) == 0

    message = the_message(house)
    assert (message.state, message.attempts) == ("owed", 0)
    assert message.reason
    assert message.next_try_at > datetime.now(UTC)
    house.database.dispose()


# PostgreSQL


def administer(settings: Settings) -> tuple[str, psycopg.Connection]:
    """The name of this test's database, and a connection to another one."""
    before, _, after = settings.database_url.partition("?")
    server, _, name = before.rpartition("/")
    return name, psycopg.connect(f"{server}/postgres?{after}", autocommit=True)


def drop_connections(settings: Settings) -> int:
    """End every connection to the database of this test, as a restart of the server does."""
    name, connection = administer(settings)
    with connection as admin:
        ended = admin.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = %s", [name]
        ).fetchone()
    assert ended
    return ended[0]


def allow_connections(settings: Settings, *, allowed: bool) -> None:
    name, connection = administer(settings)
    with connection as admin:
        admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS {str(allowed).lower()}')


def test_connections_cut_while_senders_push_cost_at_most_a_503_and_nothing_is_lost_or_doubled(
    house: House, settings: Settings
) -> None:
    records = bad_reviews(4, 200)
    statuses: list[int] = []
    unanswered: list[dict[str, Any]] = []

    def sender(address: str, part: list[dict[str, Any]]) -> None:
        for record in part:
            answer = push(address, [record], secret_of(settings))
            statuses.append(answer.status_code)
            if answer.status_code != 202:
                unanswered.append(record)

    with serving(create_app(house)) as address:
        senders = [threading.Thread(target=sender, args=(address, records[one::4])) for one in range(4)]
        for one in senders:
            one.start()
        cut = 0
        while any(one.is_alive() for one in senders):
            cut += drop_connections(settings)
        for one in senders:
            one.join()
        assert cut
        assert set(statuses) <= {202, 503}

        if unanswered:
            assert push(address, unanswered, secret_of(settings)).status_code == 202
        assert requests.get(address + "/readyz", timeout=30).status_code == 200

    with house.database.begin() as session:
        balance = intake_balance(session, house.clock.now())
    assert balance.adds_up
    assert balance.reviews == len(records)


def test_a_web_without_its_database_says_503_with_retry_after_and_works_again_by_itself(
    house: House, settings: Settings
) -> None:
    with serving(create_app(house)) as address:
        assert push(address, bad_reviews(5, 1), secret_of(settings)).status_code == 202
        allow_connections(settings, allowed=False)
        drop_connections(settings)

        away = [
            push(address, bad_reviews(6, 1), secret_of(settings)),
            requests.get(address + "/readyz", timeout=30),
            requests.get(
                address + "/api/v1/cases", headers={"Authorization": "Bearer rbt_unknown"}, timeout=30
            ),
        ]
        assert [answer.status_code for answer in away] == [503, 503, 503]
        assert all(answer.headers["retry-after"] for answer in away)
        assert requests.get(address + "/healthz", timeout=30).status_code == 200

        allow_connections(settings, allowed=True)
        assert push(address, bad_reviews(6, 1), secret_of(settings)).json()[0]["result"] == "accepted"
        assert requests.get(address + "/readyz", timeout=30).status_code == 200
