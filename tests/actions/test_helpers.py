"""What a helping unit brings into a joint case, and a return that names its own unit (F14, F15)."""

import pytest
from case_kit import DESK, call, case_of, conclude, events, handler_of, move, opened, photograph, verifying

from reviewbot.errors import InvalidInput, NotAllowed, NotFound
from reviewbot.rules.lifecycle import CaseStatus

MED_HEAD = "zengjiabin01"


def test_a_helper_adds_its_evidence_while_its_sub_task_is_open(house):
    number = verifying(house)
    call(house, number)
    conclude(house, number)
    with pytest.raises((NotAllowed, NotFound)):
        photograph(house, MED_HEAD, number)
    move(house, DESK, "ask_assistance", number, department="医保分局", remark="请核对参保状态")

    photograph(house, MED_HEAD, number)
    assert (events(house, number)[-1].move, events(house, number)[-1].actor) == ("add_evidence", MED_HEAD)
    move(house, MED_HEAD, "assist", number, remark="参保状态正常，见附件")

    with pytest.raises((NotAllowed, NotFound)):
        photograph(house, MED_HEAD, number)


@pytest.mark.parametrize("named", ["SOC", "社保局"])
def test_a_return_does_not_name_its_own_unit_as_the_better_one(house, named):
    number = opened(house)
    with pytest.raises(InvalidInput, match="就是退回的单位"):
        move(house, handler_of(house, number), "return", number, remark="不归我们办", department=named)
    assert case_of(house, number).status is CaseStatus.AWAITING_SIGN
