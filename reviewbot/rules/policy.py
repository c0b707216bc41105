"""The policy in force, read from ``policy.toml``: limits, reminders, returns, extensions, appeals, rounding."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from reviewbot.errors import SettingError
from reviewbot.rules.deadlines import Limit, Unit
from reviewbot.rules.ladder import Act, Step
from reviewbot.rules.lifecycle import CITY_WIDE
from reviewbot.rules.rates import Rounding

ROUNDINGS = ("round", "truncate")
_LONGEST = 1000


@dataclass(frozen=True)
class ReturnRules:
    """Returning a case as not ours (F14)."""

    before_arbitration: int
    """So many returns go to the desk; the next one is ruled upon."""
    name_the_unit: bool
    """Whether a return has to name the unit it belongs to."""


@dataclass(frozen=True)
class ExtensionRules:
    """More time (F16), and the ledger for what cannot be mended at once (F11)."""

    most: int
    """Extensions of one case."""
    most_days: int
    """Working days of one extension."""
    ledger_days: int
    """Calendar days a ledger entry may plan ahead."""


@dataclass(frozen=True)
class AppealRules:
    """Appeals against a rating (F13)."""

    deciders: int


@dataclass(frozen=True)
class RaterRules:
    """The rater's own page (B21)."""

    link_days: int
    """Calendar days a link can be opened."""
    reopenings: int
    """How often 不满意 reopens a case; after that a supervisor looks into it."""
    tell_when_opened: bool
    """Whether the rater is told that his case was opened, with the link."""


@dataclass(frozen=True)
class MessageRules:
    """When reminders are kept back, and when many become one."""

    quiet: bool
    """Reminders born outside office hours wait until the office opens."""
    urgent: frozenset[str]
    """Keys of rungs that are told at once even so."""
    digest_above: int
    """More reminders than this waiting for one person become one message."""


@dataclass(frozen=True)
class ProblemRules:
    """举一反三: when like bad reviews become a problem, and when it is solved (domain §10)."""

    count: int
    window_days: int
    recurrence_at_most: float
    """Share of the reviews before that may still come after, for the problem to be closed."""


@dataclass(frozen=True)
class RecallRules:
    """抽查回访: the independent re-call sample (peers B5)."""

    percent: int
    """Of the closed cases of a month, in percent, rounded up; every unit with one has at least one called."""
    callers: frozenset[str]
    """Roles whose people call; only such as see the whole city."""


@dataclass(frozen=True)
class MorningRules:
    """晨报: who is told each working day, when the office opens, what waits for him."""

    after_minutes: int
    """Minutes after the office has opened."""
    roles: frozenset[str]


