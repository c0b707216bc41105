"""A letter is somebody's work at every step: he is told once, and finds it among his tasks until it has moved on."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from case_kit import HEAD, SECOND_SUPERVISOR, SUPERVISOR, handler_of, messages, move, opened, overdue
from paper_kit import DESK, FOREIGN, LEADER, drafted, issued, on_case, received, reviewed
from rules_kit import today
from sqlalchemy import update

from reviewbot.actions.ask_for_letters import ask_for_letters
from reviewbot.actions.tell_morning import tell_morning
from reviewbot.actions.waiting_work import work_of
from reviewbot.clock import CHINA
from reviewbot.models.people import Staff
from reviewbot.queries.directory import viewer_by_userid

OPENING = datetime(2026, 12, 7, 8, 30, tzinfo=CHINA)
"""The next Monday."""


def asked(house):
    with house.database.begin() as session:
        return ask_for_letters(session, at=house.clock.now(), rulebook=today(house))


def waits(house, who):
    """Kind and name of what waits for somebody besides cases."""
    with house.database.begin() as session:
        at = house.clock.now()
        return [(one.kind, one.name) for one in work_of(session, viewer_by_userid(session, who, at), at)]


def told(house, kind):
    return {one.userid: one.body for one in messages(house, kind=kind)}


def nobody_left(house, *roles):
    with house.database.begin() as session:
        gone = update(Staff).where(Staff.roles.overlap(list(roles)))
        session.execute(gone.values(active=False))


def test_a_letter_waits_for_whoever_may_take_its_next_step_and_for_nobody_else(house):
    ident = drafted(house)
    for who in (SUPERVISOR, SECOND_SUPERVISOR):
        assert waits(house, who) == [("公文待审核", "A1027 督办函")]
    assert not any(waits(house, who) for who in (LEADER, DESK, HEAD))

    reviewed(house, ident)
    for who in (LEADER, SECOND_SUPERVISOR):
        assert waits(house, who) == [("公文待签发", "A1027 督办函")]
    assert waits(house, SUPERVISOR) == []  # who reviewed it does not issue it

    issued(house, ident)
    assert waits(house, HEAD) == [("公文待签收", "A1027 督办函")]
    assert not any(waits(house, who) for who in (LEADER, SUPERVISOR, SECOND_SUPERVISOR, FOREIGN))
    received(house, ident)
    assert waits(house, HEAD) == []


def test_nobody_reviews_his_own_draft_and_nothing_waits_that_can_only_be_withdrawn(house):
    number = overdue(house, opened(house))
    on_case(house, "supervision", number)
    assert (waits(house, SUPERVISOR), len(waits(house, SECOND_SUPERVISOR))) == ([], 1)

    move(house, handler_of(house, number), "return", number, remark="应由医保分局办理")
    move(house, DESK, "dispatch", number, department="MED")
    assert waits(house, SECOND_SUPERVISOR) == []
    assert asked(house) == 0


def test_many_drafts_are_told_of_in_one_card_once(house):
    for place in range(49):
        drafted(house, origin=f"A{place}-letter", number=f"A{1000 + place}")
    assert asked(house) == 49

    cards = told(house, "letters_review")
    assert set(cards) == {SUPERVISOR, SECOND_SUPERVISOR}
    assert cards[SUPERVISOR]["title"] == "公文待审核 49 份"
    assert cards[SUPERVISOR]["link"] == "/letters?waiting=1"
    assert "A1000 督办函、" in cards[SUPERVISOR]["desc"]
    house.clock.moment += timedelta(hours=2)
    assert asked(house) == 0


def test_what_is_drafted_within_the_hour_is_told_of_at_its_end(house):
    drafted(house, origin="A1-letter")
    assert asked(house) == 1
    drafted(house, origin="A2-letter")
    drafted(house, origin="A3-letter")
    house.clock.moment += timedelta(minutes=50)
    assert asked(house) == 0
    house.clock.moment += timedelta(minutes=10)
    assert asked(house) == 2
    assert len(messages(house, kind="letters_review", userid=SUPERVISOR)) == 2


def test_a_reviewed_letter_is_told_to_whoever_may_issue_it_with_its_own_link(house):
    ident = drafted(house)
    asked(house)
    reviewed(house, ident)
    assert asked(house) == 1
    cards = told(house, "letters_issue")
    assert {LEADER, SECOND_SUPERVISOR} <= set(cards)
    assert SUPERVISOR not in cards
    assert cards[LEADER]["link"] == f"/letters/{ident}"


def test_nobody_is_told_at_night(house):
    house.clock.moment = datetime(2026, 11, 30, 23, 0, tzinfo=CHINA)
    drafted(house)
    assert asked(house) == 0
    house.clock.moment = datetime(2026, 12, 1, 8, 30, tzinfo=CHINA)
    assert asked(house) == 1


def test_where_nobody_may_review_a_row_says_so(house):
    drafted(house)
    nobody_left(house, "supervisor")
    assert asked(house) == 1
    (row,) = messages(house, kind="letters_review")
    assert (row.userid, row.state, row.reason) == ("", "suppressed", "没有可接收的人员")


def test_the_morning_counts_them_with_the_age_of_the_oldest_and_a_link(house):
    drafted(house, origin="A1-letter")
    issued_one = drafted(house, origin="A2-letter", number="A1031")
    reviewed(house, issued_one)
    issued(house, issued_one)
    house.clock.moment = OPENING
    with house.database.begin() as session:
        tell_morning(session, now=OPENING, rulebook=today(house), address="http://site")

    morning = {user: body["content"] for user, body in told(house, "morning").items()}
    assert (
        '<a href="http://site/letters?waiting=1">公文待审核 1</a>（最早11-30 起，已 7 天）：A1027 督办函'
        in morning[SUPERVISOR]
    )
    assert "公文待签收 1</a>（最早11-30 起，已 7 天）：A1031 督办函" in morning[HEAD]
    assert "公文" not in morning.get(LEADER, "")


@pytest.mark.parametrize("roles", [frozenset({"head"}), frozenset({"supervisor"})])
def test_the_morning_tells_the_roles_of_its_setting_only(house, roles):
    drafted(house, origin="A1-letter")
    house.clock.moment = OPENING
    book = today(house)
    policy = replace(book.policy, morning=replace(book.policy.morning, roles=roles))
    with house.database.begin() as session:
        tell_morning(session, now=OPENING, rulebook=replace(book, policy=policy))
    assert (SUPERVISOR in told(house, "morning")) is ("supervisor" in roles)
