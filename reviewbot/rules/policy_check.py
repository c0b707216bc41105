"""A policy looked through before anybody activates it: every mistake, and what is lawful but odd (B13)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from reviewbot.rules.calendar import SHANGHAI, Calendar, subtract_working_hours
from reviewbot.rules.deadlines import due_time
from reviewbot.rules.ladder import STARTED, Act, Step, stands_at
from reviewbot.rules.policy import LADDERS, STARTS, Policy, examine
from reviewbot.rules.reading import Remark, nearest

_START = datetime(2026, 3, 2, 9, 0, tzinfo=SHANGHAI)
"""A Monday far from holidays: limits and rungs are laid out from here to be compared."""
_WITHOUT_REMINDERS = ("return", "appeal", "received_late")
"""Windows and a respite: nobody is reminded that he may still do something."""


@dataclass(frozen=True)
class Findings:
    """``policy`` is None where there are mistakes."""

    policy: Policy | None
    mistakes: list[Remark]
    oddities: list[Remark]


def look_through(data: Mapping[str, object], calendar: Calendar) -> Findings:
    """All mistakes at once; what nobody reads and what makes little sense stands beside them."""
    policy, mistakes, unread = examine(data)
    odd = [*unread, *_unused(data)]
    if policy is not None:
        odd += [*_reminders(policy, calendar), *_ladder(policy, calendar), *_thresholds(policy, calendar)]
    return Findings(policy, mistakes, odd)


def _unused(data: Mapping[str, object]) -> Iterator[Remark]:
    limits = data.get("limits")
    for stage in limits if isinstance(limits, Mapping) else ():
        if stage not in STARTS:
            yield Remark(f"limits.{stage}", "没有任何环节使用这个时限", nearest(stage, STARTS))


def _reminders(policy: Policy, calendar: Calendar) -> Iterator[Remark]:
    short = []
    for stage, limit in policy.limits.items():
        if stage not in STARTS or stage in _WITHOUT_REMINDERS:
            continue
        due = due_time(limit, calendar, _START).due_at
        if policy.before_hours and subtract_working_hours(calendar, due, policy.before_hours) <= _START:
            short.append(stage)
    if short:
        yield Remark(
            "reminders.before_working_hours",
            f"提前 {policy.before_hours:g} 工作小时，不短于这些时限，它们没有到期前的提醒：{'、'.join(short)}",
        )
    dues = {stage: due_time(limit, calendar, _START).due_at for stage, limit in policy.limits.items()}
    for shorter, longer in (("contact", "handling"), ("handling", "handling_complex")):
        if dues[shorter] > dues[longer]:
            yield Remark(f"limits.{longer}", f"比 limits.{shorter} 还短")


def _ladder(policy: Policy, calendar: Calendar) -> Iterator[Remark]:
    for limit in LADDERS:
        steps = [(place, step) for place, step in enumerate(policy.ladder) if step.limit == limit]
        for (_, before), (place, after) in pairwise(steps):
            if _at(before, policy, calendar) > _at(after, policy, calendar):
                yield Remark(f"ladder[{place}]", f"“{after.label}”写在“{before.label}”之后，却先到期")
        for place, step in steps:
            if _at(step, policy, calendar) < due_time(policy.limits[limit], calendar, _START).due_at:
                yield Remark(f"ladder[{place}].after", f"“{step.label}”早于 limits.{limit} 到期")
        laid_out = sorted(steps, key=lambda each: _at(each[1], policy, calendar))
        for (_, before), (place, after) in pairwise(laid_out):
            if _GRAVITY.index(before.act) > _GRAVITY.index(after.act):
                yield Remark(f"ladder[{place}]", f"“{after.label}”比先到期的“{before.label}”轻")


def _thresholds(policy: Policy, calendar: Calendar) -> Iterator[Remark]:
    """What would let an appeal or a problem pass by itself (F13)."""
    if policy.problems.recurrence_at_most >= 1:
        yield Remark("problems.recurrence_at_most", "整改后不比整改前少也能销号，应小于 1")
    if policy.appeals.deciders < 2:
        yield Remark("appeals.deciders", "一人同意申诉即成立，没有第二人复核")
    dues = {name: due_time(policy.limits[name], calendar, _START).due_at for name in ("appeal", "handling")}
    if dues["appeal"] > dues["handling"]:
        yield Remark("limits.appeal", "比 limits.handling 还长，办理到期之后仍可申诉")


_GRAVITY = tuple(Act)


def _at(step: Step, policy: Policy, calendar: Calendar) -> datetime:
    due_at = due_time(policy.limits[step.limit], calendar, _START).due_at
    return stands_at(calendar, _START if step.counts_from == STARTED else due_at, step)


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """(key, before, after) of everything that differs; empty where a key is not there."""
    before, after = dict(_flat(old)), dict(_flat(new))
    return [
        (key, before.get(key, ""), after.get(key, ""))
        for key in dict.fromkeys([*before, *after])
        if before.get(key) != after.get(key)
    ]


def _flat(table: Mapping[str, Any], name: str = "") -> Iterator[tuple[str, str]]:
    for key, value in table.items():
        path = f"{name}.{key}" if name else key
        if isinstance(value, Mapping):
            yield from _flat(value, path)
        elif isinstance(value, list) and value and isinstance(value[0], Mapping):
            for entry in value:
                yield from _flat(entry, f"{path}[{entry.get('limit')}/{entry.get('key')}]")
        elif path not in ("version", "note"):
            yield path, _shown(value)


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "、".join(str(one) for one in value) or "（空）" if isinstance(value, list) else str(value)
