"""The limit a person reads in the chat is the one that runs for him: at the desk the desk's."""

import itertools
import re
from datetime import timedelta

import pytest
from case_kit import DESK, due_times, messages, opened

from reviewbot.clock import CHINA
from reviewbot.conversation.answer import Talk, answer_callback
from reviewbot.inbox import take


@pytest.fixture
def says(house):
    talk = Talk(
        database=house.database, now=house.clock.now, rulebooks=house.rulebooks, folder=house.settings.data_dir,
        focus=timedelta(minutes=30), download=None,
    )  # fmt: skip

    serial = itertools.count()

    def say(userid, words):
        with house.database.begin() as session:
            item = take(
                session, key=f"said-{next(serial)}", kind="text", userid=userid,
                body={"content": words}, at=house.clock.now(), stale=False,
            )  # fmt: skip
        answer_callback(talk, item)
        return messages(house, key=f"reply-{item}")[0].body["content"]

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
