"""One version of the policy, as ``policy.toml`` says it: limits, reminders, returns, extensions, appeals, rounding."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Self

from reviewbot.errors import SettingError
from reviewbot.rules.call_back import CallRules
from reviewbot.rules.deadlines import DISPATCHED, RECEIVED, Limit, Unit
from reviewbot.rules.kinds import Kind
from reviewbot.rules.ladder import DUE, STARTED, Act, Step
from reviewbot.rules.lifecycle import CITY_WIDE
from reviewbot.rules.rates import Rounding
from reviewbot.rules.reading import Remark, Section

ROUNDINGS = ("round", "truncate")
_EITHER = (DISPATCHED, RECEIVED)
STARTS: Mapping[str, tuple[str, ...]] = {
    "dispatch": (RECEIVED,), "contact": _EITHER, "handling_complex": _EITHER,
    **{kind.limit: _EITHER for kind in Kind},
    "return": (DISPATCHED,), "appeal": (DISPATCHED,), "arbitration": ("convened",),
    "appeal_decision": ("appealed",), "decision": ("asked",), "assistance": ("asked",), "instruction": ("instructed",),
    "received_late": ("assigned",),
}  # fmt: skip
"""Every limit that anything asks for, and the events its clock may start from (F7). Nothing starts at signing or at
the verification: a unit could stop the clock by doing neither."""
OPTIONAL = frozenset({"return"})
"""Without a limit of its own a case may be returned at any time."""


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
    stop_clock: bool
    """Whether the handling limit stands still between appeal and decision; no rule is known (L4)."""


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
    plan_days: int
    """Working days from its opening until the root cause and the measures are written down."""
    begin_within: int
    """Calendar days from its opening, or from when earlier measures gave way, until measures begin."""


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
    """The time limits and thresholds of one version. A case keeps the version it was born with (law 2, F8)."""

    version: str
    effective_from: date | None
    """As written; what counts is the row of the version."""
    limits: Mapping[str, Limit] = field(hash=False)
    half: bool
    before_hours: float
    calls: CallRules
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
        """Raises SettingError with the first mistake."""
        found, root = cls._read(data)
        if root.mistakes:
            raise SettingError(root.mistakes[0].sentence)
        return found

    @classmethod
    def kept(cls, text: str, shipped: Mapping[str, Any]) -> Self:
        """A version that was in force once. What a later release asks for and this text cannot say, or said while
        nobody heeded it, is taken from the shipped policy, so that a case outlives the release it was born under."""
        data: dict[str, Any] = tomllib.loads(text)
        for mistake in cls._read(data)[1].mistakes:
            if mistake.missing or mistake.key.endswith(_ONCE_UNHEEDED):
                _fill(data, shipped, mistake.key.split("."))
        return cls.from_table(data)

    @classmethod
    def _read(cls, data: Mapping[str, object]) -> tuple[Self, Section]:
        root = Section("", data, [])
        reminders, call_back = root.section("reminders"), root.section("call_back")
        problems, rates = root.section("problems"), root.section("rates")
        returns, extensions = root.section("returns"), root.section("extensions")
        appeals = root.section("appeals")
        ladder = _ladder(root)
        root.ignore("note")
        found = cls(
            version=root.text("version"),
            effective_from=root.day("effective_from"),
            limits=_limits(root.section("limits")),
            half=reminders.switch("half"),
            before_hours=reminders.number("before_working_hours"),
            calls=CallRules(
                half_days=call_back.count("attempts_before_unreachable"),
                earliest_hour=call_back.count("earliest_hour", at_least=0, at_most=23),
                latest_hour=call_back.count("latest_hour", at_most=24),
                apart_hours=call_back.number("apart_hours"),
            ),
            returns=ReturnRules(
                before_arbitration=returns.count("before_arbitration"),
                name_the_unit=returns.switch("name_the_unit"),
            ),
            extensions=ExtensionRules(
                most=extensions.count("most"),
                most_days=extensions.count("most_days"),
                ledger_days=extensions.count("ledger_days"),
            ),
            ladder=ladder,
            messages=_messages(root.section("messages"), ladder),
            problems=ProblemRules(
                count=problems.count("count"),
                window_days=problems.count("window_days"),
                recurrence_at_most=problems.number("recurrence_at_most"),
                plan_days=problems.count("plan_days"),
                begin_within=problems.count("begin_within"),
            ),
            appeals=AppealRules(deciders=appeals.count("deciders"), stop_clock=appeals.switch("stop_clock")),
            raters=_raters(root.section("raters")),
            recalls=_recalls(root.section("recalls")),
            morning=_morning(root.section("morning")),
            small_below=rates.count("small_below"),
            rounding="truncate" if rates.choice("rounding", ROUNDINGS) == "truncate" else "round",
        )
        return found, root


def parse(text: str, name: str) -> dict[str, Any]:
    """The table of a TOML file; ``name`` stands in the error."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as wrong:
        raise SettingError(f"配置文件 {name} 写法有误：{wrong}。") from None


