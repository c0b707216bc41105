"""What each rate counts, over what, and how a figure is printed: one definition behind every door."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Literal

from reviewbot.rules.kinds import Family
from reviewbot.rules.recall import Finding

Cohort = Literal["due", "original_due", "dispatched", "response_due", "closed", "recalled"]
Rounding = Literal["round", "truncate"]
ROUNDING_NAMES: Mapping[Rounding, str] = {"round": "四舍五入", "truncate": "截断"}


@dataclass(frozen=True)
class Metric:
    """One rate's published or derived definition, in the words that stand beside the figure (F20, domain §3)."""

    key: str
    name: str
    numerator: str
    denominator: str
    cohort: Cohort
    exclusions: tuple[str, ...]
    source: str
    parts: Mapping[str, str]
    """What the numerator is made of, and what stands beside it, as people call them."""
    apart: Mapping[str, str] = field(default_factory=dict)
    """Cases told on their own line with it, as people call them: those it leaves out (F9), or some of those it counts
    that a supervisor should look at."""
    fewer_is_better: bool = False
    of_orders: str = ""
    """Its name where it is about work orders of other sources; empty where it says nothing of them."""

    @property
    def definition(self) -> tuple[tuple[str, str], ...]:
        """What stands beside the figure wherever it is told alone (F20)."""
        return (
            ("分子", self.numerator), ("分母", self.denominator), ("不计", "、".join(self.exclusions)),
            ("来源", self.source),
        )  # fmt: skip


EXCLUDED, UNSEEN_CALLS, DENIED_BEFORE = "excluded", "unseen", "denied_before"
_UPHELD = {EXCLUDED: "申诉成立剔除"}
"""How many an upheld appeal takes out of a rate stands beside it: due process, but not unseen (peers B8)."""
_DENIED = {DENIED_BEFORE: "期内答不满意、已重开"}
"""A first 不满意 reopens the case, and its next closing has an answer of its own: the first one is told beside it."""
_LEFT_OUT = "申诉成立的{upheld}"
_DERIVED = "没有公开规定，本系统推导"

