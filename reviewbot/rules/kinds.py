"""What comes in by the one door: ratings, and work orders of other sources (12345, leaders' instructions)."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    RATING = "rating"
    CONSULT = "consult"
    HELP = "help"
    COMPLAINT = "complaint"
    REPORT = "report"
    SUGGESTION = "suggestion"
    INSTRUCTION = "instruction"

    @property
    def label(self) -> str:
        return _LABELS[self]

    @property
    def matter(self) -> "Matter":
        return RATED if self is Kind.RATING else ASKED

    @property
    def limit(self) -> str:
        """The name of the handling limit in the policy: work orders of the hotline have their own."""
        return "handling" if self is Kind.RATING else f"handling_{self.value}"


@dataclass(frozen=True)
class Matter:
    """What staff call a citizen's matter: what it is, whose, its number at the source, what was done at its time."""

    name: str
    person: str
    ident: str
    time: str


RATED = Matter("评价", "评价人", "评价编号", "评价")
ASKED = Matter("诉求", "诉求人", "来件编号", "派发")

_LABELS = {
    Kind.RATING: "差评",
    Kind.CONSULT: "咨询",
    Kind.HELP: "求助",
    Kind.COMPLAINT: "投诉",
    Kind.REPORT: "举报",
    Kind.SUGGESTION: "建议",
    Kind.INSTRUCTION: "领导批示",
}
ORDERS = frozenset(Kind) - {Kind.RATING}


class Family(StrEnum):
    """What a figure or a list is about: bad ratings, all work orders of other sources, or one kind of these.

    Ratings and work orders are never added up in one rate.
    """

    RATING = "rating"
    ORDERS = "orders"
    CONSULT = "consult"
    HELP = "help"
    COMPLAINT = "complaint"
    REPORT = "report"
    SUGGESTION = "suggestion"
    INSTRUCTION = "instruction"

    @property
    def kinds(self) -> frozenset[Kind]:
        return ORDERS if self is Family.ORDERS else frozenset({Kind(self.value)})

    @property
    def label(self) -> str:
        match self:
            case Family.RATING:
                return "差评"
            case Family.ORDERS:
                return "12345等工单"
        return f"{Kind(self.value).label}工单"


BOTH = (Family.RATING, Family.ORDERS)
"""Everything there is, each case in exactly one."""


SATISFACTION = {"satisfied": "满意", "basically": "基本满意", "dissatisfied": "不满意"}
