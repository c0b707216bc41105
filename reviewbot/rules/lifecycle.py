"""The life of a case as a table: which move leads from which status to which, and who may make it.

Statuses and moves follow 国办发〔2019〕51号 (verify, rectify or explain, tell the rater) as laid out in
domain F7-F17. One gate, ``next_status``; one typed error, ``IllegalMove``.
"""

from enum import StrEnum

from reviewbot.errors import Conflict


class CaseStatus(StrEnum):
    AWAITING_DISPATCH = "awaiting_dispatch"
    AWAITING_SIGN = "awaiting_sign"
    VERIFYING = "verifying"
    RECTIFYING = "rectifying"
    EXPLAINING = "explaining"
    AWAITING_APPROVAL = "awaiting_approval"
    AWAITING_FEEDBACK = "awaiting_feedback"
    CLOSED = "closed"
    IN_ARBITRATION = "in_arbitration"
    ON_LEDGER = "on_ledger"
    APPEALED = "appealed"

    @property
    def label(self) -> str:
        return _STATUS_LABELS[self]

    @property
    def is_open(self) -> bool:
        return self is not CaseStatus.CLOSED

    @property
    def awaits_bureau(self) -> bool:
        """The desk or a ruling owes the next move; no unit holds the case."""
        return self in (CaseStatus.AWAITING_DISPATCH, CaseStatus.IN_ARBITRATION)

    @property
    def is_with_unit(self) -> bool:
        """A unit can act on it: neither the desk nor a ruling has it, and no appeal is being decided."""
        return not self.awaits_bureau and self is not CaseStatus.APPEALED

    @property
    def awaits_handler(self) -> bool:
        """The department's own person owes the next move."""
        return self in _AWAITS_HANDLER


class Move(StrEnum):
    OPEN = "open"
    DISPATCH = "dispatch"
    SIGN = "sign"
    RETURN = "return"
    RECORD_CALL = "record_call"
    CONCLUDE_JUSTIFIED = "conclude_justified"
    CONCLUDE_UNJUSTIFIED = "conclude_unjustified"
    ADD_EVIDENCE = "add_evidence"
    SUBMIT_MEASURES = "submit_measures"
    SUBMIT_EXPLANATION = "submit_explanation"
    APPROVE = "approve"
    SEND_BACK_MEASURES = "send_back_measures"
    SEND_BACK_EXPLANATION = "send_back_explanation"
    RECORD_FEEDBACK = "record_feedback"
    REOPEN = "reopen"
    REFUSE_RETURN = "refuse_return"
    RETURN_AGAIN = "return_again"
    CONVENE = "convene"
    RULE = "rule"
    KEEP_AS_RULE = "keep_as_rule"
    END_RULE = "end_rule"
    ASK_ASSISTANCE = "ask_assistance"
    ASSIST = "assist"
    WITHDRAW_ASSISTANCE = "withdraw_assistance"
    REQUEST_EXTENSION = "request_extension"
    GRANT_EXTENSION = "grant_extension"
    REFUSE_EXTENSION = "refuse_extension"
    REQUEST_LEDGER = "request_ledger"
    GRANT_LEDGER = "grant_ledger"
    REFUSE_LEDGER = "refuse_ledger"
    APPEAL = "appeal"
    SUPPORT_APPEAL = "support_appeal"
    UPHOLD_APPEAL = "uphold_appeal"
    REFUSE_APPEAL = "refuse_appeal"
    HAND_OVER = "hand_over"
    INSTRUCT = "instruct"
    REMARK = "remark"
    REMIND = "remind"
    MARK_OVERDUE = "mark_overdue"
    ISSUE_CARD = "issue_card"
    APPEAL_CARD = "appeal_card"
    SUPPORT_CARD_APPEAL = "support_card_appeal"
    KEEP_CARD = "keep_card"
    WITHDRAW_CARD = "withdraw_card"
    DRAFT_LETTER = "draft_letter"
    ISSUE_LETTER = "issue_letter"
    RECEIVE_LETTER = "receive_letter"
    WITHDRAW_LETTER = "withdraw_letter"
    RATER_ANSWERED = "rater_answered"
    REVEAL_PHONE = "reveal_phone"
    SETTLE_CONCERN = "settle_concern"
    RECALL = "recall"
    QUARANTINE = "quarantine"
    ERASE_RATER = "erase_rater"
    FOLLOW_CALENDAR = "follow_calendar"
    TAKE_HISTORY = "take_history"
    CLOSE_BY_SOURCE = "close_by_source"
    TAKE_SATISFACTION = "take_satisfaction"
    NOTE_SOURCE = "note_source"

    @property
    def label(self) -> str:
        return _MOVE_LABELS[self]


