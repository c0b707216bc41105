"""Which document a letter is: its number, its facts, its bytes."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Self

from sqlalchemy.orm import Session

from reviewbot.actions.move_letter import letter_path
from reviewbot.actions.staff_words import cover, cover_remark
from reviewbot.clock import CHINA
from reviewbot.documents.enclosures import enclose, ledger
from reviewbot.documents.render import render
from reviewbot.errors import NotFound
from reviewbot.models.case import Case
from reviewbot.models.oversight import Letter, LetterKind
from reviewbot.models.review import Review
from reviewbot.queries.scope import SYSTEM
from reviewbot.rules.masking import mask_personal
from reviewbot.settings import CONFIG, DocumentSettings, Settings

TEMPLATES = CONFIG / "documents"
DRAFT = "（草稿，未签发）"
UNDATED = "　　　年　　月　　日"
_FREE = frozenset({"reason", "explanation", "basis"})
"""Facts in the free words of staff."""


@dataclass(frozen=True)
class Stationery:
    """What a bureau's documents have in common: the templates, its name, the marks before its numbers."""

    folder: Path
    sender: str
    report_to: str
    red_head: bool
    marks: Mapping[LetterKind, str]

    @classmethod
    def of(cls, told: DocumentSettings, folder: Path) -> Self:
        marks = {kind: str(getattr(told, kind.value)) for kind in LetterKind}
        return cls(folder, told.sender, told.report_to, told.red_head, marks)

    def mark(self, letter: Letter) -> str:
        """文号 of an issued letter as it was issued; a draft has none yet."""
        return str(letter.facts.get("mark", DRAFT))

    def numbered(self, letter: Letter) -> dict[str, str]:
        """What issuing adds to a letter's facts, kept so that no later setting changes what was issued."""
        assert letter.issued_at is not None  # noqa: S101 - called for a letter being issued
        here = letter.issued_at.astimezone(CHINA)
        return {
            "mark": f"{self.marks[letter.kind]}〔{letter.year}〕{letter.serial}号",
            "sender": self.sender,
            "issued_on": f"{here.year}年{here.month}月{here.day}日",
        }

    def document(self, session: Session, letter: Letter, now: datetime) -> bytes:
        """The letter as it stands: with the enclosures its reviewer saw, or for a draft with those of today."""
        enclosed = letter.facts.get("enclosed") or enclose(session, letter, now)
        review = _review_of(session, letter)
        words = {
            name: _covered(value, review, cover_remark if name in _FREE else cover)
            for name, value in letter.facts.items()
            if name != "enclosed"
        }
        common = {
            "mark": DRAFT, "sender": self.sender, "issued_on": UNDATED, "report_to": self.report_to, "signer": "",
        }  # fmt: skip
        red = self.red_head and letter.issued_at is not None
        template = f"{letter.kind.value}_list" if letter.lists_cases else letter.kind.value
        return render(self.folder, template, common | words | enclosed | {"red_head": red})

    def ledger_of_all(self, session: Session, now: datetime) -> bytes:
        """整改台账 of every case so far."""
        last = now.astimezone(CHINA).date()
        told = ledger(session, SYSTEM, date(2015, 1, 1), last, now)
        first = told["rows"][0]["opened"] if told["rows"] else str(last)
        common = {"mark": "", "sender": self.sender, "issued_on": "", "first": first, "last": str(last)}
        return render(self.folder, LetterKind.LEDGER.value, common | told)


def _review_of(session: Session, letter: Letter) -> Review | None:
    case = session.get(Case, letter.case_id) if letter.case_id else None
    return session.get(Review, case.review_id) if case else None


def _covered(value: Any, review: Review | None, by: Callable[[str, Review], str]) -> Any:
    if not isinstance(value, str):
        return value
    return by(value, review) if review else mask_personal(value)


def stationery_of(settings: Settings) -> Stationery:
    return Stationery.of(settings.documents, TEMPLATES)


def letter_bytes(settings: Settings, session: Session, letter: Letter, now: datetime) -> bytes:
    """An issued letter as it was issued, checked against its hash; a draft as it would be now."""
    if letter.sha256 is None:
        return stationery_of(settings).document(session, letter, now)
    place = letter_path(settings.data_dir, letter.sha256)
    data = place.read_bytes() if place.is_file() else b""
    if hashlib.sha256(data).hexdigest() != letter.sha256:
        raise NotFound(f"{letter.title}的签发件不在存储目录中或已被改动，请联系管理员。")
    return data


def file_name(letter: Letter) -> str:
    state = f"{letter.year}-{letter.serial:03}" if letter.serial else f"草稿{letter.id}"
    withdrawn = "-已撤回" if letter.withdrawn_at else ""
    number = letter.facts.get("number", "")
    name = "-".join(part for part in (letter.kind.label, state, str(number)) if part)
    return f"{name}{withdrawn}.docx".replace("/", "-")
