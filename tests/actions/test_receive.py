"""Receiving reviews: whatever comes in whatever order, every record is counted once and the first copy stands."""

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as trying
from hypothesis import strategies as st
from sqlalchemy import event, func, select, text

from reviewbot.actions.receive_reviews import Delivery, receive_reviews
from reviewbot.models.review import IntakeBatch, KeptRecord, Review, ReviewCopy
from reviewbot.queries.counts import RESULTS, intake_balance
from reviewbot.sources.split import split_body
from reviewbot.web.intake import to_record


def review(ident="E1", round_=1, comment="太慢", **facts):
    return {
        "external_id": ident, "round": round_, "rating": 1, "reviewed_at": "2026-11-27T10:07:13+08:00",
        "comment": comment, "department": "SOC",
    } | facts  # fmt: skip


def receive(house, *batches, source="standard"):
    """The results of each batch, all in one transaction, as the door's writer does it."""
    now = house.clock.now()
    deliveries = []
    for records in batches:
        pieces = split_body(json.dumps(records).encode(), max_records=10_000)
        ready = [to_record(house, house.profiles["standard"], piece) for piece in pieces]
        deliveries.append(Delivery(source, "webhook", ready))
    with house.database.begin() as session:
        return receive_reviews(session, deliveries, at=now)


def told(received):
    return [[result.result for result in one] for one in received.results]


def rows(house, model):
    with house.database.begin() as session:
        return list(session.scalars(select(model).order_by(model.id)))


REFUSED = {"external_id": "E1", "rating": 1}
SET_ASIDE = {"external_id": "E2", "rating": 9, "reviewed_at": "2026-11-27T10:07:13+08:00"}
GOOD = st.builds(
    review, st.sampled_from(["E1", "E2", "E3"]), st.sampled_from([1, 2]), st.sampled_from(["甲", "乙", "丙"]),
    rating=st.sampled_from([1, 2, 5]),
)  # fmt: skip
RECORD = GOOD | st.just(REFUSED) | st.just(SET_ASIDE)
BATCHES = st.lists(st.lists(RECORD, max_size=6), min_size=1, max_size=3)
SEQUENCES = st.lists(BATCHES, min_size=1, max_size=4)


@trying(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sequence=SEQUENCES)
def test_for_any_sequence_of_deliveries_the_balance_adds_up_and_the_first_copy_stands(house, sequence):
    with house.database.begin() as session:
        session.execute(text("TRUNCATE intake_batches CASCADE"))
    first, altered = {}, set()
    expected = [[expect(one, first, altered) for one in batch] for batches in sequence for batch in batches]

    results = [one for batches in sequence for one in told(receive(house, *batches))]

    assert results == expected
    counts = Counter(result for batch in expected for result in batch)
    with house.database.begin() as session:
        balance = intake_balance(session, house.clock.now())
    assert balance.adds_up
    assert balance.received == sum(counts.values())
    assert balance.results == {name: counts[name] for name in RESULTS}
    assert balance.altered_copies == len(altered)
    standing = {(row.external_id, row.round): json.loads(row.raw) for row in rows(house, Review)}
    assert standing == first
    bad = sum(one["rating"] <= 2 for one in first.values())
    assert (balance.bad_reviews, balance.unrouted) == (bad, bad)


def test_a_delivery_committed_while_the_balance_is_read_does_not_split_it(house):
    """The page and the import read it while the door is open."""
    engine, come = house.database.engine, []

    def another_comes(*_):
        if not come:
            come.append(True)
            receive(house, [review("E9"), REFUSED, SET_ASIDE])

    receive(house, [review("E1")])
    event.listen(engine, "after_cursor_execute", another_comes)
    with house.database.begin() as session:
        balance = intake_balance(session, house.clock.now())
    event.remove(engine, "after_cursor_execute", another_comes)

    assert balance.adds_up
    assert (come, balance.received) == ([True], 1)
    with house.database.begin() as session:
        assert intake_balance(session, house.clock.now()).received == 4


def expect(one, first, altered):
    """The whole meaning of the results, in six lines."""
    if one in (REFUSED, SET_ASIDE):
        return "refused" if one == REFUSED else "set_aside"
    key = one["external_id"], one["round"]
    if first.setdefault(key, one) is one:
        return "accepted"
    if first[key] == one:
        return "duplicate"
    altered.add((*key, one["comment"], one["rating"]))
    return "altered"


def test_every_batch_carries_its_own_counts(house):
    receive(
        house, [review("A"), review("A"), review("A", comment="改"), REFUSED, SET_ASIDE], [review("A")], []
    )

    counts = [
        tuple(getattr(row, name) for name in ("received", *RESULTS)) for row in rows(house, IntakeBatch)
    ]

    assert counts == [(5, 1, 1, 1, 1, 1), (1, 0, 1, 0, 0, 0), (0, 0, 0, 0, 0, 0)]


