"""What callers report: attempts, answers, contradictions that reach the supervisors, the share that comes of it."""

from datetime import timedelta

import pytest
from case_kit import DESK, PHONE, RATER, SUPERVISOR, case_of, events, handler_of, messages, move, viewer
from recall_kit import MONTH, caller_of, draw_row, drawn_month, number_of, recalls, report

from reviewbot.actions.report_rates import report_rates
from reviewbot.actions.report_recalls import report_recalls, verify_recalls
from reviewbot.actions.reveal_phone import reveal_for_recall
from reviewbot.errors import Conflict, InvalidInput, NotFound
from reviewbot.models.chain import first_break
from reviewbot.models.oversight import SupervisionEvent
from reviewbot.models.rater import PhoneReveal
from reviewbot.queries.scope import SYSTEM
from reviewbot.rules.rates import display


def rows(house, model):
    with house.database.begin() as session:
        return session.query(model).order_by(model.id).all()


def report_of(house, who):
    with house.database.begin() as session:
        return report_recalls(session, who, MONTH, at=house.clock.now())


def test_a_confirmed_record_is_an_event_with_seed_and_population_and_no_concern(house):
    (number,) = drawn_month(house)
    (found,) = recalls(house)
    calls = case_of(house, number).call_count
    said = report(house, found, "confirmed", "评价人称已接到电话，问题已解决")

    assert said == f"工单 {number} 的抽查回访已完成：与记录相符。"
    last, draw = events(house, number)[-1], draw_row(house)
    assert (last.move, last.actor) == ("recall", caller_of(house, found))
    assert (last.data["finding"], last.data["seed"]) == ("confirmed", draw.seed)
    assert last.data["population"] == draw.population_sha256
    assert first_break(events(house, number)) is None
    assert rows(house, SupervisionEvent) == []
    assert case_of(house, number).call_count == calls  # the first call-backs are what they were
    with pytest.raises(Conflict, match="已由"):
        report(house, found, "refused", "又打一次")
    with house.database.begin() as session:
        assert verify_recalls(session, MONTH) == []


@pytest.mark.parametrize(
    ("finding", "kind"),
    [("nobody_called", "recall_nobody_called"), ("not_rectified", "recall_not_rectified")],
)
def test_a_contradicted_record_goes_to_the_supervisors_who_may_reopen(house, finding, kind):
    (number,) = drawn_month(house)
    (found,) = recalls(house)
    said = report(house, found, finding, "从来没有人找过我")

    assert "已转督办人员核查" in said
    (concern,) = rows(house, SupervisionEvent)
    assert (concern.kind, concern.round, concern.said) == (kind, 1, "从来没有人找过我")
    told = messages(house, kind=f"concern_{kind}")
    assert SUPERVISOR in {one.userid for one in told}
    assert not any(word in str(one.body) for one in told for word in (RATER, PHONE, "从来没有"))
    move(house, SUPERVISOR, "reopen", number, remark="抽查回访发现没有联系评价人")
    assert case_of(house, number).round == 2
    assert first_break(events(house, number)) is None


def test_three_half_days_in_vain_are_needed_before_a_rater_counts_as_unreachable(house, clock):
    drawn_month(house)
    (found,) = recalls(house)
    assert "还须在另外2个半天再拨" in report(house, found, None, "无人接听")
    assert "还须在另外2个半天再拨" in report(house, found, None, "占线")
    clock.moment += timedelta(hours=5)
    assert "还须在另外1个半天再拨" in report(house, found, None, "关机")
    assert recalls(house)[0].concluded_at is None
    clock.moment += timedelta(hours=20)

    assert report(house, found, None, "无人接听").endswith("已完成：联系不上。")
    assert recalls(house)[0].finding == "unreachable"


