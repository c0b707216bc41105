"""Read a table of settings to its end: every mistake with its key and what is allowed, and the keys nobody reads."""

import math
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches

LONGEST = 1000
"""No limit, count or share in a policy is larger."""


@dataclass(frozen=True)
class Remark:
    """One thing a clerk has to look at: where it stands, what is wrong with it, what would be allowed."""

    key: str
    wrong: str
    allowed: str = ""
    missing: bool = False
    """The key is not there at all; a kept text may lack what a later release asks for."""

    @property
    def sentence(self) -> str:
        return f"规则设置 {self.key} {self.wrong}{f'，应为{self.allowed}' if self.allowed else ''}。"


def nearest(name: str, known: Iterable[str]) -> str:
    """The known name that is most like this one, or nothing."""
    return next(iter(get_close_matches(name, list(known), n=1)), "")


class Section:
    """One table under its name. A mistake is noted, a harmless value stands in for it, and reading goes on;
    of a table that is missing only the table is told."""

    def __init__(self, name: str, table: object, mistakes: list[Remark]) -> None:
        self.name = name
        self.table: Mapping[str, object] | None = table if isinstance(table, Mapping) else None
        self.mistakes = mistakes
        self._read: dict[str, Section | None] = {}

    def key(self, name: str) -> str:
        return f"{self.name}.{name}" if self.name else name

    def refuse(self, name: str, wrong: str, allowed: str = "", *, missing: bool = False) -> None:
        self.mistakes.append(Remark(self.key(name), wrong, allowed, missing))

    def holds(self, name: str) -> bool:
        return self.table is not None and name in self.table

    def ignore(self, name: str) -> None:
        """A key for people only."""
        self._get(name)

    def section(self, name: str) -> "Section":
        found = Section(self.key(name), self._get(name), self.mistakes)
        self._read[name] = found
        if self.table is not None and found.table is None:
            self.refuse(name, "缺失或不是一张表", missing=not self.holds(name))
        return found

    def sections(self, name: str) -> "list[Section]":
        """The entries of an array of tables; none where there is no such array."""
        value = self._get(name)
        if value is None:
            return []
        if not isinstance(value, list):
            self.refuse(name, "不是若干段", f" [[{name}]]")
            return []
        found = [Section(f"{name}[{place}]", entry, self.mistakes) for place, entry in enumerate(value)]
        for place, entry in enumerate(found):
            self._read[f"{name}[{place}]"] = entry
            if entry.table is None:
                self.refuse(f"{name}[{place}]", "不是一张表")
        return found

    def text(self, name: str) -> str:
        value = self._get(name)
        if isinstance(value, str) and value.strip():
            return value
        self._wrong(name, "缺失或不是文字", "文字")
        return ""

    def switch(self, name: str) -> bool:
        value = self._get(name)
        if isinstance(value, bool):
            return value
        self._wrong(name, "不对", " true 或 false")
        return False

    def number(self, name: str, *, positive: bool = False) -> float:
        value, allowed = (
            self._get(name),
            f"{'大于' if positive else ''} 0 {'且不超过' if positive else '到'} {LONGEST} 的数",
        )
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            self._wrong(name, "缺失或不是数字", allowed)
        elif not 0 <= value <= LONGEST or (positive and value == 0):
            self._wrong(name, f"是 {value:g}", allowed)
        else:
            return value
        return 1

    def count(self, name: str, *, at_least: int = 1, at_most: int = LONGEST) -> int:
        value = self._get(name)
        number = value if isinstance(value, (int, float)) and not isinstance(value, bool) else math.nan
        if number % 1 == 0 and at_least <= number <= at_most:
            return int(number)
        self._wrong(name, "缺失或不对", f" {at_least} 到 {at_most} 之间的整数")
        return at_least

    def choice(self, name: str, allowed: Collection[str]) -> str:
        value = self._get(name)
        if isinstance(value, str) and value in allowed:
            return value
        self._wrong(name, f"“{value}”不对", f" {'、'.join(allowed)} 之一")
        return next(iter(allowed))

    def choices(self, name: str, allowed: Collection[str], *, may_be_empty: bool = False) -> tuple[str, ...]:
        value = self._get(name)
        good = isinstance(value, list) and all(isinstance(one, str) and one in allowed for one in value)
        if isinstance(value, list) and good and (value or may_be_empty):
            return tuple(value)
        self._wrong(name, "不对", f" {'、'.join(allowed)} 中的若干个{'，或为空' if may_be_empty else ''}")
        return ()

    def day(self, name: str) -> date | None:
        """A date, as TOML writes it or as text; None where nothing is written."""
        value = self._get(name)
        if value is None or type(value) is date:
            return value
        try:
            return date.fromisoformat(str(value))
        except ValueError:
            self._wrong(name, f"“{value}”不是日期", "形如 2027-01-01 的日期")
            return None

    def unread(self) -> Iterator[Remark]:
        """The keys that mean nothing, each with the nearest that would."""
        for name in self.table or ():
            if name in self._read or f"{name}[0]" in self._read:
                continue
            yield Remark(self.key(name), "没有这一项，不起作用", nearest(name, self._read))
        for found in self._read.values():
            if found is not None:
                yield from found.unread()

    def _get(self, name: str) -> object:
        self._read.setdefault(name, None)
        return self.table.get(name) if self.table is not None else None

    def _wrong(self, name: str, wrong: str, allowed: str) -> None:
        if self.table is not None:
            self.refuse(name, wrong, allowed, missing=not self.holds(name))
