"""Which buttons a card carries for somebody who may make these moves now: at most three verbs (wecom P2).

A verb that needs nothing more calls back; one that needs words or files opens its page. The first is the step
that brings the case on.
"""

from collections.abc import Collection
from dataclasses import dataclass

from reviewbot.rules.lifecycle import CaseStatus, Move

MOST = 3
BLUE, GREY = 1, 2

Button = list[str | int]
"""[text, verb, style] calls back; [text, verb, style, path] opens a page of ours."""


@dataclass(frozen=True)
class _Offer:
    moves: tuple[Move, ...]
    text: str
    verb: str
    page: str = ""
    """Behind the address of the case; "" = the button calls back."""

    def button(self, number: str, style: int) -> Button:
        told: Button = [self.text, self.verb, style]
        return [*told, self.page.format(number=number)] if self.page else told


def _offer(text: str, verb: str, *moves: Move, page: str = "") -> _Offer:
    return _Offer(moves, text, verb, page)


_H5 = "/h5/cases/{number}/"
M, S = Move, CaseStatus
_AGREE = _offer("同意", "agree", M.GRANT_EXTENSION, M.GRANT_LEDGER, M.SUPPORT_APPEAL, M.UPHOLD_APPEAL)
_DISAGREE = _offer("不同意", "disagree", M.REFUSE_EXTENSION, M.REFUSE_LEDGER, M.REFUSE_APPEAL)
_RETURN = _offer("非本部门", "return", M.RETURN, M.RETURN_AGAIN, page=_H5 + "return")
_CALL = _offer("登记回访", "record_call", M.RECORD_CALL, page=_H5 + "call")
_CONCLUDE = _offer("其他认定", "conclude_otherwise", M.CONCLUDE_UNJUSTIFIED, page=_H5 + "conclude")
_EXTEND = _offer("申请延期", "request_extension", M.REQUEST_EXTENSION, page=_H5 + "extend")
_MEASURES = _offer("提交整改", "submit_measures", M.SUBMIT_MEASURES, page=_H5 + "measures")
_ASSIST = _offer("协办答复", "assist", M.ASSIST, page=_H5 + "assist")

_OFFERS: dict[CaseStatus, tuple[_Offer, ...]] = {
    S.AWAITING_DISPATCH: (_offer("派单", "dispatch", M.DISPATCH, page=_H5 + "dispatch"),),
    S.IN_ARBITRATION: (_offer("裁定", "rule", M.RULE, page=_H5 + "rule"),),
    S.AWAITING_SIGN: (_offer("签收", "sign", M.SIGN), _RETURN),
    S.RECTIFYING: (_MEASURES, _EXTEND),
    S.ON_LEDGER: (_MEASURES,),
    S.EXPLAINING: (
        _offer("提交解释", "submit_explanation", M.SUBMIT_EXPLANATION, page=_H5 + "explain"),
        _EXTEND,
    ),
    S.AWAITING_APPROVAL: (
        _offer("通过", "approve", M.APPROVE),
        _offer("重办", "send_back", M.SEND_BACK_MEASURES, M.SEND_BACK_EXPLANATION),
    ),
    S.AWAITING_FEEDBACK: (
        _offer("反馈并办结", "record_feedback", M.RECORD_FEEDBACK, page=_H5 + "record_feedback"),
    ),
    S.CLOSED: (),
    S.APPEALED: (),
}
_BEFORE_THE_CALL = (_CALL, _RETURN)
_AFTER_THE_CALL = (
    _offer("认定属实", "conclude", M.CONCLUDE_JUSTIFIED),
    _CONCLUDE,
    _offer("申诉", "appeal", M.APPEAL, page=_H5 + "appeal"),
)


def buttons_for(
    number: str, status: CaseStatus, moves: Collection[Move], *, called: bool, assists: bool = False
) -> list[Button]:
    """``called``: the call-back of this round is done (reached or exhausted), or nobody need be called.
    ``assists``: this person's unit was asked to help and nothing else."""
    steps = (_AFTER_THE_CALL if called else _BEFORE_THE_CALL) if status is S.VERIFYING else _OFFERS[status]
    if assists:
        steps = (_ASSIST,)
    offers = (_AGREE, _DISAGREE, *steps)
    may = [offer for offer in offers if not set(offer.moves).isdisjoint(moves)][:MOST]
    return [offer.button(number, BLUE if place == 0 else GREY) for place, offer in enumerate(may)]


WORDS: dict[Move, str] = {
    M.DISPATCH: "派单 {number} 单位", M.SIGN: "签收 {number}", M.RETURN: "退回 {number} 原因",
    M.RETURN_AGAIN: "退回 {number} 原因", M.RECORD_CALL: "回访 {number} 已接通 说明",
    M.CONCLUDE_JUSTIFIED: "认定 {number} 属实", M.CONCLUDE_UNJUSTIFIED: "认定 {number} 无法定依据",
    M.APPEAL: "申诉 {number} 误评 理由", M.SUBMIT_MEASURES: "整改 {number} 措施",
    M.SUBMIT_EXPLANATION: "解释 {number} 依据：… 说明：…", M.APPROVE: "通过 {number}",
    M.SEND_BACK_MEASURES: "重办 {number} 原因", M.SEND_BACK_EXPLANATION: "重办 {number} 原因",
    M.RECORD_FEEDBACK: "反馈 {number} 电话 说明", M.REOPEN: "重开 {number} 原因",
    M.REFUSE_RETURN: "驳回 {number} 理由", M.CONVENE: "会商 {number} 争议", M.RULE: "裁定 {number} 单位 理由",
    M.KEEP_AS_RULE: "照此派单 {number} 原因",
    M.ASK_ASSISTANCE: "协办 {number} 单位 要做什么", M.ASSIST: "协办答复 {number} 结果",
    M.WITHDRAW_ASSISTANCE: "撤销协办 {number} 单位 原因", M.REQUEST_EXTENSION: "延期 {number} 5 原因",
    M.GRANT_EXTENSION: "同意 {number}", M.REFUSE_EXTENSION: "不同意 {number} 原因",
    M.REQUEST_LEDGER: "台账 {number} 2027-03-31 原因", M.GRANT_LEDGER: "同意 {number}",
    M.REFUSE_LEDGER: "不同意 {number} 原因", M.SUPPORT_APPEAL: "同意 {number}", M.UPHOLD_APPEAL: "同意 {number}",
    M.REFUSE_APPEAL: "不同意 {number} 原因", M.HAND_OVER: "移交 {number} 姓名 原因",
    M.INSTRUCT: "批示 {number} 内容", M.REMARK: "备注 {number} 内容", M.ADD_EVIDENCE: "直接发送照片",
}  # fmt: skip
"""What a person types to make a move, to the letter."""

_STEPS = ((_AGREE, _DISAGREE, _ASSIST), _BEFORE_THE_CALL, _AFTER_THE_CALL, *_OFFERS.values())
TYPED = {offer.verb: WORDS[offer.moves[0]] for offers in _STEPS for offer in offers}
"""What a person types in the place of a button."""
PRESSED_AT_ONCE = frozenset({"sign", "approve", "agree", "conclude"})
"""Verbs that need nothing more; a press of any other is answered with the words to type."""
