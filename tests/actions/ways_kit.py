"""The moves of the table as people say them, and the ways to, through and out of every status."""

from reviewbot.rules.lifecycle import CaseStatus, Conclusion, Move

AS_SAID = {
    Move.CONCLUDE_JUSTIFIED: ("conclude", Conclusion.JUSTIFIED),
    Move.CONCLUDE_UNJUSTIFIED: ("conclude", Conclusion.NO_LEGAL_BASIS),
    Move.APPEAL: ("conclude", Conclusion.MALICIOUS),
    Move.SEND_BACK_MEASURES: ("send_back", None),
    Move.SEND_BACK_EXPLANATION: ("send_back", None),
    Move.RETURN_AGAIN: ("return", None),
    Move.ADD_EVIDENCE: ("sign", None),  # carries a file: it has a rule of its own
    **{move: ("agree", None) for move in Move if move.value.startswith(("grant", "support", "uphold"))},
    **dict.fromkeys((Move.REFUSE_EXTENSION, Move.REFUSE_LEDGER, Move.REFUSE_APPEAL), ("disagree", None)),
}
"""The table's moves as people say them."""
S = CaseStatus
JUSTIFIED = (Move.SIGN, Move.RECORD_CALL, Move.CONCLUDE_JUSTIFIED)
EXPLAINED = (Move.SIGN, Move.RECORD_CALL, Move.CONCLUDE_UNJUSTIFIED)
WAY_TO = {
    S.AWAITING_SIGN: (),
    S.AWAITING_DISPATCH: (Move.RETURN,),
    S.VERIFYING: (Move.SIGN, Move.RECORD_CALL),
    S.RECTIFYING: JUSTIFIED,
    S.EXPLAINING: EXPLAINED,
    S.AWAITING_APPROVAL: (*JUSTIFIED, Move.SUBMIT_MEASURES),
    S.AWAITING_FEEDBACK: (*JUSTIFIED, Move.SUBMIT_MEASURES, Move.APPROVE),
    S.CLOSED: (*JUSTIFIED, Move.SUBMIT_MEASURES, Move.APPROVE, Move.RECORD_FEEDBACK),
    S.IN_ARBITRATION: (Move.RETURN, Move.CONVENE),
    S.ON_LEDGER: (*JUSTIFIED, Move.REQUEST_LEDGER, Move.GRANT_LEDGER),
    S.APPEALED: (Move.SIGN, Move.RECORD_CALL, Move.APPEAL),
}
FIRST = {
    Move.ASSIST: (Move.ASK_ASSISTANCE,), Move.WITHDRAW_ASSISTANCE: (Move.ASK_ASSISTANCE,),
    Move.GRANT_EXTENSION: (Move.REQUEST_EXTENSION,), Move.REFUSE_EXTENSION: (Move.REQUEST_EXTENSION,),
    Move.GRANT_LEDGER: (Move.REQUEST_LEDGER,), Move.REFUSE_LEDGER: (Move.REQUEST_LEDGER,),
    Move.UPHOLD_APPEAL: (Move.SUPPORT_APPEAL,),
}  # fmt: skip
"""What has to be asked before it can be answered."""
WAY_ON = {
    S.AWAITING_DISPATCH: (Move.DISPATCH,), S.IN_ARBITRATION: (Move.RULE,), S.AWAITING_SIGN: (Move.SIGN,),
    S.VERIFYING: (Move.RECORD_CALL, Move.CONCLUDE_JUSTIFIED), S.APPEALED: (Move.REFUSE_APPEAL,),
    S.RECTIFYING: (Move.WITHDRAW_ASSISTANCE, Move.SUBMIT_MEASURES),
    S.ON_LEDGER: (Move.WITHDRAW_ASSISTANCE, Move.SUBMIT_MEASURES),
    S.EXPLAINING: (Move.WITHDRAW_ASSISTANCE, Move.SUBMIT_EXPLANATION),
    S.AWAITING_APPROVAL: (Move.APPROVE,), S.AWAITING_FEEDBACK: (Move.RECORD_FEEDBACK,),
}  # fmt: skip
"""How a case goes on from wherever a walk has left it: no state is without an exit."""
