"""The API for programs: cases, moves, rates, balance. ``Authorization: Bearer TOKEN``."""

import hashlib
from datetime import date, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, field_validator
from sqlalchemy.orm import Session

from reviewbot.actions.answer_once import Answer, answer_once
from reviewbot.actions.create_token import viewer_of_token
from reviewbot.actions.make_move import make_move
from reviewbot.actions.report_rates import RateRow, report_assistance, report_rates, this_month
from reviewbot.actions.step import MoveIn, Verb
from reviewbot.clock import CHINA
from reviewbot.conversation.readers import conclusion_named
from reviewbot.errors import InvalidInput, NotFound, NotSignedIn
from reviewbot.models.case import Case
from reviewbot.queries.cases import calls_of, due_times_of, events_of, evidence_of, find_case, list_cases
from reviewbot.queries.counts import intake_balance
from reviewbot.queries.directory import find_department
from reviewbot.queries.procedure import Assisted
from reviewbot.queries.scope import Viewer
from reviewbot.queries.time_shares import MINUTE, time_shares
from reviewbot.queue import TaskName
from reviewbot.rules.call_back import Outcome
from reviewbot.rules.kinds import Family
from reviewbot.rules.lifecycle import CaseStatus, Conclusion
from reviewbot.rules.masking import mask_personal
from reviewbot.rules.policy import Policy
from reviewbot.rules.rates import is_small, value
from reviewbot.wiring import House


def known_parameters(request: Request) -> None:
    """At a figure, a parameter nobody reads is a mistake: with a slip in its name it would be another figure."""
    known = {field.alias for field in request.scope["route"].dependant.query_params}
    if unknown := sorted(request.query_params.keys() - known):
        told = "、".join(sorted(known)) or "没有"
        raise InvalidInput(f"没有参数“{unknown[0][:100]}”；可用：{told}。")


router = APIRouter(prefix="/api/v1")
FIGURE = [Depends(known_parameters)]
CHAT_WORDS = {
    "派单": "dispatch", "签收": "sign", "退回": "return", "回访": "record_call", "认定": "conclude",
    "整改": "submit_measures", "解释": "submit_explanation", "通过": "approve", "重办": "send_back",
    "反馈": "record_feedback", "重开": "reopen", "驳回": "refuse_return", "会商": "convene", "裁定": "rule",
    "照此派单": "keep_as_rule",
    "协办": "ask_assistance", "协办答复": "assist", "撤销协办": "withdraw_assistance",
    "延期": "request_extension", "台账": "request_ledger", "同意": "agree", "不同意": "disagree",
    "移交": "hand_over", "批示": "instruct",
}  # fmt: skip


def house_of(request: Request) -> House:
    house: House = request.app.state.house
    return house


def who(request: Request, authorization: Annotated[str, Header()] = "") -> Viewer:
    """The holder of the token, or NotSignedIn."""
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise NotSignedIn("请在 Authorization 头中提供 Bearer 令牌。")
    with house_of(request).database.begin() as session:
        viewer = viewer_of_token(session, token.strip())
    if viewer is None:
        raise NotSignedIn("令牌无效。")
    return viewer


Caller = Annotated[Viewer, Depends(who)]


def refuse_unstorable(value: str) -> str:
    """JSON escapes can carry NUL and half characters, which no database column takes."""
    if any(c == "\0" or "\ud800" <= c <= "\udfff" for c in value):
        raise ValueError("含有不能保存的字符")
    return value


