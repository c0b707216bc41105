"""A rater asks to be forgotten, or his data's time is over: he is gone, the figures and the record stand (R20)."""

import json
from datetime import timedelta

import pytest
from case_kit import COMMENT, PHONE, RATER, case_of, closed, events, messages, opened, record
from ladder_kit import Wire
from recall_kit import MONTH, draw_row, drawn_month, recalls
from sqlalchemy import event, func, select, text, update

from reviewbot.actions.deliver_messages import deliver_messages
from reviewbot.actions.erase_rater import ERASED, erase_expired, erase_rater
from reviewbot.actions.receive_reviews import Delivery, receive_reviews
from reviewbot.actions.report_rates import report_rates
from reviewbot.actions.report_recalls import report_recalls
from reviewbot.actions.take_answer import take_answer
from reviewbot.errors import Conflict, NotFound
from reviewbot.links import RaterLink
from reviewbot.models.chain import first_break
from reviewbot.models.rater import RaterAnswer, RaterOpenid
from reviewbot.models.review import KeptRecord, Review, ReviewCopy
from reviewbot.queries.counts import intake_balance
from reviewbot.queries.scope import SYSTEM
from reviewbot.rules.lifecycle import Move
from reviewbot.rules.raters import Answer
from reviewbot.rules.recall import Finding
from reviewbot.sources.split import split_body
from reviewbot.web.intake import to_record

AS_IT_CAME = text("SET LOCAL session_replication_role = replica")
"""Past the trigger that keeps reviews: what follows stands as if it had come so."""
WORDS = "还是没人管，打我电话13812345678"


def erase(house, who, reason="本人申请", source=None):
    with house.database.begin() as session:
        return erase_rater(session, who, reason, SYSTEM, at=house.clock.now(), source=source)


def received(house, *records, source="standard"):
    body = b"\n".join(json.dumps(one, ensure_ascii=False).encode() for one in records)
    ready = [to_record(house, house.profiles["standard"], piece) for piece in split_body(body)]
    with house.database.begin() as session:
        told = receive_reviews(session, [Delivery(source, "webhook", ready)], at=house.clock.now())
    return [one.result for one in told.results[0]]


def figures(house):
    """Every rate of the month and the balance of intake."""
    now = house.clock.now()
    with house.database.begin() as session:
        rates = report_rates(session, SYSTEM, first=now.date().replace(day=1), last=now.date(), now=now)
        return [
            (row.figure.metric, row.figure.numerator, row.figure.denominator) for row in rates
        ], intake_balance(session, now).results


def everything_kept(house):
    """Every row of every table as one text."""
    with house.database.begin() as session:
        names = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
        rows = [
            row
            for table in session.scalars(text(names)).all()
            for row in session.scalars(text(f'SELECT row_to_json(t) FROM "{table}" t'))
        ]
    return json.dumps(rows, ensure_ascii=False)


def answered(house, number):
    case = case_of(house, number)
    link = RaterLink(case.id, case.round, int(house.clock.now().timestamp()))
    with house.database.begin() as session:
        take_answer(
            session, link, Answer.NOBODY_CALLED, WORDS, at=house.clock.now(), rulebooks=house.rulebooks
        )


def test_r20_an_erased_rater_leaves_his_rating_every_figure_and_the_chain(house, clock):
    number = closed(house)
    answered(house, number)
    with house.database.begin() as session:
        case_id = case_of(house, number).id
        session.add(RaterOpenid(case_id=case_id, openid="oRater1", given_at=house.clock.now()))
    clock.moment += timedelta(days=20)
    before, told = figures(house), len(events(house, number))
    assert PHONE in everything_kept(house)

    erase(house, number)

    kept = everything_kept(house)
    for his in (RATER, PHONE, COMMENT, WORDS, "还是没人管", "oRater1"):
        assert his not in kept
        assert his.encode().hex() not in kept  # the record as it came
    assert figures(house) == before
    with house.database.begin() as session:
        review = session.scalars(select(Review)).one()
        assert (review.rating, review.is_bad, review.comment) == (1, True, ERASED)
        assert case_of(house, number).real_name
        assert session.scalars(select(RaterAnswer.answer)).all() == ["nobody_called"]
    assert first_break(events(house, number)) is None
    assert [(event.move, event.remark) for event in events(house, number)[told:]] == [
        ("erase_rater", "本人申请")
    ]


