"""The rater's word, its consequences and its figures, by the actions themselves."""

from datetime import timedelta

import pytest
from case_kit import (
    HEAD,
    SECOND_SUPERVISOR,
    SUPERVISOR,
    call,
    case_of,
    closed,
    conclude,
    events,
    handler_of,
    messages,
    move,
    opened,
    photograph,
    verifying,
    viewer,
)  # fmt: skip
from hypothesis import given
from hypothesis import strategies as st

from reviewbot.actions.report_rates import report_rates
from reviewbot.actions.reveal_phone import reveal_phone
from reviewbot.actions.settle_concern import settle_concern
from reviewbot.actions.take_answer import take_answer
from reviewbot.errors import Conflict, InvalidInput, NotAllowed, NotFound
from reviewbot.links import RaterLink
from reviewbot.models.chain import first_break
from reviewbot.models.oversight import SupervisionEvent
from reviewbot.models.rater import PhoneReveal, RaterAnswer
from reviewbot.queries.scope import SYSTEM
from reviewbot.rules.lifecycle import CaseStatus, ClosingKind, Conclusion
from reviewbot.rules.raters import Answer, Purpose, open_answers
from reviewbot.rules.rates import apart_line

moments = st.datetimes(timezones=st.just(None))


def answer(house, number, said, words="", round_=None):
    case = case_of(house, number)
    link = RaterLink(case.id, round_ or case.round, 0)
    with house.database.begin() as session:
        return take_answer(
            session, link, Answer(said), words, at=house.clock.now(), rulebooks=house.rulebooks
        )


def rows(house, model):
    with house.database.begin() as session:
        return session.query(model).order_by(model.id).all()


def close_again(house, number):
    call(house, number)
    conclude(house, number)
    move(house, handler_of(house, number), "submit_measures", number, remark="已补办")
    photograph(house, handler_of(house, number), number)
    move(house, HEAD, "approve", number)
    move(house, handler_of(house, number), "record_feedback", number, channel="电话", remark="已告知")


@given(closed_at=st.none() | moments, due=st.none() | moments, answered=st.none() | moments, now=moments)
def test_what_can_be_said_is_all_four_once_after_the_closing_or_one_before(closed_at, due, answered, now):
    said = open_answers(closed_at=closed_at, contact_due_at=due, answered_at=answered, now=now)

    if closed_at is not None:
        assert said == (() if answered is not None and answered >= closed_at else tuple(Answer))
    else:
        assert set(said) <= {Answer.NOBODY_CALLED}
        assert bool(said) == (answered is None and due is not None and now > due)


def test_a_word_before_the_closing_leaves_the_answer_after_it_open(house, clock):
    number = verifying(house)
    clock.moment += timedelta(days=3)
    answer(house, number, "nobody_called", "一直没有电话")
    assert answer(house, number, "satisfied").again  # nothing more can be said before the closing
    call(house, number)
    conclude(house, number)
    move(house, handler_of(house, number), "submit_measures", number, remark="增设窗口")
    move(house, HEAD, "approve", number, no_attachment=True)
    clock.moment += timedelta(hours=1)
    move(house, handler_of(house, number), "record_feedback", number, channel="电话", remark="已告知")

    answer(house, number, "basically")

    (kept,) = rows(house, RaterAnswer)
    assert kept.answer == "basically"
    assert case_of(house, number).satisfaction == "basically"
    said = [event.data["answer"] for event in events(house, number) if event.move == "rater_answered"]
    assert said == ["nobody_called", "basically"]
    assert {one.userid for one in messages(house, kind="concern_nobody_called")} == {
        SUPERVISOR, SECOND_SUPERVISOR,
    }  # fmt: skip
    with house.database.begin():
        assert first_break(events(house, number)) is None


def test_a_dissatisfied_rater_reopens_by_the_supervisors_door_under_his_own_name_and_within_the_limit(house):
    number = closed(house)
    taken = answer(house, number, "dissatisfied", "窗口的李敏还是没有解决")
    case = case_of(house, number)

    assert (taken.again, case.status, case.round) == (False, CaseStatus.VERIFYING, 2)
    reopened = next(event for event in events(house, number) if event.move == "reopen")
    assert (reopened.actor, reopened.actor_name) == ("rater", "评价人")
    told = [str(one.body) for one in messages(house, channel="wecom")]
    assert not any("李敏还是" in body for body in told)
    assert answer(house, number, "satisfied", round_=1).again  # the old round had its answer

    close_again(house, number)
    assert case_of(house, number).satisfaction is None
    answer(house, number, "dissatisfied")
    assert case_of(house, number).status is CaseStatus.CLOSED
    assert [one.kind for one in rows(house, SupervisionEvent)] == ["dissatisfied"]


def test_a_supervisors_reopening_does_not_use_up_the_raters(house):
    number = closed(house)
    move(house, SUPERVISOR, "reopen", number, remark="抽查发现未整改")
    close_again(house, number)

    answer(house, number, "dissatisfied")

    assert case_of(house, number).status is CaseStatus.VERIFYING


def test_one_tap_does_not_undo_an_upheld_appeal(house):
    number = verifying(house)
    call(house, number)
    conclude(house, number, Conclusion.MALICIOUS, remark="多次恶意")
    for who in (SUPERVISOR, SECOND_SUPERVISOR):
        move(house, who, "agree", number, no_attachment=True, remark="同意")
    move(house, handler_of(house, number), "record_feedback", number, channel="电话", remark="已告知")
    assert case_of(house, number).closing_kind is ClosingKind.MALICIOUS

    answer(house, number, "dissatisfied")

    assert case_of(house, number).status is CaseStatus.CLOSED
    assert [one.kind for one in rows(house, SupervisionEvent)] == ["dissatisfied"]