class Conclusion(StrEnum):
    JUSTIFIED = "justified"
    UNREASONABLE = "unreasonable"
    NO_LEGAL_BASIS = "no_legal_basis"
    POLICY_UNSUPPORTED = "policy_unsupported"
    MISRATED = "misrated"
    MALICIOUS = "malicious"
    NOT_ATTRIBUTABLE = "not_attributable"
    INVALID = "invalid"

    @property
    def label(self) -> str:
        return _CONCLUSION_LABELS[self]

    @property
    def is_appeal(self) -> bool:
        """The unit says the rating should not count; two others decide (F13)."""
        return self in _APPEAL_GROUNDS

    @property
    def move(self) -> Move:
        if self is Conclusion.JUSTIFIED:
            return Move.CONCLUDE_JUSTIFIED
        return Move.APPEAL if self.is_appeal else Move.CONCLUDE_UNJUSTIFIED


class ClosingKind(StrEnum):
    """How a case ended; kept apart in every count (F12)."""

    RECTIFIED = "rectified"
    EXPLAINED = "explained"
    MISRATED = "misrated"
    MALICIOUS = "malicious"
    NOT_ATTRIBUTABLE = "not_attributable"
    INVALID = "invalid"
    ANSWERED = "answered"
    """A work order of the hotline, answered; ratings never end this way."""

    @property
    def label(self) -> str:
        return _CLOSING_LABELS[self]

    @property
    def is_excluded(self) -> bool:
        """An upheld appeal: out of every denominator of bad reviews, shown apart (domain §3)."""
        return self in EXCLUDED


class Role(StrEnum):
    HANDLER = "handler"
    HEAD = "head"
    DESK = "desk"
    SUPERVISOR = "supervisor"
    LEADER = "leader"
    AUDITOR = "auditor"
    ADMIN = "admin"

    @property
    def label(self) -> str:
        return _ROLE_LABELS[self]


S, M = CaseStatus, Move

