"""The processes of one system, started and stopped together: web, worker, beat, the simulator in a demo."""

import errno
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from reviewbot.errors import SettingError, Unavailable
from reviewbot.queue import DEFAULT, DELIVERY, SLOW
from reviewbot.settings import ROOT, Settings

GRACE_SECONDS = 20


class Processes:
    """Children that live as long as their parent; one that dies is started again."""

    def __init__(self, settings: Settings) -> None:
        self._logs = settings.data_dir / "logs"
        self._logs.mkdir(parents=True, exist_ok=True)
        # Children learn the embedded servers' addresses; everything else they read as we did.
        self._environment = os.environ | {
            "REVIEWBOT_DATABASE_URL": settings.database_url,
            "REVIEWBOT_REDIS_URL": settings.redis_url,
        }
        self._commands: dict[str, list[str]] = {}
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, *command: str, to_file: bool = False, **environment: str) -> None:
        """Start ``python -m command…`` under a name; ``to_file`` keeps its output in the data folder."""
        self._environment |= environment
        self._commands[name] = [sys.executable, "-m", *command]
        out = (self._logs / f"{name}.log").open("ab") if to_file else None
        self._running[name] = subprocess.Popen(  # noqa: S603 - our own interpreter and modules
            self._commands[name],
            env=self._environment,
            cwd=ROOT,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
        if out:
            out.close()

    def pid(self, name: str) -> int:
        return self._running[name].pid

    def restart_dead(self, *, to_file: bool = False) -> list[str]:
        """Start again whatever has died; their names."""
        dead = [name for name, child in self._running.items() if child.poll() is not None]
        for name in dead:
            self.start(name, *self._commands[name][2:], to_file=to_file)
        return dead

    def stop(self) -> None:
        """Ask every child to finish its work, then end what is left."""
        for child in self._running.values():
            if child.poll() is None:
                child.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + GRACE_SECONDS
        for child in self._running.values():
            try:
                child.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
        self._running.clear()


def web_command(settings: Settings) -> list[str]:
    host, _, port = settings.bind.rpartition(":")
    return [
        "uvicorn", "reviewbot.web.serve:app", "--host", host, "--port", port,
        "--no-access-log", "--log-level", "warning", "--timeout-graceful-shutdown", "10",
    ]  # fmt: skip


def worker_command(settings: Settings) -> list[str]:
    """Works what people wait for: new reviews, replies, due times."""
    return _celery_worker(settings.workers, "worker", DEFAULT)


def sender_command(settings: Settings) -> list[str]:
    """Works what waits for others, so that it cannot keep the worker from its own (R11)."""
    return _celery_worker(settings.senders, "sender", DELIVERY, SLOW)


def _celery_worker(processes: int, name: str, *queues: str) -> list[str]:
    return [
        "celery", "-A", "tasks", "worker", "--loglevel", "WARNING", "--concurrency", str(processes),
        "--without-gossip", "--without-mingle", "--queues", ",".join(queues), "--hostname", f"{name}@%h",
    ]  # fmt: skip


def beat_command(settings: Settings) -> list[str]:
    return ["celery", "-A", "tasks", "beat", "--loglevel", "WARNING", "--pidfile", "",
            "--schedule", str(Path(settings.data_dir) / "beat")]  # fmt: skip


def free_port_or_fail(bind: str) -> None:
    """A taken port stops the start with one line, not with a child that dies again and again."""
    host, _, port = bind.rpartition(":")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, int(port)))
        except OSError as wrong:
            if wrong.errno == errno.EADDRINUSE:
                raise Unavailable(f"地址 {bind} 已被占用，请用 REVIEWBOT_BIND 换一个端口。") from None
            raise SettingError(f"设置 REVIEWBOT_BIND 不对：{bind} 不能监听（{wrong.strerror}）") from None