@dataclass(frozen=True)
class Policy:
    """The time limits and thresholds in force, as read from ``policy.toml``."""

    version: str
    limits: Mapping[str, Limit] = field(hash=False)
    half: bool
    before_hours: float
    attempts_before_unreachable: int
    returns: ReturnRules
    extensions: ExtensionRules
    appeals: AppealRules
    problems: ProblemRules
    ladder: tuple[Step, ...]
    messages: MessageRules
    raters: RaterRules
    recalls: RecallRules
    morning: MorningRules
    rounding: Rounding
    small_below: int
    """A rate over fewer cases is flagged and not ranked (F20)."""

    @classmethod
    def from_table(cls, data: Mapping[str, object]) -> Self:
        limits = _table(data, "limits")
        if not limits:
            raise SettingError("规则设置 limits 为空，至少要有一个时限。")
        rounding = _text(_table(data, "rates"), "rates.rounding")
        if rounding not in ROUNDINGS:
            raise SettingError(f"规则设置 rates.rounding 应为 {' 或 '.join(ROUNDINGS)}。")
        reminders, call_back = _table(data, "reminders"), _table(data, "call_back")
        problems, messages = _table(data, "problems"), _table(data, "messages")
        returns, extensions = _table(data, "returns"), _table(data, "extensions")
        ladder = _ladder(data)
        return cls(
            version=_text(data, "version"),
            limits={stage: _limit(stage, _table(limits, f"limits.{stage}")) for stage in limits},
            half=_switch(reminders, "reminders.half"),
            before_hours=_number(reminders, "reminders.before_working_hours", at_least=0),
            attempts_before_unreachable=_count(call_back, "call_back.attempts_before_unreachable"),
            returns=ReturnRules(
                before_arbitration=_count(returns, "returns.before_arbitration"),
                name_the_unit=_switch(returns, "returns.name_the_unit"),
            ),
            extensions=ExtensionRules(
                most=_count(extensions, "extensions.most"),
                most_days=_count(extensions, "extensions.most_days"),
                ledger_days=_count(extensions, "extensions.ledger_days"),
            ),
            ladder=ladder,
            messages=MessageRules(
                quiet=_switch(messages, "messages.quiet"),
                urgent=_urgent(messages, ladder),
                digest_above=_count(messages, "messages.digest_above"),
            ),
            problems=ProblemRules(
                count=_count(problems, "problems.count"),
                window_days=_count(problems, "problems.window_days"),
                recurrence_at_most=_number(problems, "problems.recurrence_at_most", at_least=0),
            ),
            appeals=AppealRules(deciders=_count(_table(data, "appeals"), "appeals.deciders")),
            raters=_raters(_table(data, "raters")),
            recalls=_recalls(_table(data, "recalls")),
            morning=_morning(_table(data, "morning")),
            small_below=_count(_table(data, "rates"), "rates.small_below"),
            rounding="truncate" if rounding == "truncate" else "round",
        )


def _raters(table: Mapping[str, object]) -> RaterRules:
    reopenings = _number(table, "raters.reopenings", at_least=0)
    if not isinstance(reopenings, int):
        raise SettingError("规则设置 raters.reopenings 应为整数。")
    return RaterRules(
        link_days=_count(table, "raters.link_days"),
        reopenings=reopenings,
        tell_when_opened=_switch(table, "raters.tell_when_opened"),
    )


REMINDERS = ("half", "before", "overdue")
"""The keys of the rungs every limit has; no step may bear one of them."""
ONE_EACH = (Act.YELLOW_CARD, Act.RED_CARD)
"""A limit carries one card of a colour."""
_PLACES = ("handler", "head", "supervisor", "leader")
_STEP_UNITS = ("working_day", "calendar_day", "month")


def _ladder(data: Mapping[str, object]) -> tuple[Step, ...]:
    entries = data.get("ladder", [])
    if not isinstance(entries, list):
        raise SettingError("规则设置 [[ladder]] 应为若干段。")
    steps = tuple(_step(f"ladder[{place}]", entry) for place, entry in enumerate(entries))
    for place, step in enumerate(steps):
        earlier = [known for known in steps[:place] if known.limit == step.limit]
        if step.key in REMINDERS or step.key in [known.key for known in earlier]:
            raise SettingError(f"规则设置 ladder[{place}].key “{step.key}”重复，每级须有自己的名称。")
        if step.act in ONE_EACH and step.act in [known.act for known in earlier]:
            raise SettingError(f"规则设置 ladder[{place}].act “{step.act}”重复，一个时限只发一次。")
    return steps


def _urgent(table: Mapping[str, object], ladder: tuple[Step, ...]) -> frozenset[str]:
    value, known = table.get("urgent"), {*REMINDERS, *(step.key for step in ladder)}
    if not isinstance(value, list) or any(not isinstance(key, str) or key not in known for key in value):
        raise SettingError(f"规则设置 messages.urgent 应为 {'、'.join(sorted(known))} 中的若干个，或为空。")
    return frozenset(value)


