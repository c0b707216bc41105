"""Who moves a letter on, its number, and what was issued staying as it was issued."""

import hashlib
import threading
from datetime import date, timedelta

import pytest
from case_kit import (
    HEAD,
    SUPERVISOR,
    call,
    case_of,
    closed,
    conclude,
    events,
    handler_of,
    justified,
    messages,
    move,
    opened,
    overdue,
    verifying,
)
from paper_kit import (
    DESK,
    FOREIGN,
    LEADER,
    SECOND,
    document,
    drafted,
    issued,
    ledger_of,
    letter,
    offered,
    on_case,
    received,
    reviewed,
    withdrawn,
    words,
)

from reviewbot.actions.move_letter import letter_path
from reviewbot.commands.letters import write_letters
from reviewbot.errors import Conflict, InvalidInput, NotAllowed, NotFound, SettingError
from reviewbot.models.oversight import LetterKind, LetterState
from reviewbot.models.people import Staff
from reviewbot.queries.directory import staff_by_userid
from reviewbot.queries.scope import SYSTEM, viewer_of_staff
from reviewbot.rules.lifecycle import Conclusion, Role
from reviewbot.settings import load_settings


def test_a_letter_is_reviewed_by_one_issued_by_another_and_received_by_its_unit(house):
    ident = drafted(house)
    for act, who, refusal in (
        (issued, DESK, NotAllowed), (issued, LEADER, Conflict), (reviewed, LEADER, NotAllowed),
        (received, HEAD, NotFound),
    ):  # fmt: skip
        with pytest.raises(refusal):
            act(house, ident, who)
    reviewed(house, ident, SUPERVISOR)
    with pytest.raises(NotAllowed, match="两人"):
        issued(house, ident, SUPERVISOR)
    told = issued(house, ident, SECOND)

    assert (told.year, told.serial, told.state) == (2026, 1, LetterState.ISSUED)
    with pytest.raises(NotFound):
        received(house, ident, FOREIGN)
    with pytest.raises(NotAllowed):
        received(house, ident, SUPERVISOR)
    received(house, ident, HEAD)
    assert letter(house, ident).received_by == HEAD
    with pytest.raises(Conflict):
        received(house, ident, HEAD)


def test_a_person_does_not_review_his_own_draft_and_no_program_issues(house):
    mine = drafted(house, by=SUPERVISOR)
    with pytest.raises(NotAllowed, match="拟稿人"):
        reviewed(house, mine, SUPERVISOR)
    reviewed(house, mine, SECOND)

    assert offered(house, mine, SYSTEM) == []


def test_a_delegate_does_not_review_what_the_absent_supervisor_drafted(house):
    with house.database.begin() as session:
        absent = staff_by_userid(session, SUPERVISOR)
        clerk = Staff(userid="daiban01", name="代班员", department_id=absent.department_id, roles=["handler"])
        session.add(clerk)
        session.flush()
        acting = viewer_of_staff(clerk, frozenset({(Role.SUPERVISOR, SUPERVISOR)}))
    ident, other = drafted(house, by=SUPERVISOR), drafted(house, origin="A1-x", by=DESK)

    assert ("review" in offered(house, ident, acting), "review" in offered(house, other, acting)) == (
        False,
        True,
    )
    with pytest.raises(NotAllowed, match="代办人"):
        reviewed(house, ident, acting)
    reviewed(house, other, acting)


def test_the_units_head_is_told_with_a_link_of_the_issue_and_of_the_withdrawal_and_can_still_read_it(house):
    number = overdue(house, verifying(house))
    ident = on_case(house, "supervision", number)
    reviewed(house, ident, SECOND)
    issued(house, ident)
    withdrawn(house, ident)

    told = messages(house, kind="letter")
    assert [(one.userid, one.body["link"]) for one in told] == [(HEAD, f"/letters/{ident}")] * 2
    assert "已撤回" in told[1].body["desc"]
    assert "督办函 揭东政数督〔2026〕1号" in told[0].body["title"]
    assert [event.move for event in events(house, number)][-3:] == [
        "draft_letter",
        "issue_letter",
        "withdraw_letter",
    ]
    with pytest.raises(Conflict):
        received(house, ident, HEAD)
    assert letter(house, ident).state is LetterState.WITHDRAWN


def test_a_report_goes_to_the_leaders_not_to_the_unit_it_is_about(house):
    ident = on_case(house, "special_report", overdue(house, verifying(house)))
    reviewed(house, ident, SECOND)
    issued(house, ident)

    assert {one.userid for one in messages(house, kind="letter")} == {LEADER}
    with pytest.raises(NotFound):
        received(house, ident, HEAD)
    received(house, ident, LEADER)