def examine(data: Mapping[str, object]) -> tuple[Policy | None, list[Remark], list[Remark]]:
    """The policy where it has no mistakes, all its mistakes, and the keys in it that mean nothing."""
    found, root = Policy._read(data)  # noqa: SLF001 - the same reading, to its end
    return (None if root.mistakes else found), root.mistakes, list(root.unread())


_ONCE_UNHEEDED = ".starts"
"""Whatever stood there was taken, and the clock started from the stage's own event."""


def _fill(data: dict[str, Any], shipped: Mapping[str, Any], path: list[str]) -> None:
    *tables, last = path
    for name in tables:
        data, shipped = data[name], shipped[name]
    data[last] = shipped[last]


REMINDERS = ("half", "before", "overdue")
"""The keys of the rungs every limit has; no step may bear one of them."""
ONE_EACH = (Act.YELLOW_CARD, Act.RED_CARD)
"""A limit carries one card of a colour."""
LADDERS = ("handling", "instruction")
_PLACES = ("handler", "head", "supervisor", "leader")
_STEP_UNITS = ("working_day", "calendar_day", "month")


def _ladder(root: Section) -> tuple[Step, ...]:
    entries = root.sections("ladder")
    steps = [_step(entry) for entry in entries]
    for place, (step, entry) in enumerate(zip(steps, entries, strict=True)):
        earlier = [known for known in steps[:place] if known.limit == step.limit]
        if step.key in REMINDERS or step.key in [known.key for known in earlier if known.key]:
            entry.refuse("key", f"“{step.key}”重复", "每级自己的名称")
        if step.act in ONE_EACH and step.act in [known.act for known in earlier]:
            entry.refuse("act", f"“{step.act}”重复", "一个时限只发一次的牌")
    return tuple(steps)


def _step(entry: Section) -> Step:
    # Texts kept from before there was a choice count every step from the due time.
    counts_from = entry.choice("counts_from", (DUE, STARTED)) if entry.holds("counts_from") else DUE
    return Step(
        key=entry.text("key"),
        label=entry.text("label"),
        limit=entry.choice("limit", LADDERS),
        after=entry.count("after", at_least=0 if counts_from == DUE else 1),
        unit=entry.choice("unit", _STEP_UNITS),
        act=Act(entry.choice("act", [act.value for act in Act])),
        to=entry.choices("to", _PLACES),
        counts_from=counts_from,
    )


def _messages(table: Section, ladder: tuple[Step, ...]) -> MessageRules:
    known = sorted({*REMINDERS, *(step.key for step in ladder)})
    return MessageRules(
        quiet=table.switch("quiet"),
        urgent=frozenset(table.choices("urgent", known, may_be_empty=True)),
        digest_above=table.count("digest_above"),
    )


def _limits(table: Section) -> dict[str, Limit]:
    for stage in STARTS:
        if table.table is not None and stage not in OPTIONAL and not table.holds(stage):
            table.refuse(stage, "缺失", "一个时限", missing=True)
    return {stage: _limit(stage, table.section(stage)) for stage in table.table or ()}


def _limit(stage: str, table: Section) -> Limit:
    unit = Unit(table.choice("unit", [unit.value for unit in Unit]))
    value = table.number("value", positive=True) if unit is Unit.WORKING_HOUR else table.count("value")
    starts = table.choice("starts", STARTS[stage]) if stage in STARTS else table.text("starts")
    return Limit(stage, value, unit, starts, table.text("basis"))


def _morning(table: Section) -> MorningRules:
    return MorningRules(
        table.count("after_minutes", at_least=0),
        frozenset(table.choices("roles", (*_PLACES, "desk"), may_be_empty=True)),
    )


def _raters(table: Section) -> RaterRules:
    return RaterRules(
        link_days=table.count("link_days"),
        reopenings=table.count("reopenings", at_least=0),
        tell_when_opened=table.switch("tell_when_opened"),
    )


def _recalls(table: Section) -> RecallRules:
    callers = table.choices("callers", sorted(role.value for role in CITY_WIDE))
    return RecallRules(table.count("percent", at_most=100), frozenset(callers))
