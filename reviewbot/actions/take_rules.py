"""Keep a version of the policy or of the calendar as a row: what decides is kept for as long as its cases."""

import hashlib
from datetime import date, datetime

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from reviewbot.clock import CHINA
from reviewbot.errors import InvalidInput, SettingError
from reviewbot.models.policy import CalendarChange, CalendarVersion, PolicyVersion
from reviewbot.rules.calendar import Calendar
from reviewbot.rules.policy import Policy, parse
from reviewbot.settings import CONFIG

AT_START = "系统启动"


def take_policy(
    session: Session, text: str, *, at: datetime, by: str = AT_START, begins: date | None = None
) -> bool:
    """Keep a version; it decides from ``begins``, or the day written in it, but never before now, and only over
    cases born then. False where a text that says the same is kept already: a release may word a comment anew, or
    write down what was so before it could be set.

    The first version of all begins when it says: nothing was in force before it. Raises SettingError (mistakes; the
    version is known with another text), InvalidInput (a day in the past).
    """
    policy, sha256 = Policy.from_table(parse(text, "policy.toml")), _sha256(text)
    today = at.astimezone(CHINA).date()
    if begins is not None and begins < today:
        raise InvalidInput(f"施行日 {begins} 已经过去：已立案的工单仍按立案时的版本，规则只能自今日起施行。")
    wanted = begins or policy.effective_from or today
    if session.scalar(select(func.count()).select_from(PolicyVersion)):
        wanted = max(wanted, today)
    new = session.execute(
        insert(PolicyVersion)
        .values(
            version=policy.version, sha256=sha256, text=text, effective_from=wanted, taken_at=at, taken_by=by
        )
        .on_conflict_do_nothing()
        .returning(PolicyVersion.version)
    ).scalar_one_or_none()
    if new is None and not _says(session.get_one(PolicyVersion, policy.version), sha256, policy):
        raise SettingError(f"规则版本 {policy.version} 已有另一份内容存档：改动规则请同时改 version。")
    return new is not None


def _says(kept: PolicyVersion, sha256: str, policy: Policy) -> bool:
    shipped = parse((CONFIG / "policy.toml").read_text(encoding="utf-8"), "policy.toml")
    return kept.sha256 == sha256 or Policy.kept(kept.text, shipped) == policy


def take_calendar(session: Session, national: str, local: str, *, at: datetime, by: str) -> bool:
    """Keep a calendar and make it the one in force; False where it is in force already. Due times that were
    reckoned by another follow by ``follow_calendar``. Raises SettingError."""
    version = keep_calendar(session, national, local, at=at)
    session.execute(_ONE_AT_A_TIME)
    last = session.scalar(select(CalendarChange.version).order_by(CalendarChange.id.desc()).limit(1))
    if last == version:
        return False
    session.add(CalendarChange(version=version, at=at, by=by))
    session.flush()
    return True


def take_first_calendar(session: Session, national: str, local: str, *, at: datetime) -> None:
    """At a start: a calendar where there is none. A changed file waits until somebody applies it (B2)."""
    if session.scalar(select(func.count()).select_from(CalendarChange)) == 0:
        take_calendar(session, national, local, at=at, by=AT_START)


def keep_calendar(session: Session, national: str, local: str, *, at: datetime) -> str:
    """The version of these texts, kept. Raises SettingError where it is known with others."""
    version, sha256 = Calendar.from_texts(national, local).version, _sha256(national + local)
    session.execute(
        insert(CalendarVersion)
        .values(version=version, sha256=sha256, national=national, local=local, taken_at=at)
        .on_conflict_do_nothing()
    )
    if session.get_one(CalendarVersion, version).sha256 != sha256:
        raise SettingError(f"日历版本 {version} 已有另一份内容存档：改动日历请同时改 version。")
    return version


_ONE_AT_A_TIME = select(func.pg_advisory_xact_lock(727_433_004))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
