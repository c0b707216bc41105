"""The ladder as data: what a policy may say, and the sentence for what it may not."""

import copy
import tomllib
from pathlib import Path

import pytest

from reviewbot.errors import SettingError
from reviewbot.rules.ladder import Act
from reviewbot.rules.policy import Policy

POLICY = tomllib.loads((Path(__file__).parents[2] / "config/policy.toml").read_text("utf-8"))


def changed(place=None, **step):
    data = copy.deepcopy(POLICY)
    if place is not None:
        data["ladder"][place] |= step
    return data


def test_the_defaults_climb_from_yellow_card_to_report():
    ladder = [step for step in Policy.from_table(POLICY).ladder if step.limit == "handling"]

    assert [(step.act, step.after, step.unit) for step in ladder] == [
        (Act.YELLOW_CARD, 0, "working_day"), (Act.RED_CARD, 3, "working_day"),
        (Act.LETTER, 5, "working_day"), (Act.REPORT, 3, "month"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("step", "named"),
    [
        ({"key": "yellow"}, "ladder[1].key"),
        ({"key": "overdue"}, "ladder[1].key"),
        ({"act": "yellow_card"}, "ladder[1].act"),
        ({"act": "shout"}, "ladder[1].act"),
        ({"unit": "year"}, "ladder[1].unit"),
        ({"limit": "contact"}, "ladder[1].limit"),
        ({"to": []}, "ladder[1].to"),
        ({"to": ["mayor"]}, "ladder[1].to"),
        ({"after": 1.5}, "ladder[1].after"),
        ({"after": -1}, "ladder[1].after"),
        ({"label": ""}, "ladder[1].label"),
        ({"counts_from": "signed"}, "ladder[1].counts_from"),
        ({"counts_from": "started", "after": 0}, "ladder[1].after"),
    ],
)
def test_a_wrong_rung_is_refused_in_a_sentence_that_names_it(step, named):
    with pytest.raises(SettingError) as refused:
        Policy.from_table(changed(1, **step))

    assert named in refused.value.sentence
    assert refused.value.sentence.count("。") == 1


@pytest.mark.parametrize("urgent", [None, "red", ["mauve"], [3]])
def test_urgent_names_rungs(urgent):
    data = changed()
    data["messages"]["urgent"] = urgent

    with pytest.raises(SettingError, match=r"messages\.urgent"):
        Policy.from_table(data)


def test_the_same_key_may_stand_after_another_limit():
    assert {step.limit for step in Policy.from_table(POLICY).ladder if step.key == "letter"} == {
        "handling", "instruction",
    }  # fmt: skip


def test_an_instruction_is_reported_three_months_after_it_was_given():
    (step,) = [
        one for one in Policy.from_table(POLICY).ladder if (one.limit, one.act) == ("instruction", Act.REPORT)
    ]
    assert (step.after, step.unit, step.counts_from) == (3, "month", "started")


def test_a_kept_text_from_before_there_was_a_choice_counts_from_the_due_time():
    data = copy.deepcopy(POLICY)
    for step in data["ladder"]:
        step.pop("counts_from", None)

    assert {step.counts_from for step in Policy.from_table(data).ladder} == {"due"}
