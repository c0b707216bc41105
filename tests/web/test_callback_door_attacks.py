"""Q17: every attack at both of our doors, over real HTTP: refused without a word, and nothing at all comes of it."""

import base64
import time
from dataclasses import dataclass, replace
from functools import partial

import anyio
import pytest
import redis
from case_kit import handler_of, opened
from door_kit import serving, talk, until
from pydantic import SecretStr
from sqlalchemy import select, text

from reviewbot.actions.settle_contacts import settle_contacts
from reviewbot.conversation.answer import answer_callback
from reviewbot.database.base import Base
from reviewbot.inbox import waiting
from reviewbot.models.message import InboxItem
from reviewbot.simulator.attacks import ATTACKS, fire
from reviewbot.simulator.config import CONTACTS, SimulatorConfig
from reviewbot.simulator.events import event
from reviewbot.simulator.pushing import Exchange, Pusher
from reviewbot.simulator.sealing import Letter
from reviewbot.simulator.times import PlatformClock
from reviewbot.vitals import alarms
from reviewbot.wiring import House, build_house

CORP, AGENT = "ww0123456789abcdef", 1000002
NUMBER = {"callback": AGENT, "contacts": CONTACTS}
KEYS = {
    "callback": ("callbackToken", base64.b64encode(b"an aes key of 32 bytes, exactly!").decode().rstrip("=")),
    "contacts": ("contactsToken", base64.b64encode(b"quite another key of 32 bytes!!!").decode().rstrip("=")),
}
LET_IN = {"stale", "future", "replay"}
"""Rightly signed and sealed: 200, so that an honest repeat is not punished, and no effect (W16, W18)."""


@dataclass(frozen=True)
class Town:
    """A house with a case that waits for its handler's signature, and the platform's hand at its doors."""

    house: House
    url: str
    number: str
    handler: str

    def pusher(self, door: str) -> Pusher:
        token, key = KEYS[door]
        config = SimulatorConfig(
            CORP, (), callback_url=f"{self.url}/wecom/{door}", callback_token=token, callback_aes_key=key
        )
        return Pusher(config, PlatformClock(time.time), lambda *args, **facts: None)

    def told(self) -> list[tuple[str, dict]]:
        """What would have an effect: his own words, a press of his card, and that he has left the corp."""
        make = partial(event, CORP, at=time.time())
        press = {"Event": "template_card_event", "EventKey": f"sign:{self.number}:1", "TaskId": "t1",
                 "CardType": "button_interaction", "ResponseCode": "rc1", "AgentID": AGENT}  # fmt: skip
        left = {"Event": "change_contact", "ChangeType": "delete_user", "UserID": self.handler}
        said = {"Content": f"签收 {self.number}", "MsgId": time.time_ns(), "AgentID": AGENT}
        return [
            ("callback", make(self.handler, kind="text", **said)),
            ("callback", make(self.handler, kind="event", **press)),
            ("contacts", make("sys", kind="event", **left)),
        ]

    def platform_says(self, name: str) -> dict:
        return event(CORP, "sys", time.time(), "event", Event=name, AgentID=AGENT)

    def push(self, pusher: Pusher, door: str, told: dict, *, ago: int = 0) -> Exchange:
        """A genuine push; a replay is made of the last one."""
        encrypted = pusher.app.crypto.encrypt(pusher.app.plaintext(told))
        query = pusher.app.query(encrypted, timestamp=str(int(time.time()) - ago))
        pusher.last = Letter(query, pusher.app.envelope(str(NUMBER[door] or ""), encrypted))
        return self.repeat(pusher)

    def repeat(self, pusher: Pusher) -> Exchange:
        letter = pusher.last
        return anyio.run(partial(pusher.call, "POST", letter.address(pusher.app.callback.url), letter.body))

    def work(self) -> None:
        """Do what the workers do about everything that waits."""
        with self.house.database.begin() as session:
            items = waiting(session, 100)
        for item in items:
            answer_callback(talk(self.house), item)
        with self.house.database.begin() as session:
            settle_contacts(session, at=self.house.clock.now())

    def rows(self) -> dict[str, str]:
        """A print of every table but the inbox, which keeps what came too late."""
        ask = "SELECT md5(coalesce(string_agg(t::text, ' ' ORDER BY t::text), '')) FROM {} AS t"
        with self.house.database.begin() as session:
            names = [table.name for table in Base.metadata.sorted_tables if table.name != "inbox"]
            return {name: session.scalar(text(ask.format(name))) for name in names}

    def inbox(self) -> list[str]:
        with self.house.database.begin() as session:
            return list(session.scalars(select(InboxItem.state).order_by(InboxItem.id)))


