"""WeCom's pace and daily quota, across real processes: W3, W13."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from reviewbot.settings import ROOT
from reviewbot.wecom.errors import Kind, WeComError
from reviewbot.wecom.health import WeComHealth
from reviewbot.wecom.pace import Pace

WORKERS = """
import json, os, sys
from pathlib import Path
import redis
from reviewbot.wecom import messages
from reviewbot.wecom.client import WeComClient
from reviewbot.wecom.connection import Access
from reviewbot.wecom.errors import WeComError, load_error_table
from reviewbot.wecom.pace import Pace

told = json.loads(sys.argv[1])
start, go = os.pipe()


def work(name):
    store = redis.Redis(unix_socket_path=told["redis"])
    client = WeComClient(
        Access(told["url"]), corp_id=told["corp"], agent_id=1000002, secret=told["secret"], redis=store,
        error_table=load_error_table(Path("config/wecom_errors.toml")),
    )
    pace, done = Pace(store, client.health), 0
    os.close(go)
    os.read(start, 1)  # returns for all at once, when the parent lets go of the other end
    for number in range(told["each"]):
        try:
            pace.take(["zhangsan"])
        except WeComError:
            continue
        client.send(messages.encode(messages.text(1000002, ["zhangsan"], f"{name}-{number}")))
        done += 1
    os.write(1, f"{done}\\n".encode())


children = []
for name in range(told["count"]):
    if not (pid := os.fork()):
        try:
            work(name)
        finally:
            os._exit(0)
    children.append(pid)
os.close(go)
for pid in children:
    os.waitpid(pid, 0)
"""


def workers(count, **told):
    """Real processes with nothing in common but Redis, let go at one moment; what each of them sent."""
    done = subprocess.run(
        [sys.executable, "-c", WORKERS, json.dumps(told | {"count": count})],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    results = [int(line) for line in done.stdout.split()]
    assert len(results) == count, done.stderr
    return results


def test_w03_fifty_cold_processes_make_one_gettoken(fake, redis_socket, store, secret):
    sent = workers(50, url=fake.url, redis=redis_socket, corp="wwcold", secret=secret, each=1)

    assert fake.count("gettoken") == 1
    assert fake.count("message/send") == sum(sent) == 25  # and no more to one member in a minute (W13)


def test_w13_four_processes_together_keep_the_pace_of_one_member(fake, redis_socket, store, secret):
    sent = workers(4, url=fake.url, redis=redis_socket, corp="wwpace", secret=secret, each=15)

    assert sum(sent) == 25


@pytest.fixture
def health(store):
    return WeComHealth(store, "test", quota=0)


def waits(pace, *userids):
    with pytest.raises(WeComError) as caught:
        pace.take(userids)
    assert (caught.value.kind, caught.value.tried) == (Kind.parked, False)
    return caught.value


def test_w13_the_wait_ends_when_the_oldest_of_the_minute_is_a_minute_old(store, health):
    pace = Pace(store, health, per_minute=3)
    for _ in range(3):
        pace.take(["a"])

    assert 55 < waits(pace, "A").retry_after <= 60
    grow_old(store, health, 58)
    assert waits(pace, "a").retry_after <= 2
    grow_old(store, health, 3)
    pace.take(["a"])


def grow_old(store, health, seconds):
    for key in store.keys(health.prefix + "pace:*"):
        store.zadd(
            key,
            {member: score - seconds * 1000 for member, score in store.zrange(key, 0, -1, withscores=True)},
        )


def test_w13_an_hour_has_a_limit_of_its_own(store, health):
    pace = Pace(store, health, per_minute=100, per_hour=5)
    for _ in range(5):
        pace.take(["a"])
        grow_old(store, health, 300)

    assert 3600 - 5 * 300 - 5 < waits(pace, "a").retry_after <= 3600 - 5 * 300
    pace.take(["b"])


def test_w13_a_message_to_many_waits_for_the_slowest_and_counts_for_nobody_meanwhile(store, health):
    pace = Pace(store, health, per_minute=1)
    pace.take(["a"])

    waits(pace, "a", "b")

    pace.take(["b"])
    waits(pace, "b")


def test_w13_the_days_quota_is_counted_by_persons_warned_of_at_four_fifths_and_never_exceeded(store):
    health = WeComHealth(store, "quota", quota=10)
    pace = Pace(store, health)
    people = [f"m{number}" for number in range(7)]

    pace.take(people)
    assert health.facts().alerts == []
    pace.take(["x"])
    assert "八成" in health.facts().alerts[0].sentence
    assert "今日消息" in waits(pace, "a", "b", "c").sentence
    pace.take(["a", "b"])

    assert waits(pace, "c").away
    assert health.is_spent()
    assert health.facts().sent_today == 10


def test_w13_two_threads_never_get_the_last_place_both(store, health):
    pace = Pace(store, health, per_minute=20)

    def take(_):
        try:
            pace.take(["a"])
        except WeComError:
            return 0
        return 1

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(take, range(60))) == 20