_DEFINED: dict[str, Metric] = {
    metric.key: metric
    for metric in (
        Metric(
            key="rectification_rate",
            name="差评整改率",
            numerator="已整改并通过的件数 + 解释说明获认可的件数（两项分别列出）",
            denominator="截止时点前已到办理期限的有效{cases}数",
            cohort="due",
            exclusions=("尚未到期的件", _LEFT_OUT),
            source=_DERIVED,
            parts={"rectified": "整改", "explained": "解释"},
            apart=_UPHELD,
        ),
        Metric(
            key="on_time_rectification_rate",
            name="按期整改率",
            of_orders="按期办结率",
            numerator="在有效期限（含批准的延期）当日或之前办结的件数",
            denominator="截止时点前已到有效期限的有效{cases}数，逾期未办结的计入",
            cohort="due",
            exclusions=("尚未到期的件", _LEFT_OUT),
            source="按公开数据的算法，本系统推导",
            parts={"on_time": "按期"},
            apart=_UPHELD,
        ),
        Metric(
            key="on_time_rectification_rate_original_due",
            name="原期限按期整改率",
            of_orders="原期限按期办结率",
            numerator="在原定期限（不计延期和复杂事项延长）当日或之前办结的件数，重开的以最后一次办结为准",
            denominator="截止时点前已到原定期限的有效{cases}数，未办结的计入",
            cohort="original_due",
            exclusions=("原定期限尚未届满的件", _LEFT_OUT),
            source="没有公开规定，与{on_time}对照，本系统推导",  # F16, L4: more time buys no on-time here
            parts={"on_time": "按期"},
            apart=_UPHELD,
        ),
        Metric(
            key="extension_rate",
            name="延期率",
            of_orders="延期率",
            fewer_is_better=True,
            numerator="获准延期的件数（按复杂事项延长的另外列出）",
            denominator="截止时点前已到原定期限的有效{cases}数",
            cohort="original_due",
            exclusions=("原定期限尚未届满的件", _LEFT_OUT),
            source=_DERIVED,  # L4
            parts={"extended": "延期", "complex": "复杂事项延长"},
            apart=_UPHELD,
        ),
        Metric(
            key="return_rate",
            name="回退率",
            of_orders="回退率",
            fewer_is_better=True,
            numerator="被承办单位退回过的件数（退回一次、多次分别列出），计入首先退回的单位",
            denominator="期内派单的件数",
            cohort="dispatched",
            exclusions=("尚未派单的件",),
            source=_DERIVED,  # F14
            parts={"once": "退回一次", "again": "退回多次"},
        ),
        Metric(
            key="call_back_rate",
            name="差评回访率",
            numerator="至少完成一次回访的实名差评件数：已接通，或按规定次数拨打仍联系不上（两项分别列出）",
            denominator="截止时点前已到期的实名差评件数，拨打未完成、未拨打的计入",
            cohort="due",
            exclusions=("匿名差评（另行列出：已拨打、已接通、未接通）", "尚未到期的件", _LEFT_OUT),
            source="范围依国办发〔2019〕51号，细则本系统推导",
            parts={
                "reached": "已接通",
                "exhausted": "联系不上",
                "attempted": "拨打未完成",
                "untried": "未拨打",
            },
            apart={
                "anonymous_attempted": "匿名已拨打",
                "anonymous_reached": "匿名已接通",
                "anonymous_not_reached": "匿名未接通",
                UNSEEN_CALLS: "其中登记前没有人查看过号码",
            }
            | _UPHELD,
        ),
        Metric(
            key="response_rate",
            name="及时响应率",
            numerator="在响应时限内首次有效联系群众的件数（签收不算联系）",
            denominator="响应时限已过或者已按时响应的件数，匿名的不计",
            cohort="response_due",
            exclusions=(
                "响应时限未到且尚未响应的件",
                "匿名、没有号码可打的件，有无联系都不计（另行列出，不算逾期）",
                _LEFT_OUT,
            ),
            source="没有公开规定，本系统推导，口径待主管局确认",
            parts={"in_time": "及时"},
            apart={"anonymous": "匿名不计"} | _UPHELD,
        ),
        Metric(
            key="completion_rate",
            name="办结率",
            of_orders="办结率",
            numerator="已办结（{closed}）的件数",
            denominator="已派单的件数",
            cohort="dispatched",
            exclusions=("退回后改派其他单位的件",),
            source="公开通报的算法",
            parts={"closed": "办结"},
        ),
        Metric(
            key="satisfaction_rate",
            name="群众满意率",
            of_orders="群众满意率",
            numerator="回访为满意的件数",
            denominator="期内办结的件数",
            cohort="closed",
            exclusions=(_LEFT_OUT,),
            source="公开通报的算法",
            parts={"satisfied": "满意"},
            apart=_UPHELD,
        ),
        Metric(
            key="confirmed_rectification_rate",
            name="群众确认整改率",
            numerator="办结后评价人答“满意”或“基本满意”的件数（不满意、没人联系我、未作答分别列出）",
            denominator="期内办结的有效{cases}数",
            cohort="closed",
            exclusions=(_LEFT_OUT,),
            source="没有公开口径，与差评整改率对照，本系统推导",  # B4
            parts={"confirmed": "确认", "denied": "不满意", "nobody_called": "没人联系", "silent": "未作答"},
            apart=_DENIED | _UPHELD,
        ),
        Metric(
            key="call_back_satisfaction_rate",
            name="回访满意率",
            of_orders="回访满意率",
            numerator="答“满意”或“基本满意”的件数（两项分别列出）",
            denominator="期内办结、评价人就满意程度作了回答的件数",
            cohort="closed",
            exclusions=("未作答的件{unanswered}", _LEFT_OUT),
            source=_DERIVED,
            parts={"satisfied": "满意", "basically": "基本满意", "dissatisfied": "不满意"},
            apart=_DENIED | _UPHELD,
        ),
        Metric(
            key="recall_confirmed_rate",
            name="抽查回访属实率",
            numerator="抽查回访中评价人所述与办理记录相符的件数（没人联系过、整改不实、改变说法分别列出）",
            denominator="期内完成抽查回访、评价人作了回答的件数",
            cohort="recalled",
            exclusions=("联系不上、拒绝回答的件（另行列出）", "没有抽中的件"),
            source="没有公开口径，本系统推导",  # B5
            parts={finding.value: finding.label for finding in Finding if finding.is_answer},
        ),
    )
}
"""Each rate once; what is in braces is said in the words of the cases it is told of (``_WORDS``)."""
_WORDS = {
    True: {
        "cases": "差评件", "upheld": "件（误评、恶意差评、非本单位、无效）", "on_time": "按期整改率",
        "unanswered": "（见群众确认整改率）", "closed": "审核通过",
    },
    False: {
        "cases": "工单", "upheld": "工单", "on_time": "按期办结率", "unanswered": "",
        "closed": "来源已办结，或在本系统审核通过",
    },
}  # fmt: skip


