"""What one person says is answered in the order he said it, however many workers there are."""

from reviewbot.inbox import claim, following, take


def said(house, userid, words):
    with house.database.begin() as session:
        return take(
            session, key=f"{userid}-{words}", kind="text", userid=userid, body={"content": words},
            at=house.clock.now(),
        )  # fmt: skip


def test_a_second_word_waits_for_the_first_and_other_peoples_do_not(house):
    first, second, other = said(house, "a", "1"), said(house, "a", "2"), said(house, "b", "3")

    with house.database.begin() as one, house.database.begin() as two:
        held = claim(one, first)
        assert claim(two, second) is None
        assert claim(two, other).id == other
        held.state = "done"
    with house.database.begin() as session:
        assert following(session, first) == second
        assert claim(session, second).id == second
        assert following(session, second) is None
