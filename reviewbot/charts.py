"""Charts for a phone: one clear message, Chinese labels, every value with its fraction; the same chart, the same bytes.

The font is Noto Sans SC (SIL Open Font License 1.1) from a wheel, so that no machine needs one of its own.
Only workers draw: nothing the web process imports leads here.
"""

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pylopdf_fonts_zh_cn as fonts
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties

from reviewbot.files.pictures import keep_picture

INK, SOFT, LINE, BLUE, PALE, GREEN = "#1e2a38", "#556070", "#dfe5ec", "#2f6db5", "#b4cbe4", "#3f9178"
_WIDTH, _DPI = 10.8, 100
"""Inches and dots: 1,080 points across, the width of a phone."""
_TITLE, _MESSAGE, _TEXT, _SMALL = 29, 26, 22, 19
_HEAD, _FOOT = 1.9, 0.75
"""Inches above and below the drawing."""


@dataclass(frozen=True)
class Bar:
    """One unit or month: ``value`` in percent, None over nothing; ``few``: so few cases say little."""

    label: str
    value: float | None
    shown: str
    fraction: str
    few: bool


@dataclass(frozen=True)
class Chart:
    """``mark``: the value of all together, as a line across the bars."""

    kind: Literal["bars", "trend"]
    title: str
    message: str
    bars: tuple[Bar, ...]
    mark: float | None
    foot: str

    @property
    def filename(self) -> str:
        return "-".join(self.title.split()) + ".png"

    @property
    def alt(self) -> str:
        """The chart in words, for whoever cannot see it."""
        said = "，".join(f"{bar.label} {bar.shown}（{bar.fraction}）" for bar in self.bars)
        return f"{self.title}：{self.message}。{said}" if self.message else f"{self.title}。{said}"


def chart_picture(chart: Chart, folder: Path) -> str:
    """The SHA-256 of the chart's picture in ``folder`` (``data_dir``); drawn only where it was not drawn before."""
    known = folder / "pictures" / "charts" / hashlib.sha256(repr(chart).encode()).hexdigest()
    if known.exists():
        return known.read_text(encoding="ascii")
    sha256 = keep_picture(folder, draw(chart))
    known.parent.mkdir(parents=True, exist_ok=True)
    known.write_text(sha256, encoding="ascii")
    return sha256


def draw(chart: Chart) -> bytes:
    """The chart as PNG: the same bytes for the same chart."""
    height = 0.72 * len(chart.bars) + 0.3 if chart.kind == "bars" else 5.2
    full = height + _HEAD + _FOOT
    figure = Figure(figsize=(_WIDTH, full), dpi=_DPI, facecolor="white")
    figure.text(0.04, 1 - 0.5 / full, chart.title, fontproperties=_font(_TITLE), color=INK, va="center")
    figure.text(0.04, 1 - 1.15 / full, chart.message, fontproperties=_font(_MESSAGE), color=BLUE, va="center")
    figure.text(0.04, 0.35 / full, chart.foot, fontproperties=_font(_SMALL), color=SOFT, va="center")
    axes = figure.add_axes((0.04, _FOOT / full, 0.92, height / full))
    _bare(axes)
    (_bars if chart.kind == "bars" else _trend)(axes, chart)
    file = io.BytesIO()
    figure.savefig(file, format="png", metadata={"Software": None})
    return file.getvalue()


def _font(size: int) -> FontProperties:
    return FontProperties(fname=fonts.sans_path(), size=size)


def _bare(axes: Axes) -> None:
    for side in axes.spines.values():
        side.set_visible(False)
    axes.set_xticks([])
    axes.set_yticks([])


_LABELS, _SCALE = 40.0, 100.0
"""Left of zero the names, right of it the percent."""


def _bars(axes: Axes, chart: Chart) -> None:
    """Names, bars and values in three columns, one row a unit."""
    axes.set_xlim(-_LABELS, _SCALE + 46)
    axes.set_ylim(len(chart.bars) - 0.4, -0.6)
    for row, bar in enumerate(chart.bars):
        axes.barh(row, _SCALE, height=0.5, color="#f3f6f9")
        axes.barh(row, bar.value or 0, height=0.5, color=PALE if bar.few else BLUE)
        size = _TEXT if len(bar.label) <= 7 else _SMALL - 2
        axes.text(-2, row, bar.label[:11], fontproperties=_font(size), color=INK, ha="right", va="center")
        told = f"{bar.shown} {bar.fraction}" + ("*" if bar.few else "")
        axes.text(
            _SCALE + 2, row, told, fontproperties=_font(_TEXT), color=SOFT if bar.few else INK, va="center"
        )
    if chart.mark is not None:
        axes.axvline(chart.mark, color=GREEN, linewidth=3, linestyle=(0, (4, 3)))


def _trend(axes: Axes, chart: Chart) -> None:
    """A line over the months; a month with nothing to count has no point, one with few cases a hollow one."""
    places = range(len(chart.bars))
    axes.set_xlim(-0.5, len(chart.bars) - 0.5)
    axes.set_ylim(-30, 128)
    for level in (0, 50, 100):
        axes.axhline(level, color=LINE, linewidth=1.5, zorder=0)
        axes.text(
            -0.48, level, f"{level}%", fontproperties=_font(_SMALL - 4), color=SOFT, va="bottom", zorder=1
        )
    values = [float("nan") if bar.value is None else bar.value for bar in chart.bars]
    axes.plot(list(places), values, color=BLUE, linewidth=4, zorder=2)
    crowded = len(chart.bars) > 7
    size = _SMALL - 5 if crowded else _SMALL
    for place, bar in zip(places, chart.bars, strict=True):
        if bar.value is not None:
            face = "white" if bar.few else BLUE
            axes.plot([place], [bar.value], "o", markersize=14, color=BLUE, markerfacecolor=face,
                      markeredgewidth=3, zorder=3)  # fmt: skip
        axes.text(place, (bar.value or 0) + 7, f"{bar.shown}\n{bar.fraction}", fontproperties=_font(size),
                  color=INK, ha="center", va="bottom", linespacing=1.2, zorder=4,
                  bbox={"facecolor": "white", "edgecolor": "none", "pad": 1})  # fmt: skip
        axes.text(place, -12, bar.label, fontproperties=_font(size), color=SOFT, ha="center", va="center")
