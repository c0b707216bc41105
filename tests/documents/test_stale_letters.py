"""No letter presses what is done: drafts go with the closing, and what is reviewed tells of that day (F18)."""

from datetime import timedelta

import pytest
from case_kit import (
    HEAD,
    SECOND_SUPERVISOR,
    SUPERVISOR,
    call,
    conclude,
    events,
    handler_of,
    justified,
    messages,
    move,
    verifying,
)
from case_kit import overdue as late
from ladder_kit import delivered, rows, sweep
from paper_kit import (
    DESK,
    LEADER,
    SECOND,
    document,
    issued,
    letter,
    offered,
    on_case,
    received,
    reviewed,
    withdrawn,
    words,
)

from reviewbot.errors import Conflict
from reviewbot.models.oversight import Letter, LetterState
from reviewbot.models.people import Staff
from reviewbot.queries.directory import staff_by_userid

SECOND_HEAD = "fuzhi01"


@pytest.fixture
def overdue(house, clock):
    """A case in rectification, due on 12-07, whose 督办函 the ladder has drafted on 12-14."""
    number = verifying(house)
    call(house, number)
    conclude(house, number)
    for _ in range(16):
        clock.moment += timedelta(days=1)
        sweep(house)
    return number


def close(house, number):
    move(house, handler_of(house, number), "submit_measures", number, remark="增设窗口")
    move(house, HEAD, "approve", number, no_attachment=True)
    move(house, handler_of(house, number), "record_feedback", number, channel="电话", remark="已告知")


def test_the_drafts_that_press_a_case_are_withdrawn_when_it_closes(house, overdue):
    by_hand = on_case(house, "rectification_notice", overdue, DESK)
    reviewed(house, by_hand)
    close(house, overdue)

    drafts = rows(house, Letter)
    assert {one.kind.value for one in drafts} == {"supervision", "rectification_notice"}
    assert {(one.state, one.withdrawn_reason) for one in drafts} == {(LetterState.WITHDRAWN, "工单已办结")}
    told = [event for event in events(house, overdue) if event.move == "withdraw_letter"]
    assert [(event.actor, event.remark) for event in told] == [("system", "工单已办结")] * 2
    assert {one.userid for one in messages(house, kind="letter")} >= {SUPERVISOR, SECOND_SUPERVISOR, DESK}
    assert HEAD not in {one.userid for one in messages(house, kind="letter")}


def test_what_was_issued_stands_when_the_case_closes(house, overdue):
    (draft,) = rows(house, Letter)
    reviewed(house, draft.id)
    issued(house, draft.id)
    close(house, overdue)

    assert letter(house, draft.id).state is LetterState.ISSUED


@pytest.mark.parametrize("state", [LetterState.DRAFT, LetterState.REVIEWED])
def test_a_draft_of_the_round_before_is_neither_reviewed_nor_issued(house, overdue, state):
    """As an earlier release left them: the draft outlived the closing, and the case was opened again."""
    (draft,) = rows(house, Letter)
    close(house, overdue)
    move(house, SUPERVISOR, "reopen", overdue, remark="群众反映未改")
    with house.database.begin() as session:
        kept = session.get_one(Letter, draft.id)
        kept.state, kept.origin, kept.reviewed_by = state, draft.origin, SUPERVISOR

    act = {LetterState.DRAFT: reviewed, LetterState.REVIEWED: issued}[state]
    with pytest.raises(Conflict, match="已办结或已变更，请撤回"):
        act(house, draft.id)


def test_the_reviewer_sees_the_days_and_the_status_of_the_day_he_reviews(house, clock, overdue):
    (draft,) = rows(house, Letter)
    assert (draft.facts["overdue_days"], draft.facts["status"]) == (8, "整改中")
    move(house, handler_of(house, overdue), "submit_measures", overdue, remark="增设窗口")
    clock.moment += timedelta(days=3)
    reviewed(house, draft.id)
    clock.moment += timedelta(days=1)
    issued(house, draft.id)

    said = words(document(house, draft.id))
    assert "截至2026年12月19日09:00已逾期12天，现为“待审核”" in said
    assert "2026年12月7日17:30" in said


