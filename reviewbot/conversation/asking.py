"""Who asks, and how a figure is fetched for him: shared by the tables, the lists and the charts."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.orm import Session

from reviewbot.actions.report_rates import report_rates
from reviewbot.charts import Chart
from reviewbot.clock import CHINA, minute
from reviewbot.conversation.periods import Period
from reviewbot.conversation.questions import Asked
from reviewbot.conversation.vocabulary import Unit
from reviewbot.queries.directory import UnitName
from reviewbot.queries.scope import Viewer
from reviewbot.rules.kinds import Family
from reviewbot.rules.rates import Figure, Metric, Rounding, metrics_of
from reviewbot.rules.rulebook import Rulebook


@dataclass(frozen=True)
class Asking:
    """Who asks, when, by which rules and of which cases (rates always say which); ``address``: where links lead."""

    session: Session
    viewer: Viewer
    at: datetime
    rulebook: Rulebook
    address: str
    family: Family = Family.RATING

    @property
    def rounding(self) -> Rounding:
        return self.rulebook.policy.rounding

    @property
    def small_below(self) -> int:
        return self.rulebook.policy.small_below

    def metric(self, key: str) -> Metric:
        """A rate in the words of the cases asked about."""
        return metrics_of(self.family)[key]

    @property
    def today(self) -> date:
        return self.at.astimezone(CHINA).date()

    @property
    def cut_off(self) -> str:
        return f"截至 {minute(self.at)}"


@dataclass(frozen=True)
class Told:
    """The answer as text, and the picture that goes with it where a picture says more."""

    text: str
    chart: Chart | None = None


@dataclass(frozen=True)
class Line:
    """One unit's figure, now and in the periods it is compared with."""

    name: str
    figure: Figure
    earlier: tuple[Figure, ...] = ()


def whose(asked: Asked) -> str:
    return "、".join(unit.label for unit in asked.units) or "全部单位"


def days(period: Period) -> str:
    first, last = period
    return f"{first}" if first == last else f"{first} 至 {last}"


def figures(
    asking: Asking, metric: str, period: Period, unit: Unit | None = None, *, split: bool = False
) -> dict[UnitName | None, Figure]:
    """By unit, in directory order, or of all under None."""
    rows = report_rates(
        asking.session, asking.viewer, first=period[0], last=period[1], now=asking.at, metrics=[metric],
        by_department=split, department_id=unit.id if unit else None, family=asking.family,
    )  # fmt: skip
    return {row.unit: row.figure for row in rows}


def figure_of(asking: Asking, metric: str, period: Period, unit: Unit | None) -> Figure:
    return figures(asking, metric, period, unit)[None]
