"""Work orders of the hotline, export by export, taken in as the command line and the workers do it."""

import json

from sqlalchemy import select

from reviewbot.actions.follow_source import follow_source
from reviewbot.actions.open_case import open_case
from reviewbot.actions.receive_reviews import Delivery, receive_reviews
from reviewbot.commands.audit import altered_case
from reviewbot.models.case import Case
from reviewbot.queries.audit import case_records
from reviewbot.queries.counts import intake_balance
from reviewbot.queries.endings import waiting_review_ids
from reviewbot.sources.split import split_body
from reviewbot.web.intake import to_record

SOURCE = "hotline_12345"


def order(ident="G1", **facts):
    return {
        "order_no": ident, "order_type": "投诉", "dispatched_at": "2026-11-27 10:00:00", "department": "社保局",
        "subject": "养老金未到账", "content": "两个月没有到账", "caller_name": "王某", "caller_phone": "13800000001",
        "closed_at": "", "satisfaction": "",
    } | facts  # fmt: skip


def received(house, *orders):
    """Stored, and nothing done about it yet."""
    pieces = split_body(json.dumps(orders, ensure_ascii=False).encode())
    return store(house, [to_record(house, house.profiles[SOURCE], piece) for piece in pieces])


def store(house, records):
    with house.database.begin() as session:
        return receive_reviews(session, [Delivery(SOURCE, "import", records)], at=house.clock.now())


def worked_on(house, told):
    """What the doorbell does with a delivery."""
    for ident in (*told.bad_review_ids, *told.continued_ids):
        with house.database.begin() as session:
            open_case(session, ident, at=house.clock.now(), rulebooks=house.rulebooks)
            follow_source(session, ident, at=house.clock.now(), rulebooks=house.rulebooks)


def taken(house, *orders):
    """The results of one export."""
    told = received(house, *orders)
    worked_on(house, told)
    return told.results[0]


def cases(house):
    with house.database.begin() as session:
        return list(session.scalars(select(Case).order_by(Case.id)))


def sound(house):
    """What ``reviewbot verify`` finds, the balance, and whether anything still waits."""
    with house.database.begin() as session:
        wrong = [
            line for each in case_records(session) for line in altered_case(each, house.settings.data_dir)
        ]
        waiting = waiting_review_ids(session, 10)
        return wrong == [] and waiting == [] and intake_balance(session, house.clock.now()).adds_up
