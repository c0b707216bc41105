"""How well the system works, from its own rows: what waits, who does not answer, what an operator must mend (W26)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, literal, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from reviewbot.models.case import Case
from reviewbot.models.contacts import Alert, Contact, ContactEvent, DirectorySync
from reviewbot.models.message import InboxItem, Message
from reviewbot.models.people import Department, Staff
from reviewbot.queries.contacts import last_sync, waiting_changes
from reviewbot.queries.handovers import cases_without_holder
from reviewbot.queries.problems import problems_without_owner

LOOK_BACK = timedelta(days=90)
"""Messages older than this say nothing of who reads today."""
LOST_FOR = timedelta(days=7)
"""How long an answer that did not arrive is told of."""
_OF_THE_CHAT = ("reply", "card_update", "card_recall")
"""Answers to what somebody did himself: no sign that he is silent."""


@dataclass(frozen=True)
class Waiting:
    """So many, and since when the oldest has waited."""

    count: int
    oldest: datetime | None


@dataclass(frozen=True)
class Person:
    """Somebody who does not answer, or whom WeCom will not reach."""

    name: str
    unit: str
    since: datetime
    told: str


@dataclass(frozen=True)
class RowFacts:
    """What the rows say."""

    outbox: Waiting
    inbox: Waiting
    contact_events: Waiting
    last_callback: datetime | None
    alerts: list[Alert]
    silent: list[Person]
    unreachable: list[Person]
    unanswered: list[Person]
    sync: DirectorySync | None
    changes: int
    holderless: list[str]
    ownerless: list[int]


def row_facts(session: Session, now: datetime, *, silent_messages: int, silent_days: float) -> RowFacts:
    """``silent_messages`` sent to somebody since his last sign of life, the first ``silent_days`` ago: he is silent."""
    return RowFacts(
        outbox=_waiting(session, Message.id, Message.created_at, Message.state.in_(("owed", "sending"))),
        inbox=_waiting(session, InboxItem.id, InboxItem.received_at, InboxItem.state == "new"),
        contact_events=_waiting(session, ContactEvent.id, ContactEvent.received_at, ~ContactEvent.settled),
        last_callback=session.scalar(select(func.max(InboxItem.received_at))),
        alerts=open_alerts(session),
        silent=_silent(session, now, silent_messages, silent_days),
        unreachable=_unreachable(session),
        unanswered=_unanswered(session, now),
        sync=last_sync(session),
        changes=len(waiting_changes(session)),
        holderless=cases_without_holder(session),
        ownerless=problems_without_owner(session),
    )


def open_alerts(session: Session) -> list[Alert]:
    return list(session.scalars(select(Alert).where(Alert.closed_at.is_(None)).order_by(Alert.id)))


def _waiting(
    session: Session,
    ident: InstrumentedAttribute[int],
    since: InstrumentedAttribute[datetime],
    condition: ColumnElement[bool],
) -> Waiting:
    count, oldest = session.execute(select(func.count(ident), func.min(since)).where(condition)).one()
    return Waiting(count, oldest)


def _silent(session: Session, now: datetime, messages: int, days: float) -> list[Person]:
    seen = func.coalesce(Contact.seen_at, literal(now - LOOK_BACK))
    first, count = func.min(Message.sent_at), func.count(Message.id)
    rows = session.execute(
        select(Staff.name, Department.short_name, first, count, Contact.seen_at)
        .join(Department, Department.id == Staff.department_id)
        .join(Message, func.lower(Message.userid) == func.lower(Staff.userid))
        .outerjoin(Contact, Contact.staff_id == Staff.id)
        .where(
            Staff.active, Message.state == "sent", Message.channel == "wecom", Message.kind.not_in(_OF_THE_CHAT),
            Message.sent_at > now - LOOK_BACK, Message.sent_at > seen, Contact.refused_since.is_(None),
        )
        .group_by(Staff.id, Department.short_name, Contact.seen_at)
        .having(count >= messages, first <= now - timedelta(days=days))
        .order_by(first)
    )  # fmt: skip
    return [
        Person(name, unit, since, f"{number} 条消息没有回应" + ("" if last else "，从未打开过应用"))
        for name, unit, since, number, last in rows
        if since is not None
    ]


def _unreachable(session: Session) -> list[Person]:
    rows = session.execute(
        select(
            Staff.name,
            Department.short_name,
            Contact.refused_since,
            Contact.refused_code,
            Contact.refused_why,
        )
        .join(Contact, Contact.staff_id == Staff.id)
        .join(Department, Department.id == Staff.department_id)
        .where(Staff.active, Contact.refused_since.is_not(None))
        .order_by(Contact.refused_since)
    )
    return [
        Person(
            name, unit, since, f"{why}" if code is None or str(code) in (why or "") else f"{why}（{code}）"
        )
        for name, unit, since, code, why in rows
        if since is not None
    ]


@dataclass(frozen=True)
class LostReply:
    """An answer to somebody's own words that did not arrive: whose, of when, why, and of which case."""

    name: str
    unit: str
    at: datetime
    why: str
    number: str | None


def lost_replies(
    session: Session, *, since: datetime | None = None, case_id: int | None = None
) -> list[LostReply]:
    """Oldest first; ``since``: only later ones; ``case_id``: only of this case."""
    wanted = (
        select(Staff.name, Department.short_name, Message.created_at, Message.reason, Case.number)
        .join(Staff, func.lower(Staff.userid) == func.lower(Message.userid))
        .join(Department, Department.id == Staff.department_id)
        .outerjoin(Case, Case.id == Message.case_id)
        .where(Staff.active, Message.kind == "reply", Message.state == "suppressed")
        .order_by(Message.id)
    )
    if since is not None:
        wanted = wanted.where(Message.created_at > since)
    if case_id is not None:
        wanted = wanted.where(Message.case_id == case_id)
    return [
        LostReply(name, unit, at, why or "", number)
        for name, unit, at, why, number in session.execute(wanted)
    ]


def _unanswered(session: Session, now: datetime) -> list[Person]:
    """Whose own words were answered, and who never got the answer."""
    found: dict[tuple[str, str], list[LostReply]] = {}
    for one in lost_replies(session, since=now - LOST_FOR):
        found.setdefault((one.name, one.unit), []).append(one)
    people = []
    for (name, unit), lost in found.items():
        numbers = "、".join(dict.fromkeys(one.number for one in lost if one.number))
        about = f"（工单 {numbers}）" if numbers else ""
        people.append(Person(name, unit, lost[0].at, f"{len(lost)} 条答复没有送达{about}：{lost[-1].why}"))
    return people
