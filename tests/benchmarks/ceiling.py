"""What the database itself takes: one statement a batch by the bare driver, beside receive_reviews."""

import statistics
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import msgspec
import psycopg
from psycopg import sql
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session

from reviewbot.actions.receive_reviews import Accepted, Delivery, Rejected, receive_reviews
from reviewbot.database.session import Database
from reviewbot.models.review import IntakeBatch, Review
from reviewbot.rules.grading import is_bad

ROUNDS, BATCH = 7, 1_000
KINDS = {
    column.name: column.type.compile(postgresql.dialect())
    for column in Review.__table__.columns
    if column.name not in ("id", "routed_at")
}
Records = Sequence[Accepted | Rejected]


def measure_ceiling(
    database: Database, address: str, ready: Callable[[int], Records], at: datetime
) -> dict[str, float]:
    """Rows a second in batches of BATCH, medians of turns taken one after another in the same run."""
    with database.begin() as session:
        batch = _a_batch(session, at)

    def through_the_action(records: Records) -> float:
        started = time.perf_counter()
        with database.begin() as session:
            receive_reviews(session, [Delivery("standard", "bench", records)], at=at)
        return time.perf_counter() - started

    with psycopg.connect(address) as connection:

        def by_the_driver(shape: str, records: Records) -> float:
            rows = _rows(records, batch, at)
            started = time.perf_counter()
            statement, parameters = SHAPES[shape](rows)
            with connection.transaction():
                connection.execute(statement, parameters).fetchall()
            return time.perf_counter() - started

        spent: dict[str, list[float]] = {name: [] for name in (*SHAPES, "receive_reviews")}
        for turn in range(ROUNDS + 1):
            for place, name in enumerate(spent):
                records = ready(turn * len(spent) + place)
                taken = by_the_driver(name, records) if name in SHAPES else through_the_action(records)
                if turn:  # the first turn warms the caches
                    spent[name].append(taken)
    return {name: BATCH / statistics.median(times) for name, times in spent.items()}


def _a_batch(session: Session, at: datetime) -> int:
    counts = dict.fromkeys(("received", "accepted", "duplicate", "altered", "refused", "set_aside"), 0)
    batch = IntakeBatch(source="standard", via="bench", received_at=at, **counts)
    session.add(batch)
    session.flush()
    return batch.id


def _rows(records: Records, batch: int, at: datetime) -> list[dict[str, Any]]:
    found = {}
    for each in records:
        assert isinstance(each, Accepted)
        rest = {"source": "standard", "batch_id": batch, "received_at": at, "kind": "rating"}
        key = each.facts["external_id"], each.facts["round"]
        row = rest | each.facts | {"raw": each.raw, "is_bad": is_bad(each.facts["rating"])}
        found[key] = {name: row[name] for name in KINDS}
    return [found[key] for key in sorted(found)]


def _insert(values: sql.Composable, source: sql.Composable) -> sql.Composed:
    return sql.SQL(
        "INSERT INTO reviews ({}) SELECT {} FROM {} ON CONFLICT (source, external_id, round) DO NOTHING"
        " RETURNING source, external_id, round, id, rating, fingerprint"
    ).format(_listed(sql.Identifier(name) for name in KINDS), values, source)


def _unnest(rows: list[dict[str, Any]]) -> tuple[sql.Composed, list[Any]]:
    names = _listed(sql.Identifier(name) for name in KINDS)
    values = _listed(sql.SQL("{}::" + kind).format(sql.Identifier(name)) for name, kind in KINDS.items())
    arrays = _listed(sql.SQL("%s::" + kind.removesuffix("[]") + "[]") for kind in KINDS.values())
    parameters = [
        ["{" + ",".join(map(_quoted, row[name])) + "}" if kind.endswith("[]") else row[name] for row in rows]
        for name, kind in KINDS.items()
    ]
    return _insert(values, sql.SQL("unnest({}) AS given({})").format(arrays, names)), parameters


def _recordset(rows: list[dict[str, Any]]) -> tuple[sql.Composed, list[Any]]:
    values = _listed(
        sql.SQL("decode({}, 'base64')" if kind == "BYTEA" else "{}").format(sql.Identifier(name))
        for name, kind in KINDS.items()
    )
    typed = _listed(
        sql.SQL("{} " + ("TEXT" if kind == "BYTEA" else kind)).format(sql.Identifier(name))
        for name, kind in KINDS.items()
    )
    source = sql.SQL("json_to_recordset(%s::json) AS given({})").format(typed)
    return _insert(values, source), [msgspec.json.encode(rows).decode()]


def _listed(parts: Any) -> sql.Composed:
    return sql.SQL(", ").join(parts)


def _quoted(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


SHAPES = {"unnest": _unnest, "json_to_recordset": _recordset}