_STATUS_LABELS = {
    S.AWAITING_DISPATCH: "待派单", S.AWAITING_SIGN: "待签收", S.VERIFYING: "回访核实", S.RECTIFYING: "整改中",
    S.EXPLAINING: "解释说明", S.AWAITING_APPROVAL: "待审核", S.AWAITING_FEEDBACK: "待反馈", S.CLOSED: "已办结",
    S.IN_ARBITRATION: "会商裁定", S.ON_LEDGER: "台账管理", S.APPEALED: "申诉复核",
}  # fmt: skip
_MOVE_LABELS = {
    M.OPEN: "立案", M.DISPATCH: "派单", M.SIGN: "签收", M.RETURN: "退回", M.RECORD_CALL: "回访",
    M.CONCLUDE_JUSTIFIED: "认定属实", M.CONCLUDE_UNJUSTIFIED: "认定应解释", M.ADD_EVIDENCE: "补充附件",
    M.SUBMIT_MEASURES: "提交整改", M.SUBMIT_EXPLANATION: "提交解释", M.APPROVE: "通过",
    M.SEND_BACK_MEASURES: "重办（整改）", M.SEND_BACK_EXPLANATION: "重办（解释）", M.RECORD_FEEDBACK: "反馈",
    M.REOPEN: "重开", M.REFUSE_RETURN: "驳回退回", M.RETURN_AGAIN: "再次退回", M.CONVENE: "会商",
    M.RULE: "裁定", M.KEEP_AS_RULE: "照此派单", M.END_RULE: "停用派单规则", M.ASK_ASSISTANCE: "请求协办",
    M.ASSIST: "协办答复", M.WITHDRAW_ASSISTANCE: "撤销协办", M.REQUEST_EXTENSION: "申请延期",
    M.GRANT_EXTENSION: "同意延期", M.REFUSE_EXTENSION: "不同意延期", M.REQUEST_LEDGER: "申请台账",
    M.GRANT_LEDGER: "列入台账", M.REFUSE_LEDGER: "不列入台账", M.APPEAL: "申诉",
    M.SUPPORT_APPEAL: "初核同意申诉", M.UPHOLD_APPEAL: "认定申诉成立", M.REFUSE_APPEAL: "认定申诉不成立",
    M.HAND_OVER: "移交", M.INSTRUCT: "批示", M.REMARK: "备注", M.REMIND: "催办", M.MARK_OVERDUE: "超期",
    M.ISSUE_CARD: "发牌", M.APPEAL_CARD: "警示牌申诉", M.SUPPORT_CARD_APPEAL: "初核同意撤牌",
    M.KEEP_CARD: "维持警示牌", M.WITHDRAW_CARD: "撤牌", M.DRAFT_LETTER: "拟函", M.ISSUE_LETTER: "发函",
    M.RECEIVE_LETTER: "收函", M.WITHDRAW_LETTER: "撤函", M.RATER_ANSWERED: "评价人回答",
    M.REVEAL_PHONE: "查看联系电话", M.SETTLE_CONCERN: "督办核查", M.RECALL: "抽查回访",
    M.QUARANTINE: "附件隔离", M.ERASE_RATER: "删除评价人信息", M.FOLLOW_CALENDAR: "日历调整",
    M.TAKE_HISTORY: "转入已办结工单", M.CLOSE_BY_SOURCE: "来源办结", M.TAKE_SATISFACTION: "来源回访结果",
    M.NOTE_SOURCE: "来源记录不一致",
}  # fmt: skip
_CONCLUSION_LABELS = {
    Conclusion.JUSTIFIED: "属实合理",
    Conclusion.UNREASONABLE: "诉求不合理",
    Conclusion.NO_LEGAL_BASIS: "缺乏法定依据",
    Conclusion.POLICY_UNSUPPORTED: "政策不支持",
    Conclusion.MISRATED: "误评",
    Conclusion.MALICIOUS: "恶意差评",
    Conclusion.NOT_ATTRIBUTABLE: "非本单位原因",
    Conclusion.INVALID: "无效评价",
}
_APPEAL_GROUNDS = frozenset(
    {Conclusion.MISRATED, Conclusion.MALICIOUS, Conclusion.NOT_ATTRIBUTABLE, Conclusion.INVALID}
)
_CLOSING_LABELS = {
    ClosingKind.RECTIFIED: "整改办结", ClosingKind.EXPLAINED: "解释办结", ClosingKind.MISRATED: "误评认定",
    ClosingKind.MALICIOUS: "恶意差评认定", ClosingKind.NOT_ATTRIBUTABLE: "非本单位原因认定",
    ClosingKind.INVALID: "无效评价认定", ClosingKind.ANSWERED: "答复办结",
}  # fmt: skip
EXCLUDED = frozenset({ClosingKind(ground.value) for ground in _APPEAL_GROUNDS})
_ROLE_LABELS = {
    Role.HANDLER: "经办", Role.HEAD: "单位负责人", Role.DESK: "派单员", Role.SUPERVISOR: "督办",
    Role.LEADER: "领导", Role.AUDITOR: "审计", Role.ADMIN: "管理员",
}  # fmt: skip
_AWAITS_HANDLER = frozenset(
    {S.AWAITING_SIGN, S.VERIFYING, S.RECTIFYING, S.EXPLAINING, S.AWAITING_FEEDBACK, S.ON_LEDGER}
)


def closing_kind(conclusion: Conclusion | None) -> ClosingKind:
    """How a case closes that was told back: rectified, explained, or as the appeal that was upheld says."""
    if conclusion is not None and conclusion.is_appeal:
        return ClosingKind(conclusion.value)
    explained = conclusion is not None and conclusion is not Conclusion.JUSTIFIED
    return ClosingKind.EXPLAINED if explained else ClosingKind.RECTIFIED


