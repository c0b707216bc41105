"""A move under way: what was asked, by whom, and what its effects may look at and add to."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy.orm import Session

from reviewbot.actions.notify import handler_of, tell
from reviewbot.errors import InvalidInput
from reviewbot.models.case import Case
from reviewbot.queries.scope import Viewer
from reviewbot.rules.call_back import Outcome
from reviewbot.rules.lifecycle import Conclusion
from reviewbot.rules.notices import Body
from reviewbot.rules.rulebook import Rulebook


class Verb(StrEnum):
    """What people say; some verbs split into moves of the table by what they carry and where the case is."""

    DISPATCH = "dispatch"
    SIGN = "sign"
    RETURN = "return"
    RECORD_CALL = "record_call"
    CONCLUDE = "conclude"
    SUBMIT_MEASURES = "submit_measures"
    SUBMIT_EXPLANATION = "submit_explanation"
    APPROVE = "approve"
    SEND_BACK = "send_back"
    RECORD_FEEDBACK = "record_feedback"
    REOPEN = "reopen"
    REFUSE_RETURN = "refuse_return"
    CONVENE = "convene"
    RULE = "rule"
    KEEP_AS_RULE = "keep_as_rule"
    ASK_ASSISTANCE = "ask_assistance"
    ASSIST = "assist"
    WITHDRAW_ASSISTANCE = "withdraw_assistance"
    REQUEST_EXTENSION = "request_extension"
    REQUEST_LEDGER = "request_ledger"
    AGREE = "agree"
    DISAGREE = "disagree"
    HAND_OVER = "hand_over"
    INSTRUCT = "instruct"
    REMARK = "remark"


@dataclass(frozen=True)
class Place:
    """Where somebody said he was, in degrees."""

    latitude: float
    longitude: float
    label: str


@dataclass(frozen=True)
class MoveIn:
    """A move as asked for. ``round``: the round of the card that was pressed, None when typed."""

    verb: Verb
    number: str
    remark: str = ""
    department: str | None = None
    conclusion: Conclusion | None = None
    complex: bool = False
    reached: bool | None = None
    outcome: Outcome | None = None
    """Of a call; told from ``reached`` and the words where None."""
    called_at: datetime | None = None
    """When a call was made, where it is recorded later on the same day; None: just now."""
    recording: str = ""
    recording_sha256: str = ""
    basis: str = ""
    channel: str = ""
    no_attachment: bool = False
    days: int | None = None
    """Working days of an extension."""
    until: date | None = None
    """The day a ledger entry is planned to be done."""
    application: str = ""
    """Of the two that a supervisor decides, which one: ``extension`` or ``ledger``; empty where only one waits."""
    person: str = ""
    """Who takes over: a name or userid of the same unit. Of an instruction: the leader who wrote it."""
    on: date | None = None
    """The day a leader wrote an instruction that is recorded later; None: just now."""
    place: Place | None = None
    """Of a remark: where it was made."""
    as_rule: bool = False
    """Whether a ruling holds for every later case of the same item."""
    round: int | None = None


@dataclass
class Step:
    """One move under way."""

    session: Session
    case: Case
    asked: MoveIn
    viewer: Viewer
    at: datetime
    rulebook: Rulebook
    data: dict[str, Any] = field(default_factory=dict)
    said: str = ""


def _nothing(_: Step) -> None:
    return


@dataclass(frozen=True)
class Effect:
    """``prepare`` runs before the status changes and may refuse; ``finish`` owes the messages."""

    prepare: Callable[[Step], None] = _nothing
    finish: Callable[[Step], None] = _nothing


def need(words: str, sentence: str, typed: str = "") -> None:
    """``typed``: how it is said in chat."""
    if not words.strip():
        raise InvalidInput(sentence, typed=typed)


def owe_notice(step: Step, kind: str, body: Body, userids: list[str] | None = None) -> None:
    """Tell these people, or whoever holds the case."""
    receivers = handler_of(step.session, step.case, step.at) if userids is None else userids
    tell(step.session, step.case, kind, body, receivers, at=step.at)
