"""From rows to the plain values the templates show, and the templates themselves."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from starlette.requests import Request
from starlette.responses import HTMLResponse

from reviewbot.actions.make_move import Verb, check_right
from reviewbot.clock import CHINA
from reviewbot.errors import ReviewbotError
from reviewbot.models.case import Call, Case, CaseEvent, DueTime, Evidence
from reviewbot.models.people import Department
from reviewbot.models.review import Review
from reviewbot.queries.scope import Viewer
from reviewbot.rules.deadlines import working_from_data
from reviewbot.rules.grading import grade_name
from reviewbot.rules.lifecycle import CaseStatus, Conclusion, Move, moves_from
from reviewbot.settings import CONFIG
from reviewbot.sources.masking import mask_personal
from reviewbot.sources.profile import load_reason_codes

_TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_NO_PERSON = {"viewer": None, "csrf": "", "login": None}
RAW_SHOWN = 500
RESULT_LABELS = {
    "accepted": "采纳", "duplicate": "重复", "altered": "内容有改动", "refused": "退给来源", "set_aside": "搁置待查",
}  # fmt: skip
_STAGE_LABELS = {
    "dispatch": "派单时限", "contact": "联系评价人时限", "handling": "办理时限", "handling_complex": "复杂事项办理时限",
}  # fmt: skip
CHANNELS = {
    "pc": "电脑端", "mobile": "手机端", "qr": "二维码", "hall_tablet": "窗口平板",
    "hall_terminal": "大厅其他终端", "sms": "短信", "system_default": "系统默认",
    "hotline": "12345热线",
}  # fmt: skip
_FLAGS = {
    "default_rating": "系统默认评价", "reason_missing": "未写明原因，请回访时了解",
    "clock_ahead": "评价时间晚于接收时间", "corrected_by_hand": "经人工补正", "unpaired_surrogates_replaced": "文字含残缺字符，已替换",
    "control_characters_removed": "文字含控制字符，已去除",
}  # fmt: skip
_CODED_FLAGS = {"retired_reason_code": "已停用的原因代码"}
_RATER_KINDS = {"person": "个人", "org": "单位"}
_RATER_FIELD = re.compile(
    r'("(?:userName|mobile|phone|name|idCard|certKey|rater_?\w*|linkman\w*|contact\w*)"\s*:\s*)'
    r'("(?:[^"\\]|\\.)*"?|\d+)',
    re.IGNORECASE,
)


def render(request: Request, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    """One page; ``request.state.shown`` carries who is signed in, for the heading."""
    known = {**_NO_PERSON, **getattr(request.state, "shown", {}), **values}
    return HTMLResponse(_TEMPLATES.get_template(template).render(known), status_code=status)


def moment(at: datetime | None) -> str:
    return f"{at.astimezone(CHINA):%Y-%m-%d %H:%M}" if at else "—"


def span(length: timedelta) -> str:
    """A stretch of time in the two largest units."""
    minutes = int(abs(length).total_seconds() // 60)
    days, rest = divmod(minutes, 24 * 60)
    hours, left = divmod(rest, 60)
    if days:
        return f"{days}天{hours}小时" if hours else f"{days}天"
    return f"{hours}小时{left}分" if hours else f"{left}分钟"


@dataclass(frozen=True)
class CaseLine:
    """One case in a list; ``urgency``: overdue, soon, late (closed after its time) or empty."""

    id: int
    number: str
    status: str
    status_key: str
    item: str
    department: str
    handler: str
    grade: str
    opened: str
    due: str
    urgency: str
    urgency_text: str


def case_line(case: Case, now: datetime) -> CaseLine:
    urgency, words = _urgency(case, now)
    return CaseLine(
        id=case.id,
        number=case.number,
        status=case.status.label,
        status_key=case.status.value,
        item=mask_personal(case.review.item or "未写明事项"),
        department=case.department.short_name if case.department else "未派单",
        handler=case.handler.name if case.handler else "—",
        grade=grade_name(case.review.rating),
        opened=moment(case.opened_at),
        due=moment(case.due_at),
        urgency=urgency,
        urgency_text=words,
    )


def _urgency(case: Case, now: datetime) -> tuple[str, str]:
    if case.due_at is None:
        return "", ""
    if case.closed_at and not case.status.is_open:
        late = case.closed_at > case.due_at
        return ("late", f"超期 {span(case.closed_at - case.due_at)} 办结") if late else ("", "")
    left = case.due_at - now
    if left < timedelta(0):
        return "overdue", f"已超期 {span(left)}"
    return ("soon" if left < timedelta(days=1) else ""), f"剩余 {span(left)}"


def review_view(review: Review) -> dict[str, Any]:
    """The review as staff may read it: no name, no number, the text with personal data covered (F19)."""
    codes = _reason_codes()
    anonymous = "实名" if review.real_name else "匿名"
    kind = _RATER_KINDS.get(review.rater_kind or "", "")
    return {
        "grade": grade_name(review.rating),
        "rating": review.rating,
        "round": review.round,
        "reviewed": moment(review.reviewed_at),
        "received": moment(review.received_at),
        "facts": [
            (label, value)
            for label, value in (
                ("事项", mask_personal(review.item or "")),
                ("窗口", mask_personal(review.window or "")),
                ("渠道", CHANNELS.get(review.channel or "", review.channel)),
                ("办理人员", mask_personal(review.handled_by or "")),
                ("评价编号", review.external_id),
            )
            if value
        ],
        "rater": f"{anonymous}（{kind}）" if kind else anonymous,
        "reasons": [codes[code].meaning if code in codes else f"代码 {code}" for code in review.reason_codes],
        "comment": mask_personal(review.comment),
        "flags": [_flag(flag) for flag in review.flags],
    }


def _flag(flag: str) -> str:
    """A remark of the intake in a clerk's words; an unknown code names the field and what the sender wrote."""
    if flag in _FLAGS:
        return _FLAGS[flag]
    what, _, code = flag.partition(":")
    return f"{_CODED_FLAGS.get(what, '对照表中没有的代码')} {mask_personal(code)}"


