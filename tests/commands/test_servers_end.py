"""The embedded servers of a data folder end with the last process that uses them, however it ends."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil
import pytest

from reviewbot.settings import ROOT

HOLD = """
import sys
from reviewbot.commands.base import opened
with opened() as house:
    print(house.settings.redis_url, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(scope="module")
def folder():
    """Short: a socket's address has few letters."""
    made = Path(tempfile.mkdtemp(prefix="rb"))
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture
def start(folder):
    """Starts a program of ours on embedded servers in the folder; whatever it leaves behind ends with the test."""
    started = []
    environment = os.environ | {"REVIEWBOT_DATA_DIR": str(folder)}

    def run(*command):
        child = subprocess.Popen(
            [sys.executable, *command], cwd=ROOT, env=environment, text=True, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        started.append(child)
        return child

    yield run
    for child in started:
        child.kill()
        child.communicate()
    for server in servers(folder):
        server.kill()


def servers(folder):
    """Every PostgreSQL and Redis process of the folder."""
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if str(folder) in " ".join(process.info["cmdline"] or []) and process.pid != os.getpid()
    ]


def named(folder):
    return sorted({process.name().split(":")[0] for process in servers(folder)})


def ended(child):
    said, _ = child.communicate(timeout=120)
    return child.returncode, said


def holding(start):
    child = start("-c", HOLD)
    assert child.stdout.readline().startswith("unix://")
    return child


@pytest.mark.parametrize("words", [("rates",), ("doctor",), ("rates", "--metric", "nothing")])
def test_a_command_leaves_nothing_running(folder, start, words):
    code, said = ended(start("-m", "reviewbot", *words))

    assert code == (words != ("rates",)), said
    assert servers(folder) == []


def test_a_command_leaves_alone_what_another_process_uses(folder, start):
    holder = holding(start)
    before = {process.pid for process in servers(folder)}
    assert named(folder) == ["postgres", "redis-server"]

    assert ended(start("-m", "reviewbot", "rates"))[0] == 0

    assert {process.pid for process in servers(folder)} & before == before
    assert ended(holder)[0] == 0
    assert servers(folder) == []


def test_who_is_asked_to_end_ends_them_too(folder, start):
    holder = holding(start)

    holder.send_signal(signal.SIGTERM)

    assert ended(holder)[0] == 128 + signal.SIGTERM
    assert servers(folder) == []


def test_what_a_killed_process_left_ends_with_the_next(folder, start):
    holder = holding(start)
    holder.kill()
    holder.communicate()
    assert named(folder) == ["postgres", "redis-server"]

    assert ended(start("-m", "reviewbot", "rates"))[0] == 0

    assert servers(folder) == []