def test_no_answer_for_a_case_that_does_not_exist_or_before_its_time(house):
    number = opened(house)

    with pytest.raises(NotFound), house.database.begin() as session:
        take_answer(
            session, RaterLink(99_999, 1, 0), Answer.SATISFIED, "", at=house.clock.now(),
            rulebooks=house.rulebooks,
        )  # fmt: skip
    for said in Answer:
        with pytest.raises(Conflict):
            answer(house, number, said)
    assert rows(house, RaterAnswer) == []


def test_a_concern_is_settled_once_by_a_supervisor_with_a_finding_in_the_chain(house):
    number = closed(house)
    answer(house, number, "nobody_called")
    (event,) = rows(house, SupervisionEvent)

    def settle(who, finding):
        with house.database.begin() as session:
            settle_concern(session, event.id, finding, viewer(house, who), at=house.clock.now())

    with pytest.raises(NotAllowed):
        settle(HEAD, "x")
    with pytest.raises(InvalidInput):
        settle(SUPERVISOR, "  ")
    settle(SUPERVISOR, "两次回访均属实")
    with pytest.raises(Conflict):
        settle(SECOND_SUPERVISOR, "再查")

    last = events(house, number)[-1]
    assert (last.move, last.remark) == ("settle_concern", "两次回访均属实")


def test_a_second_word_in_the_round_opens_a_settled_concern_again_and_is_told(house, clock):
    number = verifying(house)
    clock.moment += timedelta(days=3)
    answer(house, number, "nobody_called", "一直没有电话")
    (event,) = rows(house, SupervisionEvent)
    with house.database.begin() as session:
        settle_concern(session, event.id, "已督促回访", viewer(house, SUPERVISOR), at=house.clock.now())
    call(house, number)
    conclude(house, number)
    move(house, handler_of(house, number), "submit_measures", number, remark="增设窗口")
    move(house, HEAD, "approve", number, no_attachment=True)
    clock.moment += timedelta(hours=1)
    move(house, handler_of(house, number), "record_feedback", number, channel="电话", remark="已告知")
    before = len(messages(house, kind="concern_nobody_called", userid=SUPERVISOR))

    answer(house, number, "nobody_called", "还是没有")

    (again,) = rows(house, SupervisionEvent)
    assert (again.said, again.opened_at) == ("还是没有", clock.moment)
    assert (again.settled_at, again.settled_by, again.finding) == (None, None, None)
    assert len(messages(house, kind="concern_nobody_called", userid=SUPERVISOR)) == before + 1
    assert "已督促回访" in [one.remark for one in events(house, number)]


def test_the_confirmed_twin_of_the_rectification_rate_puts_every_closed_case_into_one_group(house):
    said = ["satisfied", "basically", "nobody_called", None]
    for one in said:
        number = closed(house)
        if one:
            answer(house, number, one)
    denied = closed(house)
    answer(house, denied, "dissatisfied")
    close_again(house, denied)
    answer(house, denied, "dissatisfied")
    answer(house, closed(house), "dissatisfied")  # reopened, and in hand again
    opened(house)
    day = house.clock.now().date()
    keys = ["confirmed_rectification_rate", "call_back_satisfaction_rate"]
    with house.database.begin() as session:
        found = report_rates(session, SYSTEM, first=day, last=day, now=house.clock.now(), metrics=keys)
    confirmed, satisfied = (row.figure for row in found)

    assert (confirmed.numerator, confirmed.denominator) == (2, 5)
    assert dict(confirmed.parts) == {"confirmed": 2, "denied": 1, "nobody_called": 1, "silent": 1}
    assert (satisfied.numerator, satisfied.denominator) == (2, 3)
    assert dict(satisfied.parts) == {"satisfied": 1, "basically": 1, "dissatisfied": 1}
    assert [row.figure.apart["denied_before"] for row in found] == [2, 2]
    assert "期内答不满意、已重开 2" in apart_line(satisfied)


def reveal(house, number, who):
    with house.database.begin() as session:
        return reveal_phone(session, number, Purpose.CALL_BACK, viewer(house, who), at=house.clock.now())


def test_a_number_is_shown_to_the_verifier_of_the_open_case_and_kept_without_the_number(house):
    number = verifying(house)
    handler = handler_of(house, number)

    shown = reveal(house, number, handler)

    assert shown.phone == "13812345678"
    assert "13812345678" not in repr(shown)
    assert [one.purpose for one in rows(house, PhoneReveal)] == ["call_back"]
    last = events(house, number)[-1]
    assert (last.move, last.remark) == ("reveal_phone", "回访")
    assert "13812345678" not in str(last.data)
    for other in (HEAD, SUPERVISOR):
        with pytest.raises(NotAllowed):
            reveal(house, number, other)
    assert len(rows(house, PhoneReveal)) == 1


def test_a_closed_or_anonymous_case_shows_no_number(house):
    done = closed(house)
    anonymous = verifying(house, rater={"kind": "person", "anonymous": True, "phone": "13812345678"})

    for number in (done, anonymous):
        with pytest.raises(Conflict):
            reveal(house, number, handler_of(house, number))
    assert rows(house, PhoneReveal) == []
