"""Which policy and which calendar decide: of a case the policy it was born with, of the day the one in force.

What is in force is asked in the caller's own transaction, so that web, workers and beat see an activation with
their next step and need no restart; texts are never altered, so that each is read and parsed once a process.
"""

import tomllib
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from reviewbot.clock import CHINA
from reviewbot.errors import Unavailable
from reviewbot.models.case import Case
from reviewbot.models.policy import CalendarChange, CalendarVersion, PolicyVersion
from reviewbot.rules.calendar import Calendar
from reviewbot.rules.policy import Policy
from reviewbot.rules.rulebook import Rulebook


class Rulebooks:
    """The rulebooks of a process, kept by version. ``shipped``: the policy file that comes with this release."""

    def __init__(self, shipped: Path) -> None:
        self._shipped = shipped
        self._policies: dict[str, Policy] = {}
        self._calendars: dict[str, Calendar] = {}

    def on(self, session: Session, at: datetime) -> Rulebook:
        """What is in force at a moment: for newborn cases, and for all that belongs to no case."""
        return Rulebook(self.policy(session, version_on(session, at)), self.calendar(session))

    def of(self, session: Session, case: Case) -> Rulebook:
        """The policy a case was born with, however long it lives (law 2, F8), and the calendar as the world has
        it now (B2). A version of which no text was kept gives way to the one in force on its birthday."""
        version = case.policy_version
        if version not in self._policies and session.get(PolicyVersion, version) is None:
            version = version_on(session, case.opened_at)
        return Rulebook(self.policy(session, version), self.calendar(session))

    def policy(self, session: Session, version: str) -> Policy:
        """A kept version."""
        if version not in self._policies:
            row = session.get_one(PolicyVersion, version)
            shipped = tomllib.loads(self._shipped.read_text(encoding="utf-8"))
            self._policies[version] = Policy.kept(row.text, shipped)
        return self._policies[version]

    def calendar(self, session: Session, version: str | None = None) -> Calendar:
        """The calendar in force, or a kept version."""
        version = version or applied_calendar(session)
        if version not in self._calendars:
            row = session.get_one(CalendarVersion, version)
            self._calendars[version] = Calendar.from_texts(row.national, row.local)
        return self._calendars[version]

    def kept_calendar(self, session: Session, version: str) -> Calendar | None:
        """A version by name; None for one that was in force before calendars were kept."""
        known = version in self._calendars or session.get(CalendarVersion, version) is not None
        return self.calendar(session, version) if known else None


_BEGUN_LAST = (PolicyVersion.effective_from.desc(), PolicyVersion.taken_at.desc())


def version_on(session: Session, at: datetime) -> str:
    """The policy version in force at a moment: of those begun by then the last; before the first, the first."""
    begun = (PolicyVersion.taken_at <= at, PolicyVersion.effective_from <= at.astimezone(CHINA).date())
    found = session.scalar(select(PolicyVersion.version).where(*begun).order_by(*_BEGUN_LAST).limit(1))
    if found is None:
        found = session.scalar(select(PolicyVersion.version).order_by(PolicyVersion.taken_at).limit(1))
    if found is None:
        raise Unavailable("还没有施行任何规则版本，请先运行 reviewbot up。")
    return found


def policy_versions(session: Session) -> Sequence[PolicyVersion]:
    """Every version, the one that begins last first."""
    return session.scalars(select(PolicyVersion).order_by(*_BEGUN_LAST)).all()


def applied_calendar(session: Session) -> str:
    """The version of the calendar in force."""
    found = session.scalar(select(CalendarChange.version).order_by(CalendarChange.id.desc()).limit(1))
    if found is None:
        raise Unavailable("还没有施行任何工作日历，请先运行 reviewbot up。")
    return found


def calendar_changes(session: Session) -> Sequence[CalendarChange]:
    """Every application, the last first."""
    return session.scalars(select(CalendarChange).order_by(CalendarChange.id.desc())).all()
