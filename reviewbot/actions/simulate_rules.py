"""The past months once more under a draft of the rules, beside what was in force (B13). Nothing is written.

Every case runs by its recorded moments: when its limits began, were met, extended or replaced, and who held it. A
draft replaces the limits and where they start, whether an appeal stops the clock, rungs, quiet hours and, where one is
given, the calendar; what people did stays as it was.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property, partial
from typing import Any, Self

from sqlalchemy import text
from sqlalchemy.orm import Session

from reviewbot.actions.follow_calendar import BY_CALENDAR
from reviewbot.actions.receivers import told_of_rung
from reviewbot.actions.start_clock import clock_began
from reviewbot.clock import CHINA
from reviewbot.models.case import Case, CaseEvent, DueTime
from reviewbot.models.oversight import LetterKind
from reviewbot.models.review import Review
from reviewbot.queries.history import History, histories, staff_ids, units
from reviewbot.queries.rulebooks import Rulebooks
from reviewbot.queries.scope import SYSTEM
from reviewbot.rules.calendar import Calendar
from reviewbot.rules.deadlines import Limit
from reviewbot.rules.ladder import Act, Rung
from reviewbot.rules.lifecycle import CaseStatus, Move
from reviewbot.rules.policy import STARTS, Policy
from reviewbot.rules.redraft import Appealed, Past, laid_out
from reviewbot.rules.replay import Hands, Ran, Strike, replay
from reviewbot.rules.rulebook import Rulebook
from reviewbot.rules.stages import SUB_TASK

DESK = "派单台"
COUNTED = {
    Act.REMIND: "reminders", Act.MARK_OVERDUE: "reminders", Act.YELLOW_CARD: "yellow", Act.RED_CARD: "red",
    Act.LETTER: "letters", Act.REPORT: "reports",
}  # fmt: skip
ISSUED = ("yellow", "red", "letters", "reports")
"""Of what is counted: what leaves a row of its own, to compare with."""
_LETTERS = {LetterKind.SUPERVISION: "letters", LetterKind.SPECIAL_REPORT: "reports"}
LABELS = {
    "cases": "工单", "overdue": "超期", "reminders": "催办", "yellow": "黄牌", "red": "红牌", "letters": "督办函",
    "reports": "专报", "at_night": "非工作时间消息", "most_a_day": "一人一天最多消息",
}  # fmt: skip


@dataclass
class Figures:
    """What a unit's cases owed under one set of rules."""

    counts: Counter[str] = field(default_factory=Counter)
    messages: Counter[tuple[str, datetime]] = field(default_factory=Counter)
    """By person and moment of sending."""

    @classmethod
    def together(cls, parts: Iterable[Self]) -> Self:
        total = cls()
        for part in parts:
            total.counts.update(part.counts)
            total.messages.update(part.messages)
        return total

    def rows(self, above: int) -> dict[str, int]:
        """By the keys of ``LABELS``; more than ``above`` messages to one person at once are one."""
        days: Counter[tuple[str, date]] = Counter()
        for (person, at), count in self.messages.items():
            days[person, at.astimezone(CHINA).date()] += 1 if count > above else count
        told = {key: self.counts[key] for key in LABELS}
        return told | {"most_a_day": max(days.values(), default=0)}


@dataclass(frozen=True)
class Simulation:
    """By unit: under what was in force, and under the draft. ``issued``: the cards, and the letters drafted, that
    there really were, to compare with those ``replayed``; what the calendar took back never came due."""

    first: datetime
    until: datetime
    """Cases opened from ``first`` on, replayed to ``until``."""
    policy: str
    calendar: str
    """Versions of the draft."""
    in_force: dict[str, dict[str, int]]
    draft: dict[str, dict[str, int]]
    total: tuple[dict[str, int], dict[str, int]]
    """Of all units, in force and draft; one person's messages are counted across units."""
    replayed: dict[str, int]
    issued: dict[str, int]


@dataclass(frozen=True)
class Holding:
    """Who held a case at a moment of its past."""

    status: CaseStatus
    department_id: int | None
    handler_id: int | None
    review: Review


