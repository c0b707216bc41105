"""The re-call sample of a month: committed to before the month begins, drawn once after it has ended (rules.recall)."""

import secrets
from datetime import datetime

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from reviewbot.actions.assign_recalls import assign_recalls
from reviewbot.clock import CHINA
from reviewbot.errors import Conflict
from reviewbot.models.oversight import Recall, RecallDraw
from reviewbot.outbox import owe
from reviewbot.queries.directory import userids_with_role
from reviewbot.queries.recalls import closed_cases, lock_draw, undrawn_periods
from reviewbot.rules.calendar import Calendar
from reviewbot.rules.lifecycle import Role
from reviewbot.rules.notices import recall_committed
from reviewbot.rules.recall import digest, draw_sample, month_days, month_of, population_text, seed_of
from reviewbot.rules.rulebook import Rulebook


def keep_recalls(session: Session, *, now: datetime, rulebook: Rulebook) -> bool:
    """What the hour asks for, in office hours: commit to this month and the next, draw what has become due on the
    first working day after its month, find callers for what has none. Whether anything was done."""
    if not rulebook.calendar.is_working_time(now):
        return False
    done = commit_months(session, now=now)
    for period in undrawn_periods(session):
        if _is_due(period, now, rulebook.calendar):
            done |= draw_recalls(session, period, now=now, rulebook=rulebook)
    return bool(assign_recalls(session, now=now, rulebook=rulebook)) or done


def _is_due(period: str, now: datetime, calendar: Calendar) -> bool:
    """Office hours of the first working day after the month, or later: ``now`` is in office hours."""
    return now >= calendar.midnight(month_days(period)[1])


def commit_months(session: Session, *, now: datetime) -> bool:
    """Draw the secrets of this month and the next, once, and tell supervisors and auditors the commitments: what
    stands on their phones nobody can exchange here. Whether there was anything new."""
    this = month_of(now.astimezone(CHINA).date())
    new = False
    for period in (this, month_of(month_days(this)[1])):
        secret = secrets.token_hex(32)
        made = session.execute(
            insert(RecallDraw)
            .values(period=period, secret=secret, commitment=digest(secret), committed_at=now)
            .on_conflict_do_nothing()
            .returning(RecallDraw.commitment)
        ).scalar_one_or_none()
        if made is not None:
            new = True
            for userid in sorted(
                {*userids_with_role(session, Role.SUPERVISOR), *userids_with_role(session, Role.AUDITOR)}
            ):
                owe(
                    session, key=f"recall-commitment-{period}-{userid.lower()}", kind="recall_commitment",
                    userid=userid, body=recall_committed(period, made), at=now,
                )  # fmt: skip
    return new


def draw_recalls(session: Session, period: str, *, now: datetime, rulebook: Rulebook) -> bool:
    """Draw the sample of a month; False where it is drawn already. Raises InvalidInput, Conflict (the month has not
    ended; nothing was committed to in time)."""
    first, following = month_days(period)
    start, end = rulebook.calendar.midnight(first), rulebook.calendar.midnight(following)
    if now < end:
        raise Conflict(f"{period} 还没有结束，月末之后才能抽取回访样本。")
    draw = lock_draw(session, period)
    if draw is None or draw.committed_at >= end:
        # A secret made when the records are known could be made until it spares the right case.
        raise Conflict(f"{period} 结束之前没有公布承诺值，不能抽取：样本必须由事先承诺的密钥产生。")
    if draw.drawn_at is not None:
        return False
    closed = {one.member: one for one in closed_cases(session, start, end)}
    draw.percent, draw.policy_version = rulebook.policy.recalls.percent, rulebook.policy.version
    draw.population = population_text(closed)
    draw.population_sha256 = digest(draw.population)
    draw.seed = seed_of(draw.secret, draw.population_sha256)
    draw.drawn_at = now
    for place, member in enumerate(draw_sample(closed, draw.seed, draw.percent), start=1):
        one = closed[member]
        session.add(
            Recall(
                period=period, place=place, case_id=one.case_id, round=one.round,
                department_id=one.department_id, note="",
            )
        )  # fmt: skip
    session.flush()
    assign_recalls(session, now=now, rulebook=rulebook)
    return True
