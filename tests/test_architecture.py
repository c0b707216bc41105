"""What the design promises and no type checker sees: names that agree, sizes, and doors that stay shut."""

import ast
import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from pydantic import BaseModel

import reviewbot.models.case
import reviewbot.models.message
import reviewbot.models.people
import reviewbot.models.review  # noqa: F401 - every table is known before the comparison
from reviewbot.database.base import Base
from reviewbot.database.session import Database
from reviewbot.queue import TaskName
from reviewbot.settings import ROOT, Settings

MAX_LINES = 400
WALL_CLOCK_USERS = {"clock.py", "fetch_media.py", "outbox.py", "deliver_messages.py", "parcels.py"}
REGISTERED = """
import json
from tasks import app
app.loader.import_default_modules()
beat = [entry["task"] for entry in app.conf.beat_schedule.values()]
print(json.dumps({"tasks": [name for name in app.tasks if not name.startswith("celery.")], "beat": beat}))
"""


def python_files(*folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from sorted((ROOT / folder).rglob("*.py"))


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_every_task_name_is_registered_and_every_registered_task_has_a_name(settings: Settings) -> None:
    environment = os.environ | {
        "REVIEWBOT_DATABASE_URL": settings.database_url,
        "REVIEWBOT_REDIS_URL": settings.redis_url,
        "REVIEWBOT_DATA_DIR": str(settings.data_dir),
    }

    told = subprocess.run(
        [sys.executable, "-c", REGISTERED],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        check=True,
        timeout=60,
    )

    found = json.loads(told.stdout)
    assert set(found["tasks"]) == {name.value for name in TaskName}
    assert set(found["beat"]) <= set(found["tasks"])


def test_the_migrations_build_exactly_the_models(settings: Settings) -> None:
    database = Database(settings.database_url)
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        difference = compare_metadata(context, Base.metadata)
    database.dispose()

    assert difference == []


def names_of(kind: type[BaseModel]) -> set[str]:
    """Every setting of a model by dotted name; a table of any names (sources) counts by its own name."""
    found = set()
    for name, field in kind.model_fields.items():
        part = field.annotation
        if isinstance(part, type) and issubclass(part, BaseModel):
            found |= {f"{name}.{inner}" for inner in names_of(part)}
        else:
            found.add(name)
    return found


def test_every_setting_has_a_default_in_the_file_and_every_line_of_the_file_is_a_setting() -> None:
    table = tomllib.loads((ROOT / "config" / "reviewbot.toml").read_text(encoding="utf-8"))

    assert set(_written(table)) == names_of(Settings)


def _written(table: dict[str, Any], before: str = "") -> Iterator[str]:
    """Every name of the file, dotted; a table whose names are free (sources, headers) counts by its own."""
    for name, value in table.items():
        if isinstance(value, dict) and name not in ("sources", "headers"):
            yield from _written(value, f"{before}{name}.")
        else:
            yield before + name


def test_every_setting_is_explained_on_its_line() -> None:
    lines = (ROOT / "config" / "reviewbot.toml").read_text(encoding="utf-8").splitlines()

    bare = [line for line in lines if line.strip() and not line.startswith("#") and " # " not in line]

    assert [line for line in bare if not line.startswith("[")] == []


def test_no_file_is_longer_than_four_hundred_lines() -> None:
    files = [path for path in python_files("reviewbot", "tasks", "tests") if "migrations" not in path.parts]
    files += (ROOT / "config").glob("*.toml")

    long = {
        relative(path): lines
        for path in files
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > MAX_LINES
    }

    assert long == {}


def test_actions_never_commit() -> None:
    found = [
        f"{relative(path)}:{node.lineno}"
        for path in python_files("reviewbot/actions")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("commit", "rollback")
    ]

    assert found == []


def test_only_the_clock_and_the_channel_ask_the_real_time() -> None:
    found = [
        f"{relative(path)}:{node.lineno}"
        for path in python_files("reviewbot", "tasks")
        if "simulator" not in path.parts and path.name not in WALL_CLOCK_USERS
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute)
        and node.attr in ("now", "utcnow", "today")
        and isinstance(node.value, ast.Name)
        and node.value.id in ("datetime", "date")
    ]

    assert found == []


@pytest.mark.parametrize(
    "room", sorted(path.parent.name for path in (ROOT / "reviewbot").glob("*/__init__.py"))
)
def test_the_map_in_the_readme_names_every_room(room: str) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")

    assert f"{room}/" in readme
