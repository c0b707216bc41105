"""Take one or many deliveries of reviews: every record gets a result, and the results add up."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Column, Select, Table, Text, and_, bindparam, func, select
from sqlalchemy import cast as sql_cast
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.orm import Session

from reviewbot.models.review import IntakeBatch, KeptRecord, Review, ReviewCopy
from reviewbot.rules.grading import is_bad

RESULT_WORDS = {
    "accepted": "接收", "duplicate": "重复", "altered": "内容被改动（留证）", "refused": "退回发送方",
    "set_aside": "留待人工",
}  # fmt: skip
RAW_KEPT = 64 * 1024
"""Bytes kept of a record that did not become a review; an honest record is far smaller."""


@dataclass(frozen=True)
class Accepted:
    """A record that is a review: its facts as columns of ``Review``."""

    facts: dict[str, Any]
    raw: bytes


@dataclass(frozen=True)
class Rejected:
    """A record that is not: refused (the sender must mend it) or set aside (for the desk)."""

    result: str
    reason: str
    external_id: str | None
    round: int | None
    raw: bytes


@dataclass(frozen=True)
class Delivery:
    """One call or file: who sends, by which door, which records."""

    source: str
    via: str
    records: Sequence[Accepted | Rejected]


@dataclass(frozen=True)
class Result:
    """What became of one record, in the sender's terms."""

    external_id: str | None
    round: int | None
    result: str
    reason: str | None = None


@dataclass(frozen=True)
class Received:
    """The results of each delivery, in order, and the bad reviews that now want a case."""

    results: list[list[Result]]
    bad_review_ids: list[int]


Key = tuple[str, str, int]


def receive_reviews(session: Session, deliveries: Sequence[Delivery], *, at: datetime) -> Received:
    """Insert what is new with one statement; tell duplicates from altered copies by fingerprint (F2, F3).

    1. A batch row per delivery. 2. All reviews, ON CONFLICT DO NOTHING. 3. What was not inserted is compared
    with what stands. 4. Altered copies and rejected records are kept as rows. 5. The batch rows get counts.
    """
    batches = [_open_batch(session, delivery, at) for delivery in deliveries]
    fresh = _insert_new(session, deliveries, batches, at)
    standing = _standing(session, deliveries, fresh)
    first_copies = set(fresh)
    results: list[list[Result]] = []
    for delivery, batch in zip(deliveries, batches, strict=True):
        told = []
        for record in delivery.records:
            match record:
                case Rejected():
                    told.append(_keep(session, delivery.source, record, batch, at))
                case Accepted():
                    told.append(_judge(session, delivery.source, record, batch, at, first_copies, standing))
        counts = Counter(result.result for result in told)
        batch.received = len(told)
        for name in ("accepted", "duplicate", "altered", "refused", "set_aside"):
            setattr(batch, name, counts[name])
        results.append(told)
    session.flush()
    return Received(results, [ident for ident, rating, _ in fresh.values() if is_bad(rating)])


def _open_batch(session: Session, delivery: Delivery, at: datetime) -> IntakeBatch:
    batch = IntakeBatch(
        source=delivery.source, via=delivery.via, received_at=at,
        received=0, accepted=0, duplicate=0, altered=0, refused=0, set_aside=0,
    )  # fmt: skip
    session.add(batch)
    session.flush()
    return batch


def _key(source: str, record: Accepted) -> Key:
    return source, record.facts["external_id"], record.facts["round"]


Fresh = dict[Key, tuple[int, int, str]]


def _insert_new(
    session: Session, deliveries: Sequence[Delivery], batches: list[IntakeBatch], at: datetime
) -> Fresh:
    """Insert the first copy of every key; ``{key: (id, rating, fingerprint)}`` of what was new."""
    rows: dict[Key, dict[str, Any]] = {}
    for delivery, batch in zip(deliveries, batches, strict=True):
        for record in delivery.records:
            if isinstance(record, Accepted):
                rows.setdefault(
                    _key(delivery.source, record),
                    {
                        "kind": "rating",
                        **record.facts,
                        "raw": record.raw,
                        "source": delivery.source,
                        "batch_id": batch.id,
                        "received_at": at,
                        "is_bad": is_bad(record.facts["rating"]),
                    },
                )
    if not rows:
        return {}
    # Sorted, so that two writers that carry the same keys lock them in the same order.
    inserted = session.execute(_INSERT, _arrays(_GIVEN, [rows[key] for key in sorted(rows)]))
    return {(s, e, r): (ident, rating, mark) for s, e, r, ident, rating, mark in inserted}