def test_what_was_issued_stays_as_it_was_whatever_becomes_of_case_template_and_settings(
    house, clock, monkeypatch
):
    number = overdue(house, verifying(house))
    ident = on_case(house, "supervision", number)
    reviewed(house, ident, SECOND)
    seen = document(house, ident)
    clock.moment += timedelta(days=3)
    told = issued(house, ident)
    first = document(house, ident)
    monkeypatch.setattr(house.settings.documents, "supervision", "别的")
    monkeypatch.setattr(house.settings.documents, "sender", "别的局")

    assert told.sha256 == hashlib.sha256(first).hexdigest()
    assert document(house, ident) == first
    assert words(first).partition("附件1")[2] == words(seen).partition("附件1")[2]  # what the reviewer saw
    place = letter_path(house.settings.data_dir, told.sha256)
    place.write_bytes(b"PK something else")
    with pytest.raises(NotFound, match="改动"):
        document(house, ident)


def test_every_kind_has_numbers_and_a_mark_of_its_own(house):
    for kind in (LetterKind.SUPERVISION, LetterKind.SPECIAL_REPORT):
        ident = drafted(house, f"{kind}-1", kind)
        reviewed(house, ident)
        issued(house, ident)
        assert letter(house, ident).serial == 1
    names = write_letters(house, house.settings.data_dir / "out")

    assert names[:2] == ["督办函-2026-001-A1027.docx", "专报-2026-001-A1027.docx"]
    marks = {letter(house, ident).facts["mark"], letter(house, ident - 1).facts["mark"]}
    assert marks == {"揭东政数督〔2026〕1号", "揭东政数专〔2026〕1号"}
    same = {"documents": house.settings.documents.model_dump() | {"ledger": "揭东政数督"}}
    with pytest.raises(SettingError, match="机关代字"):
        load_settings(**same)


