"""Old open orders that come late, some hundred at once: every one is pressed, and the speaking is collected."""

import json
from collections import Counter
from datetime import timedelta

import pytest
from case_kit import HEAD, events, handler_of
from ladder_kit import delivered, rows, sweep
from order_kit import cases, order, sound, taken
from paper_kit import document, issued, reviewed, words
from rules_kit import today

from reviewbot.actions.simulate_rules import simulate_rules
from reviewbot.errors import Conflict
from reviewbot.models.message import Message
from reviewbot.models.oversight import Card, Letter, LetterKind, LetterState
from reviewbot.models.review import Review
from reviewbot.queries.letters import issued_letters
from reviewbot.rules.lifecycle import Move

MANY = 100


def old(number, **facts):
    """Sent by its source in July, due in July or August."""
    return order(f"L{number}", dispatched_at=f"2026-07-{1 + number % 28:02} 10:00:00", **facts)


@pytest.fixture
def came(house, clock):
    taken(house, *(old(number, department=("社保局", "医保分局")[number % 4 == 0]) for number in range(MANY)))
    clock.moment += timedelta(minutes=5)
    sweep(house)
    return cases(house)


def test_every_rung_is_recorded_on_every_case_and_each_unit_gets_one_letter(house, came):
    for case in came:
        rungs = [
            event.data["rung"]
            for event in events(house, case.number)
            if event.data.get("stage") == "handling"
        ]
        assert rungs == ["half", "before", "overdue", "yellow", "red", "letter", "report"]
    assert Counter(card.colour for card in rows(house, Card)) == {"yellow": MANY, "red": MANY}

    letters = rows(house, Letter)
    assert Counter(letter.kind.value for letter in letters) == {"supervision": 2, "special_report": 1}
    on = Counter(
        event.data["letter"] for case in came for event in events(house, case.number)
        if event.move == Move.DRAFT_LETTER
    )  # fmt: skip
    counts = sorted((letter.kind.value, on[letter.id]) for letter in letters)
    assert counts == [("special_report", MANY), ("supervision", 25), ("supervision", 75)]
    assert sound(house)


def test_nobody_hears_of_them_one_by_one(house, came):
    told = delivered(house)

    assert max(Counter(receiver for receiver, _ in told).values()) == 1
    assert HEAD in dict(told)
    assert all("条催办" in body["content"] for _, body in told)
    assert {one.reason for one in rows(house, Message) if one.state == "suppressed"} == {"已并入汇总"}


def test_a_few_come_as_cards_with_their_buttons(house, clock):
    taken(house, old(1), old(2))

    told = delivered(house)

    assert {body["title"][:4] for _, body in told} == {"差评工单"}
    (first, *_) = cases(house)
    assert any(body["buttons"] for receiver, body in told if receiver == handler_of(house, first.number))


def supervision(house):
    return [one for one in rows(house, Letter) if one.kind is LetterKind.SUPERVISION]


def test_the_letter_lists_what_is_open_when_it_is_reviewed_and_every_case_tells_of_it(house, came):
    letter = supervision(house)[0]
    gone, *left = [case for case in came if case.department_id == letter.department_id]
    record = json.loads(next(one.raw for one in rows(house, Review) if one.id == gone.review_id))
    taken(house, record | {"closed_at": "2026-11-20 10:00:00"})

    reviewed(house, letter.id)
    assert issued(house, letter.id).state is LetterState.ISSUED

    told = words(document(house, letter.id))
    assert f"关于督办{len(left)}件逾期工单的函" in told
    assert gone.number not in told
    assert all(case.number in told for case in left)
    assert {events(house, case.number)[-1].move for case in left} == {Move.ISSUE_LETTER}
    with house.database.begin() as session:
        assert [issued_letters(session, case.id) for case in (left[0], gone)] == [1, 0]
    assert sound(house)


def test_what_comes_after_the_review_is_on_a_letter_of_its_own(house, came):
    unit = supervision(house)[0].department_id
    code = "社保局" if next(case for case in came if case.department_id == unit).id % 4 != 1 else "医保分局"
    reviewed(house, supervision(house)[0].id)

    taken(house, order("N1", dispatched_at="2026-07-01 10:00:00", department=code))
    sweep(house)

    late, fresh = cases(house)[-1], supervision(house)[-1]
    on = [
        event.data["letter"]
        for event in events(house, late.number)
        if event.data.get("kind") == "supervision"
    ]
    assert on == [fresh.id]
    assert (len(supervision(house)), fresh.state, fresh.department_id) == (
        3,
        LetterState.DRAFT,
        late.department_id,
    )


def test_a_letter_all_of_whose_cases_are_closed_can_only_be_withdrawn(house, clock):
    taken(house, old(1))
    sweep(house)
    (letter,) = supervision(house)
    taken(house, old(1, closed_at="2026-11-20 10:00:00"))

    with pytest.raises(Conflict, match="均已办结"):
        reviewed(house, letter.id)


def test_what_passes_after_it_came_has_a_letter_of_its_own(house, clock):
    taken(
        house, order("G1", order_type="求助", dispatched_at="2026-11-13 10:00:00")
    )  # due in two hours' time
    sweep(house)
    clock.moment += timedelta(days=14)
    sweep(house)

    (case,) = cases(house)
    (letter,) = rows(house, Letter)
    assert (letter.case_id, letter.facts["number"]) == (case.id, case.number)


def test_the_simulation_counts_them_as_they_were(house, clock, came):
    with house.database.begin() as session:
        told = simulate_rules(
            session, house.rulebooks, today(house).policy, None, first=clock.moment - timedelta(days=400),
            until=clock.moment,
        )  # fmt: skip

    assert told.replayed == told.issued == {"yellow": MANY, "red": MANY, "letters": MANY, "reports": MANY}
