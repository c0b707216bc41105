"""A record as its source sends it -> a typed review, or the stated reason why not. Never raises for JSON."""

import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from reviewbot.rules.grading import is_bad
from reviewbot.rules.kinds import Kind
from reviewbot.sources.profile import SourceProfile
from reviewbot.sources.record import Correction, Refusal, ReviewIn, TextRow

EXTERNAL_ID_LIMIT: Final = 128
NAME_LIMIT: Final = 200
COMMENT_LIMIT: Final = 10_000
REASON_CODES_LIMIT: Final = 50
REASON_CODE_LENGTH: Final = 32
ROUND_LIMIT: Final = 99
_INTEGER_LIMIT: Final = 10**60
_SHOWN: Final = 40

_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_ISO: Final = re.compile(
    r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?)?(?:Z|[+-]\d\d(?::?\d\d)?)?", re.ASCII
)
_OTHER_SEPARATORS: Final = re.compile(r"[，、；;]")


@dataclass(frozen=True)
class DateLimits:
    """Which review times are believable: not before ``earliest``, not more than ``ahead`` in the future."""

    earliest: date
    ahead: timedelta = timedelta(days=7)


_OF_NUMBER = {"rating": "办件编号", "work_order": "工单编号"}
_OF_TIME = {"rating": "评价时间", "work_order": "派单时间"}


@dataclass
class _Reading:
    """One record while it is read: every problem is collected, so the sender learns them all at once."""

    profile: SourceProfile
    obj: dict[str, object]
    corrected: Correction
    flags: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    doubtful: list[str] = field(default_factory=list)
    correctable: list[str] = field(default_factory=list)
    bad_scale: bool = False

    def path(self, target: str) -> str:
        return self.profile.fields.get(target, target)

    @property
    def time(self) -> str:
        """What its people call the moment a record is of."""
        return _OF_TIME[self.profile.kind]

    def raw(self, target: str) -> object:
        """The value under the source's own name for it; None where it is absent."""
        path = self.profile.fields.get(target)
        if path is None:
            return None
        if path in self.obj:
            return self.obj[path]
        value: object = self.obj
        for part in path.split("."):
            if value is None:
                return None
            if not isinstance(value, dict):
                self.refuse(target, "的上级应为对象")
                return None
            value = value.get(part)
        return value

    def refuse(self, target: str, what: str) -> None:
        self.wrong.append(f"字段 {self.path(target)} {what}")

    def put_right(self, target: str) -> Any:
        """What a person put in the place of a value that cannot stand; None where nobody did."""
        self.correctable.append(target)
        value = getattr(self.corrected, target)
        if value is not None:
            self.flags.append("corrected_by_hand")
        return value

    def refuse_needless(self) -> None:
        """A person corrects what is in doubt; a bad rating the source stated clearly never becomes a good one."""
        for target in self.corrected.__struct_fields__:
            if getattr(self.corrected, target) is not None and target not in self.correctable:
                self.refuse(target, "没有疑问，以来源所记为准，不能改")

    def clean(self, text: str) -> str:
        """Control characters and broken surrogates out, each with a flag; everything else as typed."""
        if text.isprintable():
            return text
        try:
            text.encode()
        except UnicodeEncodeError:
            text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
            self.flags.append("unpaired_surrogates_replaced")
        text = text.replace("\r\n", "\n")
        kept = _CONTROL.sub("", text)
        if kept != text:
            self.flags.append("control_characters_removed")
        return kept

    def text(self, target: str, limit: int, *, numbers: bool = False, as_typed: bool = False) -> str | None:
        """A text field; ``numbers``: an integer may stand for it, as sources write codes both ways."""
        value = self.raw(target)
        if value is None:
            return None
        if numbers and _is_integer(value):
            value = str(value)
        if not isinstance(value, str):
            self.refuse(target, "应为文本")
            return None
        value = self.clean(value)
        if not as_typed:
            value = value.strip()
        if len(value) > limit:
            self.refuse(target, f"超过 {limit} 个字符")
            return None
        return value or None


def map_record(
    profile: SourceProfile, obj: object, *, now: datetime, limits: DateLimits,
    correction: Correction | None = None,
) -> ReviewIn | Refusal:  # fmt: skip
    """Read one record by its source's profile; ``now`` is aware. A correction stands in for what is in doubt."""
    if not isinstance(obj, dict):
        return Refusal(result="refused", reason="不是一条记录（应为 JSON 对象）")
    reading = _Reading(profile, obj, correction or Correction())
    external_id = reading.text("external_id", EXTERNAL_ID_LIMIT, numbers=True)
    if external_id is None:
        reason = (
            "；".join(reading.wrong) or f"缺少{_OF_NUMBER[profile.kind]}（{reading.path('external_id')}）"
        )
        return Refusal(result="refused", reason=reason)
    rating = _rating(reading) if profile.kind == "rating" else None
    round_ = _round(reading)
    reviewed_at = _reviewed_at(reading, now, limits)
    closed_at = _closed_at(reading, reviewed_at or now, now, limits)
    review = _facts(reading, external_id, round_ or 1, rating, reviewed_at or now, closed_at)
    reading.refuse_needless()
    if reading.bad_scale or (reading.doubtful and not reading.wrong):
        reason = "；".join(reading.doubtful + reading.wrong)
        asked = tuple(reading.correctable)
        return Refusal(
            result="set_aside", reason=reason, external_id=external_id, round=round_, correctable=asked
        )
    if reading.wrong:
        reason = "；".join(reading.wrong)
        return Refusal(result="refused", reason=reason, external_id=external_id, round=round_)
    return review


