"""Bring a database to the newest schema; used at start, in tests and by ``alembic check``."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from psycopg.errors import LockNotAvailable
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError

MIGRATIONS = Path(__file__).resolve().parent / "migrations"
_LOCK = 727_433_001


def migrate(engine: Engine, *, tries: int = 60) -> None:
    """Run every migration that is missing; processes that start together wait for one another.

    Workers run on meanwhile (R12): behind a table lock that is waited for, every later statement queues up. So a lock
    that is not to be had within a second is given up, and the migration begins again when they have gone by.
    """
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": _LOCK})
        connection.commit()
        try:
            while not _upgraded(connection, last=tries <= 1):
                tries -= 1
        finally:
            connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": _LOCK})
            connection.commit()


def _upgraded(connection: Connection, *, last: bool) -> bool:
    """Whether it went through; False where a lock was not to be had, which is an error only at the ``last`` try."""
    try:
        connection.execute(text("SET LOCAL lock_timeout = '1s'"))
        command.upgrade(alembic_config(connection), "head")
        connection.commit()
    except OperationalError as wrong:
        connection.rollback()
        if last or not isinstance(wrong.orig, LockNotAvailable):
            raise
        return False
    return True


def alembic_config(connection: object) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config
