"""A template's fields take what their types allow, or the platform refuses the whole message (47003)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewbot.rules.subscription import cut, fields, kind_of

KEYS = {"number": "character_string1", "item": "thing2", "progress": "phrase3", "date": "time4"}
LIMITS = {"thing2": 20, "character_string1": 32, "phrase3": 5, "short_thing5": 5, "name6": 10, "symbol7": 5}


def test_number_item_progress_and_date_and_nothing_else():
    about = {
        "number": "A1027",
        "item": "失业保险金申领",
        "progress": "延期办理",
        "date": "2026-12-04",
        "comment": "骂人的话",
    }

    assert fields(about, KEYS) == {
        "character_string1": {"value": "A1027"}, "thing2": {"value": "失业保险金申领"},
        "phrase3": {"value": "延期办理"}, "time4": {"value": "2026年12月4日"},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("thing2", "一" * 21, "一" * 19 + "…"),
        ("thing2", "一" * 20, "一" * 20),
        ("phrase3", "重新办理中了", "重新办理中"),
        ("phrase3", "OK已受理!", "已受理"),
        ("character_string1", "A1027号", "A1027"),
        ("phrase3", "123", "请查看"),
        ("thing2", "", "详见页面"),
        ("thing2", "a\nb", "ab"),
    ],
)
def test_each_type_has_its_limit(key, value, told):
    assert cut(key, value) == told


@given(st.sampled_from(sorted(LIMITS)), st.text(max_size=60))
def test_no_value_is_ever_empty_or_too_long(key, value):
    told = cut(key, value)

    assert 0 < len(told) <= LIMITS[key]
    assert "\n" not in told


def test_the_type_is_the_key_without_its_number():
    assert (kind_of("character_string12"), kind_of("thing1"), kind_of("x")) == (
        "character_string",
        "thing",
        "",
    )