def test_his_own_number_finds_everything_of_his_and_nothing_of_others(house):
    mine, other = (
        closed(house),
        closed(house, rater={"kind": "person", "name": "林某", "phone": "13900001111"}),
    )

    assert len(erase(house, PHONE)) == 1

    assert "erase_rater" in [event.move for event in events(house, mine)]
    assert "erase_rater" not in [event.move for event in events(house, other)]
    with pytest.raises(NotFound):
        erase(house, PHONE)
    with pytest.raises(NotFound):
        erase(house, " ")


@pytest.mark.parametrize(
    ("left", "asked"),
    [
        ("138 1234 5678", PHONE), ("+86138-1234-5678", PHONE), (PHONE, "+86 138 1234 5678"),
        ("008613812345678", "138-12345678"),
    ],
)  # fmt: skip
def test_his_number_finds_him_however_it_was_typed(house, left, asked):
    good = record(rating=5)
    received(house, good, record(rating=5, rater={"kind": "person", "name": "林某", "phone": "13900001111"}))
    with house.database.begin() as session:
        session.execute(AS_IT_CAME)
        session.execute(update(Review).where(Review.rater_phone == PHONE).values(rater_phone=left))

    assert erase(house, asked) == [good["external_id"]]


def test_words_and_other_numbers_find_nobody_by_his_number(house):
    received(house, record(rating=5), record(rating=5))
    with house.database.begin() as session:
        session.execute(AS_IT_CAME)
        session.execute(update(Review).values(rater_phone="无"))

    for asked in ("某人", "+", "86", "A13812345678"):
        with pytest.raises(NotFound):
            erase(house, asked)


def test_one_number_in_two_sources_is_refused_until_the_source_is_said(house):
    facts = record(rating=5)
    received(house, facts)
    received(house, facts, source="province_a")

    with pytest.raises(Conflict, match=r"province_a 的 .*standard 的 .*--source"):
        erase(house, facts["external_id"])
    assert erase(house, facts["external_id"], source="standard") == [facts["external_id"]]

    with house.database.begin() as session:
        left = session.scalars(select(Review.source).where(Review.erased_at.is_(None))).all()
    assert left == ["province_a"]
    assert erase(house, facts["external_id"]) == [facts["external_id"]]


def test_what_was_refused_or_set_aside_before_it_came_mended_goes_too(house):
    """The same record was sent wrong first: its copies carry the name and the number as well."""
    mended = record(rating=5)
    broken = [mended | {"rating": 77}, mended | {"reviewed_at": "gestern"}, mended | {"round": "x"}]
    stranger = record(rating=88)
    assert received(house, *broken, stranger, mended)[3:] == ["set_aside", "accepted"]

    erase(house, mended["external_id"])

    assert everything_kept(house).count(PHONE.encode().hex()) == 1  # the stranger's
    with house.database.begin() as session:
        kept = session.scalars(select(KeptRecord).where(KeptRecord.raw != b"")).one()
    assert kept.external_id == stranger["external_id"]


def test_erasing_one_rater_does_not_read_every_kept_record(house):
    """Of two million refused records the two that tell of him are found by their key."""
    number, asked = closed(house), []
    fill = """
        WITH batch AS (INSERT INTO intake_batches (received_at, source, via, received, accepted, duplicate, altered,
            refused, set_aside) VALUES (now(), 'standard', 'webhook', 0, 0, 0, 0, 0, 0) RETURNING id)
        INSERT INTO kept_records (batch_id, received_at, source, result, reason, external_id, round, raw)
        SELECT batch.id, now(), 'standard', 'refused', '', 'K' || i, 1, 'x' FROM batch, generate_series(1, 5000) AS i
    """
    with house.database.begin() as session:
        session.execute(text(fill))
        session.execute(text("ANALYZE kept_records"))

    @event.listens_for(house.database.engine, "before_cursor_execute")
    def keep(connection, cursor, statement, parameters, context, executemany):
        if statement.startswith("UPDATE kept_records"):
            asked.append((statement, parameters))

    assert erase(house, number)
    ((statement, parameters),) = asked
    event.remove(house.database.engine, "before_cursor_execute", keep)
    with house.database.engine.connect() as connection:
        plan = "\n".join(connection.exec_driver_sql(f"EXPLAIN {statement}", parameters).scalars())
    assert "Seq Scan on kept_records" not in plan, plan


