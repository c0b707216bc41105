"""Answer a question: the one formula and the one row scope of every door, as a short table with its links."""

from collections.abc import Sequence
from dataclasses import replace

from reviewbot.clock import span
from reviewbot.conversation.asking import Asking, Line, Told, days, figure_of, figures, whose
from reviewbot.conversation.lines import change, pad
from reviewbot.conversation.listed import list_text
from reviewbot.conversation.periods import Period, earlier, whole_month
from reviewbot.conversation.plots import by_month, months_chart, units_chart
from reviewbot.conversation.questions import Asked
from reviewbot.conversation.vocabulary import Unit
from reviewbot.errors import InvalidInput, NotAllowed
from reviewbot.queries.listings import Wanted, count_listed
from reviewbot.queries.pages import intake_between
from reviewbot.rules.linked import link
from reviewbot.rules.listings import CONCERNS, LISTINGS
from reviewbot.rules.notices import fit
from reviewbot.rules.rates import METRICS, Figure, display, is_small, share, small_note, told_apart
from reviewbot.rules.rulebook import Rulebook

COURSE = ("opened", "closed", "due", "open", "overdue", "yellow", "red")
"""What 今日 tells, each as its own list."""
CLAIMED, CONFIRMED = "rectification_rate", "confirmed_rectification_rate"
"""What units say they mended never stands without what raters say of it (peers B4)."""
COMPARED = {"step": "环比", "year": "同比"}


def answer_question(asking: Asking, asked: Asked, units: Sequence[Unit]) -> Told:
    """What was asked, within the rows this person may see. Raises NotAllowed for another unit."""
    asked = _within_scope(asking, asked, units)
    if asked.listing:
        if asked.listing == CONCERNS.key and asked.period:
            raise InvalidInput("督办事项只看现在待核查的，请不写时间，例如「社保局 督办事项」。")
        return Told(list_text(asking, asked, {unit.id: unit for unit in units}))
    if not asked.metrics:
        return Told(_course(asking, asked, asked.period or (asking.today, asking.today)))
    period = asked.period or whole_month(asking.today)
    if asked.trend:
        return _trend(asking, asked, period)
    if asked.each or len(asked.units) > 1:
        return _by_unit(asking, asked, period)
    return _single(asking, asked, period)


def _within_scope(asking: Asking, asked: Asked, units: Sequence[Unit]) -> Asked:
    """Whoever does not see the city sees his own unit, and is told so when he asks for more (R18)."""
    if asking.viewer.sees_all:
        return asked
    own = next(unit for unit in units if unit.id == asking.viewer.department_id)
    others = [unit.label for unit in asked.units if unit != own]
    if others or asked.each or asked.whole:
        whose = "、".join(others) or "其他单位"
        raise NotAllowed(f"您只能查询本单位（{own.label}）的数据，{whose}的数据请向督办人员了解。")
    return replace(asked, units=(own,))


def _single(asking: Asking, asked: Asked, asked_period: Period) -> Told:
    """The whole, or one unit: each rate with its fraction, its parts, and what it is compared with."""
    unit = asked.units[0] if asked.units else None
    rounding, small = asking.rulebook.policy.rounding, asking.rulebook.policy.small_below
    head, rows = [f"{whose(asked)}　{days(asked_period)}"], []
    few = False
    pairs = _pairs(asking, asked, asked_period)
    period = pairs[0][1] if pairs else asked_period
    for metric in asked.metrics:
        figure = figure_of(asking, metric, period, unit)
        few |= is_small(figure, small)
        told = share(figure, rounding, small)
        rows.append(f"{METRICS[metric].name} " + _behind(asking, metric, period, unit, told))
        rows += _parts(asking, metric, period, unit, figure)
        if metric == CLAIMED and CONFIRMED not in asked.metrics:
            beside = figure_of(asking, CONFIRMED, period, unit)
            few |= is_small(beside, small)
            said = _behind(asking, CONFIRMED, period, unit, share(beside, rounding, small))
            rows.append(f"{METRICS[CONFIRMED].name} {said}")
        for how, _, then in pairs:
            before = figure_of(asking, metric, then, unit)
            rows.append(
                f"{COMPARED[how]} {change(figure, before, rounding)}\n　"
                f"{days(then)}：{_behind(asking, metric, then, unit, share(before, rounding, small))}"
            )
            few |= is_small(before, small)
    if period != asked_period:
        rows.append(f"（本期未完，按 {days(period)} 与前期同样天数比较）")
    if len(asked.metrics) == 1:
        rows.append(f"分母：{METRICS[asked.metrics[0]].denominator}")
    text = fit(head, rows, [*([small_note(small)] if few else []), asking.cut_off])
    alone = len(asked.metrics) == 1 and not asked.compare
    message = f"{days(period)} {display(figure, rounding)}"
    chart = months_chart(asking, asked, by_month(asking, asked, period), message) if alone else None
    return Told(text, chart)


def _pairs(asking: Asking, asked: Asked, period: Period) -> list[tuple[str, Period, Period]]:
    return [(how, *earlier(period, asking.today, by_year=how == "year")) for how in asked.compare]


def _behind(
    asking: Asking, metric: str, period: Period, unit: Unit | None, words: str, part: str | None = None
) -> str:
    return link(
        asking.address, "/cases", words, metric=metric, part=part, department=unit.code if unit else None,
        **{"from": period[0], "to": period[1]},
    )  # fmt: skip


