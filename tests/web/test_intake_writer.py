"""The writer behind the door: one transaction for whoever waits, and nobody pays for another's record."""

import asyncio
import json
from dataclasses import replace

import pytest
from door_kit import record
from order_kit import SOURCE, order, taken
from sqlalchemy import func, select

from reviewbot.actions.receive_reviews import Accepted, Delivery
from reviewbot.errors import Unavailable
from reviewbot.models.review import KeptRecord, Review
from reviewbot.sources.split import split_body
from reviewbot.web.intake import IntakeWriter, to_record


def count(house, model):
    with house.database.begin() as session:
        return session.scalar(select(func.count()).select_from(model))


def ready(house, **facts):
    """A record as the writer gets it, with facts the mapping would never let through."""
    piece = split_body(json.dumps(record()).encode())[0]
    one = to_record(house, house.profiles["standard"], piece)
    return replace(one, facts=one.facts | facts)


def write_together(house, *batches, source="standard"):
    """What the writer answers to calls that wait for the same transaction, or the error."""

    async def together():
        writer = IntakeWriter(house)
        calls = [asyncio.create_task(writer.write(Delivery(source, "webhook", batch))) for batch in batches]
        await asyncio.sleep(0)  # all wait before the writer starts: one transaction for them
        await writer.start()
        try:
            async with asyncio.timeout(20):
                return await asyncio.gather(*calls, return_exceptions=True)
        finally:
            await writer.stop()

    return [
        [one.result for one in told] if isinstance(told, list) else told for told in asyncio.run(together())
    ]


POISON = {
    "number too large": {"rating": 2**40},
    "number beyond every column": {"round": 2**70},
    "NUL": {"comment": "太\0慢"},
    "NUL in a list": {"reason_codes": ["1\0"]},
    "half a character": {"comment": "\ud800"},
    "half a character in the key": {"external_id": "\ud800"},
    "nothing where something must be": {"comment": None},
}


@pytest.mark.parametrize("name", POISON)
def test_a_record_that_no_column_takes_costs_neither_its_neighbours_nor_other_calls(house, name):
    """The mapping refuses all that is known; this is for what it does not know."""
    poison = ready(house, **POISON[name])

    told = write_together(house, [ready(house), poison, ready(house)], [ready(house)], [poison])

    assert told == [["accepted", "refused", "accepted"], ["accepted"], ["refused"]]
    assert (count(house, Review), count(house, KeptRecord)) == (3, 2)
    with house.database.begin() as session:
        assert {kept.reason for kept in session.scalars(select(KeptRecord))} == {"含有不能保存的字符或数字"}


def test_two_poisoned_records_among_many_are_found(house):
    batch = [ready(house, **({"rating": 2**40} if place in (3, 400) else {})) for place in range(500)]

    [told] = write_together(house, batch)

    assert [place for place, result in enumerate(told) if result != "accepted"] == [3, 400]
    assert count(house, Review) == 498


def test_the_writer_outlives_what_nobody_foresaw(house):
    """A record without its facts is a mistake of ours: its call is answered, and so is the next."""

    async def one_after_another():
        writer = IntakeWriter(house)
        await writer.start()
        try:
            async with asyncio.timeout(20):
                with pytest.raises(Unavailable):
                    await writer.write(Delivery("standard", "webhook", [Accepted({}, b"")]))
                return await writer.write(Delivery("standard", "webhook", [ready(house)]))
        finally:
            await writer.stop()

    assert [one.result for one in asyncio.run(one_after_another())] == ["accepted"]


def test_a_later_record_that_closes_a_known_order_rings_for_its_case(house):
    def ready_order(**facts):
        piece = split_body(json.dumps(order(**facts), ensure_ascii=False).encode())[0]
        return [to_record(house, house.profiles[SOURCE], piece)]

    taken(house, order())
    told = write_together(house, ready_order(closed_at="2026-11-28 09:00:00"), source=SOURCE)

    assert told == [["duplicate"]]
    assert house.ring.names == ["reviewbot.route"]
    assert write_together(house, ready_order(), source=SOURCE) == [["duplicate"]]
    assert house.ring.names == ["reviewbot.route"]
