"""How the verbs beyond the core path read their tails: returns, joint work, applications, hand-overs."""

import re
from datetime import date

from reviewbot.conversation.readers import DEPARTMENT, NOT_REACHED, free_text, read_conclusion
from reviewbot.conversation.words import (
    Command,
    Question,
    Reader,
    Typed,
    Verb,
    ask,
    command,
    doubt,
    late_number,
)

_AS_RULE = re.compile(
    r"[\[(【,;、。]?(?:今后|以后)?(?:同类|同一事项)?(?:照此|按此)(?:派单|办理)?[\])】。]?\s*\Z"
)


def _unit_and_words(verb: Verb, missing: str, example: str) -> Reader:
    def read(number: str | None, tail: Typed) -> Command | Question:
        department, rest = tail.take(DEPARTMENT)
        number, rest = late_number(number, rest)
        if not department or not rest.raw:
            return ask(missing, number, example)
        return command(verb, number, department=department, note=rest.raw)

    return read


def _rule(number: str | None, tail: Typed) -> Command | Question:
    """裁定 A1027 社保局 理由 照此派单: the last words make it a rule for the item."""
    found = _AS_RULE.search(tail.folded)
    body = tail.cut(0, found.start()) if found else tail
    read = _unit_and_words(Verb.rule, "裁定要写明单位和理由", "裁定 社保局 依三定方案属其职责")
    told = read(number, body)
    if isinstance(told, Command) and found:
        return Command(told.verb, told.number, told.args | {"as_rule": "yes"})
    return told


_DAYS = re.compile(r"([0-9]{1,3})\s*(?:个?(?:工作)?[日天])?(?=[\s,;、。:]|\Z)")
_CHINESE_DAYS = re.compile(r"([一二三四五六七八九十两])\s*个?(?:工作)?[日天](?=[\s,;、。:]|\Z)")
_NUMERALS = {word: str(value) for value, word in enumerate("一二三四五六七八九十", start=1)} | {"两": "2"}


def _extension(number: str | None, tail: Typed) -> Command | Question:
    days, rest = tail.take(_DAYS)
    if days is None:
        word, rest = tail.take(_CHINESE_DAYS)
        days = _NUMERALS[word] if word else None
    number, rest = late_number(number, rest)
    if days is None or not rest.raw:
        return ask("延期要写明几个工作日和原因", number, "延期 5 需与省平台核对数据")
    return command(Verb.request_extension, number, days=days, note=rest.raw)


_DAY = re.compile(
    r"(20[0-9]{2})[-/.年](1[0-2]|0?[1-9])[-/.月](3[01]|[12][0-9]|0?[1-9])日?(?=[\s,;、。:至到~—-]|\Z)"
)


def _ledger(number: str | None, tail: Typed) -> Command | Question:
    found = _DAY.match(tail.folded)
    rest = tail.cut(found.end()) if found else tail
    number, rest = late_number(number, rest)
    until = _day(found) if found else None
    if until is None or not rest.raw:
        return ask("台账要写明计划完成的日期和原因", number, "台账 2027-03-31 需改造系统，分两步完成")
    return command(Verb.request_ledger, number, until=until.isoformat(), note=rest.raw)


def _instruct(number: str | None, tail: Typed) -> Command | Question:
    """批示 A1027 内容; the day in front where it was written earlier: 批示 A1027 2026-11-05 内容."""
    found = _DAY.match(tail.folded)
    on = _day(found) if found else None
    number, rest = late_number(number, tail.cut(found.end()) if found and on else tail)
    if not rest.raw:
        return ask("批示要写明内容", number, "批示 请抓紧整改并报结果")
    if on is None:
        return command(Verb.instruct, number, note=rest.raw)
    return command(Verb.instruct, number, note=rest.raw, on=on.isoformat())


def _day(found: re.Match[str]) -> date | None:
    try:
        return date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError:
        return None


def _appeal(number: str | None, tail: Typed) -> Command | Question:
    """申诉 A1027 误评 理由: a conclusion by its other name; only the grounds of an appeal are taken."""
    told = read_conclusion(number, tail)
    if isinstance(told, Command) and told.args.get("conclusion") in _GROUNDS:
        return told
    return ask(
        "申诉要在误评、恶意差评、非本单位原因、无效评价中选写一项并写明理由", number, "申诉 误评 群众称点错"
    )


_GROUNDS = {"misrated", "malicious", "not_attributable", "invalid"}


_APPLICATIONS = {"延期": "extension", "台账": "ledger"}
_APPLICATION = re.compile(r"(延期|台账)(?:申请)?(?=[\s,;、。:]|[A-Za-z][0-9]{3}|\Z)")


def _take_application(number: str | None, tail: Typed) -> tuple[str | None, str | None, Typed]:
    """同意 A1027 延期, 同意 延期 A1027: which application is meant, the number, and the rest."""
    word, rest = tail.take(_APPLICATION)
    if word is None:
        return None, number, tail
    number, rest = late_number(number, rest)
    return _APPLICATIONS[word], number, rest


