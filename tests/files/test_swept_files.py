"""Bytes of evidence go when their last row has gone, and never while somebody may still mean them."""

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from case_kit import PHOTO, handler_of, photograph, verifying, viewer
from sqlalchemy import delete

from reviewbot.actions.add_evidence import evidence_path, quarantine_path
from reviewbot.actions.choose_evidence import choose_evidence, drop_chosen
from reviewbot.actions.sweep_files import DRAFT_SECONDS, sweep_files
from reviewbot.files.store import write_once
from reviewbot.models.case import Evidence

PATIENCE = 20


def sweep(house):
    return sweep_files(house.database, house.settings.data_dir)


def chosen(house, number, data=PHOTO):
    with house.database.begin() as session:
        return choose_evidence(
            session, number, data, "现场.jpg", viewer(house, handler_of(house, number)),
            at=house.clock.now(), folder=house.settings.data_dir,
        )  # fmt: skip


def take_back(house, number, evidence):
    with house.database.begin() as session:
        drop_chosen(session, number, evidence.id, viewer(house, handler_of(house, number)))


def place_of(house, evidence):
    return evidence_path(house.settings.data_dir, evidence.sha256)


def test_a_photograph_taken_back_leaves_nothing_behind(house):
    number = verifying(house)
    taken = chosen(house, number)
    place = place_of(house, taken)
    shown = place.with_name(place.name + ".plain")
    shown.write_bytes(b"a copy for showing")
    assert sweep(house) == 0

    take_back(house, number, taken)

    assert place.exists()
    assert sweep(house) == 2
    assert (place.exists(), shown.exists()) == (False, False)


def test_two_rows_share_a_file_and_the_last_one_takes_it_along(house):
    one, other = verifying(house), verifying(house)
    first = chosen(house, one)
    photograph(house, handler_of(house, other), other)
    take_back(house, one, first)

    assert sweep(house) == 0
    assert place_of(house, first).read_bytes() == PHOTO

    with house.database.begin() as session:
        session.execute(delete(Evidence))
    assert sweep(house) == 1


def test_what_was_put_away_as_infected_goes_too_and_strange_names_stay(house):
    away = quarantine_path(house.settings.data_dir, "ab" * 32)
    write_once(away, b"infected")
    strange = away.with_name("README")
    strange.write_bytes(b"by an operator")

    assert sweep(house) == 1
    assert (away.exists(), strange.exists()) == (False, True)


def test_a_row_that_is_written_while_the_sweep_looks_keeps_its_file(house):
    """The writer has found the old file and has not committed: to everybody else nothing refers to it."""
    number = verifying(house)
    old = chosen(house, number)
    take_back(house, number, old)
    wrote, may_commit = threading.Event(), threading.Event()

    def writer():
        with house.database.begin() as session:
            choose_evidence(
                session, number, PHOTO, "再传.jpg", viewer(house, handler_of(house, number)),
                at=house.clock.now(), folder=house.settings.data_dir,
            )  # fmt: skip
            wrote.set()
            assert may_commit.wait(PATIENCE)

    thread = threading.Thread(target=writer)
    thread.start()
    assert wrote.wait(PATIENCE)
    assert sweep(house) == 0
    may_commit.set()
    thread.join(PATIENCE)

    assert sweep(house) == 0
    assert place_of(house, old).read_bytes() == PHOTO


def test_the_same_bytes_from_many_at_once_are_one_whole_file(tmp_path):
    writers, rounds = 8, 40
    ready = threading.Barrier(writers)
    data = os.urandom(400_000)

    def write(_):
        for turn in range(rounds):
            ready.wait(PATIENCE)
            write_once(tmp_path / str(turn) / "a", data)
            assert (tmp_path / str(turn) / "a").read_bytes() == data

    with ThreadPoolExecutor(writers) as pool:
        list(pool.map(write, range(writers)))

    assert sorted(file.name for file in tmp_path.glob("*/*")) == ["a"] * rounds


@pytest.mark.parametrize(("age", "goes"), [(DRAFT_SECONDS + 60, 1), (0, 0)])
def test_a_draft_goes_only_when_its_writer_must_be_dead(house, age, goes):
    taken = chosen(house, verifying(house))
    draft = place_of(house, taken).with_name(taken.sha256 + ".0123456789abcdef")
    draft.write_bytes(b"half")
    then = time.time() - age
    os.utime(draft, (then, then))

    assert sweep(house) == goes
    assert draft.exists() is (goes == 0)
    assert place_of(house, taken).exists()
