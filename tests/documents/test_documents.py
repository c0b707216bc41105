"""What a document looks like and says: the standard's measures, nasty words, and nothing of the rater."""

import hashlib
import io
from datetime import timedelta

import pytest
from case_kit import (
    COMMENT,
    HEAD,
    PHONE,
    PHOTO,
    RATER,
    SUPERVISOR,
    awaiting_approval,
    call,
    case_of,
    conclude,
    handler_of,
    messages,
    move,
    overdue,
    photograph,
    verifying,
)
from docx import Document
from docx.oxml.ns import qn
from docx.shared import Mm, Pt
from hypothesis import given
from hypothesis import settings as trying
from hypothesis import strategies as st
from ladder_kit import sweep
from paper_kit import (
    FACTS,
    SECOND,
    document,
    everything_in,
    issued,
    on_case,
    reviewed,
    told_in,
    words,
)
from sqlalchemy import update

from reviewbot.actions.erase_rater import erase_rater
from reviewbot.actions.staff_words import WITHHELD
from reviewbot.commands.letters import write_letters
from reviewbot.documents.enclosures import ledger
from reviewbot.documents.layout import ENCLOSED, LETTERS, LISTS, build_templates
from reviewbot.documents.letters import TEMPLATES, stationery_of
from reviewbot.documents.render import render
from reviewbot.errors import SettingError
from reviewbot.models.case import Evidence, Safety
from reviewbot.models.oversight import Letter
from reviewbot.queries.scope import SYSTEM
from reviewbot.rules.lifecycle import Conclusion

COMMON = {
    "mark": "x〔2026〕1号", "sender": "局", "issued_on": "2026年12月14日", "report_to": "区委", "red_head": True,
    "as_of": "x", "signer": "周志东", "events": [], "limits": [], "evidence": [], "attempts": [], "rows": [],
    "came": "x", "count": 2, "oldest": "x",
}  # fmt: skip


def rendered(kind, **facts):
    return render(TEMPLATES, kind, FACTS | COMMON | facts)


@pytest.mark.parametrize("kind", [*LETTERS, *LISTS])
def test_every_shipped_template_renders_by_the_measures_of_the_standard(kind):
    data = rendered(kind)
    paper = Document(io.BytesIO(data))
    (section,) = paper.sections

    for measured, wanted in (
        (section.page_width, 210), (section.page_height, 297), (section.top_margin, 37), (section.bottom_margin, 35),
        (section.left_margin, 28), (section.right_margin, 26),
    ):  # fmt: skip
        assert abs(measured - Mm(wanted)) < Mm(0.1)
    runs = [run for paragraph in paper.paragraphs for run in paragraph.runs if run.text.strip()]
    fonts = {(run.font.size.pt, run._r.rPr.rFonts.get(qn("w:eastAsia"))) for run in runs}
    assert {(22, "方正小标宋简体"), (16, "仿宋_GB2312")} <= fonts
    body = next(one for one in paper.paragraphs if len(one.text) > 20 and one.runs[0].font.size == Pt(16))
    assert body.paragraph_format.line_spacing == Pt(28.95)
    assert body._p.pPr.ind.get(qn("w:firstLineChars")) == "200"
    assert section._sectPr.find(qn("w:docGrid")).get(qn("w:linePitch")) == "579"
    for footer in (section.footer, section.even_page_footer):
        assert footer.paragraphs[0].text == "—  —"
        assert "PAGE" in footer.paragraphs[0]._p.xml
    assert "{" not in words(data)


def test_the_ledger_lies_across_the_page_and_repeats_its_heading():
    paper = Document(io.BytesIO(rendered("ledger")))

    assert paper.sections[0].page_width > paper.sections[0].page_height
    assert paper.tables[0].rows[0]._tr.trPr.find(qn("w:tblHeader")) is not None


def test_only_what_is_issued_has_a_red_head():
    assert words(rendered("supervision", red_head=False)).count("局\n") + 1 == words(
        rendered("supervision")
    ).count("局\n")


def test_the_shipped_templates_are_those_the_layout_builds(tmp_path):
    build_templates(tmp_path)

    for kind in (*LETTERS, *LISTS, "ledger"):
        assert render(tmp_path, kind, FACTS | COMMON) == rendered(kind)


NASTY = st.text(max_size=60) | st.sampled_from(
    ["<w:p/>&amp;", "{{ mark }}", "{% for %}", "]]>", "\x00\x07\ud800", "=1+1", "a\nb", "\u202e倒", "\a\f\t"]
)


@trying(max_examples=40, deadline=None)
@given(item=NASTY, who=NASTY)
def test_no_text_breaks_a_document_or_is_read_as_a_tag_and_equal_facts_are_equal_bytes(item, who):
    facts = {"item": item, "events": [{"at": "1", "what": "立案", "who": who}]}
    data = rendered("supervision", **facts)

    assert data == rendered("supervision", **facts)
    told = words(data)
    for word in (item, who):
        if word in ("{{ mark }}", "{% for %}", "<w:p/>&amp;", "=1+1"):
            assert word in told
    assert "\u202e" not in told


