"""The forms of a case: which moves this person can make now, what each asks for, and what a filled one asks of us."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from starlette.datastructures import FormData

from reviewbot.actions.step import MoveIn, Verb
from reviewbot.clock import CHINA
from reviewbot.errors import InvalidInput
from reviewbot.models.case import Case, CaseEvent
from reviewbot.models.procedure import ApplicationKind
from reviewbot.queries.directory import UnitName
from reviewbot.rules.call_back import Outcome
from reviewbot.rules.lifecycle import Conclusion, Move
from reviewbot.web.bases import basis_of
from reviewbot.web.login import text_of, words_of

REMARK_LIMIT, BASIS_LIMIT = 2000, 1000
MOST_NAMED = 10
"""Choices that a sentence names: not every unit of a city."""


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


Waiting = Sequence[tuple[ApplicationKind, str]]
"""What waits for a decision: its kind, and in words who asks for what and why."""


def move_forms(
    moves: Iterable[Move], units: Sequence[UnitName], *, has_evidence: bool, waiting: Waiting
) -> list[MoveForm]:
    """The forms of these moves, each verb once; steps back come last."""
    forms = forms_by_verb(units, has_evidence=has_evidence, waiting=waiting)
    return sorted((forms[verb] for verb in verbs_of(moves)), key=lambda form: form.danger)


def verbs_of(moves: Iterable[Move]) -> list[Verb]:
    """What people say to make these moves, each once."""
    return list(dict.fromkeys(_VERB_OF[move] for move in moves if move in _VERB_OF))


_VERB_OF = {
    Move.CONCLUDE_JUSTIFIED: Verb.CONCLUDE,
    Move.CONCLUDE_UNJUSTIFIED: Verb.CONCLUDE,
    Move.APPEAL: Verb.CONCLUDE,
    Move.SEND_BACK_MEASURES: Verb.SEND_BACK,
    Move.SEND_BACK_EXPLANATION: Verb.SEND_BACK,
    Move.RETURN_AGAIN: Verb.RETURN,
    Move.GRANT_EXTENSION: Verb.AGREE,
    Move.GRANT_LEDGER: Verb.AGREE,
    Move.SUPPORT_APPEAL: Verb.AGREE,
    Move.UPHOLD_APPEAL: Verb.AGREE,
    Move.REFUSE_EXTENSION: Verb.DISAGREE,
    Move.REFUSE_LEDGER: Verb.DISAGREE,
    Move.REFUSE_APPEAL: Verb.DISAGREE,
} | {Move(verb.value): verb for verb in Verb if verb.value in {move.value for move in Move}}


def forms_by_verb(
    units: Sequence[UnitName], *, has_evidence: bool, waiting: Waiting = ()
) -> dict[Verb, MoveForm]:
    """Every form, whoever may fill it in; those of decisions show what waits and offer that alone."""
    named = tuple((unit.code, unit.label) for unit in units)
    conclusions = tuple((known.value, known.label) for known in Conclusion)
    channels = tuple((word, word) for word in ("电话", "短信", "当面", "书面", "网上"))
    reason = Field("remark", "原因")
    asked = "；".join(words for _, words in waiting)
    named_kinds = tuple((kind.value, kind.label) for kind, _ in waiting)
    which = (Field("application", "哪一项", "select", options=named_kinds),) if len(waiting) > 1 else ()
    appealed = any(kind is ApplicationKind.APPEAL for kind, _ in waiting)
    agree_anyway = Field("no_attachment", "确认没有附件也同意", "checkbox", required=False)
    unattached = Field("no_attachment", "确认没有附件也通过", "checkbox", required=False)
    forms = [
        MoveForm("dispatch", "派单", "派给承办单位；办理时限自首次派单起算。", (
            Field("department", "承办单位", "select", options=named),
            Field("remark", "说明", required=False),
        )),
        MoveForm("sign", "签收", "签收后由您经办。"),
        MoveForm("return", "退回派单台", "办理时限不因退回而停止。", (
            Field("department", "应由哪个单位办理", "select", required=False, options=(("", "不清楚"), *named)),
            Field("remark", "依据和原因"),
        ), danger=True),
        MoveForm("record_call", "登记回访", "", (
            Field("outcome", "结果", "radio", options=tuple((known.value, known.label) for known in Outcome)),
            Field("called_at", "什么时候打的", "datetime-local", required=False, hint="不填即为现在，限当天"),
            Field("remark", "评价人说了什么", required=False, hint="接通的须写明；请勿写电话、证件号码。"),
            Field("recording", "录音编号", "text", required=False, hint="话务系统中的编号，没有可不填"),
        )),
        MoveForm("conclude", "认定", "实名差评须先回访。", (
            Field("conclusion", "认定结果", "select", options=conclusions),
            Field("complex", "属实且情况复杂，按复杂事项时限", "checkbox", required=False),
            Field("remark", "说明", required=False),
        )),
        MoveForm("submit_measures", "提交整改", "照片和文件请先在下方上传。", (Field("remark", "整改措施"),)),
        MoveForm("submit_explanation", "提交解释", "", (
            Field("basis", "依据", "basis", hint="文件名称、文号、条款"),
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
        MoveForm("refuse_return", "驳回退回", "仍由退回的单位办理。", (reason,), danger=True),
        MoveForm("convene", "提请会商", "", (Field("remark", "争议"),), danger=True),
        MoveForm("rule", "会商裁定", "裁定后不能再退回。", (
            Field("department", "由哪个单位办理", "select", options=named),
            Field("remark", "理由"),
            Field("as_rule", "今后同一事项照此派单", "checkbox", required=False),
        )),
        MoveForm("keep_as_rule", "照此派单", "裁定作为今后同一事项的派单规则；在「派单规则」中可以停用。", (reason,)),
        MoveForm("ask_assistance", "请求协办", "牵头单位和办理时限不变。", (
            Field("department", "协办单位", "select", options=named),
            Field("remark", "要协办什么"),
        )),
        MoveForm("assist", "协办答复", "", (Field("remark", "协办结果"),)),
        MoveForm("withdraw_assistance", "撤销协办", "", (
            Field("department", "协办单位", "select", options=named), reason,
        ), danger=True),
        MoveForm("request_extension", "申请延期", "须在到期之前申请；批准之前期限不变，原期限始终保留。", (
            Field("days", "延几个工作日", "number"), reason,
        )),
        MoveForm("request_ledger", "申请列入台账", "一时难以解决的，写明原因和分步措施；统计口径不变。", (
            Field("until", "计划完成日期", "date", hint="办理期限之后的一个工作日"), Field("remark", "原因和分步措施"),
        )),
        MoveForm("agree", "同意申请", asked, (
            *which,
            *((agree_anyway,) if appealed and not has_evidence else ()),
            Field("remark", "意见", required=False),
        )),
        MoveForm("disagree", "不同意申请", asked, (*which, reason), danger=True),
        MoveForm("hand_over", "移交", "移交给承办单位的另一人，时限不变。", (
            Field("person", "接办人（姓名或账号）", "text"), Field("remark", "原因", required=False),
        )),
        MoveForm("instruct", "登记领导批示", "", (
            Field("remark", "批示内容"), Field("person", "批示领导", "text", required=False),
            Field("on", "批示日期（不填即今天）", "date", required=False),
        )),
        MoveForm("remark", "备注", "不改变状态和时限。", (Field("remark", "内容"),)),
        MoveForm("reopen", "重开", "重开后重新核实，办理时限重新起算。", (reason,), danger=True),
    ]  # fmt: skip
    return {Verb(form.verb): form for form in forms}


def form_of(verb: Verb) -> MoveForm:
    """The form of a verb as far as no case matters: its fields, without units to choose from."""
    return forms_by_verb((), has_evidence=True)[verb]


def asked_of(form: FormData, number: str, verb: Verb) -> MoveIn:
    """The move a filled form asks for. Raises InvalidInput for what no form of ours sends."""
    told = {
        name: text_of(form, name)
        for name in ("conclusion", "round", "days", "until", "on", "outcome", "called_at", "application")
    }
    try:
        return MoveIn(
            verb=verb,
            number=number,
            remark=words_of(form, "remark", "内容", REMARK_LIMIT),
            department=words_of(form, "department", "单位", 100) or None,
            conclusion=Conclusion(told["conclusion"]) if told["conclusion"] else None,
            complex=bool(text_of(form, "complex")),
            outcome=Outcome(told["outcome"]) if told["outcome"] else None,
            called_at=_moment(told["called_at"]) if told["called_at"] else None,
            recording=words_of(form, "recording", "录音编号", 500),
            basis=_basis(form),
            channel=words_of(form, "channel", "告知方式", 100),
            no_attachment=bool(text_of(form, "no_attachment")),
            days=int(told["days"]) if told["days"] else None,
            until=date.fromisoformat(told["until"]) if told["until"] else None,
            application=ApplicationKind(told["application"]).value if told["application"] else "",
            person=words_of(form, "person", "姓名", 100),
            on=date.fromisoformat(told["on"]) if told["on"] else None,
            as_rule=bool(text_of(form, "as_rule")),
            round=int(told["round"]) if told["round"] else None,
        )
    except ValueError:
        raise InvalidInput("提交的内容无法识别，请刷新页面后再试。") from None


def by_its_fields(wrong: InvalidInput, form: MoveForm, told: Mapping[str, str]) -> InvalidInput:
    """What was refused while a field stands empty is told by that field, as the form calls it and what it offers; what
    the field would not have mended is told as it is."""
    empty = next((each for each in form.fields if each.required and not _is_told(each, told)), None)
    if empty is None:
        return wrong
    if empty.kind not in ("select", "radio"):
        return InvalidInput(f"请填写「{empty.label}」。")
    offered = [label for key, label in empty.options if key]
    some = f"：{'、'.join(offered)}" if 0 < len(offered) <= MOST_NAMED else ""
    return InvalidInput(f"请选择「{empty.label}」{some}。")


def _is_told(each: Field, told: Mapping[str, str]) -> bool:
    names = (each.name, "basis_picked") if each.kind == "basis" else (each.name,)
    return any(told.get(name, "").strip() for name in names)


def _basis(form: FormData) -> str:
    """A citation cut off in the middle would be another citation."""
    basis = basis_of(form)
    if len(basis) > BASIS_LIMIT:
        raise InvalidInput(f"依据合计不能超过 {BASIS_LIMIT} 字，现有 {len(basis)} 字。")
    return basis


def _moment(told: str) -> datetime:
    """What a date-and-time field holds: local time without a zone."""
    return datetime.fromisoformat(told).replace(tzinfo=CHINA)


def done_words(case: Case, events: Iterable[CaseEvent], move: str) -> str:
    """What one has just done, by the name of the move; empty where the case has seen no such move.

    The last event may be another one: a granted extension can take back a card, any move can follow the calendar.
    """
    if move not in {event.move for event in events} & set(Move):
        return ""
    return f"工单 {case.number} 已{Move(move).label}，现为「{case.status.label}」。"


def kept_words(form: FormData) -> dict[str, str]:
    """What was typed, to be shown again."""
    return {
        name: text_of(form, name) for name, word in form.items() if isinstance(word, str) and name != "csrf"
    }
