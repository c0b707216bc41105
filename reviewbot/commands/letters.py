"""Write every letter and the ledger into a folder, for the command line and the demonstration."""

from pathlib import Path
from typing import Annotated

import typer

from reviewbot.commands.base import into_new, plainly, prepared
from reviewbot.documents.layout import build_templates
from reviewbot.documents.letters import file_name, letter_bytes, stationery_of
from reviewbot.queries.letters import every_letter
from reviewbot.wiring import House


@plainly
def letters(folder: Annotated[Path, typer.Argument(help="写到哪个文件夹")]) -> None:
    """把全部公文（草稿标明未签发）和整改台账写成 docx。"""
    with prepared() as house:
        for name in write_letters(house, folder):
            typer.echo(name)


@plainly
def templates(folder: Annotated[Path, typer.Argument(help="写到哪个文件夹")]) -> None:
    """把五种公文的默认模板写成 docx，供对照或改坏后恢复；施行的在 config/documents，用 Word 或 WPS 修改。"""
    for name in into_new(folder, build_templates):
        typer.echo(name)


def write_letters(house: House, folder: Path) -> list[str]:
    """The names of what was written: letters and drafts, and the ledger of all cases so far."""
    folder.mkdir(parents=True, exist_ok=True)
    written, now = [], house.clock.now()
    with house.database.begin() as session:
        for letter in every_letter(session):
            name = file_name(letter)
            (folder / name).write_bytes(letter_bytes(house.settings, session, letter, now))
            written.append(name)
        ledger = stationery_of(house.settings).ledger_of_all(session, now)
    (folder / "整改台账.docx").write_bytes(ledger)
    return [*written, "整改台账.docx"]