def test_a_refusal_or_a_wrong_number_ends_it_and_is_no_base_for_the_share(house):
    drawn_month(house, 25)
    first, second = recalls(house)
    assert report(house, first, None, "空号").endswith("联系不上。")
    assert report(house, second, "refused", "不想再说").endswith("拒绝回答。")

    told = report_of(house, SYSTEM)
    assert display(told.total.done) == "100.00%（2/2）"
    assert display(told.total.confirmed) == "—（0/0）"
    assert {name: count for name, count in told.total.confirmed.parts.items() if count} == {
        "refused": 1, "unreachable": 1,
    }  # fmt: skip


def test_an_answer_needs_its_words_and_unreachable_is_never_merely_said(house):
    drawn_month(house)
    (found,) = recalls(house)
    for finding, note in (("confirmed", " "), ("unreachable", "打不通"), ("confirmed", "长" * 501)):
        with pytest.raises(InvalidInput):
            report(house, found, finding, note)
    assert recalls(house)[0].concluded_at is None


def test_the_number_is_shown_to_the_caller_alone_while_he_has_to_call(house):
    (number,) = drawn_month(house)
    (found,) = recalls(house)
    caller = caller_of(house, found)
    for who in {handler_of(house, number), DESK, "liuwenpeng01", SUPERVISOR} - {caller}:
        with pytest.raises(NotFound), house.database.begin() as session:
            reveal_for_recall(session, found.id, viewer(house, who), at=house.clock.now())

    with house.database.begin() as session:
        shown = reveal_for_recall(session, found.id, viewer(house, caller), at=house.clock.now())

    assert (shown.phone, shown.name, shown.purpose.label) == (PHONE, RATER, "抽查回访")
    assert [one.purpose for one in rows(house, PhoneReveal)] == ["recall"]
    last = events(house, number)[-1]
    assert (last.move, PHONE in str(last.data) + last.remark) == ("reveal_phone", False)
    report(house, found, "confirmed", "属实")
    with pytest.raises(Conflict, match="已完成"), house.database.begin() as session:
        reveal_for_recall(session, found.id, viewer(house, caller), at=house.clock.now())


def test_the_share_is_counted_by_unit_and_in_the_rates_of_the_time_of_the_calls(house, clock):
    drawn_month(house, 41)
    found = recalls(house)
    assert len(found) == 3
    for one, finding in zip(found, ("confirmed", "changed_mind", "nobody_called"), strict=True):
        report(house, one, finding, "评价人说明")

    told = report_of(house, SYSTEM)
    assert [(one.unit, display(one.confirmed)) for one in told.units] == [("社保局", "33.33%（1/3）")]
    assert display(told.total.done) == "100.00%（3/3）"
    today = clock.moment.date()
    with house.database.begin() as session:
        (december,) = report_rates(
            session, SYSTEM, first=today, last=today, now=clock.moment, metrics=["recall_confirmed_rate"]
        )
        (november,) = report_rates(
            session, SYSTEM, first=today.replace(month=11), last=today.replace(month=11, day=30),
            now=clock.moment, metrics=["recall_confirmed_rate"],
        )  # fmt: skip
    assert display(december.figure) == "33.33%（1/3）"
    assert december.figure.parts == {
        "confirmed": 1, "nobody_called": 1, "not_rectified": 0, "changed_mind": 1,
    }  # fmt: skip
    assert display(november.figure) == "—（0/0）"


def test_a_unit_learns_nothing_of_its_sample_before_the_call_and_everything_after_it(house):
    numbers = drawn_month(house, 25)
    first, second = recalls(house)
    handler = viewer(house, handler_of(house, numbers[0]))
    before = report_of(house, handler)
    assert (before.rows, before.secret, before.seed, before.sample) == ([], "", "", 2)
    overseer = report_of(house, viewer(house, SUPERVISOR))
    assert (len(overseer.rows), overseer.secret) == (2, draw_row(house).secret)

    report(house, first, "confirmed", "属实")
    between = report_of(house, handler)
    assert ([row.number for row in between.rows], between.secret) == ([number_of(house, first)], "")
    report(house, second, "confirmed", "属实")
    assert report_of(house, handler).secret == draw_row(house).secret
    foreign = report_of(house, viewer(house, "zengjiabin01"))
    assert (foreign.rows, foreign.secret) == ([], draw_row(house).secret)
