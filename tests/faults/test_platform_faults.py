"""Q1, Q2, Q8, Q13, Q14 on our side of the wire: what the platform does wrong costs time, and nothing else."""

import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import pytest
import redis
import requests
from case_kit import events, handler_of, opened
from fault_stage import AGENT, KEYS, Recorder, free_port, serving, staff, wait_for
from pydantic import SecretStr
from sqlalchemy import select, update

from reviewbot.actions.deliver_messages import deliver_messages
from reviewbot.clock import Clock
from reviewbot.conversation.answer import answer_callback
from reviewbot.conversation.turn import Talk
from reviewbot.inbox import waiting
from reviewbot.models.message import InboxItem, Message
from reviewbot.outbox import owe
from reviewbot.rules.notices import text
from reviewbot.settings import Settings
from reviewbot.simulator.doors.programs import PORTAL
from reviewbot.web.app import create_app
from reviewbot.wiring import House, build_house

SOMEBODY, ANOTHER = staff()[:2]


@pytest.fixture
def house_of(settings: Settings, clock: Clock) -> Iterator[Callable[..., House]]:
    """A house whose WeCom is at an address."""
    built: list[House] = []

    def build(address: str, **changes: Any) -> House:
        told = {**KEYS, "agent_id": AGENT, "base_url": address, "timeout_seconds": 1.0, **changes}
        told |= {name: SecretStr(told[name]) for name in ("secret", "callback_aes_key")}
        wecom = settings.wecom.model_copy(update=told)
        house = build_house(settings.model_copy(update={"wecom": wecom}))
        built.append(replace(house, clock=clock, ring=lambda *_: None))
        return built[-1]

    yield build
    for house in built:
        house.database.dispose()


def owing(house: House, count: int = 1) -> None:
    with house.database.begin() as session:
        for number in range(count):
            body = text(f"第 {number} 条")
            owe(session, key=f"n{number}", kind="reply", userid=SOMEBODY, body=body, at=house.clock.now())


def deliver(house: House) -> None:
    while deliver_messages(house.database, house.channels, at=house.clock.now()):
        pass


def the_messages(house: House) -> list[Message]:
    with house.database.begin() as session:
        return list(session.scalars(select(Message).order_by(Message.id)))


def let_time_pass(house: House) -> None:
    """Every pause is over, every lease has run out."""
    with redis.Redis.from_url(house.settings.redis_url) as store:
        store.flushall()
    with house.database.begin() as session:
        session.execute(update(Message).values(next_try_at=datetime.now(UTC) - timedelta(seconds=1)))


def switch(address: str, **quirks: Any) -> None:
    assert requests.post(f"{address}/sim/quirks", json=quirks, timeout=10).status_code == 200


# Q1, Q2, Q8: what the platform does to our calls


@dataclass(frozen=True)
class Fault:
    """``quirks`` of the platform, or ``ours``: settings that are wrong. ``gateway``: the query is lost on the way."""

    quirks: dict[str, Any]
    ours: dict[str, Any]
    gateway: bool = False
    before: int = 0
    """So many messages got through before, so that the token is there."""


def _switched(**quirks: Any) -> Fault:
    return Fault(quirks, {})


FAULTS = {
    "q01-gettoken-hangs": _switched(gettoken_fault="hang", hang_seconds=3),
    "q01-gettoken-502": _switched(gettoken_fault="502"),
    "q01-gettoken-html-200": _switched(gettoken_fault="html"),
    "q01-45009-gettoken-blocked": Fault({"block_gettoken_after": 1, "kill_token_every": 1}, {}),
    "q01-40001-wrong-secret": Fault({}, {"secret": "guessed-secret-of-nobody"}),
    "q01-40013-wrong-corp": Fault({}, {"corp_id": "wwanother0000001"}),
    "q01-41002-no-corp": Fault({}, {"corp_id": ""}),
    "q01-41004-no-secret": Fault({}, {"secret": ""}),
    "q02-40014-killed-tokens": _switched(kill_token_every=1, dead_token_errcode=40014),
    "q02-42001-killed-tokens": _switched(kill_token_every=1, dead_token_errcode=42001),
    "q02-301002-other-application": Fault({}, {"agent_id": AGENT + 1}),
    "q02-41001-token-lost": Fault({}, {}, gateway=True),
    "q08-busy": Fault({"busy_rate": 1.0}, {}, before=1),
    "q08-45033-crowded": Fault({"burst": 1000, "burst_every": 0}, {}, before=1),
    "q08-45009-day-quota": Fault({"day_quota": 1}, {}, before=1),
    "q08-html-200": Fault({"html_rate": 1.0}, {}, before=1),
}


