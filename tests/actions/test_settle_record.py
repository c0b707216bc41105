"""What was set aside gets one end, by the desk, with a reason; the balance stays true."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import msgspec
import pytest
from case_kit import DESK, HEAD, SUPERVISOR, record, viewer
from sqlalchemy import select

from reviewbot.actions.receive_reviews import Delivery, receive_reviews
from reviewbot.actions.settle_record import dismiss, set_aside_record, take_in
from reviewbot.errors import Conflict, InvalidInput, NotAllowed, NotFound
from reviewbot.models.review import KeptRecord, Review
from reviewbot.queries.counts import intake_balance
from reviewbot.sources.record import Correction
from reviewbot.sources.split import split_body
from reviewbot.web.intake import to_record


def received(house, *records):
    body = json.dumps(records, ensure_ascii=False).encode()
    ready = [to_record(house, house.profiles["standard"], piece) for piece in split_body(body)]
    with house.database.begin() as session:
        return receive_reviews(session, [Delivery("standard", "webhook", ready)], at=house.clock.now())


def only_kept(house):
    with house.database.begin() as session:
        return session.scalars(select(KeptRecord)).one()


def taken_in(house, kept, who=DESK, reason="已与省平台核对", **corrected):
    with house.database.begin() as session:
        row = set_aside_record(session, kept.id, viewer(house, who))
        (piece,) = split_body(row.raw)
        again = to_record(house, house.profiles["standard"], piece, Correction(**corrected))
        told = msgspec.to_builtins(Correction(**corrected))
        return take_in(session, row, again, reason, viewer(house, who), at=house.clock.now(), correction=told)


def dismissed(house, ident, who=DESK, reason="测试数据"):
    with house.database.begin() as session:
        row = set_aside_record(session, ident, viewer(house, who))
        return dismiss(session, row, reason, viewer(house, who), at=house.clock.now())


def balance(house):
    with house.database.begin() as session:
        return intake_balance(session, house.clock.now())


@pytest.mark.parametrize(("grade", "cases"), [(1, 1), (5, 0)])
def test_a_corrected_grade_makes_it_a_review_and_a_bad_one_wants_a_case(house, grade, cases):
    received(house, record(rating=9))
    kept = only_kept(house)

    done = taken_in(house, kept, rating=grade)

    after = only_kept(house)
    assert (len(done.bad_review_ids), after.settlement) == (cases, "taken_in")
    assert (after.settled_by, after.settled_name, after.settlement_reason) == (
        DESK,
        "陈家锋",
        "已与省平台核对",
    )
    assert (after.correction, after.settled_at) == ({"rating": grade}, house.clock.now())
    assert after.raw == kept.raw
    with house.database.begin() as session:
        review = session.scalars(select(Review)).one()
    assert (review.id, review.rating, review.flags) == (after.review_id, grade, ["corrected_by_hand"])
    told = balance(house)
    assert told.adds_up
    assert (told.received, told.results["set_aside"], told.results["accepted"]) == (2, 1, 1)
    assert (told.settled, told.by_desk, told.set_aside_open) == ({"taken_in": 1}, 1, 0)


def test_a_corrected_time_is_taken_and_one_still_absurd_is_not(house):
    received(house, record(reviewed_at="2031-01-01T00:00:00+08:00"))
    kept = only_kept(house)

    with pytest.raises(InvalidInput, match="仍不能接收"):
        taken_in(house, kept, rating=1)
    with pytest.raises(InvalidInput, match="仍不能接收"):
        taken_in(house, kept, reviewed_at=house.clock.now().replace(year=2001))
    assert taken_in(house, kept, reviewed_at=house.clock.now()).bad_review_ids


def test_it_is_settled_once(house):
    received(house, record(rating=9))
    kept = only_kept(house)
    dismissed(house, kept.id)

    with pytest.raises(Conflict, match="陈家锋"):
        taken_in(house, kept, SUPERVISOR, rating=1)
    assert (only_kept(house).settlement, only_kept(house).settlement_reason) == ("dismissed", "测试数据")


def test_a_review_that_came_meanwhile_is_not_taken_twice(house):
    told = record(rating=9)
    received(house, told)
    received(house, told | {"rating": 2})

    before = balance(house)

    with pytest.raises(Conflict, match="接收过，评级“不满意”"):
        taken_in(house, only_kept(house), rating=1)
    assert only_kept(house).settled_at is None
    assert balance(house) == before
    assert before.adds_up


def test_two_people_at_once_settle_it_once(house):
    received(house, record(rating=9))
    ident = only_kept(house).id
    start = threading.Barrier(2)

    def act(who):
        start.wait()
        try:
            return dismissed(house, ident, who).sentence
        except Conflict as wrong:
            return wrong.sentence

    with ThreadPoolExecutor(2) as pool:
        told = list(pool.map(act, (DESK, SUPERVISOR)))

    assert sorted("不能再次处理" in sentence for sentence in told) == [False, True]
    assert only_kept(house).settlement == "dismissed"


def test_a_rating_the_source_stated_clearly_stays_bad(house):
    received(house, record(rating=1, reviewed_at="2031-01-01T00:00:00+08:00"))

    with pytest.raises(InvalidInput, match="没有疑问"):
        taken_in(house, only_kept(house), rating=5, reviewed_at=house.clock.now())
    assert only_kept(house).settled_at is None


def test_a_record_that_has_become_plausible_is_taken_in_as_it_is(house, clock):
    received(house, record(reviewed_at="2026-12-20T00:00:00+08:00"))
    clock.moment += timedelta(days=20)

    taken_in(house, only_kept(house))

    assert only_kept(house).correction is None
    with house.database.begin() as session:
        assert session.scalars(select(Review)).one().flags == []


def test_the_balance_notices_a_record_taken_in_without_its_delivery(house):
    received(house, record(rating=9), record(rating=9))
    with house.database.begin() as session:
        first = session.scalars(select(KeptRecord).order_by(KeptRecord.id)).first()
    dismissed(house, first.id)
    told = balance(house)
    assert (told.adds_up, told.settled, told.set_aside_open) == (True, {"dismissed": 1}, 1)

    with house.database.begin() as session:
        session.get_one(KeptRecord, first.id).settlement = "taken_in"

    assert not balance(house).adds_up


def test_a_reason_a_role_and_a_record_are_needed(house):
    received(house, record(rating=9), {"external_id": "E9"})
    with house.database.begin() as session:
        aside, refused = session.scalars(select(KeptRecord).order_by(KeptRecord.result.desc())).all()

    for reason in (" ", "a\0b", "长" * 1001):
        with pytest.raises(InvalidInput, match="依据"):
            dismissed(house, aside.id, reason=reason)
    with pytest.raises(NotAllowed):
        dismissed(house, aside.id, HEAD)
    for ident in (refused.id, 99_999):
        with pytest.raises(NotFound):
            dismissed(house, ident)
