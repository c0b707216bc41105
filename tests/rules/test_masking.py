"""Personal numbers are covered, ordinary digits are not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewbot.rules.masking import mask_personal


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("电话 13800000000，请回", "电话 138****0000，请回"),
        ("138-0000-0001", "138****0001"),
        ("138 0000 0001", "138****0001"),
        ("１３８００００００００", "138****0000"),
        ("+86 13800000000", "+86 138****0000"),
        ("8613800000000", "86138****0000"),
        ("身份证 445221199001010011", "身份证 445****0011"),
        ("44522119900101001X。", "445****001X。"),
        ("445221 19900101 001x", "445****001x"),
        ("445221900101001", "445****1001"),
        ("卡号6222021234567890123", "卡号622****0123"),
        ("6222 0212 3456 7890 123", "622****0123"),
        ("0663-8812345", "066****2345"),
        ("打010-62345678转", "打010****5678转"),
        ("（0663）8812345", "066****2345"),
        ("2026-11-06 13800000001", "2026-11-06 138****0001"),
        ("13800000000、13900000001", "138****0000、139****0001"),
        ("13800000000445221199001010011", "138****0011"),
    ],
)
def test_personal_numbers_are_covered(text, expected):
    assert mask_personal(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-06 10:07:13 到 2026-11-07 09:00",
        "2026年11月6日下午3点",
        "交了12345.67元，等了150 2026-11-06",
        "编号 4452032026",
        "等了 30 分钟，跑了 3 趟，5号窗口",
        "拨打12345没人接",
        "",
    ],
)
def test_other_digits_stay(text):
    assert mask_personal(text) == text


@given(st.text(st.characters(exclude_categories=["Nd"])))
def test_text_without_digits_is_never_touched(text):
    assert mask_personal(text) == text


@given(st.text(), st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True))
def test_a_mobile_number_never_survives(text, number):
    assert number not in mask_personal(f"{text}，{number}，{text}".replace(number, f"，{number}，"))