def test_an_altered_copy_is_kept_beside_an_original_that_does_not_change(house):
    receive(house, [review("A", comment="办事慢")])
    before = facts(rows(house, Review)[0])

    receive(house, [review("A", comment="很满意", rating=5)])

    assert facts(rows(house, Review)[0]) == before
    [copy] = rows(house, ReviewCopy)
    assert json.loads(copy.raw)["comment"] == "很满意"


def facts(row):
    return {column.key: getattr(row, column.key) for column in Review.__table__.columns}


def test_the_same_altered_copy_is_evidence_once_and_reported_each_time(house):
    receive(house, [review("A")])

    again = [told(receive(house, [review("A", comment="改")])) for _ in range(3)]

    assert again == [[["altered"]]] * 3
    assert len(rows(house, ReviewCopy)) == 1


def test_only_bad_reviews_that_are_new_want_a_case(house):
    ratings = [review(f"R{rating}", rating=rating) for rating in (1, 2, 3, 4, 5)]

    first, second = receive(house, ratings), receive(house, ratings)

    assert len(first.bad_review_ids) == 2
    assert second.bad_review_ids == []
    bad = {row.external_id for row in rows(house, Review) if row.is_bad}
    assert bad == {"R1", "R2"}


def test_a_second_rating_is_a_review_of_its_own_and_sources_do_not_share_numbers(house):
    receive(house, [review("A", 1), review("A", 2)])
    other = receive(house, [review("A", 1)], source="province_a")

    assert told(other) == [["accepted"]]
    assert [(row.source, row.round) for row in rows(house, Review)] == [
        ("standard", 1), ("standard", 2), ("province_a", 1),
    ]  # fmt: skip


def test_what_was_refused_is_kept_with_its_reason_and_its_bytes(house):
    receive(house, [REFUSED])

    [kept] = rows(house, KeptRecord)
    assert json.loads(kept.raw) == REFUSED
    assert "reviewed_at" in kept.reason
    assert (kept.result, kept.external_id) == ("refused", "E1")


def test_a_refused_record_that_is_mended_is_accepted(house):
    assert told(receive(house, [REFUSED])) == [["refused"]]
    assert told(receive(house, [review("E1")])) == [["accepted"]]


def test_a_transaction_that_fails_leaves_nothing_behind(house):
    piece = split_body(json.dumps(review()).encode())[0]
    ready = to_record(house, house.profiles["standard"], piece)

    def work():
        with house.database.begin() as session:
            receive_reviews(session, [Delivery("standard", "webhook", [ready])], at=house.clock.now())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work()

    with house.database.begin() as session:
        assert [session.scalar(select(func.count()).select_from(m)) for m in (Review, IntakeBatch)] == [0, 0]
    assert told(receive(house, [review()])) == [["accepted"]]


AWKWARD = ["", "null", "NULL", 'a"b', "c\\d", "{e,f}", " x ", "g,h", "line\nline", "中 😡", "\u2028"]


def test_lists_and_bytes_are_stored_as_they_are(house):
    ready = to_record(house, house.profiles["standard"], split_body(json.dumps(review()).encode())[0])
    odd = replace(ready, facts=ready.facts | {"reason_codes": AWKWARD, "flags": []}, raw=bytes(range(256)))

    with house.database.begin() as session:
        receive_reviews(session, [Delivery("standard", "webhook", [odd])], at=house.clock.now())

    [stored] = rows(house, Review)
    assert (stored.reason_codes, stored.flags, stored.raw) == (AWKWARD, [], bytes(range(256)))
    assert stored.received_at == house.clock.now()


def test_many_records_cost_no_more_statements_than_few(house):
    def statements(size):
        old, new = f"O{size}-", f"N{size}-"
        receive(house, [review(f"{old}{n}") for n in range(size)])
        batch = [REFUSED] * size + [
            review(f"{name}{n}", comment="改") for name in (old, new) for n in range(size)
        ]
        seen = []

        def note(connection, cursor, statement, *_):
            seen.append(statement)

        event.listen(house.database.engine, "before_cursor_execute", note)
        assert Counter(told(receive(house, batch))[0]) == {"refused": size, "altered": size, "accepted": size}
        event.remove(house.database.engine, "before_cursor_execute", note)
        return len(seen)

    assert statements(200) == statements(2)


def test_two_writers_with_the_same_altered_copies_in_other_orders_do_not_lock_each_other_out(house):
    names = [f"A{n}" for n in range(300)]
    receive(house, [review(name) for name in names])
    orders = [names, names[::-1]] * 3

    with ThreadPoolExecutor(6) as writers:
        altered = list(
            writers.map(lambda order: receive(house, [review(name, comment="改") for name in order]), orders)
        )

    assert [Counter(told(each)[0]) for each in altered] == [{"altered": 300}] * 6
    assert len(rows(house, ReviewCopy)) == 300
