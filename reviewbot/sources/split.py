"""A delivered body or file -> its records one by one; a broken one never takes its neighbours with it."""

import csv
import json
import re
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final, NoReturn

import msgspec
import openpyxl

from reviewbot.errors import InvalidInput, TooLarge
from reviewbot.sources.record import TextRow

_BOM: Final = b"\xef\xbb\xbf"
_EXACT_IN_EXCEL: Final = 10**15
_BAD_UTF8: Final = "不是有效的 UTF-8 文本"
_TOO_DEEP: Final = "嵌套过深"
# Possessive, and a text that never ends is one mark: a search may look at no byte twice.
_STRUCTURE: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[\[\]{},]', re.DOTALL)


@dataclass(frozen=True)
class Piece:
    """One record as delivered: its bytes, and either its value or why it cannot be read."""

    raw: bytes
    value: object | None
    error: str | None


def split_body(body: bytes, *, max_records: int = 10_000) -> list[Piece]:
    """One object, an array, or NDJSON; which of them is seen from the body itself."""
    text = body.removeprefix(_BOM).strip()
    if not text:
        return [Piece(body, None, "内容为空")]
    head, _, rest = text.partition(b"\n")
    if rest and _piece(head).error is None:
        return _lines(text, max_records)
    elements = _array(text)
    if elements is None:
        elements = _elements(text)
    if elements is not None:
        _check_count(len(elements), max_records)
        return [_piece(raw) for raw in elements]
    whole = _piece(text)
    return _lines(text, max_records) if rest and whole.error else [whole]


def read_file(path: Path) -> Iterator[Piece]:
    """The records of a file; tables give :class:`TextRow` values under their header's names."""
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise InvalidInput(f"文件 {path.name} 的格式不支持，可用：{'、'.join(_READERS)}")
    try:
        yield from reader(path)
    except OSError as error:
        raise InvalidInput(f"文件 {path.name} 无法读取：{type(error).__name__}") from error


def _array(text: bytes) -> list[bytes] | None:
    if not text.startswith(b"["):
        return None
    try:
        return [bytes(raw) for raw in msgspec.json.decode(text, type=list[msgspec.Raw])]
    except (ValueError, RecursionError):
        return None


def _elements(text: bytes) -> list[bytes] | None:
    """The elements of an array one of which no reader takes (NaN, half a surrogate), told by its brackets."""
    if not (text.startswith(b"[") and text.endswith(b"]")):
        return None
    depth, start, found = 0, 1, []
    for mark in _STRUCTURE.finditer(text):
        sign = mark[0]
        if sign in (b"[", b"{"):
            depth += 1
        elif sign in (b"]", b"}"):
            depth -= 1
        if (sign == b"," and depth == 1) or (depth == 0 and mark.end() == len(text)):
            found.append(text[start : mark.start()].strip())
            start = mark.end()
        elif depth < 1:
            return None
    return found if depth == 0 and all(found) else None


def _lines(text: bytes, max_records: int) -> list[Piece]:
    lines = [line for each in text.split(b"\n") if (line := each.strip())]
    _check_count(len(lines), max_records)
    return [_piece(line) for line in lines]


def _check_count(count: int, max_records: int) -> None:
    if count > max_records:
        raise TooLarge(f"一次至多 {max_records} 条记录，收到 {count} 条，请分批发送")


def _piece(raw: bytes) -> Piece:
    try:
        return Piece(raw, msgspec.json.decode(raw), None)
    except RecursionError:
        return Piece(raw, None, _TOO_DEEP)
    except ValueError:
        return _lenient(raw)


def _lenient(raw: bytes) -> Piece:
    """Python's own reader takes unpaired surrogates, and says where a broken record is broken."""
    try:
        return Piece(raw, json.loads(raw.decode(), parse_constant=_no_constant), None)
    except UnicodeDecodeError:
        return Piece(raw, None, _BAD_UTF8)
    except json.JSONDecodeError as error:
        return Piece(raw, None, f"不是有效的 JSON（第 {error.pos + 1} 个字符处）")
    except ValueError:
        return Piece(raw, None, "不是有效的 JSON")
    except RecursionError:
        return Piece(raw, None, _TOO_DEEP)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _read_ndjson(path: Path) -> Iterator[Piece]:
    with path.open("rb") as file:
        for number, line in enumerate(file):
            text = (line.removeprefix(_BOM) if number == 0 else line).strip()
            if text:
                yield _piece(text)


def _read_json(path: Path) -> Iterator[Piece]:
    yield from split_body(path.read_bytes(), max_records=sys.maxsize)


def _read_csv(path: Path) -> Iterator[Piece]:
    with path.open(encoding=_csv_encoding(path), newline="", errors="replace") as file:
        try:
            yield from _table(path, (list(row) for row in csv.reader(file)))
        except csv.Error as error:
            yield Piece(b"", None, f"CSV 从此处起无法读取：{error}")


def _csv_encoding(path: Path) -> str:
    """Excel in China saves CSV as GB18030 unless told otherwise."""
    try:
        with path.open(encoding="utf-8-sig") as file:
            while file.read(1 << 20):
                pass
    except UnicodeDecodeError:
        return "gb18030"
    return "utf-8-sig"


def _read_xlsx(path: Path) -> Iterator[Piece]:
    """Its sheets are read as they are asked for, so that one cut off shows only on the way."""
    try:
        with closing(openpyxl.load_workbook(path, read_only=True, data_only=True)) as book:
            sheet = book.worksheets[0]
            # Files written by other programs often state a wrong size; without this only part would be read.
            sheet.reset_dimensions()
            yield from _table(path, (list(row) for row in sheet.iter_rows(values_only=True)))
    except (zipfile.BadZipFile, zlib.error, EOFError, LookupError, ValueError, SyntaxError) as error:
        raise InvalidInput(f"文件 {path.name} 不是有效的 Excel 工作簿") from error


def _table(path: Path, rows: Iterable[list[Any]]) -> Iterator[Piece]:
    header: list[str] | None = None
    for number, row in enumerate(rows, start=1):
        if all(cell is None or cell == "" for cell in row):
            continue
        if header is None:
            header = [_cell(cell).strip() for cell in row]
            named = [name for name in header if name]
            if len(named) != len(set(named)):
                raise InvalidInput(f"文件 {path.name} 的表头有重复的列名")
            continue
        yield _row(number, header, row)


def _row(number: int, header: list[str], row: list[Any]) -> Piece:
    shown = dict(zip(header, map(_cell, row), strict=False))
    raw = json.dumps(shown, ensure_ascii=False).encode(errors="replace")
    if any(_cell(cell) for cell in row[len(header) :]):
        return Piece(raw, None, f"第 {number} 行的列数多于表头")
    for name, cell in zip(header, row, strict=False):
        if isinstance(cell, int | float) and not isinstance(cell, bool) and abs(cell) >= _EXACT_IN_EXCEL:
            return Piece(raw, None, f"第 {number} 行“{name}”以数字保存，长编号已失真，请把该列设为文本")
    cells = zip(header, map(_cell, row), strict=False)
    return Piece(raw, TextRow({name: text for name, text in cells if name and text}), None)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.replace(microsecond=0).isoformat(" ")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


_READERS: Final[dict[str, Callable[[Path], Iterator[Piece]]]] = {
    ".ndjson": _read_ndjson,
    ".jsonl": _read_ndjson,
    ".json": _read_json,
    ".csv": _read_csv,
    ".xlsx": _read_xlsx,
}
