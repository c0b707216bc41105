"""Celery, kept to this file: the application, the names of its tasks, and the doorbell."""

from enum import StrEnum
from typing import Any

import structlog
from celery import Celery
from kombu.entity import Queue
from kombu.exceptions import OperationalError

from reviewbot.settings import Settings

DEFAULT, DELIVERY, SLOW = "reviewbot", "reviewbot.delivery", "reviewbot.slow"
"""A queue for what people wait for, one for what waits for WeCom, one for what reads a lot (R11): neither a
flood of messages nor a report keeps a review or a reply waiting."""
log = structlog.get_logger()


class TaskName(StrEnum):
    """Every task by name, so that a move of code never orphans a queued message."""

    ROUTE = "reviewbot.route"
    DELIVER = "reviewbot.deliver"
    ANSWER = "reviewbot.answer"
    DEADLINES = "reviewbot.deadlines"
    SWEEP = "reviewbot.sweep"
    PROBLEMS = "reviewbot.problems"
    RECALLS = "reviewbot.recalls"
    CONTACTS = "reviewbot.contacts"
    DIRECTORY = "reviewbot.directory"
    CARDS = "reviewbot.cards"
    ERASE = "reviewbot.erase"
    MORNING = "reviewbot.morning"
    MEDIA = "reviewbot.media"
    FILES = "reviewbot.files"


QUEUES = {
    TaskName.DELIVER: DELIVERY,
    TaskName.PROBLEMS: SLOW,
    TaskName.RECALLS: SLOW,
    TaskName.FILES: SLOW,
}
"""Every other task waits in ``DEFAULT``."""


def make_celery(settings: Settings) -> Celery:
    """The application. Tasks are idempotent by row state, so late acknowledgement is safe."""
    url = settings.redis_url
    app = Celery("reviewbot", broker=url.replace("unix://", "redis+socket://", 1))
    app.conf.update(
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_ignore_result=True,
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        broker_connection_retry_on_startup=True,
        broker_transport_options={
            "visibility_timeout": 120,
            "socket_timeout": 5,
            "socket_connect_timeout": 2,
        },
        task_default_queue=DEFAULT,
        task_queues=[Queue(name, routing_key=name) for name in (DEFAULT, DELIVERY, SLOW)],  # type: ignore[no-untyped-call]
        task_routes={name.value: {"queue": queue} for name, queue in QUEUES.items()},
        timezone="Asia/Shanghai",
    )
    return app


class Doorbell:
    """Rings a task by name. A bell that cannot ring loses nothing: the sweep finds the row (law: T4)."""

    def __init__(self, app: Celery) -> None:
        self._app = app
        # Somebody waits for an answer behind the bell; left alone, kombu tries for six seconds.
        app.conf.broker_transport_options |= {
            "socket_timeout": 1, "socket_connect_timeout": 1,
            "max_retries": 1, "interval_start": 0, "interval_step": 0.1, "interval_max": 0.1,
        }  # fmt: skip

    def ring(self, name: str, *args: Any) -> None:
        try:
            self._app.send_task(name, args=args, retry=False, expires=300)
        except (OperationalError, OSError) as wrong:
            log.warning(
                "doorbell is silent; the sweep will find the row", task=name, why=type(wrong).__name__
            )