def _step(name: str, entry: object) -> Step:
    if not isinstance(entry, Mapping):
        raise SettingError(f"规则设置 {name} 不是一张表。")
    unit, act, limit = (_text(entry, f"{name}.{key}") for key in ("unit", "act", "limit"))
    to = entry.get("to")
    if unit not in _STEP_UNITS:
        raise SettingError(f"规则设置 {name}.unit 应为 {'、'.join(_STEP_UNITS)} 之一。")
    if act not in [known.value for known in Act]:
        raise SettingError(f"规则设置 {name}.act 应为 {'、'.join(Act)} 之一。")
    if limit not in ("handling", "instruction"):
        raise SettingError(f"规则设置 {name}.limit 应为 handling 或 instruction。")
    if not isinstance(to, list) or not to or not set(to) <= set(_PLACES):
        raise SettingError(f"规则设置 {name}.to 应为 {'、'.join(_PLACES)} 中的若干个。")
    after = _number(entry, f"{name}.after", at_least=0)
    if after != int(after):
        raise SettingError(f"规则设置 {name}.after 应为整数。")
    key, label = _text(entry, f"{name}.key"), _text(entry, f"{name}.label")
    return Step(key, label, limit, int(after), unit, Act(act), tuple(to))


def _limit(stage: str, table: Mapping[str, object]) -> Limit:
    key = f"limits.{stage}"
    written = _text(table, f"{key}.unit")
    if written not in [unit.value for unit in Unit]:
        raise SettingError(f"规则设置 {key}.unit 应为 {'、'.join(Unit)} 之一。")
    unit = Unit(written)
    value = _number(table, f"{key}.value", at_least=0)
    if value == 0 or (unit is not Unit.WORKING_HOUR and value != int(value)):
        raise SettingError(f"规则设置 {key}.value 应大于 0，按日计的应为整数。")
    return Limit(stage, value, unit, _text(table, f"{key}.starts"), _text(table, f"{key}.basis"))


def _recalls(table: Mapping[str, object]) -> RecallRules:
    percent = _count(table, "recalls.percent")
    if percent > 100:
        raise SettingError("规则设置 recalls.percent 应在 1 到 100 之间。")
    callers = table.get("callers")
    known = sorted(role.value for role in CITY_WIDE)
    if not isinstance(callers, list) or not callers or not set(callers) <= set(known):
        raise SettingError(f"规则设置 recalls.callers 应为一个列表，可用：{'、'.join(known)}。")
    return RecallRules(percent, frozenset(callers))


def _morning(table: Mapping[str, object]) -> MorningRules:
    minutes, roles = _number(table, "morning.after_minutes", at_least=0), table.get("roles")
    known = ("handler", "head", "desk", "supervisor", "leader")
    if not isinstance(minutes, int):
        raise SettingError("规则设置 morning.after_minutes 应为整数。")
    if not isinstance(roles, list) or not set(roles) <= set(known):
        raise SettingError(f"规则设置 morning.roles 应为 {'、'.join(known)} 中的若干个，或为空。")
    return MorningRules(minutes, frozenset(roles))


def _last(key: str) -> str:
    return key.rpartition(".")[2]


def _table(data: Mapping[str, object], key: str) -> Mapping[str, object]:
    value = data.get(_last(key))
    if not isinstance(value, Mapping):
        raise SettingError(f"规则设置 [{key}] 缺失或不是一张表。")
    return value


def _text(table: Mapping[str, object], key: str) -> str:
    value = table.get(_last(key))
    if not isinstance(value, str) or not value.strip():
        raise SettingError(f"规则设置 {key} 缺失或不是文字。")
    return value


def _switch(table: Mapping[str, object], key: str) -> bool:
    value = table.get(_last(key))
    if not isinstance(value, bool):
        raise SettingError(f"规则设置 {key} 应为 true 或 false。")
    return value


def _number(table: Mapping[str, object], key: str, *, at_least: float) -> float:
    value = table.get(_last(key))
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise SettingError(f"规则设置 {key} 缺失或不是数字。")
    if not at_least <= value <= _LONGEST:
        raise SettingError(f"规则设置 {key} 应在 {at_least:g} 到 {_LONGEST} 之间。")
    return value


def _count(table: Mapping[str, object], key: str) -> int:
    value = _number(table, key, at_least=1)
    if not isinstance(value, int):
        raise SettingError(f"规则设置 {key} 应为整数。")
    return value