def _parts(asking: Asking, metric: str, period: Period, unit: Unit | None, figure: Figure) -> list[str]:
    """What the numerator is made of, and what stands beside it, where there is more than one (F12); on a line of
    its own what stands apart (F9)."""
    told = METRICS[metric]
    inside = [(part, name, figure.parts.get(part, 0)) for part, name in told.parts.items()]
    lines = [("　", inside)] if len(inside) > 1 else []
    if apart := told_apart(figure):
        lines.append(("　另列　", apart))
    return [
        head + " / ".join(
            f"{name} {_behind(asking, metric, period, unit, str(count), part)}" for part, name, count in groups
        )
        for head, groups in lines
    ]  # fmt: skip


def _by_unit(asking: Asking, asked: Asked, asked_period: Period) -> Told:
    """The units with cases, best first; too few cases are not ranked, none at all are told apart (F20)."""
    (metric, *_), rounding = asked.metrics, asking.rulebook.policy.rounding
    small = asking.rulebook.policy.small_below
    pairs = _pairs(asking, asked, asked_period)
    period = pairs[0][1] if pairs else asked_period
    lines = _lines(asking, asked, metric, [period, *(then for _, _, then in pairs)])
    total = None if asked.units else figure_of(asking, metric, period, None)
    padded = pad([line.name for line in lines if line.figure.denominator])
    ranked, few, none = _ranked(lines, small)
    rows = [
        _unit_row(padded[line.name], line, pairs, asking.rulebook) for line in (*ranked, *few)
    ]  # fmt: skip
    if few:
        rows.insert(len(ranked), f"不足 {small} 件，仅供参考、不排序：")
    head = [f"{METRICS[metric].name}　{days(period)}"]
    head += [f"{COMPARED[how]}对比 {days(then)}" for how, _, then in pairs]
    if total is not None:
        head.append(f"全部 {_behind(asking, metric, period, None, display(total, rounding))}")
        head += _parts(asking, metric, period, None, total)
    foot = [f"{len(none)} 个单位没有应计件：—（0/0）"] if none else []
    there = link(asking.address, "/", "各单位明细", **{"from": period[0], "to": period[1]})
    return Told(
        fit(head, rows, [*foot, asking.cut_off, there]),
        units_chart(asking, metric, period, ranked, few, total),
    )


def _lines(asking: Asking, asked: Asked, metric: str, periods: Sequence[Period]) -> list[Line]:
    if asked.units:
        return [
            Line(unit.label, *_now_and_then([figure_of(asking, metric, one, unit) for one in periods]))
            for unit in asked.units
        ]
    tables = [figures(asking, metric, period, split=True) for period in periods]
    return [
        Line(unit.label, *_now_and_then([table.get(unit, Figure(metric, 0, 0)) for table in tables]))
        for unit in dict.fromkeys(unit for table in tables for unit in table)
        if unit is not None
    ]


def _now_and_then(figures: list[Figure]) -> tuple[Figure, tuple[Figure, ...]]:
    return figures[0], tuple(figures[1:])


def _ranked(lines: Sequence[Line], small: int) -> tuple[list[Line], list[Line], list[Line]]:
    counted = [line for line in lines if line.figure.denominator]
    enough = [line for line in counted if not is_small(line.figure, small)]
    # By the exact fraction, then by size: equal rates stand in the directory's order.
    enough.sort(key=lambda one: (-one.figure.numerator / one.figure.denominator, -one.figure.denominator))
    few = [line for line in counted if is_small(line.figure, small)]
    return enough, few, [line for line in lines if not line.figure.denominator]


def _unit_row(name: str, line: Line, pairs: Sequence[tuple[str, Period, Period]], rulebook: Rulebook) -> str:
    rounding, small = rulebook.policy.rounding, rulebook.policy.small_below
    told = f"{name} {share(line.figure, rounding, small)}"
    for (how, _, _), before in zip(pairs, line.earlier, strict=True):
        told += f"\n　{COMPARED[how]} {change(line.figure, before, rounding)}，前期 {share(before, rounding, small)}"
    return told


def _trend(asking: Asking, asked: Asked, period: Period) -> Told:
    """One rate of the whole or one unit, month by month."""
    (metric, *_), unit = asked.metrics, asked.units[0] if asked.units else None
    rounding, small = asking.rulebook.policy.rounding, asking.rulebook.policy.small_below
    months = by_month(asking, asked, period)
    few = any(is_small(figure, small) for _, figure in months)
    rows = [
        f"{month[0]:%Y-%m} {_behind(asking, metric, month, unit, share(figure, rounding, small))}"
        for month, figure in months
    ]
    head = [f"{METRICS[metric].name}　{whose(asked)}　逐月"]
    return Told(
        fit(head, rows, [*([small_note(small)] if few else []), asking.cut_off]),
        months_chart(asking, asked, months),
    )


def _course(asking: Asking, asked: Asked, period: Period) -> str:
    """今日 and any other stretch: what came in, what was closed, what is left; every number opens its list."""
    wanted = asked.units or (None,)
    rows = []
    if not asked.units:
        start, end = span(*period)
        told = intake_between(asking.session, start, end)
        rows.append(f"收到评价 {told.received}　差评 {told.bad}")
    for unit in wanted:
        if len(wanted) > 1 and unit:
            rows.append(f"{unit.label}：")
        for key in COURSE:
            listing = LISTINGS[key]
            timeless = key in ("open", "overdue")
            dated = None if timeless else period
            count = count_listed(
                asking.session, Wanted(key, unit.id if unit else None, dated), asking.viewer, asking.at
            )
            shown = link(asking.address, "/cases", str(count), list=key, department=unit.code if unit else None,
                         **({"from": dated[0], "to": dated[1]} if dated else {}))  # fmt: skip
            rows.append(f"{'现在' if timeless else ''}{listing.label} {shown}")
    return fit([f"{whose(asked)}　{days(period)}"], rows, [asking.cut_off])
