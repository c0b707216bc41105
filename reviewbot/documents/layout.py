"""The default templates, by the measures of GB/T 9704-2012; a bureau edits the files, not this."""

from collections.abc import Sequence
from pathlib import Path

from docx import Document
from docx.document import Document as Docx
from docx.enum.section import WD_ORIENT
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_LINE_SPACING, WD_TAB_ALIGNMENT
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.oxml.xmlchemy import BaseOxmlElement
from docx.shared import Length, Mm, Pt, RGBColor
from docx.styles.style import ParagraphStyle
from docx.text.paragraph import Paragraph
from docx.text.run import Run

TITLE, BODY, HEADING, NUMBERS = "方正小标宋简体", "仿宋_GB2312", "黑体", "宋体"
LINE = Pt(28.95)
"""22 lines a page of 225 mm."""
PITCH = 579
"""``LINE`` in twentieths of a point, for the grid."""
WIDE = 28
"""Characters on a line."""
SQUEEZE = -5
"""28 characters of 16 pt on 156 mm: each gives up a quarter of a point (in twentieths). A grid of characters would do
it too, but readers differ in how they apply one."""
HEAD_SIZE = 30
"""Of the red head: fourteen characters stand on one line."""
SIGNED = 16
"""Characters at the right edge in whose middle name and date stand: four stay free beside the date (7.3.5.1)."""
RED = RGBColor(0xE6, 0x00, 0x12)
LEFT, CENTER, RIGHT = WD_ALIGN_PARAGRAPH.LEFT, WD_ALIGN_PARAGRAPH.CENTER, WD_ALIGN_PARAGRAPH.RIGHT

Columns = tuple[tuple[str, str, float], ...]
"""Heading, name of the fact, width in millimetres."""