TRANSITIONS: dict[tuple[CaseStatus, Move], CaseStatus] = {
    (S.AWAITING_DISPATCH, M.DISPATCH): S.AWAITING_SIGN,
    (S.AWAITING_SIGN, M.SIGN): S.VERIFYING,
    (S.AWAITING_SIGN, M.RETURN): S.AWAITING_DISPATCH,
    (S.VERIFYING, M.RETURN): S.AWAITING_DISPATCH,
    (S.VERIFYING, M.RECORD_CALL): S.VERIFYING,
    (S.VERIFYING, M.ADD_EVIDENCE): S.VERIFYING,
    (S.VERIFYING, M.CONCLUDE_JUSTIFIED): S.RECTIFYING,
    (S.VERIFYING, M.CONCLUDE_UNJUSTIFIED): S.EXPLAINING,
    (S.VERIFYING, M.APPEAL): S.APPEALED,
    (S.RECTIFYING, M.RECORD_CALL): S.RECTIFYING,
    (S.RECTIFYING, M.ADD_EVIDENCE): S.RECTIFYING,
    (S.RECTIFYING, M.SUBMIT_MEASURES): S.AWAITING_APPROVAL,
    (S.EXPLAINING, M.RECORD_CALL): S.EXPLAINING,
    (S.EXPLAINING, M.ADD_EVIDENCE): S.EXPLAINING,
    (S.EXPLAINING, M.SUBMIT_EXPLANATION): S.AWAITING_APPROVAL,
    # A photograph sent after the text still belongs to what the approver looks at.
    (S.AWAITING_APPROVAL, M.ADD_EVIDENCE): S.AWAITING_APPROVAL,
    (S.AWAITING_APPROVAL, M.APPROVE): S.AWAITING_FEEDBACK,
    (S.AWAITING_APPROVAL, M.SEND_BACK_MEASURES): S.RECTIFYING,
    (S.AWAITING_APPROVAL, M.SEND_BACK_EXPLANATION): S.EXPLAINING,
    (S.AWAITING_FEEDBACK, M.RECORD_FEEDBACK): S.CLOSED,
    (S.CLOSED, M.REOPEN): S.VERIFYING,
    # Not ours (F14): the desk decides; the second bounce is ruled upon, and a ruling is final.
    (S.AWAITING_DISPATCH, M.REFUSE_RETURN): S.AWAITING_SIGN,
    (S.AWAITING_DISPATCH, M.CONVENE): S.IN_ARBITRATION,
    (S.AWAITING_SIGN, M.RETURN_AGAIN): S.IN_ARBITRATION,
    (S.VERIFYING, M.RETURN_AGAIN): S.IN_ARBITRATION,
    (S.IN_ARBITRATION, M.RULE): S.AWAITING_SIGN,
    # What cannot be mended at once goes to the ledger with a date, and comes back with measures (F11).
    (S.RECTIFYING, M.REQUEST_LEDGER): S.RECTIFYING,
    (S.RECTIFYING, M.GRANT_LEDGER): S.ON_LEDGER,
    (S.RECTIFYING, M.REFUSE_LEDGER): S.RECTIFYING,
    (S.ON_LEDGER, M.RECORD_CALL): S.ON_LEDGER,
    (S.ON_LEDGER, M.ADD_EVIDENCE): S.ON_LEDGER,
    (S.ON_LEDGER, M.SUBMIT_MEASURES): S.AWAITING_APPROVAL,
    # An appeal counts until two people outside the unit uphold it; one refusal means rectifying (F13).
    (S.APPEALED, M.ADD_EVIDENCE): S.APPEALED,
    (S.APPEALED, M.SUPPORT_APPEAL): S.APPEALED,
    (S.APPEALED, M.UPHOLD_APPEAL): S.AWAITING_FEEDBACK,
    (S.APPEALED, M.REFUSE_APPEAL): S.RECTIFYING,
}
"""Every lawful step. What only adds a fact (``FACTS``) never changes a status and stands outside the table."""

_BESIDE = frozenset(
    {
        M.RETURN_AGAIN, M.CONVENE, M.ASK_ASSISTANCE, M.ASSIST, M.WITHDRAW_ASSISTANCE, M.REQUEST_EXTENSION,
        M.GRANT_EXTENSION, M.REFUSE_EXTENSION, M.REQUEST_LEDGER, M.GRANT_LEDGER, M.REFUSE_LEDGER,
        M.SUPPORT_APPEAL, M.HAND_OVER, M.INSTRUCT, M.REMARK, M.KEEP_AS_RULE,
    }
)  # fmt: skip
_WORKING = (S.VERIFYING, S.RECTIFYING, S.EXPLAINING)
_WITHIN = {
    (M.REQUEST_EXTENSION, M.GRANT_EXTENSION, M.REFUSE_EXTENSION): _WORKING,
    (M.ASK_ASSISTANCE, M.ASSIST, M.WITHDRAW_ASSISTANCE): (*_WORKING, S.ON_LEDGER),
    (M.HAND_OVER,): tuple(status for status in S if status.awaits_handler),
    (M.INSTRUCT, M.REMARK): tuple(status for status in S if status.is_open),
    (M.KEEP_AS_RULE,): tuple(
        status for status in S if not status.awaits_bureau
    ),  # once ruled it never comes back
}
TRANSITIONS |= {(at, move): at for moves, where in _WITHIN.items() for move in moves for at in where}
# A work order that its source has closed is answered, wherever it was here; a rating's source closes nothing.
TRANSITIONS |= {(at, M.CLOSE_BY_SOURCE): S.CLOSED for at in S if at.is_open}

FACTS = frozenset({
    M.REMIND, M.MARK_OVERDUE, M.ISSUE_CARD, M.WITHDRAW_CARD, M.DRAFT_LETTER, M.RATER_ANSWERED, M.REVEAL_PHONE,
    M.TAKE_HISTORY, M.SETTLE_CONCERN, M.APPEAL_CARD, M.SUPPORT_CARD_APPEAL, M.KEEP_CARD, M.ISSUE_LETTER,
    M.RECEIVE_LETTER, M.WITHDRAW_LETTER, M.END_RULE, M.RECALL, M.QUARANTINE, M.ERASE_RATER, M.FOLLOW_CALENDAR,
    M.TAKE_SATISFACTION, M.NOTE_SOURCE,
})  # fmt: skip

