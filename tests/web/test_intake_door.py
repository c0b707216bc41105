"""POST /webhooks/reviews/{source} over real HTTP, by a sender that knows only the contract."""

import base64
import json
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from door_kit import SECRET, raw_status, record, route_all, send, serving, signed
from hypothesis import HealthCheck, given
from hypothesis import settings as trying
from hypothesis import strategies as st
from pydantic import SecretStr
from sqlalchemy import func, select

from reviewbot.database.session import Database
from reviewbot.models.case import Case
from reviewbot.models.review import KeptRecord, Review
from reviewbot.settings import SourceSettings

DATA = Path(__file__).parents[1] / "data"
MIB = 1024 * 1024
OTHER_SECRET = "whsec_" + base64.b64encode(b"another secret of 24 byt").decode()


@pytest.fixture
def url(house):
    with serving(house) as address:
        yield address


def count(house, model):
    with house.database.begin() as session:
        return session.scalar(select(func.count()).select_from(model))


def reviews(house):
    with house.database.begin() as session:
        return list(session.scalars(select(Review).order_by(Review.id)))


def results(answer):
    assert answer.status_code == 202, answer.text
    return [one["result"] for one in answer.json()]


BODY = json.dumps(record(external_id="S1")).encode()
NOW = int(time.time())
WRONG = {
    "no headers": {},
    "no id": {"webhook-id": None},
    "no timestamp": {"webhook-timestamp": None},
    "no signature": {"webhook-signature": None},
    "empty signature": {"webhook-signature": ""},
    "no comma": {"webhook-signature": "v1"},
    "two commas": {"webhook-signature": "v1,a,b"},
    "bad base64": {"webhook-signature": "v1,!!!not base64!!!"},
    "short base64": {"webhook-signature": "v1,abc"},
    "not ASCII": {"webhook-signature": "v1,é".encode("latin-1")},
    "foreign version": {"webhook-signature": signed(BODY)["webhook-signature"].replace("v1,", "v2,")},
    "other message": {"webhook-id": "another"},
    "NaN": {"webhook-timestamp": "nan"},
    "infinite": {"webhook-timestamp": "inf"},
    "huge": {"webhook-timestamp": "9" * 400},
    "far": {"webhook-timestamp": "99999999999999999999"},
    "words": {"webhook-timestamp": "today"},
    "negative": {"webhook-timestamp": "-1"},
    "fraction": {"webhook-timestamp": "1.5e9"},
    "stale": signed(BODY, at=NOW - 3600),
    "from the future": signed(BODY, at=NOW + 7200),
    "foreign secret": signed(BODY, secret=OTHER_SECRET),
    "of another body": signed(b"{}"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_call_that_is_not_signed_freshly_by_the_source_is_401_and_leaves_nothing(url, house, case):
    headers = ({} if case == "no headers" else signed(BODY)) | WRONG[case]

    answer = send(url, BODY, headers={name: value for name, value in headers.items() if value is not None})

    assert answer.status_code == 401
    assert count(house, Review) == 0


def test_while_a_secret_is_rotated_both_are_taken_and_no_third(house):
    both = SourceSettings(secret=SecretStr(f"{OTHER_SECRET} {SECRET}"))
    rotated = replace(house, settings=house.settings.model_copy(update={"sources": {"standard": both}}))
    third = "whsec_" + base64.b64encode(b"a third secret nobody ha").decode()
    with serving(rotated) as url:
        told = [
            send(url, BODY, headers=signed(BODY, secret=secret)).status_code
            for secret in (SECRET, OTHER_SECRET, third)
        ]

    assert told == [202, 202, 401]


def test_the_right_signature_among_several_is_found(url):
    headers = signed(BODY)
    headers["webhook-signature"] = "v1,AAAA v2,xyz " + headers["webhook-signature"]

    assert results(send(url, BODY, headers=headers)) == ["accepted"]


@pytest.mark.parametrize("broken", ["garbage", "v1,", "v1,=", "v2,abc", ",", "v1", "v1,a,b"])
def test_a_malformed_signature_before_a_good_one_does_not_hide_it(url, broken):
    body = json.dumps(record()).encode()
    headers = signed(body)
    good = headers["webhook-signature"]

    assert send(url, body, headers=headers | {"webhook-signature": f"{broken} {good}"}).status_code == 202
    assert send(url, body, headers=headers | {"webhook-signature": broken}).status_code == 401


@pytest.mark.parametrize(
    "broken", ['{"external_id": "N", "rating": NaN}', "nope", '{"external_id": -Infinity}']
)
def test_one_broken_element_of_an_array_keeps_its_neighbours(url, house, broken):
    body = f"[{json.dumps(record())}, {broken}, {json.dumps(record())}]".encode()

    assert results(send(url, body)) == ["accepted", "refused", "accepted"]
    assert (count(house, Review), count(house, KeptRecord)) == (2, 1)


@pytest.mark.parametrize("secret", ["whsec_", "whsec_a", "", "whsec_密钥"])
def test_a_secret_that_slipped_past_the_start_is_401_and_never_500(house, secret):
    empty = SourceSettings.model_construct(secret=SecretStr(secret))
    careless = replace(house, settings=house.settings.model_copy(update={"sources": {"standard": empty}}))
    with serving(careless) as url:
        assert send(url, BODY).status_code == 401


def test_an_unknown_source_is_404(url):
    assert send(url, BODY, source="nobody").status_code == 404


@pytest.mark.parametrize("kind", ["text/html", "multipart/form-data; boundary=x", "application/xml"])
def test_another_type_of_body_is_415(url, kind):
    assert send(url, BODY, headers=signed(BODY) | {"content-type": kind}).status_code == 415


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "application/x-ndjson"])
def test_the_types_of_the_contract_are_taken(url, kind):
    answer = send(url, BODY, headers=signed(BODY) | {"content-type": kind})

    assert results(answer) == ["accepted"]


