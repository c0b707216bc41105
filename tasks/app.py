"""The worker's own Celery application and House, built when the worker starts."""

from datetime import timedelta
from functools import cache

from reviewbot.conversation.answer import MAX_PHOTO
from reviewbot.conversation.turn import Talk
from reviewbot.embedded import start_embedded
from reviewbot.logs import configure_logs
from reviewbot.queue import make_celery
from reviewbot.settings import load_settings
from reviewbot.wiring import House, build_house
from tasks.schedule import beat_schedule

settings = start_embedded(load_settings())
configure_logs(settings.log_format)
app = make_celery(settings)
app.conf.beat_schedule = beat_schedule(settings.sweep_seconds)
app.conf.beat_schedule_filename = str(settings.data_dir / "beat")
app.conf.include = ["tasks.work"]


@cache
def house() -> House:
    """One House for each worker process; built on first use, after the pool has forked."""
    return build_house(settings)


@cache
def talk() -> Talk:
    """What answering a callback needs, from the House."""
    home = house()

    def download(media_id: str) -> tuple[bytes, str]:
        if home.wecom is None:
            return b"", ""
        media = home.wecom.download_media(media_id, MAX_PHOTO)
        return media.data, media.filename

    return Talk(
        database=home.database,
        now=home.clock.now,
        rulebooks=home.rulebooks,
        address=home.settings.address,
        folder=home.settings.data_dir,
        focus=timedelta(minutes=home.settings.wecom.focus_minutes),
        download=download if home.wecom else None,
    )
