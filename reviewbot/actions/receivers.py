"""Who is told when time passes: whoever owes the next step, and the places a rung names."""

from datetime import datetime

from sqlalchemy.orm import Session

from reviewbot.actions.notify import Held, facts_of, handler_of, helpers_of, next_hands
from reviewbot.models.case import Case
from reviewbot.models.procedure import Assistance
from reviewbot.queries.deciders import lies_with
from reviewbot.queries.delegates import acting_heads
from reviewbot.queries.directory import userids_with_role
from reviewbot.rules.ladder import Act, Rung
from reviewbot.rules.lifecycle import Role
from reviewbot.rules.notices import Body, reminder
from reviewbot.rules.stages import CONCERN, SUB_TASK, application_of, stage_name


def told_of_rung(session: Session, case: Held, stage: str, rung: Rung, now: datetime) -> list[str]:
    """Whom the ladder names; where it names nobody, or the bureau has the case, who owes the next step.

    What is overdue also reaches the head of the unit."""
    if stage.startswith(SUB_TASK):
        return _helpers(session, stage, rung, now)
    if (deciders := _deciders(session, stage)) is not None:
        return deciders
    found = _places(session, case, rung, now)
    if not found or case.status.awaits_bureau:
        found += next_hands(session, case, now)
    if rung.act is Act.MARK_OVERDUE and case.status.awaits_handler:
        found += acting_heads(session, case.department_id, now)
    return found


def reminder_of(session: Session, case: Case, stage: str, rung: Rung) -> Body:
    """What a rung says of a case as it stands now."""
    title = {Act.REMIND: "催办", Act.MARK_OVERDUE: "超期"}.get(rung.act, rung.label)
    return reminder(facts_of(session, case), f"{stage_name(stage)}{rung.label}", title=title)


def holders(session: Session, case: Held, stage: str, now: datetime) -> list[str]:
    """Whoever owes what a limit asks for: the helper his sub-task, a decider his word, else who owes the next step."""
    if (deciders := _deciders(session, stage)) is not None:
        return deciders
    if stage.startswith(SUB_TASK):
        task = session.get_one(Assistance, int(stage.removeprefix(SUB_TASK)))
        return helpers_of(session, task, now)
    return next_hands(session, case, now)


def _deciders(session: Session, stage: str) -> list[str] | None:
    """Who may still decide an application, and the supervisors for what they have to look into; None of other limits.
    Where nobody is left to decide, supervisors have to see to it."""
    asked = application_of(stage)
    if asked is None and not stage.startswith(CONCERN):
        return None
    return (lies_with(session, asked) if asked else []) or userids_with_role(session, Role.SUPERVISOR)


def _places(session: Session, case: Held, rung: Rung, now: datetime) -> list[str]:
    found: list[str] = []
    for place in rung.to:
        match place:
            case "handler":
                found += handler_of(session, case, now)
            case "head":
                found += acting_heads(session, case.department_id, now)
            case _:
                found += userids_with_role(session, Role(place))
    return found


def _helpers(session: Session, stage: str, rung: Rung, now: datetime) -> list[str]:
    """Who has the sub-task of a joint case; when it is overdue the head of his unit too (F15)."""
    task = session.get_one(Assistance, int(stage.removeprefix(SUB_TASK)))
    heads = acting_heads(session, task.department_id, now) if rung.act is Act.MARK_OVERDUE else []
    return helpers_of(session, task, now) + heads