def test_a_letter_reviewed_before_the_due_time_moved_is_not_issued_with_the_old_one(house):
    number = justified(house)
    ident = on_case(house, "rectification_notice", number, DESK)
    reviewed(house, ident)
    move(house, handler_of(house, number), "request_extension", number, days=3, remark="待省厅批复")
    move(house, SUPERVISOR, "agree", number)

    with pytest.raises(Conflict, match="时限已变更"):
        issued(house, ident)


def test_a_letter_to_a_unit_that_has_the_case_no_more_is_not_reviewed(house):
    number = late(house, verifying(house))
    ident = on_case(house, "supervision", number, DESK)
    move(house, handler_of(house, number), "return", number, remark="应由医保分局办理")
    move(house, DESK, "dispatch", number, department="MED")

    with pytest.raises(Conflict, match="已不由收文单位办理"):
        reviewed(house, ident)


def outlived(house, number):
    close(house, number)
    move(house, SUPERVISOR, "reopen", number, remark="群众反映未改")


def sent_elsewhere(house, number):
    move(house, handler_of(house, number), "return", number, remark="应由医保分局办理")
    move(house, DESK, "dispatch", number, department="MED")


def lengthened(house, number):
    move(house, handler_of(house, number), "request_extension", number, days=3, remark="待省厅批复")
    move(house, SUPERVISOR, "agree", number)


@pytest.mark.parametrize("state", [LetterState.DRAFT, LetterState.REVIEWED])
@pytest.mark.parametrize("change", [outlived, sent_elsewhere, lengthened])
def test_nothing_is_offered_on_a_letter_that_would_be_refused(house, state, change):
    """A return has its window, long before a letter of delay; only a moved due time brings the two together."""
    if change is sent_elsewhere:
        number, kind = late(house, verifying(house)), "supervision"
    else:
        number, kind = justified(house), "rectification_notice"
    ident = on_case(house, kind, number, DESK)
    if state is LetterState.REVIEWED:
        reviewed(house, ident)
    origin = letter(house, ident).origin
    act, who, name = (reviewed, SECOND, "review") if state is LetterState.DRAFT else (issued, LEADER, "issue")
    assert name in offered(house, ident, who)

    change(house, number)
    if change is outlived:  # as an earlier release left it
        with house.database.begin() as session:
            kept = session.get_one(Letter, ident)
            kept.state, kept.origin = state, origin

    if (
        change is lengthened and state is LetterState.DRAFT
    ):  # a draft is brought up to now when it is reviewed
        assert name in offered(house, ident, who)
        act(house, ident, who)
        return
    assert offered(house, ident, who) == ["withdraw"]
    with pytest.raises(Conflict, match="撤回"):
        act(house, ident, who)


def issue_on(house):
    ident = on_case(house, "supervision", late(house, verifying(house)), DESK)
    reviewed(house, ident)
    issued(house, ident)
    return ident


def test_a_card_that_asks_to_receive_a_letter_is_not_sent_once_it_was_withdrawn(house):
    ident = issue_on(house)
    withdrawn(house, ident)

    asked, told = messages(house, kind="letter")
    assert (asked.state, "已不须签收" in asked.reason) == ("suppressed", True)
    assert (told.state, "已撤回" in told.body["desc"]) == ("owed", True)


@pytest.mark.parametrize(("end", "recalled"), [(withdrawn, {HEAD, SECOND_HEAD}), (received, {SECOND_HEAD})])
def test_a_card_that_asks_to_receive_a_letter_is_taken_back_once_nobody_has_to(house, end, recalled):
    with house.database.begin() as session:
        unit = staff_by_userid(session, HEAD).department_id
        session.add(Staff(userid=SECOND_HEAD, name="副职", department_id=unit, roles=["head"]))
    ident = issue_on(house)
    delivered(house)
    end(house, ident)

    assert {one.userid for one in messages(house, kind="card_recall")} == recalled
