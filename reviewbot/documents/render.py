"""A letter's frozen facts put into its template; equal facts give equal bytes."""

import io
import re
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jinja2
from docx.opc.exceptions import PackageNotFoundError
from docxtpl import DocxTemplate
from jinja2.sandbox import SandboxedEnvironment

from reviewbot.errors import SettingError

_CONTROL = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)
"""What XML cannot carry, and what turns the direction of the text around it."""
_EPOCH = (1980, 1, 1, 0, 0, 0)
_BORN = datetime(2000, 1, 1, tzinfo=UTC).replace(tzinfo=None)


def render(folder: Path, kind: str, facts: dict[str, Any]) -> bytes:
    """The document as docx bytes. Text of people is data: no tag, no markup of theirs is ever read."""
    place = folder / f"{kind}.docx"
    try:
        template = DocxTemplate(str(place))
        template.render(
            _clean(facts),
            SandboxedEnvironment(autoescape=True, undefined=jinja2.StrictUndefined),
            autoescape=True,
        )
    except jinja2.TemplateError as wrong:
        raise SettingError(f"公文模板 {place.name} 写法有误：{wrong}。") from None
    except (OSError, ValueError, KeyError, SyntaxError, zipfile.BadZipFile, PackageNotFoundError):
        raise SettingError(f"公文模板 {place.name} 读不到或已损坏。") from None
    about = template.docx.core_properties
    about.created = about.modified = _BORN
    about.author, about.last_modified_by = "", ""
    raw = io.BytesIO()
    template.save(raw)
    return _fixed(raw.getvalue())


def _clean(value: Any) -> Any:
    """Without control characters; a line of its own stays a paragraph (docxtpl's ``\a``), indented like the first."""
    if isinstance(value, str):
        return _CONTROL.sub("", value).replace("\n", "\a")
    if isinstance(value, dict):
        return {name: _clean(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_clean(each) for each in value]
    return value


def _fixed(raw: bytes) -> bytes:
    """The same archive with one date on every member, so that a hash tells documents apart and nothing else."""
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(raw)) as source,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for name in sorted(source.namelist()):
            target.writestr(zipfile.ZipInfo(name, _EPOCH), source.read(name), zipfile.ZIP_DEFLATED)
    return out.getvalue()
