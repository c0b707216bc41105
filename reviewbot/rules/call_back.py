"""When a call-back is done: reached, or exhausted by attempts in different half-days (F9, peers B5)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo


class Outcome(StrEnum):
    """What came of one attempt."""

    REACHED = "reached"
    NO_ANSWER = "no_answer"
    BUSY = "busy"
    SWITCHED_OFF = "switched_off"
    WRONG_NUMBER = "wrong_number"
    REFUSED = "refused"

    @property
    def label(self) -> str:
        return _LABELS[self]

    @property
    def ends_the_attempts(self) -> bool:
        """More attempts could not help: the number is not the rater's, or he does not want to be called."""
        return self in (Outcome.WRONG_NUMBER, Outcome.REFUSED)


_LABELS = {
    Outcome.REACHED: "已接通",
    Outcome.NO_ANSWER: "无人接听",
    Outcome.BUSY: "占线",
    Outcome.SWITCHED_OFF: "关机或停机",
    Outcome.WRONG_NUMBER: "空号或错号",
    Outcome.REFUSED: "拒绝回访",
}
_SAID = (
    (Outcome.WRONG_NUMBER, re.compile("空号|错号|号码(?:有误|错误|不对)|不是本人|打错")),
    (Outcome.REFUSED, re.compile("拒绝|拒访|不愿|不接受回访|挂断")),
    (Outcome.SWITCHED_OFF, re.compile("关机|停机|暂停服务")),
    (Outcome.BUSY, re.compile("占线|正忙|通话中")),
)


def outcome_of(reached: bool, words: str) -> Outcome:
    """The outcome that a clerk's words say; a miss without a reason is 无人接听."""
    if reached:
        return Outcome.REACHED
    return next((outcome for outcome, said in _SAID if said.search(words)), Outcome.NO_ANSWER)


@dataclass(frozen=True)
class Attempt:
    at: datetime
    outcome: Outcome


@dataclass(frozen=True)
class Progress:
    """``half_days``: different half-days tried in vain so far; ``exhausted``: the rater counts as unreachable."""

    reached: bool
    half_days: int
    exhausted: bool

    @property
    def done(self) -> bool:
        return self.reached or self.exhausted


def may_be_recorded(called: datetime, recorded: datetime, since: datetime | None, zone: ZoneInfo) -> bool:
    """Whether a call of ``called`` may be put on record at ``recorded``: on its own day, and after the dispatch.

    A longer back-dating would let one sitting invent attempts in as many half-days as it likes (B5).
    """
    own_day = called.astimezone(zone).date() == recorded.astimezone(zone).date()
    return own_day and called <= recorded and (since is None or called >= since)


def progress(attempts: Iterable[Attempt], *, needed: int, zone: ZoneInfo) -> Progress:
    """How far a call-back is; a half-day is the morning or the afternoon (from 12:00) of a date in ``zone``."""
    known = list(attempts)
    halves = {
        ((here := attempt.at.astimezone(zone)).date(), here.hour >= 12)
        for attempt in known
        if attempt.outcome is not Outcome.REACHED
    }
    return Progress(
        reached=any(attempt.outcome is Outcome.REACHED for attempt in known),
        half_days=len(halves),
        exhausted=len(halves) >= needed or any(attempt.outcome.ends_the_attempts for attempt in known),
    )
