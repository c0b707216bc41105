"""``reviewbot up``: web, workers and timer, restarted when they die, until somebody stops them."""

import signal
import time
from collections.abc import Callable

from reviewbot.commands.base import console, plainly, prepare
from reviewbot.commands.processes import (
    Processes,
    beat_command,
    free_port_or_fail,
    sender_command,
    web_command,
    worker_command,
)
from reviewbot.embedded import start_embedded, stop_embedded
from reviewbot.logs import configure_logs
from reviewbot.settings import load_settings


@plainly
def up() -> None:
    """启动网页、工作进程和定时器；没有配置地址的 PostgreSQL、Redis 用内置的。"""
    settings = load_settings()
    free_port_or_fail(settings.bind)
    settings = start_embedded(settings)
    configure_logs(settings.log_format)
    prepare(settings, start=True).database.dispose()
    children = Processes(settings)
    try:
        children.start("web", *web_command(settings))
        children.start("worker", *worker_command(settings))
        children.start("sender", *sender_command(settings))
        children.start("beat", *beat_command(settings))
        console.print(f"网页：{settings.address}　（Ctrl-C 停止）")
        stopping = _on_signals()
        while not stopping():
            time.sleep(0.5)
            children.restart_dead()
    finally:
        children.stop()
        stop_embedded(settings.data_dir)


def _on_signals() -> Callable[[], bool]:
    """A question that turns true once somebody asked the process to stop."""
    asked: list[int] = []
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda number, _: asked.append(number))
    return lambda: bool(asked)