def test_a_template_that_is_wrong_says_so(tmp_path):
    build_templates(tmp_path)
    (tmp_path / "ledger.docx").write_bytes(b"PK\x03\x04 cut off")

    with pytest.raises(SettingError, match=r"supervision\.docx"):
        render(tmp_path, "supervision", {"number": "A1"})
    with pytest.raises(SettingError, match=r"ledger\.docx"):
        render(tmp_path, "ledger", FACTS | COMMON)
    with pytest.raises(SettingError, match=r"nowhere\.docx"):
        render(tmp_path, "nowhere", {})


def test_the_enclosures_show_the_course_the_working_the_evidence_and_the_calls(house, clock):
    number = awaiting_approval(house)
    handler = handler_of(house, number)
    photograph(house, handler, number)
    clock.moment += timedelta(days=12)
    ident = on_case(house, "supervision", number)
    told = told_in(document(house, ident))

    assert "揭东区社会保险基金管理局承办的差评工单" in told
    assert "已逾期5天" in told
    for words_ in ("时限5个工作日（规则", "12-05 至 12-06 周末 不计", "第5个工作日", "办理时限（已超期）"):
        assert words_ in told
    assert f"现场.jpg｜2026-11-30 09:00｜{hashlib.sha256(PHOTO).hexdigest()}" in told
    assert "1｜2026-11-30 09:00｜已接通｜" in told
    assert "2026-11-30 09:00｜提交整改｜" in told


def test_the_course_tells_of_which_limit_and_of_which_colour_a_card_was(house, clock):
    number = awaiting_approval(house)
    clock.moment += timedelta(days=12)
    sweep(house)
    told = told_in(document(house, on_case(house, "supervision", number)))

    assert "｜发牌：办理黄牌｜" in told


def test_what_the_scanner_put_away_is_enclosed_nowhere_and_counted_nowhere(house, clock):
    number = awaiting_approval(house)
    photograph(house, handler_of(house, number), number)
    with house.database.begin() as session:
        session.execute(update(Evidence).values(safety=Safety.INFECTED, finding="Eicar-Test-Signature"))
    ident = on_case(house, "supervision", overdue(house, number))

    assert hashlib.sha256(PHOTO).hexdigest() not in told_in(document(house, ident))
    today = clock.now().date()
    with house.database.begin() as session:
        assert [row["evidence"] for row in ledger(session, SYSTEM, today, today, clock.now())["rows"]] == [0]


def test_nothing_of_the_rater_stands_in_any_document_or_message(house, clock, tmp_path):
    number = verifying(house, item=f"失业保险金申领（{PHONE}）")
    handler = handler_of(house, number)
    move(house, handler, "record_call", number, reached=True, remark=f"{RATER}说：{COMMENT}，电话 {PHONE}")
    conclude(house, number)
    measures = f"已向{RATER}（{PHONE}）致歉，针对“{COMMENT}”增设窗口"
    move(house, handler, "submit_measures", number, remark=measures)
    photograph(house, handler, number)
    overdue(house, number)
    for kind in ("supervision", "special_report", "rectification_notice"):
        ident = on_case(house, kind, number, reason=f"{RATER}反映属实，{PHONE}")
        reviewed(house, ident, SECOND)
        issued(house, ident)
    other = verifying(house)
    move(house, handler_of(house, other), "record_call", other, reached=True, remark="已说明")
    conclude(house, other, Conclusion.NO_LEGAL_BASIS)
    said = f"已告知{RATER}（{PHONE}）：{COMMENT}"
    move(house, handler_of(house, other), "submit_explanation", other, basis="办事指南第三条", remark=said)
    on_case(house, "explanation_notice", other)
    names = write_letters(house, tmp_path)

    assert len(names) == 5
    for name in names:
        told = everything_in((tmp_path / name).read_bytes())
        for own in (RATER, PHONE, COMMENT):
            assert own not in told, name
    assert "已向评价人（138****5678）致歉" in everything_in((tmp_path / "整改台账.docx").read_bytes())
    for one in messages(house, kind="letter"):
        assert not any(own in str(one.body) for own in (RATER, PHONE, COMMENT))


def test_words_about_an_erased_rater_stand_in_no_document(house):
    number = verifying(house)
    handler = handler_of(house, number)
    call(house, number)
    conclude(house, number)
    move(house, handler, "submit_measures", number, remark=f"已向{RATER}致歉")
    photograph(house, handler, number)
    ident = on_case(house, "rectification_notice", number, reason=f"{RATER}反映属实")
    move(house, HEAD, "approve", number)
    move(house, handler, "record_feedback", number, channel="电话", remark="已告知")
    now = house.clock.now()
    with house.database.begin() as session:
        erase_rater(session, number, "本人申请", SYSTEM, at=now)
        paper = stationery_of(house.settings)
        told = words(paper.ledger_of_all(session, now)) + words(
            paper.document(session, session.get_one(Letter, ident), now)
        )

    assert RATER not in told
    assert told.count(WITHHELD) >= 3  # the measures, the reason, the name of the photograph
    assert number in told


