"""The words of a question: what supervisors call rates, lists, spans and comparisons. Units come from the directory."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from reviewbot.conversation.words import fold
from reviewbot.rules.kinds import ORDERS, Family
from reviewbot.rules.listings import LISTINGS
from reviewbot.rules.rates import METRICS, metrics_of


@dataclass(frozen=True)
class Unit:
    """A unit somebody may ask about."""

    id: int
    code: str
    short_name: str
    name: str
    label: str
    """How tables call it: the short name, told apart where two have the same."""


class Kind(StrEnum):
    METRIC = "metric"
    FAMILY = "family"
    ORDER = "order"
    LISTING = "listing"
    UNIT = "unit"
    EACH = "each"
    WHOLE = "whole"
    COMPARE = "compare"
    VERSUS = "versus"
    RANK = "rank"
    TREND = "trend"
    FILLER = "filler"
    PERIOD = "period"


Meaning = tuple[Kind, object]


@dataclass(frozen=True)
class Rate:
    """A rate that a word names; ``family``: of which cases, where the word itself says so."""

    key: str
    family: Family | None = None


_METRICS: dict[str, str] = {
    "rectification_rate": "整改率 整改办结率 整改完成率",
    "on_time_rectification_rate": "按时整改率 及时整改率 按期率 按时率",
    "on_time_rectification_rate_original_due": "原期限按时整改率 原期限整改率 原期按期整改率 原期限按期率 原期限按时率",
    "extension_rate": "展期率",
    "return_rate": "退回率 退单率",
    "call_back_rate": "回访率 实名回访率 实名差评回访率",
    "response_rate": "响应率 按时响应率",
    "completion_rate": "完成率",
    "satisfaction_rate": "满意率 满意度 群众满意度",
    "confirmed_rectification_rate": "确认整改率 群众确认率 确认率",
    "call_back_satisfaction_rate": "回访满意度",
    "recall_confirmed_rate": "抽查属实率 抽查回访率 抽查率 抽查情况 抽查结果 抽查回访情况 抽查回访结果",
}
"""What each rate is called besides its own name; 整改率 and 满意率 alone are the first of their kind (README)."""
_OF_ORDERS = {
    "on_time_rectification_rate": "按时办结率 及时办结率",
    "on_time_rectification_rate_original_due": "原期限按时办结率",
}
"""What only whoever speaks of work orders says."""


def _rates() -> dict[str, Rate]:
    """A word says of which cases where it is their name for the rate alone, or where the rate is of them alone."""
    orders, words = metrics_of(Family.ORDERS), {}
    for key, metric in METRICS.items():
        other = orders.get(key)
        shared = other is not None and other.name == metric.name
        for word in (metric.name, *_METRICS[key].split()):
            tells = not shared and (other is None or "整改" in word)
            words[word] = Rate(key, Family.RATING if tells else None)
        if other is not None and not shared:
            words |= {word: Rate(key, Family.ORDERS) for word in (other.name, *_OF_ORDERS[key].split())}
        words[key] = Rate(key, None if other else Family.RATING)
    return words


METRIC_WORDS: dict[str, Rate] = {fold(word).upper(): rate for word, rate in _rates().items()}
_FAMILIES: dict[Family, str] = {
    Family.RATING: "差评 差评件 差评工单 好差评 收到差评 收到的差评",
    Family.ORDERS: "12345 12345工单 12345热线 12345热线工单 12345诉求 12345件 12345等工单 热线 热线工单 热线件 "
    "热线诉求 政务热线 服务热线 政务服务热线 政务服务便民热线 12345政务服务便民热线 便民热线 市民热线 诉求 "
    "其他来源的工单",
}
_FAMILY_WORDS: dict[str, Family] = {
    word: family for family, told in _FAMILIES.items() for word in told.split()
} | {kind.label + what: Family(kind.value) for kind in ORDERS for what in ("", "件", "类", "类工单", "工单")}
_LISTING_WORDS: dict[str, str] = {
    word: listing.key for listing in LISTINGS.values() for word in (listing.label, *listing.words)
}
_SPANS: dict[Kind, str] = {
    Kind.EACH: "各单位 各局 各部门 各个单位 分单位 按单位 每个单位 所有单位 全部单位 哪个单位 哪些单位 哪几个单位 "
    "哪个局 哪个部门 哪家单位",
    Kind.WHOLE: "全部 全市 全区 全县 总体 合计 全体 总计 整体",
    Kind.TREND: "趋势 走势 变化趋势 逐月 按月 各月 每月 分月",
    Kind.VERSUS: "对比 比较 相比 比一比",
    Kind.FILLER: "的 是 是多少 有多少 多少 多少件 有几件 几件 怎么样 如何 情况 有哪些 哪些 请 请问 查 查一下 请查一下 "
    "查询 请查询 查看 请查看 看 看看 看一下 一下 帮我 给我 我想知道 我要看 我想看 列表 清单 名单 件 的件 "
    "的单位 的局 的部门 和 与 跟 及 以及 还有 怎么算 怎么算的 如何计算 口径 算法 数 数量 件数 总数 总量 了 呢 吗",
}
_ORDER = "工单"
"""Said of a rate, it is that of work orders; said of a list, it is any case, as everywhere in the house."""
_COMPARE = {
    "环比": "step", "比上期": "step", "较上期": "step", "与上期比": "step", "同比": "year", "去年同期": "year",
    "上年同期": "year", "比去年": "year", "较去年同期": "year", "比去年同期": "year", "与去年同期比": "year",
}  # fmt: skip


@dataclass(frozen=True)
class Rank:
    """In which order units are wanted, and how many of them (None: all).

    ``by``: high and low are of the figure; best and worst depend on the rate: the fewer returns the better.
    """

    by: Literal["high", "low", "best", "worst"]
    most: int | None = None


_RANKS: dict[Literal["high", "low", "best", "worst"], str] = {
    "high": "排名 单位排名 排行 排行榜 最高 由高到低 从高到低",
    "low": "最低 由低到高 从低到高",
    "best": "最好 第一 第一名 名列前茅",
    "worst": "最差 最后 最后一名 倒数 倒数第一 垫底",
}
_NUMBERS = "一二三四五六七八九十"


def _ranks() -> dict[str, Rank]:
    words = {word: Rank(by) for by, told in _RANKS.items() for word in told.split()}
    for count, numeral in enumerate(_NUMBERS, 1):
        for number in (str(count), numeral, *(["两"] if count == 2 else [])):
            for unit in ("名", "位", "个单位", "家", "家单位"):
                words[f"前{number}{unit}"] = Rank("best", count)
                words |= {f"{last}{number}{unit}": Rank("worst", count) for last in ("后", "倒数", "最后")}
    return words


@dataclass(frozen=True)
class Vocabulary:
    """Every known word, folded and in capitals, with what it means; words of units may mean several."""

    words: Mapping[str, tuple[Meaning, ...]]
    longest: int

    def at(self, text: str, place: int) -> Iterable[tuple[str, tuple[Meaning, ...]]]:
        """The known words that begin at this place of a folded text in capitals."""
        for end in range(place + 1, min(len(text), place + self.longest) + 1):
            if meanings := self.words.get(text[place:end]):
                yield text[place:end], meanings

    @property
    def nameable(self) -> list[str]:
        """The words worth proposing for one that was not understood."""
        return [
            word
            for word, meanings in self.words.items()
            if meanings[0][0] is not Kind.FILLER and not word.isascii()
        ]


def vocabulary(units: Iterable[Unit]) -> Vocabulary:
    """The fixed words and the units' names, short names and codes."""
    words: dict[str, tuple[Meaning, ...]] = {
        word: ((Kind.METRIC, rate),) for word, rate in METRIC_WORDS.items()
    }
    words |= {word: ((Kind.FAMILY, family),) for word, family in _FAMILY_WORDS.items()}
    words[_ORDER] = ((Kind.ORDER, _ORDER),)
    words |= {word: ((Kind.LISTING, key),) for word, key in _LISTING_WORDS.items()}
    words |= {word: ((kind, word),) for kind, told in _SPANS.items() for word in told.split()}
    words |= {word: ((Kind.COMPARE, how),) for word, how in _COMPARE.items()}
    words |= {word: ((Kind.RANK, rank),) for word, rank in _ranks().items()}
    for unit in units:
        for word in {fold(name).strip().upper() for name in (unit.name, unit.short_name, unit.code)} - {""}:
            known = words.get(word, ())
            # A unit never takes a word of the grammar away; two units of one name are asked apart.
            if not known or known[0][0] is Kind.UNIT:
                words[word] = (*known, (Kind.UNIT, unit))
    return Vocabulary(words, max(map(len, words)))