@cache
def metrics_of(family: Family) -> Mapping[str, Metric]:
    """The rates that say something of these cases, in their words and in the order of the table."""
    is_rating = family is Family.RATING
    return {
        key: _told(metric, metric.name if is_rating else metric.of_orders, _WORDS[is_rating])
        for key, metric in _DEFINED.items()
        if is_rating or metric.of_orders
    }


def _told(metric: Metric, name: str, words: Mapping[str, str]) -> Metric:
    return replace(
        metric,
        name=name,
        numerator=metric.numerator.format(**words),
        denominator=metric.denominator.format(**words),
        exclusions=tuple(each.format(**words) for each in metric.exclusions),
        source=metric.source.format(**words),
    )


METRICS = metrics_of(Family.RATING)
"""The rates of bad ratings, which are all there are."""


@dataclass(frozen=True)
class Figure:
    """A rate as two counts; ``parts`` names what the numerator is made of, or what stands beside it."""

    metric: str
    numerator: int
    denominator: int
    parts: Mapping[str, int] = field(default_factory=dict)
    apart: Mapping[str, int] = field(default_factory=dict)
    """Of cases told on their own line."""

    def __post_init__(self) -> None:
        _check(self.numerator, self.denominator)
        if any(count < 0 for count in self.parts.values()):
            raise ValueError(f"a part of {self.metric} is negative: {dict(self.parts)}")


def _check(numerator: int, denominator: int) -> None:
    if not 0 <= numerator <= denominator:
        raise ValueError(f"not a share: {numerator} of {denominator}")


def percent(n: int, d: int, rounding: Rounding = "round") -> str | None:
    """Two decimals, half up or cut off; "100.00" only for all, "0.00" only for none, None over nothing."""
    _check(n, d)
    if d == 0:
        return None
    # Whole hundredths of a percent: exact for any size, where a Decimal quotient would be rounded twice.
    hundredths = (20_000 * n + d) // (2 * d) if rounding == "round" else 10_000 * n // d
    if 0 < n < d:
        hundredths = min(max(hundredths, 1), 9_999)
    return f"{hundredths // 100}.{hundredths % 100:02}"


def display(figure: Figure, rounding: Rounding = "round") -> str:
    printed = percent(figure.numerator, figure.denominator, rounding)
    share = "—" if printed is None else f"{printed}%"
    return f"{share}（{figure.numerator}/{figure.denominator}）"


def is_small(figure: Figure, small_below: int) -> bool:
    """So few cases that the rate says little: flagged wherever it stands, and not ranked (F20)."""
    return 0 < figure.denominator < small_below


def share(figure: Figure, rounding: Rounding, small_below: int) -> str:
    """A rate with its fraction, starred where it says little."""
    return display(figure, rounding) + ("*" if is_small(figure, small_below) else "")


def small_note(small_below: int) -> str:
    """What the star means."""
    return f"*不足 {small_below} 件，仅供参考"


def told_apart(figure: Figure) -> list[tuple[str, str, int]]:
    """(part, name, count) of what stands apart from a rate; what was left out, or gives reason to look, only where
    something did."""
    counts = ((part, name, figure.apart.get(part, 0)) for part, name in METRICS[figure.metric].apart.items())
    return [one for one in counts if one[2] or one[0] not in (EXCLUDED, UNSEEN_CALLS, DENIED_BEFORE)]


def apart_line(figure: Figure) -> str:
    """The cases that stand apart from a rate, on their own line; "" for a rate that leaves nothing standing apart."""
    return "，".join(f"{name} {count}" for _, name, count in told_apart(figure))


def value(figure: Figure, rounding: Rounding = "round") -> float | None:
    """The printed percentage as a number, in percent (95.24)."""
    printed = percent(figure.numerator, figure.denominator, rounding)
    return None if printed is None else float(printed)
