"""The headline and the step list of the rater's page tell one story, in every status a case can have."""

import re
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from reviewbot.models.case import Case, CaseEvent
from reviewbot.models.people import Department
from reviewbot.models.review import Review
from reviewbot.rules.lifecycle import CaseStatus, ClosingKind, Conclusion
from reviewbot.web.rater_views import Story, story_view

START = datetime(2026, 11, 27, 2, 0, tzinfo=UTC)
ACTS = ("确定", "商定", "接收", "核实", "复核", "整改", "解释", "办理", "审核", "反馈", "办结")


def under_way(words):
    return {act for act in ACTS if re.search(f"正在[^，。]*{act}", words)}


@st.composite
def stories(draw):
    """A case in any status with any past, conclusion and unit."""
    status = draw(st.sampled_from(CaseStatus))
    past = draw(st.lists(st.sampled_from(CaseStatus), max_size=8))
    ends = status is CaseStatus.CLOSED
    unit = None if status.awaits_bureau and draw(st.booleans()) else Department(name="社会保险基金管理局")
    case = Case(
        number="A1027", round=1, status=status, department=unit,
        conclusion=draw(st.none() | st.sampled_from(Conclusion)), due_at=None, ledger_until=None,
        dispatched_at=draw(st.none() | st.just(START + timedelta(minutes=5))),
        closed_at=START + timedelta(days=3) if ends else None, closing_kind=ClosingKind.RECTIFIED if ends else None,
        review=Review(item="失业保险金申领", rating=1, received_at=START, reviewed_at=START),
    )  # fmt: skip
    events = [
        CaseEvent(
            seq=seq, move="sign", after=after.value, at=START + timedelta(hours=seq), remark="", data={}
        )
        for seq, after in enumerate([*past, status], start=1)
    ]
    return Story(case, events, (), (), (), (), None, ())


@given(stories())
def test_headline_and_step_list_never_contradict_each_other(story) -> None:
    shown = story_view(story, START + timedelta(days=1))
    steps = shown["steps"]
    now = [step for step in steps if step["state"] == "now"]

    assert [step["state"] for step in steps] == sorted(
        (step["state"] for step in steps), key=["done", "now", "next"].index
    )
    assert len(now) == (0 if shown["closed"] else 1)
    assert under_way(shown["now"]) == {act for step in now for act in under_way(step["label"])}
    assert shown["closed"] or under_way(shown["now"])
    for step in steps:
        if step["state"] == "done":
            assert step["label"].startswith("已")
            assert not any(act in step["label"] for act in under_way(shown["now"]))
        if step["state"] == "next":
            assert not re.search("[已正]", step["label"])
            assert step["at"] == ""
