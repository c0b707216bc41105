"""解释说明告知书: a rater is told what was approved and still stands, not what was sent back or found wanting (F17)."""

import pytest
from case_kit import HEAD, SUPERVISOR, call, case_of, conclude, handler_of, move, verifying
from paper_kit import DESK, document, issued, letter, on_case, reviewed, words

from reviewbot.documents.enclosures import ledger
from reviewbot.errors import Conflict, InvalidInput
from reviewbot.models.oversight import LetterState
from reviewbot.queries.scope import SYSTEM
from reviewbot.rules.lifecycle import Conclusion

FIRST, SECOND = "原说明：系统维护", "新说明：不符合受理条件"


@pytest.fixture
def explaining(house):
    number = verifying(house)
    call(house, number)
    conclude(house, number, Conclusion.NO_LEGAL_BASIS)
    explain(house, number, FIRST)
    return number


def explain(house, number, said):
    who = handler_of(house, number)
    move(house, who, "submit_explanation", number, basis="办事指南第三条", remark=said)


def close(house, number):
    move(house, HEAD, "approve", number, no_attachment=True)
    move(house, handler_of(house, number), "record_feedback", number, channel="电话", remark="已告知")


def test_what_was_sent_back_is_not_what_the_rater_reads(house, explaining):
    ident = on_case(house, "explanation_notice", explaining, DESK)
    with pytest.raises(Conflict, match="还没有审核通过"):
        reviewed(house, ident)
    move(house, HEAD, "send_back", explaining, remark="没有说清依据")
    explain(house, explaining, SECOND)
    move(house, HEAD, "approve", explaining, no_attachment=True)

    reviewed(house, ident)
    issued(house, ident)

    told = words(document(house, ident))
    assert SECOND in told
    assert FIRST not in told


def test_what_the_rater_was_not_satisfied_with_is_no_answer_to_him(house, explaining):
    drafted = on_case(house, "explanation_notice", explaining, DESK)
    close(house, explaining)
    reviewed(house, drafted)
    move(house, SUPERVISOR, "reopen", explaining, remark="评价人不满意")

    with pytest.raises(Conflict, match="已重新办理"):
        issued(house, drafted)
    assert letter(house, drafted).state is LetterState.REVIEWED
    with pytest.raises(InvalidInput, match="还没有提交解释说明"):
        on_case(house, "explanation_notice", explaining, DESK)
    today = case_of(house, explaining).opened_at.date()
    with house.database.begin() as session:
        (row,) = ledger(session, SYSTEM, today, today, house.clock.now())["rows"]
    assert (row["conclusion"], row["measures"]) == ("—", "—")
