"""What an explanation rests on: the documents a bureau cites, and how a citation is written (S1, L7)."""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from sqlalchemy.orm import Session
from starlette.datastructures import FormData

from reviewbot.errors import SettingError
from reviewbot.models.case import Case
from reviewbot.queries.bases import recent_bases
from reviewbot.settings import CONFIG
from reviewbot.web.login import text_of


@dataclass(frozen=True)
class Basis:
    """One document of ``config/bases.toml``: its name, and its number as it is cited."""

    name: str
    number: str

    @property
    def cited(self) -> str:
        return f"《{self.name}》（{self.number}）" if self.number else f"《{self.name}》"


@cache
def load_bases(path: Path = CONFIG / "bases.toml") -> tuple[Basis, ...]:
    """The documents in the file's order. Raises SettingError where the file is not written as it should be."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        return tuple(Basis(str(row["name"]), str(row.get("number", ""))) for row in table["bases"])
    except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError, AttributeError) as wrong:
        raise SettingError(f"依据清单 {path.name} 写法有误：{wrong}。") from None


def bases_for(session: Session, case: Case) -> list[tuple[str, list[str]]]:
    """What the picker offers: this unit's latest citations first, then the list of ``config/bases.toml``."""
    recent = recent_bases(session, case.department_id)
    listed = [basis.cited for basis in load_bases()]
    groups = [("本单位最近用过", recent), ("常用文件", [one for one in listed if one not in recent])]
    return [(label, known) for label, known in groups if known]


def basis_of(form: FormData) -> str:
    """A citation in one line: the document picked from the list with its article, then what was written freely."""
    picked = text_of(form, "basis_picked") + text_of(form, "article") if text_of(form, "basis_picked") else ""
    return "；".join(part for part in (picked, text_of(form, "basis")) if part).replace("\x00", "")