def simulate_rules(
    session: Session, rulebooks: Rulebooks, policy: Policy, calendar: Calendar | None, *, first: datetime,
    until: datetime,
) -> Simulation:  # fmt: skip
    """Replay every case opened from ``first`` on, in a transaction that cannot write."""
    session.execute(text("SET TRANSACTION READ ONLY"))
    today = rulebooks.on(session, until)
    draft = Rulebook(policy, calendar or today.calendar)
    book = _Books(session, rulebooks, until)
    now: dict[str, Figures] = defaultdict(Figures)
    then: dict[str, Figures] = defaultdict(Figures)
    issued: Counter[str] = Counter()
    after = 0
    while page := histories(session, first, after):
        for history in page:
            book.count(now, history, _as_recorded(session, rulebooks, history), None)
            book.count(then, history, _as_drafted(session, rulebooks, history, draft, calendar), draft)
            issued.update(_issued(history))
        after = page[-1].case.id
        session.expunge_all()
    names = sorted({*now, *then})
    above, drafted_above = today.policy.messages.digest_above, policy.messages.digest_above
    both = Figures.together(now.values()).rows(above), Figures.together(then.values()).rows(drafted_above)
    return Simulation(
        first, until, policy.version, draft.calendar.version,
        {name: now[name].rows(above) for name in names},
        {name: then[name].rows(drafted_above) for name in names},
        both,
        {key: both[0][key] for key in ISSUED},
        {key: issued[key] for key in ISSUED},
    )  # fmt: skip


def _issued(history: History) -> list[str]:
    cards = [card.colour for card in history.cards if not _taken_back(card.withdrawn_reason)]
    letters = [
        _LETTERS[letter.kind] for letter in history.letters if not _taken_back(letter.withdrawn_reason)
    ]
    own = {letter.id for letter in history.letters}
    listed = [
        _LETTERS[LetterKind(event.data["kind"])]
        for event in history.events
        if event.move == Move.DRAFT_LETTER and "rung" in event.data and event.data["letter"] not in own
    ]
    return cards + letters + listed


def _taken_back(reason: str | None) -> bool:
    return reason is not None and reason.startswith(BY_CALENDAR)


def _as_recorded(session: Session, rulebooks: Rulebooks, history: History) -> list[Ran]:
    """Due times as they stand, rungs by the case's own policy and each limit's own calendar."""
    own, found = rulebooks.of(session, history.case), []
    for limit in history.limits:
        calendar = rulebooks.kept_calendar(session, limit.calendar_version) or own.calendar
        rules = Rulebook(own.policy, calendar)
        found.append(_ran(history, limit, rules, limit.started_at, limit.due_at))
    return found


def _as_drafted(
    session: Session, rulebooks: Rulebooks, history: History, draft: Rulebook, calendar: Calendar | None
) -> list[Ran]:
    """The same limits from the same moments, by the draft's values; what people granted keeps its days."""
    found: list[Ran] = []
    for round_ in sorted({limit.round for limit in history.limits}):
        limits = [limit for limit in history.limits if limit.round == round_]
        kept = rulebooks.kept_calendar(session, limits[-1].calendar_version)
        rules = draft if calendar or kept is None else Rulebook(draft.policy, kept)
        past = [_past(history, limit, draft.policy) for limit in limits]
        found += laid_out(past, _appeals(history), rules)
    return found


def _past(history: History, limit: DueTime, draft: Policy) -> Past:
    drafted = draft.limits.get(limit.limit_name, limit.limit)
    return Past(
        stage=limit.stage, limit=drafted, is_extension=limit.limit_name == "extension",
        started_at=_start(history.case, limit, drafted), born_at=_born(history, limit),
        ended_at=limit.met_at or limit.replaced_at, replaced_by=limit.replaced_by,
    )  # fmt: skip


def _start(case: Case, limit: DueTime, drafted: Limit) -> datetime:
    """Of a clock of the first round the draft says where it starts; every other one starts where it did."""
    may_differ = len(STARTS.get(limit.limit_name, ())) > 1 and limit.round == 1
    if not may_differ or case.dispatched_at is None:
        return limit.started_at
    return clock_began(case, drafted, case.dispatched_at)


def _appeals(history: History) -> list[Appealed]:
    """The appeals against the rating, as the events tell of them."""
    found: list[Appealed] = []
    for event in history.events:
        if event.move == Move.APPEAL:
            found.append(Appealed(event.at, None))
        elif event.move in (Move.UPHOLD_APPEAL, Move.REFUSE_APPEAL) or (
            event.move == Move.CLOSE_BY_SOURCE and event.before == CaseStatus.APPEALED
        ):
            found[-1] = Appealed(found[-1].asked_at, event.at)
    return found


def _ran(history: History, limit: DueTime, rules: Rulebook, started_at: datetime, due_at: datetime) -> Ran:
    ladder = partial(rules.rungs, limit.stage, started_at, due_at)
    return Ran(limit.stage, ladder, _born(history, limit), limit.met_at or limit.replaced_at)


def _born(history: History, limit: DueTime) -> datetime:
    """When a limit came to be; its clock may have run before."""
    replaced = [one for one in history.limits if one.replaced_by == limit.stage and one.round == limit.round]
    if replaced and replaced[0].replaced_at:
        return replaced[0].replaced_at
    if limit.round == 1 and limit.stage in ("contact", "handling"):
        first = (event.at for event in history.events if event.move in (Move.DISPATCH, Move.RULE))
        return max(limit.started_at, next(first, limit.started_at))
    return max(limit.started_at, history.case.opened_at)  # a leader's order ran before it came


