"""Intake measured in one run, as ratios: a batch against one transaction a review, and where the time goes.

Run by ``make bench``. The figures depend on the machine; the ratios are what to compare.
"""

import json
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from reviewbot.actions.receive_reviews import Delivery, receive_reviews
from reviewbot.commands.base import prepare
from reviewbot.embedded import start_embedded, stop_embedded
from reviewbot.settings import ROOT, load_settings
from reviewbot.simulator.stream import reviews
from reviewbot.sources.split import split_body
from reviewbot.web.intake import to_record
from tests.benchmarks import ceiling
from tests.benchmarks.door import measure_door

ROUNDS, BATCH, SINGLE = 3, 2_000, 300


def timed(work: Callable[[int], int]) -> float:
    """Median rate in records a second over ROUNDS runs; ``work`` gets the round and tells its records."""
    rates = []
    for number in range(ROUNDS):
        started = time.perf_counter()
        count = work(number)
        rates.append(count / (time.perf_counter() - started))
    return statistics.median(rates)


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="rb", ignore_cleanup_errors=True) as folder:
        settings = start_embedded(load_settings(data_dir=Path(folder)))
        house = prepare(settings, start=True)
        now = datetime.now(UTC)
        city = ROOT / "config" / "city" / "demo"

        def body(seed: int, count: int) -> bytes:
            records = reviews(seed, city, now, count)
            return b"\n".join(json.dumps(record, ensure_ascii=False).encode() for record in records)

        bodies = [body(seed, BATCH) for seed in range(100, 100 + ROUNDS)]
        singles = [body(seed, SINGLE) for seed in range(200, 200 + ROUNDS)]
        profile = house.profiles["standard"]

        def read(number: int) -> int:
            return len([to_record(house, profile, piece) for piece in split_body(bodies[number])])

        def batched(number: int) -> int:
            records = [to_record(house, profile, piece) for piece in split_body(bodies[number])]
            with house.database.begin() as session:
                receive_reviews(session, [Delivery("standard", "bench", records)], at=now)
            return len(records)

        def one_by_one(number: int) -> int:
            records = [to_record(house, profile, piece) for piece in split_body(singles[number])]
            for record in records:
                with house.database.begin() as session:
                    receive_reviews(session, [Delivery("standard", "bench", [record])], at=now)
            return len(records)

        only_read, single, batch = timed(read), timed(one_by_one), timed(batched)
        again = timed(batched)
        print(f"read and map only            {only_read:9,.0f} records/s")  # noqa: T201
        print(f"one transaction a review     {single:9,.0f} records/s   1.0")  # noqa: T201
        print(f"one transaction of {BATCH}     {batch:9,.0f} records/s   {batch / single:.1f}")  # noqa: T201
        print(f"the same delivered again     {again:9,.0f} records/s   {again / single:.1f}")  # noqa: T201

        def ready(number: int) -> ceiling.Records:
            pieces = split_body(body(1_000 + number, ceiling.BATCH))
            return [to_record(house, profile, piece) for piece in pieces]

        rates = ceiling.measure_ceiling(house.database, settings.database_url, ready, now)
        for name, rate in rates.items():
            share = rate / rates["unnest"]
            title = name if name == "receive_reviews" else f"bare driver, {name}"
            print(f"{title:<29}{rate:9,.0f} rows/s      {share:.2f} of unnest")  # noqa: T201
        alone, many, batches = measure_door(settings)
        print(f"HTTP, one sender             {alone:9,.0f} reviews/s   1.0")  # noqa: T201
        print(f"HTTP, 64 senders             {many:9,.0f} reviews/s   {many / alone:.1f}")  # noqa: T201
        print(f"HTTP, 64 senders, 100 a call {batches:9,.0f} reviews/s   {batches / alone:.1f}")  # noqa: T201
        house.database.dispose()
        stop_embedded(settings.data_dir)


if __name__ == "__main__":
    main()
