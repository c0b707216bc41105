"""How one source names and codes its records: config/sources/NAME.toml, checked when it is loaded."""

import csv
import tomllib
from pathlib import Path
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

import msgspec

from reviewbot.errors import SettingError
from reviewbot.rules.grading import HIGHEST, LOWEST, Direction
from reviewbot.rules.kinds import ORDERS, SATISFACTION

REQUIRED_TARGETS: Final = {
    "rating": ("external_id", "rating", "reviewed_at"),
    "work_order": ("external_id", "kind", "reviewed_at"),
}
TARGETS: Final = frozenset(REQUIRED_TARGETS["rating"]) | {
    "kind", "closed_at", "satisfaction",
    "round", "channel", "department", "department_name", "item", "item_code", "window", "handled_by",
    "reason_codes", "comment", "is_default", "rater_kind", "rater_name", "rater_phone", "rater_anonymous",
}  # fmt: skip
RATER_KINDS: Final = frozenset({"person", "org"})
_IN_USE: Final = {"true": True, "false": False}
NAMED_DATE_FORMATS: Final = frozenset({"iso", "epoch_s", "epoch_ms"})


class ReasonCode(msgspec.Struct, frozen=True):
    """One option a rater may tick."""

    code: str
    stars: int
    in_use: bool
    meaning: str


class Codes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The source's code tables; an absent channel table lets the channel through under its own name."""

    rating: dict[str, int] = {}
    kind: dict[str, str] = {}
    satisfaction: dict[str, str] = {}
    channel: dict[str, str] = {}
    boolean: dict[str, bool] = {}
    rater_kind: dict[str, str] = {}


class _ReasonSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    separator: str = ","
    table: str = ""
    other_grades: tuple[str, ...] = ()


class _ProfileFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    title: str
    time_zone: str
    fields: dict[str, str]
    codes: Codes
    kind: Literal["rating", "work_order"] = "rating"
    best_is: Direction = Direction.HIGH
    rating_types: tuple[Literal["int", "string"], ...] = ("int", "string")
    default_channels: tuple[str, ...] = ()
    dates: tuple[str, ...] = ("iso",)
    no_time: tuple[str, ...] = ()
    signature: Literal["standard_webhooks"] = "standard_webhooks"
    reason_codes: _ReasonSettings = _ReasonSettings()


class SourceProfile(msgspec.Struct, frozen=True, kw_only=True):
    """Everything needed to read one source's records."""

    name: str
    title: str
    zone: ZoneInfo
    kind: str
    """rating, or work_order: other matters that come by the same door and carry no rating."""
    best_is: Direction
    fields: dict[str, str]
    codes: Codes
    rating_types: frozenset[str]
    default_channels: frozenset[str]
    dates: tuple[str, ...]
    no_time: tuple[str, ...]
    """What the source writes for "not yet" in a time that may be absent; a day stands for every moment of it."""
    signature: str
    reason_separator: str
    reason_codes: dict[str, ReasonCode]
    other_grade_codes: frozenset[str]


def load_profile(path: Path) -> SourceProfile:
    """Read and check one profile; a wrong one stops the start with the file and the key named."""
    try:
        found = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), _ProfileFile)
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(f"来源配置 {path} 无法读取：{type(error).__name__}") from error
    except tomllib.TOMLDecodeError as error:
        raise SettingError(f"来源配置 {path} 不是有效的 TOML：{error}") from error
    except msgspec.ValidationError as error:
        raise SettingError(f"来源配置 {path} 有误：{error}") from error
    if found.name != path.stem:
        raise SettingError(f"来源配置 {path} 的 name 应与文件名一致（{path.stem}）")
    _check_fields(path, found)
    _check_codes(path, found)
    reasons = found.reason_codes
    if not reasons.separator:
        raise SettingError(f"来源配置 {path} 的 reason_codes.separator 不能为空")
    return SourceProfile(
        name=found.name,
        title=found.title,
        zone=_zone(path, found.time_zone),
        kind=found.kind,
        best_is=found.best_is,
        fields=found.fields,
        codes=found.codes,
        rating_types=frozenset(found.rating_types),
        default_channels=frozenset(found.default_channels),
        dates=_dates(path, found.dates),
        no_time=_no_time(path, found.no_time),
        signature=found.signature,
        reason_separator=reasons.separator,
        reason_codes=load_reason_codes(path.parent / reasons.table) if reasons.table else {},
        other_grade_codes=_ranges(path, reasons.other_grades),
    )