def test_retention_erases_kept_records_that_never_became_a_review(house, clock):
    refused = record(department=7) | {"reviewed_at": "gestern"}
    unsettled, waiting = record(rating=88), record()
    assert received(house, refused, unsettled, waiting | {"reviewed_at": "gestern"}) == [
        "refused", "set_aside", "refused",
    ]  # fmt: skip
    opened(house, **waiting)  # what was refused first has an open case now
    clock.moment += timedelta(days=100)
    fresh = record() | {"reviewed_at": "gestern"}
    received(house, fresh)

    with house.database.begin() as session:
        before = house.clock.now() - timedelta(days=90)
        erase_expired(session, before=before, viewer=SYSTEM, at=house.clock.now())

    with house.database.begin() as session:
        kept = session.scalars(select(KeptRecord.external_id).where(KeptRecord.raw != b"")).all()
    assert sorted(kept) == sorted(one["external_id"] for one in (unsettled, waiting, fresh))


def test_while_somebody_has_still_to_call_him_nothing_is_erased(house):
    number = opened(house)

    with pytest.raises(Conflict, match="还没有办结"):
        erase(house, number)
    assert PHONE in everything_kept(house)


def test_the_same_record_again_is_a_duplicate_and_brings_nothing_back(house):
    facts = record()
    number = closed(house, **facts)
    erase(house, number)
    (piece,) = split_body(json.dumps(facts, ensure_ascii=False).encode())
    again = to_record(house, house.profiles["standard"], piece)
    with house.database.begin() as session:
        received = receive_reviews(session, [Delivery("standard", "webhook", [again])], at=house.clock.now())

    assert [one.result for one in received.results[0]] == ["duplicate"]
    assert PHONE not in everything_kept(house)


def test_a_text_still_owed_to_him_is_suppressed_with_the_reason(house):
    number = closed(house)
    erase(house, number)
    wire = Wire([])
    while deliver_messages(house.database, {"rater": wire}, at=house.clock.now()):
        pass

    assert wire.carried == []
    assert {one.reason for one in messages(house, channel="rater")} == {"评价人匿名或没有留下号码"}


def test_retention_erases_what_is_older_than_the_setting_and_leaves_open_cases(house, clock):
    done, waiting = closed(house), opened(house)
    clock.moment += timedelta(days=100)
    fresh = closed(house)

    def expire(days):
        with house.database.begin() as session:
            before = house.clock.now() - timedelta(days=days)
            return erase_expired(session, before=before, viewer=SYSTEM, at=house.clock.now())

    assert expire(200) == 0
    assert expire(90) == 1
    assert expire(90) == 0
    erased = [number for number in (done, waiting, fresh) if events(house, number)[-1].move == "erase_rater"]
    assert erased == [done]
    assert house.settings.intake.keep_rater_days == 0  # U6: nothing is erased unless the bureau says so


def test_an_altered_or_broken_copy_of_an_erased_review_brings_no_words_back(house):
    facts = record()
    erase(house, closed(house, **facts))
    altered = facts | {"comment": COMMENT + "，还要我再说一遍吗"}
    pieces = split_body(
        b"\n".join(
            json.dumps(one, ensure_ascii=False).encode()
            for one in (altered, facts | {"rating": 77}, record(rating=88))
        )
    )
    again = [to_record(house, house.profiles["standard"], piece) for piece in pieces]
    with house.database.begin() as session:
        received = receive_reviews(session, [Delivery("standard", "webhook", again)], at=house.clock.now())

    assert [one.result for one in received.results[0]] == ["altered", "set_aside", "set_aside"]
    kept = everything_kept(house)
    for his in ("再说一遍", "再说一遍".encode().hex()):
        assert his not in kept
    assert kept.count(PHONE.encode().hex()) == 1  # of the third, which is another review
    with house.database.begin() as session:
        assert session.scalar(select(func.count()).select_from(ReviewCopy)) == 1  # that it came stays known


def test_a_rater_who_can_be_asked_no_more_ends_his_re_call_and_the_sample_can_be_concluded(house):
    (number,) = drawn_month(house)
    (waiting,) = recalls(house)
    assert waiting.concluded_at is None

    erase(house, number)

    (ended,) = recalls(house)
    assert (ended.finding, ended.note) == (Finding.UNREACHABLE, "评价人信息已删除，不能回访")
    (told,) = [one for one in events(house, number) if one.move == Move.RECALL.value]
    assert told.data["seed"] == draw_row(house).seed
    assert first_break(events(house, number)) is None
    with house.database.begin() as session:
        assert report_recalls(session, SYSTEM, MONTH, at=house.clock.now()).secret
