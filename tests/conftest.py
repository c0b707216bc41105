"""Shared fixtures: a real PostgreSQL and Redis from the wheels; each test has its own database and an empty Redis."""

import base64
import itertools
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis
from sqlalchemy.orm import Session

from reviewbot.actions.load_city import load_city
from reviewbot.actions.take_rules import take_first_calendar, take_policy
from reviewbot.clock import Clock
from reviewbot.database.schema import migrate
from reviewbot.database.session import Database
from reviewbot.embedded import start_embedded, stop_embedded
from reviewbot.settings import ROOT, Settings, load_settings
from reviewbot.wiring import House, build_house, rule_files

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef01234567").decode()
DATA = Path(__file__).parent / "data"
_serial = itertools.count(1)


class StandingClock(Clock):
    """A clock that stands until a test moves it; Monday 2026-11-30 09:00 in China. In UTC, like the real one: whoever
    forgets China's offset is found."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 11, 30, 1, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment.astimezone(UTC)


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("REVIEWBOT_"):
            monkeypatch.delenv(name)


@pytest.fixture
def picture() -> Callable[[Any, str], None]:
    """Keeps a screenshot of a page to look at, where the environment variable SCREENSHOTS names a folder."""

    def keep(page: Any, name: str) -> None:
        if folder := os.environ.get("SCREENSHOTS"):
            page.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=True)

    return keep


@pytest.fixture(scope="session")
def servers() -> Iterator[Settings]:
    """Embedded PostgreSQL and Redis, once for each test process."""
    with tempfile.TemporaryDirectory(prefix="rb", ignore_cleanup_errors=True) as folder:
        settings = start_embedded(load_settings(data_dir=Path(folder)))
        _trade_safety_for_speed(settings.database_url)
        template = _new_database(settings.database_url, f"template_{os.getpid()}")
        database = Database(template)
        migrate(database.engine)
        with database.begin() as session:
            load_city(session, ROOT / "config" / "city" / "demo", at=datetime(2026, 11, 1, tzinfo=UTC))
            _take_rules(session, settings)
        database.dispose()
        yield settings.model_copy(update={"secret_key": settings.secret_key})
        stop_embedded(settings.data_dir)


def _take_rules(session: Session, settings: Settings) -> None:
    """The shipped rules, in force since the day they name."""
    files, since = rule_files(settings), datetime(2026, 11, 1, tzinfo=UTC)
    take_policy(session, files.policy, at=since)
    take_first_calendar(session, files.national, files.local, at=since)


@pytest.fixture
def settings(servers: Settings, tmp_path: Path) -> Iterator[Settings]:
    """Settings of one test: a fresh copy of the migrated database with the demonstration city in it, dropped after it;
    some thousand copies would fill a disk."""
    name = f"test_{os.getpid()}_{next(_serial)}"
    url = _new_database(servers.database_url, name, template=f"template_{os.getpid()}")
    (tmp_path / "data").mkdir()
    with redis.Redis.from_url(servers.redis_url) as store:
        store.flushall()  # tokens, rations and replays of the test before are not of this town
    sources = {source: {"secret": SECRET} for source in ("standard", "province_a")}
    fresh = load_settings(sources=sources, data_dir=tmp_path / "data")
    yield fresh.model_copy(update={"database_url": url, "redis_url": servers.redis_url})
    with psycopg.connect(servers.database_url, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


@pytest.fixture
def house(settings: Settings, clock: StandingClock) -> Iterator[House]:
    """A House on a standing clock whose doorbell only remembers: tests work the rows themselves."""
    built = replace(build_house(settings), clock=clock, ring=Rung())
    yield built
    built.database.dispose()


class Rung:
    """Remembers which tasks were rung."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def __call__(self, name: str, *args: Any) -> None:
        self.names.append(str(name))


def _trade_safety_for_speed(url: str) -> None:
    """Nothing here has to survive a power cut; the last checkpoint over all test databases took half a minute, and the
    log of their making a gigabyte."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET max_wal_size = '128MB'")
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            connection.execute(f"ALTER SYSTEM SET {setting} = off")
        connection.execute("SELECT pg_reload_conf()")


def _new_database(url: str, name: str, *, template: str = "template1") -> str:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    return url.replace("/postgres?", f"/{name}?")
