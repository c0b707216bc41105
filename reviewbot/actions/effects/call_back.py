"""The call-back: every attempt with its outcome; no conclusion before it reached the rater or was exhausted (F9)."""

import re
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from reviewbot.actions.start_clock import next_rung, round_began, stop_clock
from reviewbot.actions.step import Effect, Step, need
from reviewbot.clock import CHINA
from reviewbot.errors import InvalidInput
from reviewbot.models.case import Call, Case
from reviewbot.queries.calls import looked_at_number
from reviewbot.rules.call_back import (
    UNSEEN,
    Attempt,
    Outcome,
    Progress,
    may_be_recorded,
    outcome_of,
    progress,
    what_counts,
)
from reviewbot.rules.lifecycle import Move
from reviewbot.rules.rulebook import Rulebook

_SHA256 = re.compile(r"[0-9a-f]{64}")


def _record_call(step: Step) -> None:
    case, asked = step.case, step.asked
    if asked.reached is None and asked.outcome is None:
        raise InvalidInput(
            "请写明是否接通。", typed=f"回访 {case.number} 已接通 说明，或 回访 {case.number} 未接通 说明"
        )
    outcome = asked.outcome or outcome_of(bool(asked.reached), asked.remark)
    reached = outcome is Outcome.REACHED
    if reached:
        need(asked.remark, "接通的回访须写明评价人说了什么。", f"回访 {case.number} 已接通 说明")
    if asked.recording_sha256 and not _SHA256.fullmatch(asked.recording_sha256):
        raise InvalidInput("录音的 SHA-256 应为 64 位小写十六进制。")
    called = _called_at(step)
    before = _progress(step)
    unseen = case.real_name and not looked_at_number(step.session, case, round_began(step.session, case))
    case.call_count += 1
    attempt = Call(
        case_id=case.id, round=case.round, attempt=case.call_count, at=called,
        staff_id=step.viewer.staff_id, reached=reached, outcome=outcome.value, note=asked.remark,
        number_unseen=unseen, recording=asked.recording or None, recording_sha256=asked.recording_sha256 or None,
    )  # fmt: skip
    step.session.add(attempt)
    step.session.flush()
    made = _progress(step)
    counted = made.half_days > before.half_days
    attempt.completes = made.done
    step.data |= {"attempt": case.call_count, "reached": reached, "outcome": outcome.value}
    if called != step.at:
        step.data |= {"called_at": called.isoformat()}
    if unseen:
        step.data |= {"number_unseen": True}
    if asked.recording:
        step.data |= {"recording": asked.recording, "recording_sha256": asked.recording_sha256}
    step.said = f"第{case.call_count}次，{outcome.label}" + _still_needed(step, made, counted)
    if unseen:
        step.said += f"；{UNSEEN}，审核和督办人员看得到"
    if reached:
        case.contacted_at = case.contacted_at or called
        case.next_action_at = next_rung(step.session, case, step.rulebook, met=("contact",), at=called)


def _called_at(step: Step) -> datetime:
    """The moment of the call; the event's own moment keeps when it was told."""
    called = step.asked.called_at
    if called is None:
        return step.at
    # A reopening dispatches nothing: what was said before it was said of the round before.
    since = max(filter(None, (step.case.assigned_at, round_began(step.session, step.case))), default=None)
    if not may_be_recorded(called, step.at, since, CHINA):
        raise InvalidInput(
            "回访时间应在派单（或重开）之后、现在之前，并在当天登记；不是当天的回访请重新拨打。"
        )
    return called


def _still_needed(step: Step, made: Progress, counted: bool) -> str:
    if made.reached:
        return ""
    if made.exhausted:
        return "，已可记为联系不上"
    rules = step.rulebook.policy.calls
    left = f"，还须在另外{rules.half_days - made.half_days}个半天再拨"
    return left if counted else f"{left}（{what_counts(rules)}，这一次不另计）"


def _progress(step: Step) -> Progress:
    return call_back_of(step.session, step.case, step.rulebook)


def call_back_of(session: Session, case: Case, rulebook: Rulebook) -> Progress:
    """How far the call-back of this round is."""
    rows = session.scalars(
        select(Call).where(Call.case_id == case.id, Call.round == case.round).order_by(Call.id)
    )
    return progress(
        (Attempt(row.at, Outcome(row.outcome)) for row in rows),
        rulebook.policy.calls,
        CHINA,
    )


def check_called_back(step: Step) -> None:
    """A real-name rating is concluded only after a reached or exhausted call-back of this round."""
    case = step.case
    if not case.real_name:
        return
    made = _progress(step)
    if made.done:
        return
    if not made.half_days:
        raise InvalidInput(
            f"工单 {case.number} 是实名差评，须先回访再认定。", typed=f"回访 {case.number} 已接通 说明"
        )
    needed = step.rulebook.policy.calls.half_days
    raise InvalidInput(
        f"工单 {case.number} 的评价人还没有联系上：已在{made.half_days}个半天拨打，"
        f"须在{needed}个不同的半天拨打都未接通，才能认定。"
    )


def end_of_calling(step: Step) -> None:
    """Whoever has concluded owes no call any more. A limit to call that still runs was not met: the rater is anonymous
    or unreachable (F9), and nobody shall read that he was called in time."""
    why = "unreachable" if step.case.real_name else "anonymous"
    stop_clock(step.session, step.case, "contact", why, at=step.at, passed=True)
    step.case.next_action_at = next_rung(step.session, step.case, step.rulebook)


CALL_BACK: dict[Move, Effect] = {Move.RECORD_CALL: Effect(_record_call)}