@cache
def _reason_codes() -> dict[str, Any]:
    return dict(load_reason_codes(CONFIG / "reason_codes.csv"))


def event_view(event: CaseEvent) -> dict[str, Any]:
    changed = event.before is not None and event.before != event.after
    return {
        "at": moment(event.at),
        "label": _move_label(event.move),
        "move": event.move,
        "actor": event.actor_name,
        "remark": mask_personal(event.remark),
        "change": f"{_status_label(event.before or '')} → {_status_label(event.after)}" if changed else "",
        "notes": _event_notes(event.data),
    }


def _move_label(move: str) -> str:
    return Move(move).label if move in {known.value for known in Move} else move


def _status_label(status: str) -> str:
    return CaseStatus(status).label if status in {known.value for known in CaseStatus} else status


def _event_notes(data: dict[str, Any]) -> list[str]:
    notes = []
    if "attempt" in data:
        notes.append(f"第{data['attempt']}次，{'已接通' if data.get('reached') else '未接通'}")
    if data.get("conclusion") in {known.value for known in Conclusion}:
        notes.append(Conclusion(data["conclusion"]).label + ("，复杂事项" if data.get("complex") else ""))
    if data.get("basis"):
        notes.append("依据：" + mask_personal(str(data["basis"])))
    if data.get("channel"):
        notes.append("方式：" + mask_personal(str(data["channel"])))
    if "evidence" in data:
        notes.append(f"附件 {data['evidence']} 个" if data["evidence"] else "无附件")
    return notes


def due_view(due: DueTime, now: datetime) -> dict[str, Any]:
    """A limit with its working: every interval, counted or not, and why (B1)."""
    ended = due.met_at or now
    late = ended > due.due_at
    state = ("完成（超期）" if late else "完成") if due.met_at else ("已超期" if late else "计时中")
    rows = working_from_data(due.working).intervals if due.working else ()
    return {
        "stage": stage_label(due.stage),
        "round": due.round,
        "limit": due.limit_text,
        "started": moment(due.started_at),
        "due": moment(due.due_at),
        "met": moment(due.met_at) if due.met_at else "",
        "state": state,
        "late": late,
        "provisional": due.provisional,
        "versions": f"规则 {due.policy_version}，日历 {due.calendar_version}",
        "working": [
            {
                "start": moment(row.start),
                "end": moment(row.end),
                "counted": row.counted,
                "reason": row.reason,
                "provisional": row.provisional,
            }
            for row in rows
        ],
    }


def stage_label(stage: str) -> str:
    return _STAGE_LABELS.get(stage) or ("再次派单时限" if stage.startswith("dispatch_") else stage)


def call_view(call: Call, names: dict[int, str]) -> dict[str, Any]:
    return {
        "attempt": call.attempt,
        "at": moment(call.at),
        "by": names.get(call.staff_id or 0, "—"),
        "reached": call.reached,
        "note": mask_personal(call.note),
    }


def evidence_view(evidence: Evidence, names: dict[int, str]) -> dict[str, Any]:
    size = evidence.size
    return {
        "id": evidence.id,
        "filename": mask_personal(evidence.filename),
        "size": f"{size / 1048576:.1f} MB" if size >= 1048576 else f"{max(1, size // 1024)} KB",
        "at": moment(evidence.at),
        "by": names.get(evidence.staff_id, "—"),
        "digest": evidence.sha256[:16],
    }