_STANDING = (
    "{{ department }}承办的差评工单{{ number }}（事项：{{ item }}），于{{ dispatched_at }}"
    "{% if assigned_at is defined and assigned_at != dispatched_at %}首次派单，{{ assigned_at }}派至该单位"
    "{% else %}派单{% endif %}，{{ stage }}时限至{{ due_at }}，"
    "截至{{ drafted_at }}已逾期{{ overdue_days }}天，现为“{{ status }}”。"
    "该单位退回{{ returns }}次，回访{{ calls }}次。"
)
LETTERS: dict[str, tuple[str, str | None, tuple[str, ...]]] = {
    "supervision": ("关于督办差评工单{{ number }}的函", "{{ department }}：", (
        _STANDING,
        "根据《国务院办公厅关于建立政务服务“好差评”制度提高政务服务水平的意见》（国办发〔2019〕51号）"
        "“谁办理、谁负责”的要求，现予督办。请你单位：",
        "一、指定专人，立即核实办理，不得只作文字整改；",
        "二、自收到本函之日起3个工作日内办结并书面反馈，附整改措施和证据；",
        "三、确不能按期办结的，书面说明原因、责任人和完成时间。",
    )),
    "special_report": ("关于差评工单{{ number }}逾期未办结情况的专报", "{{ report_to }}：", (
        _STANDING,
        "{% if letters is defined %}已发督办函{{ letters }}份，{% endif %}催办、发牌情况见附件1，至今未办结。",
        "建议约谈承办单位负责人，联合督办，限期办结，并将结果反馈评价人。",
        "妥否，请批示。",
    )),
    "rectification_notice": ("关于限期整改差评工单{{ number }}的通知", "{{ department }}：", (
        "你单位承办的差评工单{{ number }}（事项：{{ item }}）经核实应予整改：{{ reason }}",
        "{% if overdue_days %}办理时限{{ due_at }}已过，请立即{% else %}请于{{ due_at }}前{% endif %}"
        "完成整改，提交整改措施和证据，并将结果反馈评价人。",
    )),
    "explanation_notice": ("关于评价{{ number }}的解释说明告知书", "尊敬的评价人：", (
        "您对“{{ item }}”的评价（编号{{ number }}）收悉。经核实，现说明如下：",
        "{{ explanation }}",
        "依据：{{ basis }}",
        "感谢您对政务服务工作的监督。",
    )),
}  # fmt: skip
_LISTED = (
    "附件所列{{ count }}件工单由来源派发，随{{ came }}送达的记录转来，转来时已超过督办期限；"
    "其中最早一件办理时限至{{ oldest }}。截至{{ as_of }}均未办结。"
)
LISTS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "supervision_list": ("关于督办{{ count }}件逾期工单的函", "{{ department }}：", (
        _LISTED,
        "现一并予以督办。请你单位指定专人逐件核实办理，自收到本函之日起3个工作日内办结并书面反馈；"
        "已在来源系统办结的，提供办结情况；确不能按期办结的，逐件书面说明原因、责任人和完成时间。",
    )),
    "special_report_list": ("关于{{ count }}件工单逾期未办结情况的专报", "{{ report_to }}：", (
        _LISTED,
        "建议约谈承办单位负责人，联合督办，限期逐件办结。",
        "妥否，请批示。",
    )),
}  # fmt: skip
"""About all that had passed its rung when it came; each named after the kind it is of."""
ENCLOSED = ("办理经过", "时限及计算过程", "证据清单", "回访记录")
LIST = "逾期工单清单"
UPWARD = frozenset({"special_report"})
"""上行文: the number at the left and who signed it at the right, each a character from the edge (7.2.5, 7.2.6)."""
WITH_ENCLOSURES = frozenset({"supervision", "special_report", "rectification_notice"})
EVENTS: Columns = (("时间", "at", 46), ("环节", "what", 60), ("办理人", "who", 50))
EVIDENCE: Columns = (("文件", "name", 38), ("提交时间", "at", 38), ("SHA-256", "sha256", 80))
CALLS: Columns = (("次数", "attempt", 20), ("时间", "at", 46), ("结果", "outcome", 45), ("回访人", "who", 45))
LISTED: Columns = (
    ("序号", "place", 11), ("编号", "number", 17), ("事项", "item", 32), ("单位", "department", 22),
    ("派发", "sent", 27), ("到期", "due", 27), ("逾期天数", "overdue", 20),
)  # fmt: skip
LEDGER: Columns = (
    ("序号", "place", 9), ("编号", "number", 14), ("事项", "item", 29), ("单位", "department", 18),
    ("立案", "opened", 24), ("到期", "due", 24), ("现状", "status", 17), ("认定", "conclusion", 17),
    ("整改措施或解释", "measures", 30), ("证据", "evidence", 9), ("办结", "closed", 24), ("超期天数", "overdue", 10),
)  # fmt: skip


def build_templates(folder: Path) -> None:
    """Write the default templates."""
    folder.mkdir(parents=True, exist_ok=True)
    for kind, (title, addressee, paragraphs) in LETTERS.items():
        enclosed = ENCLOSED if kind in WITH_ENCLOSURES else ()
        document = _letter(title, addressee, paragraphs, enclosed, upward=kind in UPWARD)
        if enclosed:
            _enclosures(document)
        document.save(str(folder / f"{kind}.docx"))
    for name, (title, addressee, paragraphs) in LISTS.items():
        document = _letter(title, addressee, paragraphs, (LIST,), upward=name.removesuffix("_list") in UPWARD)
        _enclosure_head(document, "附件", LIST)
        _table(document, LISTED, "rows")
        document.save(str(folder / f"{name}.docx"))
    _ledger(folder)


