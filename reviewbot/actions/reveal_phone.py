"""Show a rater's number to the one who has to call him: with a purpose, kept, and told to the rater (B15)."""

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.orm import Session

from reviewbot.actions.assign_recalls import lock_recall
from reviewbot.clock import CHINA
from reviewbot.errors import Conflict, NotAllowed, NotFound
from reviewbot.models.case import Case
from reviewbot.models.chain import append_event
from reviewbot.models.rater import PhoneReveal
from reviewbot.queries.cases import find_case, lock_case
from reviewbot.queries.delegates import acts_for
from reviewbot.queries.scope import Viewer
from reviewbot.rules.lifecycle import Move
from reviewbot.rules.raters import Purpose
from reviewbot.rules.routing import is_rated


@dataclass(frozen=True)
class Revealed:
    """Shown once; it never gets into a log by being printed."""

    name: str = field(repr=False)
    phone: str = field(repr=False)
    purpose: Purpose


def may_reveal(session: Session, case: Case, viewer: Viewer, at: datetime) -> bool:
    """Whether this is the verifier of an open case (himself, or who acts for him today), and not the one rated."""
    today = at.astimezone(CHINA).date()
    return (
        case.status.is_open
        and case.real_name
        and case.handler_id is not None
        and case.handler_id in acts_for(session, viewer.staff_id, today)
        and not is_rated(case.review.handled_by, viewer.name, viewer.actor)
    )


def reveal_phone(
    session: Session, number: str, purpose: Purpose, viewer: Viewer, *, at: datetime
) -> Revealed:
    """The rater's name and number; one row and one event, without the number, for every look.

    Raises NotFound, Conflict (closed, or nobody to call), NotAllowed.
    """
    case = lock_case(session, number)
    if case is None or find_case(session, number, viewer) is None:
        raise NotFound(f"没有工单 {number[:20]}，或您无权查看。")
    if not case.status.is_open:
        raise Conflict(f"工单 {case.number} 已办结，不再显示评价人的联系方式。")
    if not case.real_name:
        raise Conflict(f"工单 {case.number} 的评价人匿名或没有留下号码。")
    if viewer.staff_id is None or not may_reveal(session, case, viewer, at):
        raise NotAllowed(f"工单 {case.number} 的联系方式只给经办人本人查看，被评价的人不能查看。")
    return _shown(session, case, viewer.staff_id, purpose, viewer, at)


def reveal_for_recall(session: Session, ident: int, viewer: Viewer, *, at: datetime) -> Revealed:
    """The same for the caller of an open re-call, whose case is closed as a rule.

    Raises NotFound, Conflict (concluded), NotAllowed (he has a part in the case).
    """
    recall, case = lock_recall(session, ident, viewer, at)
    if recall.concluded_at is not None:
        raise Conflict(f"工单 {case.number} 的抽查回访已完成，不再显示评价人的联系方式。")
    assert viewer.staff_id is not None  # noqa: S101 - only a member of staff has a re-call
    return _shown(session, case, viewer.staff_id, Purpose.RECALL, viewer, at)


def _shown(
    session: Session, case: Case, staff_id: int, purpose: Purpose, viewer: Viewer, at: datetime
) -> Revealed:
    session.add(PhoneReveal(case_id=case.id, staff_id=staff_id, at=at, purpose=purpose.value))
    append_event(
        session, case, at=at, actor=viewer.actor, actor_name=viewer.name, move=Move.REVEAL_PHONE.value,
        before=case.status.value, remark=purpose.label, data={"purpose": purpose.value},
    )  # fmt: skip
    return Revealed(case.review.rater_name or "（未留姓名）", case.review.rater_phone or "", purpose)
