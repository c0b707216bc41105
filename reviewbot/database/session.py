"""One synchronous engine a process, one session a transaction."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from psycopg import Connection
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.orm import Session, sessionmaker


class Database:
    """The engine and its sessions."""

    def __init__(self, url: str, *, pool_size: int = 10) -> None:
        self.engine: Engine = create_engine(
            url.replace("postgresql://", "postgresql+psycopg://", 1),
            pool_size=pool_size,
            max_overflow=10,
            pool_pre_ping=True,
            connect_args={"connect_timeout": 5},
            hide_parameters=True,  # an error is logged whole: names, numbers and words of raters stay out of it
        )
        event.listen(self.engine, "connect", _tell_utc)
        self._sessions = sessionmaker(self.engine, expire_on_commit=False)

    @contextmanager
    def begin(self) -> Iterator[Session]:
        """One transaction: commits at the end, rolls back on any error."""
        with self._sessions.begin() as session:
            yield session

    def dispose(self) -> None:
        self.engine.dispose()


def _tell_utc(connection: Connection[Any], _: object) -> None:
    """Moments come in UTC, as the clock tells them, wherever the server thinks it stands."""
    connection.autocommit = True
    connection.execute("SET TIME ZONE 'UTC'")
    connection.autocommit = False


def database_is_away(wrong: BaseException) -> bool:
    """Whether this error means that the server cannot be reached, rather than that the statement is wrong."""
    if isinstance(wrong, (OperationalError, InterfaceError)):
        return True
    return isinstance(wrong, DBAPIError) and wrong.connection_invalidated
