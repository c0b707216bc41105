"""The README's state diagram is the table's own."""

from pathlib import Path

from reviewbot.rules.diagram import BEGIN, END, diagram
from reviewbot.rules.lifecycle import TRANSITIONS, CaseStatus

README = Path(__file__).parents[2] / "README.md"


def test_the_readme_draws_the_table_as_it_is():
    drawn = README.read_text(encoding="utf-8").split(BEGIN)[1].split(END)[0].strip()

    assert drawn == diagram(), "put the output of `reviewbot diagram` between the markers"


def test_every_transition_stands_in_it():
    lines = diagram().splitlines()
    for (status, move), after in TRANSITIONS.items():
        start = f"note right of {status.value}:" if status is after else f"{status.value} --> {after.value}:"
        assert any(line.strip().startswith(start) and move.label in line for line in lines)
    assert all(f"    {status.value}: {status.label}" in lines for status in CaseStatus)