def _agree(number: str | None, tail: Typed) -> Command | Question:
    application, number, tail = _take_application(number, tail)
    no_attachment, tail = tail.take(re.compile(r"[\[(【]?(?:无|没有)附件[\])】]?"))
    missing = "没有看懂是否同意，要同意请只写编号，不同意请写「不同意」和原因"
    return doubt(tail, missing, number, "同意") or command(
        Verb.agree, number, application=application, no_attachment="yes" if no_attachment else None,
        note=tail.raw,
    )  # fmt: skip


def _disagree(number: str | None, tail: Typed) -> Command | Question:
    application, number, rest = _take_application(number, tail)
    told = _REFUSAL(number, rest)
    if isinstance(told, Command) and application:
        return Command(told.verb, told.number, told.args | {"application": application})
    return told


_REFUSAL = free_text(Verb.disagree, "reason", "不同意要写明原因", "不同意 理由不充分")


_PERSON = re.compile(r"(?:[给由]\s*)?([^\s,;、。:]+)")


def _hand_over(number: str | None, tail: Typed) -> Command | Question:
    person, rest = tail.take(_PERSON)
    number, rest = late_number(number, rest)
    if not person:
        return ask("移交要写明交给谁", number, "移交 李敏 本人下周外出培训")
    return command(Verb.hand_over, number, person=person, note=rest.raw)


_UNTIL = re.compile(r"(?:至|到|-|~|—)\s*")


def read_leave(tail: Typed) -> Command | Question:
    """请假 2026-12-01 至 2026-12-05 李敏 原因: not about a case but about everything in hand."""
    missing = Question("请假要写明起止日期和代办人，例如「请假 2026-12-01 至 2026-12-05 李敏 外出培训」。")
    first = _DAY.match(tail.folded)
    if first is None:
        return missing
    _, rest = tail.cut(first.end()).take(_UNTIL)
    last = _DAY.match(rest.folded)
    if last is not None:
        rest = rest.cut(last.end())
    person, note = rest.take(_PERSON)
    days = _day(first), _day(last) if last else _day(first)
    if person is None or None in days:
        return missing
    return command(Verb.leave, None, first=str(days[0]), last=str(days[1]), person=person, note=note.raw)


_FINDINGS: dict[str, re.Pattern[str]] = {
    "not_rectified": re.compile(r"(?:整改)?不属实|整改不实|没有?整改|未整改"),
    "confirmed": re.compile(r"(?:与记录)?(?:属实|相符|一致)"),
    "nobody_called": re.compile(r"(?:没有?人|无人)(?:联系|回访|打)过?"),
    "changed_mind": re.compile(r"改变(?:说法|主意)|改口"),
    "refused": re.compile(r"(?:拒绝|不愿)(?:回答|回访)?"),
    "missed": NOT_REACHED,
}
"""``missed`` is an attempt in vain: what it comes to follows from the attempts."""


def _recall(number: str | None, tail: Typed) -> Command | Question:
    """抽查 A1027 没人联系 说明: what the rater says about the record, by an independent caller."""
    for finding, pattern in _FINDINGS.items():
        found, rest = tail.take(pattern)
        if found:
            number, rest = late_number(number, rest)
            return command(Verb.recall, number, finding=finding, note=rest.raw)
    choices = "抽查要在属实、没人联系、整改不实、改变说法、拒绝、未接通中选写一项"
    return ask(choices, number, "抽查 属实 评价人称已接到电话，问题已解决")


PROCEDURE_READERS: dict[Verb, Reader] = {
    Verb.reopen: free_text(Verb.reopen, "reason", "重开要写明原因", "重开 群众反映问题没有解决"),
    Verb.refuse_return: free_text(
        Verb.refuse_return, "reason", "驳回要写明理由", "驳回 该事项在贵单位权责清单内"
    ),
    Verb.convene: free_text(Verb.convene, "reason", "会商要写明争议", "会商 两单位均称不属其职责"),
    Verb.rule: _rule,
    Verb.keep_as_rule: free_text(
        Verb.keep_as_rule, "reason", "照此派单要写明原因", "照此派单 同一事项今后不再会商"
    ),
    Verb.ask_assistance: _unit_and_words(
        Verb.ask_assistance, "协办要写明单位和要做什么", "协办 税务局 请提供缴费记录"
    ),
    Verb.assist: free_text(Verb.assist, "note", "协办答复要写明结果", "协办答复 缴费记录已核实无误"),
    Verb.withdraw_assistance: _unit_and_words(
        Verb.withdraw_assistance, "撤销协办要写明单位和原因", "撤销协办 税务局 材料已自行取得"
    ),
    Verb.request_extension: _extension,
    Verb.request_ledger: _ledger,
    Verb.appeal: _appeal,
    Verb.agree: _agree,
    Verb.disagree: _disagree,
    Verb.hand_over: _hand_over,
    Verb.recall: _recall,
    Verb.remark: free_text(Verb.remark, "note", "备注要写明内容", "备注 已到现场查看"),
    Verb.instruct: _instruct,
}
