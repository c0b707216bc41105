"""晨报: what waits for one person when the office opens, in a few lines; nothing where nothing waits."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from reviewbot.rules.notices import fit

SHOWN = 5
"""Case numbers named in one line."""


@dataclass(frozen=True)
class Mine:
    """What a handler has in hand: numbers, most urgent first."""

    due_today: Sequence[str] = ()
    overdue: Sequence[str] = ()
    waiting: Sequence[str] = ()


@dataclass(frozen=True)
class Unit:
    """What a head answers for."""

    name: str
    approvals: Sequence[str] = ()
    overdue: Sequence[str] = ()
    due_soon: Sequence[str] = ()


@dataclass(frozen=True)
class Desk:
    undispatched: Sequence[str] = ()
    returned: Sequence[str] = ()
    set_aside: int = 0


@dataclass(frozen=True)
class City:
    """What supervisors and leaders look at. ``since``: the first day told of, after the last working day's digest."""

    since: date
    until: date
    ratings: int
    bad: int
    orders: int
    """Work orders of other sources taken in the same days."""
    open: int
    open_orders: int
    """Work orders among the open cases."""
    overdue: Sequence[tuple[str, int]]
    yellow: int
    red: int
    concerns: int
    rate: str
    parts: str

    @property
    def is_quiet(self) -> bool:
        counts = (self.ratings, self.orders, self.open, self.yellow, self.red, self.concerns)
        return not any(counts) and not self.overdue


def mine_lines(mine: Mine) -> list[str]:
    return _lines(("今日到期", mine.due_today), ("已超期", mine.overdue), ("等我办理", mine.waiting))


def unit_lines(unit: Unit) -> list[str]:
    lines = _lines(
        ("待审核", unit.approvals), ("已超期", unit.overdue), ("下一个工作日前到期", unit.due_soon)
    )
    return [f"{unit.name}：", *lines] if lines else []


def desk_lines(desk: Desk) -> list[str]:
    lines = _lines(("待派单", desk.undispatched), ("其中单位退回", desk.returned))
    return lines + ([f"待核对的接收记录 {desk.set_aside}"] if desk.set_aside else [])


def city_lines(city: City, decisions: Sequence[str]) -> list[str]:
    """``decisions``: cases that wait for this person's own decision."""
    if city.is_quiet and not decisions:
        return []
    days = (
        f"{city.since:%m-%d} 至 {city.until:%m-%d}"
        if city.since != city.until
        else f"昨日（{city.until:%m-%d}）"
    )
    overdue = "、".join(f"{name} {count}" for name, count in city.overdue[:8])
    more = f" 等 {len(city.overdue)} 个单位" if len(city.overdue) > 8 else ""
    orders = f"（其中12345等工单 {city.open_orders}）" if city.open_orders else ""
    return [
        f"{days}收到评价 {city.ratings}，差评 {city.bad}"
        + (f"，12345等工单 {city.orders}" if city.orders else ""),
        f"在办 {city.open}{orders}，超期 {sum(count for _, count in city.overdue)}"
        + (f"：{overdue}{more}" if overdue else ""),
        *([f"同期发黄牌 {city.yellow}、红牌 {city.red}"] if city.yellow or city.red else []),
        *([f"督办事项待核查 {city.concerns}"] if city.concerns else []),
        *decision_lines(decisions),
        f"本月差评整改率 {city.rate}（{city.parts}）",
    ]


def decision_lines(decisions: Sequence[str]) -> list[str]:
    return _lines(("待您决定", decisions))


def morning_text(today: date, lines: Sequence[str], for_whom: Sequence[str] = ()) -> str:
    """``for_whom``: absent colleagues whose work is in it."""
    head = [f"晨报 {today:%Y-%m-%d}" + (f"（含代 {'、'.join(for_whom)}）" if for_whom else "")]
    return fit(head, lines, ["回复「我的待办」或工单号查看。"], more="……另有 {} 行，请在网页查看。")


def _lines(*told: tuple[str, Sequence[str]]) -> list[str]:
    return [
        f"{label} {len(numbers)}：{'、'.join(numbers[:SHOWN])}{' 等' if len(numbers) > SHOWN else ''}"
        for label, numbers in told
        if numbers
    ]
