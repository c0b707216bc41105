"""Ask as somebody in the chat: through the inbox, the way a callback's text is worked."""

import html
import itertools
import re
from datetime import timedelta

from case_kit import awaiting_approval, closed, opened, verifying
from order_kit import order, taken
from sqlalchemy import select

from reviewbot.conversation.answer import Talk, answer_callback
from reviewbot.inbox import take
from reviewbot.models.message import Message

SITE = "http://site"
_serial = itertools.count(1)


def a_worked_month(house):
    """社保局: two rectified in time, two overdue, one new; 医保分局: one overdue; one at the desk. Their numbers."""
    numbers = [closed(house), closed(house), verifying(house), awaiting_approval(house)]
    numbers += [opened(house, department="MED", item="参保登记"), opened(house, department=None, item=None)]
    house.clock.moment += timedelta(days=30)
    return [*numbers, opened(house)]


def a_worked_hotline(house):
    """Orders of November: 社保局 has four closed (satisfied, basically, not, not asked) and a complaint open, 医保分局
    one closed and a request open; one lies at the desk."""
    ended = {"closed_at": "2026-11-28 09:00:00"}
    taken(
        house,
        *(order(f"C{mark}", satisfaction=mark, **ended) for mark in ("1", "2", "3", "")),
        order("M1", department="医保分局", satisfaction="1", **ended),
        order("O1"),
        order("O2", department="医保分局", order_type="求助"),
        order("O3", department="火星局", order_type="咨询"),
    )


def ask(house, userid, words):
    """The bodies owed for one text: the reply, and the picture beside it."""
    talk = Talk(
        database=house.database, now=house.clock.now, rulebooks=house.rulebooks, address=SITE,
        folder=house.settings.data_dir, focus=timedelta(minutes=30), choice=timedelta(hours=24),
    )  # fmt: skip
    with house.database.begin() as session:
        item = take(
            session, key=f"asked-{next(_serial)}", kind="text", userid=userid, body={"content": words},
            at=house.clock.now(),
        )  # fmt: skip
    answer_callback(talk, item)
    with house.database.begin() as session:
        keys = [f"reply-{item}", f"picture-{item}"]
        rows = session.scalars(select(Message).where(Message.key.in_(keys)))
        return {row.kind: row.body for row in rows}


def said(house, userid, words):
    return ask(house, userid, words)["reply"]["content"]


def links(text):
    """(what is shown, where it leads) of every linked number."""
    return [
        (shown, html.unescape(there).removeprefix(SITE))
        for there, shown in re.findall('<a href="([^"]+)">([^<]+)</a>', text)
    ]


def plain(text):
    """The text as a reader sees it."""
    return re.sub("<[^>]+>", "", text)
