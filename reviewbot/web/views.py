"""From rows to the plain values the templates show, and the templates themselves."""

import hashlib
import re
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from starlette.requests import Request
from starlette.responses import HTMLResponse

from reviewbot.actions.appeal_card import may_appeal, may_decide, may_withdraw
from reviewbot.actions.settle_record import SETTLEMENTS
from reviewbot.clock import minute
from reviewbot.models.case import Call, CaseEvent, DueTime, Evidence, Safety
from reviewbot.models.message import Message
from reviewbot.models.review import KeptRecord, Review
from reviewbot.queries.cards import CardRow
from reviewbot.queries.scope import Viewer
from reviewbot.queries.time_shares import MINUTE, TimeShare
from reviewbot.rules.call_back import UNSEEN, Outcome
from reviewbot.rules.deadlines import working_from_data
from reviewbot.rules.grading import grade_name
from reviewbot.rules.lifecycle import CaseStatus, Conclusion, Move
from reviewbot.rules.masking import mask_personal
from reviewbot.rules.raters import Answer
from reviewbot.rules.rates import Rounding, percent
from reviewbot.rules.stages import ENDED_UNMET, RESUMED, stage_label
from reviewbot.settings import CONFIG
from reviewbot.sources.profile import load_reason_codes

STATIC = Path(__file__).parent / "static"
_TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@cache
def asset(name: str) -> str:
    """The address of a file of ours, changing with its content, so that a phone may keep it."""
    return f"/static/{name}?v={hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]}"


_TEMPLATES.globals["asset"] = asset
_TEMPLATES.filters["masked"] = mask_personal
_NO_PERSON = {"viewer": None, "csrf": "", "login": None}
RAW_SHOWN = 500
RESULT_LABELS = {
    "accepted": "采纳", "duplicate": "重复", "altered": "内容有改动", "refused": "退给来源", "set_aside": "搁置待查",
}  # fmt: skip
CHANNELS = {
    "pc": "电脑端", "mobile": "手机端", "qr": "二维码", "hall_tablet": "窗口平板",
    "hall_terminal": "大厅其他终端", "sms": "短信", "system_default": "系统默认",
    "hotline": "12345热线",
}  # fmt: skip
_FLAGS = {
    "default_rating": "系统默认评价", "reason_missing": "未写明原因，请回访时了解",
    "clock_ahead": "评价时间晚于接收时间", "corrected_by_hand": "经人工补正",
    "unpaired_surrogates_replaced": "文字含残缺字符，已替换",
    "control_characters_removed": "文字含控制字符，已去除",
}  # fmt: skip
_CODED_FLAGS = {"retired_reason_code": "已停用的原因代码"}
_RATER_KINDS = {"person": "个人", "org": "单位"}
_RATER_FIELD = re.compile(
    r'("(?:userName|mobile|phone|name|idCard|certKey|rater_?\w*|caller_?\w*|linkman\w*|contact\w*)"\s*:\s*)'
    r'("(?:[^"\\]|\\.)*"?|\d+)',
    re.IGNORECASE,
)