def load_profiles(folder: Path) -> dict[str, SourceProfile]:
    """Every ``*.toml`` of a folder, by name."""
    if not folder.is_dir():
        raise SettingError(f"来源配置目录 {folder} 不存在")
    return {path.stem: load_profile(path) for path in sorted(folder.glob("*.toml"))}


def load_reason_codes(path: Path) -> dict[str, ReasonCode]:
    """The option codes, retired ones included: old records need the old dictionary."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows: list[dict[str, Any]] = list(csv.DictReader(file))
        codes = [
            ReasonCode(row["code"], int(row["stars"]), _IN_USE[row["in_use"]], row["meaning"]) for row in rows
        ]
    except OSError as error:
        raise SettingError(f"原因代码表 {path} 无法读取：{type(error).__name__}") from error
    except (KeyError, TypeError, ValueError, csv.Error) as error:
        columns = "code,stars,in_use,meaning"
        raise SettingError(f"原因代码表 {path} 有误：{error!r}（应有列 {columns}）") from error
    return {code.code: code for code in codes}


def _check_fields(path: Path, found: _ProfileFile) -> None:
    for target in REQUIRED_TARGETS[found.kind]:
        if target not in found.fields:
            raise SettingError(f"来源配置 {path} 缺少 fields.{target}")
    for target, source in found.fields.items():
        if target not in TARGETS:
            raise SettingError(f"来源配置 {path} 的 fields.{target} 不是已知字段")
        if not source or not all(source.split(".")):
            raise SettingError(f"来源配置 {path} 的 fields.{target} 不是有效路径")


def _check_codes(path: Path, found: _ProfileFile) -> None:
    rating = found.codes.rating
    for name, known in (("kind", {kind.value for kind in ORDERS}), ("satisfaction", set(SATISFACTION))):
        for code, meaning in getattr(found.codes, name).items():
            if meaning not in known:
                raise SettingError(
                    f"来源配置 {path} 的 codes.{name}.{code} 应为 {'、'.join(sorted(known))} 之一"
                )
    if found.kind == "rating" and not rating:
        raise SettingError(f"来源配置 {path} 的 codes.rating 为空：评分不作猜测，必须逐一对照")
    for code, grade in rating.items():
        if not LOWEST <= grade <= HIGHEST:
            raise SettingError(f"来源配置 {path} 的 codes.rating.{code} 应为 {LOWEST} 至 {HIGHEST}")
    numbered = {int(code): grade for code, grade in rating.items() if code.isascii() and code.isdigit()}
    if not found.best_is.agrees_with(numbered):
        raise SettingError(f"来源配置 {path} 的 best_is 与 codes.rating 的方向不一致")
    for code, kind in found.codes.rater_kind.items():
        if kind not in RATER_KINDS:
            raise SettingError(f"来源配置 {path} 的 codes.rater_kind.{code} 应为 person 或 org")


def _zone(path: Path, name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError) as error:
        raise SettingError(f"来源配置 {path} 的 time_zone “{name}” 不是已知时区") from error


def _dates(path: Path, formats: tuple[str, ...]) -> tuple[str, ...]:
    for position, form in enumerate(formats):
        if form not in NAMED_DATE_FORMATS and "%" not in form:
            raise SettingError(f"来源配置 {path} 的 dates[{position}] “{form}” 不是时间格式")
    if not formats:
        raise SettingError(f"来源配置 {path} 的 dates 不能为空")
    return formats


def _no_time(path: Path, values: tuple[str, ...]) -> tuple[str, ...]:
    for position, value in enumerate(values):
        if not value.strip():
            raise SettingError(f"来源配置 {path} 的 no_time[{position}] 为空；空值本来就表示没有时间")
    return values


def _ranges(path: Path, spans: tuple[str, ...]) -> frozenset[str]:
    """``"307-314"`` -> the codes 307 to 314: options of the good grades, known but not in the table."""
    codes: set[str] = set()
    for span in spans:
        first, _, last = span.partition("-")
        try:
            codes.update(str(code) for code in range(int(first), int(last or first) + 1))
        except ValueError as error:
            raise SettingError(f"来源配置 {path} 的 reason_codes.other_grades “{span}” 有误") from error
    return frozenset(codes)
