"""A routing rule is ended with a reason: what a ruling made a habit can be taken back, and stays on record."""

from datetime import datetime

from sqlalchemy.orm import Session

from reviewbot.errors import Conflict, InvalidInput, NotAllowed, NotFound
from reviewbot.models.chain import append_event
from reviewbot.models.people import RoutingException
from reviewbot.queries.cases import lock_case_by_id
from reviewbot.queries.scope import Viewer
from reviewbot.rules.lifecycle import Move, Role

ENDING = frozenset({Role.DESK, Role.SUPERVISOR})
REASON_LIMIT = 500


def end_rule(session: Session, ident: int, reason: str, viewer: Viewer, *, at: datetime) -> str:
    """Reviews that come from now on are routed as if it were not there; the case it came from tells of its end.

    Raises NotAllowed, NotFound, InvalidInput, Conflict."""
    if not viewer.roles & ENDING:
        raise NotAllowed("派单规则由派单员或督办停用。")
    rule = session.get(RoutingException, ident)
    if rule is None:
        raise NotFound("没有这条派单规则。")
    case = lock_case_by_id(session, rule.case_id) if rule.case_id else None
    session.refresh(rule, with_for_update=True)
    reason = reason.strip()
    if not reason or len(reason) > REASON_LIMIT or "\0" in reason:
        raise InvalidInput(f"停用须写明原因，不超过 {REASON_LIMIT} 字。")
    if rule.ended_at is not None:
        raise Conflict(f"这条派单规则已由{rule.ended_by}停用。")
    rule.ended_at, rule.ended_by, rule.ended_reason = at, viewer.name, reason
    if case is not None:
        append_event(
            session, case, at=at, actor=viewer.actor, actor_name=viewer.name, move=Move.END_RULE.value,
            before=case.status.value, remark=reason, data={"as_rule": f"{rule.kind}:{rule.value}"},
        )  # fmt: skip
    return f"“{rule.value}”的派单规则已停用。"
