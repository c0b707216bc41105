"""Letters through the doors the system uses, and what their documents say."""

import io
import re
import zipfile

from case_kit import HEAD, SUPERVISOR
from docx import Document

from reviewbot.actions.draft_by_hand import draft_ledger, draft_on_case
from reviewbot.actions.draft_letter import draft_letter
from reviewbot.actions.letter_rights import possible_acts
from reviewbot.actions.move_letter import issue_letter, receive_letter, review_letter, withdraw_letter
from reviewbot.actions.staff_words import explained
from reviewbot.documents.enclosures import enclose
from reviewbot.documents.letters import letter_bytes, stationery_of
from reviewbot.documents.preview import parts_of
from reviewbot.models.oversight import Letter, LetterKind
from reviewbot.queries.directory import find_department, staff_by_userid
from reviewbot.queries.scope import viewer_of_staff

DESK, SECOND, LEADER, FOREIGN = "chenjiafeng01", "pengxiaohui01", "zhouzhidong01", "zengjiabin01"
FACTS = {
    "number": "A1027", "item": "失业保险金申领", "department": "揭东区社会保险基金管理局", "status": "待签收",
    "stage": "办理", "dispatched_at": "2026年11月30日09:00", "due_at": "2026年12月7日17:30",
    "original_due_at": "2026年12月7日17:30", "overdue_days": 7, "returns": 0, "calls": 1,
    "drafted_at": "2026年12月14日17:30", "reason": "录音中诉求明确", "explanation": "不符合受理条件",
    "basis": "办事指南第三条", "first": "2026-11-01", "last": "2026-11-30",
}  # fmt: skip


def words(data):
    document = Document(io.BytesIO(data))
    cells = [cell.text for table in document.tables for row in table.rows for cell in row.cells]
    return "\n".join([*(paragraph.text for paragraph in document.paragraphs), *cells])


def told_in(data):
    """What a page shows of the document, a row of a table on a line."""
    parts = parts_of(data)
    rows = [[part] if isinstance(part, str) else ["｜".join(row) for row in part] for part in parts]
    return "\n".join(line for lines in rows for line in lines)


def everything_in(data):
    """All text of every part, headers, footers and properties too."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = [archive.read(name).decode("utf-8", "replace") for name in archive.namelist()]
    return re.sub(r"<[^>]+>", "", "".join(parts))


def viewer(session, who):
    """``who``: a userid, or somebody as he acts."""
    return viewer_of_staff(staff_by_userid(session, who)) if isinstance(who, str) else who


def drafted(house, origin="A1027-letter", kind=LetterKind.SUPERVISION, by="system", unit="SOC", **facts):
    with house.database.begin() as session:
        department = find_department(session, unit) if unit else None
        return draft_letter(
            session, kind, origin=origin, case=None, department_id=department.id if department else None,
            facts=FACTS | facts, at=house.clock.now(), by=by,
        ).id  # fmt: skip


def on_case(house, kind, number, who=SUPERVISOR, reason="群众反映属实"):
    with house.database.begin() as session:
        return draft_on_case(
            session, LetterKind(kind), number, reason, viewer(session, who), at=house.clock.now(),
            explain=lambda case: explained(session, case),
        ).id  # fmt: skip


def ledger_of(house, first, last, who=SUPERVISOR):
    with house.database.begin() as session:
        return draft_ledger(session, first, last, viewer(session, who), at=house.clock.now()).id


def reviewed(house, ident, who=SUPERVISOR):
    now = house.clock.now()
    with house.database.begin() as session:
        return review_letter(
            session, ident, viewer(session, who), at=now, enclose=lambda letter: enclose(session, letter, now),
            explain=lambda case: explained(session, case),
        )  # fmt: skip


def issued(house, ident, who=LEADER):
    now, paper = house.clock.now(), stationery_of(house.settings)
    with house.database.begin() as session:
        issue_letter(
            session, ident, viewer(session, who), at=now, folder=house.settings.data_dir, number=paper.numbered,
            write=lambda letter: paper.document(session, letter, now),
            explain=lambda case: explained(session, case),
        )  # fmt: skip
    return letter(house, ident)


def received(house, ident, who=HEAD):
    with house.database.begin() as session:
        return receive_letter(session, ident, viewer(session, who), at=house.clock.now())


def withdrawn(house, ident, reason="事实有误", who=SUPERVISOR):
    with house.database.begin() as session:
        return withdraw_letter(session, ident, reason, viewer(session, who), at=house.clock.now())


def offered(house, ident, who):
    """What the letter's page offers somebody; ``who``: a userid or a viewer."""
    with house.database.begin() as session:
        found = session.get_one(Letter, ident)
        return possible_acts(
            session, found, viewer(session, who), lambda case: explained(session, case), house.clock.now()
        )


def letter(house, ident):
    with house.database.begin() as session:
        return session.get_one(Letter, ident)


def document(house, ident):
    with house.database.begin() as session:
        return letter_bytes(house.settings, session, session.get_one(Letter, ident), house.clock.now())
