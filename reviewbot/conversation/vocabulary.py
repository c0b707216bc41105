"""The words of a question: what supervisors call rates, lists, spans and comparisons. Units come from the directory."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from reviewbot.conversation.words import fold
from reviewbot.rules.listings import LISTINGS
from reviewbot.rules.rates import METRICS


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
    LISTING = "listing"
    UNIT = "unit"
    EACH = "each"
    WHOLE = "whole"
    COMPARE = "compare"
    TREND = "trend"
    FILLER = "filler"
    PERIOD = "period"


Meaning = tuple[Kind, object]

_METRICS: dict[str, str] = {
    "rectification_rate": "整改率 差评整改率 整改办结率 差评办结率",
    "on_time_rectification_rate": "按期整改率 按时整改率 差评按期整改率 差评按时整改率 按期率 按时率 及时整改率",
    "on_time_rectification_rate_original_due": "原期限按时整改率 原期限按期率 原期限按时率 原期限整改率 原期按期整改率",
    "extension_rate": "延期率 差评延期率 工单延期率 展期率",
    "return_rate": "回退率 退回率 差评回退率 差评退回率 工单回退率 工单退回率",
    "call_back_rate": "回访率 差评回访率 实名回访率 实名差评回访率",
    "response_rate": "及时响应率 响应率 按时响应率 差评响应率",
    "completion_rate": "办结率 差评工单办结率 工单办结率",
    "satisfaction_rate": "群众满意率 满意率 满意度 群众满意度",
    "confirmed_rectification_rate": "群众确认整改率 确认整改率 群众确认率 确认率",
    "call_back_satisfaction_rate": "回访满意率 回访满意度",
    "recall_confirmed_rate": "抽查回访属实率 抽查属实率 抽查回访率 抽查率 抽查情况 抽查结果 抽查回访情况 抽查回访结果",
}
"""What each rate is called besides its own name; 整改率 and 满意率 alone are the first of their kind (README)."""

METRIC_WORDS: dict[str, str] = {
    fold(word).upper(): key
    for key, metric in METRICS.items()
    for word in (key, metric.name, *_METRICS.get(key, "").split())
}
_LISTING_WORDS: dict[str, str] = {
    word: listing.key for listing in LISTINGS.values() for word in (listing.label, *listing.words)
}
_SPANS: dict[Kind, str] = {
    Kind.EACH: "各单位 各局 各部门 各个单位 分单位 按单位 每个单位 所有单位 全部单位 单位排名 排名",
    Kind.WHOLE: "全部 全市 全区 全县 总体 合计 全体 总计 整体",
    Kind.TREND: "趋势 走势 变化趋势 逐月 按月 各月 每月 分月",
    Kind.FILLER: "的 是 是多少 有多少 多少 多少件 有几件 几件 怎么样 如何 情况 有哪些 哪些 请 请问 查 查一下 请查一下 "
    "查询 请查询 查看 请查看 看 看看 看一下 一下 帮我 给我 我想知道 我要看 我想看 列表 清单 名单 件 的件 工单 差评件 "
    "了 呢 吗",
}
_COMPARE = {
    "环比": "step", "比上期": "step", "较上期": "step", "与上期比": "step", "同比": "year", "去年同期": "year",
    "上年同期": "year", "比去年": "year", "较去年同期": "year", "比去年同期": "year", "与去年同期比": "year",
}  # fmt: skip


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
        word: ((Kind.METRIC, key),) for word, key in METRIC_WORDS.items()
    }
    words |= {word: ((Kind.LISTING, key),) for word, key in _LISTING_WORDS.items()}
    words |= {word: ((kind, word),) for kind, told in _SPANS.items() for word in told.split()}
    words |= {word: ((Kind.COMPARE, how),) for word, how in _COMPARE.items()}
    for unit in units:
        for word in {fold(name).strip().upper() for name in (unit.name, unit.short_name, unit.code)} - {""}:
            known = words.get(word, ())
            # A unit never takes a word of the grammar away; two units of one name are asked apart.
            if not known or known[0][0] is Kind.UNIT:
                words[word] = (*known, (Kind.UNIT, unit))
    return Vocabulary(words, max(map(len, words)))
