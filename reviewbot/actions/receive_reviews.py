"""Take one or many deliveries of reviews: every record gets a result, and the results add up."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import msgspec
from sqlalchemy import JSON, Column, LargeBinary, Select, Table, Text, and_, bindparam, column, func, select
from sqlalchemy import cast as sql_cast
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from reviewbot.models.review import IntakeBatch, KeptRecord, Review, ReviewCopy
from reviewbot.queries.endings import Known, known_endings
from reviewbot.rules.endings import Ending, Outcome
from reviewbot.rules.grading import is_bad
from reviewbot.rules.kinds import ORDERS

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
    """The results of each delivery, in order, and the bad reviews that now want a case. ``continued_ids``: work orders
    of which a later record says how they ended."""

    results: list[list[Result]]
    bad_review_ids: list[int]
    continued_ids: list[int]


Key = tuple[str, str, int]


def receive_reviews(session: Session, deliveries: Sequence[Delivery], *, at: datetime) -> Received:
    """Insert what is new with one statement; tell duplicates from altered copies by fingerprint (F2, F3).

    1. A batch row per delivery. 2. All reviews, ON CONFLICT DO NOTHING. 3. What was not inserted is compared
    with what stands. 4. Altered copies and rejected records are kept as rows, and so is what a later record says of
    a work order's ending. 5. The batch rows get counts.
    """
    batches = [_new_batch(delivery, at) for delivery in deliveries]
    session.add_all(batches)
    session.flush()
    fresh = _insert_new(session, deliveries, batches, at)
    standing = _standing(session, deliveries, fresh)
    endings = known_endings(session, _orders_with_other_content(deliveries, standing))
    first_copies = set(fresh)
    evidence = _Evidence(at)
    results: list[list[Result]] = []
    for delivery, batch in zip(deliveries, batches, strict=True):
        told = []
        for record in delivery.records:
            match record:
                case Rejected():
                    told.append(
                        evidence.keep(delivery.source, record, batch, _of_erased(delivery, record, standing))
                    )
                case Accepted():
                    told.append(
                        _judge(delivery.source, record, batch, first_copies, standing, endings, evidence)
                    )
        counts = Counter(result.result for result in told)
        batch.received = len(told)
        for name in ("accepted", "duplicate", "altered", "refused", "set_aside"):
            setattr(batch, name, counts[name])
        results.append(told)
    evidence.insert(session)
    session.flush()
    wanted = [ident for ident, wants_case, _ in fresh.values() if wants_case]
    return Received(results, wanted, sorted(evidence.continued_ids))


def _new_batch(delivery: Delivery, at: datetime) -> IntakeBatch:
    return IntakeBatch(
        source=delivery.source, via=delivery.via, received_at=at,
        received=0, accepted=0, duplicate=0, altered=0, refused=0, set_aside=0,
    )  # fmt: skip


def _key(source: str, record: Accepted) -> Key:
    return source, record.facts["external_id"], record.facts["round"]


Fresh = dict[Key, tuple[int, bool, str]]


def _insert_new(
    session: Session, deliveries: Sequence[Delivery], batches: list[IntakeBatch], at: datetime
) -> Fresh:
    """Insert the first copy of every key; ``{key: (id, wants a case, fingerprint)}`` of what was new."""
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
                        **_worth(record),
                    },
                )
    if not rows:
        return {}
    # Sorted, so that two writers that carry the same keys lock them in the same order.
    inserted = session.execute(_INSERT, _as_json([rows[key] for key in sorted(rows)]))
    return {(s, e, r): (ident, wants, mark) for s, e, r, ident, wants, mark in inserted}


def _worth(record: Accepted) -> dict[str, bool]:
    """A bad rating wants a case, and so does every work order."""
    rating = record.facts["rating"]
    bad = rating is not None and is_bad(rating)
    return {"is_bad": bad, "wants_case": bad or rating is None}


def _rows_of(columns: Sequence[Column[Any]]) -> Select[Any]:
    """Rows as a SELECT over one JSON parameter, in which bytes travel as Base64."""
    binary = {each.name for each in columns if isinstance(each.type, LargeBinary)}
    types = [column(each.name, Text() if each.name in binary else each.type) for each in columns]
    told = sql_cast(bindparam("rows", type_=Text()), JSON)
    given = func.json_to_recordset(told).table_valued(*types).render_derived("given", with_types=True)
    return select(
        *(func.decode(value, "base64") if value.name in binary else value for value in given.columns)
    )


def _as_json(rows: Sequence[dict[str, Any]]) -> dict[str, str]:
    """The parameter of ``_rows_of``; a column that a row does not name is NULL."""
    return {"rows": msgspec.json.encode(rows).decode()}


Standing = dict[Key, tuple[int, str, bool]]


def _standing(session: Session, deliveries: Sequence[Delivery], fresh: Fresh) -> Standing:
    """``{key: (id, fingerprint, erased)}`` of every review these deliveries speak of, be it in a broken copy."""
    keys = {key for d in deliveries for r in d.records if (key := _spoken_of(d.source, r))}
    found = {key: (ident, mark, False) for key, (ident, _, mark) in fresh.items()}
    missing = keys - set(fresh)
    if missing:
        wanted = [{"source": s, "external_id": e, "round": r} for s, e, r in missing]
        rows = session.execute(_STANDING, _as_json(wanted))
        found.update({(s, e, r): (ident, mark, erased is not None) for s, e, r, ident, mark, erased in rows})
    return found


def _orders_with_other_content(deliveries: Sequence[Delivery], standing: Standing) -> set[int]:
    return {
        standing[key][0]
        for delivery in deliveries
        for record in delivery.records
        if isinstance(record, Accepted)
        and record.facts.get("kind") in ORDERS
        and standing[key := _key(delivery.source, record)][1] != record.facts["fingerprint"]
    }


def _spoken_of(source: str, record: Accepted | Rejected) -> Key | None:
    if isinstance(record, Accepted):
        return _key(source, record)
    if record.external_id is None or record.round is None:
        return None
    return source, record.external_id, record.round


def _of_erased(delivery: Delivery, record: Rejected, standing: Standing) -> bool:
    """Whether this copy would bring back the words of a rater who has been erased (R20)."""
    key = _spoken_of(delivery.source, record)
    return key in standing and standing[key][2]


_REVIEWS = cast("Table", Review.__table__)
_GIVEN = [column for column in _REVIEWS.columns if column.name not in ("id", "routed_at", "erased_at")]
_KEY = [_REVIEWS.c.source, _REVIEWS.c.external_id, _REVIEWS.c.round]
# One statement over one JSON text: arrays for unnest() cost psycopg twice the time, executemany eight times.
# Built once, because building costs more than running it for one row.
_INSERT = (
    insert(_REVIEWS)
    .from_select(_GIVEN, _rows_of(_GIVEN))
    .on_conflict_do_nothing(index_elements=_KEY)
    .returning(
        Review.source, Review.external_id, Review.round, Review.id, Review.wants_case, Review.fingerprint
    )
)
_asked = _rows_of(_KEY).subquery()
_STANDING = select(
    Review.source, Review.external_id, Review.round, Review.id, Review.fingerprint, Review.erased_at
).join(_asked, and_(*(column == _asked.c[column.name] for column in _KEY)))


_COPIES = cast("Table", ReviewCopy.__table__)
_COPIED = [column for column in _COPIES.columns if column.name != "id"]
_insert_copies = insert(_COPIES).from_select(_COPIED, _rows_of(_COPIED))
_INSERT_COPIES = _insert_copies.on_conflict_do_update(  # an older release read no ending out of a copy
    index_elements=["review_id", "fingerprint"],
    set_={name: _insert_copies.excluded[name] for name in ("result", "closed_at", "satisfaction", "outcome")},
    where=_COPIES.c.outcome.is_(None) & _insert_copies.excluded.outcome.is_not(None),
)
_RECORDS = cast("Table", KeptRecord.__table__)
_KEPT = [
    _RECORDS.c[name]
    for name in ("batch_id", "received_at", "source", "result", "reason", "external_id", "round", "raw")
]
_INSERT_KEPT = insert(_RECORDS).from_select(_KEPT, _rows_of(_KEPT))


class _Evidence:
    """What did not become a review, gathered while the records are judged and written at once."""

    def __init__(self, at: datetime) -> None:
        self._at = at
        self.continued_ids: set[int] = set()
        self._copies: dict[tuple[int, str], dict[str, Any]] = {}
        self._kept: list[dict[str, Any]] = []

    def copy(
        self, review_id: int, record: Accepted, batch: IntakeBatch, erased: bool, *, agrees: bool = False,
        outcome: Outcome | None = None,
    ) -> None:  # fmt: skip
        """The first of equal copies is evidence; of an erased review only that it came (R20). ``agrees``, ``outcome``:
        where it differs in a work order's ending alone."""
        mark = record.facts["fingerprint"]
        row = {"review_id": review_id, "fingerprint": mark, "raw": b"" if erased else record.raw}
        row |= {"batch_id": batch.id, "received_at": self._at, "result": "duplicate" if agrees else "altered"}
        if outcome is Outcome.WAITING:
            self.continued_ids.add(review_id)
            row |= {name: record.facts[name] for name in ("closed_at", "satisfaction")}
        self._copies.setdefault((review_id, mark), row | {"outcome": outcome})

    def keep(self, source: str, record: Rejected, batch: IntakeBatch, erased: bool) -> Result:
        told = Result(record.external_id, record.round, record.result, record.reason)
        self._kept.append(
            {
                "external_id": told.external_id, "round": told.round, "result": told.result,
                "reason": told.reason, "batch_id": batch.id, "received_at": self._at,
                "source": source, "raw": b"" if erased else record.raw[:RAW_KEPT],
            }
        )  # fmt: skip
        return told

    def insert(self, session: Session) -> None:
        if self._copies:  # sorted for the same reason as the reviews
            rows = [self._copies[key] for key in sorted(self._copies)]
            session.execute(_INSERT_COPIES, _as_json(rows))
        if self._kept:
            session.execute(_INSERT_KEPT, _as_json(self._kept))