class MoveBody(BaseModel):
    """A move: ``move`` and ``conclusion`` in English or as staff type them; the other fields as the verb needs."""

    model_config = ConfigDict(extra="forbid")

    move: str
    remark: str = Field("", max_length=10_000, description="原因、措施、说明")
    department: str | None = None
    conclusion: Conclusion | None = None
    complex: bool = False
    reached: bool | None = None
    basis: str = Field("", max_length=2_000)
    channel: str = Field("", max_length=50)
    no_attachment: bool = False
    outcome: Outcome | None = None
    recording: str = Field("", max_length=500, description="话务系统中录音的编号")
    recording_sha256: str = Field("", max_length=64)
    days: int | None = Field(None, ge=1, le=1000, description="延期的工作日数")
    until: date | None = Field(None, description="台账计划完成日期")
    application: Literal["", "extension", "ledger"] = Field(
        "", description="延期和台账都待决定时，决定哪一项"
    )
    person: str = Field("", max_length=100, description="接办人的姓名或账号；批示领导的姓名")
    on: date | None = Field(None, description="领导批示之日，补录时填写")
    as_rule: bool = False

    @field_validator("conclusion", mode="before")
    @classmethod
    def as_staff_say_it(cls, value: Any) -> Any:
        return (conclusion_named(value) or value) if isinstance(value, str) else value

    @field_validator("*")
    @classmethod
    def storable(cls, value: Any) -> Any:
        return refuse_unstorable(value) if isinstance(value, str) else value


