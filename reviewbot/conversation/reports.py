"""Answer a question: the one formula and the one row scope of every door, as a short table with its links."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from reviewbot.conversation.asking import Asking, Line, Told, days, figure_of, figures, whose
from reviewbot.conversation.course import course_text
from reviewbot.conversation.lines import change, pad
from reviewbot.conversation.listed import list_text
from reviewbot.conversation.periods import Period, earlier, whole_month
from reviewbot.conversation.plots import by_month, months_chart, units_chart
from reviewbot.conversation.questions import Asked
from reviewbot.conversation.vocabulary import Rank, Unit
from reviewbot.errors import InvalidInput, NotAllowed
from reviewbot.rules.kinds import Family
from reviewbot.rules.linked import link
from reviewbot.rules.listings import CONCERNS
from reviewbot.rules.notices import fit
from reviewbot.rules.rates import ROUNDING_NAMES, Figure, display, is_small, share, small_note, told_apart

CLAIMED, CONFIRMED = "rectification_rate", "confirmed_rectification_rate"
"""What units say they mended never stands without what raters say of it (peers B4)."""
COMPARED = {"step": "环比", "year": "同比"}


def answer_question(asking: Asking, asked: Asked, units: Sequence[Unit]) -> Told:
    """What was asked, within the rows this person may see. Raises NotAllowed for another unit."""
    asked = _within_scope(asking, asked, units)
    if asked.listing:
        if asked.listing == CONCERNS.key and asked.period:
            raise InvalidInput("督办事项只看现在待核查的，请不写时间，例如「社保局 督办事项」。")
        if asked.listing == CONCERNS.key and asked.family:
            raise InvalidInput("督办事项不分差评和工单，请不写类别，例如「社保局 督办事项」。")
        return Told(list_text(asking, asked, {unit.id: unit for unit in units}))
    if not asked.metrics:
        return Told(course_text(asking, asked, asked.period or (asking.today, asking.today)))
    asking = replace(asking, family=asked.family or Family.RATING)
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
    rounding, small = asking.rounding, asking.small_below
    head, rows = [f"{whose(asked)}　{days(asked_period)}　{asking.family.label}"], []
    few = False
    pairs = _pairs(asking, asked, asked_period)
    period = pairs[0][1] if pairs else asked_period
    for metric in asked.metrics:
        figure = figure_of(asking, metric, period, unit)
        few |= is_small(figure, small)
        told = share(figure, rounding, small)
        rows.append(f"{asking.metric(metric).name} " + _behind(asking, metric, period, unit, told))
        rows += _parts(asking, metric, period, unit, figure)
        if confirmed := _confirmed(asking, asked, metric, period, unit):
            few |= is_small(confirmed, small)
            rows += _confirmed_line(asking, confirmed, period, unit)
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
        rows += [f"{what}：{words}" for what, words in asking.metric(asked.metrics[0]).definition]
    text = fit(head, rows, _foot(asking, asked, few=few), more="其余 {} 行见总览页")
    alone = len(asked.metrics) == 1 and not asked.compare
    message = f"{days(period)} {display(figure, rounding)}"
    chart = months_chart(asking, asked, by_month(asking, asked, period), message) if alone else None
    return Told(text, chart)


def _confirmed(asking: Asking, asked: Asked, metric: str, period: Period, unit: Unit | None) -> Figure | None:
    """What raters say, where only what units claim was asked for (B4)."""
    if metric != CLAIMED or CONFIRMED in asked.metrics:
        return None
    return figure_of(asking, CONFIRMED, period, unit)


def _confirmed_line(asking: Asking, figure: Figure | None, period: Period, unit: Unit | None) -> list[str]:
    if figure is None:
        return []
    told = share(figure, asking.rounding, asking.small_below)
    return [f"{asking.metric(CONFIRMED).name} {_behind(asking, CONFIRMED, period, unit, told)}"]


def _base(asking: Asking, metric: str) -> list[str]:
    """Over what a rate is, and what it leaves out, under a table of it."""
    return [
        f"{what}：{words}" for what, words in asking.metric(metric).definition if what in ("分母", "不计")
    ]


def _foot(asking: Asking, asked: Asked, *, few: bool, there: str = "") -> list[str]:
    """What stands under every answer with rates: how it was read, as of when, and how it is rounded (F20)."""
    star = small_note(asking.small_below) if few else ""
    cut_off = f"{asking.cut_off}，百分数{ROUNDING_NAMES[asking.rounding]}"
    return [line for line in (star, asked.note, cut_off, there) if line]


def _pairs(asking: Asking, asked: Asked, period: Period) -> list[tuple[str, Period, Period]]:
    return [(how, *earlier(period, asking.today, by_year=how == "year")) for how in asked.compare]


def _behind(
    asking: Asking, metric: str, period: Period, unit: Unit | None, words: str, part: str | None = None
) -> str:
    return link(
        asking.address, "/cases", words, metric=metric, part=part, department=unit.code if unit else None,
        **{"from": period[0], "to": period[1], "kind": asking.family.value},
    )  # fmt: skip


def _parts(asking: Asking, metric: str, period: Period, unit: Unit | None, figure: Figure) -> list[str]:
    """What the numerator is made of, and what stands beside it, where there is more than one (F12); on a line of
    its own what stands apart (F9)."""
    told = asking.metric(metric)
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
    """The units with cases in the order asked for; too few cases are not ranked, none at all are told apart (F20)."""
    (metric, *_), rounding = asked.metrics, asking.rounding
    small = asking.small_below
    pairs = _pairs(asking, asked, asked_period)
    period = pairs[0][1] if pairs else asked_period
    lines = _lines(asking, asked, metric, [period, *(then for _, _, then in pairs)])
    total = confirmed = None
    if not asked.units:
        total = figure_of(asking, metric, period, None)
    ascending = _ascending(asking, metric, asked.rank)
    ranked, few, none = _ranked(lines, small, ascending=ascending)
    left_out = 0
    if asked.rank and asked.rank.most:
        ranked, left_out = _first(ranked, asked.rank.most)
    if asked.units:  # each by name, and with its cases
        few, none = [*few, *none], []
    padded = pad([line.name for line in (*ranked, *few)])
    units = {unit.label: unit for unit in asked.units}
    rows = []
    for line in (*ranked, *few):
        told = share(line.figure, rounding, small)
        if unit := units.get(line.name):
            told = _behind(asking, metric, period, unit, told)
        rows.append(f"{padded[line.name]} {told}" + _compared(asking, line, pairs))
    if left_out:
        rows.insert(len(ranked), f"其后 {left_out} 个单位未列")
    if few:
        rows.insert(len(ranked) + bool(left_out), f"不足 {small} 件，仅供参考、不排序：")
    head = [f"{asking.metric(metric).name}　{days(period)}　{asking.family.label}"]
    if len(ranked) > 1 or asked.rank:
        head.append("由低到高" if ascending else "由高到低")
    head += [f"{COMPARED[how]}对比 {days(then)}" for how, _, then in pairs]
    if total is not None:
        head.append(f"全部 {_behind(asking, metric, period, None, share(total, rounding, small))}")
        head += _parts(asking, metric, period, None, total)
        confirmed = _confirmed(asking, asked, metric, period, None)
        head += _confirmed_line(asking, confirmed, period, None)
    starred = any(
        is_small(figure, small) for figure in (total, confirmed, *(line.figure for line in few)) if figure
    )
    idle = [f"{len(none)} 个单位没有应计件：—（0/0）"] if none else []
    idle += _base(asking, metric)
    there = link(asking.address, "/", "各单位明细", **{"from": period[0], "to": period[1]})
    return Told(
        fit(head, rows, [*idle, *_foot(asking, asked, few=starred, there=there)]),
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


def _ascending(asking: Asking, metric: str, rank: Rank | None) -> bool:
    """Whether the lowest figure stands first; 最差 is the lowest, but of returns and extensions the highest."""
    match rank.by if rank else "high":
        case "high" | "low" as by:
            return by == "low"
        case by:
            return (by == "worst") != asking.metric(metric).fewer_is_better


def _share(line: Line) -> Fraction:
    return Fraction(line.figure.numerator, line.figure.denominator)


def _first(ranked: list[Line], most: int) -> tuple[list[Line], int]:
    """So many of a ranking, with all that equal the last of them, and how many come after."""
    shown = [line for line in ranked if line in ranked[:most] or _share(line) == _share(ranked[most - 1])]
    return shown, len(ranked) - len(shown)


def _ranked(
    lines: Sequence[Line], small: int, *, ascending: bool
) -> tuple[list[Line], list[Line], list[Line]]:
    counted = [line for line in lines if line.figure.denominator]
    enough = [line for line in counted if not is_small(line.figure, small)]
    # By the exact fraction, then by size: equal rates stand in the directory's order.
    sign = 1 if ascending else -1
    enough.sort(key=lambda one: (sign * _share(one), -one.figure.denominator))
    few = [line for line in counted if is_small(line.figure, small)]
    return enough, few, [line for line in lines if not line.figure.denominator]


def _compared(asking: Asking, line: Line, pairs: Sequence[tuple[str, Period, Period]]) -> str:
    rounding, small = asking.rounding, asking.small_below
    return "".join(
        f"\n　{COMPARED[how]} {change(line.figure, before, rounding)}，前期 {share(before, rounding, small)}"
        for (how, _, _), before in zip(pairs, line.earlier, strict=True)
    )


def _trend(asking: Asking, asked: Asked, period: Period) -> Told:
    """One rate of the whole or one unit, month by month."""
    (metric, *_), unit = asked.metrics, asked.units[0] if asked.units else None
    rounding, small = asking.rounding, asking.small_below
    months = by_month(asking, asked, period)
    few = any(is_small(figure, small) for _, figure in months)
    rows = [
        f"{month[0]:%Y-%m} {_behind(asking, metric, month, unit, share(figure, rounding, small))}"
        for month, figure in months
    ]
    head = [f"{asking.metric(metric).name}　{whose(asked)}　逐月　{asking.family.label}"]
    if metric == CLAIMED:
        head.append(f"（承办单位所报，群众怎么说另见「{asking.metric(CONFIRMED).name} 趋势」）")
    return Told(
        fit(head, rows, [*_base(asking, metric), *_foot(asking, asked, few=few)]),
        months_chart(asking, asked, months),
    )
