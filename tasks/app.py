"""The worker's own Celery application and House, built when the worker starts."""

from collections.abc import Callable
from datetime import timedelta
from functools import cache
from typing import Any

from reviewbot.actions.fetch_media import MAX_BYTES
from reviewbot.conversation.turn import Talk
from reviewbot.embedded import settings_of_process
from reviewbot.errors import ChannelError
from reviewbot.logs import configure_logs
from reviewbot.queue import TaskName, make_celery
from reviewbot.wiring import House, build_house
from tasks.schedule import beat_schedule

settings = settings_of_process()
configure_logs(settings.log_format)
app = make_celery(settings)
app.conf.beat_schedule = beat_schedule(settings.sweep_seconds)
app.conf.beat_schedule_filename = str(settings.data_dir / "beat")
app.conf.include = ["tasks.work"]


def task(name: TaskName) -> Callable[[Callable[..., None]], Any]:
    """Under the name that everybody rings."""
    return app.task(name=name.value)  # type: ignore[no-any-return]


@cache
def house() -> House:
    """One House for each worker process; built on first use, after the pool has forked."""
    return build_house(settings)


@cache
def talk() -> Talk:
    """What answering a callback needs, from the House."""
    home = house()
    told = home.settings.wecom
    return Talk(
        database=home.database,
        now=home.clock.now,
        rulebooks=home.rulebooks,
        address=home.settings.address,
        folder=home.settings.data_dir,
        focus=timedelta(minutes=told.focus_minutes),
        choice=timedelta(hours=told.choice_hours),
    )


def download(media_id: str) -> tuple[bytes, str]:
    """A file that WeCom keeps for us. Raises ChannelError."""
    client = house().wecom
    if client is None:
        raise ChannelError("未配置企业微信", permanent=True)
    media = client.download_media(media_id, MAX_BYTES)
    return media.data, media.filename
