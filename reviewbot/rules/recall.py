"""The independent re-call sample (抽查回访, peers B5): which closed cases are called again, by whom, what came of it.

The seed is made so that nobody can choose it, by commit and reveal:

1. Before a month begins a secret is drawn and its SHA-256, the *commitment*, is published.
2. After the month the *population* is written down, one line a case: number, unit, hash of the closing event. The
   hashes depend on the last second and word of every closing, so that whoever stole the secret still learns the
   sample only when the month is over and the records are made.
3. The seed is ``SHA-256(secret + SHA-256(population))``. The case order is ``SHA-256(seed + number)``, smallest first:
   the first of every unit is taken, then the next ones until the share is full.
4. When the last call of the sample is concluded the secret is revealed, and anybody can do the sum again.
"""

import hashlib
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from reviewbot.errors import InvalidInput
from reviewbot.rules.call_back import Attempt, Outcome, Progress
from reviewbot.rules.lifecycle import Move

_MONTH = re.compile(r"(20[0-9]{2})-(0[1-9]|1[0-2])")


class Finding(StrEnum):
    """What a re-call came to: what the rater says about the record, or why he says nothing."""

    CONFIRMED = "confirmed"
    NOBODY_CALLED = "nobody_called"
    NOT_RECTIFIED = "not_rectified"
    CHANGED_MIND = "changed_mind"
    """He confirms that he was called, but tells another story than then."""
    REFUSED = "refused"
    UNREACHABLE = "unreachable"

    @property
    def label(self) -> str:
        return _LABELS[self]

    @property
    def contradicts(self) -> bool:
        """The record says what the rater denies: a supervisor has to look into it."""
        return self in (Finding.NOBODY_CALLED, Finding.NOT_RECTIFIED)

    @property
    def is_answer(self) -> bool:
        """The rater said something about the record; only answers are a base for a share."""
        return self not in (Finding.REFUSED, Finding.UNREACHABLE)

    @property
    def outcome(self) -> Outcome:
        """The attempt that led to it, where one call was enough."""
        return Outcome.REACHED if self.is_answer else Outcome.REFUSED


_LABELS = {
    Finding.CONFIRMED: "与记录相符",
    Finding.NOBODY_CALLED: "没人联系过",
    Finding.NOT_RECTIFIED: "整改不实",
    Finding.CHANGED_MIND: "改变说法",
    Finding.REFUSED: "拒绝回答",
    Finding.UNREACHABLE: "联系不上",
}
SAYABLE = tuple(finding for finding in Finding if finding is not Finding.UNREACHABLE)
"""What a caller may find in one call; 联系不上 follows from the attempts alone."""


def finding_of(made: Progress, last: Attempt) -> Finding | None:
    """What attempts in vain have come to: nothing yet, or the rater cannot be asked."""
    if last.outcome is Outcome.REFUSED:
        return Finding.REFUSED
    return Finding.UNREACHABLE if made.exhausted else None


@dataclass(frozen=True)
class Member:
    """One case of the population. ``closing``: the hash of the event that closed it."""

    number: str
    unit: str
    closing: str


def population_text(members: Iterable[Member]) -> str:
    """The population as it is published: lines in the order of the numbers, each ended by a line feed."""
    return "".join(f"{one.number} {one.unit} {one.closing}\n" for one in sorted(members, key=_by_number))


def population_of(text: str) -> list[Member]:
    """The members of a published list. Raises ValueError for a line that is not three words."""
    return [Member(*line.split(" ")) for line in text.splitlines() if _three(line)]


def _three(line: str) -> bool:
    if line.count(" ") != 2:
        raise ValueError(f"not a line of a population: {line[:80]!r}")
    return True


def _by_number(one: Member) -> str:
    return one.number


def digest(text: str) -> str:
    """SHA-256 as 64 lower-case hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def seed_of(secret: str, population_sha256: str) -> str:
    return digest(secret + population_sha256)


def sample_size(count: int, units: int, percent: int) -> int:
    """The share rounded up, but one for every unit."""
    return max(-(-count * percent // 100), units)


def draw_sample(members: Collection[Member], seed: str, percent: int) -> list[Member]:
    """The sample in the order of drawing: the first of each unit, then the first of all others."""
    order = sorted(members, key=lambda one: digest(seed + one.number))
    firsts: dict[str, Member] = {}
    for one in order:
        firsts.setdefault(one.unit, one)
    taken = set(firsts.values())
    rest = [one for one in order if one not in taken]
    return [*firsts.values(), *rest[: sample_size(len(order), len(firsts), percent) - len(firsts)]]


@dataclass(frozen=True)
class Caller:
    """Somebody who could call. ``assigned``: open re-calls he has already."""

    id: int
    userid: str
    name: str
    department_id: int
    assigned: int


def choose_caller(
    callers: Sequence[Caller], *, units: Collection[int], people: Collection[str], key: str
) -> Caller | None:
    """The least loaded one outside these units who is none of these people (userids); None where nobody is.

    Equal loads are decided by ``SHA-256(key + userid)``, so that nobody picks his caller.
    """
    barred = {userid.lower() for userid in people}
    free = [one for one in callers if one.department_id not in units and one.userid.lower() not in barred]
    return min(free, key=lambda one: (one.assigned, digest(key + one.userid)), default=None)


def month_of(day: date) -> str:
    return f"{day:%Y-%m}"


def month_days(month: str) -> tuple[date, date]:
    """The first day of a month and the first day after it. Raises InvalidInput."""
    found = _MONTH.fullmatch(month)
    if found is None:
        raise InvalidInput(f"月份应写作 2026-10，不是“{month[:20]}”。")
    first = date(int(found[1]), int(found[2]), 1)
    return first, (first + timedelta(days=31)).replace(day=1)


HANDS_ON = frozenset(
    {
        Move.SIGN, Move.RECORD_CALL, Move.CONCLUDE_JUSTIFIED, Move.CONCLUDE_UNJUSTIFIED, Move.APPEAL,
        Move.SUBMIT_MEASURES, Move.SUBMIT_EXPLANATION, Move.APPROVE, Move.SEND_BACK_MEASURES,
        Move.SEND_BACK_EXPLANATION, Move.RECORD_FEEDBACK, Move.GRANT_EXTENSION, Move.GRANT_LEDGER,
        Move.SUPPORT_APPEAL, Move.UPHOLD_APPEAL, Move.REFUSE_APPEAL, Move.ASSIST,
    }
)  # fmt: skip
"""Whoever made one of these on a case answers for its record, and does not check it."""
