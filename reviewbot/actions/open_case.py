"""Open the one case of a bad review: route it with a reason, start its clocks, tell whoever is next."""

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from reviewbot.actions.notify import facts_of, is_the_rated, tell, tell_rater, worker_of
from reviewbot.actions.reminded import reminder_kind
from reviewbot.actions.start_clock import clock_began, next_rung, passed_before, start_clock
from reviewbot.clock import CHINA
from reviewbot.models.case import CASE_SERIAL, Case, case_number
from reviewbot.models.chain import append_event
from reviewbot.models.people import Department
from reviewbot.models.review import Review
from reviewbot.queries.delegates import acting_heads
from reviewbot.queries.directory import choose_holder, route_candidates, userids_with_role
from reviewbot.queries.endings import agrees, ending_of, waiting_copies
from reviewbot.queries.rulebooks import Rulebooks
from reviewbot.rules.directory_words import held_at_desk
from reviewbot.rules.endings import Ending, Outcome
from reviewbot.rules.kinds import Kind
from reviewbot.rules.lifecycle import CaseStatus, ClosingKind, Move, Role
from reviewbot.rules.notices import new_case, rater_opened, to_dispatch
from reviewbot.rules.routing import Route, choose_department
from reviewbot.rules.rulebook import Rulebook


def open_case(session: Session, review_id: int, *, at: datetime, rulebooks: Rulebooks) -> Case | None:
    """The new case, under the policy in force now and for good (law 2); None when the review has one already, is not
    bad, or another worker holds it."""
    review = session.scalar(
        select(Review)
        .where(Review.id == review_id, Review.wants_case, Review.routed_at.is_(None))
        .with_for_update(skip_locked=True)
    )
    if review is None:
        return None
    rulebook = rulebooks.on(session, at)
    review.routed_at = at
    ended = _ended(session, review)
    named = review.department_name or review.department
    route = choose_department(route_candidates(session, review), department=named, item=review.item)
    case = Case(
        number=case_number(session.scalar(select(CASE_SERIAL.next_value())) or 1),
        review_id=review.id,
        review=review,
        status=CaseStatus.AWAITING_DISPATCH,
        route_rule=route.rule.value,
        route_reason=route.reason,
        kind=review.kind,
        real_name=review.real_name,
        policy_version=rulebook.policy.version,
        calendar_version=rulebook.calendar.version,
        opened_at=at,
        round=1, call_count=0, return_count=0, reopen_count=0, event_count=0,
        last_hash="", complex=False, without_attachment=False, ruled=False,
    )  # fmt: skip
    session.add(case)
    session.flush()
    append_event(
        session, case, at=at, actor="system", actor_name="系统", move=Move.OPEN.value, before=None,
        remark=route.reason, data={"rule": route.rule.value, "review": review.external_id},
    )  # fmt: skip
    if case.kind is Kind.INSTRUCTION:
        case.instructed_at = min(at, review.reviewed_at)
        if ended.closed_at is None:
            start_clock(session, case, "instruction", case.instructed_at, rulebook)
    if ended.closed_at is not None:
        _take_history(session, case, route.department_id, ended, at=at, rulebook=rulebook)
    elif route.department_id is None:
        _wait_at_desk(session, case, route, at, rulebook)
    else:
        dispatch(session, case, route.department_id, route.reason, at=at, rulebook=rulebook)
    if rulebook.policy.raters.tell_when_opened and case.kind is Kind.RATING:
        due = case.due_at.astimezone(CHINA) if case.due_at else None
        tell_rater(session, case, "opened", rater_opened(case.number, due), at=at)
    return case


def _ended(session: Session, review: Review) -> Ending:
    """How its source says that a work order has ended, in the record that stands or in a later one."""
    ending = Ending.told(review.closed_at, review.satisfaction)
    if review.kind is Kind.RATING:
        return ending
    for copy in waiting_copies(session, review.id):
        if agrees(copy):
            ending = ending.with_later(ending_of(copy))
            copy.outcome = Outcome.CLOSED if ending.closed_at else Outcome.KNOWN
    return ending


def sent_by_source(case: Case, rulebook: Rulebook) -> None:
    """Nobody here has dispatched a work order that its source closed: its own dispatch counts, and its own due time."""
    sent = case.review.reviewed_at
    case.dispatched_at = case.assigned_at = case.held_since = sent
    case.due_at = case.original_due_at = rulebook.due(case.kind.limit, sent).due_at


