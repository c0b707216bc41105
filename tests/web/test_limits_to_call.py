"""The limit to call a rater is met by reaching him, and by nothing else: not by concluding without him (F9)."""

import re
from datetime import timedelta

import pytest
from case_kit import SUPERVISOR, call, conclude, due_times, handler_of, move, verifying
from page_kit import Browser, enter

from reviewbot.actions.report_rates import report_rates
from reviewbot.queries.scope import SYSTEM

ANONYMOUS = {"kind": "person", "anonymous": True}


def row(pages, number):
    """How the case page tells of the limit to call."""
    enter(pages, SUPERVISOR)
    page = pages.get(f"/cases/{number}").text
    found = re.search(
        r'<div class="due[^"]*">\s*<p><b>联系评价人时限</b>.*?</p>\s*<p class="time">.*?</p>', page, re.DOTALL
    )
    return re.sub(r"<[^>]+>|\s+", " ", found[0]), 'class="due late"' in found[0]


def in_vain(house, number):
    for hours in (0, 5, 19):
        house.clock.moment += timedelta(hours=hours)
        move(house, handler_of(house, number), "record_call", number, reached=False, remark="无人接听")


def nobody(house, number):
    pass


@pytest.mark.parametrize(
    ("rater", "calling", "says", "late"),
    [
        (ANONYMOUS, nobody, "不适用", False),
        (ANONYMOUS, call, "完成", False),
        (None, call, "完成", False),
        (None, in_vain, "没有联系上", False),
    ],
)
def test_what_a_case_page_says_of_the_limit_to_call(
    house, pages: Browser, rater, calling, says, late
) -> None:
    number = verifying(house, **({"rater": rater} if rater else {}))
    calling(house, number)
    conclude(house, number)

    told, is_late = row(pages, number)
    assert says in told
    assert ("完成" in told) == (says == "完成")
    assert is_late is late


def test_nobody_is_late_who_had_no_number_to_call(house, pages: Browser) -> None:
    number = verifying(house, rater=ANONYMOUS)
    house.clock.moment += timedelta(days=5)
    conclude(house, number)

    assert row(pages, number)[1] is False


def test_a_limit_that_ended_without_a_call_neither_runs_nor_is_met(house) -> None:
    number = verifying(house, rater=ANONYMOUS)
    conclude(house, number)
    (limit,) = [one for one in due_times(house, number) if one.stage == "contact"]

    assert (limit.met_at, limit.replaced_by) == (None, "anonymous")
    assert limit.replaced_at == house.clock.now()


def test_the_rate_counts_whom_it_may_and_leaves_every_anonymous_one_out(house) -> None:
    """Whether the anonymous rater was reached (he rang himself) or not."""
    for rater, calling in ((ANONYMOUS, nobody), (ANONYMOUS, call), (None, call), (None, in_vain)):
        number = verifying(house, **({"rater": rater} if rater else {}))
        calling(house, number)
        conclude(house, number)
    house.clock.moment += timedelta(days=10)
    now = house.clock.now()
    with house.database.begin() as session:
        (told,) = report_rates(
            session, SYSTEM, first=(now - timedelta(days=30)).date(), last=now.date(), now=now,
            metrics=["response_rate"],
        )  # fmt: skip
    figure = told.figure

    assert (figure.numerator, figure.denominator, figure.apart["anonymous"]) == (1, 2, 2)