def _letter(
    title: str, addressee: str | None, paragraphs: Sequence[str], enclosed: Sequence[str], *, upward: bool
) -> Docx:
    """From the head to the date, the enclosures named."""
    document = _page()
    _head(document, title, upward=upward)
    if addressee:
        _line(document, addressee)
    for paragraph in paragraphs:
        last = _line(document, paragraph, indent=2)
    last.paragraph_format.keep_with_next = True  # no page bears a signature without some of the text
    if enclosed:
        _named_enclosures(document, enclosed)
    for words in ("", "{{ sender }}"):
        signed = _line(document, words, place=CENTER, left=WIDE - SIGNED)
        signed.paragraph_format.keep_with_next = True
    _line(document, "{{ issued_on }}", place=CENTER, left=WIDE - SIGNED)
    return document


def _head(document: Docx, title: str, *, upward: bool) -> None:
    """The red head of what is issued: two lines to its number, 4 mm to the rule, two lines to the title. A draft has
    none and says so where its number would be."""
    _line(document, "{%p if red_head %}")
    _line(document, "{{ sender }}", font=TITLE, size=HEAD_SIZE, place=CENTER, red=True, exactly=Pt(58))
    _line(document, "")
    _line(document, "")
    _line(document, "{%p endif %}")
    if upward:
        mark = _line(document, "{{ mark }}\t签发人：{{ signer }}", left=1, right=1)
        mark.paragraph_format.tab_stops.add_tab_stop(Pt(15.75 * (WIDE - 1)), WD_TAB_ALIGNMENT.RIGHT)
    else:
        mark = _line(document, "{{ mark }}", place=CENTER)
    _line(document, "{%p if red_head %}")
    rule = _line(document, "", exactly=Mm(4))
    _free_of_grid(rule)
    _border(rule, "E60012")
    _line(document, "")
    _line(document, "{%p endif %}")
    mark.paragraph_format.keep_with_next = True
    _line(document, "")
    _line(document, title, font=TITLE, size=22, place=CENTER, exactly=Pt(34))
    _line(document, "")


def _named_enclosures(document: Docx, names: Sequence[str]) -> None:
    """Numbered where there are several (7.3.4)."""
    lines = [_line(document, "")]
    for place, name in enumerate(names, start=1):
        first, number = place == 1, f"{place}. " if len(names) > 1 else ""
        lines.append(_line(document, f"{'附件：' if first else ''}{number}{name}", left=2 if first else 5))
    for line in lines:
        line.paragraph_format.keep_with_next = True


def _enclosures(document: Docx) -> None:
    heads = [(f"附件{place}", name) for place, name in enumerate(ENCLOSED, start=1)]
    _enclosure_head(document, *heads[0])
    _table(document, EVENTS, "events")
    _enclosure_head(document, *heads[1])
    _line(document, "{%p for limit in limits %}")
    _line(document, "{{ limit.stage }}（{{ limit.state }}）", font=HEADING, indent=2)
    _line(document, "{%p for line in limit.working %}")
    _line(document, "{{ line }}", indent=2)
    _line(document, "{%p endfor %}")
    _line(document, "{%p endfor %}")
    _enclosure_head(document, *heads[2])
    _table(document, EVIDENCE, "evidence")
    _enclosure_head(document, *heads[3])
    _table(document, CALLS, "attempts")


def _enclosure_head(document: Docx, mark: str, title: str) -> None:
    name = _line(document, mark, font=HEADING)
    name.paragraph_format.page_break_before = True
    _line(document, "")  # the title stands on the third line
    _line(document, title, font=TITLE, size=22, place=CENTER, exactly=Pt(34))
    _line(document, "")


def _ledger(folder: Path) -> None:
    document = _page(landscape=True)
    _line(document, "差评整改台账", font=TITLE, size=22, place=CENTER, exactly=Pt(34))
    _line(document, "{{ mark }}　{{ first }}至{{ last }}　截至{{ as_of }}", size=12, place=CENTER)
    _table(document, LEDGER, "rows", size=10.5)
    _line(
        document, "注：期内立案、办结或期末未办结的均列入；超期天数按自然日计，不足一日按一日计。", size=10.5
    )
    _line(document, "{{ sender }}　{{ issued_on }}", size=12, place=RIGHT)
    document.save(str(folder / "ledger.docx"))


