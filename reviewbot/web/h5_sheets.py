"""The sheets a clerk fills in on a phone: which one makes which moves, and which of them he may fill in now."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy.orm import Session
from starlette.datastructures import FormData

from reviewbot.actions.effects.call_back import call_back_of
from reviewbot.actions.rights import check_right, possible_moves
from reviewbot.actions.step import MoveIn, Verb
from reviewbot.errors import Conflict, ReviewbotError
from reviewbot.models.case import Case
from reviewbot.queries.directory import UnitName
from reviewbot.queries.scope import Viewer
from reviewbot.rules.lifecycle import CaseStatus, Conclusion, Move, next_status
from reviewbot.rules.rulebook import Rulebook
from reviewbot.web.beside import waiting_words
from reviewbot.web.forms import Field, MoveForm, asked_of, forms_by_verb, verbs_of

_ADDRESSES = {
    Verb.RECORD_CALL: "call", Verb.SUBMIT_MEASURES: "measures", Verb.SUBMIT_EXPLANATION: "explain",
    Verb.REQUEST_EXTENSION: "extend",
}  # fmt: skip
_TITLES = {
    "call": "登记回访", "measures": "提交整改", "explain": "提交解释", "appeal": "申诉差评", "conclude": "先作认定",
    "return": "退回派单台", "approve": "审核通过", "send_back": "退回重办", "record_feedback": "反馈并办结",
}  # fmt: skip
_FIRST = (
    "sign", "call", "measures", "explain", "record_feedback", "approve", "send_back", "agree", "disagree",
    "assist", "dispatch", "refuse_return", "rule",
)  # fmt: skip
"""What brings the case on, in the order people do it; everything else is offered below."""
_WITH_FILES = frozenset({"measures", "explain", "appeal"})
ADDRESSES = frozenset({*(verb.value for verb in Verb), *_ADDRESSES.values(), "appeal"}) - {
    verb.value for verb in _ADDRESSES
}
"""Every sheet there is, whether or not anybody may fill it in now."""
_GROUNDS = (Conclusion.UNREASONABLE, Conclusion.NO_LEGAL_BASIS, Conclusion.POLICY_UNSUPPORTED)
"""The three grounds that lead to an explanation (S1)."""
_CONCLUDES = {
    "measures": Move.CONCLUDE_JUSTIFIED,
    "explain": Move.CONCLUDE_UNJUSTIFIED,
    "appeal": Move.APPEAL,
}
"""While the case is being verified these sheets conclude it as well; the appeal is itself a conclusion."""


@dataclass(frozen=True)
class Sheet:
    """One page with its form. ``waits``: what has to happen before it can be handed in; empty when it can."""

    address: str
    verb: Verb
    form: MoveForm
    concludes: bool = False
    waits: str = ""

    @property
    def title(self) -> str:
        return _TITLES.get(self.address, self.form.title)

    @property
    def takes_files(self) -> bool:
        return self.address in _WITH_FILES

    @property
    def is_main(self) -> bool:
        return self.address in _FIRST

    def asked(self, form: FormData, number: str) -> list[MoveIn]:
        """The moves of a filled sheet, in order: to conclude and hand in is two moves, made together or not at all."""
        told = asked_of(form, number, self.verb)
        if not self.concludes:
            return [told]
        conclusion = told.conclusion if self.address == "explain" else Conclusion.JUSTIFIED
        if conclusion not in (Conclusion.JUSTIFIED, *_GROUNDS):
            conclusion = None
        first = MoveIn(Verb.CONCLUDE, number, conclusion=conclusion, complex=told.complex, round=told.round)
        return [first, replace(told, conclusion=None, complex=False)]


def sheets_of(
    session: Session,
    case: Case,
    viewer: Viewer,
    rulebook: Rulebook,
    units: Sequence[UnitName],
    *,
    has_evidence: bool,
) -> dict[str, Sheet]:
    """By address, what this person may fill in now: first what brings the case on, then what lies beside the way."""
    moves = possible_moves(session, case, viewer)
    waiting = waiting_words(session, case, viewer)
    forms = forms_by_verb(units, has_evidence=has_evidence, waiting=waiting)
    found: dict[str, Verb] = {
        _ADDRESSES.get(verb, verb.value): verb for verb in verbs_of(moves) if verb is not Verb.CONCLUDE
    }
    if case.status is CaseStatus.VERIFYING:
        found |= {address: _verb_of(address) for address, move in _CONCLUDES.items() if move in moves}
        found |= {"conclude": Verb.CONCLUDE} if Move.CONCLUDE_JUSTIFIED in moves else {}
    waits = _call_first(session, case, rulebook)
    first = [address for address in _FIRST if address in found]
    if "call" in first and not waits:  # another call is possible, but no longer what brings the case on
        first.append(first.pop(first.index("call")))
    order = [*first, *(address for address in found if address not in _FIRST)]
    return {address: _sheet(address, found[address], case, forms, waits) for address in order}


def _verb_of(address: str) -> Verb:
    return next((verb for verb, known in _ADDRESSES.items() if known == address), Verb.CONCLUDE)


def _call_first(session: Session, case: Case, rulebook: Rulebook) -> str:
    """A real-name rating is concluded only after its call-back (F9): told before somebody writes a page in vain."""
    if case.status is not CaseStatus.VERIFYING or not case.real_name:
        return ""
    made = call_back_of(session, case, rulebook)
    if made.done:
        return ""
    needed = rulebook.policy.calls.half_days
    if not made.half_days:
        return "实名差评，先登记回访"
    return f"还没有接通：已拨 {made.half_days} 个半天，共须 {needed} 个不同的半天"


def _sheet(address: str, verb: Verb, case: Case, forms: dict[Verb, MoveForm], waits: str) -> Sheet:
    concludes = case.status is CaseStatus.VERIFYING and address in ("measures", "explain")
    is_conclusion = concludes or verb is Verb.CONCLUDE
    form = forms[verb]
    return Sheet(
        address, verb, replace(form, fields=_fields(address, form, concludes)), concludes,
        waits if is_conclusion else "",
    )  # fmt: skip


def _fields(address: str, form: MoveForm, concludes: bool) -> tuple[Field, ...]:
    complex_ = Field("complex", "情况复杂，按复杂事项时限", "checkbox", required=False)
    match address:
        case "measures" if concludes:
            return (*form.fields, complex_)
        case "explain" if concludes:
            return (Field("conclusion", "认定", "radio", options=_options(_GROUNDS)), *form.fields)
        case "appeal":
            grounds = [known for known in Conclusion if known.is_appeal]
            ground = Field("conclusion", "申诉理由", "radio", options=_options(grounds))
            return (ground, Field("remark", "具体情况", hint="写明经过和依据，由单位以外的人复核"))
        case "conclude":
            rest = [known for known in Conclusion if not known.is_appeal]
            return (
                Field("conclusion", "认定", "radio", options=_options(rest)), complex_,
                Field("remark", "说明", required=False),
            )  # fmt: skip
        case _:
            return form.fields


def _options(known: Sequence[Conclusion]) -> tuple[tuple[str, str], ...]:
    return tuple((one.value, one.label) for one in known)


def why_not(session: Session, case: Case, address: str, viewer: Viewer) -> ReviewbotError:
    """Why this sheet is not this person's to fill in now: the status, or his right."""
    move = _CONCLUDES.get(address) if case.status is CaseStatus.VERIFYING else None
    known = {verb.value: verb for verb in Verb} | {name: verb for verb, name in _ADDRESSES.items()}
    if move is None and address in known and known[address].value in {each.value for each in Move}:
        move = Move(known[address].value)
    try:
        if move is not None:
            next_status(case.number, case.status, move)
            check_right(session, case, move, viewer)
    except ReviewbotError as wrong:
        return wrong
    return Conflict(f"工单 {case.number} 现为「{case.status.label}」，现在不能办这一项。")
