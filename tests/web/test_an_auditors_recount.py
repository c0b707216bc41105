"""An auditor counts again, from the events alone and in his own SQL, and compares with what the doors say (F20).

His query knows nothing of the columns that figures are read from (status, closing_kind, closed_at, contacted_at,
call_count, satisfaction): it walks the chain of each case.
"""

import re
from collections import Counter
from datetime import date, timedelta

import pytest
from ask_kit import plain, said
from case_kit import (
    DESK,
    HEAD,
    SECOND_SUPERVISOR,
    SUPERVISOR,
    call,
    closed,
    conclude,
    handler_of,
    move,
    opened,
    photograph,
    verifying,
    viewer,
)
from ladder_kit import sweep
from page_kit import enter
from rules_kit import decree
from sqlalchemy import text

from reviewbot.actions.erase_rater import erase_rater
from reviewbot.actions.report_rates import report_rates
from reviewbot.queries.scope import SYSTEM
from reviewbot.rules.lifecycle import Conclusion
from reviewbot.rules.rates import METRICS, percent

FIRST, LAST = date(2026, 11, 1), date(2026, 12, 31)
ANONYMOUS = {"kind": "person", "anonymous": True}
"""One row a case: unit, and what its chain says became of it."""
CHAIN = """
WITH story AS (
  SELECT c.id, NOT r.rater_anonymous AND coalesce(r.rater_phone, '') <> '' AS named,
    (SELECT e.after FROM case_events e WHERE e.case_id = c.id ORDER BY seq DESC LIMIT 1) AS state,
    (SELECT max(e.at) FROM case_events e WHERE e.case_id = c.id AND e.after = 'closed' AND e.before <> 'closed')
      AS ended,
    (SELECT min(e.at) FROM case_events e WHERE e.case_id = c.id AND e.move IN ('dispatch', 'rule')) AS sent,
    (SELECT CASE WHEN e.move IN ('return', 'return_again') THEN NULL ELSE e.data->>'department' END
      FROM case_events e WHERE e.case_id = c.id AND e.move IN ('dispatch', 'rule', 'refuse_return', 'return',
      'return_again') ORDER BY seq DESC LIMIT 1) AS unit,
    (SELECT d.code FROM case_events e JOIN departments d ON d.id = (e.data->>'from_department')::int
      WHERE e.case_id = c.id AND e.move IN ('return', 'return_again') ORDER BY seq LIMIT 1) AS bounced,
    (SELECT count(*) FROM case_events e WHERE e.case_id = c.id AND e.move = 'grant_extension') AS extensions,
    (SELECT e.move FROM case_events e WHERE e.case_id = c.id
      AND e.move IN ('submit_measures', 'submit_explanation', 'uphold_appeal', 'reopen') ORDER BY seq DESC LIMIT 1)
      AS answer,
    (SELECT min(e.at) FROM case_events e WHERE e.case_id = c.id AND e.move = 'record_call'
      AND (e.data->>'reached')::bool) AS reached,
    (SELECT count(*) FROM case_events e WHERE e.case_id = c.id AND e.move = 'record_call') AS calls,
    (SELECT d.due_at FROM due_times d WHERE d.case_id = c.id AND d.stage LIKE 'handling%' AND d.replaced_by IS NULL
      ORDER BY round DESC, id DESC LIMIT 1) AS due,
    (SELECT d.due_at FROM due_times d WHERE d.case_id = c.id AND d.stage = 'handling' AND d.round = 1) AS first_due,
    (SELECT d.due_at FROM due_times d WHERE d.case_id = c.id AND d.stage = 'contact' ORDER BY id LIMIT 1) AS contact
  FROM cases c JOIN reviews r ON r.id = c.review_id
)
SELECT * FROM story
"""


def told(house, now):
    """What the system says: {(metric, unit or None for all): (numerator, denominator, parts, apart)}."""
    found = {}
    with house.database.begin() as session:
        for split in (False, True):
            for row in report_rates(
                session, SYSTEM, first=FIRST, last=LAST, now=now, by_department=split
            ):  # fmt: skip
                figure = row.figure
                unit = row.unit.code if row.unit else None
                found[figure.metric, unit] = (
                    figure.numerator,
                    figure.denominator,
                    figure.parts,
                    figure.apart,
                )
    return found