def _page(*, landscape: bool = False) -> Docx:
    document = Document()
    section = document.sections[0]
    section.page_width, section.page_height = Mm(210), Mm(297)
    section.top_margin, section.bottom_margin = Mm(37), Mm(35)
    section.left_margin, section.right_margin = Mm(28), Mm(26)
    if landscape:
        section.orientation = WD_ORIENT.LANDSCAPE
        section.page_width, section.page_height = Mm(297), Mm(210)
        section.top_margin, section.bottom_margin = Mm(28), Mm(26)
        section.left_margin, section.right_margin = Mm(37), Mm(35)
    section.footer_distance = section.bottom_margin - Mm(12)  # the number stands 7 mm below the text
    normal = document.styles["Normal"]
    assert isinstance(normal, ParagraphStyle)  # noqa: S101 - every document's Normal is one
    normal.font.name, normal.font.size = BODY, Pt(16)
    normal.element.get_or_add_rPr().get_or_add_rFonts().set(qn("w:eastAsia"), BODY)
    normal.paragraph_format.space_after = Pt(0)
    if not landscape:
        _grid(section._sectPr)  # noqa: SLF001 - python-docx has no word for the grid
    document.settings.odd_and_even_pages_header_footer = True
    _page_number(section.footer.paragraphs[0], RIGHT)
    _page_number(section.even_page_footer.paragraphs[0], LEFT)
    return document


def _grid(properties: object) -> None:
    """22 lines a page."""
    grid = properties.find(qn("w:docGrid"))  # type: ignore[attr-defined]
    if grid is None:
        grid = OxmlElement("w:docGrid")
        properties.append(grid)  # type: ignore[attr-defined]
    for name, value in (("type", "lines"), ("linePitch", PITCH)):
        grid.set(qn(f"w:{name}"), str(value))


def _page_number(paragraph: Paragraph, place: WD_ALIGN_PARAGRAPH) -> None:
    """— 1 — in 4号 at the outer edge, one character in."""
    paragraph.alignment = place
    _indent(paragraph, left=1 if place is LEFT else 0, right=1 if place is RIGHT else 0)
    for kind, words in (("", "— "), ("begin", ""), ("", "PAGE"), ("end", ""), ("", " —")):
        run = paragraph.add_run("" if kind or words == "PAGE" else words)
        _font(run, NUMBERS, 14)
        if kind:
            mark = OxmlElement("w:fldChar")
            mark.set(qn("w:fldCharType"), kind)
            run._r.append(mark)  # noqa: SLF001 - nor for fields
        elif words == "PAGE":
            field = OxmlElement("w:instrText")
            field.text = words
            run._r.append(field)  # noqa: SLF001


def _line(
    document: Docx, words: str, *, font: str = BODY, size: float = 16, place: WD_ALIGN_PARAGRAPH | None = None,
    indent: int = 0, left: int = 0, right: int = 0, red: bool = False, exactly: Length = LINE,
) -> Paragraph:  # fmt: skip
    """One paragraph; ``indent`` of its first line, ``left`` and ``right`` in characters."""
    paragraph = document.add_paragraph()
    paragraph.paragraph_format.line_spacing_rule = WD_LINE_SPACING.EXACTLY
    paragraph.paragraph_format.line_spacing = exactly
    if place is not None:
        paragraph.alignment = place
    _indent(paragraph, first=indent, left=left, right=right)
    run = paragraph.add_run(words)
    _font(run, font, size)
    if size == 16:
        _mark(run._r.get_or_add_rPr(), "w:spacing", str(SQUEEZE), "w:w", "w:kern", "w:position", "w:sz")  # noqa: SLF001
    if red:
        run.font.color.rgb = RED
    return paragraph


