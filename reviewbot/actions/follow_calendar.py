"""A case follows the calendar in force: its running limits are reckoned anew, and what became wrong is taken back (B2).

The calendar is a fact of the world: unlike the policy, a changed one holds for every limit that still runs. The
``calendar_version`` of the running limits is the work list. Every move and every rung lets its case follow first, and
a sweep finds the others, so that nothing is decided by days that are no longer so, whichever process came first.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from reviewbot.actions.appeal_card import take_back
from reviewbot.actions.follow_letters import (
    drafted_for_good,
    redraft_letters,
    take_back_letters,
    undue_letters,
)
from reviewbot.actions.live_cards import show_everyone
from reviewbot.actions.notify import facts_of, tell, tell_rater
from reviewbot.actions.receivers import holders
from reviewbot.actions.reminded import reminder_kind
from reviewbot.actions.start_clock import ladder_when, next_rung
from reviewbot.clock import CHINA, minute
from reviewbot.models.case import Case, DueTime
from reviewbot.models.chain import append_event
from reviewbot.models.oversight import Card
from reviewbot.models.procedure import Assistance
from reviewbot.queries.calendars import cards_of, unmet_limits, waiting_messages, was_told_day
from reviewbot.queries.cases import lock_case_by_id
from reviewbot.queries.rulebooks import Rulebooks
from reviewbot.queries.scope import SYSTEM
from reviewbot.rules import notices
from reviewbot.rules.calendar import Calendar
from reviewbot.rules.calendar_change import Running, changed_days, reckon_anew
from reviewbot.rules.deadlines import DueTime as Reckoned
from reviewbot.rules.deadlines import working_as_data
from reviewbot.rules.ladder import Act, Rung
from reviewbot.rules.lifecycle import Move
from reviewbot.rules.rulebook import Rulebook
from reviewbot.rules.stages import SUB_TASK, stage_name

BY_CALENDAR = "工作日历改为"
"""How the reason of a card or a draft begins that the calendar took back."""
MOVED = "时限已随工作日历调整，此条作废"
"""The reason of a reminder that waited while its limit moved away from under it."""
_COLOURS = {"yellow": Act.YELLOW_CARD, "red": Act.RED_CARD}


@dataclass(frozen=True)
class Shift:
    """One limit that another calendar moves, or makes final."""

    number: str
    stage: str
    before: datetime
    after: datetime
    days: tuple[str, ...]
    """Which days changed."""
    became_final: bool

    @property
    def moved(self) -> bool:
        return self.before != self.after

    @property
    def sentence(self) -> str:
        why = f"（{'；'.join(self.days)}）" if self.days else ""
        if not self.moved:
            return f"{stage_name(self.stage)} {minute(self.after)} 由暂定转为确定{why}"
        return f"{stage_name(self.stage)} {minute(self.before)} → {minute(self.after)}{why}"


@dataclass
class Followed:
    """What a case's following did."""

    shifts: list[Shift] = field(default_factory=list)
    cards: list[str] = field(default_factory=list)
    """Colours of the cards withdrawn."""
    letters: int = 0
    """Drafts of letters withdrawn."""
    redrafted: int = 0
    """Drafts of letters that bear other days now."""
    rearmed: int = 0
    """Rungs that lie in the future again."""
    rater_told: bool = False


def follow_by_id(session: Session, case_id: int, *, now: datetime, rulebooks: Rulebooks) -> Followed:
    """The sweep's door."""
    return follow_calendar(session, lock_case_by_id(session, case_id), rulebooks, now=now)


def follow_calendar(
    session: Session, case: Case, rulebooks: Rulebooks, *, now: datetime, calendar: Calendar | None = None
) -> Followed:
    """Bring a locked case to the calendar in force, or to ``calendar`` (to see what it would do, and roll back).

    Each limit of the round that nobody met, and those it was made from, is reckoned anew from its own kept value;
    the old due time with its working stays in the chain. Cards whose rung lies in the future again are withdrawn,
    and the rung comes once more. A closed case keeps its history; what others still owe about it follows.
    """
    calendar = calendar or rulebooks.calendar(session)
    limits, done = unmet_limits(session, case), Followed()
    if all(one.calendar_version == calendar.version for one in limits):
        return done
    rulebook = replace(rulebooks.of(session, case), calendar=calendar)
    anew, kept = reckon_anew(_as_running(limits), calendar), []
    for limit in limits:
        due, old = anew[limit.stage], rulebooks.kept_calendar(session, limit.calendar_version)
        if limit.replaced_by is None:
            _note(done, case, limit, due, old, calendar)
        if working_as_data(due.reckoning) != limit.working:
            kept.append(_record(limit))
        _store(limit, due, calendar)
    wrong = undue_cards(session, case, limits, rulebook, now)
    undue = undue_letters(session, case, limits, rulebook, now)
    for one in limits:
        if not one.replaced_by:
            stays = drafted_for_good(session, case, one, rulebook, undue)
            done.rearmed += _rearm(session, case, one, wrong, stays, rulebook, now)
    _set_case(session, case, limits)
    session.flush()
    if kept or done.rearmed:
        append_event(
            session, case, at=now, actor=SYSTEM.actor, actor_name=SYSTEM.name, before=case.status.value,
            move=Move.FOLLOW_CALENDAR.value, remark="；".join(one.sentence for one in done.shifts),
            data={"calendar": calendar.version, "limits": kept},
        )  # fmt: skip
    for card in wrong:
        take_back(session, card, case, f"{BY_CALENDAR} {calendar.version}，期限未到", SYSTEM, at=now)
        done.cards.append(card.colour)
    today, why = rulebooks.on(session, now), f"{BY_CALENDAR} {calendar.version}"
    take_back_letters(session, case, undue, f"{why}，期限未到", today.office_opens(now), now)
    done.letters = len(undue)
    done.redrafted = redraft_letters(session, case, limits, why, today.office_opens(now), now)
    case.next_action_at = next_rung(session, case, rulebook)
    _tell(session, case, done, today, now)
    return done


