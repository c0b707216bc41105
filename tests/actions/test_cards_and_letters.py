"""After the due time: cards, drafts of letters, silence at night, one message for many, and a stop when it is done."""

from datetime import date, datetime, timedelta

import pytest
from case_kit import (
    HEAD,
    SUPERVISOR,
    case_of,
    closed,
    due_times,
    events,
    handler_of,
    messages,
    move,
    opened,
    opened_all,
    record,
)
from ladder_kit import delivered, released, rows, sweep
from rules_kit import decree
from sqlalchemy import select, update

from reviewbot.actions.release_reminders import MERGED
from reviewbot.actions.reminded import is_settled, reminds_of
from reviewbot.clock import CHINA
from reviewbot.errors import InvalidInput
from reviewbot.models.case import DueTime
from reviewbot.models.message import Message
from reviewbot.models.oversight import Card, Letter, LetterKind, LetterState

LEADER = "zhouzhidong01"


def test_an_untouched_case_climbs_the_whole_ladder_each_rung_once(house, clock):
    number = opened(house)
    while (moment := case_of(house, number).next_action_at) is not None:
        clock.moment = moment
        sweep(house)
        sweep(house)

    assert [card.colour for card in rows(house, Card)] == ["yellow", "red"]
    letters = rows(house, Letter)
    assert [letter.kind for letter in letters] == [LetterKind.SUPERVISION, LetterKind.SPECIAL_REPORT]
    assert {letter.state for letter in letters} == {LetterState.DRAFT}
    assert {letter.serial for letter in letters} == {None}  # nothing is issued without a person
    climbed = [event.data["rung"] for event in events(house, number) if event.data.get("stage") == "handling"]
    assert climbed == ["before", "half", "overdue", "yellow", "red", "letter", "report"]
    heard = {
        kind: {one.userid for one in messages(house, kind=f"reminder_handling/{kind}")}
        for kind in ("yellow", "red", "report")
    }
    assert heard["yellow"] == {handler_of(house, number), HEAD}
    assert SUPERVISOR in heard["red"]
    assert LEADER in heard["report"]


def test_a_letter_says_nothing_of_the_rater(house, clock):
    opened(house)
    clock.moment += timedelta(days=60)
    sweep(house)

    (letter,) = rows(house, Letter)
    told = str(letter.facts)
    assert "欧阳" not in told
    assert "13812345678" not in told
    assert "叫号" not in told
    assert letter.facts["overdue_days"] > 40


def test_a_leaders_instruction_has_a_ladder_of_its_own(house, clock):
    number = opened(house)
    move(house, LEADER, "instruct", number, remark="限期办结")
    while (moment := case_of(house, number).next_action_at) is not None:
        clock.moment = moment
        sweep(house)

    origins = [letter.origin for letter in rows(house, Letter) if "instruction" in letter.origin]
    assert origins == [f"{number}-r1-instruction-letter", f"{number}-r1-instruction-report"]


def test_a_month_runs_from_the_day_the_leader_wrote_however_late_it_is_recorded(house, clock):
    """S4."""
    number = opened(house)
    clock.moment += timedelta(days=21)
    wrote = (clock.moment - timedelta(days=20)).date()
    for day, why in (
        (clock.moment.date() + timedelta(days=1), "还没有到"),
        (date(2026, 11, 1), "早于评价之日"),
    ):
        with pytest.raises(InvalidInput, match=why):
            move(house, LEADER, "instruct", number, remark="限期办结", on=day)
    said = move(house, SUPERVISOR, "instruct", number, remark="限期办结", on=wrote, person="周志东").sentence

    (limit,) = [due for due in due_times(house, number) if due.stage == "instruction"]
    assert (limit.started_at.astimezone(CHINA).date(), limit.due_at.astimezone(CHINA).date()) == (
        wrote, date(2027, 1, 1),
    )  # fmt: skip
    assert f"自 {wrote} 批示之日起计" in said
    assert {"leader": "周志东", "on": str(wrote)}.items() <= events(house, number)[-1].data.items()


def test_the_report_of_an_instruction_comes_three_months_after_the_word_not_two_after_a_rolled_month(
    house, clock
):
    """S4: from 12-31 a month ends on a Sunday and rolls into February; three months are 03-31, a Wednesday."""
    clock.moment = datetime(2026, 12, 31, 9, 0, tzinfo=CHINA)
    number = opened(house)
    move(house, LEADER, "instruct", number, remark="限期办结")
    while (moment := case_of(house, number).next_action_at) is not None:
        clock.moment = moment
        sweep(house)

    (limit,) = [due for due in due_times(house, number) if due.stage == "instruction"]
    drafted = {one.origin: one.drafted_at for one in rows(house, Letter)}
    assert limit.due_at.astimezone(CHINA).date() == date(2027, 2, 1)
    assert drafted[f"{number}-r1-instruction-report"] == datetime(2027, 3, 31, 17, 30, tzinfo=CHINA)


