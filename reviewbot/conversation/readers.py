"""How each verb of the core path reads its tail; what is missing, doubled or doubtful becomes a Question."""

import re

from reviewbot.conversation.words import (
    NOT_UNDERSTOOD,
    Command,
    Question,
    Reader,
    Typed,
    Verb,
    ask,
    command,
    doubt,
    late_number,
)  # fmt: skip


def _sign(number: str | None, tail: Typed) -> Command | Question:
    asked = doubt(tail, "没有看懂是否要签收，要签收请只写编号", number, "签收")
    return asked or command(Verb.sign, number, note=tail.raw)


_NO_ATTACHMENT = re.compile(r"[\[(【]?(?:无|没有|无需|不需要?)附件[\])】]?")


def _approve(number: str | None, tail: Typed) -> Command | Question:
    no_attachment, tail = tail.take(_NO_ATTACHMENT)
    number, tail = late_number(number, tail)
    missing = "没有看懂是否要通过，不通过请用「重办」并写明原因，要通过请只写编号"
    return doubt(tail, missing, number, "通过") or command(
        Verb.approve, number, no_attachment="yes" if no_attachment else None, note=tail.raw
    )


_LABEL = re.compile(r"(?:退回|重办)?(?:原因|理由)\s*:|(?:整改)?措施\s*:")


def free_text(verb: Verb, key: str, missing: str, example: str) -> Reader:
    def read(number: str | None, tail: Typed) -> Command | Question:
        words = tail.take(_LABEL)[1].raw
        return command(verb, number, **{key: words}) if words else ask(missing, number, example)

    return read


DEPARTMENT = re.compile(r"(?:[给到至]\s*)?([^\s,;、。:]+)")


def _dispatch(number: str | None, tail: Typed) -> Command | Question:
    department, note = tail.take(DEPARTMENT)
    number, note = late_number(number, note)
    if not department:
        return ask("派单要写明派给哪个单位", number, "派单 社保局")
    return command(Verb.dispatch, number, department=department, note=note.raw)


NOT_REACHED = re.compile(
    r"未接通|没有?接通|未能接通|无法接通|接不通|接通不了|接通失败|打不通|[没未]打通|[没无]人接听?|未联系上|联系不上"
)
_REACHED = re.compile(r"已?接通了?|已打通|打通了|已联系上")


def _record_call(number: str | None, tail: Typed) -> Command | Question:
    missed, note = tail.take(NOT_REACHED)
    reached, note = (None, note) if missed else tail.take(_REACHED)
    if not missed and not reached:
        return ask("回访要写明已接通还是未接通", number, "回访 已接通 群众反映等候时间长")
    number, note = late_number(number, note)
    return command(Verb.record_call, number, reached="no" if missed else "yes", note=note.raw)


# A conclusion must stand alone ("属实但不合理" is neither of the two), only 复杂 may lean on it.
_COMPLEX = re.compile(r"[\[(【]?复杂(?:件|事项|情形|情况)?[\])】]?(?=[\s,;、。:A-Za-z]|\Z)")
_END = r"(?=[\s,;、。:.!(\[【A-Za-z]|复杂|\Z)"
_CONCLUSIONS: dict[str, re.Pattern[str]] = {
    "justified": re.compile(r"(?:情况|诉求|投诉)?(?:基本)?属实(?:且?合理)?" + _END),
    "unreasonable": re.compile(r"(?:诉求)?不合理" + _END),
    "no_legal_basis": re.compile(r"(?:诉求)?(?:无|没有|缺乏|缺少)(?:法定|法律)?依据" + _END),
    "policy_unsupported": re.compile(r"(?:现行)?政策不(?:支持|允许)" + _END),
    "misrated": re.compile(r"(?:群众)?(?:误评|错评|误差评)" + _END),
    "malicious": re.compile(r"(?:恶意(?:差评|评价)?)" + _END),
    "not_attributable": re.compile(r"(?:非本单位(?:原因|责任)?|不可归责)" + _END),
    "invalid": re.compile(r"无效(?:评价|差评)?" + _END),
}