class LosesQueries:
    """A gateway that passes a call on without what stands behind the question mark."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self.loses = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        lost = self.loses and scope["type"] == "http" and scope["path"].endswith("/message/send")
        await self._app({**scope, "query_string": b""} if lost else scope, receive, send)


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_of_the_platform_costs_time_and_nothing_secret_leaves(
    name: str,
    house_of: Callable[..., House],
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    fault, platform = FAULTS[name], Recorder([SOMEBODY])
    caplog.set_level(logging.DEBUG, "urllib3")
    wire = LosesQueries(platform)
    with serving(wire) as address:
        good = house_of(address)
        wronged = house_of(address, **fault.ours)
        owing(good, fault.before)
        deliver(good)
        owing(good, fault.before + 1)
        before = platform.calls.copy()
        switch(address, **fault.quirks)
        wire.loses = fault.gateway

        deliver(wronged)

        *_, message = the_messages(good)
        assert message.state == "owed", message.reason
        assert message.reason
        assert len(platform.phone(SOMEBODY)) == fault.before
        made = platform.calls - before
        assert made["message/send"] <= 2
        assert made["gettoken"] <= 2  # a cold one, and one for the rejected token (W2)
        said = "".join(capfd.readouterr()) + caplog.text + message.reason
        secrets = [KEYS["secret"], "guessed-secret-of-nobody", *platform.app.state.platform.tokens._tokens]
        assert [secret for secret in secrets if secret in said] == []
        assert PORTAL not in said

        wire.loses = False
        usual = requests.get(f"{address}/sim/status", timeout=10).json()["usual"]
        switch(address, **{one: usual[one] for one in fault.quirks})
        let_time_pass(good)
        deliver(good)

    assert {one.state for one in the_messages(good)} == {"sent"}
    assert len(platform.phone(SOMEBODY)) == fault.before + 1


def test_q08_what_arrives_after_our_patience_is_sent_again_to_the_byte_and_arrives_once(
    house_of: Callable[..., House],
) -> None:
    platform = Recorder([SOMEBODY])
    with serving(platform) as address:
        house = house_of(address)
        owing(house)
        switch(address, late_rate=1.0, late_seconds=1.6)
        deliver(house)
        (message,) = the_messages(house)
        assert (message.state, bool(message.unsure_since)) == ("owed", True)
        assert len(platform.phone(SOMEBODY)) == 1

        switch(address, late_rate=0)
        let_time_pass(house)
        deliver(house)

    (message,) = the_messages(house)
    assert message.state == "sent"
    assert len(platform.bodies) > 1
    assert len(set(platform.bodies)) == 1
    assert len(platform.phone(SOMEBODY)) == 1


def test_q08_what_the_platform_would_drop_without_a_word_is_never_sent(
    house_of: Callable[..., House],
) -> None:
    platform = Recorder([SOMEBODY])
    with serving(platform) as address:
        house = house_of(address)
        owing(house, 40)
        deliver(house)

    states = [one.state for one in the_messages(house)]
    assert platform.app.state.platform.counts["dropped_by_rate"] == 0
    assert states.count("sent") == len(platform.phone(SOMEBODY)) == house.settings.wecom.per_minute
    assert states.count("owed") == 40 - house.settings.wecom.per_minute


# Q13, Q14: how the platform pushes


class Gateway:
    """Between the platform and our door: it may hold an answer back, or answer the first tries itself."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self.holds = 0.0
        self.refuses = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and self.refuses > 0:
            self.refuses -= 1
            await send({"type": "http.response.start", "status": 502, "headers": [(b"content-length", b"0")]})
            return await send({"type": "http.response.body", "body": b""})

        async def later(part: Any) -> None:
            if part["type"] == "http.response.start" and self.holds:
                await anyio.sleep(self.holds)
            await send(part)

        return await self._app(scope, receive, later)


@dataclass(frozen=True)
class Town:
    """Our door on a port, the platform on another, and its phones."""

    house: House
    phones: str
    gateway: Gateway

    def act(self, userid: str, what: str, **body: Any) -> bool:
        answer = requests.post(f"{self.phones}/sim/phones/{userid}/{what}", json=body, timeout=60)
        return bool(answer.json()["delivered"])

    def stored(self) -> list[InboxItem]:
        with self.house.database.begin() as session:
            return list(session.scalars(select(InboxItem).order_by(InboxItem.id)))

    def work(self) -> None:
        """Answer everything that waits."""
        talk = Talk(
            database=self.house.database, now=self.house.clock.now, rulebooks=self.house.rulebooks,
            folder=self.house.settings.data_dir, focus=timedelta(0), choice=timedelta(hours=24),
        )  # fmt: skip
        with self.house.database.begin() as session:
            items = waiting(session, 1000)
        for item in items:
            answer_callback(talk, item)
        assert {item.state for item in self.stored()} == {"done"}

    def replies(self) -> list[Message]:
        return [one for one in the_messages(self.house) if one.kind == "reply"]

    def signatures(self, number: str) -> int:
        return [one.move for one in events(self.house, number)].count("sign")

    def cards(self, userid: str) -> list[tuple[str, str]]:
        """(task_id, key of 签收) of the cards on a phone."""
        shown = requests.get(f"{self.phones}/sim/phones/{userid}/messages", timeout=10).json()["messages"]
        return [
            (one["task_id"], button["key"])
            for one in shown for button in one["content"].get("button_list") or () if button["text"] == "签收"
        ]  # fmt: skip


