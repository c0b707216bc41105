"""What every closing does to a case, whoever closes it: its limits are met, nothing presses any more."""

from datetime import datetime

from reviewbot.actions.follow_letters import take_back_letters
from reviewbot.actions.start_clock import next_rung, running
from reviewbot.actions.step import Step
from reviewbot.queries.letters import unissued_letters
from reviewbot.rules.lifecycle import ClosingKind


def close(
    step: Step, kind: ClosingKind, closed_at: datetime, satisfaction: str | None, *, quietly: bool = False
) -> None:
    """``closed_at``: not always now, where a source closed it. ``satisfaction``: what is known of it already; what the
    rater said of an earlier round is not said of this one. ``quietly``: drafts nobody has had in hand go without a
    word."""
    session, case = step.session, step.case
    case.closed_at = closed_at
    case.first_closed_at = case.first_closed_at or closed_at
    case.closing_kind, case.satisfaction = kind, satisfaction
    for due in running(session, case):
        if not due.stands:
            due.met_at = step.at
    case.next_action_at = next_rung(session, case, step.rulebook)
    idle = [letter for letter in unissued_letters(session, case.id) if letter.kind.presses]
    take_back_letters(session, case, idle, "工单已办结", told_from=step.at, now=step.at, quietly=quietly)
