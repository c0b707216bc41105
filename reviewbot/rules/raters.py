"""What a rater may say on his page, and when; what a call to him may be for (peers B4, B15, B21)."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

from reviewbot.rules.masking import mask_personal


class Answer(StrEnum):
    """One tap of the rater."""

    SATISFIED = "satisfied"
    BASICALLY = "basically"
    DISSATISFIED = "dissatisfied"
    NOBODY_CALLED = "nobody_called"

    @property
    def label(self) -> str:
        return _ANSWERS[self]


class Concern(StrEnum):
    """What a supervisor has to look into because a rater said so, on his page or when he was called again."""

    NOBODY_CALLED = "nobody_called"
    DISSATISFIED = "dissatisfied"
    RECALL_NOBODY_CALLED = "recall_nobody_called"
    RECALL_NOT_RECTIFIED = "recall_not_rectified"

    @property
    def label(self) -> str:
        return {
            "nobody_called": "评价人称没人联系", "dissatisfied": "评价人仍不满意",
            "recall_nobody_called": "抽查回访：评价人称没人联系过", "recall_not_rectified": "抽查回访：整改不实",
        }[self.value]  # fmt: skip


class Purpose(StrEnum):
    """Why somebody looks at a rater's number."""

    CALL_BACK = "call_back"
    FEEDBACK = "feedback"
    CHECK = "check"
    RECALL = "recall"
    """An independent re-call; never chosen from the list, it follows from the sample."""

    @property
    def label(self) -> str:
        return {"call_back": "回访", "feedback": "反馈", "check": "核实补充", "recall": "抽查回访"}[
            self.value
        ]


_ANSWERS = {
    Answer.SATISFIED: "满意",
    Answer.BASICALLY: "基本满意",
    Answer.DISSATISFIED: "不满意",
    Answer.NOBODY_CALLED: "没人联系我",
}


def plain_words(text: str, names: Iterable[str]) -> str:
    """Words of staff as the rater may read them: without the names of staff, personal numbers covered (F19)."""
    for name in names:
        text = text.replace(name, "工作人员")
    return mask_personal(text)


def open_answers(
    *,
    closed_at: datetime | None,
    contact_due_at: datetime | None,
    answered_at: datetime | None,
    now: datetime,
) -> tuple[Answer, ...]:
    """What the rater can say now about this round.

    All four once it is closed; before that only 没人联系我, once the limit to call him has passed, whatever the
    record says of calls: paper calls are what the answer is for. One answer counts a round; a word before the
    closing does not use up the answer after it.
    """
    if closed_at is not None:
        return () if answered_at is not None and answered_at >= closed_at else tuple(Answer)
    waited = contact_due_at is not None and now > contact_due_at
    return (Answer.NOBODY_CALLED,) if waited and answered_at is None else ()
