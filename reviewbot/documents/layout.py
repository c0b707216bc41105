"""The default templates, by the measures of GB/T 9704-2012; a bureau edits the files, not this."""

from pathlib import Path

from docx import Document
from docx.document import Document as Docx
from docx.enum.section import WD_ORIENT
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_LINE_SPACING
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Mm, Pt

TITLE, BODY, HEADING = "方正小标宋简体", "仿宋_GB2312", "黑体"
LINE = Pt(28.95)
"""22 lines a page of 225 mm."""

_CASE = (
    "    {{ department }}承办的差评工单 {{ number }}（事项：{{ item }}），{{ dispatched_at }} 派单，"
    "{{ stage }}时限 {{ due_at }}，至 {{ drafted_at }} 已逾期 {{ overdue_days }} 天，现为“{{ status }}”。"
)
LETTERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "supervision": ("督 办 函", (
        "{{ department }}：", _CASE,
        "    该件已退回 {{ returns }} 次，回访 {{ calls }} 次。请自收到本函之日起 3 个工作日内办结并书面反馈；"
        "不能按期办结的，说明原因、责任人和完成时间。",
    )),
    "special_report": ("关于差评工单 {{ number }} 逾期未办结的专报", (
        _CASE,
        "    经短信提醒、黄牌、红牌和督办函，仍未办结。该件退回 {{ returns }} 次，回访 {{ calls }} 次。"
        "建议约谈承办单位负责人，限期办结。",
    )),
    "rectification_notice": ("整 改 通 知", (
        "{{ department }}：",
        "    差评工单 {{ number }}（事项：{{ item }}）经复核应予整改：{{ reason }}。"
        "请按办理时限 {{ due_at }} 完成整改并提交附件。",
    )),
    "explanation_notice": ("解释说明告知书", (
        "尊敬的评价人：",
        "    您对“{{ item }}”的评价（编号 {{ number }}）已核实。{{ explanation }}",
        "    依据：{{ basis }}。",
    )),
}  # fmt: skip
LEDGER_COLUMNS = (
    ("编号", "number"), ("事项", "item"), ("单位", "department"), ("立案", "opened"), ("时限", "due"),
    ("现状", "status"), ("认定", "conclusion"), ("附件", "evidence"), ("办结", "closed"), ("逾期天数", "overdue"),
)  # fmt: skip


def build_templates(folder: Path) -> None:
    """Write the five default templates."""
    folder.mkdir(parents=True, exist_ok=True)
    for kind, (title, paragraphs) in LETTERS.items():
        document = _page()
        _line(document, "{{ mark }}", BODY, 16, WD_ALIGN_PARAGRAPH.CENTER)
        _line(document, title, TITLE, 22, WD_ALIGN_PARAGRAPH.CENTER)
        for paragraph in paragraphs:
            _line(document, paragraph, BODY, 16)
        _line(document, "{{ sender }}", BODY, 16, WD_ALIGN_PARAGRAPH.RIGHT)
        _line(document, "{{ issued_on }}", BODY, 16, WD_ALIGN_PARAGRAPH.RIGHT)
        if kind in ("supervision", "special_report"):
            _line(document, "附件：办理经过", HEADING, 16)
            _table(document, (("时间", "at"), ("环节", "what"), ("办理人", "who")), "events")
        document.save(str(folder / f"{kind}.docx"))
    ledger = _page(landscape=True)
    _line(ledger, "差评整改台账（{{ first }} 至 {{ last }}）", TITLE, 22, WD_ALIGN_PARAGRAPH.CENTER)
    _table(ledger, LEDGER_COLUMNS, "rows", size=10.5)
    ledger.save(str(folder / "ledger.docx"))


def _page(*, landscape: bool = False) -> Docx:
    document = Document()
    section = document.sections[0]
    section.page_width, section.page_height = Mm(210), Mm(297)
    if landscape:
        section.orientation = WD_ORIENT.LANDSCAPE
        section.page_width, section.page_height = Mm(297), Mm(210)
    section.top_margin, section.bottom_margin = Mm(37), Mm(35)
    section.left_margin, section.right_margin = Mm(28), Mm(26)
    _page_number(section.footer.paragraphs[0])
    return document


def _page_number(paragraph: object) -> None:
    """— 1 — in the middle of the foot."""
    paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER  # type: ignore[attr-defined]
    for kind, words in (("", "— "), ("begin", ""), ("", "PAGE"), ("end", ""), ("", " —")):
        run = paragraph.add_run("" if kind or words == "PAGE" else words)  # type: ignore[attr-defined]
        _font(run, "宋体", 14)
        if kind:
            mark = OxmlElement("w:fldChar")
            mark.set(qn("w:fldCharType"), kind)
            run.element.append(mark)
        elif words == "PAGE":
            field = OxmlElement("w:instrText")
            field.text = words
            run.element.append(field)


def _line(
    document: Docx, words: str, font: str, size: float, place: WD_ALIGN_PARAGRAPH | None = None
) -> None:
    paragraph = document.add_paragraph()
    paragraph.paragraph_format.line_spacing_rule = WD_LINE_SPACING.EXACTLY
    paragraph.paragraph_format.line_spacing = LINE
    paragraph.paragraph_format.space_after = Pt(0)
    if place is not None:
        paragraph.alignment = place
    _font(paragraph.add_run(words), font, size)


def _font(run: object, name: str, size: float) -> None:
    run.font.size = Pt(size)  # type: ignore[attr-defined]
    run.font.name = name  # type: ignore[attr-defined]
    run.element.get_or_add_rPr().get_or_add_rFonts().set(qn("w:eastAsia"), name)  # type: ignore[attr-defined]


def _table(document: Docx, columns: tuple[tuple[str, str], ...], rows: str, *, size: float = 12) -> None:
    """A table whose second to fourth rows are docxtpl's loop over ``rows``."""
    table = document.add_table(rows=4, cols=len(columns))
    table.style = "Table Grid"
    for place, (heading, name) in enumerate(columns):
        for row, words in ((0, heading), (2, f"{{{{ row.{name} }}}}")):
            _font(table.cell(row, place).paragraphs[0].add_run(words), BODY, size)
    table.cell(1, 0).paragraphs[0].add_run(f"{{%tr for row in {rows} %}}")
    table.cell(3, 0).paragraphs[0].add_run("{%tr endfor %}")
