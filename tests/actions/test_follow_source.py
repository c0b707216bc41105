"""A work order that its source closes in a later export closes here, whatever came when; nothing is taken silently."""

import itertools
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from case_kit import (
    SUPERVISOR,
    call,
    case_of,
    conclude,
    events,
    handler_of,
    move,
    opened_all,
    record,
)
from ladder_kit import rows
from order_kit import cases, order, received, sound, taken, worked_on
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from reviewbot.actions.erase_rater import erase_rater
from reviewbot.actions.report_rates import report_rates
from reviewbot.clock import CHINA
from reviewbot.commands.audit import altered_case
from reviewbot.models.message import Message
from reviewbot.models.review import Review, ReviewCopy
from reviewbot.queries.audit import case_records
from reviewbot.queries.counts import intake_balance
from reviewbot.queries.endings import waiting_review_ids
from reviewbot.queries.scope import SYSTEM
from reviewbot.rules.kinds import Family
from reviewbot.rules.lifecycle import CaseStatus, ClosingKind, Move

CLOSED = "2026-11-30 08:30:00"
ENDED = {"closed_at": CLOSED}
PLEASED = ENDED | {"satisfaction": "满意"}


def moves(house, number):
    return [event.move for event in events(house, number)]


def told_of(case):
    closed = case.closed_at and f"{case.closed_at.astimezone(CHINA):%Y-%m-%d %H:%M:%S}"
    return case.status, closed, case.satisfaction


def rate(house, metric):
    day = house.clock.now().astimezone(CHINA).date()
    with house.database.begin() as session:
        (row,) = report_rates(
            session, SYSTEM, now=house.clock.now(), metrics=[metric], family=Family.ORDERS,
            first=day.replace(month=1, day=1), last=day,
        )  # fmt: skip
    return row.figure.numerator, row.figure.denominator


def test_an_order_that_came_open_is_closed_by_a_later_export_and_the_event_names_it(house):
    taken(house, order())
    (case,) = cases(house)

    (told,) = taken(house, order(**ENDED))

    (case,) = cases(house)
    assert (told.result, "后续记录" in told.reason) == ("duplicate", True)
    assert told_of(case) == (CaseStatus.CLOSED, CLOSED, None)
    assert (case.closing_kind, case.next_action_at) == (ClosingKind.ANSWERED, None)
    event = events(house, case.number)[-1]
    (copy,) = rows(house, ReviewCopy)
    assert (event.move, event.before, event.after) == (Move.CLOSE_BY_SOURCE, "awaiting_sign", "closed")
    assert event.data["batch"] == copy.batch_id
    assert "hotline_12345 2026-11-30 09:00 送达的记录（第 2 批）：2026-11-30 08:30 办结" in event.remark
    (review,) = rows(house, Review)
    assert (review.closed_at, review.satisfaction) == (None, None)  # the first record stands (F3)
    assert sound(house)


def test_what_the_citizen_answered_later_is_taken_too_and_the_rates_follow(house):
    taken(house, order("G1"), order("G2"), order("G3"))
    assert (rate(house, "completion_rate"), rate(house, "satisfaction_rate")) == ((0, 3), (0, 0))

    taken(house, order("G1", **ENDED), order("G2", **PLEASED))
    assert (rate(house, "completion_rate"), rate(house, "satisfaction_rate")) == ((2, 3), (1, 2))

    taken(house, order("G1", **PLEASED), order("G2", **PLEASED), order("G3"))
    assert (rate(house, "completion_rate"), rate(house, "satisfaction_rate")) == ((2, 3), (2, 2))
    first, second, third = (moves(house, case.number) for case in cases(house))
    assert first[-2:] == [Move.CLOSE_BY_SOURCE, Move.TAKE_SATISFACTION]
    assert second[-1] == Move.CLOSE_BY_SOURCE
    assert Move.CLOSE_BY_SOURCE not in third
    assert sound(house)


RECORDS = [{}, ENDED, PLEASED]
WAYS = [
    (order_, groups, late)
    for order_ in itertools.permutations(range(3))
    for groups in ((1, 1, 1), (3,), (2, 1), (1, 2))
    for late in (False, True)
]


def test_in_whatever_order_the_records_come_together_or_apart_and_however_often_the_case_ends_the_same(house):
    """``late``: the worker comes to it only when everything has come."""
    for number, (places, groups, late) in enumerate(WAYS):
        left = [order(f"W{number}", **RECORDS[place]) for place in places]
        deliveries = []
        for size in groups:
            deliveries.append(received(house, *left[:size], *left[:size]))
            left = left[size:]
            if not late:
                worked_on(house, deliveries.pop())
        for told in [*deliveries, received(house, order(f"W{number}", **PLEASED))]:
            worked_on(house, told)

    found = cases(house)
    assert len(found) == len(WAYS)
    assert {told_of(case) for case in found} == {(CaseStatus.CLOSED, CLOSED, "satisfied")}
    for case in found:
        made = moves(house, case.number)
        assert len([one for one in made if one in (Move.CLOSE_BY_SOURCE, Move.TAKE_HISTORY)]) == 1
        assert made.count(Move.TAKE_SATISFACTION) <= 1
    assert rate(house, "satisfaction_rate") == (len(WAYS), len(WAYS))
    assert sound(house)


