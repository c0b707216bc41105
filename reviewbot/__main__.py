"""``python -m reviewbot`` is the command line."""

from reviewbot.cli import app

app()
