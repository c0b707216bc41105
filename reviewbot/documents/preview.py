"""What a document says, part by part, for a page that shows it before it is issued."""

import io

from docx import Document
from docx.table import Table
from docx.text.paragraph import Paragraph

Part = str | list[list[str]]
"""A paragraph, or a table as rows of cells, its heading first."""


def parts_of(data: bytes) -> list[Part]:
    """Paragraphs and tables in their order, without what is empty."""
    parts: list[Part] = []
    for part in Document(io.BytesIO(data)).iter_inner_content():
        match part:
            case Paragraph() if words := part.text.strip():
                parts.append(words)
            case Table():
                parts.append([[cell.text.strip() for cell in row.cells] for row in part.rows])
    return parts
