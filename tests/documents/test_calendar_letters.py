"""Drafts of letters follow a changed calendar as cards do; what was issued stands (B2, F18)."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from case_kit import HEAD, SECOND_SUPERVISOR, SUPERVISOR, due_times, events, justified, messages, opened
from ladder_kit import rows, sweep
from paper_kit import document, issued, on_case, reviewed, withdrawn, words
from rules_kit import LOCAL, local_days, proclaim
from test_calendar_change import apply, china, follow

from reviewbot.models.chain import first_break
from reviewbot.models.oversight import Letter, LetterState

BEFORE_DUE = local_days("storm-before", off=["2026-12-02"])
AFTER_DUE = local_days("storm-after", off=["2026-12-09"])


@pytest.fixture
def drafted(house, clock):
    """A case whose 督办函 the ladder has just drafted: due on 12-07, the letter's rung on 12-14."""
    number = opened(house)
    clock.moment = china("2026-12-14T17:31")
    sweep(house)
    (letter,) = rows(house, Letter)
    assert (letter.kind, letter.state) == ("supervision", LetterState.DRAFT)
    return number


def told_of_drafts(house):
    return {(one.userid, one.body["desc"]) for one in messages(house, kind="letter")}


def test_a_draft_whose_day_has_not_come_is_withdrawn_and_drafted_once_on_its_day(house, clock, drafted):
    (done,) = apply(house, AFTER_DUE)

    (letter,) = rows(house, Letter)
    assert (letter.state, letter.withdrawn_by, done.letters) == (LetterState.WITHDRAWN, "system", 1)
    assert "national-2026.1+storm-after，期限未到" in letter.withdrawn_reason
    told = told_of_drafts(house)
    assert {userid for userid, _ in told} >= {SUPERVISOR, SECOND_SUPERVISOR}
    assert all("草稿已撤回" in desc for _, desc in told)
    assert HEAD not in {userid for userid, _ in told}  # a unit never hears of drafts

    clock.moment = china("2026-12-15T17:31")
    sweep(house)
    sweep(house)
    assert [one.state for one in rows(house, Letter)] == [LetterState.WITHDRAWN, LetterState.DRAFT]
    moves = [event.move for event in events(house, drafted) if event.move.endswith("_letter")]
    assert moves == ["draft_letter", "withdraw_letter", "draft_letter"]
    assert first_break(events(house, drafted)) is None


def test_a_letter_that_was_issued_stands_and_is_not_drafted_again(house, clock, drafted):
    (letter,) = rows(house, Letter)
    reviewed(house, letter.id)
    before = issued(house, letter.id)
    (done,) = apply(house, AFTER_DUE)

    clock.moment = china("2026-12-15T17:31")
    sweep(house)
    (after,) = rows(house, Letter)
    assert (after.state, after.sha256, done.letters) == (LetterState.ISSUED, before.sha256, 0)
    assert any("letter" in due.rungs_done for due in due_times(house, drafted))
    assert [event.move for event in events(house, drafted)].count("draft_letter") == 1


def test_a_draft_that_people_took_back_does_not_come_again(house, clock, drafted):
    (letter,) = rows(house, Letter)
    withdrawn(house, letter.id, "事实有误")
    apply(house, AFTER_DUE)
    clock.moment = china("2026-12-15T17:31")
    sweep(house)

    assert [one.withdrawn_reason for one in rows(house, Letter)] == ["事实有误"]


def test_a_reviewed_draft_about_another_due_time_bears_the_new_one_and_is_reviewed_again(
    house, clock, drafted
):
    clock.moment = china("2026-12-20T10:00")
    (letter,) = rows(house, Letter)
    reviewed(house, letter.id, SECOND_SUPERVISOR)
    assert "2026年12月7日17:30" in words(document(house, letter.id))
    (done,) = apply(house, BEFORE_DUE)

    (letter,) = rows(house, Letter)
    assert (letter.state, letter.reviewed_by, done.redrafted) == (LetterState.DRAFT, None, 1)
    said = words(document(house, letter.id))
    assert "2026年12月8日17:30" in said
    assert "2026年12月7日17:30" not in said.split("附件")[0]
    assert {userid for userid, _ in told_of_drafts(house)} == {SECOND_SUPERVISOR}
    assert follow(house) == []


def test_a_draft_by_hand_is_redrafted_with_its_reason_and_its_drafter_hears_of_it(house):
    number = justified(house)
    ident = on_case(house, "rectification_notice", number, reason="录音中诉求明确")
    apply(house, BEFORE_DUE)

    (letter,) = rows(house, Letter)
    assert (letter.id, letter.state) == (ident, LetterState.DRAFT)
    assert (letter.facts["due_at"], letter.facts["reason"]) == ("2026年12月8日17:30", "录音中诉求明确")
    assert told_of_drafts(house) == {
        (SUPERVISOR, "草稿已按新期限重拟，请重新审核：工作日历改为 national-2026.1+storm-before")
    }
    apply(house, LOCAL)
    assert rows(house, Letter)[0].facts["due_at"] == "2026年12月7日17:30"
    assert len(messages(house, kind="letter")) == 2


def test_issuing_and_following_at_once_leave_one_of_two_lawful_ends(house, drafted):
    """Neither waits for the other for ever: both take the case before the letter."""
    (letter,) = rows(house, Letter)
    reviewed(house, letter.id)
    proclaim(house, AFTER_DUE)

    def issue():
        try:
            return issued(house, letter.id).state
        except Exception as refused:  # noqa: BLE001 - which refusal is looked at below
            return refused

    with ThreadPoolExecutor(2) as both:
        doing, following = both.submit(issue), both.submit(follow, house)
        ended = doing.result(timeout=60)
        assert len(following.result(timeout=60)) == 1

    (letter,) = rows(house, Letter)
    if letter.issued_at:
        assert (letter.state, ended) == (LetterState.ISSUED, LetterState.ISSUED)
    else:
        assert letter.state is LetterState.WITHDRAWN
        assert "不能这样办理" in str(ended)
