"""Which cases a question is about: bad ratings, the work orders of other sources, or one kind of these.

Where the words do not say it, the answer says how they were read and what to add for the other; what the asked cases
have no rate for is said, never answered with another.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from reviewbot.conversation.vocabulary import Rate
from reviewbot.rules.kinds import Family
from reviewbot.rules.rates import METRICS, metrics_of

APART = "差评和12345等工单分开统计，一次只看一类，请分开发送，例如「差评 办结率」「12345 办结率」。"
_ONE_KIND = "一次只看一类工单，请分开发送，例如「投诉 办结率」「求助 办结率」，或一起看「12345 办结率」。"
_TO_ADD = {Family.RATING: "差评", Family.ORDERS: "12345"}


@dataclass(frozen=True)
class Reading:
    """``family``: None for a list of all cases; ``note``: what the answer must say about how it was read, or ""."""

    family: Family | None
    note: str = ""


def read_family(rates: Sequence[Rate], said: Collection[Family], *, order_said: bool) -> Reading | str:
    """What the question is about, or in one sentence why that cannot be told.

    ``said``: the cases named by words of their own; ``order_said``: 工单 alone, which names work orders in a rate and
    any case in a list.
    """
    named = set(said)
    if len(named) > 1 and Family.RATING not in named:
        named.discard(Family.ORDERS)  # 12345 投诉: the narrower
    if len(named) > 1:
        return APART if Family.RATING in named else _ONE_KIND
    if not rates:
        return Reading(next(iter(named), None))
    if named:
        return _named(rates, named.pop())
    return _unnamed(rates, order_said=order_said)


def _named(rates: Sequence[Rate], family: Family) -> Reading | str:
    known = metrics_of(family)
    if missing := [METRICS[rate.key].name for rate in rates if rate.key not in known]:
        names = "、".join(metric.name for metric in known.values())
        return f"{family.label}没有{'、'.join(missing)}这项指标，可以问：{names}。"
    return Reading(family, _renamed(rates, family))


def _renamed(rates: Sequence[Rate], family: Family) -> str:
    """A rate asked for by the name it has for other cases."""
    other = [
        rate for rate in rates if rate.family and (rate.family is Family.RATING) != (family is Family.RATING)
    ]
    return "".join(
        f"{family.label}的“{metrics_of(rate.family or family)[rate.key].name}”称“{metrics_of(family)[rate.key].name}”。"
        for rate in other
    )


def _unnamed(rates: Sequence[Rate], *, order_said: bool) -> Reading | str:
    by_name = {rate.family for rate in rates if rate.family}
    if len(by_name) > 1:
        return APART
    of_orders = metrics_of(Family.ORDERS)
    missing = [METRICS[rate.key].name for rate in rates if rate.key not in of_orders]
    if order_said and missing:
        return Reading(Family.RATING, f"“工单”按差评工单理解：12345等工单没有{'、'.join(missing)}这项指标。")
    if order_said:
        return Reading(Family.ORDERS, _renamed(rates, Family.ORDERS) + _assumed(Family.ORDERS, "“工单”"))
    if Family.ORDERS in by_name:
        return Reading(Family.ORDERS, _assumed(Family.ORDERS))
    open_ones = [rate for rate in rates if rate.family is None]
    return Reading(Family.RATING, _assumed(Family.RATING) if open_ones else "")


def _assumed(family: Family, what: str = "没有写明哪一类，") -> str:
    other = Family.ORDERS if family is Family.RATING else Family.RATING
    return f"{what}按{family.label}计算；要看{other.label}，请在问题中加写“{_TO_ADD[other]}”。"