def test_a_body_declared_larger_than_8_mib_is_413_before_it_is_sent(url):
    head = f"POST /webhooks/reviews/standard HTTP/1.1\r\nHost: x\r\nContent-Length: {20 * MIB}\r\n\r\n"

    assert raw_status(url, head, b"{") == 413


def test_a_chunked_body_is_413_as_soon_as_it_has_passed_8_mib(url):
    head = "POST /webhooks/reviews/standard HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    size = 8 * MIB + 1

    assert raw_status(url, head, f"{size:x}\r\n".encode() + b" " * size) == 413


@pytest.mark.parametrize("shape", ["array", "lines"])
def test_more_than_10000_records_are_413_and_none_is_kept(url, house, shape):
    many = ["{}"] * 10_001
    body = ("[" + ",".join(many) + "]" if shape == "array" else "\n".join(many)).encode()

    answer = send(url, body)

    assert answer.status_code == 413
    assert count(house, KeptRecord) == 0


@pytest.mark.parametrize(
    "body", [b'{"external_id": "X"', b"hello", b"", b"\xff\xfe\x00", b"[" * 100_000, b"{}}", b'"', b"NaN"]
)
def test_broken_json_is_202_with_one_refused_record_and_its_reason(url, house, body):
    answer = send(url, body)

    assert results(answer) == ["refused"]
    assert answer.json()[0]["reason"]
    assert count(house, KeptRecord) == 1


def test_one_broken_line_keeps_its_neighbours(url, house):
    body = b"\n".join([json.dumps(record()).encode(), b'{"external_id": "bro', json.dumps(record()).encode()])

    assert results(send(url, body)) == ["accepted", "refused", "accepted"]
    assert count(house, Review) == 2


def test_a_line_in_another_encoding_keeps_its_neighbours(url):
    gbk = json.dumps(record(comment="太慢"), ensure_ascii=False).encode("gbk")
    body = b"\n".join([json.dumps(record()).encode(), gbk, json.dumps(record()).encode()])

    assert results(send(url, body)) == ["accepted", "refused", "accepted"]


def test_one_object_and_an_array_give_their_results_in_order(url):
    single = send(url, record(external_id="A"))
    array = send(url, [record(external_id="B"), record(external_id="A", comment="x"), {}, record(rating=9)])

    assert results(single) == ["accepted"]
    assert results(array) == ["accepted", "altered", "refused", "set_aside"]
    assert set(array.json()[0]) == {"external_id", "round", "result", "reason"}


NASTY = {
    "NUL": "太\0慢",
    "control": "\x01\x02\x1b[31m\x7f\x85",
    "HTML": "<script>alert(1)</script>",
    "formula": '=HYPERLINK("http://x","点我")',
    "emoji": "😡👨‍👩‍👧",
    "surrogate": "半\ud83d个\ude00",
    "quotes": "'; DROP TABLE reviews; --",
    "direction": "\u202eabc\u2066",
    "noncharacter": "\uffff\ufffe",
}
FIELDS = ["external_id", "comment", "department", "item", "window", "handled_by", "channel", "item_code"]


@pytest.mark.parametrize("name", NASTY)
def test_nasty_text_in_any_field_is_accepted_and_stored_without_what_no_column_takes(url, house, name):
    bodies = [record(**{field: "x" + NASTY[name]}) for field in FIELDS]

    told = send(url, bodies)

    assert results(told) == ["accepted"] * len(FIELDS)
    stored = next(row for row in reviews(house) if row.comment != "太慢")
    assert "\0" not in stored.comment
    if name in ("HTML", "formula", "emoji", "quotes"):
        assert stored.comment == "x" + NASTY[name]


@pytest.mark.parametrize("name", NASTY)
@pytest.mark.parametrize("field", ["rating", "reviewed_at", "round", "reason_codes", "is_default", "rater"])
def test_nasty_text_where_text_does_not_belong_gets_a_result(url, name, field):
    nasty = NASTY[name]

    told = send(
        url, [record(**{field: nasty}), record(**{field: [nasty]}), record(**{field: {nasty: nasty}})]
    )

    assert len(results(told)) == 3


