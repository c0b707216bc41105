"""Write every letter and the ledger into a folder, for the command line and the demonstration."""

from datetime import date
from pathlib import Path

from reviewbot.clock import CHINA
from reviewbot.documents.letters import file_name, ledger_docx, letter_docx
from reviewbot.queries.letters import every_letter
from reviewbot.queries.scope import SYSTEM
from reviewbot.settings import CONFIG
from reviewbot.wiring import House

TEMPLATES = CONFIG / "documents"


def write_letters(house: House, folder: Path) -> list[str]:
    """The names of what was written: letters and drafts, and the ledger of all cases so far."""
    folder.mkdir(parents=True, exist_ok=True)
    told, written = house.settings.documents, []
    with house.database.begin() as session:
        for letter in every_letter(session):
            name = file_name(letter)
            data = letter_docx(TEMPLATES, letter, prefix=told.prefix, sender=told.sender)
            (folder / name).write_bytes(data)
            written.append(name)
        now = house.clock.now()
        first = date(now.astimezone(CHINA).year - 1, 1, 1)
        ledger = ledger_docx(TEMPLATES, session, SYSTEM, first, now)
    (folder / "整改台账.docx").write_bytes(ledger)
    return [*written, "整改台账.docx"]
