"""The table of the case's life: closed in itself, without dead ends, and plain about what it refuses."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewbot.actions.effects import EFFECTS
from reviewbot.errors import Conflict
from reviewbot.rules.lifecycle import (
    FACTS,
    ROLES,
    TRANSITIONS,
    CaseStatus,
    ClosingKind,
    Conclusion,
    IllegalMove,
    Move,
    Role,
    moves_from,
    next_status,
    next_steps,
)

PAIRS = list(itertools.product(CaseStatus, Move))
PEOPLES_MOVES = [move for move in Move if move not in FACTS and move not in (Move.OPEN, Move.CLOSE_BY_SOURCE)]


@pytest.mark.parametrize(("status", "move"), PAIRS)
def test_every_pair_is_in_the_table_or_refused_in_one_sentence_that_says_what_is_possible(status, move):
    if (status, move) in TRANSITIONS:
        assert next_status("A1000", status, move) is TRANSITIONS[status, move]
        return

    with pytest.raises(IllegalMove) as refused:
        next_status("A1000", status, move)

    sentence = refused.value.sentence
    assert "A1000" in sentence
    assert f"「{status.label}」" in sentence
    assert move.label in sentence
    assert all(possible.label in sentence for possible in next_steps(status))
    assert "\n" not in sentence
    assert sentence.endswith("。")
    assert isinstance(refused.value, Conflict)
    assert refused.value.status == 409


@pytest.mark.parametrize("status", CaseStatus)
def test_every_status_has_a_way_out_and_a_closed_case_only_reopens(status):
    leaving = {move for move in moves_from(status) if TRANSITIONS[status, move] is not status}

    if status is CaseStatus.CLOSED:
        assert leaving == {Move.REOPEN}
    else:
        assert leaving


def test_every_status_can_be_reached_from_the_dispatch_desk():
    assert _reachable(CaseStatus.AWAITING_DISPATCH) == set(CaseStatus)


@pytest.mark.parametrize("status", CaseStatus)
def test_every_status_can_still_be_closed(status):
    assert CaseStatus.CLOSED in _reachable(status)


@pytest.mark.parametrize("move", PEOPLES_MOVES)
def test_every_move_people_make_stands_in_the_table_and_has_roles(move):
    assert ROLES[move]
    assert any(known is move for _, known in TRANSITIONS)


@pytest.mark.parametrize("move", [move for move in PEOPLES_MOVES if move is not Move.ADD_EVIDENCE])
def test_every_move_but_evidence_which_carries_a_file_has_an_effect(move):
    assert move in EFFECTS


@pytest.mark.parametrize("move", sorted(FACTS))
def test_what_only_adds_a_fact_belongs_to_nobody_and_changes_no_status(move):
    assert move not in ROLES
    assert move not in EFFECTS
    assert all(known is not move for _, known in TRANSITIONS)


def test_a_source_closes_from_every_open_status_and_nobody_makes_that_move_for_it():
    assert {at for at, move in TRANSITIONS if move is Move.CLOSE_BY_SOURCE} == {
        status for status in CaseStatus if status.is_open
    }
    assert Move.CLOSE_BY_SOURCE not in ROLES
    assert all(Move.CLOSE_BY_SOURCE not in moves_from(status) for status in CaseStatus)


def test_of_what_people_do_only_the_feedback_to_the_rater_closes_a_case():
    closing = {
        move
        for (before, move), after in TRANSITIONS.items()
        if after is CaseStatus.CLOSED and before is not after and move in ROLES
    }

    assert closing == {Move.RECORD_FEEDBACK}


def test_nobody_of_the_unit_alone_decides_to_dispatch_or_reopen():
    assert not {Role.HANDLER, Role.HEAD} & (ROLES[Move.DISPATCH] | ROLES[Move.REOPEN])


def test_a_handler_never_approves():
    for move in (Move.APPROVE, Move.SEND_BACK_MEASURES, Move.SEND_BACK_EXPLANATION):
        assert Role.HANDLER not in ROLES[move]


@pytest.mark.parametrize("named", [*CaseStatus, *Move, *Conclusion, *ClosingKind, *Role])
def test_every_name_has_a_chinese_label(named):
    assert named.label
    assert not named.label.isascii()


@pytest.mark.parametrize("conclusion", Conclusion)
def test_every_conclusion_is_a_move_out_of_the_verification(conclusion):
    assert (CaseStatus.VERIFYING, conclusion.move) in TRANSITIONS


@given(st.data())
def test_no_walk_of_lawful_moves_closes_without_approval_or_gets_stuck(data):
    status, made = CaseStatus.AWAITING_DISPATCH, []
    for _ in range(data.draw(st.integers(1, 40))):
        possible = moves_from(status)
        assert possible, "stuck"
        move = data.draw(st.sampled_from(possible))
        before, status = status, next_status("A1000", status, move)
        made.append(move)
        if status is CaseStatus.CLOSED is not before:
            since_reopened = made[_last(made, Move.REOPEN) + 1 :]
            concluded = [m for m in since_reopened if m.value.startswith("conclude") or m is Move.APPEAL]
            assert len(concluded) == 1
            agreed = [m for m in since_reopened if m in (Move.APPROVE, Move.UPHOLD_APPEAL)]
            assert len(agreed) == 1
            assert since_reopened.index(concluded[0]) < since_reopened.index(agreed[0])
            assert since_reopened[-1] is Move.RECORD_FEEDBACK


def _last(made, move):
    return max((place for place, known in enumerate(made) if known is move), default=-1)


def _reachable(start):
    found, open_ends = {start}, [start]
    while open_ends:
        here = open_ends.pop()
        for (status, _), after in TRANSITIONS.items():
            if status is here and after not in found:
                found.add(after)
                open_ends.append(after)
    return found
