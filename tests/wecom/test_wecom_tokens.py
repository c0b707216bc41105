"""W3 on a real Redis: one gettoken whatever the number of workers."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from reviewbot.wecom.errors import Kind, WeComError
from reviewbot.wecom.tokens import Grant, TokenStore, lifetime


def store_for(connection, url="http://h", corp="corp", secret="s" * 10 + "1"):
    return TokenStore(connection, url, corp, secret)


def workers(number, work):
    gate = threading.Barrier(number)
    with ThreadPoolExecutor(number) as pool:
        return list(pool.map(lambda _: (gate.wait(5), work())[1], range(number)))


def slow_fetch(calls, token):
    def fetch():
        calls.append(1)
        time.sleep(0.1)
        return Grant(token, 60)

    return fetch


def test_w03_fifty_cold_workers_make_one_gettoken(store):
    calls = []

    tokens = workers(50, lambda: store_for(store).token(slow_fetch(calls, "T1")))

    assert set(tokens) == {"T1"}
    assert len(calls) == 1


def test_w03_twelve_workers_with_the_same_rejected_token_make_one_gettoken(store):
    store_for(store).store(Grant("OLD", 60))
    calls = []

    tokens = workers(12, lambda: store_for(store).token(slow_fetch(calls, "NEW"), rejected="OLD"))

    assert set(tokens) == {"NEW"}
    assert len(calls) == 1


def test_w03_a_token_somebody_else_has_renewed_is_taken(store):
    store_for(store).store(Grant("NEW", 60))

    assert store_for(store).token(lambda: pytest.fail("not needed"), rejected="OLD") == "NEW"


def test_w03_key_depends_on_host_corp_and_whole_secret_and_shows_none(store):
    keys = {
        store_for(store).key,
        store_for(store, secret="s" * 10 + "2").key,
        store_for(store, url="http://other").key,
        store_for(store, corp="corp2").key,
    }

    assert len(keys) == 4
    assert not any("s" * 10 in key for key in keys)


def test_w03_token_and_lock_both_end_by_themselves(store):
    tokens = store_for(store)
    seen = []

    def fetch():
        seen.append(store.ttl(f"{tokens.key}:lock"))
        return Grant("T", 60)

    tokens.token(fetch)

    assert 0 < seen[0] <= 30
    assert 0 < store.ttl(tokens.key) <= 60
    assert store.get(f"{tokens.key}:lock") is None


def test_w03_a_lock_that_is_no_longer_ours_is_left_alone(store):
    tokens = store_for(store)

    def fetch():
        store.set(f"{tokens.key}:lock", "somebody else")
        return Grant("T", 60)

    tokens.token(fetch)

    assert store.get(f"{tokens.key}:lock") == b"somebody else"


def test_w03_waiting_for_a_stuck_owner_ends(store):
    tokens = store_for(store)
    store.set(f"{tokens.key}:lock", "stuck")

    with pytest.raises(WeComError) as caught:
        tokens.token(lambda: Grant("T", 60), wait_seconds=0.2)

    assert caught.value.kind is Kind.parked


def test_w03_a_failed_gettoken_frees_the_lock(store):
    tokens = store_for(store)

    def fetch():
        raise WeComError("x", kind=Kind.config)

    with pytest.raises(WeComError):
        tokens.token(fetch)

    assert tokens.token(lambda: Grant("T", 60)) == "T"


def test_redis_away_is_a_retry_without_context(tmp_path):
    away = redis.Redis(unix_socket_path=str(tmp_path / "none.sock"), retry=Retry(NoBackoff(), 0))

    with pytest.raises(WeComError) as caught:
        store_for(away).token(lambda: Grant("T", 60))

    assert caught.value.kind is Kind.parked
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    ("given", "kept"), [(7200, 6900), ("7200", 6900), (None, 6900), (30, 60), (-5, 60), (10**9, 86400)]
)
def test_w04_lifetime(given, kept):
    assert lifetime(given) == kept


def test_w07_a_grant_does_not_show_its_token():
    assert "TOKEN" not in repr(Grant("TOKEN", 60))
