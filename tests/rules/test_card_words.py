"""What stands in the place of a card's buttons: who did what, within what the platform shows (wecom §2.3)."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from reviewbot.rules.lifecycle import Move
from reviewbot.rules.notices import BUTTON_WORDS, Done

AT = datetime(2026, 11, 27, 14, 2, tzinfo=UTC)


@given(st.text("欧阳上官司马诸葛李四", min_size=1, max_size=40), st.sampled_from(Move))
def test_the_act_is_never_cut_and_the_name_only_where_nothing_else_helps(name, move) -> None:
    done = Done(name, AT, move.label)
    short = done.on_button

    assert str(done) == f"已由{name} 11-27 14:02 {move.label}"
    assert len(short) <= BUTTON_WORDS
    assert short.startswith(f"已由{name[0]}")
    assert short.endswith(move.label)
    if len(name) + len(move.label) + 2 <= BUTTON_WORDS:
        assert name in short
    if len(str(done)) <= BUTTON_WORDS:
        assert short == str(done)
