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

    @property
    def label(self) -> str:
        return _STATUS_LABELS[self]

    @property
    def is_open(self) -> bool:
        return self is not CaseStatus.CLOSED

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
    CONCLUDE_MISRATED = "conclude_misrated"
    ADD_EVIDENCE = "add_evidence"
    SUBMIT_MEASURES = "submit_measures"
    SUBMIT_EXPLANATION = "submit_explanation"
    APPROVE = "approve"
    SEND_BACK_MEASURES = "send_back_measures"
    SEND_BACK_EXPLANATION = "send_back_explanation"
    RECORD_FEEDBACK = "record_feedback"
    REOPEN = "reopen"
    REMIND = "remind"
    MARK_OVERDUE = "mark_overdue"

    @property
    def label(self) -> str:
        return _MOVE_LABELS[self]


class Conclusion(StrEnum):
    JUSTIFIED = "justified"
    UNREASONABLE = "unreasonable"
    NO_LEGAL_BASIS = "no_legal_basis"
    POLICY_UNSUPPORTED = "policy_unsupported"
    MISRATED = "misrated"

    @property
    def label(self) -> str:
        return _CONCLUSION_LABELS[self]

    @property
    def move(self) -> Move:
        match self:
            case Conclusion.JUSTIFIED:
                return Move.CONCLUDE_JUSTIFIED
            case Conclusion.MISRATED:
                return Move.CONCLUDE_MISRATED
            case _:
                return Move.CONCLUDE_UNJUSTIFIED


class ClosingKind(StrEnum):
    """How a case ended; kept apart in every count (F12)."""

    RECTIFIED = "rectified"
    EXPLAINED = "explained"
    MISRATED = "misrated"

    @property
    def label(self) -> str:
        return {"rectified": "整改办结", "explained": "解释办结", "misrated": "误评认定"}[self.value]


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
    S.AWAITING_DISPATCH: "待派单",
    S.AWAITING_SIGN: "待签收",
    S.VERIFYING: "回访核实",
    S.RECTIFYING: "整改中",
    S.EXPLAINING: "解释说明",
    S.AWAITING_APPROVAL: "待审核",
    S.AWAITING_FEEDBACK: "待反馈",
    S.CLOSED: "已办结",
}
_MOVE_LABELS = {
    M.OPEN: "立案",
    M.DISPATCH: "派单",
    M.SIGN: "签收",
    M.RETURN: "退回",
    M.RECORD_CALL: "回访",
    M.CONCLUDE_JUSTIFIED: "认定属实",
    M.CONCLUDE_UNJUSTIFIED: "认定应解释",
    M.CONCLUDE_MISRATED: "认定误评",
    M.ADD_EVIDENCE: "补充附件",
    M.SUBMIT_MEASURES: "提交整改",
    M.SUBMIT_EXPLANATION: "提交解释",
    M.APPROVE: "通过",
    M.SEND_BACK_MEASURES: "重办（整改）",
    M.SEND_BACK_EXPLANATION: "重办（解释）",
    M.RECORD_FEEDBACK: "反馈",
    M.REOPEN: "重开",
    M.REMIND: "催办",
    M.MARK_OVERDUE: "超期",
}
_CONCLUSION_LABELS = {
    Conclusion.JUSTIFIED: "属实合理",
    Conclusion.UNREASONABLE: "诉求不合理",
    Conclusion.NO_LEGAL_BASIS: "缺乏法定依据",
    Conclusion.POLICY_UNSUPPORTED: "政策不支持",
    Conclusion.MISRATED: "误评",
}
_ROLE_LABELS = {
    Role.HANDLER: "经办",
    Role.HEAD: "单位负责人",
    Role.DESK: "派单员",
    Role.SUPERVISOR: "督办",
    Role.LEADER: "领导",
    Role.AUDITOR: "审计",
    Role.ADMIN: "管理员",
}
_AWAITS_HANDLER = frozenset({S.AWAITING_SIGN, S.VERIFYING, S.RECTIFYING, S.EXPLAINING, S.AWAITING_FEEDBACK})

TRANSITIONS: dict[tuple[CaseStatus, Move], CaseStatus] = {
    (S.AWAITING_DISPATCH, M.DISPATCH): S.AWAITING_SIGN,
    (S.AWAITING_SIGN, M.SIGN): S.VERIFYING,
    (S.AWAITING_SIGN, M.RETURN): S.AWAITING_DISPATCH,
    (S.VERIFYING, M.RETURN): S.AWAITING_DISPATCH,
    (S.VERIFYING, M.RECORD_CALL): S.VERIFYING,
    (S.VERIFYING, M.ADD_EVIDENCE): S.VERIFYING,
    (S.VERIFYING, M.CONCLUDE_JUSTIFIED): S.RECTIFYING,
    (S.VERIFYING, M.CONCLUDE_UNJUSTIFIED): S.EXPLAINING,
    # A misrating has nothing to mend; another's eyes decide, and a refusal means rectifying (F13).
    (S.VERIFYING, M.CONCLUDE_MISRATED): S.AWAITING_APPROVAL,
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
}
"""Every lawful step. The clock's own moves (催办, 超期) never change a status and stand outside the table."""

CLOCK_MOVES = frozenset({M.REMIND, M.MARK_OVERDUE})

_HANDLING = frozenset({Role.HANDLER, Role.HEAD})
ROLES: dict[Move, frozenset[Role]] = {
    M.DISPATCH: frozenset({Role.DESK}),
    M.SIGN: _HANDLING,
    M.RETURN: _HANDLING,
    M.RECORD_CALL: _HANDLING,
    M.CONCLUDE_JUSTIFIED: _HANDLING,
    M.CONCLUDE_UNJUSTIFIED: _HANDLING,
    M.CONCLUDE_MISRATED: _HANDLING,
    M.ADD_EVIDENCE: _HANDLING,
    M.SUBMIT_MEASURES: _HANDLING,
    M.SUBMIT_EXPLANATION: _HANDLING,
    M.APPROVE: frozenset({Role.HEAD, Role.SUPERVISOR}),
    M.SEND_BACK_MEASURES: frozenset({Role.HEAD, Role.SUPERVISOR}),
    M.SEND_BACK_EXPLANATION: frozenset({Role.HEAD, Role.SUPERVISOR}),
    M.RECORD_FEEDBACK: _HANDLING,
    M.REOPEN: frozenset({Role.SUPERVISOR}),
}
"""Who may make a move. ``handler`` and ``head`` count only within the department that holds the case now."""

CITY_WIDE = frozenset({Role.DESK, Role.SUPERVISOR, Role.LEADER, Role.AUDITOR, Role.ADMIN})


class IllegalMove(Conflict):
    """The case's status does not allow this move; the sentence says what is possible instead."""

    code = "illegal_move"

    def __init__(self, number: str, status: CaseStatus, move: Move) -> None:
        possible = "、".join(m.label for m in moves_from(status)) or "无"
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
    """The moves people can make from here, in the table's order."""
    return [move for (start, move) in TRANSITIONS if start is status]
