"""What every command stands on: a prepared House, errors as one line, one console."""

import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import structlog
import typer
from rich.console import Console
from rich.table import Column, Table
from sqlalchemy.exc import DBAPIError

from reviewbot.actions.load_city import city_is_empty, load_city
from reviewbot.actions.take_rules import take_first_calendar, take_policy
from reviewbot.database.schema import migrate
from reviewbot.database.session import database_is_away
from reviewbot.embedded import start_embedded, stop_embedded
from reviewbot.errors import InvalidInput, ReviewbotError
from reviewbot.logs import configure_logs
from reviewbot.models.policy import CalendarVersion
from reviewbot.queries.rulebooks import applied_calendar, policy_versions
from reviewbot.settings import Settings, load_settings
from reviewbot.wiring import House, build_house, rule_files

PIPE_COLUMNS = 1_000
"""In a pipe or a file there is no edge to fold lines at."""
console = Console(width=None if sys.stdout.isatty() else PIPE_COLUMNS)
_errors = Console(stderr=True, soft_wrap=True)
"""One mistake, one line, however narrow the terminal."""
log = structlog.get_logger()
DATABASE_AWAY = "数据库连不上，请检查 REVIEWBOT_DATABASE_URL。"


def new_table(*headings: str, title: str | None = None, caption: str | None = None) -> Table:
    """A table that folds what is too wide for the terminal; Rich would cut names off with an ellipsis."""
    return Table(*(Column(heading, overflow="fold") for heading in headings), title=title, caption=caption)


def plainly(command: Callable[..., Any]) -> Callable[..., Any]:
    """An expected error ends a command with its one line, not with a traceback."""

    @wraps(command)
    def run(*args: Any, **options: Any) -> Any:
        try:
            return command(*args, **options)
        except ReviewbotError as wrong:
            _errors.print(wrong.sentence, style="red", markup=False, highlight=False)
            raise typer.Exit(2 if wrong.code == "setting" else 1) from None
        except DBAPIError as wrong:
            if not database_is_away(wrong):
                raise
            _errors.print(DATABASE_AWAY, style="red", highlight=False)
            raise typer.Exit(1) from None

    return run


@contextmanager
def prepared() -> Iterator[House]:
    """A House over a database with the newest schema, rules and a city; no start, so that no new policy is taken."""
    with opened() as house:
        bring_up(house, start=False)
        yield house


@contextmanager
def opened() -> Iterator[House]:
    """A House whose servers run, whatever stands in them; those that this command started end with it."""
    settings = start_embedded(load_settings())
    configure_logs(settings.log_format)
    # By itself a request to end would leave the servers behind.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    house = build_house(settings)
    try:
        yield house
    finally:
        house.database.dispose()
        stop_embedded(settings.data_dir)


def into_new(folder: Path, write: Callable[[Path], None]) -> list[str]:
    """Files written into a folder that has none of their names; the names. Raises InvalidInput where it has: what
    somebody edited is never written over."""
    with TemporaryDirectory(prefix="reviewbot-") as made:
        write(Path(made))
        names = sorted(path.name for path in Path(made).iterdir())
        if there := [name for name in names if (folder / name).exists()]:
            raise InvalidInput(f"{folder} 中已有 {'、'.join(there)}，没有改动任何文件；请换一个文件夹。")
        folder.mkdir(parents=True, exist_ok=True)
        for name in names:
            shutil.copyfile(Path(made) / name, folder / name)
    return names


def prepare(settings: Settings, *, start: bool) -> House:
    """``start``: whether a new version in the policy file is taken now; the first ones always are."""
    house = build_house(settings)
    bring_up(house, start=start)
    return house


def bring_up(house: House, *, start: bool) -> None:
    """The newest schema, rules and a city; ``start`` as for ``prepare``."""
    migrate(house.database.engine)
    _take_rules(house, start=start)
    with house.database.begin() as session:
        if city_is_empty(session):
            load_city(session, house.settings.city, at=house.clock.now())


def _take_rules(house: House, *, start: bool) -> None:
    """A new policy decides over new cases alone and is taken; a changed calendar would move due times that people
    were told, so that it waits for somebody to apply it (B2)."""
    files, now = rule_files(house.settings), house.clock.now()
    with house.database.begin() as session:
        if (start or not policy_versions(session)) and take_policy(session, files.policy, at=now):
            log.info("policy taken", versions=[row.version for row in policy_versions(session)])
        take_first_calendar(session, files.national, files.local, at=now)
        kept = session.get_one(CalendarVersion, applied_calendar(session))
        if (kept.national, kept.local) != (files.national, files.local):
            log.warning("calendar file is not in force; see: reviewbot calendar check", in_force=kept.version)