def test_a_closing_that_has_come_before_the_case_is_opened_makes_it_history_and_tells_nobody(house):
    worked_on(house, received(house, order(), order(**PLEASED)))

    (case,) = cases(house)
    assert moves(house, case.number) == [Move.OPEN, Move.TAKE_HISTORY]
    assert told_of(case) == (CaseStatus.CLOSED, CLOSED, "satisfied")
    assert rows(house, Message) == []
    assert sound(house)


def test_the_same_export_thrice_and_by_many_at_once_closes_once(house):
    names = [f"C{number}" for number in range(12)]
    taken(house, *(order(name) for name in names))

    def export(turn):
        told = received(house, *(order(name, **PLEASED) for name in names[:: 1 if turn % 2 else -1]))
        worked_on(house, told)
        return [one.result for one in told.results[0]]

    with ThreadPoolExecutor(4) as doors:
        results = list(doors.map(export, range(6)))

    assert results == [["duplicate"] * 12] * 6
    for case in cases(house):
        assert moves(house, case.number).count(Move.CLOSE_BY_SOURCE) == 1
        assert told_of(case) == (CaseStatus.CLOSED, CLOSED, "satisfied")
    assert len(rows(house, ReviewCopy)) == 12
    with house.database.begin() as session:
        told = intake_balance(session, house.clock.now())
    assert (told.results["duplicate"], told.continued, told.altered_copies) == (72, 12, 0)
    assert sound(house)


def test_open_and_closed_that_come_at_the_same_time_by_two_doors_end_closed(house):
    """Whoever of the two finds the case locked, or not there yet, leaves it to the other or to the next sweep."""

    def door(number, ending):
        return worked_on(house, received(house, order(f"D{number}", **ending)))

    with ThreadPoolExecutor(4) as doors:
        jobs = [doors.submit(door, number, ending) for number in range(20) for ending in (ENDED, {})]
        assert [job.result() for job in jobs] == [None] * 40
    with house.database.begin() as session:
        left = waiting_review_ids(session, 100)
    worked_on(house, type("Told", (), {"bad_review_ids": [row.id for row in rows(house, Review)],
                                       "continued_ids": left}))  # fmt: skip

    assert {told_of(case) for case in cases(house)} == {(CaseStatus.CLOSED, CLOSED, None)}
    assert len(cases(house)) == 20
    assert sound(house)


@pytest.mark.parametrize(
    ("later", "said"),
    [
        ({}, "未办结"),
        ({"closed_at": "2026-11-30 08:45:00", "satisfaction": "满意"}, "2026-11-30 08:45 办结，回访满意"),
        (ENDED | {"satisfaction": "不满意"}, "2026-11-30 08:30 办结，回访不满意"),
    ],
)
def test_what_takes_an_earlier_word_back_changes_nothing_and_is_noted_once(house, later, said):
    taken(house, order(**PLEASED))
    before = told_of(cases(house)[0])

    results = [taken(house, order(**later))[0] for _ in range(3)]

    (case,) = cases(house)
    assert {one.result for one in results} == {"altered"}
    assert all("不改动" in one.reason for one in results)
    assert told_of(case) == before
    assert moves(house, case.number)[2:] == [Move.NOTE_SOURCE]
    remark = events(house, case.number)[-1].remark
    assert f"：{said}；" in remark
    assert "未采用，请核实" in remark
    assert sound(house)


def test_an_open_record_sent_again_after_the_closing_opens_nothing(house):
    taken(house, order())
    taken(house, order(**PLEASED))

    (told,) = taken(house, order())

    assert told.result == "duplicate"
    assert cases(house)[0].status is CaseStatus.CLOSED


def test_other_content_than_the_ending_is_evidence_and_closes_nothing(house):
    taken(house, order())

    (told,) = taken(house, order(**ENDED, content="已经到账"))

    assert (told.result, cases(house)[0].status) == ("altered", CaseStatus.AWAITING_SIGN)
    assert [copy.outcome for copy in rows(house, ReviewCopy)] == [None]
    assert sound(house)


def test_a_rating_is_never_closed_by_its_source(house):
    number = opened_all(house, [one := record()])[0]
    opened_all(house, [one | {"closed_at": "2026-11-30T08:00:00+08:00", "comment": "已解决"}])

    assert case_of(house, number).status is CaseStatus.AWAITING_SIGN
    assert [(copy.closed_at, copy.outcome) for copy in rows(house, ReviewCopy)] == [(None, None)]