def _facts(
    r: _Reading, external_id: str, round_: int, rating: int | None, reviewed_at: datetime,
    closed_at: datetime | None,
) -> ReviewIn:  # fmt: skip
    channel = _coded(r, "channel", r.profile.codes.channel)
    reasons = _reason_codes(r)
    comment = r.text("comment", COMMENT_LIMIT, as_typed=True) or ""
    is_default = _boolean(r, "is_default") or channel in r.profile.default_channels
    department = r.text("department", NAME_LIMIT, numbers=True)
    kind = _coded(r, "rater_kind", r.profile.codes.rater_kind, known_only=True)
    if is_default:
        r.flags.append("default_rating")
    if rating is not None and is_bad(rating) and not reasons and not comment.strip():
        r.flags.append("reason_missing")
    return ReviewIn(
        external_id=external_id,
        round=round_,
        rating=rating,
        reviewed_at=reviewed_at,
        channel=channel,
        department=department,
        department_name=r.text("department_name", NAME_LIMIT),
        item=r.text("item", NAME_LIMIT),
        item_code=r.text("item_code", NAME_LIMIT, numbers=True),
        window=r.text("window", NAME_LIMIT, numbers=True),
        handled_by=r.text("handled_by", NAME_LIMIT),
        reason_codes=reasons,
        comment=comment,
        is_default=is_default,
        rater_kind=kind,
        rater_name=r.text("rater_name", NAME_LIMIT),
        rater_phone=r.text("rater_phone", NAME_LIMIT, numbers=True),
        rater_anonymous=_boolean(r, "rater_anonymous"),
        kind=_kind(r),
        closed_at=closed_at,
        satisfaction=_coded(r, "satisfaction", r.profile.codes.satisfaction, known_only=True),
        flags=tuple(dict.fromkeys(r.flags)),
    )


def _kind(r: _Reading) -> str:
    """What a work order is decides its limit, so an unknown one is for a person to say."""
    if r.profile.kind == "rating":
        return Kind.RATING.value
    code = r.text("kind", NAME_LIMIT, numbers=True)
    if code is None:
        r.wrong.append(f"缺少工单类别（{r.path('kind')}）")
    elif code not in r.profile.codes.kind:
        r.doubtful.append(f"工单类别“{_short(code)}”不在来源的对照表中（{r.path('kind')}）")
    return r.profile.codes.kind.get(code or "", "")


def _closed_at(r: _Reading, since: datetime, now: datetime, limits: DateLimits) -> datetime | None:
    """A far future or past stands for "not closed" in many systems; believed, it would make a live order history.
    Which one it is the source's profile says (``no_time``); it is never guessed."""
    value = r.raw("closed_at")
    if value is None or _says_none(r, value):
        return None
    moment = _moment(r.profile, value)
    if moment is None or moment < since:
        shown = _short(r.clean(str(value)))
        r.doubtful.append(f"办结时间“{shown}”无法识别或早于派发时间（{r.path('closed_at')}）{_IF_NONE}")
        return None
    if moment > now + limits.ahead:
        r.doubtful.append(f"办结时间 {moment.date()} 晚于当前时间超过允许的 {limits.ahead.days} 天{_IF_NONE}")
        return None
    return moment


_IF_NONE: Final = "；如表示未办结，请写入来源配置的 no_time"


def _says_none(r: _Reading, value: object) -> bool:
    """Nothing, or what the source writes where there is no time yet, at whatever hour."""
    written = r.clean(str(value)).strip()
    return not written or any(
        written == none or written.startswith((f"{none} ", f"{none}T")) for none in r.profile.no_time
    )


def _rating(r: _Reading) -> int | None:
    value = r.raw("rating")
    if isinstance(value, str):
        value = r.clean(value).strip()
    if value is None or value == "":
        r.wrong.append(f"缺少评分（{r.path('rating')}）")
        return None
    kind = "int" if _is_integer(value) else "string" if isinstance(value, str) else ""
    if kind not in r.profile.rating_types and not (kind == "string" and isinstance(r.obj, TextRow)):
        r.refuse("rating", "应为整数" if r.profile.rating_types == {"int"} else "应为评分代码")
        return None
    grade: int | None = r.profile.codes.rating.get(str(value))
    if grade is None:
        grade = r.put_right("rating")
    if grade is None:
        r.bad_scale = True
        r.doubtful.append(f"评分代码“{_short(value)}”不在来源的对照表中（{r.path('rating')}）")
    return grade


