"""What the command line writes for somebody to edit: a city to start from, the templates to go back to."""

import pytest

from reviewbot.settings import CONFIG


@pytest.mark.parametrize(
    ("words", "like"),
    [(("city", "make"), "city/demo"), (("templates",), "documents")],
    ids=["city", "templates"],
)
def test_what_is_written_is_what_the_house_ships_and_nothing_is_written_over(command, tmp_path, words, like):
    folder = tmp_path / "made"
    shipped = {path.name for path in (CONFIG / like).iterdir()}

    first = command(*words, folder)

    assert first.returncode == 0, first.stderr
    assert set(first.stdout.split()) == {path.name for path in folder.iterdir()} == shipped
    edited = folder / max(shipped)
    edited.write_bytes(b"edited")
    again = command(*words, folder)
    assert again.returncode == 1
    assert edited.name in again.stderr
    assert edited.read_bytes() == b"edited"


def test_a_made_city_can_be_loaded_as_it_stands(command, tmp_path):
    assert command("city", "make", tmp_path / "made", "--seed", "7").returncode == 0

    loaded = command("city", "load", tmp_path / "made", "--yes")

    assert loaded.returncode == 0, loaded.stderr
    assert "已更改" in loaded.stdout