def test_what_was_closed_before_people_opened_it_again_closes_nothing_and_a_later_closing_does(house, clock):
    taken(house, order())
    taken(house, order(**ENDED))
    (case,) = cases(house)
    move(house, SUPERVISOR, "reopen", case.number, remark="群众反映未办结")

    taken(house, order(**PLEASED))
    (case,) = cases(house)
    assert (case.status, case.satisfaction) == (CaseStatus.VERIFYING, None)
    assert moves(house, case.number)[-1] == Move.NOTE_SOURCE

    clock.moment += timedelta(days=2)
    (told,) = taken(house, order(closed_at="2026-12-01 16:00:00", satisfaction="3"))
    (case,) = cases(house)
    assert told.result == "altered"  # another time than the one it was known by
    assert told_of(case) == (CaseStatus.CLOSED, "2026-12-01 16:00:00", "dissatisfied")
    assert (case.round, moves(house, case.number)[-1]) == (2, Move.CLOSE_BY_SOURCE)
    assert sound(house)


def test_a_case_the_unit_has_closed_keeps_its_day_and_takes_the_answer(house, clock):
    taken(house, order())
    number = cases(house)[0].number
    _work(house, number)
    clock.moment += timedelta(days=1)

    taken(house, order(closed_at="2026-12-01 08:00:00", satisfaction="2"))

    case = case_of(house, number)
    assert told_of(case) == (CaseStatus.CLOSED, "2026-11-30 09:00:00", "basically")
    assert (case.closing_kind, moves(house, number)[-1]) == (ClosingKind.RECTIFIED, Move.TAKE_SATISFACTION)
    assert sound(house)


def _work(house, number):
    handler = handler_of(house, number)
    move(house, handler, "sign", number)
    call(house, number)
    conclude(house, number)
    move(house, handler, "submit_measures", number, remark="已补发")
    move(house, SUPERVISOR, "approve", number, no_attachment=True)
    move(house, handler, "record_feedback", number, channel="电话", remark="已告知")


def test_an_order_that_lay_at_the_desk_counts_by_its_own_dates(house):
    taken(house, order(department="火星局"))

    taken(house, order(department="火星局", **PLEASED))

    (case,) = cases(house)
    assert told_of(case) == (CaseStatus.CLOSED, CLOSED, "satisfied")
    assert case.dispatched_at.astimezone(CHINA).isoformat() == "2026-11-27T10:00:00+08:00"
    assert case.due_at == case.original_due_at is not None
    assert (rate(house, "completion_rate"), rate(house, "satisfaction_rate")) == ((1, 1), (1, 1))
    assert sound(house)


def test_after_an_erasure_the_answer_still_counts_and_nothing_of_the_rater_is_kept(house):
    taken(house, order())
    taken(house, order(**ENDED))
    with house.database.begin() as session:
        erase_rater(session, "G1", "本人申请", SYSTEM, at=house.clock.now())

    (told,) = taken(house, order(**PLEASED))

    assert (told.result, cases(house)[0].satisfaction) == ("duplicate", "satisfied")
    assert {copy.raw for copy in rows(house, ReviewCopy)} == {b""}
    assert sound(house)


def test_a_copy_that_an_older_release_kept_as_evidence_alone_closes_the_order_when_it_comes_again(house):
    taken(house, order())
    received(house, order(**ENDED))
    with house.database.begin() as session:
        session.execute(text("SET LOCAL session_replication_role = replica"))
        session.execute(text("UPDATE review_copies SET outcome = NULL, closed_at = NULL, result = 'altered'"))

    taken(house, order(**ENDED))

    assert told_of(cases(house)[0]) == (CaseStatus.CLOSED, CLOSED, None)
    assert sound(house)


def test_the_database_keeps_what_a_copy_said(house):
    taken(house, order())
    taken(house, order(**ENDED))

    for altered in ("closed_at = now()", "satisfaction = 'x'", "result = 'altered'", "fingerprint = 'x'"):
        with pytest.raises(DBAPIError, match="never changed"), house.database.begin() as session:
            session.execute(text(f"UPDATE review_copies SET {altered}"))


@pytest.mark.parametrize(
    ("altered", "said"),
    [
        ("closed_at = closed_at + interval '1 day'", "办结时间与办理记录不符"),
        ("satisfaction = 'dissatisfied'", "满意度与办理记录不符"),
        ("closing_kind = 'rectified'", "办结方式与办理记录不符"),
    ],
)
def test_verify_finds_what_was_altered_in_a_case_its_source_closed(house, altered, said):
    taken(house, order())
    taken(house, order(**PLEASED))
    with house.database.begin() as session:
        session.execute(text(f"UPDATE cases SET {altered}"))
    with house.database.begin() as session:
        (wrong,) = [
            line for each in case_records(session) for line in altered_case(each, house.settings.data_dir)
        ]

    assert said in wrong
