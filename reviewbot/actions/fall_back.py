"""The next channel: when somebody cannot be reached in WeCom, whoever answers for his unit is told (W11)."""

from datetime import datetime

from sqlalchemy.orm import Session

from reviewbot.clock import CHINA
from reviewbot.models.case import Case
from reviewbot.models.message import Message
from reviewbot.outbox import owe
from reviewbot.queries.directory import staff_by_userid, userids_with_role
from reviewbot.rules.lifecycle import Role
from reviewbot.rules.notices import unreached

UNREACHED = "unreached"
PERSONAL = frozenset({"reply", "card_update", "card_recall", UNREACHED})
"""Kinds nobody else is told of: an answer to one's own words (supervisors find it among the signs of health and on
the case), a change of a card, the fallback itself."""


def fall_back(session: Session, message: Message, why: str, *, at: datetime) -> None:
    """Tell the head of the unit, else the desk, what did not arrive; once a day for each person and case."""
    if message.channel != "wecom" or message.kind in PERSONAL or not message.userid:
        return
    case = session.get(Case, message.case_id) if message.case_id else None
    staff = staff_by_userid(session, message.userid)
    unit = staff.department_id if staff else case.department_id if case else None
    told = (
        [one for one in userids_with_role(session, Role.HEAD, unit) if _other(one, message)] if unit else []
    )
    told = told or [one for one in userids_with_role(session, Role.DESK) if _other(one, message)]
    name = staff.name if staff else message.userid
    body = unreached(name, case.number if case else "", str(message.body.get("title") or ""), why)
    day = at.astimezone(CHINA).date()
    for userid in told:
        owe(
            session, key=f"unreached-{message.userid.lower()}-{message.case_id or 0}-{day}-{userid.lower()}",
            kind=UNREACHED, userid=userid, body=body, at=at, case_id=message.case_id,
        )  # fmt: skip


def _other(userid: str, message: Message) -> bool:
    return userid.lower() != message.userid.lower()
