"""Answers as lines that read well on a phone: names padded in full-width, numbers that are links."""

from collections.abc import Sequence

from reviewbot.rules.rates import Figure, Rounding, percent

WIDEST_NAME = 7
"""Characters a name is padded to at most; a longer one stands as it is."""


def pad(names: Sequence[str]) -> dict[str, str]:
    """Each name filled up with full-width spaces to the widest of all."""
    width = min(max(map(len, names), default=0), WIDEST_NAME)
    return {name: name.ljust(width, "　") for name in names}


def change(now: Figure, then: Figure, rounding: Rounding) -> str:
    """From one rate to another in percentage points of the printed values: never a share of a share."""
    printed = [percent(figure.numerator, figure.denominator, rounding) for figure in (now, then)]
    if printed[0] is None or printed[1] is None:
        return "—（无可比）"
    hundredths = [int(told.replace(".", "")) for told in printed if told]
    step = hundredths[0] - hundredths[1]
    sign = "+" if step > 0 else "-" if step < 0 else ""
    return f"{sign}{abs(step) // 100}.{abs(step) % 100:02} 个百分点"
