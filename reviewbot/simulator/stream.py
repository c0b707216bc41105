"""Invented citizens rate what the demonstration city did for them: records in the ``standard`` shape."""

import csv
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

ZONE: Final = ZoneInfo("Asia/Shanghai")
OFFICE_HOURS: Final = ((time(9, 0), time(12, 0)), (time(14, 30), time(17, 30)))
PER_DAY: Final = 3_000
BUSY_WEIGHT: Final = 12  # how much oftener the first items of a unit, its real busy ones, are used
DEFAULT_SHARE: Final = 0.08
BUSY_ITEMS: Final = 5
CHANNELS: Final = {"hall_tablet": 45, "mobile": 25, "pc": 12, "qr": 10, "hall_terminal": 6, "sms": 2}
HALL_CHANNELS: Final = frozenset({"hall_tablet", "hall_terminal", "qr"})
SURNAMES: Final = "陈黄林李王张吴郑谢杨许蔡刘郭洪罗江方曾邱"
GOOD_COMMENTS: Final = (
    "办得很快，谢谢。",
    "工作人员很耐心。",
    "一次就办好了。",
    "窗口态度好，讲得清楚。",
    "比以前方便多了。",
    "{item}当场就办好了。",
)
BAD_COMMENTS: Final = {
    1: {
        "108": "办{item}还要另外开证明，指南里根本没有这一条。",
        "109": "按指南准备了{item}的材料，到窗口又要补别的，来回跑。",
        "110": "{item}材料早交齐了，法定时间过了还没有结果，问谁都说在走流程。",
        "111": "照着指南的样本填{item}，窗口说样本是错的，白填了。",
        "112": "网上办{item}传材料一直失败，客服让去大厅，大厅让去网上。",
        "113": "{item}这个窗口推那个窗口，一上午楼上楼下跑了几趟。",
        "114": "说好{item}最多跑一次，我已经跑了四次。",
        "115": "办{item}时工作人员在聊天，问一句很不耐烦。",
    },
    2: {
        "207": "{item}的表格没有样本，填错了两次。",
        "208": "{item}要什么材料没有清单，少带一样又得再来。",
        "209": "{item}承诺的时间早过了，还没有办好。",
        "210": "办{item}同一份复印件在三个环节交了三次。",
        "211": "网上写着{item}可以网办，点进去一直转圈。",
        "212": "预约了办{item}，到了还要重新取号排队。",
        "213": "办{item}的窗口像是新来的，问了旁边同事好几次。",
        "214": "办{item}时窗口说话冷冰冰的，头都不抬。",
    },
}
DOUBTFUL_COMMENTS: Final = (
    "点错了，本来想点满意的。",
    "按规定不能办{item}也应该通融一下。",
    "我就是不满意。",
)


@dataclass(frozen=True)
class _City:
    items: list[tuple[str, str]]
    weights: list[int]
    handlers: dict[str, list[str]]
    windows: dict[str, list[str]]


def reviews(
    seed: int,
    city_folder: Path,
    start: datetime,
    count: int,
    bad_share: float = 0.01,
    *,
    per_day: int = PER_DAY,
) -> Iterator[dict[str, Any]]:
    """``count`` records from ``start`` on, in office hours of working days, in order of time."""
    dice = random.Random(seed)
    city = _load(city_folder)
    hours = sum(_hours(opens, closes) for opens, closes in OFFICE_HOURS)
    moment = start.replace(tzinfo=ZONE) if start.tzinfo is None else start.astimezone(ZONE)
    for number in range(count):
        moment = _office_time(moment + timedelta(seconds=dice.expovariate(per_day / (hours * 3600))))
        yield _review(dice, city, moment, f"445203{moment:%Y%m%d}{seed % 1000:03d}{number:07d}", bad_share)


def _review(
    dice: random.Random, city: _City, moment: datetime, external_id: str, bad_share: float
) -> dict[str, Any]:
    department, item = dice.choices(city.items, city.weights)[0]
    channel = dice.choices(list(CHANNELS), list(CHANNELS.values()))[0]
    rating, comment, is_default = 5, "", False
    codes: list[str] = []
    if dice.random() < bad_share:
        rating, codes, comment = _complaint(dice, item)
    elif dice.random() < DEFAULT_SHARE:
        channel, is_default = "system_default", True
    else:
        rating = dice.choices((5, 4, 3), (80, 17, 3))[0]
        comment = dice.choice(GOOD_COMMENTS).format(item=item) if rating > 3 and dice.random() < 0.2 else ""
    windows = city.windows.get(department)
    anonymous = dice.random() < 0.08
    return {
        "external_id": external_id,
        "round": 1,
        "rating": rating,
        "reviewed_at": moment.replace(microsecond=0).isoformat(),
        "channel": channel,
        "department": department,
        "item": item,
        "item_code": None,
        "window": dice.choice(windows) if windows and channel in HALL_CHANNELS else None,
        "handled_by": dice.choice(city.handlers[department]) if department in city.handlers else None,
        "reason_codes": codes,
        "comment": comment,
        "is_default": is_default,
        "rater": {
            "kind": "person" if dice.random() < 0.85 else "org",
            "name": None if anonymous else f"{dice.choice(SURNAMES)}**",
            "phone": None if anonymous else f"1380000{dice.randrange(10_000):04d}",
            "anonymous": anonymous,
        },
    }


def _complaint(dice: random.Random, item: str) -> tuple[int, list[str], str]:
    """Mostly a reason with its story; sometimes only one of the two, neither, or one nobody can help."""
    rating = dice.choices((1, 2), (40, 60))[0]
    code, story = dice.choice(list(BAD_COMMENTS[rating].items()))
    kind = dice.choices(("both", "code", "text", "neither", "doubtful"), (70, 10, 8, 4, 8))[0]
    if kind == "doubtful":
        return rating, [], dice.choice(DOUBTFUL_COMMENTS).format(item=item)
    codes = [code] if kind in ("both", "code") else []
    return rating, codes, story.format(item=item) if kind in ("both", "text") else ""


def _office_time(moment: datetime) -> datetime:
    """The moment itself in office hours, else the next opening; weekends are closed."""
    if moment.weekday() < 5:
        for opens, closes in OFFICE_HOURS:
            if moment.time() < opens:
                return datetime.combine(moment.date(), opens, ZONE)
            if moment.time() < closes:
                return moment
    tomorrow = moment.date() + timedelta(days=1)
    return _office_time(datetime.combine(tomorrow, time(0), ZONE))


def _hours(opens: time, closes: time) -> float:
    return (closes.hour - opens.hour) + (closes.minute - opens.minute) / 60


def _load(folder: Path) -> _City:
    items = [(row["department"], row["item"]) for row in _rows(folder / "items.csv")]
    seen: dict[str, int] = {}
    weights = []
    for department, _ in items:
        seen[department] = seen.get(department, 0) + 1
        weights.append(BUSY_WEIGHT if seen[department] <= BUSY_ITEMS else 1)
    handlers: dict[str, list[str]] = {}
    for row in _rows(folder / "staff.csv"):
        if "handler" in row["roles"].split(";"):
            handlers.setdefault(row["department"], []).append(row["name"])
    windows: dict[str, list[str]] = {}
    if (folder / "windows.csv").exists():
        for row in _rows(folder / "windows.csv"):
            windows.setdefault(row["department"], []).append(row["window"])
    return _City(items, weights, handlers, windows)


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))