def test_the_ledger_counts_a_part_of_a_day_as_a_day_and_knows_what_was_done(house, clock):
    number = awaiting_approval(house)
    photograph(house, handler_of(house, number), number)
    due = case_of(house, number).due_at
    today = due.date()

    def row(now):
        with house.database.begin() as session:
            [one] = ledger(session, SYSTEM, today, today, now)["rows"]
        return one

    assert row(due)["overdue"] == "—"
    assert row(due + timedelta(seconds=1))["overdue"] == 1
    assert row(due + timedelta(days=2, seconds=1))["overdue"] == 3
    assert (row(due)["measures"], row(due)["evidence"], row(due)["conclusion"]) == ("增设窗口", 1, "属实合理")
    move(house, HEAD, "approve", number)
    clock.moment = due + timedelta(hours=1)
    move(house, handler_of(house, number), "record_feedback", number, channel="电话", remark="已告知")
    assert row(due + timedelta(days=30))["overdue"] == 1


def test_a_red_head_is_the_bureaus_choice(house, monkeypatch):
    monkeypatch.setattr(house.settings.documents, "red_head", False)
    ident = on_case(house, "supervision", overdue(house, verifying(house)), SUPERVISOR)
    reviewed(house, ident, SECOND)

    assert words(document(house, issued(house, ident).id)).count(house.settings.documents.sender) == 1


def lines(data):
    return [paragraph.text for paragraph in Document(io.BytesIO(data)).paragraphs]


def test_the_red_head_keeps_the_distances_of_the_standard():
    """GB/T 9704-2012 7.2: two lines from head to number, the rule 4 mm below it, two lines from there to the title."""
    told = lines(rendered("supervision", sender="揭阳市政务服务和数据管理局"))
    assert told[:9] == ["揭阳市政务服务和数据管理局", "", "", "x〔2026〕1号", "", "", "", told[7], ""]
    assert told[7].startswith("关于督办差评工单")

    head, rule = (Document(io.BytesIO(rendered("supervision"))).paragraphs[place] for place in (0, 4))
    assert head.runs[0].font.size.pt * 14 < 156 / 25.4 * 72  # a name of fourteen characters stays on one line
    assert round(rule.paragraph_format.line_spacing.mm) == 4
    order = [child.tag.rpartition("}")[2] for child in rule._p.pPr]
    assert order.index("pBdr") < order.index("snapToGrid") < order.index("spacing")


def test_an_enclosure_has_its_title_on_the_third_line():
    """7.3.6: 附件 and its number on the first line at the edge, the title in the middle of the third."""
    told = lines(rendered("supervision"))
    for place in (1, 2, 3, 4):
        at = told.index(f"附件{place}")
        assert told[at + 1 : at + 3] == ["", ENCLOSED[place - 1]]


def test_a_report_upward_names_who_signs_it_beside_its_number():
    """7.2.6: 发文字号 at the left, 签发人 at the right, on one line; a letter to a unit has none."""
    report = lines(rendered("special_report", signer="周志东"))
    assert "x〔2026〕1号\t签发人：周志东" in report
    assert not any("签发人" in line for line in lines(rendered("supervision", signer="周志东")))


def test_a_reason_of_several_lines_stays_several_indented_paragraphs():
    paper = Document(io.BytesIO(rendered("rectification_notice", reason="一是未叫号\n二是未说明"))).paragraphs
    second = next(line for line in paper if line.text == "二是未说明")
    first = next(line for line in paper if line.text.endswith("一是未叫号"))

    assert second.paragraph_format.first_line_indent == first.paragraph_format.first_line_indent == Pt(32)


def test_name_and_date_stand_in_one_middle_whatever_the_length_of_the_name():
    """7.3.5.1: the name in the middle above the date; a draft leaves the date open."""
    for kind in LETTERS:
        paper = Document(io.BytesIO(rendered(kind, sender="区局"))).paragraphs
        date = next(place for place, line in enumerate(paper) if line.text == "2026年12月14日")
        name = paper[date - 1]
        assert (name.text, name.alignment) == ("区局", paper[date].alignment)
        assert name.paragraph_format.left_indent == paper[date].paragraph_format.left_indent
        assert name.paragraph_format.keep_with_next


@pytest.mark.parametrize(
    ("days", "said"),
    [(0, "请于2026年12月7日17:30前完成整改"), (3, "办理时限2026年12月7日17:30已过，请立即完成整改")],
)
def test_a_notice_after_the_due_time_asks_for_no_day_that_has_gone(days, said):
    assert said in words(rendered("rectification_notice", overdue_days=days))
