"""整改率 in chat: what units claim beside what raters confirm, and how many were left out (B4, B8)."""

from ask_kit import said
from case_kit import (
    HEAD,
    SECOND_SUPERVISOR,
    SUPERVISOR,
    call,
    case_of,
    closed,
    conclude,
    handler_of,
    move,
    verifying,
)

from reviewbot.rules.lifecycle import Conclusion


def one_closed_one_upheld(house, clock):
    number = closed(house)
    appealed = verifying(house)
    call(house, appealed)
    conclude(house, appealed, Conclusion.MISRATED)
    for who in (SUPERVISOR, SECOND_SUPERVISOR):
        move(house, who, "agree", appealed, no_attachment=True, remark="录音为证")
    move(house, handler_of(house, appealed), "record_feedback", appealed, channel="电话", remark="已告知")
    clock.moment = case_of(house, number).due_at


def test_a_claimed_rate_never_stands_without_the_confirmed_one(house, clock):
    one_closed_one_upheld(house, clock)

    told = said(house, SUPERVISOR, "整改率 近30天")

    assert "差评整改率 " in told
    assert "群众确认整改率 " in told
    assert told.index("差评整改率") < told.index("群众确认整改率")
    assert said(house, SUPERVISOR, "整改率 群众确认整改率 近30天").count("群众确认整改率") == 1
    assert "群众确认整改率" not in said(house, SUPERVISOR, "按期整改率 近30天")


def test_what_an_upheld_appeal_took_out_stands_beside_the_rate(house, clock):
    one_closed_one_upheld(house, clock)
    assert "申诉成立剔除" in said(house, HEAD, "整改率 近30天")


def test_nothing_is_said_of_what_was_not_left_out(house, clock):
    number = closed(house)
    clock.moment = case_of(house, number).due_at
    assert "剔除" not in said(house, SUPERVISOR, "整改率 近30天")