def _judge(
    source: str,
    record: Accepted,
    batch: IntakeBatch,
    first_copies: set[Key],
    standing: Standing,
    endings: dict[int, Known],
    evidence: _Evidence,
) -> Result:
    key = _key(source, record)
    _, external_id, round_ = key
    if key in first_copies:
        first_copies.discard(key)
        return Result(external_id, round_, "accepted")
    review_id, fingerprint, erased = standing[key]
    if fingerprint == record.facts["fingerprint"]:
        return Result(external_id, round_, "duplicate")
    known = endings.get(review_id)
    if known is not None and known.differs_in_ending_alone(record.facts):
        return _go_on(key, review_id, record, batch, known, evidence, erased=erased)
    evidence.copy(review_id, record, batch, erased)
    if erased:
        return Result(
            external_id, round_, "altered", "内容与首次收到的评价不同；评价人信息已删除，本份不留内容"
        )
    return Result(external_id, round_, "altered", "内容与首次收到的评价不同；以首次为准，本份留存为证据")


GOES_ON = "同一工单的后续记录：办结时间和回访结果转入工单，首次记录不变"
TAKES_BACK = "与来源先前所报的办结时间或回访结果不一致：先报的不改动，本份留存为证据，是否采用由工单记明"


def _go_on(
    key: Key, review_id: int, record: Accepted, batch: IntakeBatch, known: Known, evidence: _Evidence,
    *, erased: bool,
) -> Result:  # fmt: skip
    """A work order comes again and differs in its ending alone: its source says how it went on."""
    told = Ending.told(record.facts["closed_at"], record.facts["satisfaction"])
    mark = record.facts["fingerprint"]
    agrees = known.ending.goes_on_to(told)
    if known.outcomes.get(mark) in (None, Outcome.WAITING):  # else the case has taken it up already
        evidence.copy(review_id, record, batch, erased, agrees=agrees, outcome=Outcome.WAITING)
    if agrees:
        known.ending = known.ending.with_later(told)
    _, external_id, round_ = key
    result, reason = ("duplicate", GOES_ON) if agrees else ("altered", TAKES_BACK)
    return Result(external_id, round_, result, reason)