def test_numbers_have_no_gaps_and_no_twins_however_many_issue_at_once(house):
    idents = [drafted(house, f"o{number}") for number in range(8)]
    for ident in idents:
        reviewed(house, ident)
    threads = [threading.Thread(target=issued, args=(house, ident)) for ident in idents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(letter(house, ident).serial for ident in idents) == list(range(1, 9))


def test_an_issue_that_fails_gives_its_number_back(house):
    broken, whole = drafted(house, "one"), drafted(house, "two")
    for ident in (broken, whole):
        reviewed(house, ident)
    (house.settings.data_dir / "letters").write_text("a file where the folder should be")
    with pytest.raises(OSError, match="letters"):
        issued(house, broken)
    (house.settings.data_dir / "letters").unlink()

    assert letter(house, broken).state is LetterState.REVIEWED
    assert issued(house, whole).serial == 1


def test_a_withdrawn_letter_stays_and_its_number_is_not_given_again(house):
    first, second = drafted(house, "one"), drafted(house, "two")
    for ident in (first, second):
        reviewed(house, ident)
    issued(house, first)
    for reason in (" ", "长" * 501, "a\0"):
        with pytest.raises(InvalidInput, match="原因"):
            withdrawn(house, first, reason)
    withdrawn(house, first)

    assert issued(house, second).serial == 2
    assert (letter(house, first).serial, letter(house, first).withdrawn_reason) == (1, "事实有误")


def test_a_closed_case_is_not_pressed_any_more(house):
    number = overdue(house, verifying(house))
    ident = on_case(house, "supervision", number)
    reviewed(house, ident, SECOND)
    with house.database.begin() as session:
        session.merge(case_of(house, number)).status = "closed"

    with pytest.raises(Conflict, match="已办结"):
        issued(house, ident)
    with pytest.raises(Conflict, match="已办结"):
        on_case(house, "rectification_notice", closed(house))


def test_a_person_drafts_what_no_ladder_drafts_one_at_a_time(house):
    number = justified(house)
    for kind, who, refusal in (
        ("rectification_notice", HEAD, NotAllowed), ("explanation_notice", SUPERVISOR, InvalidInput),
        ("ledger", SUPERVISOR, InvalidInput),
    ):  # fmt: skip
        with pytest.raises(refusal):
            on_case(house, kind, number, who)
    with pytest.raises(InvalidInput, match="核实的问题"):
        on_case(house, "rectification_notice", number, reason=" ")
    with pytest.raises(NotFound):
        on_case(house, "supervision", "Z9999")
    first = on_case(house, "rectification_notice", number)
    with pytest.raises(Conflict, match="草稿"):
        on_case(house, "rectification_notice", number)
    withdrawn(house, first)
    second = on_case(house, "rectification_notice", number)

    assert first != second
    assert letter(house, second).drafted_by == SUPERVISOR
    assert letter(house, second).department_id == case_of(house, number).department_id


def test_the_ledger_of_a_period_is_a_document_too(house):
    number = opened(house)
    with pytest.raises(InvalidInput, match="止日"):
        ledger_of(house, date(2026, 11, 30), date(2026, 11, 1))
    ident = ledger_of(house, date(2026, 11, 1), date(2026, 11, 30), DESK)
    with pytest.raises(InvalidInput, match="还没有开始"):
        ledger_of(house, date(2026, 12, 1), date(2026, 12, 31))
    earlier = ledger_of(house, date(2026, 10, 1), date(2026, 10, 31), DESK)
    reviewed(house, ident)

    assert "揭东政数账〔2026〕1号" in words(document(house, issued(house, ident).id))
    assert number in words(document(house, ident))
    assert number not in words(document(house, earlier))


def test_no_letter_says_what_is_not_so(house, clock):
    """No delay before the due time, nothing to rectify before a conclusion, no unit where there is none."""
    early = verifying(house)
    for kind, why in (
        ("supervision", "还没有过"), ("special_report", "还没有过"), ("rectification_notice", "没有认定属实"),
    ):  # fmt: skip
        with pytest.raises(Conflict, match=why):
            on_case(house, kind, early)
    unjustified = verifying(house, external_id="B")
    call(house, unjustified)
    conclude(house, unjustified, Conclusion.NO_LEGAL_BASIS)
    with pytest.raises(Conflict, match="没有认定属实"):
        on_case(house, "rectification_notice", unjustified)
    returned = verifying(house, external_id="C")
    move(house, handler_of(house, returned), "return", returned, remark="应由医保分局办理")
    overdue(house, returned)
    with pytest.raises(Conflict, match="没有承办单位"):
        on_case(house, "special_report", returned)
    clock.moment = case_of(house, early).due_at
    with pytest.raises(Conflict, match="还没有过"):
        on_case(house, "supervision", early)
    clock.moment += timedelta(seconds=1)
    assert on_case(house, "supervision", early)


def test_a_letter_holds_nothing_against_a_unit_that_others_did(house, clock):
    """F14: dispatched to one, returned twice, ruled to a third, which has called once itself."""
    number = opened(house)
    move(house, handler_of(house, number), "return", number, remark="应由医保分局办理")
    move(house, DESK, "dispatch", number, department="MED")
    move(house, handler_of(house, number), "return", number, remark="应由税务局办理")
    clock.moment += timedelta(hours=1)
    move(house, SUPERVISOR, "rule", number, department="TAX", remark="征收归税务")
    move(house, handler_of(house, number), "sign", number)
    call(house, number)
    first = on_case(house, "special_report", overdue(house, number))
    said = words(document(house, first))
    assert "于2026年11月30日09:00首次派单，2026年11月30日10:00派至该单位，" in said
    assert "该单位退回0次，回访1次。" in said
    assert "已发督办函0份，" in said

    pressing = on_case(house, "supervision", number)
    reviewed(house, pressing, SECOND)
    issued(house, pressing)
    withdrawn(house, first)
    assert "已发督办函1份，" in words(document(house, on_case(house, "special_report", number)))


def test_a_draft_that_is_no_longer_so_can_only_be_withdrawn(house):
    number = overdue(house, verifying(house))
    draft = on_case(house, "supervision", number)
    with house.database.begin() as session:  # as a longer limit leaves it
        session.merge(case_of(house, number)).due_at = house.clock.now() + timedelta(days=3)

    assert offered(house, draft, SECOND) == ["withdraw"]
    with pytest.raises(Conflict, match="还没有过"):
        reviewed(house, draft, SECOND)


def test_whoever_drafts_may_take_his_own_draft_back_and_nobody_elses(house):
    number = justified(house)
    draft = on_case(house, "rectification_notice", number, DESK)
    assert offered(house, draft, DESK) == ["withdraw"]
    withdrawn(house, draft, who=DESK)
    others = on_case(house, "rectification_notice", number, SUPERVISOR)
    with pytest.raises(NotAllowed):
        withdrawn(house, others, who=DESK)
    mine = on_case(house, "rectification_notice", justified(house), DESK)
    reviewed(house, mine)
    issued(house, mine)
    with pytest.raises(NotAllowed):
        withdrawn(house, mine, who=DESK)


def test_the_same_origin_is_drafted_once(house):
    assert drafted(house) == drafted(house)


def test_everything_is_written_into_a_folder_and_a_draft_says_that_it_is_one(house, tmp_path):
    ident = drafted(house)
    names = write_letters(house, tmp_path)

    assert names == [f"督办函-草稿{ident}-A1027.docx", "整改台账.docx"]
    assert "（草稿，未签发）" in words((tmp_path / names[0]).read_bytes())
    reviewed(house, ident)
    issued(house, ident)
    withdrawn(house, ident)
    assert write_letters(house, tmp_path)[0] == "督办函-2026-001-A1027-已撤回.docx"


def test_a_ledger_of_days_nobody_can_reckon_with_is_refused_before_it_is_drafted(house):
    """One that ended in the year 9999 was drafted, and its page could never be opened again."""
    with pytest.raises(InvalidInput, match="2000 年至 2099 年"):
        ledger_of(house, date(2026, 1, 1), date(9999, 12, 31))