def render(request: Request, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    """One page; ``request.state.shown`` carries who is signed in, for the heading; ``here`` marks where he is."""
    known = {"here": request.url, **_NO_PERSON, **getattr(request.state, "shown", {}), **values}
    return HTMLResponse(_TEMPLATES.get_template(template).render(known), status_code=status)


def moment(at: datetime | None) -> str:
    return minute(at) if at else "—"


def span(length: timedelta) -> str:
    """A stretch of time in the two largest units."""
    minutes = int(abs(length).total_seconds() // 60)
    days, rest = divmod(minutes, 24 * 60)
    hours, left = divmod(rest, 60)
    if days:
        return f"{days}天{hours}小时" if hours else f"{days}天"
    return f"{hours}小时{left}分" if hours else f"{left}分钟"


_CORRECTED = {
    "rating": "评价等级", "reviewed_at": "评价时间", "is_default": "系统默认评价", "rater_anonymous": "匿名评价",
}  # fmt: skip


def settlement_view(kept: KeptRecord) -> dict[str, Any]:
    """What the desk made of a record that was set aside: who, when, why, and what he put right."""
    return {
        "how": SETTLEMENTS.get(kept.settlement or "", "已处理"),
        "by": kept.settled_name or kept.settled_by or "—",
        "at": moment(kept.settled_at),
        "reason": mask_personal(kept.settlement_reason or ""),
        "doubt": mask_personal(kept.reason),
        "changes": [
            (label, _corrected_value(name, (kept.correction or {})[name]))
            for name, label in _CORRECTED.items()
            if name in (kept.correction or {})
        ],
    }


def _corrected_value(name: str, value: Any) -> str:
    match name:
        case "rating":
            return f"{value} {grade_name(value)}"
        case "reviewed_at":
            return moment(datetime.fromisoformat(value))
        case _:
            return "是" if value else "否"


def review_view(review: Review, settled: KeptRecord | None = None) -> dict[str, Any]:
    """The review as staff may read it: no name, no number, the text with personal data covered (F19)."""
    anonymous = "实名" if review.real_name else "匿名"
    kind = _RATER_KINDS.get(review.rater_kind or "", "")
    return {
        "matter": review.kind.matter,
        "grade": review.grade,
        "rating": review.rating,
        "round": review.round,
        "reviewed": moment(review.reviewed_at),
        "received": moment(review.received_at),
        "facts": [
            (label, value)
            for label, value in (
                ("事项", mask_personal(review.item or "", review.rater_name)),
                ("窗口", mask_personal(review.window or "", review.rater_name)),
                ("渠道", CHANNELS.get(review.channel or "", review.channel)),
                ("办理人员", mask_personal(review.handled_by or "", review.rater_name)),
                (review.kind.matter.ident, review.external_id),
            )
            if value
        ],
        "rater": f"{review.kind.matter.person}信息已于 {moment(review.erased_at)} 删除"
        if review.erased_at
        else f"{anonymous}（{kind}）"
        if kind
        else anonymous,
        "reasons": [reason_word(code) for code in review.reason_codes],
        "comment": mask_personal(review.comment, review.rater_name),
        "flags": [_flag(flag) for flag in review.flags if not (settled and flag == "corrected_by_hand")],
        "corrected": settlement_view(settled) if settled else None,
    }


def _flag(flag: str) -> str:
    """A remark of the intake in a clerk's words; an unknown code names the field and what the sender wrote."""
    if flag in _FLAGS:
        return _FLAGS[flag]
    what, _, code = flag.partition(":")
    return f"{_CODED_FLAGS.get(what, '对照表中没有的代码')} {mask_personal(code)}"


def reason_word(code: str) -> str:
    """What a rater ticked, in words."""
    known = _reason_codes().get(code)
    return known.meaning if known else f"代码 {code}"


@cache
def _reason_codes() -> dict[str, Any]:
    return dict(load_reason_codes(CONFIG / "reason_codes.csv"))


def event_view(event: CaseEvent, rater: str | None) -> dict[str, Any]:
    changed = event.before is not None and event.before != event.after
    return {
        "at": moment(event.at),
        "label": _move_label(event.move),
        "move": event.move,
        "actor": event.actor_name,
        "remark": mask_personal(event.remark, rater),
        "change": f"{_status_label(event.before or '')} → {_status_label(event.after)}" if changed else "",
        "notes": _event_notes(event.data, rater),
        "letter": event.data.get("letter"),
    }


def _move_label(move: str) -> str:
    return Move(move).label if move in {known.value for known in Move} else move


def _status_label(status: str) -> str:
    return CaseStatus(status).label if status in {known.value for known in CaseStatus} else status


def _event_notes(data: dict[str, Any], rater: str | None) -> list[str]:
    notes = []
    if data.get("in_place_of"):
        notes.append("代 " + "、".join(data["in_place_of"]) + " 办理")
    if "attempt" in data:
        told = data.get("outcome", Outcome.REACHED if data.get("reached") else Outcome.NO_ANSWER)
        notes.append(f"第{data['attempt']}次，{Outcome(told).label}")
    if data.get("answer") in set(Answer):
        notes.append(Answer(data["answer"]).label)
    if data.get("number_unseen"):
        notes.append(UNSEEN)
    if data.get("called_at"):
        notes.append(f"{moment(datetime.fromisoformat(data['called_at']))} 拨打，事后登记")
    if data.get("conclusion") in {known.value for known in Conclusion}:
        notes.append(Conclusion(data["conclusion"]).label + ("，复杂事项" if data.get("complex") else ""))
    if data.get("basis"):
        notes.append("依据：" + mask_personal(str(data["basis"]), rater))
    if data.get("channel"):
        notes.append("方式：" + mask_personal(str(data["channel"]), rater))
    if data.get("leader") or data.get("on"):
        notes.append(f"{data.get('leader', '领导')} {data.get('on', '')}批示".replace(" 批", "批"))
    if "evidence" in data:
        notes.append(f"附件 {data['evidence']} 个" if data["evidence"] else "无附件")
    return notes


def due_view(due: DueTime, now: datetime) -> dict[str, Any]:
    """A limit with its working: every interval, counted or not, and why (B1)."""
    unmet = ENDED_UNMET.get(due.replaced_by or "", "")
    late = (due.met_at or due.replaced_at or now) > due.due_at and due.replaced_by != "anonymous"
    state = ("完成（超期）" if late else "完成") if due.met_at else ("已超期" if late else "计时中")
    if unmet:
        state = unmet
    elif due.replaced_by and due.replaced_at:
        stands_still = due.replaced_by.startswith(RESUMED)
        state = f"{moment(due.replaced_at)} 起" + (
            "停计（申诉复核）" if stands_still else f"改按{stage_label(due.replaced_by)}"
        )
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
        "policy": due.policy_version,
        "calendar": due.calendar_version,
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


def time_view(rows: list[TimeShare], rounding: Rounding) -> list[dict[str, Any]]:
    """Who had a case how long; a helper's time has no share, for it lies within the lead's."""
    whole = sum(one.time // MINUTE for one in rows if not one.helps)
    return [
        {
            "name": f"{one.name}（协办）" if one.helps else one.name,
            "time": office_time(one.time),
            "share": "" if one.helps or not whole else f"{percent(one.time // MINUTE, whole, rounding)}%",
            "late": office_time(one.late) if one.late // MINUTE else "",
        }
        for one in rows
    ]


def office_time(length: timedelta) -> str:
    hours, minutes = divmod(length // MINUTE, 60)
    return f"{hours} 小时 {minutes} 分" if hours else f"{minutes} 分"


def card_view(row: CardRow, viewer: Viewer) -> dict[str, Any]:
    """A yellow or red card, what became of it, and what this viewer may do about it."""
    card, appeal, standing = row.card, row.appeal, row.card.withdrawn_at is None
    agreed = sum(known.agreed for known in appeal.decisions) if appeal else 0
    return {
        "id": card.id,
        "label": card.label,
        "unit": row.unit,
        "reason": card.reason,
        "issued": moment(card.issued_at),
        "withdrawn": moment(card.withdrawn_at) if card.withdrawn_at else "",
        "withdrawn_reason": mask_personal(card.withdrawn_reason or "", row.rater),
        "appeal": f"{appeal.asked_name}申诉：{mask_personal(appeal.reason, row.rater)}" if appeal else "",
        "appeal_state": f"{appeal.state.label}（{agreed}/{appeal.deciders} 人同意）" if appeal else "",
        "may_appeal": standing and appeal is None and may_appeal(card, viewer),
        "may_decide": row.pending is not None and may_decide(row.pending, viewer),
        "may_withdraw": standing and may_withdraw(card, viewer),
    }


_WAYS = {"official": "公众号", "sms": "短信"}


def told_view(message: Message) -> dict[str, Any]:
    """One message to the rater: what it says, and whether he has it. What may have arrived is called that (W9)."""
    if message.state == "sent":
        state = "已发送"
    elif message.unsure_since is not None:
        state = "可能已送达"
    else:
        state = "待发送" if message.state in ("owed", "held", "sending") else "没有发出"
    return {
        "at": moment(message.sent_at or message.created_at),
        "way": _WAYS.get(message.carrier or "", "")
        if message.state == "sent" or message.unsure_since
        else "",
        "state": state,
        "words": mask_personal(str(message.body.get("content") or "")),
        "reason": "" if message.state == "sent" else message.reason or "",
    }


def call_view(call: Call, names: dict[int, str], rater: str | None) -> dict[str, Any]:
    return {
        "attempt": call.attempt,
        "at": moment(call.at),
        "by": names.get(call.staff_id or 0, "—"),
        "outcome": Outcome(call.outcome).label,
        "unseen": UNSEEN if call.number_unseen else "",
        "note": mask_personal(call.note, rater),
    }


def evidence_view(
    evidence: Evidence, names: dict[int, str], rater: str | None, *, scanning: bool
) -> dict[str, Any]:
    """``scanning``: there is a scanner, and nothing is opened before it has passed."""
    size = evidence.size
    return {
        "id": evidence.id,
        "filename": mask_personal(evidence.filename, rater),
        "size": f"{size / 1048576:.1f} MB" if size >= 1048576 else f"{max(1, size // 1024)} KB",
        "at": moment(evidence.at),
        "by": names.get(evidence.staff_id, "—"),
        "digest": evidence.sha256[:16],
        "infected": evidence.finding,
        "waits": scanning and evidence.safety is Safety.UNSCANNED,
    }


def raw_view(raw: bytes) -> str:
    """The start of a record as it came, rater fields and personal numbers covered."""
    text = raw[: RAW_SHOWN * 8].decode("utf-8", "replace")
    return mask_personal(_RATER_FIELD.sub(r'\1"***"', text))[:RAW_SHOWN]
