"""A rater's link: only ours, only as it was made, only for its days."""

from datetime import UTC, datetime, timedelta

from hypothesis import assume, given
from hypothesis import strategies as st

from reviewbot.links import RaterLink, RaterLinks

NOW = datetime(2026, 11, 30, 9, 0, tzinfo=UTC)
LINKS = RaterLinks(lambda: "the key of this house", "http://bureau")
SIGNS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."


def token_of(link):
    return LINKS.make(link).removeprefix("http://bureau/r/")


def made(days_ago=0.0, case=7, round_=1):
    return RaterLink(case, round_, int((NOW - timedelta(days=days_ago)).timestamp()))


@given(case=st.integers(1, 2**31), round_=st.integers(1, 50), days=st.floats(0, 30))
def test_a_link_of_its_days_stands_for_what_it_was_made_for(case, round_, days):
    link = made(days, case, round_)

    assert LINKS.read(token_of(link), now=NOW, days=30) in (link, None if days > 29.9 else link)


@given(place=st.integers(0, 200), sign=st.sampled_from(SIGNS))
def test_one_changed_sign_opens_no_other_case(place, sign):
    token = token_of(made())
    place %= len(token)
    assume(token[place] != sign)

    found = LINKS.read(token[:place] + sign + token[place + 1 :], now=NOW, days=30)

    assert found in (None, made())  # Base64 may spell the last bits of the signature in several ways


@given(st.text(max_size=120))
def test_no_text_that_is_not_signed_is_a_link(text):
    assert LINKS.read(text, now=NOW, days=30) is None


def test_a_link_ends_after_its_days_and_does_not_begin_tomorrow():
    assert LINKS.read(token_of(made(29.9)), now=NOW, days=30) is not None
    assert LINKS.read(token_of(made(30.1)), now=NOW, days=30) is None
    assert LINKS.read(token_of(made(-1)), now=NOW, days=30) is None


def test_another_house_or_another_use_of_the_key_makes_no_link_of_ours():
    foreign = RaterLinks(lambda: "another key", "http://bureau")
    token = foreign.make(made()).removeprefix("http://bureau/r/")

    assert LINKS.read(token, now=NOW, days=30) is None


def test_the_same_message_always_carries_the_same_link():
    assert LINKS.make(made()) == LINKS.make(made())