def _indent(paragraph: Paragraph, *, first: int = 0, left: int = 0, right: int = 0) -> None:
    """In characters, as Word and WPS count them; the same in points for readers that do not."""
    if not (first or left or right):
        return
    layout = paragraph.paragraph_format
    layout.first_line_indent, layout.left_indent, layout.right_indent = (
        Pt(16 * first),
        Pt(16 * left),
        Pt(16 * right),
    )
    marks = paragraph._p.get_or_add_pPr().get_or_add_ind()  # noqa: SLF001 - nor for indents in characters
    for name, count in (("firstLineChars", first), ("leftChars", left), ("rightChars", right)):
        marks.set(qn(f"w:{name}"), str(100 * count))


def _border(paragraph: Paragraph, colour: str) -> None:
    """The red line across the page."""
    borders, line = OxmlElement("w:pBdr"), OxmlElement("w:bottom")
    for name, value in (("val", "single"), ("sz", "18"), ("space", "1"), ("color", colour)):
        line.set(qn(f"w:{name}"), value)
    borders.append(line)
    paragraph._p.get_or_add_pPr().insert_element_before(  # noqa: SLF001 - nor for borders
        borders, "w:shd", "w:snapToGrid", "w:spacing", "w:ind", "w:jc", "w:rPr"
    )


def _free_of_grid(paragraph: Paragraph) -> None:
    """Its lines keep their own height instead of the page's."""
    _mark(paragraph._p.get_or_add_pPr(), "w:snapToGrid", "0", "w:spacing", "w:ind", "w:jc", "w:rPr")  # noqa: SLF001


def _mark(parent: BaseOxmlElement, name: str, value: str, *successors: str) -> None:
    """One of the marks python-docx has no word for, in its place among the others."""
    mark = OxmlElement(name)
    mark.set(qn("w:val"), value)
    parent.insert_element_before(mark, *successors)


def _font(run: Run, name: str, size: float) -> None:
    run.font.size, run.font.name = Pt(size), name
    run._r.get_or_add_rPr().get_or_add_rFonts().set(qn("w:eastAsia"), name)  # noqa: SLF001


def _table(document: Docx, columns: Columns, rows: str, *, size: float = 12) -> None:
    """A table whose second to fourth rows are docxtpl's loop over ``rows``; its heading repeats on every page."""
    table = document.add_table(rows=4, cols=len(columns))
    table.style, table.autofit, table.alignment = "Table Grid", False, WD_TABLE_ALIGNMENT.CENTER
    margins = OxmlElement("w:tblCellMar")
    for side in ("left", "right"):
        margin = OxmlElement(f"w:{side}")
        margin.set(qn("w:w"), "57")  # a millimetre, so that a date stays on one line
        margin.set(qn("w:type"), "dxa")
        margins.append(margin)
    table._tblPr.insert_element_before(margins, "w:tblLook")  # noqa: SLF001 - nor for the cells' margins
    for place, (heading, name, width) in enumerate(columns):
        table.columns[place].width = Mm(width)
        for row in table.rows:
            row.cells[place].width = Mm(width)
        for at, words, font in ((0, heading, HEADING), (2, f"{{{{ row.{name} }}}}", BODY)):
            paragraph = table.cell(at, place).paragraphs[0]
            paragraph.alignment = CENTER if at == 0 else LEFT
            paragraph.paragraph_format.space_before = paragraph.paragraph_format.space_after = Pt(2)
            _free_of_grid(paragraph)
            _font(paragraph.add_run(words), font, size)
    table.cell(1, 0).paragraphs[0].add_run(f"{{%tr for row in {rows} %}}")
    table.cell(3, 0).paragraphs[0].add_run("{%tr endfor %}")
    for row, name in ((0, "w:tblHeader"), (0, "w:cantSplit"), (2, "w:cantSplit")):
        table.rows[row]._tr.get_or_add_trPr().append(OxmlElement(name))  # noqa: SLF001 - nor for rows that stay whole
    for words in (
        f"{{%p if not {rows} %}}",
        "（无）",
        "{%p endif %}",
    ):  # an empty table looks like a forgotten one
        _line(document, words, indent=2)
