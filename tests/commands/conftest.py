"""``reviewbot`` as somebody at the machine would type it."""

import os
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from reviewbot.clock import set_rehearsal
from reviewbot.settings import ROOT


@pytest.fixture
def command(house, tmp_path):
    """Runs ``reviewbot`` against the house's database, on its hour."""
    clock = tmp_path / "rehearsal.json"
    set_rehearsal(clock, datetime(2026, 11, 30, 1, 0, tzinfo=UTC), rate=0)
    environment = os.environ | {
        "REVIEWBOT_DATABASE_URL": house.settings.database_url, "REVIEWBOT_REDIS_URL": house.settings.redis_url,
        "REVIEWBOT_DATA_DIR": str(house.settings.data_dir), "REVIEWBOT_REHEARSAL": str(clock), "COLUMNS": "200",
    }  # fmt: skip

    def run(*arguments, **more):
        return subprocess.run(
            [sys.executable, "-m", "reviewbot", *map(str, arguments)], cwd=ROOT, check=False, env=environment | more,
            capture_output=True, text=True, timeout=120, input="",
        )  # fmt: skip

    return run
