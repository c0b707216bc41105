"""Which rating is bad, what a grade is called, and which end of a scale is the good one (F1)."""

from enum import StrEnum
from itertools import pairwise
from typing import Final

LOWEST: Final = 1
HIGHEST: Final = 5
BAD: Final[frozenset[int]] = frozenset({1, 2})
GRADE_NAMES: Final[dict[int, str]] = {1: "非常不满意", 2: "不满意", 3: "基本满意", 4: "满意", 5: "非常满意"}


class Direction(StrEnum):
    """Which end of a source's own scale means "very satisfied"; some devices count 1 as best."""

    HIGH = "high"
    LOW = "low"

    def agrees_with(self, table: dict[int, int]) -> bool:
        """Whether a code table (source code -> our 1..5) runs the way this direction says, without ties."""
        grades = [table[code] for code in sorted(table)]
        if self is Direction.LOW:
            grades.reverse()
        return all(lower < higher for lower, higher in pairwise(grades))


def is_bad(rating: int) -> bool:
    """Only 非常不满意 and 不满意 are bad; 基本满意 is not."""
    return rating in BAD


def grade_name(rating: int) -> str:
    """The grade as a clerk says it."""
    return GRADE_NAMES.get(rating, f"未知评级{rating}")