def raw_view(raw: bytes) -> str:
    """The start of a record as it came, rater fields and personal numbers covered."""
    text = raw[: RAW_SHOWN * 8].decode("utf-8", "replace")
    return mask_personal(_RATER_FIELD.sub(r'\1"***"', text))[:RAW_SHOWN]


@dataclass(frozen=True)
class Field:
    """One thing a move asks for."""

    name: str
    label: str
    kind: str = "textarea"
    required: bool = True
    hint: str = ""
    options: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class MoveForm:
    """One button, with what it has to carry."""

    verb: str
    title: str
    hint: str = ""
    fields: tuple[Field, ...] = field(default_factory=tuple)
    danger: bool = False


def possible_moves(case: Case, viewer: Viewer) -> list[Move]:
    """What this person could do now: the table's moves, less those the door itself would refuse him."""
    explains = case.conclusion is not None and case.conclusion.move is Move.CONCLUDE_UNJUSTIFIED
    other = Move.SEND_BACK_MEASURES if explains else Move.SEND_BACK_EXPLANATION
    return [move for move in moves_from(case.status) if move is not other and _has_right(case, move, viewer)]


def _has_right(case: Case, move: Move, viewer: Viewer) -> bool:
    try:
        check_right(case, move, viewer)
    except ReviewbotError:
        return False
    return True


def move_forms(
    moves: Iterable[Move], departments: Sequence[Department], *, has_evidence: bool
) -> list[MoveForm]:
    """The forms of these moves, each verb once; steps back come last."""
    forms = _forms(departments, has_evidence=has_evidence)
    verbs = dict.fromkeys(_VERB_OF[move] for move in moves if move in _VERB_OF)
    return sorted((forms[verb] for verb in verbs), key=lambda form: form.danger)


_VERB_OF = {
    Move.CONCLUDE_JUSTIFIED: Verb.CONCLUDE,
    Move.CONCLUDE_UNJUSTIFIED: Verb.CONCLUDE,
    Move.CONCLUDE_MISRATED: Verb.CONCLUDE,
    Move.SEND_BACK_MEASURES: Verb.SEND_BACK,
    Move.SEND_BACK_EXPLANATION: Verb.SEND_BACK,
} | {Move(verb.value): verb for verb in Verb if verb not in (Verb.CONCLUDE, Verb.SEND_BACK)}


def _forms(departments: Sequence[Department], *, has_evidence: bool) -> dict[Verb, MoveForm]:
    units = tuple((unit.code, unit.short_name) for unit in departments)
    conclusions = tuple((known.value, known.label) for known in Conclusion)
    channels = tuple((word, word) for word in ("电话", "短信", "当面", "书面", "网上"))
    reason = Field("remark", "原因")
    unattached = Field("no_attachment", "确认没有附件也通过", "checkbox", required=False)
    forms = [
        MoveForm("dispatch", "派单", "派给承办单位；办理时限自首次派单起算。", (
            Field("department", "承办单位", "select", options=units),
            Field("remark", "说明", required=False),
        )),
        MoveForm("sign", "签收", "签收后由您经办。"),
        MoveForm("return", "退回派单台", "请写明应由谁办理；办理时限不因退回而停止。", (reason,), danger=True),
        MoveForm("record_call", "登记回访", "", (
            Field("reached", "结果", "radio", options=(("yes", "已接通"), ("no", "未接通"))),
            Field("remark", "评价人说了什么", required=False, hint="接通的须写明；请勿写电话、证件号码。"),
        )),
        MoveForm("conclude", "认定", "实名差评须先回访。", (
            Field("conclusion", "认定结果", "select", options=conclusions),
            Field("complex", "属实且情况复杂，按复杂事项时限", "checkbox", required=False),
            Field("remark", "说明", required=False),
        )),
        MoveForm("submit_measures", "提交整改", "照片和文件请先在下方上传。", (Field("remark", "整改措施"),)),
        MoveForm("submit_explanation", "提交解释", "", (
            Field("basis", "依据", "text", hint="文件名称、文号、条款"),
            Field("remark", "向评价人怎样解释"),
        )),
        MoveForm("approve", "审核通过", "", (
            *(() if has_evidence else (unattached,)),
            Field("remark", "意见", required=False),
        )),
        MoveForm("send_back", "重办", "", (reason,), danger=True),
        MoveForm("record_feedback", "登记反馈并办结", "", (
            Field("channel", "告知方式", "select", options=channels),
            Field("remark", "告知了什么"),
        )),
        MoveForm("reopen", "重开", "重开后重新核实，办理时限重新起算。", (reason,), danger=True),
    ]  # fmt: skip
    return {Verb(form.verb): form for form in forms}
