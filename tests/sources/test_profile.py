"""A wrong source profile stops the start and says where it is wrong."""

from pathlib import Path

import pytest

from reviewbot.errors import SettingError
from reviewbot.sources.profile import load_profile, load_profiles, load_reason_codes

CONFIG = Path(__file__).parents[2] / "config"
GOOD = """
name = "x"
title = "甲"
time_zone = "Asia/Shanghai"
best_is = "low"
[fields]
external_id = "id"
rating = "r"
reviewed_at = "t"
[codes.rating]
1 = 5
2 = 3
3 = 1
"""


def test_the_shipped_profiles_load():
    assert set(load_profiles(CONFIG / "sources")) >= {"standard", "province_a"}
    codes = load_reason_codes(CONFIG / "reason_codes.csv")
    assert codes["209"].in_use
    assert not codes["101"].in_use


def test_a_scale_where_one_is_best_is_read_by_its_table(tmp_path):
    (tmp_path / "x.toml").write_text(GOOD)
    assert load_profile(tmp_path / "x.toml").codes.rating == {"1": 5, "2": 3, "3": 1}


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ('name = "x"', 'name = "y"', "name"),
        ('name = "x"', "", "name"),
        ('"low"', '"high"', "best_is"),
        ('"low"', '"left"', "best_is"),
        ("1 = 5", "1 = 6", "codes.rating.1"),
        ("1 = 5\n2 = 3\n3 = 1", "", "codes.rating"),
        ('rating = "r"', "", "fields.rating"),
        ('rating = "r"', 'rating = "r"\nratting = "r"', "fields.ratting"),
        ('rating = "r"', 'rating = "a..b"', "fields.rating"),
        ("Asia/Shanghai", "Asia/Nowhere", "time_zone"),
        ('title = "甲"', 'title = "甲"\ndates = ["day"]', "dates"),
        ('title = "甲"', 'title = "甲"\nzone = 1', "zone"),
        ('title = "甲"', "title = ", "TOML"),
        ("[codes.rating]", '[reason_codes]\ntable = "no.csv"\n[codes.rating]', "no.csv"),
        ("[codes.rating]", '[codes.rater_kind]\n1 = "cat"\n[codes.rating]', "codes.rater_kind.1"),
    ],
)
def test_a_wrong_profile_names_the_file_and_the_key(tmp_path, old, new, named):
    assert old in GOOD
    (tmp_path / "x.toml").write_text(GOOD.replace(old, new))
    with pytest.raises(SettingError) as caught:
        load_profile(tmp_path / "x.toml")
    assert named in caught.value.sentence
    assert named == "no.csv" or "x.toml" in caught.value.sentence


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(SettingError, match="nowhere"):
        load_profiles(tmp_path / "nowhere")