def recounted(house, now):
    """The same out of the chains. A case whose appeal was upheld is out, and only then (F13)."""
    with house.database.engine.connect() as connection:
        story = connection.execute(text(CHAIN)).all()
    upheld = [
        one
        for one in story
        if one.sent and one.state in ("awaiting_feedback", "closed") and one.answer == "uphold_appeal"
    ]
    counted = [one for one in story if one.sent and one not in upheld]
    due = [one for one in counted if one.due <= now]
    ended = [one for one in due if one.state == "closed"]
    first = [one for one in counted if one.first_due <= now]
    sent = [one for one in story if one.sent]
    contact = [
        one
        for one in counted
        if one.named and (one.contact <= now or (one.reached and one.reached <= one.contact))
    ]
    return {
        "rectification_rate": (ended, due),
        "on_time_rectification_rate": ([one for one in ended if one.ended <= one.due], due),
        "response_rate": ([one for one in contact if one.reached and one.reached <= one.contact], contact),
        "completion_rate": ([one for one in story if one.state == "closed"], sent),
        "on_time_rectification_rate_original_due": (
            [one for one in first if one.state == "closed" and one.ended <= one.first_due], first,
        ),
        "extension_rate": ([one for one in first if one.extensions], first),
        "return_rate": ([one for one in sent if one.bounced], sent),
        "excluded": [one for one in upheld if one.due <= now],
        "rectified": [one for one in ended if one.answer == "submit_measures"],
        "explained": [one for one in ended if one.answer == "submit_explanation"],
        "named": [one for one in due if one.named],
        "nameless": [one for one in due if not one.named],
    }  # fmt: skip


def explained(house, **facts):
    number = verifying(house, **facts)
    call(house, number)
    conclude(house, number, Conclusion.NO_LEGAL_BASIS)
    who = handler_of(house, number)
    move(house, who, "submit_explanation", number, basis="办事指南第三条", remark="现行规定不支持")
    move(house, HEAD, "approve", number, no_attachment=True)
    move(house, who, "record_feedback", number, channel="电话", remark="已告知")
    return number


def appealed(house, word):
    number = verifying(house)
    call(house, number)
    conclude(house, number, Conclusion.MISRATED, remark="评价人称点错")
    for who in (SUPERVISOR, SECOND_SUPERVISOR) if word == "agree" else (SUPERVISOR,):
        move(house, who, word, number, remark="经查", no_attachment=True)
    return number


@pytest.fixture
def lived(house, clock):
    """A month in which everything happens that a figure could trip over."""
    closed(house)
    explained(house)
    appealed(house, "agree")  # out of every rate but the hotline's
    appealed(house, "disagree")  # stays in, open
    opened(house)  # nobody did anything
    opened(house, rater=ANONYMOUS)
    opened(house, department="MED", item="参保登记")
    opened(house, department="GSDA", item=None)  # the bureau itself
    opened(house, department=None, item=None)  # never dispatched
    returned = opened(house)
    move(house, HEAD, "return", returned, remark="应由医保分局办理，依据三定方案")  # due while at the desk
    moved = opened(house)
    move(house, HEAD, "return", moved, remark="应由医保分局办理，依据三定方案")
    move(house, DESK, "dispatch", moved, department="MED")
    extended = verifying(house)
    move(house, handler_of(house, extended), "request_extension", extended, days=5, remark="须外调")
    move(house, SUPERVISOR, "agree", extended)
    late = verifying(house)
    reopened = closed(house)
    clock.moment += timedelta(days=1)
    move(house, SUPERVISOR, "reopen", reopened, remark="评价人称没有整改")
    clock.moment += timedelta(days=8)  # past 12-07, before the extended day
    sweep(house)
    for number in (late, extended):
        call(house, number)
        conclude(house, number)
        photograph(house, handler_of(house, number), number)
        move(house, handler_of(house, number), "submit_measures", number, remark="增设窗口")
        move(house, HEAD, "approve", number)
        move(house, handler_of(house, number), "record_feedback", number, channel="电话", remark="已告知")
    return house


RECOUNTED = (
    "rectification_rate", "on_time_rectification_rate", "on_time_rectification_rate_original_due", "extension_rate",
    "return_rate", "response_rate", "completion_rate",
)  # fmt: skip


@pytest.mark.parametrize("days", [0, 3, 30])
def test_every_rate_is_what_the_chains_say_for_the_whole_and_for_each_unit(lived, clock, days):
    clock.moment += timedelta(days=days)
    sweep(lived)
    now = clock.moment
    said, counted = told(lived, now), recounted(lived, now)

    for metric in RECOUNTED:
        above, below = counted[metric]
        assert said[metric, None][:2] == (len(above), len(below)), metric
        # What bounced counts for the unit that returned it first, all else for the unit that has the case.
        whose = (lambda one: one.bounced or one.unit) if metric == "return_rate" else (lambda one: one.unit)
        over, under = Counter(map(whose, above)), Counter(map(whose, below))
        for (name, unit), figure in said.items():
            if name == metric and unit is not None:
                code = None if unit == "desk" else unit
                assert figure[:2] == (over[code], under[code]), (metric, unit)
    parts = said["rectification_rate", None][2]
    assert parts == {"rectified": len(counted["rectified"]), "explained": len(counted["explained"])}
    for metric in ("rectification_rate", "on_time_rectification_rate"):
        assert said[metric, None][3] == {"excluded": len(counted["excluded"])}
        assert said[metric, "SOC"][3] == said[metric, None][3]
    named = counted["named"]
    assert said["call_back_rate", None][2] == {
        "reached": sum(one.reached is not None for one in named), "exhausted": 0,
        "attempted": sum(one.calls > 0 and one.reached is None for one in named),
        "untried": sum(one.calls == 0 for one in named),
    }  # fmt: skip
    assert said["call_back_rate", None][3]["anonymous_not_reached"] == len(counted["nameless"])


