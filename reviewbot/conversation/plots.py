"""The chart that goes with an answer: bars of the units, or one rate over the months."""

from collections.abc import Sequence

from reviewbot.charts import Bar, Chart
from reviewbot.conversation.asking import Asking, Line, days, figure_of, whose
from reviewbot.conversation.periods import Period, months_up_to
from reviewbot.conversation.questions import Asked
from reviewbot.rules.rates import Figure, display, is_small, value

MOST_BARS = 12


def units_chart(
    asking: Asking,
    metric: str,
    period: Period,
    ranked: Sequence[Line],
    few: Sequence[Line],
    total: Figure | None,
) -> Chart | None:
    """Bars of the units with most cases, in the order of the table; those with few cases pale."""
    largest = sorted([*ranked, *few], key=lambda line: -line.figure.denominator)[:MOST_BARS]
    shown = [line for line in (*ranked, *few) if line in largest]
    if not shown:
        return None
    left_out = len(ranked) + len(few) - len(shown)
    return Chart(
        kind="bars",
        title=f"{asking.metric(metric).name}　{asking.family.label}　{days(period)}",
        message=f"全部单位（虚线） {display(total, asking.rounding)}" if total else "",
        bars=tuple(_bar(asking, line.name, line.figure) for line in shown),
        mark=value(total, asking.rounding) if total else None,
        foot=f"截至 {asking.today}" + (f"　另有 {left_out} 个单位见页面" if left_out else "")
        + (f"　浅色不足 {asking.small_below} 件" if few else ""),
    )  # fmt: skip


def by_month(asking: Asking, asked: Asked, period: Period) -> list[tuple[Period, Figure]]:
    """One rate of the whole or one unit in each of the last months."""
    metric, unit = asked.metrics[0], asked.units[0] if asked.units else None
    return [(month, figure_of(asking, metric, month, unit)) for month in months_up_to(period, asking.today)]


def months_chart(
    asking: Asking, asked: Asked, months: Sequence[tuple[Period, Figure]], message: str = ""
) -> Chart | None:
    """The rate of the last months, under ``message`` (else the last one); none where there is nothing to count."""
    if not any(figure.denominator for _, figure in months):
        return None
    (last, latest), rounding = months[-1], asking.rounding
    small = any(is_small(figure, asking.small_below) for _, figure in months)
    return Chart(
        kind="trend",
        title=f"{asking.metric(asked.metrics[0]).name}　{asking.family.label}　{whose(asked)}",
        message=message or f"{last[0]:%Y-%m} {display(latest, rounding)}",
        bars=tuple(_bar(asking, f"{month[0]:%Y-%m}", figure) for month, figure in months),
        mark=None,
        foot=f"截至 {asking.today}"
        + (f"　空心不足 {asking.small_below} 件" if small else ""),
    )  # fmt: skip


def _bar(asking: Asking, label: str, figure: Figure) -> Bar:
    rounding = asking.rounding
    return Bar(
        label=label,
        value=value(figure, rounding),
        shown=display(figure, rounding).partition("（")[0],
        fraction=f"{figure.numerator}/{figure.denominator}",
        few=is_small(figure, asking.small_below),
    )