@pytest.fixture
def town(house_of: Callable[..., House]) -> Callable[..., Any]:
    @contextmanager
    def build(**quirks: Any) -> Iterator[Town]:
        port = free_port()
        platform = Recorder(staff(), f"http://127.0.0.1:{port}/wecom/callback")
        with serving(platform) as phones:
            house = house_of(phones)
            gateway = Gateway(create_app(house))
            with serving(gateway, port):
                switch(phones, **quirks)
                yield Town(house, phones, gateway)

    return build


@pytest.mark.parametrize("overlaps", [False, True], ids=["hung-up", "overlapping"])
@pytest.mark.parametrize("fresh", [False, True], ids=["same-ciphertext", "fresh-ciphertext"])
def test_q13_three_tries_of_what_was_answered_too_late_have_one_effect(
    town: Any, fresh: bool, overlaps: bool
) -> None:
    with town(callback_timeout_seconds=0.4, retry_fresh_ciphertext=fresh, retry_overlaps=overlaps) as there:
        number = opened(there.house)
        there.gateway.holds = 0.9

        delivered = there.act(handler_of(there.house, number), "text", content=f"签收 {number}")

        log = requests.get(f"{there.phones}/sim/requests?path=callback", timeout=10).json()["requests"]
        assert (delivered, [row["attempt"] for row in log]) == (False, [1, 2, 3])
        wait_for("the push is stored", there.stored)
        there.work()
        assert len(there.stored()) == 1
        assert there.signatures(number) == 1
        assert len(there.replies()) == 1


def test_q13_a_try_that_a_gateway_refused_is_made_good_by_the_next(town: Any) -> None:
    with town() as there:
        number = opened(there.house)
        there.gateway.refuses = 2

        assert there.act(handler_of(there.house, number), "text", content=f"签收 {number}")

        there.work()
        assert len(there.stored()) == 1
        assert there.signatures(number) == 1


def test_q14_two_presses_in_one_second_are_two_and_each_has_its_effect(town: Any) -> None:
    with town(create_time_step=86_400) as there:
        mine = [opened(there.house)]
        handler = handler_of(there.house, mine[0])
        while len(mine) < 2:
            mine += [number for number in [opened(there.house)] if handler_of(there.house, number) == handler]
        deliver(there.house)
        for task_id, key in there.cards(handler):
            assert there.act(handler, "press", task_id=task_id, key=key)
        there.work()

        assert [there.signatures(number) for number in mine] == [1, 1]


def test_q14_one_msgid_of_two_members_is_answered_to_both(town: Any) -> None:
    with town(shared_msg_id=True) as there:
        for userid in (SOMEBODY, ANOTHER):
            assert there.act(userid, "text", content="我的待办")
        there.work()

        assert {one.userid for one in there.replies()} == {SOMEBODY, ANOTHER}
        assert len({item.key.rpartition(":")[2] for item in there.stored()}) == 1


def test_q14_minutes_late_and_thrice_is_one_effect(town: Any) -> None:
    with town(callback_hold_seconds=300, callback_copies=3) as there:
        number = opened(there.house)
        handler, done = handler_of(there.house, number), []
        saying = threading.Thread(
            target=lambda: done.append(there.act(handler, "text", content=f"签收 {number}"))
        )
        saying.start()
        assert there.stored() == []
        phone = f"{there.phones}/sim/phones/{handler}/messages"
        wait_for("it is said", lambda: requests.get(phone, timeout=10).json()["messages"])
        requests.post(f"{there.phones}/sim/clock", json={"advance": 301}, timeout=10).raise_for_status()
        saying.join(30)

        there.work()
        assert done == [True]
        assert len(there.stored()) == 1
        assert there.signatures(number) == 1


def test_q14_a_crowd_at_once_thrice_and_out_of_order_is_taken_once_each(town: Any) -> None:
    with town(callback_copies=3, callback_reorder=0.3) as there:
        asked = {"count": 25, "content": "帮助"}
        told = requests.post(f"{there.phones}/sim/crowd", json=asked, timeout=120).json()
        with ThreadPoolExecutor(8) as people:
            list(people.map(lambda one: there.act(one, "text", content="我的待办"), staff()[:8]))
        wait_for("everything has come", lambda: len(there.stored()) == told["acts"] + 8)
        there.work()

        assert told["delivered"] == told["acts"] == 25
        assert len(there.replies()) == told["acts"] + 8