def _take_conclusion(tail: Typed) -> tuple[str | None, Typed]:
    for key, pattern in _CONCLUSIONS.items():
        found, rest = tail.take(pattern)
        if found:
            return key, rest
    return None, tail


def conclusion_named(text: str) -> str | None:
    """The conclusion that this text is and nothing else, as staff say it; None where it is none."""
    key, rest = _take_conclusion(Typed(text, text))
    return None if rest.raw else key


def read_conclusion(number: str | None, tail: Typed) -> Command | Question:
    early, tail = tail.take(_COMPLEX)
    conclusion, tail = _take_conclusion(tail)
    if conclusion is None or _take_conclusion(tail)[0]:
        choices = "认定要在属实、不合理、无法定依据、政策不支持、误评中选写一项"
        return ask(choices, number, "认定 属实 窗口确有超时")
    number, tail = late_number(number, tail)
    late, note = (None, tail) if early else tail.take(_COMPLEX)
    number, note = late_number(number, note)
    is_complex = "yes" if early or late else None
    return command(Verb.conclude, number, conclusion=conclusion, complex=is_complex, note=note.raw)


_BASIS = re.compile(r"(?:政策|法律|法定|文件)?依据\s*:|(?:(?<=[\s,;、。])|\A)依据(?=\s)")
_EXPLANATION = re.compile(r"(?:情况|解释)?说明\s*:|(?:(?<=[\s,;、。])|\A)说明(?=\s)")


def _explain(number: str | None, tail: Typed) -> Command | Question:
    basis, explanation = _basis_and_explanation(tail)
    if not basis or not explanation:
        missing = "解释写了依据，还要写说明" if basis else "解释要写明依据"
        return ask(missing, number, "解释 依据：《社会保险法》第五十八条 说明：已向群众说明办理条件")
    return command(Verb.submit_explanation, number, basis=basis, explanation=explanation)


def _basis_and_explanation(tail: Typed) -> tuple[str, str]:
    """Either order; what stands before the basis, or on the lines after it, is explanation too."""
    found = _BASIS.search(tail.folded)
    if found is None:
        return "", tail.raw
    _, before = tail.cut(0, found.start()).take(_EXPLANATION)
    after = tail.cut(found.end())
    said = _EXPLANATION.search(after.folded) or (None if before.raw else re.search("\n", after.folded))
    if said is None:
        return after.raw, before.raw
    rest = after.cut(said.end()).raw
    return after.cut(0, said.start()).raw, "\n".join(filter(None, (before.raw, rest)))


_CHANNEL = re.compile(r"电话|短信|当面|微信|邮件|其他|上门|[^\s,;、。:]{1,4}(?=[\s,;、。:]+\S)")
# Feedback closes a case: a call that reached nobody is not feedback.
_NOT_TOLD = re.compile(NOT_REACHED.pattern + r"|未能|未通|无法|没有?告知|未告知|停机|空号|关机")


def _feedback(number: str | None, tail: Typed) -> Command | Question:
    channel, note = tail.take(_CHANNEL)
    if channel is None:
        return ask("反馈要写明用什么方式告知了群众", number, "反馈 电话 已告知处理结果")
    number, note = late_number(number, note)
    if _NOT_TOLD.match(note.folded):
        return ask("没有告知到群众不能算反馈，请记录为回访未接通", number, "回访 未接通 无人接听")
    return command(Verb.record_feedback, number, channel=channel, note=note.raw)


CORE_READERS: dict[Verb, Reader] = {
    Verb.sign: _sign, Verb.dispatch: _dispatch, Verb.record_call: _record_call, Verb.conclude: read_conclusion,
    Verb.submit_explanation: _explain, Verb.approve: _approve, Verb.record_feedback: _feedback,
    Verb.show_case: lambda no, rest: NOT_UNDERSTOOD if rest.folded else Command(Verb.show_case, no),
    Verb.return_: free_text(Verb.return_, "reason", "退回要写明原因", "退回 该事项不属于本单位职责"),
    Verb.send_back: free_text(Verb.send_back, "reason", "重办要写明原因", "重办 未见整改照片"),
    Verb.submit_measures: free_text(Verb.submit_measures, "measures", "整改要写明措施", "整改 已增设窗口"),
}  # fmt: skip
