"""The fields of a 公众号 subscription message: number, item, progress, date, and nothing else (F19), each cut to what
its type may hold, since the platform refuses the whole message otherwise (47003; wecom §2.10)."""

import re
from collections.abc import Mapping
from datetime import date

ABOUT = ("number", "item", "progress", "date")
_LIMITS = {
    "thing": 20, "short_thing": 5, "character_string": 32, "number": 32, "letter": 32, "symbol": 5, "phrase": 5,
    "name": 10, "const": 20, "phone_number": 17, "car_number": 8,
}  # fmt: skip
_FOREIGN = {
    "character_string": r"[^\x21-\x7e]", "number": r"[^0-9.]", "letter": r"[^A-Za-z]", "phrase": r"[^\u4e00-\u9fff]",
    "symbol": r"[0-9A-Za-z\u4e00-\u9fff\s]", "phone_number": r"[^0-9+-]",
}  # fmt: skip
_EMPTY = {"character_string": "-", "number": "0", "letter": "X", "symbol": "-", "phrase": "请查看"}
_KEY = re.compile(r"([a-z_]+?)[0-9]+")


def fields(about: Mapping[str, str], keys: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """``about``: by the names of ``ABOUT``, the date as 2026-12-04. ``keys``: which field takes which, by its key in
    the template (thing2, time4 …)."""
    return {
        key: {"value": cut(key, about.get(name, ""), is_date=name == "date")} for name, key in keys.items()
    }


def cut(key: str, value: str, *, is_date: bool = False) -> str:
    """The value as the field of this key takes it; never empty, which would be refused too."""
    kind = kind_of(key)
    if kind in ("time", "date"):
        day = date.fromisoformat(value) if is_date and value else date(1970, 1, 1)
        return f"{day.year}年{day.month}月{day.day}日"
    clean = re.sub(_FOREIGN.get(kind, r"[\x00-\x1f]"), "", value).strip()
    limit = _LIMITS.get(kind, 20)
    if len(clean) > limit:
        clean = clean[: limit - 1] + "…" if kind in ("thing", "const") else clean[:limit]
    return clean or _EMPTY.get(kind, "详见页面")


def kind_of(key: str) -> str:
    """thing of thing2."""
    found = _KEY.fullmatch(key)
    return found[1] if found else ""