def keyed(house, settings, **more):
    told = settings.wecom.model_copy(
        update={"corp_id": CORP, "agent_id": AGENT, "callback_token": KEYS["callback"][0],
                "callback_aes_key": SecretStr(KEYS["callback"][1]), **more}
    )  # fmt: skip
    book = settings.directory.model_copy(
        update={"callback_token": KEYS["contacts"][0], "callback_aes_key": SecretStr(KEYS["contacts"][1])}
    )
    built = build_house(settings.model_copy(update={"wecom": told, "directory": book}))
    return replace(house, crypto=built.crypto, contacts_crypto=built.contacts_crypto, wecom=built.wecom)


def test_w16_what_is_genuine_and_out_of_its_time_is_kept_and_the_operator_hears_of_his_clock(house, settings):
    with serving(keyed(house, settings, base_url="http://127.0.0.1:9")) as url:
        town = Town(keyed(house, settings, base_url="http://127.0.0.1:9"), url, "A1000", "chenwei02")
        for door, told in town.told():
            pusher = town.pusher(door)
            assert town.push(pusher, door, told, ago=3600).status == 200
            assert town.repeat(pusher).status == 200
        closing = town.pusher("callback")
        town.push(closing, "callback", town.platform_says("close_inactive_agent"), ago=3600)

        def alerts():
            return {one.code: one.count for one in town.house.wecom.health.facts().alerts}

        until(lambda: alerts() == {"clock": 4})
    assert town.inbox() == ["kept"] * 4
    assert any("时钟" in said for said in alarms(town.house, []))


@pytest.fixture
def town(house, settings):
    number = opened(house)
    wired = keyed(house, settings)
    with serving(wired) as url:
        yield Town(wired, url, number, handler_of(house, number))


def assert_log_is_silent(town, capfd):
    said = "".join(capfd.readouterr())
    words = [secret for keys in KEYS.values() for secret in keys]
    words += [f"签收 {town.number}", f"sign:{town.number}", "delete_user", "Traceback"]
    assert [word for word in words if word in said] == []
    return said


def test_q17_what_the_attacks_carry_would_have_an_effect_if_it_were_genuine(town):
    """Else all the tests below would pass at a door that never does anything."""
    for door, told in town.told():
        before = town.rows()
        assert town.push(town.pusher(door), door, told).status == 200
        town.work()
        changed = {name for name, print_ in town.rows().items() if before[name] != print_}
        assert changed & {"case_events", "messages", "staff"}


@pytest.mark.parametrize("name", [name for name in ATTACKS if name != "replay"])
def test_q17_an_attack_is_refused_without_a_word_and_nothing_comes_of_it(town, name, capfd):
    before = town.rows()
    for door, told in town.told():
        verdict = anyio.run(partial(fire, town.pusher(door), name, NUMBER[door], told))

        assert verdict.good, verdict
        assert verdict.answer == ""
        wanted = {200} if name in LET_IN else {403, None} if name == "huge" else {403}
        assert verdict.status in wanted
    town.work()

    assert town.rows() == before
    assert set(town.inbox()) == ({"kept"} if name in LET_IN else set())
    assert not town.house.ring.names
    said = assert_log_is_silent(town, capfd)
    if name not in LET_IN:
        said_of = (
            "callback refused" if ATTACKS[name].method == "POST" else "check of the callback address refused"
        )
        assert said.count(said_of) == 3


def test_q17_replay_nothing_comes_of_a_genuine_push_sent_again(town, capfd):
    for door, told in town.told():
        pusher = town.pusher(door)
        assert town.push(pusher, door, told).status == 200
        town.work()
        before, inbox, rung = town.rows(), town.inbox(), len(town.house.ring.names)

        for lost in (False, True):
            if lost:
                redis.Redis.from_url(town.house.settings.redis_url).flushall()
            verdict = anyio.run(partial(fire, pusher, "replay", NUMBER[door], told))
            town.work()

            assert (verdict.good, verdict.status) == (True, 200)
            assert (town.rows(), town.inbox()) == (before, inbox)
        if door == "callback":
            assert len(town.house.ring.names) == rung
    assert_log_is_silent(town, capfd)


def test_q17_replay_of_what_has_meanwhile_become_too_old_has_no_effect_either(town, settings):
    for door, told in town.told():
        pusher = town.pusher(door)
        assert town.push(pusher, door, told, ago=300).status == 200
        town.work()
        before, inbox = town.rows(), town.inbox()
        redis.Redis.from_url(town.house.settings.redis_url).flushall()

        with serving(keyed(town.house, settings, window_seconds=60)) as url:
            later = replace(town, url=url).pusher(door)
            later.last = pusher.last
            done = town.repeat(later)
        town.work()

        assert (done.status, done.body) == (200, b"")
        assert (town.rows(), town.inbox()) == (before, inbox)
