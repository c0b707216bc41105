"""Write down what came of a re-call: an attempt in vain, or what the rater says about the record."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from reviewbot.actions.assign_recalls import lock_recall
from reviewbot.actions.end_recalls import conclude, keep_in_chain
from reviewbot.actions.raise_concern import raise_concern
from reviewbot.clock import CHINA
from reviewbot.errors import Conflict, InvalidInput
from reviewbot.models.oversight import Recall, RecallAttempt
from reviewbot.queries.recalls import attempts_of
from reviewbot.queries.rulebooks import Rulebooks
from reviewbot.queries.scope import Viewer
from reviewbot.rules.call_back import Attempt, CallRules, Outcome, Progress, outcome_of, progress
from reviewbot.rules.raters import Concern
from reviewbot.rules.recall import SAYABLE, Finding, finding_of

NOTE_LIMIT = 500
_CONCERNS = {
    Finding.NOBODY_CALLED: Concern.RECALL_NOBODY_CALLED,
    Finding.NOT_RECTIFIED: Concern.RECALL_NOT_RECTIFIED,
}


@dataclass(frozen=True)
class RecallIn:
    """What the caller reports. ``finding``: None for an attempt in vain, whose words say why."""

    finding: Finding | None
    note: str = ""


def record_recall(
    session: Session, ident: int, said: RecallIn, viewer: Viewer, *, at: datetime, rulebooks: Rulebooks
) -> str:
    """Record one call by its caller (or who stands in for him), and say what it came to.

    1. Lock the case; only somebody independent. 2. One attempt. 3. Concluded by an answer, a refusal, or by as many
    half-days in vain as a first call-back needs. 4. One event in the case's chain, with seed and population once it
    is concluded. 5. A contradicted record goes to the supervisors. Raises NotFound, NotAllowed, Conflict, InvalidInput.
    """
    recall, case = lock_recall(session, ident, viewer, at)
    rules = rulebooks.on(session, at).policy.calls
    if recall.concluded_at is not None:
        raise Conflict(f"工单 {case.number} 的抽查回访已由{recall.concluded_by}完成。")
    note = _checked(said, case.number)
    outcome = said.finding.outcome if said.finding else outcome_of(False, note)
    assert viewer.staff_id is not None  # noqa: S101 - only a member of staff has a re-call
    session.add(
        RecallAttempt(recall_id=recall.id, at=at, staff_id=viewer.staff_id, outcome=outcome.value, note=note)
    )
    session.flush()
    made = recall_progress(session, recall, rules)
    finding = said.finding or finding_of(made, Attempt(at, outcome))
    data: dict[str, object] = {"outcome": outcome.value}
    if finding is not None:
        data |= conclude(session, recall, finding, note, viewer, at)
    keep_in_chain(session, recall, case, note, data, viewer, at)
    if finding in _CONCERNS:
        # The rater's own words stay with the re-call: what is told to supervisors carries none (F19).
        rulebook = rulebooks.of(session, case)
        raise_concern(session, case, recall.round, _CONCERNS[finding], note, at=at, rulebook=rulebook)
    return f"工单 {case.number} 的抽查回访" + _told(finding, outcome, made, rules)


def recall_progress(session: Session, recall: Recall, rules: CallRules) -> Progress:
    """How far the calls of a re-call are, by the same rule as a first call-back's (F9)."""
    rows = attempts_of(session, recall.id)
    return progress((Attempt(row.at, Outcome(row.outcome)) for row in rows), rules, CHINA)


def _checked(said: RecallIn, number: str) -> str:
    if said.finding is not None and said.finding not in SAYABLE:
        raise InvalidInput("“联系不上”由各次拨打的结果得出，未接通请记为未接通。")
    note = said.note.strip()
    if said.finding is not None and not note:
        raise InvalidInput(f"请写明评价人说了什么，例如：抽查 {number} 没人联系 评价人称从未接到电话。")
    if len(note) > NOTE_LIMIT:
        raise InvalidInput(f"说明不能超过 {NOTE_LIMIT} 字。")
    return note


def _told(finding: Finding | None, outcome: Outcome, made: Progress, rules: CallRules) -> str:
    if finding is None:
        left = rules.half_days - made.half_days
        return f"已记录：{outcome.label}，还须在另外{left}个半天再拨。"
    if finding in _CONCERNS:
        return f"已完成：{finding.label}，已转督办人员核查。"
    return f"已完成：{finding.label}。"
