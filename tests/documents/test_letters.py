"""Letters: what is drafted, who moves it on, its number, and a document that nothing in it can break."""

import io
import threading

import pytest
from docx import Document
from docx.shared import Mm, Pt
from hypothesis import given
from hypothesis import settings as trying
from hypothesis import strategies as st

from reviewbot.actions.draft_letter import draft_letter
from reviewbot.actions.move_letter import issue_letter, receive_letter, review_letter, withdraw_letter
from reviewbot.conversation.answer import viewer_of_staff
from reviewbot.documents.layout import LETTERS, build_templates
from reviewbot.documents.letters import file_name, letter_docx
from reviewbot.documents.render import render
from reviewbot.errors import Conflict, InvalidInput, NotAllowed, NotFound, SettingError
from reviewbot.models.message import Message
from reviewbot.models.oversight import Letter, LetterKind, LetterState
from reviewbot.papers import TEMPLATES, write_letters
from reviewbot.queries.directory import find_department, staff_by_userid

DESK, SUPERVISOR, SECOND, LEADER, HEAD, FOREIGN = (
    "chenjiafeng01", "wanghailing01", "pengxiaohui01", "zhouzhidong01", "wangzehao01", "zengjiabin01",
)  # fmt: skip
FACTS = {
    "number": "A1027", "item": "失业保险金申领", "department": "揭东区社会保险基金管理局", "status": "待签收",
    "stage": "办理",
    "dispatched_at": "2026-11-30 09:00", "due_at": "2026-12-07 17:30", "original_due_at": "2026-12-07 17:30",
    "overdue_days": 7, "returns": 0, "calls": 1, "drafted_at": "2026-12-14 17:30", "reason": "录音中诉求明确",
    "explanation": "不符合受理条件", "basis": "办事指南第三条",
    "events": [{"at": "2026-11-30 09:00", "what": "立案", "who": "系统"}],
}  # fmt: skip


def words(data):
    document = Document(io.BytesIO(data))
    cells = [cell.text for table in document.tables for row in table.rows for cell in row.cells]
    return "\n".join([*(paragraph.text for paragraph in document.paragraphs), *cells])


def drafted(house, origin="A1027-letter", kind=LetterKind.SUPERVISION):
    with house.database.begin() as session:
        unit = find_department(session, "SOC").id
        return draft_letter(
            session, kind, origin=origin, case=None, department_id=unit, facts=FACTS, at=house.clock.now(),
            by="system",
        ).id  # fmt: skip


def done(house, act, ident, who):
    with house.database.begin() as session:
        viewer = viewer_of_staff(staff_by_userid(session, who))
        return act(session, ident, viewer, at=house.clock.now())


def letter(house, ident):
    with house.database.begin() as session:
        return session.get_one(Letter, ident)


@pytest.mark.parametrize("kind", [*LETTERS])
def test_every_shipped_template_renders_by_the_measures_of_the_standard(kind):
    data = render(
        TEMPLATES, kind, FACTS | {"mark": "x〔2026〕1号", "sender": "局", "issued_on": "2026年12月14日"}
    )
    document = Document(io.BytesIO(data))
    (section,) = document.sections

    for measured, wanted in (
        (section.page_width, 210), (section.page_height, 297), (section.top_margin, 37), (section.left_margin, 28),
    ):  # fmt: skip
        assert abs(measured - Mm(wanted)) < Mm(0.1)
    title = document.paragraphs[1].runs[0]
    assert (title.font.name, title.font.size) == ("方正小标宋简体", Pt(22))
    assert document.paragraphs[2].runs[0].font.name == "仿宋_GB2312"
    assert document.paragraphs[2].paragraph_format.line_spacing == Pt(28.95)
    assert "{{" not in words(data)


NASTY = st.text(max_size=60) | st.sampled_from(
    ["<w:p/>&amp;", "{{ mark }}", "{% for %}", "]]>", "\x00\x07\ud800", "=1+1", "a\nb"]
)