@router.get("/cases")
def get_cases(
    request: Request,
    viewer: Caller,
    status: CaseStatus | None = None,
    department: str | None = None,
    overdue: bool = False,
    open_only: Annotated[bool, Query(alias="open")] = False,
    kind: Family | None = None,
    after: Annotated[int | None, Query(ge=1, lt=2**63)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, Any]:
    """Cases this caller may see, newest first; ``next`` is the ``after`` of the following page."""
    house = house_of(request)
    with house.database.begin() as session:
        found = list_cases(
            session, viewer, status=status, department_id=_unit(session, department),
            overdue_at=house.clock.now() if overdue else None, open_only=open_only, family=kind,
            after=after, limit=limit,
        )  # fmt: skip
        return {
            "cases": [case_row(case) for case in found],
            "next": found[-1].id if len(found) == limit else None,
        }


@router.get("/cases/{number}")
def get_case(request: Request, number: str, viewer: Caller) -> dict[str, Any]:
    """One case with its events, its due times and their working, its calls and evidence, and who had it how long."""
    house = house_of(request)
    with house.database.begin() as session:
        case = find_case(session, number, viewer)
        if case is None:
            raise NotFound(f"没有工单 {number}，或您无权查看。")
        rater = case.review.rater_name
        return case_row(case) | {
            "events": [
                {
                    "seq": event.seq, "at": event.at, "actor": event.actor, "actor_name": event.actor_name,
                    "move": event.move, "before": event.before, "after": event.after,
                    "remark": mask_personal(event.remark, rater), "data": _masked(event.data, rater),
                    "hash": event.hash,
                }
                for event in events_of(session, case.id)
            ],
            "due_times": [
                {
                    "stage": due.stage, "round": due.round, "limit": due.limit_text,
                    "started_at": due.started_at, "due_at": due.due_at, "met_at": due.met_at,
                    "provisional": due.provisional, "policy_version": due.policy_version,
                    "calendar_version": due.calendar_version, "working": due.working,
                }
                for due in due_times_of(session, case.id)
            ],
            "calls": [
                {
                    "attempt": call.attempt, "at": call.at, "reached": call.reached, "outcome": call.outcome,
                    "number_unseen": call.number_unseen, "note": mask_personal(call.note, rater),
                }
                for call in calls_of(session, case.id)
            ],
            "evidence": [
                {
                    "id": row.id, "filename": mask_personal(row.filename, rater), "media_type": row.media_type,
                    "size": row.size, "sha256": row.sha256, "safety": row.safety,
                }
                for row in evidence_of(session, case.id)
            ],
            "time_shares": [
                {
                    "name": one.name, "department_code": one.code, "helps": one.helps,
                    "office_minutes": one.time // MINUTE, "overdue_minutes": one.late // MINUTE,
                }
                for one in time_shares(session, case, house.rulebooks.of(session, case).calendar, house.clock.now())
            ],
        }  # fmt: skip


@router.post("/cases/{number}/moves")
def post_move(
    request: Request,
    number: str,
    body: MoveBody,
    viewer: Caller,
    idempotency_key: Annotated[str, Header(min_length=1, max_length=200)],
) -> JSONResponse:
    """Make a move. The same key answers the same again; another request under a used key is a conflict."""
    house = house_of(request)
    asked = _asked(number, body)

    print_ = hashlib.sha256(f"{number} {body.model_dump_json()}".encode()).hexdigest()
    now = house.clock.now()
    with house.database.begin() as session:

        def move() -> Answer:
            moved = make_move(session, asked, viewer, at=now, rulebooks=house.rulebooks)
            return 200, {"number": moved.number, "status": moved.status.value, "message": moved.sentence}

        status, answer = answer_once(session, f"{viewer.actor} {idempotency_key}", print_, move, at=now)
    house.ring(TaskName.DELIVER)
    return JSONResponse(answer, status)


@router.get("/rates", dependencies=FIGURE)
def get_rates(
    request: Request,
    viewer: Caller,
    by: str | None = None,
    first: Annotated[date | None, Query(alias="from")] = None,
    last: Annotated[date | None, Query(alias="to")] = None,
    metric: Annotated[list[str] | None, Query()] = None,
    department: str | None = None,
    kind: Family = Family.RATING,
) -> dict[str, Any]:
    """Rates for ``from``..``to`` (this month so far unless told), for all or ``by=department``; of bad ratings, or with
    ``kind=orders`` of the work orders of other sources, or of one kind of these (``kind=complaint``)."""
    if by not in (None, "department"):
        raise InvalidInput("by 只能是 department。")
    house = house_of(request)
    now = house.clock.now()
    default_first, default_last = this_month(now)
    first, last = first or default_first, last or default_last
    with house.database.begin() as session:
        rows = report_rates(
            session, viewer, first=first, last=last, now=now, metrics=metric,
            by_department=by == "department", department_id=_unit(session, department), family=kind,
        )  # fmt: skip
        policy = house.today(session).policy
    return rates_data(rows, first, last, now, policy, kind)


@router.get("/assistance", dependencies=FIGURE)
def get_assistance(
    request: Request,
    viewer: Caller,
    first: Annotated[date | None, Query(alias="from")] = None,
    last: Annotated[date | None, Query(alias="to")] = None,
) -> dict[str, Any]:
    """By unit asked to help (协办): sub-tasks with their limit in ``from``..``to``, ended late, open beyond it."""
    house = house_of(request)
    now = house.clock.now()
    default_first, default_last = this_month(now)
    first, last = first or default_first, last or default_last
    with house.database.begin() as session:
        found = report_assistance(session, viewer, first=first, last=last, now=now)
    return assistance_data(found, first, last, now)


@router.get("/balance")
def get_balance(request: Request, viewer: Caller) -> dict[str, Any]:
    """Received = accepted + duplicate + altered + refused + set aside, with the rows that prove it."""
    if not viewer.sees_all:
        raise NotFound("没有这一页，或您无权查看。")
    house = house_of(request)
    with house.database.begin() as session:
        told = intake_balance(session, house.clock.now())
    return {
        "received": told.received, **told.results, "adds_up": told.adds_up, "reviews": told.reviews,
        "bad_reviews": told.bad_reviews, "work_orders": told.work_orders, "cases": told.cases,
        "unrouted": told.unrouted, "continued": told.continued,
        "settled": told.settled,
        "due_waiting": told.due_waiting, "callbacks_waiting": told.callbacks_waiting,
        "messages": told.messages,
    }  # fmt: skip


def rates_data(
    rows: list[RateRow], first: date, last: date, now: datetime, policy: Policy, family: Family
) -> dict[str, Any]:
    """Figures as data: every one with numerator, denominator and value (percent; null over nothing)."""
    return {
        "from": first.isoformat(), "to": last.isoformat(), "as_of": now.astimezone(CHINA).isoformat(),
        "kind": family.value, "rounding": policy.rounding, "small_below": policy.small_below, "unit": "percent",
        "rates": [
            {
                "metric": row.figure.metric, "name": row.metric.name,
                "department": row.unit.label if row.unit else None,
                "department_code": row.unit.code if row.unit else None,
                "numerator": row.figure.numerator, "denominator": row.figure.denominator,
                "value": value(row.figure, policy.rounding), "small": is_small(row.figure, policy.small_below),
                "parts": dict(row.figure.parts), "apart": dict(row.figure.apart),
                "exclusions": list(row.metric.exclusions),
            }
            for row in rows
        ],
        "definitions": {
            row.metric.key: {
                "numerator": row.metric.numerator, "denominator": row.metric.denominator,
                "source": row.metric.source, "cohort": row.metric.cohort,
            }
            for row in rows
        },
    }  # fmt: skip


def assistance_data(found: list[Assisted], first: date, last: date, now: datetime) -> dict[str, Any]:
    """Sub-tasks by unit as data."""
    return {
        "from": first.isoformat(), "to": last.isoformat(), "as_of": now.astimezone(CHINA).isoformat(),
        "units": [
            {
                "department": one.unit, "department_code": one.code, "tasks": one.tasks, "late": one.late,
                "overdue": one.overdue,
            }
            for one in found
        ],
    }  # fmt: skip


_WORDS = ("basis", "channel")
"""What people typed of what stands beside an event; the rest are names and numbers of our own."""


def _masked(data: dict[str, Any], rater: str | None) -> dict[str, Any]:
    return data | {key: mask_personal(data[key], rater) for key in _WORDS if isinstance(data.get(key), str)}


def case_row(case: Case) -> dict[str, Any]:
    """A case as programs see it; nothing of the rater but whether the name is real."""
    rater = case.review.rater_name
    return {
        "number": case.number, "status": case.status.value, "status_name": case.status.label,
        "round": case.round, "external_id": case.review.external_id, "source": case.review.source,
        "kind": case.kind.value, "rating": case.review.rating,
        "item": mask_personal(case.review.item or "", rater) or None,
        "comment": mask_personal(case.review.comment, rater),
        "department": case.department.short_name if case.department else None,
        "department_code": case.department.code if case.department else None,
        "handler": case.handler.userid if case.handler else None,
        "route_rule": case.route_rule, "route_reason": mask_personal(case.route_reason, rater),
        "real_name": case.real_name,
        "conclusion": case.conclusion, "closing_kind": case.closing_kind,
        "without_attachment": case.without_attachment, "call_count": case.call_count,
        "opened_at": case.opened_at, "dispatched_at": case.dispatched_at, "due_at": case.due_at,
        "original_due_at": case.original_due_at, "contact_due_at": case.contact_due_at,
        "first_closed_at": case.first_closed_at, "closed_at": case.closed_at, "policy_version": case.policy_version,
        "calendar_version": case.calendar_version,
    }  # fmt: skip


def _unit(session: Session, word: str | None) -> int | None:
    if not word:
        return None
    found = find_department(session, word)
    if found is None:
        raise NotFound(f"目录中没有单位“{word}”。")
    return found.id


def _asked(number: str, body: MoveBody) -> MoveIn:
    word = CHAT_WORDS.get(body.move, body.move)
    if word not in {verb.value for verb in Verb}:
        raise InvalidInput(f"没有动作“{body.move}”；可用：{'、'.join(verb.value for verb in Verb)}。")
    return MoveIn(
        verb=Verb(word), number=number, remark=body.remark, department=body.department,
        conclusion=body.conclusion, complex=body.complex, reached=body.reached, basis=body.basis,
        channel=body.channel, no_attachment=body.no_attachment, days=body.days, until=body.until,
        application=body.application, person=body.person, on=body.on, as_rule=body.as_rule,
        outcome=body.outcome, recording=body.recording, recording_sha256=body.recording_sha256,
    )  # fmt: skip
