"""Only the two lowest grades are bad."""

from reviewbot.rules.grading import Direction, grade_name, is_bad


def test_only_one_and_two_are_bad():
    assert [rating for rating in range(1, 6) if is_bad(rating)] == [1, 2]


def test_grades_have_their_published_names():
    assert [grade_name(rating) for rating in (1, 2, 3, 9)] == [
        "非常不满意",
        "不满意",
        "基本满意",
        "未知评级9",
    ]


def test_a_direction_knows_whether_a_table_follows_it():
    assert Direction.HIGH.agrees_with({1: 1, 2: 3, 3: 5})
    assert Direction.LOW.agrees_with({1: 5, 2: 3, 3: 1})
    assert not Direction.LOW.agrees_with({1: 1, 2: 5})