@trying(max_examples=40, deadline=None)
@given(item=NASTY, who=NASTY)
def test_no_text_breaks_a_document_or_is_read_as_a_tag_and_equal_facts_are_equal_bytes(item, who):
    facts = FACTS | {
        "item": item, "mark": "x", "sender": "局", "issued_on": "",
        "events": [{"at": "1", "what": "立案", "who": who}],
    }  # fmt: skip
    data = render(TEMPLATES, "supervision", facts)

    assert data == render(TEMPLATES, "supervision", facts)
    told = words(data)
    if "{{ mark }}" in (item, who):
        assert "{{ mark }}" in told


def test_a_template_that_asks_for_what_is_not_there_says_so(tmp_path):
    build_templates(tmp_path)

    with pytest.raises(SettingError, match=r"supervision\.docx"):
        render(tmp_path, "supervision", {"number": "A1"})
    with pytest.raises(SettingError, match=r"nowhere\.docx"):
        render(tmp_path, "nowhere", {})


def test_a_letter_is_reviewed_by_one_issued_by_another_and_received_by_its_unit(house):
    ident = drafted(house)
    with pytest.raises(NotAllowed):
        done(house, issue_letter, ident, DESK)
    with pytest.raises(Conflict):
        done(house, issue_letter, ident, LEADER)
    with pytest.raises(NotFound):
        done(house, receive_letter, ident, HEAD)
    done(house, review_letter, ident, SUPERVISOR)
    with pytest.raises(NotAllowed, match="两人"):
        done(house, issue_letter, ident, SUPERVISOR)
    done(house, issue_letter, ident, LEADER)

    issued = letter(house, ident)
    assert (issued.year, issued.serial, issued.state) == (2026, 1, LetterState.ISSUED)
    with pytest.raises(NotFound):
        done(house, receive_letter, ident, FOREIGN)
    done(house, receive_letter, ident, HEAD)
    assert letter(house, ident).state is LetterState.RECEIVED
    with house.database.begin() as session:
        assert [one.userid for one in session.query(Message).filter_by(kind="letter")] == [HEAD]


def test_a_withdrawn_letter_stays_and_its_number_is_not_given_again(house):
    first, second = drafted(house, "one"), drafted(house, "two")
    for ident in (first, second):
        done(house, review_letter, ident, SUPERVISOR)
    done(house, issue_letter, first, SECOND)
    with pytest.raises(InvalidInput, match="原因"):
        _withdraw(house, first, " ")
    _withdraw(house, first, "事实有误")
    done(house, issue_letter, second, SECOND)

    assert (letter(house, first).serial, letter(house, second).serial) == (1, 2)
    assert letter(house, first).state is LetterState.WITHDRAWN


def _withdraw(house, ident, reason):
    with house.database.begin() as session:
        viewer = viewer_of_staff(staff_by_userid(session, SUPERVISOR))
        return withdraw_letter(session, ident, reason, viewer, at=house.clock.now())


def test_numbers_have_no_gaps_and_no_twins_however_many_issue_at_once(house):
    idents = [drafted(house, f"o{number}") for number in range(8)]
    for ident in idents:
        done(house, review_letter, ident, SUPERVISOR)
    threads = [threading.Thread(target=done, args=(house, issue_letter, ident, LEADER)) for ident in idents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(letter(house, ident).serial for ident in idents) == list(range(1, 9))


def test_the_same_origin_is_drafted_once(house):
    assert drafted(house) == drafted(house)


def test_everything_is_written_into_a_folder_and_a_draft_says_that_it_is_one(house, tmp_path):
    ident = drafted(house)
    names = write_letters(house, tmp_path)

    assert names == [f"督办函-草稿{ident}-A1027.docx", "整改台账.docx"]
    assert "（草稿，未签发）" in words((tmp_path / names[0]).read_bytes())
    done(house, review_letter, ident, SUPERVISOR)
    done(house, issue_letter, ident, LEADER)
    told = letter_docx(TEMPLATES, letter(house, ident), prefix="揭东政数督", sender="局")
    assert "揭东政数督〔2026〕1号" in words(told)
    assert file_name(letter(house, ident)) == "督办函-2026-001-A1027.docx"
