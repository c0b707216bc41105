"""Rules brought into force in a test, by the doors of the system."""

from datetime import date

from reviewbot.actions.take_rules import take_calendar, take_policy
from reviewbot.settings import CONFIG

POLICY = (CONFIG / "policy.toml").read_text("utf-8")
NATIONAL = (CONFIG / "calendar/national.toml").read_text("utf-8")
LOCAL = (CONFIG / "calendar/local.toml").read_text("utf-8")


def policy_text(version, *changes):
    """The shipped policy under another name; ``changes``: (what stands there, what shall)."""
    text = POLICY
    for old, new in (('version = "2026-11-4"', f'version = "{version}"'), *changes):
        assert old in text, old
        text = text.replace(old, new, 1)
    return text


def decree(house, version, *changes, begins: date | None = None):
    """Activate a changed policy."""
    with house.database.begin() as session:
        take_policy(session, policy_text(version, *changes), at=house.clock.now(), by="测试", begins=begins)


def local_days(version, off=(), on=()):
    """The local calendar with days off and opened days."""
    text = LOCAL.replace('version = "local-1"', f'version = "{version}"')
    text = text.replace("[local_off]", "[local_off]\n" + "".join(f'"{day}" = "台风停工"\n' for day in off))
    return text.replace("[local_on]", "[local_on]\n" + "".join(f'"{day}" = "周六专场"\n' for day in on))


def proclaim(house, local=LOCAL, national=NATIONAL):
    """Make a calendar the one in force; cases follow by their own steps."""
    with house.database.begin() as session:
        return take_calendar(session, national, local, at=house.clock.now(), by="测试")


def today(house):
    with house.database.begin() as session:
        return house.today(session)
