"""The limit a person reads in the chat is the one that runs for him: at the desk the desk's."""

import itertools
import re
from datetime import date, datetime, timedelta

import pytest
from case_kit import (
    DESK,
    call,
    case_of,
    conclude,
    due_times,
    handler_of,
    messages,
    opened,
    verifying,
)

from reviewbot.clock import CHINA
from reviewbot.conversation.answer import Talk, answer_callback
from reviewbot.inbox import take


@pytest.fixture
def says(house):
    talk = Talk(
        database=house.database, now=house.clock.now, rulebooks=house.rulebooks, folder=house.settings.data_dir,
        focus=timedelta(minutes=30), choice=timedelta(hours=24),
    )  # fmt: skip

    serial = itertools.count()

    def say(userid, words):
        with house.database.begin() as session:
            item = take(
                session, key=f"said-{next(serial)}", kind="text", userid=userid,
                body={"content": words}, at=house.clock.now(),
            )  # fmt: skip
        answer_callback(talk, item)
        body = messages(house, key=f"reply-{item}")[0].body
        return body.get("content") or " ".join(f"{name}：{value}" for name, value in body["rows"])

    return say


@pytest.mark.parametrize("words", ["我的待办", "{number}"])
def test_the_desk_reads_its_own_limit_and_that_it_has_passed(house, clock, says, words):
    number = opened(house, department="火星局", item="火星移民")
    limit = due_times(house, number)[0].due_at
    told = f"{limit.astimezone(CHINA):%m-%d %H:%M}"

    assert told in says(DESK, words.format(number=number))
    assert not re.search("时限：—|　—", says(DESK, words.format(number=number)))
    clock.moment = limit + timedelta(minutes=1)
    assert f"{told}（已超期）" in says(DESK, words.format(number=number))


@pytest.mark.parametrize("words", ["我的待办", "{number}"])
def test_a_limit_that_reaches_into_a_year_without_a_calendar_is_told_as_provisional(
    house, clock, says, words
):
    """Opened on 2026-12-18 with 15 working days: it does not fail, and everybody sees that the date may move."""
    clock.moment = datetime(2026, 12, 18, 9, 30, tzinfo=CHINA)
    number = verifying(house, reviewed_at="2026-12-18T09:00:00+08:00")
    call(house, number)
    conclude(house, number, complex=True)
    case = case_of(house, number)

    assert case.due_at.astimezone(CHINA).date() == date(2027, 1, 8)
    told = f"{case.due_at.astimezone(CHINA):%m-%d %H:%M}（暂定）"
    assert told in says(handler_of(house, number), words.format(number=number))