def _round(r: _Reading) -> int | None:
    value = r.raw("round")
    if isinstance(value, str):
        value = value.strip()
    if value is None or value == "":
        return 1
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= len(str(ROUND_LIMIT)):
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= ROUND_LIMIT:
        return value
    r.refuse("round", f"应为 1 至 {ROUND_LIMIT} 的整数")
    return None


def _reviewed_at(r: _Reading, now: datetime, limits: DateLimits) -> datetime | None:
    value = r.raw("reviewed_at")
    moment = None if value is None else _moment(r.profile, value)
    doubt = _implausible(r, moment, now, limits) if moment else ""
    if moment is None or doubt:
        corrected: datetime | None = r.put_right("reviewed_at")
        if corrected is not None:
            moment, doubt = corrected, _implausible(r, corrected, now, limits)
    if moment is None:
        _refuse_time(r, value)
    elif doubt:
        r.doubtful.append(doubt)
    elif moment > now:
        r.flags.append("clock_ahead")
    return moment


def _implausible(r: _Reading, moment: datetime, now: datetime, limits: DateLimits) -> str:
    if moment.date() < limits.earliest or moment.year <= 1:
        return f"{r.time} {moment.date()} 早于 {limits.earliest}"
    if moment.year >= 9999 or moment > now + limits.ahead:
        return f"{r.time} {moment.date()} 晚于当前时间超过允许的 {limits.ahead.days} 天"
    return ""


def _refuse_time(r: _Reading, value: object) -> None:
    if value is None or value == "":
        r.wrong.append(f"缺少{r.time}（{r.path('reviewed_at')}）")
    elif isinstance(value, str) or _is_integer(value):
        r.wrong.append(f"{r.time}“{_short(r.clean(str(value)))}”无法识别（{r.path('reviewed_at')}）")
    else:
        r.refuse("reviewed_at", "应为时间文本")


def _moment(profile: SourceProfile, value: object) -> datetime | None:
    for form in profile.dates:
        moment = _by_format(form, value)
        if moment is not None:
            try:
                if moment.tzinfo is None:
                    return moment.replace(tzinfo=profile.zone)
                return moment.astimezone(profile.zone)
            except (OverflowError, ValueError):
                return None
    return None


def _by_format(form: str, value: object) -> datetime | None:
    try:
        if form in ("epoch_s", "epoch_ms"):
            if isinstance(value, bool) or not isinstance(value, int | str):
                return None
            seconds = int(value) / (1000 if form == "epoch_ms" else 1)
            return datetime.fromtimestamp(seconds, UTC)
        if not isinstance(value, str):
            return None
        text = value.strip()
        if form == "iso":
            return datetime.fromisoformat(text) if _ISO.fullmatch(text) else None
        # Naive on purpose: the caller gives it the source's own zone.
        return datetime.strptime(text, form)  # noqa: DTZ007
    except (ValueError, OverflowError, OSError):
        return None


def _coded(r: _Reading, target: str, table: dict[str, str], *, known_only: bool = False) -> str | None:
    """A code through its table; an unknown one is left out with a flag, for it decides nothing."""
    code = r.text(target, NAME_LIMIT, numbers=True)
    if code is None or (not table and not known_only):
        return code
    if code not in table:
        r.flags.append(f"unknown_{target}:{_short(code)}")
    return table.get(code)


def _boolean(r: _Reading, target: str) -> bool:
    value = r.raw(target)
    if value is None or isinstance(value, bool):
        return bool(value)
    if not isinstance(value, str) and not _is_integer(value):
        r.refuse(target, "应为是否值")
        return False
    code = r.clean(str(value)).strip().lower()
    if not code or code in r.profile.codes.boolean:
        return r.profile.codes.boolean.get(code, False)
    corrected: bool | None = r.put_right(target)
    if corrected is None:
        r.doubtful.append(f"字段 {r.path(target)} 的值“{_short(code)}”不在来源的对照表中")
    return bool(corrected)


def _reason_codes(r: _Reading) -> tuple[str, ...]:
    value = r.raw("reason_codes")
    if value is None:
        return ()
    if isinstance(value, str):
        value = _OTHER_SEPARATORS.sub(r.profile.reason_separator, value).split(r.profile.reason_separator)
    elif _is_integer(value):
        value = [value]
    if not isinstance(value, list) or not all(isinstance(code, str) or _is_integer(code) for code in value):
        r.refuse("reason_codes", "应为原因代码的列表或文本")
        return ()
    codes = tuple(dict.fromkeys(code for each in value if (code := r.clean(str(each)).strip())))
    if len(codes) > REASON_CODES_LIMIT or any(len(code) > REASON_CODE_LENGTH for code in codes):
        r.refuse("reason_codes", f"过多或过长（至多 {REASON_CODES_LIMIT} 个，每个 {REASON_CODE_LENGTH} 字）")
        return ()
    for code in codes:
        known = r.profile.reason_codes.get(code)
        if known is not None and not known.in_use:
            r.flags.append(f"retired_reason_code:{code}")
        elif known is None and r.profile.reason_codes and code not in r.profile.other_grade_codes:
            r.flags.append(f"unknown_reason_code:{code}")
    return codes


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and -_INTEGER_LIMIT < value < _INTEGER_LIMIT


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
