"""Reviews and moves for tests of the actions: everything through the doors that the system itself uses."""

import itertools
import json
from datetime import timedelta

from sqlalchemy import select, update

from reviewbot.actions.add_evidence import add_evidence
from reviewbot.actions.make_move import make_move
from reviewbot.actions.open_case import open_case
from reviewbot.actions.receive_reviews import Delivery, receive_reviews
from reviewbot.actions.step import MoveIn, Verb
from reviewbot.models.case import Case
from reviewbot.models.message import Message
from reviewbot.models.people import Staff
from reviewbot.queries.cases import due_times_of, events_of
from reviewbot.queries.delegates import acting_roles
from reviewbot.queries.directory import staff_by_userid
from reviewbot.queries.scope import viewer_of_staff
from reviewbot.rules.lifecycle import Conclusion
from reviewbot.sources.split import split_body
from reviewbot.web.intake import to_record

HEAD, SUPERVISOR, DESK, FOREIGN_HEAD = "wangzehao01", "wanghailing01", "chenjiafeng01", "zengjiabin01"
SECOND_SUPERVISOR = "pengxiaohui01"
RATER, PHONE, COMMENT = "欧阳某某", "13812345678", "窗口叫号太慢还让我跑了三趟"
PHOTO = b"\xff\xd8\xff\xe0 a photograph"
_serial = itertools.count(1)


def record(**facts):
    """A bad review of 社保局 by somebody with a name and a number."""
    return {
        "external_id": f"4452032026{next(_serial):08d}", "round": 1, "rating": 1,
        "reviewed_at": "2026-11-27T10:07:13+08:00", "department": "SOC", "item": "失业保险金申领",
        "comment": COMMENT,
        "rater": {"kind": "person", "name": RATER, "phone": PHONE, "anonymous": False},
    } | facts  # fmt: skip


def opened(house, **facts):
    """The number of the one case of a new review."""
    return opened_all(house, [record(**facts)])[0]


def opened_all(house, records):
    body = "\n".join(json.dumps(one, ensure_ascii=False) for one in records).encode()
    pieces = split_body(body, max_records=10_000)
    ready = [to_record(house, house.profiles["standard"], piece) for piece in pieces]
    now = house.clock.now()
    with house.database.begin() as session:
        received = receive_reviews(session, [Delivery("standard", "webhook", ready)], at=now)
        return [
            open_case(session, ident, at=now, rulebooks=house.rulebooks).number
            for ident in received.bad_review_ids
        ]


def viewer(house, userid):
    with house.database.begin() as session:
        staff = staff_by_userid(session, userid)
        return viewer_of_staff(staff, acting_roles(session, staff, house.clock.now()))


def case_of(house, number):
    with house.database.begin() as session:
        return session.scalar(select(Case).where(Case.number == number))


def handler_of(house, number):
    with house.database.begin() as session:
        return session.get_one(Staff, case_of(house, number).handler_id).userid


def move(house, who, verb, number, **asked):
    """Make one move as the person with this userid."""
    with house.database.begin() as session:
        return make_move(
            session, MoveIn(Verb(verb), number, **asked), viewer(house, who),
            at=house.clock.now(), rulebooks=house.rulebooks,
        )  # fmt: skip


def photograph(house, who, number):
    with house.database.begin() as session:
        add_evidence(
            session, number, PHOTO, "现场.jpg", viewer(house, who),
            at=house.clock.now(), folder=house.settings.data_dir,
        )  # fmt: skip


def call(house, number):
    move(house, handler_of(house, number), "record_call", number, reached=True, remark="已致歉")


def conclude(house, number, conclusion=Conclusion.JUSTIFIED, *, remark="已核实情况", **more):
    move(house, handler_of(house, number), "conclude", number, conclusion=conclusion, remark=remark, **more)


def verifying(house, **facts):
    number = opened(house, **facts)
    move(house, handler_of(house, number), "sign", number)
    return number


def overdue(house, number):
    """Past its due time since a minute ago, everything else as it was."""
    with house.database.begin() as session:
        session.execute(
            update(Case).where(Case.number == number).values(due_at=house.clock.now() - timedelta(minutes=1))
        )
    return number


def justified(house):
    """Concluded as justified after a call: to be rectified."""
    number = verifying(house)
    call(house, number)
    conclude(house, number)
    return number


def awaiting_approval(house, **facts):
    """Measures handed in, no photograph yet."""
    number = verifying(house, **facts)
    call(house, number)
    conclude(house, number)
    move(house, handler_of(house, number), "submit_measures", number, remark="增设窗口")
    return number


def closed(house, **facts):
    number = awaiting_approval(house, **facts)
    photograph(house, handler_of(house, number), number)
    move(house, HEAD, "approve", number)
    move(house, handler_of(house, number), "record_feedback", number, channel="电话", remark="已告知")
    return number


def events(house, number):
    with house.database.begin() as session:
        return events_of(session, case_of(house, number).id)


def due_times(house, number):
    with house.database.begin() as session:
        return due_times_of(session, case_of(house, number).id)


def messages(house, **wanted):
    with house.database.begin() as session:
        return list(session.scalars(select(Message).filter_by(**wanted).order_by(Message.id)))
