"""A supervisor settles what a rater's word has opened: with a finding, once."""

from datetime import datetime

from sqlalchemy.orm import Session

from reviewbot.errors import Conflict, InvalidInput, NotAllowed, NotFound
from reviewbot.models.chain import append_event
from reviewbot.models.oversight import SupervisionEvent
from reviewbot.queries.cases import lock_case
from reviewbot.queries.raters import case_number_of_concern, concern_limits
from reviewbot.queries.scope import Viewer
from reviewbot.rules.lifecycle import Move, Role

FINDING_LIMIT = 500


def settle_concern(
    session: Session, ident: int, finding: str, viewer: Viewer, *, at: datetime
) -> SupervisionEvent:
    """Write down what was found. Raises NotAllowed, NotFound, InvalidInput, Conflict."""
    if Role.SUPERVISOR not in viewer.roles:
        raise NotAllowed("督办事项由督办人员核查。")
    number = case_number_of_concern(session, ident)
    case = lock_case(session, number) if number else None
    event = session.get(SupervisionEvent, ident, populate_existing=True)
    if case is None or event is None:
        raise NotFound("没有这件督办事项。")
    finding = finding.strip()
    if not finding:
        raise InvalidInput("请写明核查结果，如：已致电评价人，回访未接通但记为已接通，已约谈。")
    if len(finding) > FINDING_LIMIT:
        raise InvalidInput(f"核查结果不能超过 {FINDING_LIMIT} 字。")
    if event.settled_at is not None:
        raise Conflict(f"这件督办事项已由{event.settled_by}核查。")
    event.settled_at, event.settled_by, event.finding = at, viewer.name, finding
    for limit in concern_limits(session, event):
        limit.met_at = limit.met_at or at
    append_event(
        session, case, at=at, actor=viewer.actor, actor_name=viewer.name, move=Move.SETTLE_CONCERN.value,
        before=case.status.value, remark=finding, data={"concern": event.kind, "round": event.round},
    )  # fmt: skip
    return event