def test_absurd_records_get_results_and_never_an_error(url):
    deep = '{"external_id": "D", "comment": ' + "[" * 90_000 + "]" * 90_000 + "}"
    bodies = [
        deep,
        json.dumps(record()).replace('"rating": 1', '"rating": 1e999'),
        json.dumps(record()).replace('"rating": 1', '"rating": ' + "9" * 5_000),
        json.dumps(record()).replace('"round": 1', '"round": -1e999'),
        json.dumps(record(external_id="E" * 1_000_000)),
        json.dumps(record(comment="差" * 500_000)),
        json.dumps(record(reviewed_at=1e300)),
        json.dumps(record(reviewed_at="9" * 100_000)),
        json.dumps(record(reason_codes=["1"] * 10_000)),
        json.dumps(record(rater=[[]])),
        '{"external_id": "K", "external_id": "K2", "rating": 1, "rating": 2}',
    ]

    for body in bodies:
        assert len(results(send(url, body.encode()))) == 1, body[:80]


def test_the_row_is_committed_when_the_answer_arrives(url, settings):
    with psycopg.connect(settings.database_url, autocommit=True) as other:
        for _ in range(20):
            told = send(url, record()).json()[0]["external_id"]
            query = "SELECT count(*) FROM reviews WHERE external_id = %s"
            assert other.execute(query, [told]).fetchone() == (1,)


def test_the_province_file_gives_35_results_and_24_routed_cases(url, house):
    body = (DATA / "province_a.ndjson").read_bytes()

    told = Counter(results(send(url, body, source="province_a")))
    numbers = route_all(house)

    assert told == {"accepted": 33, "duplicate": 1, "altered": 1}
    assert len(numbers) == 24
    with house.database.begin() as session:
        reasons = list(session.scalars(select(Case.route_reason)))
    assert all(reason.startswith("按办理单位：") for reason in reasons)


def test_the_province_file_delivered_again_is_all_known_and_opens_no_second_case(url, house):
    body = (DATA / "province_a.ndjson").read_bytes()
    send(url, body, source="province_a")
    route_all(house)

    again = [Counter(results(send(url, body, source="province_a"))) for _ in range(2)]

    assert again == [{"duplicate": 34, "altered": 1}] * 2
    assert route_all(house) == []
    assert count(house, Case) == 24
    assert count(house, Review) == 33


def test_the_malformed_file_gets_a_result_a_line(url, house):
    body = (DATA / "malformed.ndjson").read_bytes()

    told = results(send(url, body, source="province_a"))

    assert told == [
        "set_aside", "refused", "refused", "set_aside", "refused", "refused",
        "accepted", "accepted", "accepted",
    ]  # fmt: skip
    assert count(house, KeptRecord) == 6


def test_one_batch_sent_by_many_at_once_through_two_servers_is_accepted_exactly_once(url, house):
    batch = [record() for _ in range(60)]
    orders = [batch if turn % 2 else batch[::-1] for turn in range(8)]
    beside = replace(house, database=Database(house.settings.database_url))
    with serving(beside) as second, ThreadPoolExecutor(8) as senders:
        answers = list(senders.map(send, [url, second] * 4, orders))

    told = Counter((one["external_id"], one["result"]) for answer in answers for one in answer.json())
    assert [answer.status_code for answer in answers] == [202] * 8
    assert all(told[one["external_id"], "accepted"] == 1 for one in batch)
    assert all(told[one["external_id"], "duplicate"] == 7 for one in batch)
    assert count(house, Review) == 60


TEXT = st.text(st.characters(exclude_categories=()), max_size=30)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner), max_leaves=6)
NAMES = st.sampled_from([*record(), "item", "window", "handled_by", "reason_codes", "is_default", "rater"])
RECORDS = st.dictionaries(NAMES, VALUES, max_size=4).map(lambda odd: record() | odd) | VALUES


@trying(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batch=st.lists(RECORDS, max_size=6))
def test_whatever_json_a_record_is_it_gets_a_result(url, batch):
    told = results(send(url, batch))

    assert len(told) == len(batch)
    assert set(told) <= {"accepted", "duplicate", "altered", "refused", "set_aside"}


@trying(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=200))
def test_whatever_bytes_a_body_is_it_is_answered_202(url, body):
    assert results(send(url, body))


def test_a_database_that_is_away_is_503_with_retry_after_and_no_waiting(house):
    nowhere = replace(house, database=Database("postgresql://nobody@127.0.0.1:1/none"))
    with serving(nowhere) as url:
        started = time.monotonic()
        answers = [send(url, BODY) for _ in range(3)]
        spent = time.monotonic() - started

    assert [answer.status_code for answer in answers] == [503] * 3
    assert all(int(answer.headers["Retry-After"]) > 0 for answer in answers)
    assert spent < 15
