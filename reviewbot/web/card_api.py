"""Cards for programs: the list, and what may be done about one of them."""

import hashlib
from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, field_validator
from sqlalchemy.orm import Session

from reviewbot.actions.answer_once import Answer, answer_once
from reviewbot.actions.appeal_card import REASON_LIMIT, appeal_card, decide_card_appeal, withdraw_card
from reviewbot.errors import NotFound
from reviewbot.queries.cards import CardRow, list_cards
from reviewbot.queries.directory import find_department
from reviewbot.queries.scope import Viewer
from reviewbot.queue import TaskName
from reviewbot.rules.masking import mask_personal
from reviewbot.web.api import Caller, house_of, refuse_unstorable

cards_router = APIRouter(prefix="/api/v1/cards")
Key = Annotated[str, Header(alias="Idempotency-Key", min_length=1, max_length=200)]


class ReasonBody(BaseModel):
    """Why."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(max_length=REASON_LIMIT)

    @field_validator("reason")
    @classmethod
    def storable(cls, value: str) -> str:
        return refuse_unstorable(value)


class DecisionBody(BaseModel):
    """One person's word on an appeal; a refusal needs its reason."""

    model_config = ConfigDict(extra="forbid")

    agreed: bool
    remark: str = Field("", max_length=REASON_LIMIT)

    @field_validator("remark")
    @classmethod
    def storable(cls, value: str) -> str:
        return refuse_unstorable(value)


@cards_router.get("")
def get_cards(
    request: Request,
    viewer: Caller,
    department: str | None = None,
    colour: Literal["yellow", "red"] | None = None,
    standing: bool | None = None,
    after: Annotated[int | None, Query(ge=1, lt=2**31)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, Any]:
    """Cards this caller may see, newest first; ``next`` is the ``after`` of the following page."""
    with house_of(request).database.begin() as session:
        unit = find_department(session, department)
        if department and unit is None:
            raise NotFound(f"目录中没有单位“{department}”。")
        found = list_cards(
            session, viewer, department_id=unit.id if unit else None, colour=colour, standing=standing,
            after=after, limit=limit,
        )  # fmt: skip
    return {
        "cards": [_row(each) for each in found],
        "next": found[-1].card.id if len(found) == limit else None,
    }


@cards_router.post("/{ident}/appeal")
def post_appeal(request: Request, ident: int, body: ReasonBody, viewer: Caller, key: Key) -> JSONResponse:
    """The carded unit appeals, once."""
    house = house_of(request)
    at = house.clock.now()
    return _once(
        request, viewer, key, f"appeal {ident} {body.model_dump_json()}",
        lambda session: appeal_card(
            session, _known(ident), body.reason, viewer, at=at, rulebooks=house.rulebooks
        ),
    )  # fmt: skip


@cards_router.post("/{ident}/decide")
def post_decision(request: Request, ident: int, body: DecisionBody, viewer: Caller, key: Key) -> JSONResponse:
    """Somebody outside the unit agrees to an appeal, or does not."""
    at = house_of(request).clock.now()
    return _once(
        request, viewer, key, f"decide {ident} {body.model_dump_json()}",
        lambda session: decide_card_appeal(
            session, _known(ident), body.agreed, body.remark, viewer, at=at
        ),
    )  # fmt: skip


@cards_router.post("/{ident}/withdraw")
def post_withdrawal(request: Request, ident: int, body: ReasonBody, viewer: Caller, key: Key) -> JSONResponse:
    """A supervisor takes a card back."""
    at = house_of(request).clock.now()
    return _once(
        request, viewer, key, f"withdraw {ident} {body.model_dump_json()}",
        lambda session: withdraw_card(session, _known(ident), body.reason, viewer, at=at),
    )  # fmt: skip


def _known(ident: int) -> int:
    """Ids are 32 bits wide; what is beyond names no card."""
    return min(max(ident, 0), 2**31 - 1)


def _once(
    request: Request, viewer: Viewer, key: str, asked: str, act: Callable[[Session], str]
) -> JSONResponse:
    """Do it and answer with the sentence; a repeat under the same key gets the same answer."""
    house = house_of(request)
    with house.database.begin() as session:

        def answer() -> Answer:
            return 200, {"message": act(session)}

        print_ = hashlib.sha256(asked.encode()).hexdigest()
        status, told = answer_once(session, f"{viewer.actor} {key}", print_, answer, at=house.clock.now())
    house.ring(TaskName.DELIVER)
    return JSONResponse(told, status)


def _row(each: CardRow) -> dict[str, Any]:
    card, appeal = each.card, each.appeal
    return {
        "id": card.id, "number": each.number, "department": each.unit, "colour": card.colour,
        "reason": card.reason, "issued_at": card.issued_at, "withdrawn_at": card.withdrawn_at,
        "withdrawn_reason": mask_personal(card.withdrawn_reason or "", each.rater) or None,
        "appeal": None if appeal is None else {
            "state": appeal.state.value, "reason": mask_personal(appeal.reason, each.rater),
            "asked_at": appeal.asked_at,
            "asked_by": appeal.asked_name, "deciders": appeal.deciders,
            "agreed": sum(known.agreed for known in appeal.decisions),
        },
    }  # fmt: skip
