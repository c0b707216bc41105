"""When a call-back is done: reached, or exhausted by attempts in different half-days (F9, peers B5)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
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


UNSEEN = "登记前没有人查看过评价人号码"
"""Of a call put on record though nobody had looked at the number that is there: a paper call may not pass unseen."""
_LABELS = {
    Outcome.REACHED: "已接通",
    Outcome.NO_ANSWER: "无人接听",
    Outcome.BUSY: "占线",
    Outcome.SWITCHED_OFF: "关机或停机",
    Outcome.WRONG_NUMBER: "空号或错号",
    Outcome.REFUSED: "拒绝回访",
}
_SAID = (
    (Outcome.SWITCHED_OFF, re.compile("关机|停机|暂停服务")),
    (Outcome.BUSY, re.compile("占线|正忙|通话中")),
    (Outcome.NO_ANSWER, re.compile("[无没]人接|无人应答|没接(?!受)")),
    (Outcome.WRONG_NUMBER, re.compile("空号|错号|号码(?:有误|错误|不对)|不是本人|打错")),
    (Outcome.REFUSED, re.compile("拒绝|拒访|不愿|不接受回访")),
)
"""What lets the attempts go on stands before what ends them: a doubtful word makes nobody unreachable."""
_DENIED = re.compile(r"(?:不是|并非|没有?|并?未|不)(?:空号|错号|打错|拒绝|拒访|不愿)\w{0,2}")


def outcome_of(reached: bool, words: str) -> Outcome:
    """The outcome that a clerk's words say; a miss without a clear reason is 无人接听, also one that was hung up."""
    if reached:
        return Outcome.REACHED
    words = _DENIED.sub("", words)
    return next((outcome for outcome, said in _SAID if said.search(words)), Outcome.NO_ANSWER)


@dataclass(frozen=True)
class CallRules:
    """When calls in vain have been enough (peers B5)."""

    half_days: int
    """As many different ones."""
    earliest_hour: int
    latest_hour: int
    """A call counts from the one to the other, 0-24: nobody is reached at night."""
    apart_hours: float
    """From one that counts to the next: 11:59 and 12:01 are one attempt."""


def what_counts(rules: CallRules) -> str:
    """In a clerk's words, which calls in vain are counted."""
    return f"{rules.earliest_hour} 点至 {rules.latest_hour} 点拨打、相隔 {rules.apart_hours:g} 小时以上的不同半天才计入"


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


def progress(attempts: Iterable[Attempt], rules: CallRules, zone: ZoneInfo) -> Progress:
    """How far a call-back is; a half-day is the morning or the afternoon (from 12:00) of a date in ``zone``."""
    known = list(attempts)
    vain = sorted(attempt.at.astimezone(zone) for attempt in known if attempt.outcome is not Outcome.REACHED)
    halves, last = set[tuple[date, bool]](), None
    for at in vain:
        half = (at.date(), at.hour >= 12)
        decent = rules.earliest_hour <= at.hour < rules.latest_hour
        apart = last is None or at - last >= timedelta(hours=rules.apart_hours)
        if decent and apart and half not in halves:
            halves.add(half)
            last = at
    return Progress(
        reached=any(attempt.outcome is Outcome.REACHED for attempt in known),
        half_days=len(halves),
        exhausted=len(halves) >= rules.half_days
        or any(attempt.outcome.ends_the_attempts for attempt in known),
    )
