"""What a card about a case shows one person now: the state of the case, and his own next steps (P1, P2)."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from reviewbot.actions.rights import possible_moves
from reviewbot.clock import CHINA
from reviewbot.models.case import Call, Case
from reviewbot.models.people import Department
from reviewbot.queries.cases import desk_limits, last_step
from reviewbot.queries.directory import viewer_by_userid
from reviewbot.queries.scope import Viewer
from reviewbot.rules.buttons import Button, buttons_for
from reviewbot.rules.lifecycle import Move
from reviewbot.rules.notices import Body, Done, Facts, present


def facts_of(session: Session, case: Case) -> Facts:
    """What may travel in a message about this case (F19)."""
    department = session.get(Department, case.department_id) if case.department_id else None
    # Of whoever owes the next step: at the desk its own, else the handling unit's.
    limit = desk_limits(session, [case.id]).get(case.id) if case.status.awaits_bureau else case.due_at
    return Facts(
        number=case.number,
        round=case.round,
        item=case.review.item or "（未写明事项）",
        department=department.short_name if department else "派单台",
        status=case.status.label,
        due_at=limit.astimezone(CHINA) if limit else None,
        link=f"/h5/cases/{case.number}",
        rater=case.review.rater_name,
    )


def state_of(case: Case) -> str:
    """What a card depends on: two faces of one state differ only in who did what."""
    return f"{case.status.value}:{case.round}:{case.department_id}:{case.handler_id}"


def buttons_of(session: Session, case: Case, viewer: Viewer) -> list[Button]:
    """The next steps of this person, as buttons; nothing where he owes none."""
    moves = possible_moves(session, case, viewer)
    helps = Move.ASSIST in moves and viewer.department_id != case.department_id
    called = not case.real_name or _called_back(session, case)
    return buttons_for(case.number, case.status, moves, called=called, assists=helps)


def _called_back(session: Session, case: Case) -> bool:
    """As the conclusion itself asks: reached in this round, or called in vain as often as has to be (F9)."""
    done = select(Call.id).where(Call.case_id == case.id, Call.round == case.round, Call.completes)
    return session.scalar(done.limit(1)) is not None


def done_by(move: str, name: str, at: datetime) -> Done:
    return Done(name, at.astimezone(CHINA), Move(move).label)


def last_done(session: Session, case: Case) -> Done | None:
    """Who took the last step of this case."""
    step = last_step(session, case.id)
    return done_by(step.move, step.actor_name, step.at) if step else None


def face_for(
    session: Session, case: Case, viewer: Viewer, done: Done | None, *, act: bool = True, note: str = ""
) -> Body:
    """``done``: who did what last; ``note``: said instead of it. ``act``: whether this card may carry the person's
    buttons."""
    buttons = buttons_of(session, case, viewer) if act else []
    face = present(facts_of(session, case), done=done, buttons=buttons, note=note)
    return face | {"state": state_of(case)}


def with_buttons(session: Session, case: Case, body: Body, userid: str, at: datetime) -> Body:
    """A notice of a step, with the buttons of the one who gets it."""
    if not body.get("step"):
        return body
    viewer = viewer_by_userid(session, userid, at)
    buttons = buttons_of(session, case, viewer) if viewer else []
    return body | {"buttons": buttons, "state": state_of(case)}
