"""What a message to staff says. Never the rater's identity, phone or comment (F19): number, item, time, link."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

Body = dict[str, Any]


@dataclass(frozen=True)
class Facts:
    """The facts of a case that may travel in a message."""

    number: str
    round: int
    item: str
    department: str
    status: str
    due_at: datetime | None
    link: str


def when(moment: datetime | None) -> str:
    """A moment as a clerk reads it; the caller hands in local time."""
    return moment.strftime("%m-%d %H:%M") if moment else "—"


def new_case(facts: Facts) -> Body:
    return _card(
        facts,
        f"差评工单 {facts.number}",
        "请签收并回访核实",
        [("签收", "sign", 1), ("非本部门", "return", 2)],
    )


def to_dispatch(facts: Facts, reason: str) -> Body:
    return _card(
        facts, f"待派单 {facts.number}", f"请派单：回复「派单 {facts.number} 单位」", [], note=reason
    )


def returned(facts: Facts, reason: str) -> Body:
    return _card(facts, f"退回 {facts.number}", "单位退回，请重新派单", [], note=reason)


def to_approve(facts: Facts, *, what: str, with_evidence: bool) -> Body:
    hint = "" if with_evidence else f"没有附件；同意请回复「通过 {facts.number} 无附件」"
    return _card(
        facts,
        f"待审核 {facts.number}",
        f"{what}，请审核",
        [("通过", "approve", 1), ("重办", "send_back", 2)],
        note=hint,
    )


def sent_back(facts: Facts, reason: str) -> Body:
    return _card(facts, f"重办 {facts.number}", "审核未通过，请重新办理", [], note=reason)


def approved(facts: Facts) -> Body:
    return _card(
        facts,
        f"已通过 {facts.number}",
        "请向评价人反馈结果",
        [],
        note=f"反馈后回复「反馈 {facts.number} 电话 说明」，工单即办结",
    )


def reopened(facts: Facts, reason: str) -> Body:
    return _card(facts, f"重开 {facts.number}", "工单已重开，请重新回访核实", [], note=reason)


def reminder(facts: Facts, label: str, *, overdue: bool) -> Body:
    title = f"{'超期' if overdue else '催办'} {facts.number}"
    return _card(facts, title, f"{label}，现为「{facts.status}」", [])


def text(content: str) -> Body:
    return {"type": "text", "content": content}


def card_done(response_code: str, words: str) -> Body:
    """The pressed button turns grey and says what came of it."""
    return {"type": "card_update", "response_code": response_code, "words": words}


def _card(
    facts: Facts, title: str, desc: str, buttons: list[tuple[str, str, int]], *, note: str = ""
) -> Body:
    return {
        "type": "card",
        "number": facts.number,
        "round": facts.round,
        "title": title,
        "desc": desc,
        "note": note,
        "rows": [["事项", facts.item], ["单位", facts.department], ["时限", when(facts.due_at)]],
        "buttons": [list(button) for button in buttons],
        "link": facts.link,
    }