def test_an_extension_moves_the_ladder_with_the_due_time(house, clock):
    number = opened(house)
    handler = handler_of(house, number)
    move(house, handler, "sign", number)
    move(house, handler, "request_extension", number, days=5, remark="需核对")
    before = case_of(house, number).due_at
    move(house, SUPERVISOR, "agree", number)
    clock.moment = before
    sweep(house)
    assert rows(house, Card) == []

    clock.moment = case_of(house, number).due_at
    sweep(house)
    assert [card.colour for card in rows(house, Card)] == ["yellow"]


def test_whoever_acts_between_claim_and_sending_is_not_reminded(house, clock):
    number = opened(house)
    handler = handler_of(house, number)
    move(house, handler, "sign", number)
    delivered(house)
    clock.moment = case_of(house, number).next_action_at
    sweep(house)
    released(house)
    assert messages(house, kind="reminder_contact/half", state="owed")

    move(house, handler, "record_call", number, reached=True, remark="已致歉")
    carried = delivered(house)

    assert all("时限过半" not in body.get("desc", "") for _, body in carried)
    assert [one.reason for one in messages(house, kind="reminder_contact/half")] == ["已办理，不再催办"]


def test_nothing_more_is_said_of_a_closed_case(house, clock):
    closed(house)
    clock.moment += timedelta(days=400)
    sweep(house)

    assert rows(house, Card) == []
    assert rows(house, Letter) == []


def test_a_reminder_born_at_night_waits_for_the_office_and_an_answer_does_not(house, clock):
    number = opened(house)
    delivered(house)
    clock.moment = case_of(house, number).due_at + timedelta(hours=5)  # half past ten at night
    sweep(house)

    assert delivered(house) == []
    held = messages(house, state="held")
    assert held
    move(house, handler_of(house, number), "hand_over", number, person="hongyongchun01")
    assert [body["title"] for _, body in delivered(house)] == [f"移交 {number}"]
    clock.moment += timedelta(hours=11)
    assert len(delivered(house)) == len(held)


def test_many_reminders_for_one_person_become_one(house, clock):
    numbers = opened_all(house, [record() for _ in range(45)])
    delivered(house)
    clock.moment = case_of(house, numbers[0]).next_action_at
    sweep(house)
    merged = released(house)
    carried = delivered(house)

    assert merged > 0
    texts = [body["content"] for _, body in carried if body["type"] == "text"]
    assert len(texts) == merged
    assert all(len(text.encode()) <= 2048 and "条催办" in text for text in texts)
    with house.database.begin() as session:
        told = session.scalars(select(Message).where(Message.reason == MERGED)).all()
        assert len(told) + len([1 for _, body in carried if body["type"] == "card"]) == 45
    assert released(house) == 0


@pytest.mark.parametrize("name", ["first_yellow", "half", "a/b"])
def test_a_rung_speaks_by_whatever_name_a_policy_gives_it(house, clock, name):
    """Its name stands in the message that waits; read back wrongly, the rung would fall silent as if settled."""
    if name == "half":  # the control: a rung every limit has
        number = opened(house)
        clock.moment = case_of(house, number).next_action_at
    else:
        decree(
            house, "renamed", ('key = "yellow"', f'key = "{name}"'), ("urgent = []", f'urgent = ["{name}"]')
        )
        number = opened(house)
        clock.moment = case_of(house, number).due_at
    sweep(house)
    label = "时限过半" if name == "half" else "黄牌"

    assert any(label in str(body) for _, body in delivered(house))


def test_a_rung_of_any_name_falls_silent_once_it_is_settled(house, clock):
    decree(house, "renamed", ('key = "yellow"', 'key = "first_yellow"'))
    number = opened(house)
    clock.moment = case_of(house, number).due_at
    sweep(house)
    with house.database.begin() as session:
        (about, *_) = {reminds_of(one) for one in session.scalars(select(Message)) if "黄牌" in str(one.body)}
        assert (about.stage, about.rung) == ("handling", "first_yellow")
        assert not is_settled(session, about)
        session.execute(update(DueTime).values(met_at=clock.moment))
        assert is_settled(session, about)