def _as_running(limits: Sequence[DueTime]) -> list[Running]:
    before = {one.replaced_by: one.stage for one in limits if one.replaced_by}
    return [
        Running(
            one.stage, one.limit, one.started_at,
            before.get(one.stage) if one.limit_name == "extension" else None,
        )
        for one in limits
    ]  # fmt: skip


def _note(
    done: Followed, case: Case, limit: DueTime, due: Reckoned, old: Calendar | None, new: Calendar
) -> None:
    """A due time that moves, or is no longer provisional."""
    final = limit.provisional and not due.provisional
    if limit.due_at == due.due_at and not final:
        return
    last = max(limit.due_at, due.due_at).astimezone(CHINA).date()
    days = changed_days(old, new, limit.started_at.astimezone(CHINA).date(), last) if old else ()
    done.shifts.append(Shift(case.number, limit.stage, limit.due_at, due.due_at, tuple(days), final))


def _record(limit: DueTime) -> dict[str, Any]:
    """The due time as it was, whole: it can be shown and recomputed when the row says something else."""
    return {
        "stage": limit.stage, "round": limit.round, "started_at": limit.started_at.isoformat(),
        "due_at": limit.due_at.isoformat(), "provisional": limit.provisional,
        "calendar_version": limit.calendar_version, "working": limit.working,
    }  # fmt: skip


def _store(limit: DueTime, due: Reckoned, calendar: Calendar) -> None:
    limit.started_at, limit.due_at, limit.provisional = due.started_at, due.due_at, due.provisional
    limit.working, limit.calendar_version = working_as_data(due.reckoning), calendar.version


def undue_cards(
    session: Session, case: Case, limits: Sequence[DueTime], rulebook: Rulebook, until: datetime
) -> list[Card]:
    """Standing cards that would not have been issued: their rung comes later than this, or than the limit lasted."""
    wrong = []
    for limit in limits:
        ended = min(limit.replaced_at or until, until)
        for card in cards_of(session, limit.id):
            ladder = ladder_when(case, limit, rulebook, card.issued_at)
            late = {rung.act for rung in ladder if rung.at > ended}
            if card.withdrawn_at is None and _COLOURS[card.colour] in late:
                wrong.append(card)
    return wrong


def _rearm(
    session: Session,
    case: Case,
    limit: DueTime,
    wrong: Sequence[Card],
    stays: frozenset[str],
    rulebook: Rulebook,
    now: datetime,
) -> int:
    """Rungs that lie in the future again come once more, and reminders of them that still wait are void. A card that
    people took back stays taken back; ``stays``: rungs whose letter was issued or taken back by people."""
    forgiven = {_COLOURS[card.colour] for card in cards_of(session, limit.id) if card not in wrong}
    again = {
        rung.key
        for since in (case.held_since or limit.started_at, None)
        for rung in rulebook.rungs(limit.stage, limit.started_at, limit.due_at, since)
        if rung.at > now
        and rung.key in limit.rungs_done
        and rung.act not in forgiven
        and rung.key not in stays
    }
    limit.rungs_done = [key for key in limit.rungs_done if key not in again]
    kinds = [reminder_kind(limit.stage, key) for key in again]
    for message in waiting_messages(session, limit.case_id, kinds):
        message.state, message.reason = "suppressed", MOVED
    return len(again)


def _set_case(session: Session, case: Case, limits: Sequence[DueTime]) -> None:
    for limit in limits:
        if limit.stage == "handling" and limit.round == 1:
            case.original_due_at = limit.due_at
        if limit.stage.startswith("handling") and limit.replaced_by is None:
            case.due_at = limit.due_at
        if limit.stage == "contact" and limit.round == 1:
            case.contact_due_at = limit.due_at
        if limit.stage.startswith(SUB_TASK):
            session.get_one(Assistance, int(limit.stage.removeprefix(SUB_TASK))).due_at = limit.due_at


def _tell(session: Session, case: Case, done: Followed, today: Rulebook, now: datetime) -> None:
    """Whoever holds the case, once for all its limits; the rater where he was told a day that is no longer so."""
    moved = [shift for shift in done.shifts if shift.moved]
    if not moved:
        return
    show_everyone(session, case, Move.FOLLOW_CALENDAR, SYSTEM, at=now)
    main = next((shift for shift in moved if shift.stage.startswith("handling")), moved[0])
    body = notices.rescheduled(facts_of(session, case), "；".join(shift.sentence for shift in moved))
    tell(
        session, case, reminder_kind(main.stage, "calendar"), body,
        [userid for shift in moved for userid in holders(session, case, shift.stage, now)],
        at=now, held_until=today.may_speak_at(Rung("calendar", now, "日历调整"), now),
    )  # fmt: skip
    before, after = main.before.astimezone(CHINA), main.after.astimezone(CHINA)
    day_moved = main.stage.startswith("handling") and before.date() != after.date()
    if day_moved and was_told_day(session, case, before.date()):
        body = notices.rater_rescheduled(case.number, after)
        tell_rater(session, case, "rescheduled", body, at=now)
        done.rater_told = True