def _take_history(
    session: Session, case: Case, department_id: int | None, ended: Ending, *, at: datetime,
    rulebook: Rulebook,
) -> None:  # fmt: skip
    """A work order that its source had closed before it came: counted by its own dates, told to nobody."""
    case.department_id = department_id
    sent_by_source(case, rulebook)
    case.first_closed_at = case.closed_at = ended.closed_at
    case.status, case.closing_kind = CaseStatus.CLOSED, ClosingKind.ANSWERED
    case.satisfaction = ended.satisfaction
    append_event(
        session, case, at=at, actor="system", actor_name="系统", move=Move.TAKE_HISTORY.value,
        before=CaseStatus.AWAITING_DISPATCH.value, remark="来源已办结的工单，只作统计",
        data={
            "closed_at": case.closed_at.isoformat() if case.closed_at else None,
            "satisfaction": case.satisfaction,
        },
    )  # fmt: skip


def dispatch(
    session: Session,
    case: Case,
    department_id: int,
    reason: str,
    *,
    at: datetime,
    rulebook: Rulebook,
    actor: str = "system",
    actor_name: str = "系统",
    move: Move = Move.DISPATCH,
    data: dict[str, Any] | None = None,
) -> None:
    """Hand a locked case to a department and to a person who is not the one rated (F10); where the unit has nobody
    else, somebody of the bureau keeps it and is told so (B22).

    The clocks start at the first dispatch, or where the policy says before it, and no later hand-over moves them
    (law 3); a unit that gets it when a limit has run out is told so at once, and its head. ``move``: by which move it
    goes there; the event is written here, because routing does it without a person too.
    """
    before = case.status
    person = choose_holder(session, department_id, at, rated=case.review.handled_by)
    department = session.get_one(Department, department_id)
    case.status = CaseStatus.AWAITING_SIGN
    case.department_id = department_id
    case.handler_id = person.id if person else None
    case.assigned_at = case.held_since = at
    case.returned_from_id = None
    if case.dispatched_at is None:
        # A work order was dispatched by its source.
        case.dispatched_at = at if case.kind is Kind.RATING else min(at, case.review.reviewed_at)
        if actor == "system":  # routed when it came: the unit has had it since its source dispatched it
            case.held_since = case.dispatched_at
        limits, handling = rulebook.policy.limits, case.kind.limit
        began = clock_began(case, limits["contact"], at)
        case.contact_due_at = start_clock(session, case, "contact", began, rulebook)
        began = clock_began(case, limits[handling], at)
        case.due_at = start_clock(session, case, "handling", began, rulebook, limit=handling)
        case.original_due_at = case.due_at
    case.next_action_at = next_rung(session, case, rulebook, met=("dispatch", "arbitration"), at=at)
    append_event(
        session, case, at=at, actor=actor, actor_name=actor_name, move=move.value,
        before=before.value, remark=reason,
        data=(data or {}) | {"department": department.code, "handler": person.userid if person else None},
    )  # fmt: skip
    late = passed_before(session, case)
    body = new_case(facts_of(session, case), late)
    if person is not None and person.department_id != department_id:
        body = held_at_desk(department.short_name, [case.number])
    receivers = worker_of(session, person.id, department_id, at) if person else []
    if late:
        receivers += acting_heads(session, department_id, at)
    receivers = [userid for userid in receivers if not is_the_rated(session, userid, case)]
    came_late = actor == "system" and case.due_at is not None and case.due_at <= at
    tell(
        session, case, reminder_kind("handling", "arrived") if came_late else "new_case", body,
        receivers or ([person.userid] if person else []), at=at,
        held_until=rulebook.office_opens(at) if came_late else None,  # with the others that came: one digest
    )  # fmt: skip


def _wait_at_desk(session: Session, case: Case, route: Route, at: datetime, rulebook: Rulebook) -> None:
    start_clock(session, case, "dispatch", at, rulebook)
    case.next_action_at = next_rung(session, case, rulebook)
    notice = to_dispatch(facts_of(session, case), route.reason)
    tell(session, case, "to_dispatch", notice, userids_with_role(session, Role.DESK), at=at)
