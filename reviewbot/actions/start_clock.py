"""Start a limit with its working stored, and find the next moment a case has to be looked at."""

from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from reviewbot.clock import CHINA
from reviewbot.models.case import Case, DueTime
from reviewbot.rules.deadlines import RECEIVED, Limit, due_time, remainder, working_as_data
from reviewbot.rules.deadlines import DueTime as Reckoned
from reviewbot.rules.kinds import Kind
from reviewbot.rules.ladder import Rung, next_at
from reviewbot.rules.notices import when
from reviewbot.rules.rulebook import Rulebook
from reviewbot.rules.stages import stage_label


def start_clock(
    session: Session, case: Case, stage: str, at: datetime, rulebook: Rulebook, *, limit: str | None = None
) -> datetime:
    """Store the due time of a stage with every interval counted or not (B1); ``limit`` if it differs by name."""
    return _store(session, case, stage, rulebook.due(limit or stage, at), rulebook)


def clock_began(case: Case, limit: Limit, dispatched_at: datetime) -> datetime:
    """Where the clock of a limit of the first round starts (F7): as its policy says, when the case was opened or when
    it was first dispatched. A work order was dispatched by its source; its citizen's clock has run since then."""
    began = case.opened_at if limit.starts == RECEIVED else dispatched_at
    return began if case.kind is Kind.RATING else min(began, case.review.reviewed_at)


def replace_clock(
    session: Session, case: Case, stage: str, new_stage: str, due: Reckoned, rulebook: Rulebook,
    *, at: datetime,
) -> None:  # fmt: skip
    """A running limit (``stage``, or one numbered or named after it) gives way to another; both stay on record."""
    for old in running(session, case):
        if _belongs(old.stage, stage):
            old.replaced_by, old.replaced_at = new_stage, at
    _store(session, case, new_stage, due, rulebook)


def stop_clock(
    session: Session, case: Case, stage: str, until: str, *, at: datetime, passed: bool = False
) -> bool:
    """A running limit stands still from now on: it gives way to the stage ``until``, which ``resume_clock`` starts, or
    to none. One that has passed does so only with ``passed``."""
    stopped = [
        old for old in running(session, case) if _belongs(old.stage, stage) and (passed or at <= old.due_at)
    ]
    for old in stopped:
        old.replaced_by, old.replaced_at = until, at
    return bool(stopped)


def resume_clock(
    session: Session, case: Case, stage: str, rulebook: Rulebook, *, at: datetime
) -> tuple[datetime, datetime] | None:
    """What was left of the limit that stands still runs from now on as ``stage``: the due time before and now; None
    where no limit stands still for it."""
    old = session.scalar(
        select(DueTime).where(
            DueTime.case_id == case.id, DueTime.round == case.round, DueTime.replaced_by == stage
        )
    )
    if old is None or old.replaced_at is None:
        return None
    left = remainder(old.limit, rulebook.calendar, old.replaced_at, old.due_at)
    return old.due_at, _store(session, case, stage, due_time(left, rulebook.calendar, at), rulebook)


def _store(session: Session, case: Case, stage: str, due: Reckoned, rulebook: Rulebook) -> datetime:
    session.add(
        DueTime(
            case_id=case.id,
            round=case.round,
            stage=stage,
            started_at=due.started_at,
            due_at=due.due_at,
            limit_name=due.limit.stage,
            limit_value=due.limit.value,
            limit_unit=due.limit.unit.value,
            working=working_as_data(due.reckoning),
            provisional=due.provisional,
            policy_version=rulebook.policy.version,
            calendar_version=rulebook.calendar.version,
            rungs_done=[],
        )
    )
    session.flush()
    return due.due_at


def running(session: Session, case: Case) -> list[DueTime]:
    """The limits of this round, and those that outlive it, that nobody has met yet and no other has replaced."""
    return list(
        session.scalars(
            select(DueTime).where(
                DueTime.case_id == case.id,
                or_(DueTime.round == case.round, DueTime.stands),
                DueTime.met_at.is_(None),
                DueTime.replaced_by.is_(None),
            )
        )
    )


def meet(session: Session, case: Case, stage: str, at: datetime) -> None:
    """A limit ends with what it waited for; the next look at the case comes when it would have come."""
    for due in running(session, case):
        if due.stage == stage:
            due.met_at = at


def round_began(session: Session, case: Case) -> datetime | None:
    """Where the handling of this round began: the first dispatch, or the reopening."""
    return session.scalar(
        select(DueTime.started_at).where(
            DueTime.case_id == case.id, DueTime.round == case.round, DueTime.stage == "handling"
        )
    )


def instructed_in_round(session: Session, case: Case) -> bool:
    """Whether a leader has written on it since it was opened, or reopened."""
    if case.instructed_at is None:
        return False
    began = round_began(session, case) if case.round > 1 else None
    return began is None or case.instructed_at >= began


def next_rung(
    session: Session, case: Case, rulebook: Rulebook, *, met: tuple[str, ...] = (), at: datetime | None = None
) -> datetime | None:
    """The next reminder of all running limits, after marking those of the stages ``met`` as met."""
    moments = []
    for due in running(session, case):
        if any(_belongs(due.stage, name) for name in met):
            due.met_at = at
            continue
        moments.append(next_at(ladder_of(case, due, rulebook), frozenset(due.rungs_done)))
    session.flush()
    return min((moment for moment in moments if moment), default=None)


def ladder_of(case: Case, due: DueTime, rulebook: Rulebook) -> tuple[Rung, ...]:
    """What a limit owes in the hands the case is in now."""
    since = case.held_since if case.status.is_with_unit else None
    return rulebook.rungs(due.stage, due.started_at, due.due_at, since)


def ladder_when(case: Case, due: DueTime, rulebook: Rulebook, made_at: datetime) -> tuple[Rung, ...]:
    """The same for the unit that had it when a card or a letter was made: a later one's delay moves nothing of it."""
    since = case.held_since if case.held_since and made_at >= case.held_since else due.started_at
    return rulebook.rungs(due.stage, due.started_at, due.due_at, since)


def passed_before(session: Session, case: Case) -> str:
    """What had run out when the unit got the case, in words for a message; empty where nothing had."""
    late = [
        due
        for due in running(session, case)
        if case.held_since and due.due_at <= case.held_since and not due.stands
    ]
    named = "、".join(
        f"{stage_label(due.stage)} {when(due.due_at.astimezone(CHINA))}"
        for due in sorted(late, key=lambda due: due.due_at)
    )
    return f"接到时已逾期：{named} 已过，请从速办理" if named else ""


def _belongs(stage: str, name: str) -> bool:
    """``dispatch_2`` is a stage of ``dispatch``; ``assistance_12`` is none of ``assistance_1``."""
    return stage == name or stage.startswith(f"{name}_")