HANDING_IN = (M.SUBMIT_MEASURES, M.SUBMIT_EXPLANATION)
"""What another person has to approve (F17)."""
_HANDLING = frozenset({Role.HANDLER, Role.HEAD})
_RULING = frozenset({Role.SUPERVISOR, Role.LEADER})
_OUTSIDE = frozenset({Role.SUPERVISOR, Role.LEADER, Role.DESK})
_OF_THE_UNIT = (
    M.SIGN, M.RETURN, M.RETURN_AGAIN, M.RECORD_CALL, M.CONCLUDE_JUSTIFIED, M.CONCLUDE_UNJUSTIFIED, M.APPEAL,
    M.ADD_EVIDENCE, M.SUBMIT_MEASURES, M.SUBMIT_EXPLANATION, M.RECORD_FEEDBACK, M.ASSIST, M.REQUEST_EXTENSION,
    M.REQUEST_LEDGER,
)  # fmt: skip
ROLES: dict[Move, frozenset[Role]] = {
    **dict.fromkeys(_OF_THE_UNIT, _HANDLING),
    M.DISPATCH: frozenset({Role.DESK}),
    M.APPROVE: frozenset({Role.HEAD, Role.SUPERVISOR}),
    M.SEND_BACK_MEASURES: frozenset({Role.HEAD, Role.SUPERVISOR}),
    M.SEND_BACK_EXPLANATION: frozenset({Role.HEAD, Role.SUPERVISOR}),
    M.REOPEN: _RULING,
    M.REFUSE_RETURN: frozenset({Role.DESK}),
    M.CONVENE: frozenset({Role.DESK}),
    M.RULE: _RULING,
    M.KEEP_AS_RULE: frozenset({Role.DESK}),
    M.ASK_ASSISTANCE: frozenset({Role.DESK, Role.SUPERVISOR, Role.HEAD}),
    M.WITHDRAW_ASSISTANCE: frozenset({Role.DESK, Role.SUPERVISOR, Role.HEAD}),
    M.GRANT_EXTENSION: frozenset({Role.SUPERVISOR}),
    M.REFUSE_EXTENSION: frozenset({Role.SUPERVISOR}),
    M.GRANT_LEDGER: frozenset({Role.SUPERVISOR}),
    M.REFUSE_LEDGER: frozenset({Role.SUPERVISOR}),
    M.SUPPORT_APPEAL: _OUTSIDE,
    M.UPHOLD_APPEAL: _OUTSIDE,
    M.REFUSE_APPEAL: _OUTSIDE,
    M.HAND_OVER: _HANDLING | {Role.SUPERVISOR, Role.DESK},
    M.INSTRUCT: frozenset({Role.LEADER, Role.SUPERVISOR}),
    M.REMARK: _HANDLING | _OUTSIDE,
}
"""Who may make a move. ``handler`` and ``head`` count only within the department that holds the case now
(for ``ASSIST``: within a department that was asked to assist); ``desk`` hands over only what it keeps for a unit with
nobody left; what two people closed by upholding an appeal only a leader opens again."""

CITY_WIDE = frozenset({Role.DESK, Role.SUPERVISOR, Role.LEADER, Role.AUDITOR, Role.ADMIN})


class IllegalMove(Conflict):
    """The case's status does not allow this move; the sentence says what is possible instead."""

    code = "illegal_move"

    def __init__(self, number: str, status: CaseStatus, move: Move) -> None:
        possible = "、".join(m.label for m in next_steps(status)) or "无"
        super().__init__(f"工单 {number} 现为「{status.label}」，不能{move.label}；现在可以：{possible}。")
        self.number = number
        self.current = status
        self.move = move


def next_status(number: str, status: CaseStatus, move: Move) -> CaseStatus:
    """The status a move leads to, or IllegalMove."""
    try:
        return TRANSITIONS[status, move]
    except KeyError:
        raise IllegalMove(number, status, move) from None


def moves_from(status: CaseStatus) -> list[Move]:
    """The moves people can make from here, in the table's order; what a source does is nobody's."""
    return [move for (start, move) in TRANSITIONS if start is status and move in ROLES]


def next_steps(status: CaseStatus) -> list[Move]:
    """The moves that bring a case on from here; those beside the way (延期, 协办, 移交 …) are left out."""
    return [move for move in moves_from(status) if move not in _BESIDE]
