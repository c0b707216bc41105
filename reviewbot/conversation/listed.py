"""A list in chat: how many, by unit or the most urgent, each number with the page that shows exactly those."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from reviewbot.clock import CHINA
from reviewbot.conversation.asking import Asking, days, whose
from reviewbot.conversation.lines import pad
from reviewbot.conversation.periods import Period
from reviewbot.conversation.questions import Asked
from reviewbot.conversation.vocabulary import Unit
from reviewbot.errors import NotAllowed
from reviewbot.queries.directory import DESK, UnitName
from reviewbot.queries.listings import Entry, Wanted, count_by_family, count_by_unit, count_listed, listed
from reviewbot.queries.raters import count_concerns
from reviewbot.queries.scope import SUPERVISION
from reviewbot.rules.kinds import BOTH, Family
from reviewbot.rules.linked import link
from reviewbot.rules.listings import CONCERNS, LISTINGS, Listing
from reviewbot.rules.notices import fit, when

SHOWN = 8
"""Entries shown of a unit's list."""
DUE_SOON = timedelta(days=6)
"""到期 without a period: today and the six days after it."""


def list_text(asking: Asking, asked: Asked, units: Mapping[int, Unit]) -> str:
    """A list of ``rules.listings``; ``units``: by id, for the rows."""
    listing = LISTINGS[asked.listing or ""]
    if listing is CONCERNS:
        return _concerns(asking, asked, units)
    asked = replace(asked, period=asked.period or _default_period(asking, listing))
    head = [f"{listing.label}　{whose(asked)}" + (f"　{asked.family.label}" if asked.family else "")]
    if asked.period:
        head.append(f"{listing.dated_label}在 {days(asked.period)}")
    if len(asked.units) == 1:
        return _of_one_unit(asking, asked, listing, head)
    return _of_units(asking, asked, listing, head, units)


def _default_period(asking: Asking, listing: Listing) -> Period | None:
    if not listing.needs_period:
        return None
    return asking.today, asking.today + (DUE_SOON if listing.dated == "due" else timedelta())


def told_count(asking: Asking, wanted: Wanted, unit: Unit | UnitName | None, measure: str = "") -> str:
    """How many entries, opening exactly those; work orders among ratings are told apart, never added in silence."""
    counts = count_by_family(asking.session, wanted, asking.viewer, asking.at)
    whole = _opens(asking, wanted, unit, str(sum(counts.values()))) + measure
    if wanted.family or not counts[Family.ORDERS]:
        return whole
    parts = [
        f"{family.label} {_opens(asking, replace(wanted, family=family), unit, str(counts[family]))}"
        for family in BOTH
    ]
    return f"{whole}（{' / '.join(parts)}）"


def _opens(asking: Asking, wanted: Wanted, unit: Unit | UnitName | None, words: str) -> str:
    dates = {"from": wanted.period[0], "to": wanted.period[1]} if wanted.period else {}
    return link(
        asking.address, "/cases", words, list=wanted.key, department=unit.code if unit else None,
        **dates, kind=wanted.family.value if wanted.family else None,
    )  # fmt: skip


def _of_one_unit(asking: Asking, asked: Asked, listing: Listing, head: list[str]) -> str:
    (unit,) = asked.units
    wanted = Wanted(listing.key, unit.id, asked.period, asked.family)
    count = count_listed(asking.session, wanted, asking.viewer, asking.at)
    entries = listed(asking.session, wanted, asking.viewer, asking.at, limit=SHOWN, most_urgent=True)
    head.append(f"共 {told_count(asking, wanted, unit, f' {listing.counted}')}")
    rows = [_row(entry) for entry in entries]
    if count > len(rows):
        rows.append(f"其余 {count - len(rows)} {listing.counted}见页面")
    return fit(head, rows, [asking.cut_off])


def _row(entry: Entry) -> str:
    case = entry.case
    if not entry.open_to:
        return f"{case.number} 已不在本单位"
    due = when(case.due_at.astimezone(CHINA)) if case.due_at else "—"
    return f"{case.number} {case.status.label}　期限 {due}"


def _of_units(
    asking: Asking, asked: Asked, listing: Listing, head: list[str], units: Mapping[int, Unit]
) -> str:
    wanted = Wanted(listing.key, None, asked.period, asked.family)
    if asked.units:
        opened = [
            (unit, told_count(asking, replace(wanted, department_id=unit.id), unit)) for unit in asked.units
        ]
        return fit(head, _lines(opened), [asking.cut_off])
    head.append(f"共 {told_count(asking, wanted, None, f' {listing.counted}')}")
    counts = count_by_unit(asking.session, wanted, asking.viewer, asking.at)
    rows = [(unit, _opens(asking, wanted, unit or DESK, str(count))) for unit, count in _named(counts, units)]
    return fit(head, _lines(rows), [asking.cut_off])


def _of_asked(asked: Asked, counts: list[tuple[int | None, int]]) -> list[tuple[int | None, int]]:
    known = dict(counts)
    return [(unit.id, known.get(unit.id, 0)) for unit in asked.units]


def _named(counts: list[tuple[int | None, int]], units: Mapping[int, Unit]) -> list[tuple[Unit | None, int]]:
    return [(units[ident] if ident is not None else None, count) for ident, count in counts]


def _lines(rows: Sequence[tuple[Unit | None, str]]) -> list[str]:
    """A line a unit; what no unit holds lies with the desk."""
    names = [(unit or DESK).label for unit, _ in rows]
    padded = pad(names)
    return [f"{padded[name]} {words}" for name, (_, words) in zip(names, rows, strict=True)]


def _concerns(asking: Asking, asked: Asked, units: Mapping[int, Unit]) -> str:
    if not asking.viewer.roles & SUPERVISION:
        raise NotAllowed("督办事项只对督办、领导、审计和管理员开放。")
    counts = count_concerns(asking.session)
    if asked.units:
        counts = _of_asked(asked, counts)
    total = link(asking.address, "/supervision", str(sum(count for _, count in counts)))
    rows = [
        (unit, link(asking.address, "/supervision", str(count), department=unit.code) if unit else str(count))
        for unit, count in _named(counts, units)
    ]
    head = [f"督办事项　{whose(asked)}", "" if asked.units else f"待核查 {total} 件"]
    return fit([line for line in head if line], _lines(rows), [asking.cut_off])