def test_more_time_buys_no_closing_on_time_by_the_original_due_time(lived, clock):
    """Two cases were closed on the same late day, one of them within the time it was given since (F16, L4)."""
    clock.moment += timedelta(days=30)
    said = told(lived, clock.moment)

    assert (
        said["on_time_rectification_rate", None][0]
        == said["on_time_rectification_rate_original_due", None][0] + 1
    )
    assert said["extension_rate", None][0] == 1
    assert said["extension_rate", None][2] == {"extended": 1, "complex": 0}


def test_what_a_unit_returned_is_its_own_whoever_has_it_now_and_its_head_sees_the_same(lived, clock):
    """F14: two cases were returned by 社保局, one lies at the desk and one with 医保分局."""
    clock.moment += timedelta(days=30)
    said = told(lived, clock.moment)
    assert (said["return_rate", "SOC"][0], said["return_rate", "SOC"][2]) == (2, {"once": 2, "again": 0})
    assert said["return_rate", "MED"][0] == said["return_rate", "desk"][0] == 0

    with lived.database.begin() as session:
        (mine,) = report_rates(
            session, viewer(lived, HEAD), first=FIRST, last=LAST, now=clock.moment, metrics=["return_rate"],
            by_department=True,
        )  # fmt: skip
    assert (mine.figure.numerator, mine.figure.denominator) == said["return_rate", "SOC"][:2]


def test_units_and_desk_add_up_to_the_whole_in_every_rate(lived, clock):
    """Nothing falls between two rows: a case that was returned and not dispatched again counts at the desk."""
    clock.moment += timedelta(days=30)
    said = told(lived, clock.moment)
    for metric in METRICS:
        rows = [figure for (name, unit), figure in said.items() if name == metric and unit is not None]
        for place in (0, 1):
            assert sum(row[place] for row in rows) == said[metric, None][place], metric
    assert said["rectification_rate", "desk"][:2] == (0, 1)


def test_the_desks_row_stands_on_the_overview_and_opens_its_cases(lived, clock, pages):
    clock.moment += timedelta(days=30)
    enter(pages, SUPERVISOR)
    page = pages.get("/", params={"from": FIRST, "to": LAST}).text
    rows = dict(re.findall(r'<th scope="row">([^<]+)</th>(.*?)</tr>', page, re.DOTALL))
    there = re.search('href="([^"]+)"', rows["派单台"])[1].replace("&amp;", "&")

    assert "（0/1）" in rows["派单台"]
    assert len(re.findall('<tr class="u-', pages.get(there).text)) == 1


def test_figures_stay_when_every_rater_of_a_closed_case_is_erased(lived, clock):
    clock.moment += timedelta(days=30)
    before = told(lived, clock.moment)
    with lived.database.begin() as session:
        closed_ones = session.scalars(
            text("SELECT number FROM cases WHERE status = 'closed' ORDER BY id")
        ).all()
        for number in closed_ones:
            assert erase_rater(session, number, "本人申请", SYSTEM, at=clock.moment)

    assert len(closed_ones) > 3
    assert told(lived, clock.moment) == before


def test_a_change_of_rounding_reaches_every_door_at_once(lived, clock, pages):
    """S8: the same fraction prints otherwise rounded and truncated, on the page and in chat alike."""
    clock.moment += timedelta(days=30)
    enter(pages, SUPERVISOR)
    metric = next(
        key for (key, unit), (above, below, *_) in told(lived, clock.moment).items()
        if unit is None and below and percent(above, below, "round") != percent(above, below, "truncate")
    )  # fmt: skip
    for rounding in ("round", "truncate"):
        if rounding == "truncate":
            decree(lived, "cut", ('rounding = "round"', 'rounding = "truncate"'))
        above, below, *_ = told(lived, clock.moment)[metric, None]
        expected = percent(above, below, rounding)
        page = pages.get("/", params={"from": FIRST, "to": LAST}).text
        assert f'{expected}%<span class="of">（{above}/{below}）' in page, rounding
        assert f"{expected}%（{above}/{below}）" in plain(
            said(lived, SUPERVISOR, f"{METRICS[metric].name} 2026-11-01至2026-12-31")
        )
