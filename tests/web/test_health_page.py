"""W26: one look at everything, told alike by the page, the doctor and /metrics, each sign with what to do."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
import redis
from case_kit import HEAD, SUPERVISOR, messages, opened, verifying
from page_kit import Browser, enter
from sqlalchemy import select, update
from starlette.applications import Starlette

from reviewbot.actions.deliver_messages import deliver_messages
from reviewbot.actions.note_contact import note_platform_event
from reviewbot.commands.doctor import check_system
from reviewbot.inbox import take
from reviewbot.models.contacts import Contact
from reviewbot.models.message import Message
from reviewbot.models.people import Staff
from reviewbot.queries.contacts import contact_of
from reviewbot.queries.directory import staff_by_userid
from reviewbot.vitals import Level, look
from reviewbot.web.app import create_app
from reviewbot.web.pages import page_routes
from reviewbot.wecom.errors import Kind, WeComError
from reviewbot.wecom.health import WeComHealth


class WeCom:
    """Signs in by the code; its health is real, in a real Redis."""

    def __init__(self, health):
        self.health = health

    def oauth_userid(self, code):
        return code

    def check(self):
        self.health.token_fetched()


@pytest.fixture
def health(settings):
    store = redis.Redis.from_url(settings.redis_url)
    store.delete(*(store.keys("wecom:tests:*") or ["none"]))
    return WeComHealth(store, "tests", quota=1000)


@pytest.fixture
def wired(house, health):
    told = house.settings.wecom.model_copy(
        update={"base_url": "http://127.0.0.1:9", "corp_id": "ww1", "agent_id": 7}
    )
    return replace(
        house, settings=house.settings.model_copy(update={"wecom": told}), wecom=cast(Any, WeCom(health))
    )


@pytest.fixture
def browser(wired):
    app = Starlette(routes=page_routes())
    app.state.house = wired
    return Browser(app)


def signs(house):
    return {sign.key: sign for sign in look(house)}


def sent(house, userid, count, *, days_ago):
    """So many messages were taken for him."""
    with house.database.begin() as session:
        for place in range(count):
            at = house.clock.now() - timedelta(days=days_ago, minutes=-place)
            session.add(
                Message(
                    key=f"m-{userid}-{days_ago}-{place}", kind="new_case", userid=userid.upper(), channel="wecom",
                    body={"type": "text", "content": "x"}, state="sent", attempts=1, created_at=at, sent_at=at,
                    next_try_at=at,
                )
            )  # fmt: skip


def seen(house, userid, *, days_ago):
    with house.database.begin() as session:
        one = contact_of(session, staff_by_userid(session, userid))
        one.seen_at = house.clock.now() - timedelta(days=days_ago)


class Refusing:
    """A channel that answers every message as told."""

    def __init__(self, wrong=None, *, undelivered=False):
        self.wrong, self.undelivered, self.msgid, self.response_code = wrong, undelivered, "M1", None

    def room(self):
        return None

    def deliver(self, receiver, body, message_id, /):
        if self.wrong:
            raise self.wrong
        return self


def test_only_supervisors_and_administrators_see_it_and_every_bad_line_says_what_to_do(browser, wired):
    enter(browser, HEAD)
    assert browser.get("/health").status_code == 403
    enter(browser, SUPERVISOR)
    page = browser.get("/health")

    assert page.status_code == 200
    assert all(sign.advice for sign in look(wired) if sign.level is not Level.GOOD)
    for sign in look(wired):
        assert sign.what.split("（")[0][:12] in page.text


def test_w26_an_address_that_is_not_allowed_is_on_every_page_in_the_doctor_and_in_the_metrics(
    browser, wired, health
):
    health.alert("60020", "本机地址不在企业可信IP名单内（60020，本机出口地址 203.0.113.9）")
    enter(browser, SUPERVISOR)

    assert "203.0.113.9" in browser.get("/cases").text
    assert "企业可信IP”，约 1 分钟后生效" in browser.get("/health").text
    enter(browser, HEAD)
    assert "203.0.113.9" not in browser.get("/cases").text
    web = Browser(create_app(wired, page_routes()))
    assert 'reviewbot_health{sign="alert:60020"} 2.0' in web.get("/metrics").text
    # The doctor asks for a token himself; this one does not mend what was said afterwards.
    wired.wecom.check = lambda: None
    found = [one for one in check_system(wired) if "203.0.113.9" in one.what]
    assert [(one.good, "企业可信IP" in one.advice) for one in found] == [(False, True)]

    health.token_fetched()

    assert "alert:60020" not in signs(wired)


def test_w26_a_closed_gate_is_told_until_it_opens(wired, health):
    wired.wecom.health._redis.hset(
        health.gate_prefix + "gate:message/send",
        mapping={"kind": "config", "sentence": "应用没有配置回调地址（43012）", "errcode": 43012,
                 "since": time.time(), "until": time.time() + 600},
    )  # fmt: skip
    health.alert("43012", "应用没有配置回调地址（43012）")

    told = signs(wired)

    assert told["gate:message/send"].level is Level.BAD
    assert "接收消息" in told["gate:message/send"].advice
    assert told["alert:43012"].level is Level.BAD


def test_w26_the_platform_switching_the_application_off_is_an_alert_until_it_is_on_again(wired, browser):
    def happened(event):
        with wired.database.begin() as session:
            said = {"close_inactive_agent": "企业微信停用了本应用"}.get(event)
            note_platform_event(session, event, said, at=wired.clock.now())

    for event in ("close_inactive_agent", "close_inactive_agent", "click"):
        happened(event)
    enter(browser, SUPERVISOR)
    assert "停用了本应用" in browser.get("/").text
    assert signs(wired)["alert:close_inactive_agent"].level is Level.BAD

    happened("reopen_inactive_agent")

    assert "alert:close_inactive_agent" not in signs(wired)
    assert "停用了本应用" not in browser.get("/").text


def test_w26_silent_is_who_got_many_messages_for_days_and_gave_no_sign_of_life(wired):
    with wired.database.begin() as session:
        a, b, c, d, e = session.scalars(select(Staff.userid).order_by(Staff.id).limit(5))
    sent(wired, a, 5, days_ago=15)
    sent(wired, b, 5, days_ago=15)
    seen(wired, b, days_ago=1)
    sent(wired, c, 4, days_ago=15)
    sent(wired, d, 6, days_ago=10)
    sent(wired, e, 5, days_ago=20)
    seen(wired, e, days_ago=30)

    told = signs(wired)["silent_members"]

    assert (told.level, told.figure) == (Level.WARN, 2)
    assert "从未打开过应用" in told.lines[1]
    assert "从未" not in told.lines[0]


@pytest.mark.parametrize(
    "channel",
    [
        Refusing(WeComError("接收人全部无效（81013）", kind=Kind.recipient, errcode=81013)),
        Refusing(undelivered=True),
    ],
)
def test_w25_whom_wecom_does_not_reach_is_kept_since_the_first_time_until_one_arrives(wired, channel, clock):
    opened(wired)
    deliver_messages(wired.database, {"wecom": channel}, at=clock.now())

    told = signs(wired)["unreachable_members"]
    assert (told.level, told.figure >= 1) == (Level.WARN, True)
    assert "11-30 09:00 起" in told.lines[0]
    clock.moment += timedelta(hours=1)
    opened(wired)
    with wired.database.begin() as session:
        session.execute(update(Message).where(Message.state == "owed").values(next_try_at=datetime.now(UTC)))
    deliver_messages(wired.database, {"wecom": channel}, at=clock.now())
    assert "11-30 09:00 起" in signs(wired)["unreachable_members"].lines[0]

    with wired.database.begin() as session:
        session.execute(
            update(Message).values(state="owed", next_try_at=datetime.now(UTC) - timedelta(seconds=1))
        )
    while deliver_messages(wired.database, {"wecom": Refusing()}, at=clock.now()):
        pass

    assert signs(wired)["unreachable_members"].level is Level.GOOD
    with wired.database.begin() as session:
        assert session.scalars(select(Contact.staff_id).where(Contact.refused_since.is_not(None))).all() == []


def test_what_waits_too_long_is_bad(wired, clock):
    opened(wired)
    with wired.database.begin() as session:
        take(session, key="k", kind="text", userid="a", body={}, at=clock.now())
    assert signs(wired)["outbox_oldest_seconds"].level is Level.GOOD
    clock.moment += timedelta(minutes=16)

    told = signs(wired)

    assert (told["outbox_oldest_seconds"].level, told["inbox_oldest_seconds"].level) == (Level.BAD, Level.BAD)
    assert told["outbox_oldest_seconds"].figure == 960


def test_a_case_nobody_holds_is_bad_with_its_number(wired):
    number = verifying(wired)
    with wired.database.begin() as session:
        session.execute(update(Staff).values(active=False))

    told = signs(wired)["cases_without_holder"]

    assert (told.level, number in told.what) == (Level.BAD, True)


def test_w25_signing_in_is_a_sign_of_life(wired, browser):
    sent(wired, HEAD, 5, days_ago=15)
    assert signs(wired)["silent_members"].figure == 1

    enter(browser, HEAD)

    assert signs(wired)["silent_members"].level is Level.GOOD
    assert messages(wired, kind="new_case")


def test_what_waits_in_any_of_the_queues_is_counted(wired):
    with redis.Redis.from_url(wired.settings.redis_url) as store:
        for name in ("reviewbot", "reviewbot.delivery", "reviewbot.slow"):
            store.rpush(name, *range(400))

    told = signs(wired)["queue_length"]

    assert (told.figure, told.level) == (1200, Level.WARN)


def test_pauses_and_alerts_of_the_other_platforms_are_told_too_and_apart(wired, settings):
    """Those of the 公众号 and of the address book were seen nowhere while WeCom itself was well or not there."""
    store = redis.Redis.from_url(settings.redis_url)
    contacts = WeComHealth(store, "contacts-of-tests")
    contacts.alert("40001", "通讯录同步密钥不对")
    there = replace(wired, wecom=None, contacts=cast(Any, WeCom(contacts)))

    told = signs(there)

    assert told["alert:contacts-40001"].level is Level.BAD
    assert told["contacts-gates"].level is Level.GOOD
    assert "alert:40001" not in told


def test_without_redis_nobody_says_that_nothing_is_paused(wired):
    """W26: what could not be asked is not well."""
    away = WeCom(WeComHealth(redis.Redis(port=1), "tests", quota=1000))
    there = replace(wired, wecom=cast(Any, away), contacts=cast(Any, away))

    told = signs(there)

    for key in ("gates", "contacts-gates", "token_age_seconds"):
        assert (told[key].level, "无从得知" in told[key].what) == (Level.WARN, True)
    assert not [sign for sign in told.values() if "没有暂停" in sign.what or "今天已发 0" in sign.what]
    assert "无从得知" in " ".join(one.what for one in check_system(there))