def _hands(history: History) -> list[Hands]:
    """Whether a unit could act on the case, and since when, as its events tell."""
    found, since = [], None
    for event in history.events:
        match event.move:
            case Move.DISPATCH | Move.REFUSE_RETURN | Move.RULE:
                since = history.case.dispatched_at if event.actor == SYSTEM.actor else event.at
            case Move.UPHOLD_APPEAL | Move.REFUSE_APPEAL:
                since = event.at
        found.append(Hands(event.at, since if CaseStatus(event.after).is_with_unit else None))
    return found


class _Books:
    """What the counting looks up again and again, kept."""

    def __init__(self, session: Session, rulebooks: Rulebooks, until: datetime) -> None:
        self._session, self._rulebooks, self._until = session, rulebooks, until
        self._codes, self._names = units(session)
        self._told: dict[tuple[Any, ...], list[str]] = {}
        self._days: dict[date, Rulebook] = {}

    @cached_property
    def _staff(self) -> dict[str, int]:
        return staff_ids(self._session)

    def count(
        self, figures: dict[str, Figures], history: History, limits: list[Ran], draft: Rulebook | None
    ) -> None:
        mine = figures[self._names.get(history.case.department_id or 0, DESK)]
        mine.counts["cases"] += 1
        overdue = False
        for strike in replay(limits, self._until, _hands(history)):
            holding = self._holding(history, strike.at)
            unit = figures[self._names.get(holding.department_id or 0, DESK)]
            for ran, rung in strike.rungs:
                key = COUNTED[rung.act]
                if key != "reminders":
                    unit.counts[key] += 1
                overdue |= rung.act is Act.MARK_OVERDUE and ran.stage.startswith("handling")
            self._messages(unit, strike, holding, draft or self._on(strike.at))
        mine.counts["overdue"] += overdue

    def _messages(self, unit: Figures, strike: Strike, holding: Holding, rules: Rulebook) -> None:
        if strike.speaks is None:
            return
        ran, rung = strike.speaks
        sent = rules.may_speak_at(rung, strike.at)
        if ran.ended_at is not None and sent >= ran.ended_at:
            return  # done before it could be sent (R9)
        people = {person for each in strike.told for person in self._hear(holding, *each, strike.at)}
        if rung.act in (Act.REMIND, Act.MARK_OVERDUE):
            unit.counts["reminders"] += len(people)
        if not rules.calendar.is_working_time(sent):
            unit.counts["at_night"] += len(people)
        unit.messages.update((person, sent) for person in people)

    def _hear(self, holding: Holding, ran: Ran, rung: Rung, at: datetime) -> list[str]:
        # Who approves depends on who was rated and who handed it in: an approval is looked up case by case.
        approved = holding.review.id if holding.status is CaseStatus.AWAITING_APPROVAL else None
        stage = ran.stage if ran.stage.startswith(SUB_TASK) else ""
        key = (
            holding.status, holding.department_id, holding.handler_id, approved, stage, rung.act, rung.to,
            at.astimezone(CHINA).date(),
        )  # fmt: skip
        if key not in self._told:
            self._told[key] = told_of_rung(self._session, holding, ran.stage, rung, at)
        return self._told[key]

    def _on(self, at: datetime) -> Rulebook:
        day = at.astimezone(CHINA).date()
        if day not in self._days:
            self._days[day] = self._rulebooks.on(self._session, at)
        return self._days[day]

    def _holding(self, history: History, at: datetime) -> Holding:
        """Status, unit and handler as the events until then leave them; before the first, as it leaves them."""
        status, unit, handler = CaseStatus.AWAITING_DISPATCH, None, None
        for place, event in enumerate(history.events):
            if event.at > at and place:
                break
            status = CaseStatus(event.after)
            unit, handler = self._hands(event, unit, handler)
        return Holding(status, unit, handler, history.case.review)

    def _hands(
        self, event: CaseEvent, unit: int | None, handler: int | None
    ) -> tuple[int | None, int | None]:
        match event.move:
            case Move.DISPATCH | Move.REFUSE_RETURN | Move.RULE:
                return self._codes.get(str(event.data.get("department"))), self._person(
                    event.data.get("handler")
                )
            case Move.RETURN | Move.RETURN_AGAIN:
                return None, None
            case Move.SIGN:
                return unit, self._person(event.actor) or handler
            case _ if "to" in event.data and "from" in event.data:
                return unit, self._person(event.data["to"])
        return unit, handler

    def _person(self, userid: object) -> int | None:
        return self._staff.get(str(userid))