def _rows_of(columns: Sequence[Column[Any]]) -> Select[Any]:
    """Rows as a SELECT over unnest(), one array a column; a list of texts travels as its literal."""
    types = {column.name: Text() if _is_list(column) else column.type for column in columns}
    arrays = [bindparam(f"{name}_given", type_=ARRAY(kind)) for name, kind in types.items()]
    table = func.unnest(*arrays).table_valued(*types, name="given").render_derived()
    return select(
        *(
            sql_cast(table.c[column.name], ARRAY(Text())) if _is_list(column) else table.c[column.name]
            for column in columns
        )
    )


def _arrays(columns: Sequence[Column[Any]], rows: Sequence[dict[str, Any]]) -> dict[str, list[Any]]:
    """The parameters of ``_rows_of``."""
    return {
        f"{column.name}_given": [
            _array_literal(row[column.name]) if _is_list(column) else row.get(column.name) for row in rows
        ]
        for column in columns
    }


def _is_list(column: Column[Any]) -> bool:
    return isinstance(column.type, ARRAY)


def _array_literal(words: Sequence[str]) -> str:
    escaped = (word.replace("\\", "\\\\").replace('"', '\\"') for word in words)
    return "{" + ",".join(f'"{word}"' for word in escaped) + "}"


def _standing(session: Session, deliveries: Sequence[Delivery], fresh: Fresh) -> dict[Key, tuple[int, str]]:
    """``{key: (id, fingerprint)}`` of every review these deliveries speak of."""
    keys = {_key(d.source, r) for d in deliveries for r in d.records if isinstance(r, Accepted)}
    found = {key: (ident, mark) for key, (ident, _, mark) in fresh.items()}
    missing = keys - set(fresh)
    if missing:
        wanted = [{"source": s, "external_id": e, "round": r} for s, e, r in missing]
        rows = session.execute(_STANDING, _arrays(_KEY, wanted))
        found.update({(s, e, r): (ident, mark) for s, e, r, ident, mark in rows})
    return found


_REVIEWS = cast("Table", Review.__table__)
_GIVEN = [column for column in _REVIEWS.columns if column.name not in ("id", "routed_at")]
_KEY = [_REVIEWS.c.source, _REVIEWS.c.external_id, _REVIEWS.c.round]
# One array a column and one statement: executemany costs several times as much, and the ORM would send a
# statement for every set of NULLs. Built once, because building costs more than running it for one row.
_INSERT = (
    insert(_REVIEWS)
    .from_select(_GIVEN, _rows_of(_GIVEN))
    .on_conflict_do_nothing(index_elements=_KEY)
    .returning(Review.source, Review.external_id, Review.round, Review.id, Review.rating, Review.fingerprint)
)
_asked = _rows_of(_KEY).subquery()
_STANDING = select(Review.source, Review.external_id, Review.round, Review.id, Review.fingerprint).join(
    _asked, and_(*(column == _asked.c[column.name] for column in _KEY))
)


def _judge(
    session: Session,
    source: str,
    record: Accepted,
    batch: IntakeBatch,
    at: datetime,
    first_copies: set[Key],
    standing: dict[Key, tuple[int, str]],
) -> Result:
    key = _key(source, record)
    _, external_id, round_ = key
    if key in first_copies:
        first_copies.discard(key)
        return Result(external_id, round_, "accepted")
    review_id, fingerprint = standing[key]
    if fingerprint == record.facts["fingerprint"]:
        return Result(external_id, round_, "duplicate")
    session.execute(
        insert(ReviewCopy)
        .values(
            review_id=review_id,
            batch_id=batch.id,
            received_at=at,
            fingerprint=record.facts["fingerprint"],
            raw=record.raw,
        )
        .on_conflict_do_nothing(index_elements=["review_id", "fingerprint"])
    )
    return Result(external_id, round_, "altered", "内容与首次收到的评价不同；以首次为准，本份留存为证据")


def _keep(session: Session, source: str, record: Rejected, batch: IntakeBatch, at: datetime) -> Result:
    session.add(
        KeptRecord(
            batch_id=batch.id,
            received_at=at,
            source=source,
            result=record.result,
            reason=record.reason,
            external_id=record.external_id,
            round=record.round,
            raw=record.raw[:RAW_KEPT],
        )
    )
    return Result(record.external_id, record.round, record.result, record.reason)
