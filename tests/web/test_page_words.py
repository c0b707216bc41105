"""What the pages make of figures and codes: the bars of the overview, the names of the limits."""

import pytest

from reviewbot.queries.directory import UnitName
from reviewbot.rules.rates import Figure
from reviewbot.web.pages import BARS, _bars
from reviewbot.web.views import stage_label

RATE, ON_TIME = "rectification_rate", "on_time_rectification_rate"


def unit(label):
    return UnitName(1, label, label, handles=True)


def test_the_bars_show_only_units_with_cases_due_most_first():
    found = {
        unit("社保局"): {RATE: Figure(RATE, 1, 4), ON_TIME: Figure(ON_TIME, 1, 4)},
        unit("城管局"): {RATE: Figure(RATE, 0, 0), ON_TIME: Figure(ON_TIME, 0, 0)},
        unit("市监局"): {RATE: Figure(RATE, 9, 9), ON_TIME: Figure(ON_TIME, 3, 9)},
        None: {RATE: Figure(RATE, 10, 13), ON_TIME: Figure(ON_TIME, 4, 13)},
    }

    bars = _bars(found, "round")

    assert bars["units"] == ["市监局（9）", "社保局（4）"]
    assert [[float(one) for one in line["values"]] for line in bars["series"]] == [[100, 25], [33.33, 25]]
    assert bars["left_out"] == 0


def test_a_big_city_shows_its_largest_units_and_says_how_many_are_left_out():
    found = {
        unit(f"单位{due:02}"): {RATE: Figure(RATE, 0, due), ON_TIME: Figure(ON_TIME, 0, due)}
        for due in range(1, 37)
    }
    bars = _bars(found, "round")
    assert (len(bars["units"]), bars["left_out"]) == (BARS, 36 - BARS)
    assert bars["units"][0] == "单位36（36）"


@pytest.mark.parametrize(
    ("stage", "words"),
    [
        ("dispatch", "派单时限"), ("dispatch_2", "再次派单时限"), ("arbitration_1", "会商裁定时限"),
        ("handling_complex", "复杂事项办理时限"), ("handling_extended_1", "延期后办理时限"),
        ("appeal_decision_7", "申诉复核时限"),
        ("decision_7", "申请决定时限"),
        ("card_decision_7", "警示牌申诉决定时限"),
        ("concern_7_2", "督办事项核查时限"),
    ],
)  # fmt: skip
def test_every_limit_has_a_chinese_name(stage, words):
    assert stage_label(stage) == words
