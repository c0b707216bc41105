"""What a document says, as lines, for a page that shows it before it is issued."""

import io

from docx import Document
from docx.table import Table
from docx.text.paragraph import Paragraph


def lines_of(data: bytes) -> list[str]:
    """Paragraphs and table rows in their order; cells divided by a bar."""
    lines: list[str] = []
    for part in Document(io.BytesIO(data)).iter_inner_content():
        match part:
            case Paragraph():
                lines.append(part.text.strip())
            case Table():
                lines += ["｜".join(cell.text.strip() for cell in row.cells) for row in part.rows]
    return [line for line in lines if line]
