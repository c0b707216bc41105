"""Every change of the directory leaves a row: what was done at once, what waits, what is no longer so."""

from collections.abc import Container, Iterable
from datetime import datetime

from sqlalchemy.orm import Session

from reviewbot.models.contacts import DirectoryChange
from reviewbot.queries.contacts import dismissed_facts, waiting_changes
from reviewbot.rules.directory_plan import Change


def record_change(session: Session, change: Change, *, source: str, at: datetime, actor: str) -> None:
    """Something that has just been done; what waited for a word about it has been overtaken."""
    for row in waiting_changes(session):
        if (row.kind, row.subject) == (change.kind.value, change.subject):
            row.state, row.decided_at, row.decided_by = "past", at, actor
    session.add(_row(change, source=source, state="done", at=at, actor=actor))
    session.flush()


def offer_changes(
    session: Session, changes: Iterable[Change], *, source: str, ends: Container[str], at: datetime
) -> int:
    """Let these wait for an administrator, and nothing else that came from ``ends``; how many wait now.

    What he has dismissed is not offered again as long as WeCom says the very same.
    """
    wanted = {(one.kind.value, one.subject): one for one in changes}
    wanted = {
        key: one for key, one in wanted.items() if dict(one.facts) not in dismissed_facts(session, *key)
    }
    for row in waiting_changes(session):
        mark = (row.kind, row.subject)
        if mark in wanted:
            row.facts = dict(wanted.pop(mark).facts)
        elif row.source in ends:
            row.state, row.decided_at, row.decided_by = "past", at, "system"
    session.flush()
    session.add_all(
        _row(one, source=source, state="waiting", at=at, actor="system") for one in wanted.values()
    )
    session.flush()
    return len(waiting_changes(session))


def _row(change: Change, *, source: str, state: str, at: datetime, actor: str) -> DirectoryChange:
    return DirectoryChange(
        kind=change.kind.value, subject=change.subject, staff_id=change.staff_id, facts=dict(change.facts),
        source=source, state=state, at=at, actor=actor,
    )  # fmt: skip
